"""The programs of Tests/c: built once for each library and mode, and run side by side."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import checks
from .results import read_junit
from .suite import RELEASE, RESULTS, ROOT, Case, Run, SuiteError, library_env

#: They wait more than they compute; under a sanitizer less so.
SIDE_BY_SIDE = 3
#: Connections with a thread of their own, or driven by a loop of the program's (Tests/c/support_host.c).
MODES = ("thread", "host")


def c_tests(run: Run) -> None:
    """Every program, in both modes, over the shipped library and the real simulator."""
    checks.library(run)
    for mode in MODES:
        out = build(run, RESULTS / f"c-{mode}", RELEASE, mode)

        def play(name: str, out: Path = out, mode: str = mode) -> list[Case]:
            xml = out / f"{name}.xml"
            xml.unlink(missing_ok=True)
            env = {"CMOCKA_MESSAGE_OUTPUT": "XML", "CMOCKA_XML_FILE": str(xml), **library_env()}
            outcome = run.program([out / name], limit_s=180, env=env, at_once=True)
            cases = [Case(f"{mode}: {name}.{case.name}", case.passed, case.why) for case in read_junit(xml)]
            if not cases:
                raise SuiteError("it ran no test case")
            if outcome.status != 0 and all(case.passed for case in cases):
                cases.append(Case(f"{mode}: {name}", False, outcome.ended))
            return cases

        run_each(run, play, mode)


def build(run: Run, out: Path, library: Path, mode: str, *variables: str) -> Path:
    """Builds every program against the library in that folder. Returns where they are."""
    make = ["make", "--silent", "-j2", "-C", "Tests/c", *variables, f"LIBDIR={library}", f"OUT={out}"]
    run.build([*make, f"HOST={MODES.index(mode)}"])
    return out


def run_each(
    run: Run,
    play: Callable[[str], Sequence[Case]],
    prefix: str,
    left_out: Collection[str] = (),
    side_by_side: int = SIDE_BY_SIDE,
) -> None:
    """Has every program played, some at a time, and records their cases in order. One that raises is a failed case."""

    def safely(name: str) -> Sequence[Case]:
        try:
            return play(name)
        except SuiteError as error:
            return [Case(f"{prefix}: {name}", False, str(error))]

    names = sorted(path.stem for path in (ROOT / "Tests" / "c").glob("test_*.c") if path.stem not in left_out)
    with ThreadPoolExecutor(side_by_side) as pool:
        for cases in pool.map(safely, names):
            run.cases += cases
