"""Checks that the rows of the page that name a program are those whose program is run: page.py PAGE ROW=FILE... -- ROW=FILE...

Those of `make deep` follow after `--`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

#: Its program is fast, but the package's tests on it are not.
DEEP_TOO = "PyPy"


def main(page: str, *words: str) -> int:
    """Prints the errors."""
    rows = dict(re.findall(r"^\| ([^|]+?) \|.* \| ([^|]+) \|$", Path(page).read_text(encoding="utf-8"), re.MULTILINE))
    deep = words[words.index("--") + 1 :]
    wrong, files = [], set()
    for word in words:
        if word != "--":
            row, _, file = word.partition("=")
            files.add(file)
            known = rows.get(row, "")
            if f"(../Tests/runtimes/{file})" not in known or ("make deep" in known) != (word in deep or row == DEEP_TOO):
                wrong.append(f"{row}: {known}")
    named = {file for known in rows.values() for file in re.findall(r"\(\.\./Tests/runtimes/([^)]+)\)", known)}
    wrong += sorted(named - files)
    print("; ".join(wrong))
    return 1 if wrong or not files else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
