"""The shipped library inside hosts that C's test programs can't be: one that loads and unloads it, one written in Swift."""

from __future__ import annotations

from . import checks
from .gateway import simulator
from .suite import RELEASE, RESULTS, ROOT, Run

SOURCES = ROOT / "Tests" / "guests"


def guests(run: Run) -> None:
    """Builds each host and runs it."""
    checks.library(run)
    RESULTS.mkdir(parents=True, exist_ok=True)
    with simulator("--no-quota") as port:
        _unload(run, port)
        _swift_host(run, port)


def _unload(run: Run, port: int) -> None:
    program = RESULTS / "unload"
    flags = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-Iinclude"]
    run.build(["cc", *flags, SOURCES / "unload.c", "-o", program, "-ldl"])
    outcome = run.program([program, RELEASE / "libcapdist.so.1", str(port)], limit_s=60)
    run.check("loaded, used and closed a hundred times", outcome.output.strip() if outcome.status else None)


def _swift_host(run: Run, port: int) -> None:
    program = RESULTS / "swift-host"
    search = ["-Iinclude", f"-L{RELEASE}", "-lcapdist", "-Xlinker", "-rpath", "-Xlinker", str(RELEASE)]
    build = ["swiftc", "-swift-version", "6", "-parse-as-library", "-O", SOURCES / "host.swift", "-o", program, *search]
    run.build(build)
    needed = run.build(["readelf", "--dynamic", "--wide", program]).output
    dynamic = "libswiftCore.so" in needed and "libcapdist.so.1" in needed
    run.check("the Swift host has a runtime of its own", None if dynamic else "it needs no libswiftCore.so")
    for number in range(1, 6):
        outcome = run.program([program, str(port)], limit_s=60)
        good = outcome.status == 0 and outcome.output == "1600 answers\n"
        run.check(f"a Swift host, {number}", None if good else f"{outcome.ended}: {outcome.output.strip()[-300:]}")
