"""Tests the figures that one language derives (Tests/cases/flows.json): play.py LANGUAGE COMMAND... reports in TAP.

The command is the language's player. For each case it reads a line with eight words: in super, big, mid, small, then out super
and so on, each a number or `nan`. It prints a line with 28 words: in, out, net and share of sales for each group, in the
table's order. Numbers must be the same to the last bit, so they are printed with enough digits to read them back.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from harness.suite import ROOT
from harness.tap import Case, report

TABLE: dict[str, Any] = json.loads((ROOT / "Tests" / "cases" / "flows.json").read_text(encoding="utf-8"))
CASES: list[dict[str, Any]] = TABLE["cases"]
GROUPS = ["super", "big", "mid", "small", "main", "retail", "total"]


def play(language: str, command: list[str]) -> Iterator[Case]:
    """Plays the table."""
    shape = all(list(case["flows"]) == GROUPS and len(case["figures"]) == 8 for case in CASES) and len(CASES) > 10
    yield Case(f"{language}: the table has every group", shape, "" if shape else "it has not")
    lines = [" ".join("nan" if amount is None else repr(float(amount)) for amount in case["figures"]) for case in CASES]
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=480, check=False)
    printed = done.stdout.splitlines()
    if done.returncode != 0 or len(printed) != len(CASES):
        why = f"exit status {done.returncode}, {len(printed)} lines: {done.stderr[-400:]}"
        yield Case(f"{language}: it runs", False, why)
        return
    for case, line in zip(CASES, printed, strict=True):
        told = [float(word) for word in line.split()]
        expected = [math.nan if number is None else float(number) for group in GROUPS for number in case["flows"][group]]
        # NaN is not equal to itself, but its text is.
        different = [place for place, (a, b) in enumerate(zip(told, expected, strict=False)) if repr(a) != repr(b)]
        names = [f"{GROUPS[place // 4]}.{TABLE['fields'][place % 4]}" for place in different]
        why = f"{len(told)} numbers" if len(told) != 28 else ", ".join(names)
        yield Case(f"{language}: {case['name']}", not why, why)


if __name__ == "__main__":
    sys.exit(report(play(sys.argv[1], sys.argv[2:])))
