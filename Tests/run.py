#!/usr/bin/env python3
"""Runs the test suites and counts their cases.

    Tests/run.py             every suite of `make test`
    Tests/run.py --deep      every suite of `make deep`: those that take long, or depend on chance
    Tests/run.py --quick     what a developer runs before each commit
    Tests/run.py SUITE...    some suites of either
    Tests/run.py --deep --budget SECONDS  those that will probably end in that time; the others are named
    Tests/run.py SUITE --only PART:NAME   one test of a suite (see CONTRIBUTING.md)
    Tests/run.py --list      lists the suites, with the seconds that each took the last time

The last line of the output is `N passed, N failed`. The exit status is 0 if nothing failed. A suite that does not run to its
end counts as failed, and so does a case that was skipped. Logs and results go to Tests/.results. Needs `make setup`.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import signal
import sys

from harness import builds
from harness.cprograms import c_tests
from harness.external import folder, script
from harness.results import read_swift_events
from harness.sanitizers import sanitizers
from harness.suite import (
    RELEASE,
    RESULTS,
    SCRATCH_DEBUG,
    Case,
    Only,
    Run,
    Suite,
    SuiteError,
    Took,
    run_suite,
    run_suites,
)


def sources(run: Run) -> None:
    """Checks the text of the sources, and that `make mutants` finds the code that it changes."""
    script(CHECKS, "sources", build=None)(run)
    script("Tests/mutants/mutants.py", "places", build=None)(run)


def swift_tests(run: Run) -> None:
    """Every test target of Package.swift."""
    run.build(builds.swift_build("--build-tests"))
    events = RESULTS / "swift-events.jsonl"
    events.unlink(missing_ok=True)
    test = ["swift", "test", "--scratch-path", str(SCRATCH_DEBUG), "--skip-build", "--disable-xctest"]
    if run.only:
        test += ["--filter", f"{run.only.part}.*{run.only.name}"]
    outcome = run.program([*test, "--event-stream-version", "0", "--event-stream-output-path", events])
    run.record(*read_swift_events(events))
    expect_agreement(run, outcome.status, "swift test")


def simulation(run: Run) -> None:
    """The library and gateways in virtual time. A range of seeds is a case."""
    run.build(builds.swift_build("-c", "release", "--product", "simulate"))
    seeds = 1000
    for first in filter(lambda first: run.wants(str(first)), range(1, 4 * seeds, seeds)):
        outcome = run.program([RELEASE / "simulate", "--seeds", str(seeds), "--from", str(first)], limit_s=240)
        why = None if outcome.status == 0 else outcome.ended
        if "requests" not in outcome.output:
            why = "it ran no schedule"
        run.check(f"seeds {first} to {first + seeds - 1}", why)
    for seed in filter(lambda _: run.wants("again"), range(1, 4 * seeds, 401)):
        command = [RELEASE / "simulate", "--seed", str(seed)]
        first, again = (run.program(command, limit_s=60).output for _ in range(2))
        same = first == again and "no promise broken" in first
        run.check(f"seed {seed} again", None if same else "another run of the same seed came out otherwise")


def repeats(run: Run) -> None:
    """Runs tests of `make test` many times, and ten times as many schedules as `make simulate` does by default."""
    builds.library(run)
    os.environ["CAPDIST_CYCLES"] = "1000"
    folder("Tests/guests", part="unload")(run)
    many = {"CAPDIST_EXITS": "1000", "CAPDIST_FORKS": "200", "CAPDIST_SOAK_REQUESTS": "100000"}
    c_tests(run, programs=("test_exit", "test_fork", "test_faults_soak"), more=many)
    run.build(builds.swift_build("-c", "release", "--product", "simulate"))
    for first in filter(lambda first: run.wants(str(first)), range(10_001, 50_001, 10_000)):
        outcome = run.program([RELEASE / "simulate", "--seeds", "10000", "--from", str(first)], limit_s=600)
        run.check(f"seeds {first} to {first + 9_999}", None if outcome.status == 0 else outcome.ended)


def benchmark(run: Run) -> None:
    """One short round of the benchmarks: every client runs, and its figures are plausible. Each output line is a case. Only
    `make bench` checks costs, since the machine may be busy here."""
    builds.library(run)
    outcome = run.program(["python3", "Benchmarks/bench.py", "--quick", "--library", RELEASE / "libcapdist.so.1"])
    for line in outcome.output.splitlines():
        # A client that is not available ("not measured") is not a case.
        if line.startswith(("ok ", "FAILED")):
            run.check(line, line if line.startswith("FAILED") else None)
    expect_agreement(run, outcome.status, "bench.py")


def expect_agreement(run: Run, status: int, program: str) -> None:
    """Adds a failed case if the program failed without one."""
    if status != 0 and run.cases and all(case.passed for case in run.cases):
        raise SuiteError(f"{program}: every case passed, and yet its exit status is {status}")


#: Suites without a program of their own.
CHECKS = "Tests/project/checks.py"
#: `builds` builds what the others use.
SUITES = [
    Suite("builds", "release and debug from nothing, without a warning", 600, script(CHECKS, "builds", build=None), usual_s=240, is_first=True),
    Suite("sources", "format, generated messages, banned imports, places of mutants", 120, sources, usual_s=15),
    Suite("header", "capdist.h as C99 and C++17", 60, script(CHECKS, "header", build=None), usual_s=1),
    Suite("abi", "the C interface matches the record, and no generated file is stale", 60, script(CHECKS, "abi", build=None), usual_s=15),
    Suite("shipped", "the shipped library: symbols, size, dependencies", 300, script(CHECKS, "shipped"), usual_s=5),
    Suite("swift", "the modules' own tests", 600, swift_tests, usual_s=60),
    Suite("simulation", "the library in thousands of schedules in virtual time", 300, simulation, usual_s=40),
    Suite("c", "the C interface of the shipped library, in both modes", 900, c_tests, usual_s=200),
    Suite("guests", "applications that unload the library, lack something, or have a Swift runtime of their own", 600, folder("Tests/guests"), usual_s=60),
    Suite("corpus", "the corpus of each fuzzing target", 900, script("Tests/Fuzz/fuzzing.py", "corpus", build=None), usual_s=60),
    Suite("cpp", "the C++ headers with gcc and clang, under sanitizers, and the named cases", 900, folder("bindings/cpp"), usual_s=210),
    Suite("csharp", "the C# binding with Mono: NUnit, the named cases, the samples", 600, folder("bindings/csharp"), usual_s=100, in_bindings=True),
    Suite("node", "the Node package: its tests, the named cases, the samples, its declarations", 600, folder("bindings/node"), usual_s=120, in_bindings=True),
    Suite("python", "the Python package", 600, folder("bindings/python"), usual_s=120),
    Suite("java", "the Java binding, and the named cases", 600, folder("bindings/java"), usual_s=120, in_bindings=True),
    Suite("flows", "derived figures, equal in all languages", 300, folder("Tests/flows"), usual_s=60, in_bindings=True),
    Suite("tool", "the command capdist, in pipes, terminals and a browser", 900, folder("Tests/tool", builds.tool), usual_s=120, in_bindings=True),
    Suite("docs", "every block of the pages runs, every link and name exists", 300, script("Tests/docs/docs.py", build=builds.tool), usual_s=100, in_bindings=True),
    Suite("packages", "make install, the wheel and the other packages: built and used", 600, script("Tests/packages/packages.py", build=builds.tool), usual_s=90, in_bindings=True),
    Suite("bench", "a short round of every benchmark", 600, benchmark, usual_s=30, in_bindings=True),
    Suite("vendor", "the vendor's client and the vendor's messages", 600, folder("Tests/vendor"), usual_s=60),
]

#: Suites that take long, or depend on chance.
DEEP = [
    Suite("releases", "releases of the vendor's package from PyPI, with the simulator", 1800, folder("Tests/releases"), usual_s=240),
    Suite("runtimes", "a program in each language with a large compiler", 600, folder("Tests/runtimes", part="deep"), usual_s=120),
    Suite("sanitizers", "the C tests under sanitizers, the samples under valgrind", 1500, sanitizers, usual_s=900),
    Suite("fuzzing", "each fuzzing target: its corpus under sanitizers, and a minute of new inputs", 1800, script("Tests/Fuzz/fuzzing.py", build=None), usual_s=480),
    Suite("autobahn", "the Autobahn test suite tests the WebSocket framing, as client and as server", 600, script("Tests/autobahn/autobahn.py", build=None), usual_s=90),
    Suite("repeats", "many processes that end or fork, many requests under faults, many schedules", 1800, repeats, usual_s=420),
    Suite("pythons", "the Python package on PyPy, and bundled by PyInstaller and Nuitka", 1800, script("bindings/python/tests/elsewhere.py", build=builds.tool), usual_s=600),
    Suite("record", "a week of 3,000 securities, and the command's start", 1500, folder("Tests/tool", builds.tool, part="deep"), usual_s=420),
    Suite("mutants", "the library broken on purpose: a test fails for each mutant", 1800, script("Tests/mutants/mutants.py", build=None), usual_s=900),
]


#: What a developer runs before each commit: lint, units, the C tests once, Python.
QUICK = [
    Suite("sources", "format, generated messages, banned imports, places of mutants", 120, sources),
    Suite("swift", "the modules' own tests", 600, swift_tests, usual_s=60),
    Suite("c", "the C interface of the shipped library, in thread mode", 600, functools.partial(c_tests, modes=("thread",))),
    Suite("python", "the Python package", 600, folder("bindings/python")),
]

#: The file with the seconds that each suite took the last time it ran completely.
SECONDS = RESULTS / "seconds.json"
#: How many of the slowest cases are printed.
SLOWEST = 15


def main() -> int:
    """Runs the command line. Returns the exit status."""
    # In a background process these would be ignored, here and in the tests that interrupt programs.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        # Started by nohup: this program goes on, and child programs get the default action, as after every exec.
        signal.signal(signal.SIGHUP, lambda *_: None)
    parser = argparse.ArgumentParser(description="Runs the test suites.")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help="the suites to run; all if none is named")
    parser.add_argument("--deep", action="store_true", help="those of `make deep`, if none is named")
    parser.add_argument("--quick", action="store_true", help="those of `make quick`")
    parser.add_argument("--only", type=Only.of, default=Only(), metavar="PART:NAME", help="a part of a suite, tests of this name")
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="leave out suites that would not end within it")
    parser.add_argument("--list", action="store_true", help="name the suites")
    arguments = parser.parse_args()
    if arguments.list:
        list_suites()
        return 0
    every = QUICK if arguments.quick else [*SUITES, *DEEP]
    unknown = set(arguments.suites) - {suite.name for suite in every}
    if unknown:
        parser.error(f"no such suite: {', '.join(sorted(unknown))} (see --list)")
    if arguments.only and len(arguments.suites) != 1:
        parser.error("--only is for one suite")
    chosen = [suite for suite in every if suite.name in arguments.suites]
    chosen = chosen or (QUICK if arguments.quick else DEEP if arguments.deep else SUITES)
    summary = RESULTS / ("summary-deep.txt" if arguments.deep else "summary.txt")
    summary.unlink(missing_ok=True)
    cases: list[tuple[str, Case]] = []
    took: dict[str, Took] = {}
    if arguments.budget is not None:
        chosen = within(chosen, arguments.budget)
    # Most of what is quick waits more than it computes.
    beside = 1 if arguments.deep else 4 if arguments.quick else 2
    for suite, its_cases, took[suite.name] in run_suites(chosen, arguments.only, beside=beside):
        cases += [(suite.name, case) for case in its_cases]
        if not arguments.only and not arguments.quick:
            remember(suite, took[suite.name])
    tell_slowest(took, cases)
    failed = [(suite, case) for suite, case in cases if not case.passed]
    print()
    for suite_name, case in failed:
        print(f"FAILED {suite_name}: {case.name}: {case.why}")
    line = f"{len(cases) - len(failed)} passed, {len(failed)} failed"
    RESULTS.mkdir(parents=True, exist_ok=True)
    summary.write_text(line + "\n", encoding="utf-8")
    print(line, flush=True)
    return 1 if failed else 0


def within(suites: list[Suite], budget_s: float) -> list[Suite]:
    """Those that will probably end in time, one after the other. Names the others."""
    fitting: list[Suite] = []
    for suite in suites:
        if suite.usual_s <= budget_s:
            fitting.append(suite)
            budget_s -= suite.usual_s
        else:
            print(f"not run, since {budget_s:.0f} s are left and it takes {suite.usual_s:.0f}: {suite.name}", flush=True)
    return fitting


def list_suites() -> None:
    """Lists the suites, with the seconds that each took the last time, or usually takes."""
    seconds = last_seconds()
    for title, suites in (("make test", SUITES), ("make deep", DEEP)):
        print(f"{title}:")
        for suite in suites:
            usual = f"about {suite.usual_s:.0f} s" if suite.usual_s else "–"
            last = f"{seconds[suite.name]:.0f} s" if suite.name in seconds else usual
            print(f"  {suite.name:10} {last:>11}  {suite.about}")


def last_seconds() -> dict[str, float]:
    """The seconds that each suite took the last time."""
    try:
        return {str(name): float(took) for name, took in json.loads(SECONDS.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError):
        return {}


def remember(suite: Suite, took: Took) -> None:
    """Records the seconds that a suite took."""
    SECONDS.write_text(json.dumps({**last_seconds(), suite.name: round(took.clock, 1)}, indent=1) + "\n", encoding="utf-8")


def tell_slowest(took: dict[str, Took], cases: list[tuple[str, Case]]) -> None:
    """Prints the time by suite and by case."""
    print("\nwhere time went, in seconds by the clock and of processors:")
    for name, spent in sorted(took.items(), key=lambda item: -item[1].clock):
        print(f"{spent.clock:8.1f} {spent.processor:8.1f}  {name}")
    slow = [(case.seconds, suite, case.name) for suite, case in cases if case.seconds >= 1]
    if slow:
        print("the slowest cases:")
    for seconds, suite, name in sorted(slow, reverse=True)[:SLOWEST]:
        print(f"{seconds:8.1f}  {suite}: {name}")


if __name__ == "__main__":
    sys.exit(main())
