"""opend-simulator as a child process, with its trace."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

#: The longest wait for something that must happen, in seconds.
PATIENCE_S = 15.0


def wait_until(done: Callable[[], bool], limit_s: float = PATIENCE_S) -> bool:
    """Waits until `done` returns true, or the limit passes. Returns its last result."""
    deadline = time.monotonic() + limit_s
    while not done():
        if time.monotonic() >= deadline:
            return done()
        time.sleep(0.02)
    return True


class Simulator:
    """A running opend-simulator, which listens on `port`."""

    def __init__(self, program: Path, trace: Path, options: Sequence[str]) -> None:
        self._trace = trace
        self._process = subprocess.Popen(
            [program, "--port", "0", "--trace", trace, "--end-with-input", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._line().removeprefix("listening 127.0.0.1:"))
        #: The port of its WebSocket; 0 without one.
        self.websocket_port = 0
        if "--websocket-port" in options:
            self.websocket_port = int(self._line().removeprefix("websocket 127.0.0.1:"))

    def _line(self) -> str:
        assert self._process.stdout is not None
        # Not buffered in this process, so that select() sees what can be read.
        text = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not text.endswith(b"\n"):
                if not selector.select(PATIENCE_S):
                    self._process.kill()
                    raise TimeoutError("opend-simulator does not say where it listens")
                byte = os.read(self._process.stdout.fileno(), 1)
                assert byte, "opend-simulator has ended"
                text += byte
        return text.decode().strip()

    def seen(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """The events in the trace with that name and these fields."""
        lines = self._trace.read_text(encoding="utf-8").split("\n")[:-1]
        wanted = {"event": event, **fields}
        return [line for line in map(json.loads, lines) if wanted.items() <= line.items()]

    def stop(self) -> None:
        """Ends it by closing its input. Its exit status must be 0."""
        self._process.terminate()
        try:
            status = self._process.wait(timeout=PATIENCE_S)
        finally:
            self._process.kill()
            self._process.wait()
        assert status == 0, f"opend-simulator ended with {status}"
