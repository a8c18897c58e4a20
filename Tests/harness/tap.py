"""The Test Anything Protocol, in which the tests of all languages report: reading it, writing it, and converting the reports of
test programs to it.

    python3 -m harness.tap case NAME COMMAND...     one case, which passes if the command's exit status is 0
    python3 -m harness.tap tap|junit|nunit|swift FILE...   the cases in such files (--prefix TEXT: put before each name)

Run in the folder above this one, or with PYTHONPATH. The exit status is 1 if a case failed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

_POINT = re.compile(r"(?P<indent> *)(?P<no>not )?ok\b(?: \d+)?(?: -)? ?(?P<name>.*)")
_PLAN = re.compile(r"(?P<indent> *)1\.\.(?P<count>\d+)")
_TIME = re.compile(r"\s+duration_ms: (?P<ms>[\d.]+)")
_WHY = re.compile(r"\s+(?:message|error): (?P<why>.+)")
#: Node writes this for each test that the filter left out.
_LEFT_OUT = "# SKIP test name does not match pattern"
_DIRECTIVE = re.compile(r" # (?P<word>SKIP|TODO)\b.*", re.IGNORECASE)


class SuiteError(Exception):
    """The tests could not run, or did not run to their end."""


@dataclass(frozen=True)
class Case:
    """A test case. `why` is empty if it passed."""

    name: str
    passed: bool
    why: str = ""
    #: Its duration, if known.
    seconds: float = 0.0


def read_tap(output: str) -> list[Case]:
    """The cases in one or more documents; other lines are ignored. A test with subtests is not a case. A skipped case has
    failed, and so has one that is planned and missing."""
    cases: list[Case] = []
    planned, seen = Counter[int](), Counter[int]()
    depth, is_case = 0, False
    for line in output.splitlines():
        if plan := _PLAN.fullmatch(line.rstrip()):
            planned[len(plan["indent"])] += int(plan["count"])
        elif point := _POINT.fullmatch(line):
            # The deeper ones since the last test of the same depth are its subtests.
            indent = len(point["indent"])
            is_case = indent >= depth or not cases or bool(point["no"] and all(case.passed for case in cases))
            depth = indent
            seen[indent] += 1
            is_case = is_case and _LEFT_OUT not in line
            if is_case:
                cases.append(_case(point))
        elif is_case and (took := _TIME.fullmatch(line)):
            cases[-1] = replace(cases[-1], seconds=float(took["ms"]) / 1000)
        elif is_case and not cases[-1].passed and (told := _WHY.fullmatch(line)):
            cases[-1] = replace(cases[-1], why=_unquoted(told["why"]))
    missing = [f"{count} promised, {seen[indent]} came" for indent, count in planned.items() if count != seen[indent]]
    if cases and 0 not in planned:
        missing.append("there is none")
    return [*cases, Case("the plan", False, "; ".join(missing))] if missing else cases


def _case(point: re.Match[str]) -> Case:
    directive = _DIRECTIVE.search(point["name"])
    name = _DIRECTIVE.sub("", point["name"]).replace("\\#", "#").strip()
    if directive:
        return Case(name, False, directive.group().strip(" #"))
    return Case(name, not point["no"], "failed" if point["no"] else "")


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return text.strip("'\"|- ")


def told(number: int, case: Case) -> str:
    """The lines of a case."""
    name = " ".join(case.name.split()).replace("#", "\\#")
    lines = [f"{'ok' if case.passed else 'not ok'} {number} - {name}", "  ---", f"  duration_ms: {case.seconds * 1000:.1f}"]
    if not case.passed:
        lines.append(f"  message: {json.dumps(case.why, ensure_ascii=False)}")
    return "\n".join([*lines, "  ..."]) + "\n"


class Report:
    """Writes a document to the standard output: each case when it is known, and the plan at the end."""

    def __init__(self) -> None:
        self.count = 0
        self.failed = 0

    def add(self, case: Case) -> None:
        """Writes a case."""
        self.count += 1
        self.failed += not case.passed
        sys.stdout.write(told(self.count, case))
        sys.stdout.flush()

    def end(self) -> int:
        """Writes the plan. Returns the program's exit status."""
        print(f"1..{self.count}", flush=True)
        # With ONLY, the test may be in another program.
        return 1 if self.failed or not (self.count or os.environ.get("ONLY")) else 0


def report(cases: Iterable[Case]) -> int:
    """Writes a document. Returns the program's exit status."""
    document = Report()
    for case in cases:
        document.add(case)
    return document.end()


def _of_command(name: str, command: list[str]) -> Case:
    started = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    output = done.stdout.decode("utf-8", "replace")
    for line in output.splitlines():
        print(f"# {line}")
    why = "" if done.returncode == 0 else f"exit status {done.returncode}: {output.strip()[-300:]}"
    return Case(name, not why, why, time.monotonic() - started)


def _read_file(path: Path) -> list[Case]:
    return read_tap(path.read_text(encoding="utf-8", errors="replace"))


def main() -> int:
    """Runs the command line."""
    from . import results  # imports this module again when it is the program

    readers = {"tap": _read_file, "junit": results.read_junit, "nunit": results.read_nunit, "swift": results.read_swift_events}
    parser = argparse.ArgumentParser(description="Makes TAP of what test programs write.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    case = kinds.add_parser("case")
    case.add_argument("name")
    case.add_argument("command", nargs=argparse.REMAINDER)
    for kind in readers:
        reader = kinds.add_parser(kind)
        reader.add_argument("--prefix", default="")
        reader.add_argument("files", nargs="+", type=Path)
    arguments = parser.parse_args()
    if arguments.kind == "case":
        return report([_of_command(arguments.name, arguments.command)])
    cases: list[Case] = []
    for file in arguments.files:
        try:
            cases += readers[arguments.kind](file)
        except results.SuiteError as error:
            cases.append(Case(file.stem, False, str(error)))
    return report(replace(case, name=arguments.prefix + case.name) for case in cases)


if __name__ == "__main__":
    sys.exit(main())
