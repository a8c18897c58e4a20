"""What the tests share: gateways, child processes, and counts of threads and descriptors."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "bindings" / "python"
SOURCE = PACKAGE / "src"
HEADER = ROOT / "include" / "capdist.h"

LIBDIR = Path(os.environ.get("CAPDIST_LIBDIR", ROOT / ".build-test" / "release"))
LIBRARY = Path(os.environ.get("CAPDIST_LIBRARY") or LIBDIR / "libcapdist.so.1")
SIMULATOR = Path(os.environ.get("CAPDIST_SIMULATOR", LIBDIR / "opend-simulator"))

#: The longest wait for something that must happen, in seconds.
PATIENCE = 20.0
#: The longest time that a wait may take after Ctrl-C, or that an exit may take, in seconds. Without the tested behaviour it
#: takes 10 s or more.
PROMPT = 8.0


def wait_until(done: Callable[[], bool], limit: float = PATIENCE) -> bool:
    """Waits until `done` returns true, or the limit passes. Returns its last result."""
    deadline = time.monotonic() + limit
    while not done():
        if time.monotonic() >= deadline:
            return done()
        time.sleep(0.005)
    return True


class Simulator:
    """A running opend-simulator, which listens on `port`."""

    def __init__(self, trace: Path, options: Sequence[str]) -> None:
        self._trace = trace
        self._process = subprocess.Popen(
            [SIMULATOR, "--port", "0", "--trace", trace, "--end-with-input", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(PATIENCE):
                self.kill()
                raise TimeoutError("opend-simulator does not say where it listens")
        self.port = int(self._process.stdout.readline().strip().removeprefix("listening 127.0.0.1:"))
        #: The port of its WebSocket; 0 without one.
        self.websocket_port = 0
        if "--websocket-port" in options:
            line = self._process.stdout.readline().strip()
            self.websocket_port = int(line.removeprefix("websocket 127.0.0.1:"))

    def seen(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """The events in the trace with that name and these fields."""
        lines = self._trace.read_text(encoding="utf-8").split("\n")[:-1]
        wanted = {"event": event, **fields}
        return [line for line in map(json.loads, lines) if wanted.items() <= line.items()]

    def requests(self) -> list[dict[str, Any]]:
        """The requests for a capital distribution that it saw."""
        return self.seen("request", proto_id=3212)

    def kill(self) -> None:
        """Kills the simulator, as if it had crashed."""
        self._process.kill()
        self._process.wait(timeout=PATIENCE)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def stop(self) -> None:
        """Ends the simulator by closing its input. Unless it was killed, its exit status must be 0."""
        if self._process.returncode is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                assert self._process.wait(timeout=PATIENCE) == 0
            finally:
                self.kill()


class SilentGateway:
    """Accepts connections and sends nothing."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def stop(self) -> None:
        """Closes it, with the connections that were not accepted yet."""
        self._listener.close()


def unused_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def threads() -> set[int]:
    """The ids of this process's threads. /proc may list a joined thread for a moment: compare the ids, not their number, and
    use `wait_until` for an end."""
    return {int(name) for name in os.listdir("/proc/self/task")}


def descriptors() -> int:
    """The number of open descriptors of this process, without the one that reads the list."""
    return len(os.listdir("/proc/self/fd")) - 1


class Child:
    """A Python program in a process of its own, with the package on its path."""

    def __init__(self, program: str, *arguments: object, env: dict[str, str] | None = None) -> None:
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,  # so that `end` reads what `line` has left
            env={**child_env(), **(env or {})},
            start_new_session=True,
        )

    def read_line(self) -> str:
        """Its next line on the standard output."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def end(self, limit: float = PATIENCE) -> tuple[int, str, str]:
        """Waits for its end. Returns the exit status, the rest of the output, and the standard error."""
        try:
            out, err = self._process.communicate(timeout=limit)
        finally:
            # Kills what the child left behind. The process group is its own.
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._process.wait(timeout=PATIENCE)
        return self._process.returncode, out.decode(), err.decode()


def run_child(program: str, *arguments: object, limit: float = PATIENCE, env: dict[str, str] | None = None) -> str:
    """Runs a Python program, which must succeed and write nothing to the standard error. Returns its output."""
    status, out, err = Child(program, *arguments, env=env).end(limit)
    assert (status, err) == (0, ""), f"exit status {status}\n{out}\n{err}"
    return out


def child_env() -> dict[str, str]:
    """The environment of child processes."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    path = os.pathsep.join([str(SOURCE), str(Path(__file__).parent)])
    return {**env, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "CAPDIST_LIBRARY": str(LIBRARY)}
