"""A suite that is written in Python, as a program of its own that reports in TAP: what its programs print becomes comments.

The variables PART and ONLY tell which part is wanted, and tests with which name; CAPDIST_LIBDIR where the library is.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable

from .suite import RESULTS, Only, Run
from .tap import Case, SuiteError, report


class _Comments(io.StringIO):
    def write(self, text: str) -> int:
        sys.stdout.write("".join(f"# {line}\n" for line in text.splitlines()))
        sys.stdout.flush()
        return len(text)


def standalone(suite: Callable[[Run], None]) -> int:
    """Runs the suite. Returns the exit status of the program."""
    only = Only(os.environ.get("PART", ""), os.environ.get("ONLY", ""))
    # How long it may take is the affair of who runs it.
    run = Run(suite.__name__, float("inf"), _Comments(), only, is_beside=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    try:
        suite(run)
    except SuiteError as error:
        run.cases.append(Case(suite.__name__, False, str(error)))
    except Exception as error:  # noqa: BLE001 - what ended early has lost cases, and that is a failure
        run.cases.append(Case(suite.__name__, False, f"{type(error).__name__}: {error}"))
    return report(case for case in run.cases if only.name in case.name or not case.passed)
