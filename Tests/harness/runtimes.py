"""Runtimes that are no C program: each asks the same by its own means of calling C, and is told the same. Their programs are
in Tests/runtimes; docs/embedding.md tells of each, and marks those that are run here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .gateway import simulator
from .suite import RELEASE, RESULTS, ROOT, VENV_PYTHON, Outcome, Run, SuiteError

PROGRAMS = ROOT / "Tests" / "runtimes"
PAGE = ROOT / "docs" / "embedding.md"
OUT = RESULTS / "runtimes"
LIBRARY = RELEASE / "libcapdist.so.1"
#: What a program prints, in any order.
SAID = {
    "HK.00700 859479380",
    "HK.99999 the gateway refused (retType -1): 未知股票 HK.99999",
    "nonsense a security is written MARKET.CODE, such as HK.00700",
}
#: What one adds that asks once more, with a callback of its own language's, in application-driven mode.
CALLED_BACK = SAID | {"callback 859479380"}
C_FLAGS = ["-O1", "-g", "-Wall", "-Wextra", "-Werror"]
LINK = ["-Iinclude", f"-L{RELEASE}", "-lcapdist", f"-Wl,-rpath,{RELEASE}"]
GLIB = f"cc -std=c11 {' '.join(C_FLAGS)} $(pkg-config --cflags glib-2.0) {PROGRAMS}/fetch_glib.c {' '.join(LINK)} $(pkg-config --libs glib-2.0) -o {{out}}"


@dataclass(frozen=True)
class Guest:
    """A program, the row of the page that it stands behind, and how it is built and run. `{library}`, `{declarations}`, `{port}`
    and `{out}` are put in; one that is built runs as `{out}`."""

    row: str
    file: str
    command: Sequence[str | Path]
    build: Sequence[str | Path] = ()
    says: frozenset[str] | set[str] = frozenset(CALLED_BACK)


def _interpreted(row: str, file: str, *interpreter: str | Path) -> Guest:
    return Guest(row, file, [*interpreter, PROGRAMS / file, "{library}", "{declarations}", "{port}"])


GUESTS = [
    _interpreted("Python: cffi", "fetch.py", VENV_PYTHON),
    _interpreted("PHP", "fetch.php", "php"),
    _interpreted("LuaJIT", "fetch.lua", "luajit"),
    _interpreted("Perl", "fetch.pl", "perl"),
    _interpreted("Ruby", "fetch.rb", "ruby"),
    _interpreted("Guile", "fetch.scm", "guile", "--no-auto-compile"),
    _interpreted("SBCL", "fetch.lisp", "sbcl", "--script"),
    Guest("GLib", "fetch_glib.c", ["{out}", "{port}"], ["sh", "-c", GLIB], SAID),
]


def runtimes(run: Run, guests: Sequence[Guest] = tuple(GUESTS)) -> None:
    """Builds each program and runs it."""
    OUT.mkdir(parents=True, exist_ok=True)
    declarations = OUT / "capdist.i"
    preprocess = ["cc", "-E", "-P", "-DCAPDIST_API=", "-D__attribute__(x)=", ROOT / "include" / "capdist.h"]
    declarations.write_text(run.build(preprocess).output, encoding="utf-8")
    with simulator("--no-quota") as port:
        for guest in guests:
            here = {"library": LIBRARY, "declarations": declarations, "port": port, "out": OUT / Path(guest.file).stem}
            outcome = _run(run, guest, {name: str(value) for name, value in here.items()})
            right = outcome.status == 0 and set(outcome.output.splitlines()) == guest.says
            run.check(f"a guest of {guest.row}", None if right else f"{outcome.ended}: {outcome.output[-300:]}")


def _run(run: Run, guest: Guest, here: dict[str, str]) -> Outcome:
    def words(command: Sequence[str | Path]) -> list[str]:
        return [re.sub(r"\{(\w+)\}", lambda found: here[found[1]], str(word)) for word in command]

    if guest.build:
        built = run.program(words(guest.build), limit_s=300)
        if built.status != 0:
            return built
    # In a locale of its own: it is what many a runtime chooses its encoding by.
    return run.program(words(guest.command), limit_s=60, env={"LC_ALL": "C.UTF-8"})
