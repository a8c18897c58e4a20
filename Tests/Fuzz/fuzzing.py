"""libFuzzer's targets (Tests/Fuzz): the corpus is replayed by `make test`, and a while of random inputs is `make deep`'s."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from harness.builds import swift_build
from harness.standalone import standalone
from harness.suite import RELEASE, RESULTS, ROOT, Run, SuiteError, side_by_side

FUZZ = ROOT / "Tests" / "Fuzz"
SCRATCH = ROOT / ".build-fuzz"
TARGETS = ("frames", "messages", "securities", "decryption", "websocket", "machine", "connection")
#: How many of the places that the compiler marked the corpus reaches, at least: fewer, and it is not what it was, or the
#: program is not instrumented.
LEAST_COVERAGE = {"frames": 230, "messages": 650, "securities": 270, "decryption": 500, "websocket": 800, "machine": 1800, "connection": 2400}
#: Swift takes the last of its options only, so both sanitizers must be in it.
BUILD = [
    *("swift", "build", "-c", "release", "--product", "fuzz", "--scratch-path", SCRATCH),
    *("--sanitize", "address", "--sanitize", "fuzzer", "-Xcc", "-fsanitize=fuzzer-no-link"),
    *("-Xswiftc", "-sanitize=address,fuzzer"),
]
SECONDS = int(os.environ.get("CAPDIST_FUZZ_SECONDS", "60"))


def corpus(run: Run) -> None:
    """Every target's corpus, two at a time: what was found once is not broken again. Built as what is shipped is, and without
    libFuzzer, which would want every module built anew."""
    run.build(["env", "CAPDIST_FUZZ=replay", *swift_build("-c", "release", "--product", "fuzz")])
    _each_target(run, "corpus", _replay)


def fuzzing(run: Run) -> None:
    """Every target's corpus under AddressSanitizer, then each on its own for a while, two at a time. What that finds depends on
    chance: it is no part of `make test`."""
    run.build(["env", "CAPDIST_FUZZ=1", *BUILD])
    _each_target(run, "corpus, sanitized", _reach)
    _each_target(run, f"{SECONDS} s", _search)


def _each_target(run: Run, name: str, play: Callable[[Run, str], str | None]) -> None:
    def played(target: str) -> str | None:
        try:
            return play(run, target)
        except SuiteError as error:
            return str(error)

    targets = list(filter(run.wants, TARGETS))
    for target, why in zip(targets, side_by_side(played, targets), strict=True):
        run.check(f"{target}: {name}", why)


def _command(target: str, found: Path) -> list[str | Path]:
    """What takes longer than the time-out hangs: a release may take two seconds here, and the machine may be busy."""
    options = ["-timeout=60", "-rss_limit_mb=2048", f"-artifact_prefix={found}-", f"-dict={FUZZ / 'fuzz.dict'}"]
    return [SCRATCH / "release" / "fuzz", f"--target={target}", *options]


def _found(target: str) -> Path:
    """An empty folder for what a target finds; inputs that break something come beside it."""
    found = RESULTS / "fuzz" / target
    shutil.rmtree(found, ignore_errors=True)
    found.mkdir(parents=True)
    return found


def _replay(run: Run, target: str) -> str | None:
    folder = FUZZ / "corpus" / target
    replay = run.program([RELEASE / "fuzz", f"--target={target}", folder], limit_s=120, at_once=True)
    inputs = replay.output.splitlines()
    if replay.status != 0:
        return f"{replay.ended}: {'; '.join(inputs[-2:])}"
    count = sum(1 for _ in folder.iterdir())
    return None if inputs[-1:] == [f"{count} inputs"] and count > 0 else f"{inputs[-1:]} of {count} inputs"


def _reach(run: Run, target: str) -> str | None:
    replay = run.program([*_command(target, _found(target)), "-runs=0", FUZZ / "corpus" / target], limit_s=300, at_once=True)
    if replay.status != 0:
        return f"{replay.ended}: {' '.join(re.findall(r'^broken: .*', replay.output, re.M))}"
    reached = max(map(int, re.findall(r"cov: (\d+)", replay.output)), default=0)
    return None if reached >= LEAST_COVERAGE[target] else f"it reaches only {reached} places"


def _search(run: Run, target: str) -> str | None:
    found = _found(target)
    options = [f"-max_total_time={SECONDS}", "-verbosity=0", "-print_final_stats=1"]
    own = run.program([*_command(target, found), *options, found, FUZZ / "corpus" / target], limit_s=SECONDS + 300, at_once=True)
    if own.status != 0:
        return f"{own.ended}: {' '.join(re.findall(r'^broken: .*', own.output, re.M))}; the input: {found}-*"
    runs = re.search(r"number_of_executed_units: (\d+)", own.output)
    # One at least beyond the corpus, however busy the machine is.
    least = sum(1 for _ in (FUZZ / "corpus" / target).iterdir())
    return None if runs and int(runs[1]) > least else f"{runs[1] if runs else 'no'} inputs were tried"


if __name__ == "__main__":
    sys.exit(standalone(corpus if sys.argv[1:] == ["corpus"] else fuzzing))
