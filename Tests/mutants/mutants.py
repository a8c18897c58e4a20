"""Breaks the library on purpose, and checks that the tests notice (Tests/mutants/mutants.toml).

All mutants are built at once, in a copy of the project in .build-mutants. Each is active only in a process whose environment
names it. So one build has them all, and each catcher is first run without a mutant.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.builds import CORE
from harness.standalone import standalone
from harness.suite import ROOT, SCRATCH, Case, Run, SuiteError, library_env, side_by_side

COPY = ROOT / ".build-mutants" / "copy"
#: The files that the library is built, installed and tested from.
COPIED = ("Package.swift", "Makefile", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE")
COPIED_FOLDERS = ("Sources", "Tests", "bindings", "docs", "include", "packaging", "scripts")
#: A mutant may make its catcher hang, which counts as caught. Seconds on an idle machine.
LIMIT_S = 60
#: The variable that selects a process's mutant.
VARIABLE = "CAPDIST_MUTANT"
#: In C, since Swift initialises a global at its first use, which one of the mutants is about.
SWITCH = f"""#include <stdlib.h>
_Bool mutant_is(int number);
_Bool mutant_is(int number) {{
    static int chosen = -1;
    if (chosen < 0) {{
        const char *text = getenv("{VARIABLE}");
        chosen = text ? atoi(text) : 0;
    }}
    return chosen == number;
}}
"""
DECLARATION = '\n@_silgen_name("mutant_is") private func mutantIs(_ number: Int32) -> Bool\n'
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\w+|\s+|.', re.DOTALL)


@dataclass(frozen=True)
class Change:
    """A piece of code, with what replaces it or comes before it."""

    function: str
    kind: str
    code: str
    becomes: str


@dataclass(frozen=True)
class Mutant:
    """A row of the table."""

    number: int
    name: str
    breaks: str
    caught_by: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Token:
    """A token of a source, with its position."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Place:
    """The place of a change."""

    path: Path
    start: int
    end: int


def table() -> list[Mutant]:
    """Reads Tests/mutants/mutants.toml. Raises SuiteError if it is not valid."""
    rows = tomllib.loads((ROOT / "Tests" / "mutants" / "mutants.toml").read_text(encoding="utf-8"))
    mutants = []
    for number, (name, row) in enumerate(rows.items(), 1):
        changes = []
        for change in row["changes"]:
            (kind,) = change.keys() & {"expression", "statement", "before"} or {""}
            if set(change) != {"in", kind, "becomes"} or not kind:
                raise SuiteError(f"{name}: a change has `in`, `becomes`, and one of `expression`, `statement`, `before`")
            changes.append(Change(change["in"], kind, change[kind], change["becomes"]))
        mutants.append(Mutant(number, name, row["breaks"], row["caught_by"], tuple(changes)))
    return mutants


def places(run: Run) -> None:
    """Every mutant finds its code. This is fast, since nothing is built."""
    lost = misplaced()
    run.check("every mutant has its place", "; ".join(f"{name}: {why}" for name, why in lost.items())[:400])


def mutants(run: Run) -> None:
    """Builds all mutants, then runs the catcher of each; two at a time."""
    chosen = [mutant for mutant in table() if run.wants(mutant.name)]
    _copy()
    troubles = _apply(chosen)
    for mutant in chosen:
        if mutant.name in troubles:
            run.check(mutant.name, troubles[mutant.name])
    chosen = [mutant for mutant in chosen if mutant.name not in troubles]
    _build(run, {mutant.caught_by.split(" ")[0] for mutant in chosen})
    # A catcher that fails without a mutant shows nothing.
    catchers = sorted({mutant.caught_by for mutant in chosen})
    healthy = dict(zip(catchers, side_by_side(lambda catcher: _catches(run, catcher, 0), catchers), strict=True))
    for catcher, failed in healthy.items():
        run.check(f"{catcher}: passes without a mutant", failed)

    def played(mutant: Mutant) -> tuple[str | None, float]:
        started = time.monotonic()
        return _catches(run, mutant.caught_by, mutant.number), time.monotonic() - started

    chosen = [mutant for mutant in chosen if not healthy[mutant.caught_by]]
    for mutant, (caught, seconds) in zip(chosen, side_by_side(played, chosen), strict=True):
        run.say(f"caught {mutant.name}: {mutant.caught_by}: {caught}" if caught else f"SURVIVED {mutant.name}")
        why = "" if caught else f"survived {mutant.caught_by}: {mutant.breaks}"
        run.record(Case(mutant.name, bool(caught), why, seconds))


def _copy() -> None:
    """Updates the copy. Unchanged files keep their times, so that they are not built again. `_apply` writes the mutated
    files."""
    wanted = [ROOT / name for name in COPIED]
    for folder in COPIED_FOLDERS:
        wanted += [path for path in (ROOT / folder).rglob("*") if path.is_file() and ".results" not in path.parts]
    core = [ROOT / "Sources" / module for module in CORE]
    for file in wanted:
        if file.suffix != ".swift" or not any(module in file.parents for module in core):
            _write(COPY / file.relative_to(ROOT), file.read_bytes())
            shutil.copymode(file, COPY / file.relative_to(ROOT))
    present = {file.relative_to(ROOT) for file in wanted} | {Path("Sources/CSystem/mutants.c")}
    for file in (COPY / "Sources").rglob("*"):
        if file.is_file() and file.relative_to(COPY) not in present:
            file.unlink()
    _write(COPY / "Sources" / "CSystem" / "mutants.c", SWITCH.encode())


def _write(path: Path, content: bytes) -> None:
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def misplaced() -> dict[str, str]:
    """The mutants whose code is no longer in the core, and why."""
    return _places(table(), _sources())[1]


def _sources() -> dict[Path, str]:
    """The sources of the core, which mutants change."""
    files = (path for module in CORE for path in (ROOT / "Sources" / module).rglob("*.swift"))
    return {path: path.read_text(encoding="utf-8") for path in files}


def _places(
    chosen: list[Mutant], sources: Mapping[Path, str]
) -> tuple[dict[Place, list[tuple[Mutant, Change]]], dict[str, str]]:
    """The place of each change; and the mutants that cannot be applied, and why."""
    tokens = {path: list(_tokens(text)) for path, text in sources.items()}
    troubles: dict[str, str] = {}
    edits: dict[Place, list[tuple[Mutant, Change]]] = {}
    for mutant in chosen:
        for change in mutant.changes:
            found = _find(tokens, change)
            if isinstance(found, str):
                troubles[mutant.name] = found
            else:
                edits.setdefault(found, []).append((mutant, change))
    return edits, troubles


def _apply(chosen: list[Mutant]) -> dict[str, str]:
    """Writes the core's sources with every mutant. Returns the mutants that could not be applied, and why."""
    sources = _sources()
    edits, troubles = _places(chosen, sources)
    # From the end, so that earlier positions stay valid.
    for place in sorted(edits, key=lambda place: (place.path, -place.start)):
        text = sources[place.path]
        code = text[place.start : place.end]
        for mutant, change in edits[place]:
            code = _switched(mutant.number, change, code)
        sources[place.path] = text[: place.start] + code + text[place.end :]
    changed = {place.path for place in edits}
    for path, text in sources.items():
        _write(COPY / path.relative_to(ROOT), (text + (DECLARATION if path in changed else "")).encode())
    return troubles


def _switched(number: int, change: Change, code: str) -> str:
    """The original code, and the code of this mutant."""
    if change.kind == "expression":
        return f"(mutantIs({number}) ? ({change.becomes}) : ({code}))"
    if change.kind == "statement":
        return f"if mutantIs({number}) {{ {change.becomes} }} else {{ {code} }}"
    return f"if mutantIs({number}) {{ {change.becomes} }}\n{code}"


def _tokens(text: str) -> Iterator[Token]:
    """The tokens of a source, without white space and comments."""
    for match in TOKEN.finditer(text):
        if not match[0].isspace() and not match[0].startswith(("//", "/*")):
            yield Token(match[0], match.start(), match.end())


def _find(sources: Mapping[Path, list[Token]], change: Change) -> Place | str:
    """The only place of a change: in its function or, if that was renamed, anywhere. Otherwise the reason why there is none."""
    wanted = [token.text for token in _tokens(change.code)]
    inside, anywhere = [], []
    for path, tokens in sources.items():
        words = [token.text for token in tokens]
        bodies = list(_bodies(words, change.function))
        for at in range(len(words) - len(wanted) + 1):
            if words[at : at + len(wanted)] == wanted:
                place = Place(path, tokens[at].start, tokens[at + len(wanted) - 1].end)
                anywhere.append(place)
                if any(start <= at < end for start, end in bodies):
                    inside.append(place)
    for places in (inside, anywhere):
        if len(places) == 1:
            return places[0]
    return f"`{change.code}` is {len(inside)} times in `{change.function}`, and {len(anywhere)} times anywhere"


def _bodies(words: list[str], function: str) -> Iterator[tuple[int, int]]:
    """The beginning and end of the bodies of the functions with that name."""
    for at, word in enumerate(words):
        is_declared = word == function and (word == "init" or (at > 0 and words[at - 1] == "func"))
        if not is_declared:
            continue
        start = at + 1
        parentheses = 0
        while start < len(words) and (parentheses > 0 or words[start] != "{"):
            parentheses += {"(": 1, ")": -1}.get(words[start], 0)
            start += 1
        depth, end = 1, start + 1
        while end < len(words) and depth > 0:
            depth += {"{": 1, "}": -1}.get(words[end], 0)
            end += 1
        yield start, end


def _build(run: Run, kinds: set[str]) -> None:
    """Builds what the kinds of catchers need. `suite` builds by itself."""
    swift = ["swift", "build", "--scratch-path", SCRATCH.name]
    release = COPY / SCRATCH.name / "release"
    commands: dict[str, list[list[str | Path]]] = {
        "swift": [[*swift, "--build-tests"]],
        "simulate": [[*swift, "-c", "release", "--product", "simulate"]],
        "c": [
            ["make", "--silent", "lib", f"SCRATCH={SCRATCH.name}"],
            ["make", "--silent", "-j2", "-C", "Tests/c", f"LIBDIR={release}", f"OUT={COPY / SCRATCH.name / 'c'}"],
        ],
    }
    for kind, needed in commands.items():
        for command in needed if kind in kinds else []:
            if (outcome := run.program(command, cwd=COPY)).status != 0:
                raise SuiteError(f"the mutants do not build: {' '.join(map(str, command))}: {outcome.ended}")


def _catches(run: Run, catcher: str, number: int) -> str | None:
    """Runs a catcher with a mutant; 0: without one. Returns how it failed, or None if it passed."""
    kind, what, *more = catcher.split(" ")
    program, _, name = what.partition(":")
    scratch = COPY / SCRATCH.name
    commands: dict[str, list[str | Path]] = {
        "swift": ["swift", "test", "--scratch-path", SCRATCH.name, "--skip-build", "--disable-xctest", "--filter", what],
        "simulate": [scratch / "release" / "simulate", "--seeds", what],
        "c": [scratch / "c" / program],
        "suite": ["python3", "Tests/run.py", what, "--only", *more],
    }
    env = {**library_env(), "CAPDIST_LIBDIR": str(scratch / "release"), "CAPDIST_ONLY": name, VARIABLE: str(number)}
    env["CAPDIST_SIMULATOR"] = str(scratch / "release" / "opend-simulator")
    try:
        outcome = run.program(commands[kind], limit_s=LIMIT_S * (10 if kind == "suite" else 1), env=env, cwd=COPY, at_once=True)
    except SuiteError as error:
        return str(error)
    if outcome.status == 0:
        return None
    marks = ("✘ Test ", "[  FAILED  ]", "seed ", "ERROR", "FAIL")
    told = [line.strip() for line in outcome.output.splitlines() if line.strip().startswith(marks)]
    return told[0][:100] if told else outcome.ended


if __name__ == "__main__":
    sys.exit(standalone(places if sys.argv[1:] == ["places"] else mutants))
