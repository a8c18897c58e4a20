"""Runtimes that are no C program: each asks the same by its own means of calling C, and is told the same. Their programs are
in Tests/runtimes; docs/embedding.md tells of each, and marks those that are run here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import checks
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
    _interpreted("PyPy", "fetch_package.py", "pypy3"),
    Guest("GLib", "fetch_glib.c", ["{out}", "{port}"], ["sh", "-c", GLIB], SAID),
]

_LINKED = " ".join(LINK)
_SHARED = f"-shared -fPIC {' '.join(C_FLAGS)}"


def _built(row: str, file: str, build: str, says: set[str], *command: str) -> Guest:
    """One that is built by a line of shell."""
    return Guest(row, file, command or ["{out}", "{port}"], ["sh", "-ec", f"export LC_ALL=C.UTF-8; {build}"], says)


#: Of `make deep`: what takes a compiler or an interpreter that is large.
DEEP_GUESTS = [
    _built(
        "Go", "fetch.go",
        f"export GO111MODULE=off GOCACHE={OUT}/go CGO_CFLAGS=-I{ROOT}/include CGO_LDFLAGS='{' '.join(LINK[1:])}'; "
        f"go build -o {{out}} {PROGRAMS}/fetch.go", CALLED_BACK,
    ),
    _built(
        "Rust", "fetch.rs",
        f"/usr/bin/rustc --edition 2021 -D warnings -L {RELEASE} -C link-arg=-Wl,-rpath,{RELEASE} {PROGRAMS}/fetch.rs -o {{out}}", CALLED_BACK,
    ),
    _built("D", "fetch.d", f"gdc -Wall -Werror {PROGRAMS}/fetch.d {' '.join(LINK[1:])} -o {{out}}", CALLED_BACK),
    _built(
        "OCaml", "fetch.ml",
        f"mkdir -p {{out}}-ml; cp {PROGRAMS}/fetch.ml {PROGRAMS}/fetch_ml.c {{out}}-ml; cd {{out}}-ml; "
        f"ocamlopt -I +threads unix.cmxa threads.cmxa -ccopt '-I{ROOT}/include' fetch_ml.c fetch.ml "
        f"-cclib '{' '.join(LINK[1:])}' -o {{out}}", SAID,
    ),
    _built(
        "Tcl", "fetch.tcl",
        f"cc {_SHARED} -DUSE_TCL_STUBS -I/usr/include/tcl8.6 {PROGRAMS}/fetch_tcl.c {_LINKED} -ltclstub8.6 -o {{out}}-tcl.so", SAID,
        "tclsh", f"{PROGRAMS}/fetch.tcl", "{out}-tcl.so", "{port}",
    ),
    _built(
        "R", "fetch.R", f"cc {_SHARED} {PROGRAMS}/fetch_R.c {_LINKED} -o {{out}}-r.so", SAID,
        "Rscript", "--vanilla", f"{PROGRAMS}/fetch.R", "{out}-r.so", "{port}",
    ),
    _built(
        "Erlang", "fetch.erl",
        f"cc {_SHARED} -I/usr/lib/erlang/usr/include {PROGRAMS}/fetch_erl.c {_LINKED} -o {{out}}-erl.so; erlc -o {OUT} {PROGRAMS}/fetch.erl",
        SAID,
        "erl", "-noshell", "-pa", str(OUT), "-eval", 'fetch:main(["{out}-erl.so", "{port}"])',
    ),
]  # fmt: skip


def deep_runtimes(run: Run) -> None:
    """The guests of `make deep`."""
    checks.library(run)
    _play(run, DEEP_GUESTS)


def runtimes(run: Run) -> None:
    """Those that are quick, and what the page says of all."""
    _play(run, GUESTS)
    _page(run)


def _page(run: Run) -> None:
    """The rows of the page that name a program are those whose program is run, here or by the test that is named."""
    rows = dict(re.findall(r"^\| ([^|]+?) \|.* \| ([^|]+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    wrong = []
    for guest in (*GUESTS, *DEEP_GUESTS):
        known = rows.get(guest.row, "")
        if f"(../Tests/runtimes/{guest.file})" not in known or ("make deep" in known) != (guest in DEEP_GUESTS or guest.row == "PyPy"):
            wrong.append(f"{guest.row}: {known}")
    named = {file for known in rows.values() for file in re.findall(r"\(\.\./Tests/runtimes/([^)]+)\)", known)}
    wrong += sorted(named - {guest.file for guest in (*GUESTS, *DEEP_GUESTS)})
    run.check("docs/embedding.md: the rows marked as run are run", "; ".join(wrong))


def _play(run: Run, guests: Sequence[Guest]) -> None:
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
    env = {"LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT / "bindings" / "python" / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    return run.program(words(guest.command), limit_s=60, env=env)
