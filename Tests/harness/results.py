"""Reads the reports of test programs. A case that was skipped, or did not end, counts as failed."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from .tap import Case, SuiteError


def read_junit(path: Path) -> list[Case]:
    """Cases in a JUnit XML file of pytest or cmocka. Raises SuiteError if the file is not complete."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise SuiteError(f"no result in {path.name}: {error}") from error
    cases = []
    for element in root.iter("testcase"):
        # Doctest writes the file's name in place of the class.
        group = element.get("classname") or ""
        name = ".".join(part for part in ("" if "/" in group else group, element.get("name")) if part)
        trouble = next((child for child in element if child.tag in ("failure", "error", "skipped")), None)
        seconds = _seconds(element.get("time"))
        if trouble is None:
            cases.append(Case(name, True, "", seconds))
        else:
            text = " ".join((trouble.get("message") or trouble.text or "").split())
            cases.append(Case(name, False, f"{trouble.tag}: {text}"[:400], seconds))
    return cases


#: The most characters of a program's output in a case's reason.
TOLD = 600


def told(output: str) -> str:
    """The assertions of failed tests in the output of a cmocka program; if there are none, its last lines."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    failed: list[str] = []
    begun = 0
    for number, line in enumerate(lines):
        if line.startswith("[ RUN"):
            begun = number + 1
        elif line.startswith("[  FAILED  ]") and number > begun:
            failed.append(f"{line.partition('] ')[2]}: {' '.join(lines[begun:number])}")
            begun = len(lines)
    return "; ".join(failed)[:TOLD] or " | ".join(lines[-5:])[-TOLD:]


def _seconds(text: str | None) -> float:
    """A duration in the form of test programs."""
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


def read_nunit(path: Path) -> list[Case]:
    """Cases in an XML file of NUnit 2. Raises SuiteError if the file is not complete."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise SuiteError(f"no result in {path.name}: {error}") from error
    cases = []
    # An error of a fixture belongs to no case. A case that did not run has failed.
    for element in [*root.iter("test-suite"), *root.iter("test-case")]:
        text = " ".join(" ".join(element.findtext(f"./{kind}/message") or "" for kind in ("failure", "reason")).split())
        passed = element.get("result") == "Success"
        if element.tag == "test-case" or (not passed and text and not text.startswith("One or more child tests")):
            name = (element.get("name") or "").removeprefix("Capdist.Tests.")
            why = "" if passed else f"{element.get('result')}: {text}"[:400]
            cases.append(Case(name, passed, why, _seconds(element.get("time"))))
    return cases


def read_swift_events(path: Path) -> list[Case]:
    """Cases in a Swift Testing event stream (JSON lines, version 0). Each argument of a parameterised test is a case.

    Raises SuiteError if there are none.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        # If the process crashed, the last line may be incomplete.
        records = [json.loads(line) for line in lines if line.strip() and (line is not lines[-1] or line.endswith("}"))]
    except (OSError, ValueError) as error:
        raise SuiteError(f"no result in {path.name}: {error}") from error
    functions: dict[str, str] = {}
    plain: set[str] = set()
    ended: dict[tuple[str, str], str] = {}
    begun: dict[tuple[str, str], float] = {}
    took: dict[tuple[str, str], float] = {}
    issues: dict[tuple[str, str], str] = {}
    finished = False
    for record in records:
        payload = record["payload"]
        if record["kind"] == "test":
            if payload["kind"] == "function":
                functions[payload["id"]] = payload["id"].rsplit("/", 1)[0]
                if not payload["isParameterized"]:
                    plain.add(payload["id"])
            continue
        test = payload.get("testID", "")
        case = payload.get("_testCase", {})
        key = (test, case.get("id", ""))
        kind = payload["kind"]
        at = payload.get("instant", {}).get("absolute", 0.0)
        if kind in ("testCaseStarted", "testStarted"):
            begun.setdefault(key, at)
        if kind == "testCaseEnded" or (kind == "testEnded" and test in plain):
            ended.setdefault(key, case.get("displayName", ""))
            took[key] = at - begun.get(key, at)
        elif kind in ("issueRecorded", "testSkipped", "testCancelled", "testCaseCancelled"):
            issues.setdefault(key, _message(payload) or kind)
        finished = finished or kind == "runEnded"
    cases = [
        Case(f"{functions.get(key[0], key[0])} {name}".strip(), key not in issues, issues.pop(key, ""), took[key])
        for key, name in ended.items()
    ]
    # The other issues belong to no case that ended: a skipped test, a suite, the run itself.
    cases += [Case(functions.get(test, test) or "run", False, why) for (test, _), why in issues.items()]
    seen = {test for test, _ in ended} | {test for test, _ in issues}
    cases += [Case(name, False, "did not end") for test, name in functions.items() if test not in seen]
    if not finished:
        cases.append(Case("run", False, "the test process ended before its tests"))
    return cases


def _message(payload: dict[str, Any]) -> str:
    return " ".join(message["text"] for message in payload.get("messages", []))[:400]
