#!/usr/bin/env python3
"""Writes Sources/Embedded/order.txt: the functions that connections call, which the linker puts side by side. Else those of OpenSSL
lie all over its three megabytes, and the system maps 64 KiB around each that is called: an encrypted connection would take 1 MiB
more. A name that a later build does not have does no harm.

    Benchmarks/order.py LIBRARY    a built libcapdist.so, with its symbols
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import tools
from footprint import WAYS

ORDER = tools.ROOT / "Sources" / "Embedded" / "order.txt"


def main() -> None:
    """Runs a process that asks once, in each way, and writes what it called in the library."""
    tools.build(Path(sys.argv[1]))
    called: list[str] = []
    with tempfile.TemporaryDirectory(prefix="order-") as folder:
        # valgrind gives up on Swift's debug information.
        library = Path(folder) / "libcapdist.so.1"
        tools.run(["objcopy", "--strip-debug", sys.argv[1], library])
        for way, _ in WAYS:
            words = [] if way is None else ["tls", tools.TLS / "ca.pem"] if way == "tls" else [tools.RSA_KEY, str(way)]
            out = Path(folder) / "out"
            with tools.Gateway(way) as gateway:
                command = [tools.PROGRAMS / "once", library, gateway.port, *words, "0"]
                tools.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *command])
            told = tools.run(["callgrind_annotate", "--threshold=100", out])
            called += re.findall(r"\S+:([\w$.]+)(?:'\d+)? \[.*libcapdist\.so\.1\]$", told, re.MULTILINE)
    names = list(dict.fromkeys(called))
    if len(names) < 500:
        raise SystemExit(f"only {len(names)} functions were called")
    ORDER.write_text("\n".join(names) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
