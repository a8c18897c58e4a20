"""Finds the package, the shipped library and opend-simulator, and gives the tests their gateways.

CAPDIST_LIBDIR tells where the library and the simulator are; CAPDIST_LIBRARY and CAPDIST_SIMULATOR name the files
themselves. Tests/run.py sets them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support import LIBRARY, SOURCE, SilentGateway, Simulator, descriptors, threads, wait_until  # noqa: E402

sys.path.insert(0, str(SOURCE))
os.environ["CAPDIST_LIBRARY"] = str(LIBRARY)

from capdist import Client, _callbacks  # noqa: E402

Start = Callable[..., Simulator]


@pytest.fixture(autouse=True)
def nothing_open() -> Iterator[None]:
    """No connection and no request outlives its test."""
    yield
    assert wait_until(lambda: not _callbacks.connections, 2), "a connection is left open"
    assert not _callbacks.pending, "a request is left"


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Start]:
    """Starts opend-simulator with the options it is called with; ends all that were started."""
    started: list[Simulator] = []

    def start(*options: str) -> Simulator:
        started.append(Simulator(tmp_path / f"trace{len(started)}.jsonl", options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def silent() -> Iterator[SilentGateway]:
    """A gateway that accepts and says nothing."""
    gateway = SilentGateway()
    yield gateway
    gateway.stop()


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """What was reported through sys.unraisablehook."""
    reported: list[BaseException] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda event: reported.append(event.exc_value))
    return reported


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """No thread and no descriptor is left by the test."""
    before = threads(), descriptors()
    yield
    assert wait_until(lambda: threads() <= before[0]), "threads are left"
    assert wait_until(lambda: descriptors() <= before[1]), "descriptors are left"


@pytest.fixture
def gateway(simulator: Start) -> Simulator:
    """A gateway without a quota."""
    return simulator("--no-quota")


@pytest.fixture
def client(gateway: Simulator) -> Iterator[Client]:
    """A client of it, without a quota."""
    with Client(port=gateway.port, quota_requests=0) as connected:
        connected.wait_ready()
        yield connected
