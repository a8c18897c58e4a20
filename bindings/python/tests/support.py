"""What the tests share: gateways, child processes, and counting what a process holds."""

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

#: Longest wait for something that must happen, in seconds.
PATIENCE = 20.0
#: Longest a wait may go on after Ctrl-C, or an exit may take, in seconds, however busy the machine is: what it is told from
#: ends with one of the library's own timeouts, 10 s and more, or never.
PROMPT = 8.0


def wait_until(done: Callable[[], bool], limit: float = PATIENCE) -> bool:
    """Waits until `done` says so. Returns what it says in the end."""
    deadline = time.monotonic() + limit
    while not done():
        if time.monotonic() >= deadline:
            return done()
        time.sleep(0.005)
    return True


class Simulator:
    """A running opend-simulator. `port` is where it listens."""

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
        #: Of the WebSocket; 0 without.
        self.websocket_port = 0
        if "--websocket-port" in options:
            line = self._process.stdout.readline().strip()
            self.websocket_port = int(line.removeprefix("websocket 127.0.0.1:"))

    def seen(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """The lines of the trace so far of that event and with these fields."""
        lines = self._trace.read_text(encoding="utf-8").split("\n")[:-1]
        wanted = {"event": event, **fields}
        return [line for line in map(json.loads, lines) if wanted.items() <= line.items()]

    def requests(self) -> list[dict[str, Any]]:
        """The requests for a capital distribution that it saw."""
        return self.seen("request", proto_id=3212)

    def kill(self) -> None:
        """Ends it at once, as a crash would."""
        self._process.kill()
        self._process.wait(timeout=PATIENCE)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def stop(self) -> None:
        """Ends it, by the end of its input; one that was not killed must end well."""
        if self._process.returncode is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                assert self._process.wait(timeout=PATIENCE) == 0
            finally:
                self.kill()


class SilentGateway:
    """Accepts connections and says nothing."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def stop(self) -> None:
        """Closes it. What waits to be accepted goes with it."""
        self._listener.close()


def unused_port() -> int:
    """A port that nobody listens on: bound for a moment, and free again."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def threads() -> set[int]:
    """Ids of this process's threads, Python's and others. One that was joined may stay among them for a moment: what is new
    is to be compared, not how many there are, and `wait_until` waits for an end."""
    return {int(name) for name in os.listdir("/proc/self/task")}


def descriptors() -> int:
    """Open descriptors of this process, without the one for counting them."""
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
            bufsize=0,  # so that what a line's reader does not take is still there for `end`
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
        """Waits for its end. Returns exit status, the rest of the output, and what it wrote on the standard error."""
        try:
            out, err = self._process.communicate(timeout=limit)
        finally:
            # Whatever it left behind; the group's number is its own, and so is every process in it.
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._process.wait(timeout=PATIENCE)
        return self._process.returncode, out.decode(), err.decode()


def run_child(program: str, *arguments: object, limit: float = PATIENCE, env: dict[str, str] | None = None) -> str:
    """Runs a Python program that must end well and write nothing on the standard error. Returns its output."""
    status, out, err = Child(program, *arguments, env=env).end(limit)
    assert (status, err) == (0, ""), f"exit status {status}\n{out}\n{err}"
    return out


def child_env() -> dict[str, str]:
    """The environment of child processes."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    path = os.pathsep.join([str(SOURCE), str(Path(__file__).parent)])
    return {**env, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "CAPDIST_LIBRARY": str(LIBRARY)}
