"""libFuzzer's targets (Tests/Fuzz). `make test` replays the corpus, and `make deep` also fuzzes for a while."""

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
#: The least number of the compiler's coverage counters that the corpus reaches. If there are fewer, the corpus was changed, or
#: the program is not instrumented.
LEAST_COVERAGE = {"frames": 230, "messages": 650, "securities": 270, "decryption": 500, "websocket": 800, "machine": 1800, "connection": 2400}
#: Swift uses the last of its sanitizer options only, so one option must name both.
BUILD = [
    *("swift", "build", "-c", "release", "--product", "fuzz", "--scratch-path", SCRATCH),
    *("--sanitize", "address", "--sanitize", "fuzzer", "-Xcc", "-fsanitize=fuzzer-no-link"),
    *("-Xswiftc", "-sanitize=address,fuzzer"),
]
SECONDS = int(os.environ.get("CAPDIST_FUZZ_SECONDS", "60"))


def corpus(run: Run) -> None:
    """Replays every target's corpus, two at a time, so that no old error comes back. Built like the shipped library, without
    libFuzzer, which would need every module built again."""
    run.build(["env", "CAPDIST_FUZZ=replay", *swift_build("-c", "release", "--product", "fuzz")])
    _each_target(run, "corpus", _replay)


def fuzzing(run: Run) -> None:
    """Replays every target's corpus under AddressSanitizer, then fuzzes each for a while, two at a time. The result depends on
    chance, so `make test` does not do this."""
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
    """The timeout of an input. A release may take two seconds here, and the machine may be busy."""
    options = ["-timeout=60", "-rss_limit_mb=2048", f"-artifact_prefix={found}-", f"-dict={FUZZ / 'fuzz.dict'}"]
    return [SCRATCH / "release" / "fuzz", f"--target={target}", *options]


def _found(target: str) -> Path:
    """An empty folder for the inputs that fail."""
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
    # At least one input besides the corpus, however busy the machine is.
    least = sum(1 for _ in (FUZZ / "corpus" / target).iterdir())
    return None if runs and int(runs[1]) > least else f"{runs[1] if runs else 'no'} inputs were tried"


if __name__ == "__main__":
    sys.exit(standalone(corpus if sys.argv[1:] == ["corpus"] else fuzzing))
