"""Every document that a comment or a page names must be in the project, and so must the section."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from harness.suite import ROOT, Run

#: Folders of builds and tests, or without text. Among those that begin with a dot, only these belong to the project.
MADE = {"node_modules", "build", "target", "corpus", "vectors"}
DOTTED = {".ci", ".github"}
DOCUMENT = re.compile(r"(?<![\w/.:$}{-])((?:\.\./)*(?:[\w-]+/)*[A-Za-z][\w-]*\.md)\b")
SECTION = re.compile(r"docs/([\w-]+)\.md, ([A-Z][\w' ]*)")


def documents(run: Run) -> None:
    """Searches every text file."""
    missing: list[str] = []
    sections: list[str] = []
    headings = {page.stem: _headings(page) for page in ROOT.glob("docs/*.md")}
    for path, text in _texts():
        name = path.relative_to(ROOT)
        # The list of a binding's samples has paths relative to the parent folder.
        near = (path.parent, path.parent.parent, ROOT, ROOT / "docs")
        missing += [
            f"{name}: {document}"
            for document in sorted(set(DOCUMENT.findall(text)))
            if not any((folder / document).exists() for folder in near)
        ]
        sections += [
            f"{name}: {page}.md, {section}"
            for page, section in SECTION.findall(text)
            if not any(section.startswith(heading) or heading.startswith(section) for heading in headings.get(page, []))
        ]
    run.check("every document that is named is there", "; ".join(missing[:10]))
    run.check("every section that is named is there", "; ".join(sections[:10]))


def _headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)


def _texts() -> Iterator[tuple[Path, str]]:
    for folder, folders, files in os.walk(ROOT):
        is_root = Path(folder) == ROOT
        folders[:] = sorted(name for name in folders if _is_ours(name) and not (is_root and name == "dist"))
        for name in sorted(files):
            path = Path(folder, name)
            if path.is_symlink() or (is_root and name.startswith(".") and name != ".gitignore"):
                continue
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:  # a key, a picture, a certificate
                continue


def _is_ours(folder: str) -> bool:
    return folder not in MADE and (folder in DOTTED or not folder.startswith("."))
