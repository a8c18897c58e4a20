"""Finds the package, the library and opend-simulator, and has the fixtures.

CAPDIST_LIBDIR is the folder of the library and the simulator. CAPDIST_LIBRARY and CAPDIST_SIMULATOR name the files.
Tests/run.py sets them.
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
    """Each test ends all its connections and requests."""
    yield
    assert wait_until(lambda: not _callbacks.connections, 2), "a connection is left open"
    assert not _callbacks.pending, "a request is left"


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Start]:
    """A function that starts opend-simulator with options. All that were started are ended."""
    started: list[Simulator] = []

    def start(*options: str) -> Simulator:
        started.append(Simulator(tmp_path / f"trace{len(started)}.jsonl", options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def silent() -> Iterator[SilentGateway]:
    """A gateway that accepts connections and sends nothing."""
    gateway = SilentGateway()
    yield gateway
    gateway.stop()


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """The exceptions that went to sys.unraisablehook."""
    reported: list[BaseException] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda event: reported.append(event.exc_value))
    return reported


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """The test leaves no thread and no descriptor behind."""
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
    """A client of that gateway, without a quota."""
    with Client(port=gateway.port, quota_requests=0) as connected:
        connected.wait_ready()
        yield connected
