"""Suites that are a command of their own, which builds what it tests and reports in TAP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from . import builds
from .suite import ROOT, VENV_PYTHON, Run, SuiteError, library_env
from .tap import read_tap


def tap(run: Run, command: Sequence[str | Path], *, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Runs the command, and records the cases in its output."""
    env = {**library_env(), builds.BUILT: "1", "PYTHONPATH": str(ROOT / "Tests"), **(env or {})}
    outcome = run.program(command, cwd=cwd, env=env)
    cases = read_tap(outcome.output)
    run.record(*cases)
    if outcome.status != 0 and all(case.passed for case in cases):
        said = outcome.output.strip().splitlines()[-3:]
        raise SuiteError(f"{command[0]}: {len(cases)} cases passed, and yet {outcome.ended}: {' '.join(said)[-300:]}")


def make_test(run: Run, folder: str, part: str = "", name: str = "") -> None:
    """`make test` in a folder, with that part and that name. Two parts run at a time."""
    only = [f"PART={part}", f"ONLY={name}"]
    command = ["make", "--silent", "--keep-going", "-j2", "--output-sync=target", "-C", folder, "test", *only]
    # It must not use the job server of the make above.
    tap(run, command, env={"MAKEFLAGS": "", "MAKELEVEL": "0", "MFLAGS": ""})


def folder(path: str, build: Callable[[Run], object] = builds.library, part: str = "") -> Callable[[Run], None]:
    """A suite that is `make test` in a folder of its own, or a part of that. Its Makefile gets the wanted part and name as PART
    and ONLY. If the folder has a README, that must name the command."""

    def suite(run: Run) -> None:
        build(run)
        page = ROOT / path / "README.md"
        if page.exists() and not run.only:
            told = f"make -C {path} test" in page.read_text(encoding="utf-8")
            run.check("README tells how its tests are run", None if told else "it does not")
        make_test(run, path, run.only.part or part, run.only.name)

    return suite


def script(path: str, *arguments: str, build: Callable[[Run], object] | None = builds.library) -> Callable[[Run], None]:
    """A suite that is a Python program (harness.standalone). It is given what must be built before."""

    def suite(run: Run) -> None:
        if build:
            build(run)
        tap(run, [VENV_PYTHON, ROOT / path, *arguments], env={"PART": run.only.part, "ONLY": run.only.name})

    return suite
