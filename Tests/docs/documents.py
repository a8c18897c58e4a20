"""The project stands alone: every document that a comment or a page names is there, and so is the section it names."""

from __future__ import annotations

import re
from pathlib import Path

from harness.suite import ROOT, Run

#: Where comments and pages stand.
PLACES = (
    *("*", "Sources/**/*", "include/*", "bindings/**/*", "tools/**/*", "Tests/**/*"),
    *("Benchmarks/*", "docs/*", "scripts/*", "packaging/*", "findings/*"),
)
SUFFIXES = {".c", ".cpp", ".cs", ".h", ".hpp", ".java", ".js", ".md", ".mjs", ".proto", ".py", ".sh", ".swift", ".ts"}
MADE = {".build", ".results", "node_modules", "build", "target", "corpus", ".venv-test"}
DOCUMENT = re.compile(r"(?<![\w/.:$}{-])((?:\.\./)*(?:[\w-]+/)*[A-Za-z][\w-]*\.md)\b")
SECTION = re.compile(r"docs/([\w-]+)\.md, ([A-Z][\w' ]*)")


def documents(run: Run) -> None:
    """Looks through all comments and pages."""
    missing: list[str] = []
    sections: list[str] = []
    headings = {page.stem: _headings(page) for page in ROOT.glob("docs/*.md")}
    for path in _texts():
        text = path.read_text(encoding="utf-8", errors="replace")
        name = path.relative_to(ROOT)
        near = (path.parent, ROOT, ROOT / "docs")
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


def _texts() -> list[Path]:
    found = {path for place in PLACES for path in ROOT.glob(place)}
    return sorted(
        path
        for path in found
        if path.suffix in SUFFIXES and path.is_file() and not MADE & set(path.relative_to(ROOT).parts)
    )
