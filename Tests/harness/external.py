"""Suites that are a command of their own: it reports in TAP, and knows how what it tests is built."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from . import checks
from .suite import ROOT, Run, SuiteError, library_env
from .tap import read_tap


def tap(run: Run, command: Sequence[str | Path], *, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Runs the command and records the cases that it tells."""
    outcome = run.program(command, cwd=cwd, env={**library_env(), **(env or {})})
    cases = read_tap(outcome.output)
    run.record(*cases)
    if outcome.status != 0 and all(case.passed for case in cases):
        said = outcome.output.strip().splitlines()[-3:]
        raise SuiteError(f"{command[0]}: {len(cases)} cases passed, and yet {outcome.ended}: {' '.join(said)[-300:]}")


def binding(folder: str, build: Callable[[Run], object] = checks.library) -> Callable[[Run], None]:
    """A suite that is `make test` in a folder of its own. Its Makefile is told the part of the suite and the name in it that are
    wanted, as PART and ONLY; two of its parts run beside each other."""

    def suite(run: Run) -> None:
        build(run)
        only = [f"PART={run.only.part}", f"ONLY={run.only.name}"]
        command = ["make", "--silent", "--keep-going", "-j2", "--output-sync=target", "-C", folder, "test", *only]
        page = (ROOT / folder / "README.md").read_text(encoding="utf-8")
        if not run.only:
            run.check("README tells how its tests are run", None if f"make -C {folder} test" in page else "it does not")
        # A make of this one's own: those above it tell it nothing.
        tap(run, command, env={"MAKEFLAGS": "", "MAKELEVEL": "0", "MFLAGS": "", "PATH": os.environ["PATH"]})

    return suite
