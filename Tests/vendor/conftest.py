"""What the tests with the vendor's code share. futu-api is in the virtual environment of `make setup`.

CAPDIST_LIBDIR and CAPDIST_SIMULATOR say where the library and opend-simulator are. Tests/run.py sets them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# The vendor's package makes a log folder in HOME when it is imported.
_home = tempfile.TemporaryDirectory(prefix="futu-home-")
os.environ["HOME"] = _home.name
sys.path.insert(0, str(Path(__file__).parent))

from gateway import Gateway  # noqa: E402
from simulator import Simulator  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
LIBDIR = Path(os.environ.get("CAPDIST_LIBDIR", ROOT / ".build-test" / "release"))
# The Python package, for tests that the C programs have no option for.
sys.path.insert(0, str(ROOT / "bindings" / "python" / "src"))
os.environ["CAPDIST_LIBRARY"] = os.environ.get("CAPDIST_LIBRARY", str(LIBDIR / "libcapdist.so"))
SIMULATOR = Path(os.environ.get("CAPDIST_SIMULATOR", LIBDIR / "opend-simulator"))


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Callable[..., Simulator]]:
    """A function that starts opend-simulator with options. All that were started are ended."""
    started: list[Simulator] = []

    def start(*options: str) -> Simulator:
        started.append(Simulator(SIMULATOR, tmp_path / f"trace{len(started)}.jsonl", options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """A gateway with the vendor's messages."""
    with Gateway() as started:
        yield started
    assert not started.failures


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Compiles a C program with the shipped library, once."""
    folder = tmp_path_factory.mktemp("c")
    (folder / "libcapdist.so.1").symlink_to(LIBDIR / "libcapdist.so")
    built: dict[Path, Path] = {}

    def compile_once(source: Path) -> Path:
        if source not in built:
            program = folder / source.stem
            flags = [
                "-std=c99",
                "-D_POSIX_C_SOURCE=200809L",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-I",
                str(ROOT / "include"),
            ]
            link = [str(folder / "libcapdist.so.1"), f"-Wl,-rpath,{folder}", "-lpthread"]
            subprocess.run(["cc", *flags, str(source), "-o", str(program), *link], check=True, timeout=60)
            built[source] = program
        return built[source]

    return compile_once


@pytest.fixture(scope="session")
def fetch(build: Callable[[Path], Path]) -> Path:
    """The blocking sample."""
    return build(ROOT / "bindings" / "c" / "fetch.c")


@pytest.fixture(scope="session")
def capital_distribution(build: Callable[[Path], Path]) -> Path:
    """The sample with callbacks."""
    return build(ROOT / "bindings" / "c" / "capital_distribution.c")


@pytest.fixture(scope="session")
def stay(build: Callable[[Path], Path]) -> Path:
    """A program that stays connected and requests what it reads (stay.c)."""
    return build(Path(__file__).with_name("stay.c"))
