#!/usr/bin/env python3
"""Measures libcapdist and its peers against one gateway, in one go.

    Benchmarks/bench.py            prints the tables and writes docs/benchmarks.md
    Benchmarks/bench.py --quick    one short round: does everything run, and are the figures sane? Writes nothing.

Every run is a process of its own; in each round every client has its turn. The exit status is 0 if everything ran, the
figures are sane and, but for a quick round, what is asserted holds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import footprint
import report
import tools
from rows import MODES, WAYS, Client, Row, clients
from tools import BenchmarkError, Gateway


class Bench:
    """The rows and what they run against."""

    def __init__(
        self, gateways: Mapping[int | str | None, Gateway], library: Path, python: tools.Python, home: str, is_quick: bool
    ) -> None:
        self.gateways = gateways
        self.python = python
        self.is_quick = is_quick
        self.cores = os.sched_getaffinity(0)
        self.one_core = {max(self.cores)}
        self.env = {
            "CAPDIST_LIBRARY": str(library),
            "PYTHONPATH": str(tools.ROOT / "bindings" / "python" / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
            # The vendor's client writes its log there.
            "HOME": home,
        }
        #: Milliseconds that processes lived which asked once.
        self.lives: list[float] = []
        self.rows = [Row(client) for client in clients(str(python.program))]
        for row in self.rows:
            if row.client.key.startswith("nautilus"):
                row.missing = python.no_nautilus

    def command(self, client: Client, requests: int) -> Sequence[str]:
        """The command line: the port comes after the program, the number of requests last."""
        program = client.command[: 1 if client.language == "C" else 2]
        words = client.command[len(program) :]
        return [*program, self.gateways[client.way].port, *words, str(requests)]

    def measured(self) -> list[Row]:
        """The rows that can be measured."""
        return [row for row in self.rows if not row.missing]

    def run(self, client: Client, cores: set[int]) -> dict[str, float]:
        """Runs a client once, it and the gateway on these cores. Returns its figures."""
        gateway = self.gateways[client.way]
        gateway.place(cores)
        requests = client.quick_requests if self.is_quick else client.requests
        _, before_us = gateway.figures()
        lines = tools.run(self.command(client, requests), self.env).splitlines()
        _, after_us = gateway.figures()
        # The vendor's client logs on standard output, before and after.
        found: list[dict[str, float]] = [json.loads(line) for line in lines if line.startswith('{"requests"')]
        if len(found) != 1:
            raise BenchmarkError(f"{client.name} printed {len(found)} lines of figures")
        figures = found[0]
        figures["rate"] = figures["requests"] / figures["seconds"]
        figures["processor_us"] /= figures["requests"]
        figures["gateway"] = (after_us - before_us) / (figures["seconds"] * 1e6)
        return figures

    def round(self, number: int) -> None:
        """Runs every client, on all cores and on one. Each round starts with another client.

        With all cores the scheduler now keeps client and gateway together and now apart; apart, each request wakes an idle
        core, which can cost more than the client's work. Processor time is therefore taken on one core as well.
        """
        rows = self.measured()
        start = number % len(rows)
        for row in rows[start:] + rows[:start]:
            figures = self.run(row.client, self.cores)
            figures["processor_all_us"] = figures["processor_us"]
            figures["processor_us"] = self.run(row.client, self.one_core)["processor_us"]
            row.runs.append(figures)

    def live(self) -> None:
        """Runs a process that asks once, a few times."""
        (client,) = (row.client for row in self.rows if row.client.key == "callback")
        self.gateways[client.way].place(self.cores)
        self.lives += [tools.life(self.command(client, 1), self.env) for _ in range(2 if self.is_quick else 11)]

    def count(self) -> None:
        """Counts system calls and instructions a request, as the difference of a short and a long run, so that starting
        and ending cancel out. In a quick round two rows at a time, since nothing here is timed."""
        short, long = (50, 250) if self.is_quick else (200, 1_200)
        for gateway in self.gateways.values():
            gateway.place(self.cores if self.is_quick else self.one_core)

        def count_row(row: Row) -> None:
            command = [self.command(row.client, requests) for requests in (short, long)]
            few, many = (tools.system_calls(words, self.env) for words in command)
            row.calls = {name: (many[name] - few.get(name, 0)) / (long - short) for name in many}
            if row.client.language == "C":
                first, second = (tools.instructions(words, self.env) for words in command)
                row.instructions = (second - first) / (long - short)

        with ThreadPoolExecutor(2 if self.is_quick else 1) as pool:
            for _ in pool.map(count_row, self.measured()):
                pass


def problems(row: Row) -> str:
    """What is not sane about a row's figures; empty if all is."""
    limits = {
        "rate": (10, 5e6),
        "processor_us": (0.2, 1e5),
        "processor_all_us": (0.2, 1e5),
        "resident_kib": (1_000, 4e6),
        "peak_kib": (1_000, 4e6),
        "gateway": (0.0001, 1.5),
    }
    if row.client.mode == "one":
        limits["round_trip_us"] = (1, 1e5)
    wrong = [
        f"{name} is {value:g}"
        for name, (lowest, highest) in limits.items()
        for value in row.values(name)
        if not lowest <= value <= highest
    ]
    calls = sum(row.calls.values())
    if not (0.02 if row.client.mode == "many" else 1.9) <= calls <= 500:
        wrong.append(f"{calls:g} system calls a request")
    if row.client.language == "C" and not (row.instructions and 500 <= row.instructions <= 1e6):
        wrong.append(f"{row.instructions} instructions a request")
    return "; ".join(wrong)


def yardstick(rows: Sequence[Row]) -> str:
    """What is wrong with the minimal client, if it does more than a minimal one: one send and at most two receives a
    request."""
    for row in rows:
        if not row.client.key.startswith("minimal"):  # "together64" makes fewer on purpose
            continue
        sends = sum(row.calls.get(name, 0) for name in ("sendto", "sendmsg", "write", "writev"))
        receives = sum(row.calls.get(name, 0) for name in ("recvfrom", "recvmsg", "read", "readv"))
        if abs(sends - 1) > 0.01 or receives > 2.01:
            return (
                f"the minimal client ({row.client.mode}) makes {sends:.2f} sends and {receives:.2f} receives a request"
            )
    return ""


def main() -> int:
    """Measures and reports. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Measures libcapdist and its peers.")
    parser.add_argument("--rounds", type=int, default=11, help="rounds; the median counts (default 11)")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that all runs; writes nothing")
    parser.add_argument("--base", type=Path, help="another libcapdist.so, whose figures stand beside this one's")
    parser.add_argument("--library", type=Path, help="a built libcapdist.so, instead of building one")
    arguments = parser.parse_args()
    rounds = 1 if arguments.quick else arguments.rounds
    if rounds < 1:
        parser.error("--rounds must be at least 1")
    try:
        library, build_s = tools.build(arguments.library)
        python = tools.make_venv()
        with ExitStack() as stack:
            gateways = {way: stack.enter_context(Gateway(way)) for way in (None, *WAYS)}
            home = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-home-"))
            bench = Bench(gateways, library, python, home, arguments.quick)
            load = os.getloadavg()[0]
            for number in range(rounds):
                print(f"round {number + 1} of {rounds}", flush=True)
                bench.round(number)
            bench.live()
            print("counting system calls and instructions", flush=True)
            bench.count()
            print("measuring what it costs a process", flush=True)
            libraries = [library, *([arguments.base.resolve()] if arguments.base else [])]
            footprints = footprint.measure(libraries, gateways, rounds, arguments.quick)
    except BenchmarkError as error:
        print(f"FAILED: {error}", flush=True)
        return 1
    failed = 0
    for row in bench.rows:
        wrong = "" if row.missing else problems(row)
        failed += bool(wrong)
        way = f", {WAYS[row.client.way]}" if row.client.way is not None else ""
        title = f"{row.client.language}: {row.client.name}, {MODES[row.client.mode]}{way}"
        if row.missing:
            print(f"not measured: {title}: {row.missing}")
        else:
            print(f"FAILED {title}: {wrong}" if wrong else f"ok {title}")
    excess = yardstick(bench.rows)
    failed += bool(excess)
    print(f"FAILED yardstick: {excess}" if excess else "ok yardstick: one send and at most two receives a request")
    print()
    goals = report.goals(bench.rows, bench.lives, build_s) + footprint.goals(footprints[0])
    print(report.tables(bench.rows))
    print(footprint.table(footprints))
    print(report.goal_table(goals))
    if load > 0.5:
        print(f"Beware: the load average was {load:.2f} at the start: other programs were running.")
    if not arguments.quick:
        if not failed:
            text = report.document(bench.rows, goals, footprint.table(footprints[:1]), python.version, rounds)
            (tools.ROOT / "docs" / "benchmarks.md").write_text(text, encoding="utf-8")
            print("Wrote docs/benchmarks.md.")
    if not arguments.quick:
        failed += sum(goal.passed is False for goal in goals)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
