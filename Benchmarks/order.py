#!/usr/bin/env python3
"""Writes what a build is told of functions, from what they did in runs of the library.

- Sources/Embedded/order.txt: the functions that connections call, which the linker puts side by side. Else those of OpenSSL lie all
  over its three megabytes, and the system maps 64 KiB around each that is called: an encrypted connection would take 1 MiB more.
- Sources/Embedded/hot.txt: the functions in Swift that take part in each request, which are compiled for speed; the others are
  compiled for size.

A name that a later build does not have does no harm.

    Benchmarks/order.py LIBRARY    a built libcapdist.so, with its symbols
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import tools
from footprint import WAYS

ORDER = tools.ROOT / "Sources" / "Embedded" / "order.txt"
HOT = ORDER.with_name("hot.txt")

#: How requests are made (Benchmarks/capdist_client.c), and how many in the shorter and the longer run.
MODES = ("callback", "many", "fetch", "poll", "poll-many")
SHORT, LONG = 200, 400


def main() -> None:
    """Runs programs that ask, and writes both files."""
    tools.build(Path(sys.argv[1]))
    with tempfile.TemporaryDirectory(prefix="order-") as folder:
        # valgrind gives up on Swift's debug information.
        library = Path(folder) / "libcapdist.so.1"
        tools.run(["objcopy", "--strip-debug", sys.argv[1], library])
        _write(ORDER, _called(library), 500)
        _write(HOT, _hot(library), 50)


def _write(file: Path, names: list[str], least: int) -> None:
    if len(names) < least:
        raise SystemExit(f"{file.name}: only {len(names)} functions were called")
    file.write_text("\n".join(names) + "\n", encoding="utf-8")


def _called(library: Path) -> list[str]:
    """What a process that asks once called, in each way."""
    called: list[str] = []
    for way, _ in WAYS:
        with tools.Gateway(way) as gateway:
            command = [tools.PROGRAMS / "once", library, gateway.port, *_words(way), "0"]
            called += _counts(library, command)
    return list(dict.fromkeys(called))


def _hot(library: Path) -> list[str]:
    """What each further request took an instruction of, in any way and mode; what took most of them is first."""
    most: dict[str, int] = {}
    for way in (*(way for way, _ in WAYS), "websocket"):
        for mode in MODES:
            with tools.Gateway(way) as gateway:
                command = [tools.PROGRAMS / "capdist_client", gateway.port, mode, *_words(way)]
                short, long = (_counts(library, [*command, str(requests)]) for requests in (SHORT, LONG))
            for name, count in long.items():
                more = count - short.get(name, 0)
                if more >= LONG - SHORT and re.match(r"\$|swift_", name):
                    most[name] = max(more, most.get(name, 0))
    return sorted(most, key=lambda name: (-most[name], name))


def _words(way: int | str | None) -> list[str | Path]:
    """What tells a program the way to a gateway."""
    if way is None:
        return []
    if isinstance(way, int):
        return [tools.RSA_KEY, str(way)]
    return [way, tools.TLS / "ca.pem"] if way == "tls" else [way]


def _counts(library: Path, command: Sequence[str | Path]) -> dict[str, int]:
    """How many instructions each of the library's functions took in a run of a program; the most first."""
    out = library.with_name("out")
    tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
    tools.run([*tool, *command], {"LD_LIBRARY_PATH": str(library.parent)})
    told = tools.run(["callgrind_annotate", "--threshold=100", out])
    counts: dict[str, int] = {}
    line = r"^ *([\d,]+) .*:([\w$.]+)(?:'\d+)? \[.*libcapdist\.so\.1\]$"
    for count, name in re.findall(line, told, re.MULTILINE):
        counts[name] = counts.get(name, 0) + int(count.replace(",", ""))
    return counts


if __name__ == "__main__":
    main()
