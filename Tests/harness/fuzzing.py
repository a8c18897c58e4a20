"""libFuzzer's targets (Tests/Fuzz): each runs its corpus, then a while on its own."""

from __future__ import annotations

import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .suite import RESULTS, ROOT, Run, SuiteError

FUZZ = ROOT / "Tests" / "Fuzz"
SCRATCH = ROOT / ".build-fuzz"
TARGETS = ("frames", "messages", "securities", "decryption", "websocket", "machine", "connection")
#: How many of the places that the compiler marked the corpus reaches, at least: fewer, and it is not what it was, or the
#: program is not instrumented.
LEAST_COVERAGE = {"frames": 230, "messages": 650, "securities": 270, "decryption": 500, "websocket": 600, "machine": 1800, "connection": 2400}
#: Swift takes the last of its options only, so both sanitizers must be in it.
BUILD = [
    *("swift", "build", "-c", "release", "--product", "fuzz", "--scratch-path", SCRATCH),
    *("--sanitize", "address", "--sanitize", "fuzzer", "-Xcc", "-fsanitize=fuzzer-no-link"),
    *("-Xswiftc", "-sanitize=address,fuzzer"),
]
SECONDS = int(os.environ.get("CAPDIST_FUZZ_SECONDS", "60"))


def fuzzing(run: Run) -> None:
    """All targets, two at a time."""
    run.build(["env", "CAPDIST_FUZZ=1", *BUILD])
    with ThreadPoolExecutor(max_workers=2) as pool:
        for checks in pool.map(lambda target: _fuzz(run, target), TARGETS):
            for name, why in checks:
                run.check(name, why)


def _fuzz(run: Run, target: str) -> list[tuple[str, str | None]]:
    found = RESULTS / "fuzz" / target
    shutil.rmtree(found, ignore_errors=True)
    found.mkdir(parents=True)
    corpus = FUZZ / "corpus" / target
    command: list[str | Path] = [SCRATCH / "release" / "fuzz", f"--target={target}", f"-dict={FUZZ / 'fuzz.dict'}"]
    # What takes longer hangs; a second is what a release may take at most here, and the machine is busy.
    command += ["-timeout=20", "-rss_limit_mb=2048", f"-artifact_prefix={found}-"]
    try:
        replay = run.program([*command, "-runs=0", corpus], limit_s=300)
        reached = max(map(int, re.findall(r"cov: (\d+)", replay.output)), default=0)
        why = None if reached >= LEAST_COVERAGE[target] else f"it reaches only {reached} places"
        checks = [(f"{target}: corpus", why if replay.status == 0 else replay.ended)]
        options = [f"-max_total_time={SECONDS}", "-verbosity=0", "-print_final_stats=1"]
        own = run.program([*command, *options, found, corpus], limit_s=SECONDS + 120)
    except SuiteError as error:
        return [(target, str(error))]
    runs = re.search(r"number_of_executed_units: (\d+)", own.output)
    why = None if runs and int(runs[1]) >= 10 * SECONDS else f"{runs[1] if runs else 'no'} inputs were tried"
    return [*checks, (f"{target}: {SECONDS} s", why if own.status == 0 else f"{own.ended}; the input: {found}-*")]
