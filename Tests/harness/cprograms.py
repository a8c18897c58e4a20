"""The programs of Tests/c: built once for each library and mode, and run at the same time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from . import builds
from .results import read_junit, told
from .suite import RELEASE, RESULTS, ROOT, Case, Run, SuiteError, library_env

#: Programs that only wait. They run beside all others.
IDLE = ("test_silence", "test_quota")
#: Programs that wait more than they compute.
LIGHT = ("test_websocket", "test_reconnect", "test_end_to_end", "test_encryption", "test_application_driven", "test_queue")
#: The slowest of the others, which start first, so that nothing waits for them at the end.
LONG = ("test_faults_websocket", "test_faults_encrypted", "test_faults", "test_exit", "test_load", "test_fork", "test_faults_soak")
ALL = {path.stem for path in (ROOT / "Tests" / "c").glob("test_*.c")}
#: The modes: thread mode, and application-driven mode (Tests/c/support_driven.c).
MODES = ("thread", "application")
_BUILDING = threading.Lock()


def c_tests(
    run: Run, modes: Sequence[str] = MODES, programs: Collection[str] = (), more: Mapping[str, str] | None = None
) -> None:
    """Runs every program, or those that are named, in both modes, with the shipped library and the simulator. `variables` are
    added to the environment."""
    builds.library(run)
    out = {mode: build(run, "c", RELEASE, mode) for mode in modes}

    def play(mode: str, name: str) -> list[Case]:
        xml = out[mode] / f"{name}.xml"
        xml.unlink(missing_ok=True)
        env = {"CMOCKA_MESSAGE_OUTPUT": "XML", "CMOCKA_XML_FILE": str(xml), "CAPDIST_ONLY": run.only.name}
        env = {**env, **library_env(), **(more or {})}
        outcome = run.program([out[mode] / name], limit_s=600 if more else 180, env=env, at_once=True)
        try:
            cases = [replace(case, name=f"{mode}: {name}.{case.name}") for case in read_junit(xml)]
        except SuiteError as error:
            raise SuiteError(f"{outcome.ended}; {told(outcome.output)}; {error}") from error
        if not cases:
            raise SuiteError("it ran no test case")
        if outcome.status != 0 and all(case.passed for case in cases):
            cases.append(Case(f"{mode}: {name}", False, f"{outcome.ended}; {told(outcome.output)}"))
        return cases

    run_each(run, play, left_out=lambda _: ALL - set(programs or ALL), modes=modes)


def build(run: Run, name: str, library: Path, mode: str, *more: str | Path) -> Path:
    """Builds every program, or those that are named, with the library in that folder and those variables of make. Returns the
    folder of the programs. Both modes share object files."""
    out = RESULTS / f"{name}-{mode}"
    make = ["make", "--silent", "-j2", "-C", "Tests/c", f"LIBDIR={library}", f"OUT={out}", f"OBJECTS={RESULTS / name}-objects"]
    # Suites that run at the same time share what is built.
    with _BUILDING:
        run.build([*make, f"DRIVEN={MODES.index(mode)}", *more])
    return out


def run_each(
    run: Run,
    play: Callable[[str, str], Sequence[Case]],
    prefix: str = "",
    left_out: Callable[[str], Collection[str]] = lambda mode: (),
    modes: Sequence[str] = MODES,
) -> None:
    """Runs every program in both modes, and records the cases in order. An exception is a failed case.

    Two programs that compute run at a time, and three that mostly wait beside them.
    """
    names = sorted(filter(run.wants, ALL))
    others = [name for name in names if name not in (*IDLE, *LIGHT, *LONG)]

    def jobs(chosen: Iterable[str]) -> deque[tuple[str, str]]:
        return deque((mode, name) for mode in modes for name in chosen if name in names and name not in left_out(mode))

    played: dict[tuple[str, str], Sequence[Case]] = {}

    def work(left: deque[tuple[str, str]]) -> None:
        while job := _first(left):
            try:
                played[job] = play(*job)
            except SuiteError as error:
                played[job] = [Case(f"{prefix}{job[0]}: {job[1]}", False, str(error))]

    heavy, idle, light = jobs([*LONG, *others]), jobs(IDLE), jobs(LIGHT)
    lanes = (heavy, heavy, idle, light, light)
    with ThreadPoolExecutor(len(lanes)) as pool:
        for worker in [pool.submit(work, lane) for lane in lanes]:
            worker.result()
    run.record(*(case for job in sorted(played, key=lambda job: (MODES.index(job[0]), job[1])) for case in played[job]))


def _first(left: deque[tuple[str, str]]) -> tuple[str, str] | None:
    try:
        return left.popleft()
    except IndexError:
        return None
