"""What the tests of the command `capdist` share: the command, the simulator, and terminals.

CAPDIST_LIBDIR and CAPDIST_SIMULATOR say where the command, the library and opend-simulator are. Tests/run.py sets them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support import Gateway  # noqa: E402


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment has only the test's own settings."""
    for name in list(os.environ):
        if name.startswith("CAPDIST_") and name not in ("CAPDIST_LIBDIR", "CAPDIST_SIMULATOR"):
            monkeypatch.delenv(name)
    for name in ("NO_COLOR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def gateway() -> Iterator[Callable[..., Gateway]]:
    """A function that starts opend-simulator with options. All that were started are ended."""
    started: list[Gateway] = []

    def start(*options: str, port: int = 0) -> Gateway:
        started.append(Gateway(options, port))
        return started[-1]

    yield start
    for running in started:
        running.end()
