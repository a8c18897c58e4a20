"""The package with version 1.0 of the library: its structs are shorter, and it lacks functions and options."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from support import LIBRARY, ROOT, SOURCE
from conftest import Start

PROGRAM = """
    import sys, asyncio, threading
    from capdist import ArgumentError, Client, LoopClient, RefusedError, Retry, Status, CapdistError
    port = int(sys.argv[1])
    with Client(port=port, quota_requests=0) as client:
        client.wait_ready(20)
        print(client.capital_distribution("HK.00700").capital_in_big)
        try:
            client.capital_distribution("HK.99999")
        except RefusedError as error:
            print(error.status.name, error.retry.name)
        raw = bytes.fromhex("0a0b0a09080112053939393939")
        told = threading.Event()
        client.send_proto(3212, raw, lambda reply: (print(reply.status.name, reply.retry.name), told.set()))
        assert told.wait(20)
        print(client.info().is_ready, client.quota().limit)
    print(CapdistError("", Status.RELEASED).retry.name)
    try:
        Client(port=port, outage_wait=False)
    except ArgumentError as error:
        print(error.status.name)

    async def main():
        async with await LoopClient.connect(port=port, quota_requests=0) as client:
            print((await client.capital_distribution("HK.00700")).capital_in_big)
            try:
                await client.capital_distribution("HK.99999")
            except RefusedError as error:
                print(error.retry.name)

    asyncio.run(main())
"""
EXPECTED = """\
859479380.0
REFUSED UNKNOWN
REFUSED UNKNOWN
True 0
UNKNOWN
UNSUPPORTED
859479380.0
UNKNOWN
"""


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Today's library in the form of version 1.0. Reading beyond a struct's end would crash the process."""
    library = tmp_path_factory.mktemp("older") / "libcapdist.so.1"
    command = [
        "cc",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-shared",
        "-fPIC",
        f"-I{ROOT / 'include'}",
        ROOT / "Tests" / "older" / "older.c",
    ]
    subprocess.run([*command, "-Wl,-soname,libcapdist.so.1", "-o", library], check=True, timeout=60)
    return library


def test_over_the_first_version(older: Path, simulator: Start) -> None:
    environment = {**os.environ, "CAPDIST_LIBRARY": str(older), "CAPDIST_REAL": str(LIBRARY), "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(simulator().port)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, EXPECTED), done.stderr[-2000:]
