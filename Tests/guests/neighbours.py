"""The library in a process with functions whose names are also inside it, and with other OpenSSLs."""

from __future__ import annotations

import os
import re

from conditions import played, ways
from harness.suite import RELEASE, RESULTS, ROOT, Run

OUT = RESULTS / "guests"
LIBRARY = RELEASE / "libcapdist.so.1"
#: When the library is loaded, and with which flag.
HOW = ("first", "last", "global", "deepbind")


def neighbours(run: Run) -> None:
    """Each program connects twice without encryption, with it and over TLS, and checks that none of its functions were
    called."""
    (other,) = (ROOT / ".venv-test").glob("lib/python3*/site-packages/psycopg2_binary.libs/libssl-*.so.3")
    with ways() as where:
        for how in HOW:
            for program, neighbour in (
                ("plain", str(OUT / "libneighbour.so")),
                ("plain", "libssl.so.3"),
                ("plain", str(other)),
                ("own", "-"),
                ("own-linked", "-"),
                ("openssl", "-"),
                ("first", str(OUT / "libneighbour.so")),
                ("last", str(OUT / "libneighbour.so")),
            ):
                name = f"neighbours-{program}, {how}, {os.path.basename(neighbour)}"
                played(run, name, [OUT / f"neighbours-{program}", how, LIBRARY, neighbour, *where])
        _configuration(run, where)


def _configuration(run: Run, where: list[str]) -> None:
    """Neither the file that OPENSSL_CONF names is read, nor the one in OpenSSL's own folder."""
    trace, configuration = OUT / "neighbours.strace", OUT / "openssl.cnf"
    configuration.write_text("openssl_conf = nothing that there is\n")
    strace = ["strace", "-f", "-o", trace, "-e", "trace=openat,open,access,stat,newfstatat"]
    command = [*strace, OUT / "neighbours-plain", "last", LIBRARY, "-", *where]
    played(run, "connects with an OPENSSL_CONF that is none", command, {"OPENSSL_CONF": str(configuration)})
    read = re.findall(r'"([^"]*openssl[^"]*\.cnf)"', trace.read_text())
    run.check("no configuration of OpenSSL's is read", ", ".join(read) or None)
