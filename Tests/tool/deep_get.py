"""What `capdist get` takes from its start to its end: run by `make deep`, where a time may be looked at."""

from __future__ import annotations

import resource
import statistics
import subprocess
import time
from collections.abc import Callable

from support import DONE, TOOL, Gateway, environment

RUNS = 50
#: Of the fastest, since the others tell what else the machine did.
MAX_MS = 30.0
#: Processor time of a run, on average: what no other program adds to.
MAX_CPU_MS = 30.0


def test_one_stock_takes_less_than_30_ms(gateway: Callable[..., Gateway]) -> None:
    command = [str(TOOL), "get", "HK.00700", "--port", str(gateway("--no-quota").port)]
    took_ms: list[float] = []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(RUNS):
        started = time.monotonic()
        told = subprocess.run(command, stdout=subprocess.DEVNULL, timeout=60, env=environment(), check=False)
        took_ms.append(1000 * (time.monotonic() - started))
        assert told.returncode == DONE
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_ms = 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / RUNS
    print(f"start to end: {min(took_ms):.1f} ms, median {statistics.median(took_ms):.1f} ms; processor {cpu_ms:.1f} ms")
    assert min(took_ms) < MAX_MS and cpu_ms < MAX_CPU_MS
