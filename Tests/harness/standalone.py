"""A suite as a Python program of its own, which reports in TAP. The output of the programs that it runs becomes comments.

The variables PART and ONLY name the wanted part and tests. CAPDIST_LIBDIR is the library's folder.
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
    # The caller limits its time.
    run = Run(suite.__name__, float("inf"), _Comments(), only, is_beside=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    try:
        suite(run)
    except SuiteError as error:
        run.cases.append(Case(suite.__name__, False, str(error)))
    except Exception as error:  # noqa: BLE001 - a suite that ends early lacks cases, and has failed
        run.cases.append(Case(suite.__name__, False, f"{type(error).__name__}: {error}"))
    return report(case for case in run.cases if only.name in case.name or not case.passed)
