"""What the benchmark runs on: the programs it builds, the gateway, and the tools that count for it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SCRATCH = ROOT / ".build-bench"
PROGRAMS = SCRATCH / "programs"
VENV = ROOT / ".venv-bench"
#: What encrypted rows and their gateways share.
RSA_KEY = ROOT / "Tests" / "vectors" / "rsa" / "1024.pem"
TLS = ROOT / "Tests" / "vectors" / "tls"
#: Longest run of one program, in seconds.
LIMIT_S = 300.0
#: Interpreters that nautilus-futu has wheels for.
NAUTILUS_PYTHONS = ("python3.12", "python3.13")


class BenchmarkError(Exception):
    """The benchmark can not be run, or not to its end."""


def run(command: Sequence[str | Path], env: dict[str, str] | None = None) -> str:
    """Runs a program to its end. Returns its standard output.

    Raises BenchmarkError, with the end of what it printed, if it fails or takes too long.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            check=False,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT_S,
        )
    except OSError as error:
        raise BenchmarkError(f"{words[0]} does not run: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise BenchmarkError(f"{' '.join(words)}: no end after {LIMIT_S:.0f} s") from error
    if done.returncode != 0:
        tail = (done.stdout + done.stderr)[-2000:]
        raise BenchmarkError(f"{' '.join(words)}: exit status {done.returncode}\n{tail}")
    return done.stdout


# ---------------------------------------------------------------------------------------------------------- building


def build(library: Path | None) -> tuple[Path, float]:
    """Builds the library, unless one is named, and the C programs. Returns the library's file, and how many seconds a build
    of everything that is shipped took from nothing; 0: it was not built."""
    seconds = 0.0
    if library is None:
        shutil.rmtree(SCRATCH, ignore_errors=True)
        started = time.monotonic()
        run(["make", "--silent", "lib", f"SCRATCH={SCRATCH.name}"])
        seconds = time.monotonic() - started
        library = SCRATCH / "release" / "libcapdist.so.1"
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    # Under its SONAME, beside the program that is linked to it; alone, since valgrind gives up on Swift's debug information.
    link = PROGRAMS / "libcapdist.so.1"
    link.unlink(missing_ok=True)
    shutil.copy(library, link)
    messages = ROOT / "Sources" / "CMessages"
    generated = [messages / f"{name}.pb-c.c" for name in
                 ("Common", "InitConnect", "Qot_Common", "Qot_GetCapitalDistribution")]  # fmt: skip
    compile_c("gateway", "-lssl", "-lcrypto")
    compile_c("minimal_client", "-I", messages / "include", *generated, "-lprotobuf-c", "-lcrypto")
    compile_c("once", "-I", ROOT / "include")
    compile_c("capdist_client", "-I", ROOT / "include", link, "-Wl,-rpath,$ORIGIN")
    return library.resolve(), seconds


def compile_c(name: str, *more: str | Path) -> None:
    """Compiles one of the C programs."""
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]
    run(["cc", *flags, HERE / f"{name}.c", *more, "-o", PROGRAMS / name])


@dataclass(frozen=True)
class Python:
    """The interpreter of the Python rows. `no_nautilus` tells why nautilus-futu can not be measured, or is empty."""

    program: Path
    version: str
    no_nautilus: str


def candidates() -> list[str]:
    """Interpreters that may be there: on the PATH, or kept by pyenv for other projects."""
    found = [path for name in NAUTILUS_PYTHONS if (path := shutil.which(name))]
    if shutil.which("pyenv"):
        root = Path(run(["pyenv", "root"]).strip())
        for name in NAUTILUS_PYTHONS:
            found += sorted(str(path) for path in root.glob(f"versions/{name.removeprefix('python')}.*/bin/{name}"))
    return found


def find_interpreter() -> tuple[str, str]:
    """The interpreter to use, and why nautilus-futu can not be measured with it, if so. One for all rows, so that like is
    compared with like."""
    for candidate in candidates():
        try:
            run([candidate, "-c", "import ensurepip, venv"])
        except BenchmarkError:
            continue
        return candidate, ""
    names = " or ".join(NAUTILUS_PYTHONS)
    return sys.executable, f"its wheels need {names}; none that runs is on the PATH or known to pyenv"


def make_venv() -> Python:
    """Makes the virtual environment, unless it is there and up to date."""
    interpreter, no_nautilus = find_interpreter()
    requirements = [HERE / "requirements.txt", HERE / "requirements-nautilus.txt"]
    version = run([interpreter, "-c", "import platform; print(platform.python_version())"]).strip()
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in requirements)).hexdigest() + " " + version
    stamp = VENV / "stamp.json"
    python = VENV / "bin" / "python"
    made = json.loads(stamp.read_text(encoding="utf-8")) if stamp.exists() else {}
    # What could not be had is tried again each time.
    if made.get("wanted") == wanted and made.get("no_nautilus") == "" and python.exists():
        return Python(python, version, "")
    pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if made.get("wanted") != wanted or not python.exists():
        run([interpreter, "-m", "venv", "--clear", VENV])
        run([*pip, "--requirement", requirements[0]])
    if not no_nautilus:
        try:
            run([*pip, "--no-deps", "--only-binary=:all:", "--requirement", requirements[1]])
        except BenchmarkError as error:
            said = [line for line in str(error).splitlines() if line.startswith("ERROR: No matching")]
            no_nautilus = "it can not be installed: " + (said or ["pip failed"])[0].removeprefix("ERROR: ")
    stamp.write_text(json.dumps({"wanted": wanted, "no_nautilus": no_nautilus}), encoding="utf-8")
    return Python(python, version, no_nautilus)


# ----------------------------------------------------------------------------------------------------------- gateway


class Gateway:
    """The canned-reply gateway, running. `port` is where it listens."""

    def __init__(self, way: int | str | None = None) -> None:
        words: list[str | Path] = []
        if way == "websocket":
            words = [way]
        elif way == "tls":
            words = [way, TLS / "server.pem", TLS / "key.pem"]
        elif way is not None:
            words = [RSA_KEY, str(way)]
        self._process = subprocess.Popen(
            [PROGRAMS / "gateway", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.port = self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            line = self._process.stdout.readline().strip() if selector.select(10) else ""
        if not line:
            self._process.kill()
            raise BenchmarkError("the gateway says nothing")
        return line

    def figures(self) -> tuple[int, int]:
        """Requests answered so far, and processor time used so far in microseconds."""
        assert self._process.stdin is not None
        self._process.stdin.write("figures\n")
        answered, processor_us = self._line().split()
        return int(answered), int(processor_us)

    def place(self, cores: set[int]) -> None:
        """Keeps the gateway, and what this program starts from now on, on these cores."""
        os.sched_setaffinity(self._process.pid, cores)
        os.sched_setaffinity(0, cores)

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        finally:
            self._process.kill()
            self._process.wait()


# ---------------------------------------------------------------------------------------------------------- counting


def system_calls(command: Sequence[str | Path], env: dict[str, str]) -> dict[str, int]:
    """How often a program and its threads made each system call."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        table = Path(folder) / "calls"
        run(["strace", "-f", "-c", "-o", table, "--", *command], env)
        calls: dict[str, int] = {}
        for line in table.read_text(encoding="utf-8").splitlines():
            words = line.split()
            # % time, seconds, microseconds a call, calls, perhaps errors, name
            if len(words) in (5, 6) and re.fullmatch(r"[0-9.]+", words[0]) and words[-1] != "total":
                calls[words[-1]] = int(words[3])
    if not calls:
        raise BenchmarkError("strace printed no table")
    return calls


def instructions(command: Sequence[str | Path], env: dict[str, str]) -> int:
    """How many instructions a program executed, the kernel's not counted."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        log = Path(folder) / "log"
        tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", f"--log-file={log}"]
        run([*tool, *command], env)
        said = re.search(r"Collected\s*:\s*(\d+)", log.read_text(encoding="utf-8", errors="replace"))
    if said is None:
        raise BenchmarkError("callgrind told no number")
    return int(said[1])


def life(command: Sequence[str | Path], env: dict[str, str]) -> float:
    """How many milliseconds a program lives, from its start to its end."""
    started = time.monotonic()
    run(command, env)
    return (time.monotonic() - started) * 1000
