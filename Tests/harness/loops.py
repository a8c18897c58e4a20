"""The adapters for hosts' own event loops (bindings/c/adapters): each sample answers, and makes no thread."""

from __future__ import annotations

import re
from pathlib import Path

from .gateway import simulator
from .suite import RELEASE, RESULTS, ROOT, Run

ADAPTERS = ROOT / "bindings" / "c" / "adapters"
SAMPLES = {"poll": (), "epoll": (), "uv": ("-luv",)}


def loops(run: Run) -> None:
    """Builds each sample and runs it."""
    out = RESULTS / "loops"
    out.mkdir(parents=True, exist_ok=True)
    flags = ["-std=c11", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror", "-pedantic"]
    for name, libraries in SAMPLES.items():
        link = ["-Iinclude", f"-L{RELEASE}", "-lcapdist", f"-Wl,-rpath,{RELEASE}", *libraries]
        run.build(["cc", *flags, ADAPTERS / f"{name}.c", "-o", out / name, *link])
    with simulator("--no-quota") as first, simulator("--no-quota") as second:
        here = ["127.0.0.1", str(first)]
        for name in ("poll", "uv"):
            # Without an input that stays open the first sample ends at once.
            program = ["sh", "-c", f"sleep 5 | exec '{out / name}' {' '.join(here)} HK.00700 HK.99999 nonsense"]
            printed = _answers(run, name, program, out)
            good = "HK.00700 859479380\n" in printed and "HK.99999 the gateway refused" in printed and "MARKET.CODE" in printed
            run.check(f"{name}: two answers and a refused call", None if good else printed[-300:])
        printed = _answers(run, "epoll", [out / "epoll", "HK.00700", *here, "localhost", str(second), "127.0.0.1", "1"], out)
        good = all(line in printed for line in (f"{first}: 859479380\n", f"{second}: 859479380\n", "is OpenD running there?"))
        run.check("epoll: two gateways, and one that is not there", None if good else printed[-300:])


def _answers(run: Run, name: str, command: list[str | Path], out: Path) -> str:
    """Runs it under strace, which sees what threads are made."""
    trace = out / f"{name}.strace"
    outcome = run.program(["strace", "-f", "-e", "trace=clone,clone3,execve", "-o", trace, *command], limit_s=30)
    program = re.search(rf'^(\d+) +execve\("{re.escape(str(out / name))}"', trace.read_text(), re.M)
    threads = program and re.findall(rf"^{program[1]} +clone3?\(.*CLONE_THREAD", trace.read_text(), re.M)
    why = "it was not run" if program is None else f"{len(threads or [])} threads" if threads else None
    run.check(f"{name}: no thread is made", why)
    run.check(f"{name}: ends well", None if outcome.status == 0 else outcome.ended)
    return outcome.output
