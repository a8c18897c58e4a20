#!/usr/bin/env python3
"""Breaks the library on purpose and sees the tests notice.

    Tests/mutants.py           every mutant of Tests/mutants
    Tests/mutants.py NAME...   some

Each is a patch whose second line names what catches it: `Caught by: swift FILTER` (suites of `swift test`), `simulate N`
(seeds), `c PROGRAM` (of Tests/c), or `suite NAME` (of Tests/run.py). A mutant survives if that still passes, and also if it
does not build, for then nothing was shown. The work is done on a copy below .build-mutants. The last line is `N caught, N survived`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MUTANTS = ROOT / "Tests" / "mutants"
COPY = ROOT / ".build-mutants" / "copy"
SCRATCH = ROOT / ".build-mutants" / "build"
#: What the library is built, installed and tested from.
COPIED = ["Package.swift", "Makefile", *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE")]
COPIED += ["Sources", "Tests", "bindings", "docs", "include", "packaging", "scripts"]
BUILD_LIMIT_S = 900
#: A mutant may hang what catches it; that is caught as well.
TEST_LIMIT_S = 120


def run(command: list[str | Path], limit_s: float, env: dict[str, str] | None = None) -> tuple[int | None, str]:
    """Runs a program in the copy. Returns its exit status, None at the time limit, and what it printed."""
    words = [str(word) for word in command]
    process = subprocess.Popen(
        words,
        cwd=COPY,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        output, _ = process.communicate(timeout=limit_s)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        process.kill()
        return None, process.communicate()[0]


def build(kind: str) -> str | None:
    """Builds what a kind of catcher needs. Returns why it could not be."""
    swift: list[str | Path] = ["swift", "build", "--scratch-path", SCRATCH]
    commands: dict[str, list[list[str | Path]]] = {
        "swift": [[*swift, "--build-tests"]],
        "simulate": [[*swift, "-c", "release", "--product", "simulate"]],
        "c": [
            [*swift, "-c", "release", "--product", "capdist"],
            [*swift, "-c", "release", "--product", "opend-simulator"],
            ["make", "-s", "-C", "Tests/c", f"LIBDIR={SCRATCH / 'release'}", f"OUT={SCRATCH / 'c'}"],
        ],
        # Builds what it needs itself.
        "suite": [],
    }
    for command in commands[kind]:
        status, output = run(command, BUILD_LIMIT_S)
        if status != 0:
            told = [line for line in output.splitlines() if "error:" in line]
            return "does not build: " + "; ".join(told[:3] or output.splitlines()[-3:])
    return None


def catches(kind: str, what: str) -> str | None:
    """Runs a catcher. Returns how it failed, or None if it passed."""
    release = SCRATCH / "release"
    commands: dict[str, list[str | Path]] = {
        "swift": ["swift", "test", "--scratch-path", SCRATCH, "--skip-build", "--disable-xctest", "--filter", what],
        "simulate": [release / "simulate", "--seeds", what],
        "c": [SCRATCH / "c" / what],
        "suite": ["python3", "Tests/run.py", what],
    }
    env = {"CAPDIST_LIBDIR": str(release), "CAPDIST_SIMULATOR": str(release / "opend-simulator")}
    limit_s = BUILD_LIMIT_S if kind == "suite" else TEST_LIMIT_S
    status, output = run(commands[kind], limit_s, env)
    if status == 0:
        return None
    if status is None:
        return f"still running after {limit_s} s"
    marks = ("✘ Test ", "[  FAILED  ]", "seed ", "ERROR", "FAIL")
    told = [line.strip() for line in output.splitlines() if line.strip().startswith(marks)]
    return told[0][:100] if told else f"exit status {status}"


def main() -> int:
    """Returns the exit status: 0 if every mutant was caught."""
    patches = sorted(MUTANTS.glob("*.patch"))
    if sys.argv[1:]:
        patches = [MUTANTS / f"{name}.patch" for name in sys.argv[1:]]
    survived: list[str] = []
    healthy: set[tuple[str, str]] = set()
    # In the order of what catches them: the same things are built over and over.
    for patch in sorted(patches, key=lambda patch: patch.read_text(encoding="utf-8").splitlines()[1]):
        about, by = patch.read_text(encoding="utf-8").splitlines()[:2]
        kind, what = by.removeprefix("Caught by: ").split(" ", 1)
        refresh()
        trouble = None
        if (kind, what) not in healthy:
            # What fails on healthy code catches nothing.
            trouble = build(kind)
            if trouble is None and (failed := catches(kind, what)):
                trouble = f"{by} fails without the mutant: {failed}"
            healthy.add((kind, what))
        if trouble is None:
            status, output = run(["patch", "--strip=1", "--fuzz=0", "--input", patch], 30)
            trouble = f"the patch does not apply: {output.strip()[-200:]}" if status != 0 else build(kind)
        caught = None if trouble else catches(kind, what)
        if caught:
            print(f"caught   {patch.stem}: {kind} {what}: {caught}", flush=True)
        else:
            survived.append(patch.stem)
            print(f"SURVIVED {patch.stem}: {about} {trouble or ''}", flush=True)
    print(f"{len(patches) - len(survived)} caught, {len(survived)} survived")
    return 1 if survived else 0


def refresh() -> None:
    """Makes the copy equal to the project; what is equal already keeps its time, so that it is not built again."""
    for name in COPIED:
        source, target = ROOT / name, COPY / name
        target.parent.mkdir(parents=True, exist_ok=True)
        files = [source] if source.is_file() else [path for path in source.rglob("*") if path.is_file()]
        for file in files:
            if ".results" in file.parts:
                continue
            copy = COPY / file.relative_to(ROOT)
            if not copy.exists() or copy.read_bytes() != file.read_bytes():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, copy)
                shutil.copymode(file, copy)


if __name__ == "__main__":
    sys.exit(main())
