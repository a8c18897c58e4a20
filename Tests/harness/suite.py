"""Suites, cases, and the running of programs under a time limit."""

from __future__ import annotations

import functools
import os
import queue
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeVar

from .tap import Case, SuiteError

Item = TypeVar("Item")
Made = TypeVar("Made")

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "Tests" / ".results"
#: The build folder of the tests. A developer's own builds are elsewhere.
SCRATCH = ROOT / ".build-test"
#: The folder with what is tested. Programs get it in a variable.
RELEASE = Path(os.environ.get("CAPDIST_LIBDIR") or SCRATCH / "release")
#: The debug build has a folder of its own, since two builds in one folder wait for each other.
SCRATCH_DEBUG = ROOT / ".build-test-debug"
VENV_PYTHON = ROOT / ".venv-test" / "bin" / "python"
#: The factor for limits of time, for a busy machine. The limits only end programs that hang.
BUSY = 4


def library_env() -> dict[str, str]:
    """The variables that tell test programs where the shipped library and the simulator are."""
    return {
        "CAPDIST_LIBDIR": str(RELEASE),
        "CAPDIST_SIMULATOR": str(RELEASE / "opend-simulator"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@dataclass(frozen=True)
class Only:
    """The part of a suite to run: `PART`, `PART:NAME` or `:NAME`; empty: all. A part is a program, a file, a class or a step of
    the suite. NAME is a part of a test's name."""

    part: str = ""
    name: str = ""

    @classmethod
    def of(cls, text: str) -> Only:
        """Parses it."""
        part, _, name = text.partition(":")
        return cls(part, name)

    def __bool__(self) -> bool:
        return bool(self.part or self.name)


@dataclass(frozen=True)
class Outcome:
    """How a program ended: its exit status (negative: the signal that ended it) and its output."""

    status: int
    output: str

    @property
    def ended(self) -> str:
        """A description of the end."""
        if self.status >= 0:
            return f"exit status {self.status}"
        return f"ended by {signal.Signals(-self.status).name}"


@dataclass
class Run:
    """The run of one suite: its log, its time limit, and the cases so far."""

    name: str
    limit_s: float
    log: IO[str]
    only: Only = Only()
    cases: list[Case] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    #: Whether its output is printed at its end, since other suites run at the same time.
    is_beside: bool = False
    #: Processor time of the programs that have ended.
    processor_s: float = 0.0
    #: Variables for all its programs.
    env: dict[str, str] = field(default_factory=dict)
    #: When the last case was recorded.
    checked: float = field(default_factory=time.monotonic)
    telling: threading.Lock = field(default_factory=threading.Lock)

    def remaining_s(self) -> float:
        """Seconds that are left of the suite's time limit."""
        return self.started + self.limit_s - time.monotonic()

    def say(self, text: str) -> None:
        """Prints and logs a line."""
        self.tell(text + "\n")

    def tell(self, text: str) -> None:
        """Prints and logs lines together. Called from any thread."""
        with self.telling:
            if not self.is_beside:
                sys.stdout.write(text)
                sys.stdout.flush()
            self.log.write(text)
            self.log.flush()

    def check(self, name: str, problem: str | None) -> None:
        """Records a case, which passed if there is no problem. Its duration is the time since the last one."""
        now = time.monotonic()
        self.cases.append(Case(name, not problem, problem or "", now - self.checked))
        self.checked = now

    def record(self, *cases: Case) -> None:
        """Records cases that have their own durations."""
        self.cases += cases
        self.checked = time.monotonic()

    def wants(self, part: str) -> bool:
        """Whether this part of the suite should run."""
        return self.only.part in ("", part)

    def part(self, name: str, step: Callable[..., None], *arguments: object) -> None:
        """Runs a step of the suite, if its part should run."""
        if self.wants(name):
            step(self, *arguments)

    def program(
        self,
        command: Sequence[str | Path],
        *,
        limit_s: float | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
        at_once: bool = False,
    ) -> Outcome:
        """Runs a program, prints and logs its output, and ends all processes that it leaves behind. The limit is for an idle
        machine.

        `at_once`: prints the output when the program has ended, for programs that run at the same time.

        Raises SuiteError if the limit passes, or if there is no such program.
        """
        words = [str(word) for word in command]
        limit = min(limit_s * BUSY if limit_s else self.remaining_s(), self.remaining_s())
        heading = "$ " + shlex.join(words) + "\n"
        if not at_once:
            self.tell(heading)
        try:
            process = subprocess.Popen(
                words,
                cwd=cwd,
                env={**os.environ, **self.env, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise SuiteError(f"{words[0]} does not run: {error}") from error
        lines: list[str] = []
        reader = threading.Thread(target=self._stream, args=(process, lines, at_once), daemon=True)
        reader.start()
        timed_out = not _ends_within(process.pid, limit)
        # Before the leader is reaped, no other process group can have its number.
        os.killpg(process.pid, signal.SIGKILL)
        _, ended, used = os.wait4(process.pid, 0)
        status = process.returncode = os.waitstatus_to_exitcode(ended)
        with self.telling:
            self.processor_s += used.ru_utime + used.ru_stime
        reader.join(timeout=10)
        if at_once:
            self.tell(heading + "".join(lines))
        if timed_out:
            raise SuiteError(f"{Path(words[0]).name} was ended after {limit:.0f} s")
        return Outcome(status, "".join(lines))

    def _stream(self, process: subprocess.Popen[str], lines: list[str], at_once: bool) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if not at_once:
                self.tell(line)

    def build(self, command: Sequence[str | Path], *, at_once: bool = False) -> Outcome:
        """Runs a program that the rest of the suite needs. Raises SuiteError if it fails."""
        outcome = self.program(command, at_once=at_once)
        if outcome.status != 0:
            raise SuiteError(f"{shlex.join(str(word) for word in command)}: {outcome.ended}")
        return outcome


def once(build: Callable[..., Made]) -> Callable[..., Made]:
    """Locks a build that suites share: the first one that needs it builds. If that fails, the next one tries again."""
    made: dict[tuple[str, ...], Made] = {}
    making = threading.RLock()

    @functools.wraps(build)
    def shared(run: Run, *names: str) -> Made:
        with making:
            if names not in made:
                made[names] = build(run, *names)
            return made[names]

    return shared


def side_by_side(do: Callable[[Item], Made], items: Iterable[Item], count: int = 2) -> Iterator[Made]:
    """The results for the items, in their order. Some are computed at the same time."""
    with ThreadPoolExecutor(count) as pool:
        yield from pool.map(do, items)


def _ends_within(pid: int, limit_s: float) -> bool:
    """Waits for the child to end, without reaping it."""
    deadline = time.monotonic() + limit_s
    pause = 0.005
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 2, 0.1)
    return True


@dataclass(frozen=True)
class Suite:
    """A row of the table in Tests/run.py."""

    name: str
    about: str
    limit_s: float
    run: Callable[[Run], None]
    #: Its duration in seconds on two idle cores. The longest start first, and a budget is kept with it.
    usual_s: float = 0
    #: Whether it runs before all others and alone, since they use what it makes.
    is_first: bool = False
    #: Whether it builds in the folders of the bindings. Only one such suite runs at a time.
    in_bindings: bool = False


@dataclass(frozen=True)
class Took:
    """The seconds that a suite took: real time, and processor time."""

    clock: float
    processor: float


class Left:
    """Suites that have not started, the longest first."""

    def __init__(self, suites: Iterable[Suite]) -> None:
        self._suites = list(suites)
        self._in_bindings = False
        self._lock = threading.Lock()

    def take(self) -> Suite | None:
        """The next suite; None if none may run beside those that are running. Suites of the bindings come first: only one of
        them runs at a time, and they should not be left for the end."""
        with self._lock:
            may = [suite for suite in self._suites if not (suite.in_bindings and self._in_bindings)]
            suite = max(may, key=lambda suite: suite.in_bindings, default=None)
            if suite:
                self._suites.remove(suite)
                self._in_bindings = self._in_bindings or suite.in_bindings
            return suite

    def give_back(self, suite: Suite) -> None:
        """Called when a suite has ended."""
        with self._lock:
            if suite.in_bindings:
                self._in_bindings = False


def run_suites(
    suites: Sequence[Suite], only: Only = Only(), *, beside: int = 2
) -> Iterator[tuple[Suite, list[Case], Took]]:
    """Runs suites, several at the same time, the longest first. Yields each as it ends."""
    others = sorted((suite for suite in suites if not suite.is_first), key=lambda suite: -suite.usual_s)
    is_single = beside < 2 or len(others) < 2
    for suite in suites:
        if suite.is_first or is_single:
            yield suite, *run_suite(suite, only)
    if is_single:
        return
    left = Left(others)
    ended: queue.Queue[tuple[Suite, list[Case], Took]] = queue.Queue()

    def work() -> None:
        while suite := left.take():
            outcome = run_suite(suite, only, is_beside=True)
            left.give_back(suite)
            ended.put((suite, *outcome))

    for _ in range(beside):
        # A daemon thread, so that Ctrl-C ends this program at once.
        threading.Thread(target=work, daemon=True).start()
    for _ in others:
        suite, cases, took = ended.get(timeout=2 * BUSY * max(suite.limit_s for suite in suites))
        print((RESULTS / f"{suite.name}.log").read_text(encoding="utf-8"), end="", flush=True)
        yield suite, cases, took


def run_suite(suite: Suite, only: Only = Only(), *, is_beside: bool = False) -> tuple[list[Case], Took]:
    """Runs a suite. If it fails to run, or has no case, that is a failed case with its name."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    with (RESULTS / f"{suite.name}.log").open("w", encoding="utf-8") as log:
        run = Run(suite.name, suite.limit_s * BUSY, log, only, is_beside=is_beside)
        run.say(f"\n=== {suite.name}: {suite.about}")
        try:
            suite.run(run)
            if only.name:
                run.cases = [case for case in run.cases if only.name in case.name or not case.passed]
            if not run.cases:
                raise SuiteError("it ran no test case")
        except SuiteError as error:
            run.cases.append(Case(suite.name, False, str(error)))
        except Exception as error:  # noqa: BLE001 - an error in one suite must not end the others
            run.cases.append(Case(suite.name, False, f"{type(error).__name__}: {error}"))
        failed = [case for case in run.cases if not case.passed]
        for case in failed:
            run.say(f"FAILED {suite.name}: {case.name}: {case.why}")
        took = Took(time.monotonic() - run.started, run.processor_s)
        told = f"{len(run.cases) - len(failed)} passed, {len(failed)} failed in {took.clock:.1f} s"
        run.say(f"--- {suite.name}: {told} ({took.processor:.1f} s of processor)")
        return run.cases, took
