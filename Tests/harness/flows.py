"""What follows from figures (Tests/cases/flows.json), in every language.

Each has a player in Tests/flows: it reads a line of eight words for each case, in super, big, mid, small, out super and so on,
a number or `nan`, and prints a line of 28 for it: in, out, net and share of out of each group in the table's order. Numbers
must be the same to the last bit, so they are printed with what it takes to read them back.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import checks
from .suite import RELEASE, RESULTS, ROOT, VENV_PYTHON, Run, library_env

TABLE: dict[str, Any] = json.loads((ROOT / "Tests" / "cases" / "flows.json").read_text(encoding="utf-8"))
CASES: list[dict[str, Any]] = TABLE["cases"]
GROUPS = ["super", "big", "mid", "small", "main", "retail", "total"]
PLAYERS = ROOT / "Tests" / "flows"
OUT = RESULTS / "flows"
BINDINGS = ROOT / "bindings"


def flows(run: Run) -> None:
    """Builds each player and runs the table."""
    checks.library(run)
    OUT.mkdir(parents=True, exist_ok=True)
    shape = all(list(case["flows"]) == GROUPS and len(case["figures"]) == 8 for case in CASES)
    run.check("the table has every group", None if shape and len(CASES) > 10 else "it has not")
    link = [f"-L{RELEASE}", "-lcapdist", f"-Wl,-rpath,{RELEASE}"]
    warnings = ["-Wall", "-Wextra", "-Werror"]
    run.build(["cc", "-std=c99", *warnings, "-Iinclude", PLAYERS / "flows.c", "-o", OUT / "c", *link])
    _table(run, "C", [OUT / "c"])
    include = ["-Iinclude", "-Ibindings/cpp/include"]
    run.build(["g++", "-std=c++17", *warnings, *include, PLAYERS / "flows.cpp", "-o", OUT / "cpp", *link])
    _table(run, "C++", [OUT / "cpp"])
    _table(run, "Python", ["env", f"PYTHONPATH={BINDINGS / 'python' / 'src'}", VENV_PYTHON, PLAYERS / "flows.py"])
    run.build(["make", "--silent", "java"])
    jars = f"{ROOT / '.build' / 'java' / 'capdist.jar'}:/usr/share/java/jna.jar"
    _table(run, "Java", ["java", "-cp", jars, PLAYERS / "Flows.java"])
    sources = sorted((BINDINGS / "csharp" / "src").glob("*.cs"))
    run.build(["mcs", "-unsafe", "-warnaserror", f"-out:{OUT / 'flows.exe'}", PLAYERS / "Flows.cs", *sources])
    _table(run, "C#", ["env", f"LD_LIBRARY_PATH={RELEASE}", "mono", OUT / "flows.exe"])
    _table(run, "Node", ["node", PLAYERS / "flows.js"])
    sample = BINDINGS / "swift" / "Sources"
    module = ["-Iinclude", f"-L{RELEASE}", "-lcapdist", "-Xlinker", "-rpath", "-Xlinker", str(RELEASE)]
    swift = ["swiftc", "-swift-version", "6", "-parse-as-library", sample / "net-flow" / "Flow.swift", PLAYERS / "flows.swift"]
    run.build([*swift, *module, "-o", OUT / "swift"])
    _table(run, "Swift", [OUT / "swift"])


def _table(run: Run, language: str, command: Sequence[str | Path]) -> None:
    """Each case is one of the suite's."""
    lines = [" ".join("nan" if amount is None else repr(float(amount)) for amount in case["figures"]) for case in CASES]
    done = subprocess.run(
        [str(word) for word in command], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=120,
        env={**os.environ, **library_env(), "CAPDIST_LIBRARY": str(RELEASE / "libcapdist.so.1")}, check=False,
    )  # fmt: skip
    printed = done.stdout.splitlines()
    if done.returncode != 0 or len(printed) != len(CASES):
        run.check(f"{language}: it runs", f"exit status {done.returncode}, {len(printed)} lines: {done.stderr[-400:]}")
        return
    for case, line in zip(CASES, printed, strict=True):
        told = [float(word) for word in line.split()]
        expected = [math.nan if number is None else float(number) for group in GROUPS for number in case["flows"][group]]
        # NaN is no equal of itself; its text is.
        different = [place for place, (a, b) in enumerate(zip(told, expected, strict=False)) if repr(a) != repr(b)]
        names = [f"{GROUPS[place // 4]}.{TABLE['fields'][place % 4]}" for place in different]
        why = f"{len(told)} numbers" if len(told) != 28 else ", ".join(names)
        run.check(f"{language}: {case['name']}", why or None)
