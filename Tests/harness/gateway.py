"""The simulator as a child process."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .suite import RELEASE, SuiteError


@dataclass
class Gateway:
    """A running opend-simulator."""

    port: int
    process: subprocess.Popen[str]

    def kill(self) -> None:
        """Ends it at once, as a crash would."""
        self.process.kill()
        self.process.wait(timeout=10)


@contextmanager
def gateway(*options: str) -> Iterator[Gateway]:
    """Runs opend-simulator; ends it by closing its input, unless it was killed."""
    command = [str(RELEASE / "opend-simulator"), "--port", "0", "--end-with-input", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdin is not None and process.stdout is not None
            word, _, address = process.stdout.readline().partition(" ")
            if word != "listening":
                raise SuiteError("opend-simulator does not listen")
            yield Gateway(int(address.rpartition(":")[2]), process)
            process.stdin.close()
            process.wait(timeout=10)
        except subprocess.TimeoutExpired as error:
            raise SuiteError("opend-simulator does not end with its input") from error
        finally:
            process.kill()


@contextmanager
def simulator(*options: str) -> Iterator[int]:
    """The same; yields its port."""
    with gateway(*options) as running:
        yield running.port
