"""The simulator as a child process."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .suite import RELEASE, SuiteError


@dataclass
class Gateway:
    """A running opend-simulator with its ports. Without `--websocket-port` that of the WebSocket is 0."""

    port: int
    websocket_port: int
    process: subprocess.Popen[str]

    def kill(self) -> None:
        """Kills it, as if it had crashed."""
        self.process.kill()
        self.process.wait(timeout=10)


@contextmanager
def gateway(
    *options: str, program: Path | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Gateway]:
    """Runs opend-simulator (the one that CAPDIST_SIMULATOR names, if set). Ends it by closing its input, unless it was
    killed."""
    command = [str(program or os.environ.get("CAPDIST_SIMULATOR") or RELEASE / "opend-simulator"), "--port", "0", "--end-with-input", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env={**os.environ, **(env or {})}) as process:
        try:
            assert process.stdin is not None and process.stdout is not None
            ports = [0, 0]
            for at, wanted in enumerate(["listening", "websocket"] if "--websocket-port" in options else ["listening"]):
                word, _, address = process.stdout.readline().partition(" ")
                if word != wanted:
                    raise SuiteError("opend-simulator does not listen")
                ports[at] = int(address.rpartition(":")[2])
            yield Gateway(*ports, process)
            process.stdin.close()
            process.wait(timeout=10)
        except subprocess.TimeoutExpired as error:
            raise SuiteError("opend-simulator does not end with its input") from error
        finally:
            process.kill()


@contextmanager
def simulator(*options: str) -> Iterator[int]:
    """The same; yields its port: the WebSocket's, if the options include it."""
    with gateway(*options) as running:
        yield running.websocket_port or running.port
