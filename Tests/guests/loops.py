"""The adapters for applications' event loops (bindings/c/adapters, capdist/asio.hpp): each sample prints the answer, makes no
thread, and reports why there is none."""

from __future__ import annotations

import re
from pathlib import Path

from harness.gateway import simulator
from harness.suite import RESULTS, Run

SAMPLES = ("poll", "epoll", "uv")
TRACED = "clone,clone3,execve,poll,epoll_wait,epoll_pwait,epoll_create1,epoll_ctl,close"


def loops(run: Run) -> None:
    """Runs each sample. (Tests/c/test_uv.c has more tests of capdist_uv.h.)"""
    out = RESULTS / "guests"
    # Answers are late. A loop that does not sleep would turn thousands of times until then.
    with simulator("--no-quota", "--latency", "300") as first, simulator("--no-quota") as second:
        here = ["127.0.0.1", str(first)]
        for name in ("poll", "uv", "asio"):
            printed = _answers(run, name, [out / name, *here, "HK.00700", "HK.99999", "nonsense"], out)
            # The timer of the asio sample prints this if answers are late.
            told = [line for line in printed.splitlines() if not line.startswith("still ")]
            lines = sorted(line[:29] for line in told)
            good = lines == ["HK.00700 859479380", "HK.99999 the gateway refused ", "nonsense a security is writte"]
            run.check(f"{name}: two answers and a refused call, and nothing else", None if good else printed[-300:])
        printed = _answers(run, "epoll", [out / "epoll", "HK.00700", *here, "localhost", str(second), "127.0.0.1", "1"], out)
        good = all(line in printed for line in (f"{first}: 859479380\n", f"{second}: 859479380\n", "1: 127.0.0.1: port 1 refused"))
        run.check("epoll: two gateways, and one that is not there", None if good else printed[-300:])
        _unfinished_line(run, out / "poll", first)
    outcome = run.program(["timeout", "10", out / "asio", "gateway.invalid", "1", "HK.00700"], limit_s=30)
    told = re.search(r"the name gateway\.invalid was not found \(.+\)", outcome.output)
    run.check("asio: looks names up", None if told else outcome.output[-300:] or outcome.ended)
    for name in (*SAMPLES, "asio"):
        command = [out / name, "HK.00700", "127.0.0.1", "1"] if name == "epoll" else [out / name, "127.0.0.1", "1", "HK.00700"]
        outcome = run.program(["timeout", "2", *command], limit_s=30)
        told = re.search(r"^connecting failed.*: is OpenD running there\?(?: This is final.*)?$", outcome.output, re.M)
        run.check(f"{name}: tells why nothing comes", None if told else outcome.output[-300:] or outcome.ended)


def _unfinished_line(run: Run, program: Path, port: int) -> None:
    """A terminal or a pipe may have a part of a line only. Connections must not wait for the rest."""
    typed = "printf HK.000; sleep 2; echo the rest >&2; printf '05\\nHK.0000'; sleep 0.1; printf 1"
    outcome = run.program(["sh", "-c", f"({typed}) | '{program}' 127.0.0.1 {port} HK.00700"], limit_s=30)
    lines = outcome.output.splitlines()
    good = outcome.status == 0 and lines == ["HK.00700 859479380", "the rest", "HK.00005 2482109", lines[-1]]
    good = good and lines[-1].startswith("HK.00001 ")
    run.check("poll: an unfinished line holds up no answer", None if good else f"{outcome.ended}: {outcome.output[-300:]}")


def _answers(run: Run, name: str, command: list[str | Path], out: Path) -> str:
    """Runs it under strace, which shows new threads, and when descriptors are removed from the loop."""
    path = out / f"{name}.strace"
    outcome = run.program(["strace", "-f", "-e", f"trace={TRACED}", "-o", path, *command], limit_s=30)
    trace = path.read_text()
    threads = len(re.findall(r"^\d+ +clone3?\(.*CLONE_THREAD", trace, re.M))
    run.check(f"{name}: no thread is made", f"{threads} threads" if threads or "execve(" not in trace else None)
    waits = len(re.findall(r"^\d+ +(?:poll|epoll_p?wait)\(", trace, re.M))
    run.check(f"{name}: rests while there is nothing to do", f"{waits} waits" if not 0 < waits < 200 else None)
    if name != "poll":
        left = _left_in_sets(trace)
        run.check(f"{name}: a descriptor leaves the loop before it is closed", left)
    run.check(f"{name}: ends well", None if outcome.status == 0 else outcome.ended)
    return outcome.output


def _left_in_sets(trace: str) -> str | None:
    """A connection's descriptor is an epoll set. If it was added to another one, it must be removed before it is closed."""
    sets: set[str] = set()
    added: set[tuple[str, str]] = set()
    count = 0
    for line in trace.splitlines():
        if made := re.search(r" epoll_create1\(.*\) += (\d+)$", line):
            sets.add(made[1])
        elif change := re.search(r" epoll_ctl\((\d+), EPOLL_CTL_(ADD|DEL), (\d+),.*\) += 0$", line):
            if change[3] in sets and change[2] == "ADD":
                added.add((change[1], change[3]))
                count += 1
            elif change[2] == "DEL":
                added.discard((change[1], change[3]))
        elif closed := re.search(r" close\((\d+)\)", line):
            if left := [pair for pair in added if pair[1] == closed[1]]:
                return f"{left[0][1]} was closed while in set {left[0][0]}"
            sets.discard(closed[1])
            added = {pair for pair in added if pair[0] != closed[1]}
    return None if count else "none was ever added"
