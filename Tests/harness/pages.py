"""The fenced blocks of the pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .suite import ROOT


@dataclass(frozen=True)
class Block:
    """A fenced block, with the comment before it."""

    page: str
    line: int
    language: str
    mark: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line} {self.language}"


def blocks(path: Path) -> list[Block]:
    """The page's fenced blocks, in order."""
    page = str(path.relative_to(ROOT))
    found: list[Block] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    start = None
    for number, line in enumerate(lines):
        if start is None and line.startswith("```"):
            start = number
        elif start is None and re.match(r"\s+```|\s*~~~", line):
            found.append(Block(page, number + 1, "in another form than the others", "", ""))
        elif start is not None and line == "```":
            mark = re.fullmatch(r"<!-- (.+) -->", lines[start - 1]) if start else None
            language = lines[start][3:].strip()
            text = "\n".join(lines[start + 1 : number]) + "\n"
            found.append(Block(page, start + 1, language, mark[1] if mark else "", text))
            start = None
    if start is not None:
        found.append(Block(page, start + 1, "unfinished", "", ""))
    return found
