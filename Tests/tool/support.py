"""The command as a child process, in a pipe or in a terminal; the simulator; waiting with a limit."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBDIR = Path(os.environ.get("CAPDIST_LIBDIR", ROOT / ".build-test" / "release"))
TOOL = Path(os.environ.get("CAPDIST_TOOL", LIBDIR / "capdist"))
SIMULATOR = Path(os.environ.get("CAPDIST_SIMULATOR", LIBDIR / "opend-simulator"))
RSA_KEY = ROOT / "Tests" / "vectors" / "rsa" / "2048.pem"

#: The longest wait for something that must happen, in seconds.
PATIENCE = 60.0

#: The exit statuses in docs/capdist.md.
DONE, REFUSED, TIMED_OUT, NO_GATEWAY, FILE, USAGE = 0, 1, 2, 3, 4, 64


def environment() -> dict[str, str]:
    """The environment for the command, with the folder of its library."""
    return {**os.environ, "LD_LIBRARY_PATH": str(LIBDIR)}


def run(*words: str | Path | int, stdin: str | None = None, limit: float = PATIENCE) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end."""
    given = [str(word) for word in words]
    return subprocess.run(
        [TOOL, *given], input=stdin or "", text=True, capture_output=True, timeout=limit, env=environment(), check=False
    )


def start(*words: str | Path | int, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """Starts the command with pipes."""
    given = [str(word) for word in words]
    return subprocess.Popen(
        [TOOL, *given], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True, env=environment()
    )


def wait_until(done: Callable[[], bool], what: str) -> None:
    """Waits until `done` returns true."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE:.0f} s"
        time.sleep(0.01)


class Gateway:
    """A running opend-simulator."""

    def __init__(self, options: Sequence[str], port: int = 0) -> None:
        self._process = subprocess.Popen(
            [SIMULATOR, "--port", str(port), "--end-with-input", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline().rpartition(":")[2])
        self.websocket_port = 0
        if "--websocket-port" in options:
            self.websocket_port = int(self._process.stdout.readline().rpartition(":")[2])

    def end(self) -> None:
        """Kills it, as if it had crashed."""
        self._process.kill()
        self._process.wait(timeout=PATIENCE)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class Terminal:
    """The command in a terminal of its own."""

    def __init__(self, *words: str | Path | int, columns: int = 100, rows: int = 30) -> None:
        self.output = ""
        self.status: int | None = None
        begun, begins = os.pipe()
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            # The size is set before the program reads it.
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(TOOL, ["capdist", *(str(word) for word in words)], environment())
        # Until the command has started, a key would interrupt the forked copy of this program. The start closes the pipe's other end.
        os.close(begins)
        assert select.select([begun], [], [], PATIENCE)[0], f"not started within {PATIENCE:.0f} s"
        os.close(begun)

    def resize(self, columns: int, rows: int) -> None:
        """Resizes the terminal, like a window manager."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        """Types keys."""
        os.write(self._master, keys)

    def read(self, seconds: float = 0.05) -> str:
        """The output that comes within that time. All output so far is in `output`."""
        told = ""
        while select.select([self._master], [], [], seconds)[0]:
            try:
                piece = os.read(self._master, 65536)
            except OSError:
                break
            if not piece:
                break
            told += piece.decode(errors="replace")
        self.output += told
        return told

    def wait_for(self, pattern: str) -> str:
        """Reads until the pattern is in the output."""
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.output):
            self.read()
            assert time.monotonic() < deadline, f"{pattern} is not in {self.output[-2000:]!r}"
        return self.output

    def end(self) -> int:
        """Waits for its end. Returns the exit status, negative for a signal."""
        deadline = time.monotonic() + PATIENCE
        while True:
            self.read(0.01)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.read(0.01)
                os.close(self._master)
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                raise AssertionError(f"it does not end: {self.output[-1000:]!r}")


def plain(text: str) -> str:
    """Without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
