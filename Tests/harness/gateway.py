"""The simulator as a child process."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from .suite import RELEASE, SuiteError


@contextmanager
def simulator(*options: str) -> Iterator[int]:
    """Runs opend-simulator and yields its port; ends it by closing its input."""
    command = [RELEASE / "opend-simulator", "--port", "0", "--end-with-input", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdin is not None and process.stdout is not None
            word, _, address = process.stdout.readline().partition(" ")
            if word != "listening":
                raise SuiteError("opend-simulator does not listen")
            yield int(address.rpartition(":")[2])
            process.stdin.close()
            process.wait(timeout=10)
        except subprocess.TimeoutExpired as error:
            raise SuiteError("opend-simulator does not end with its input") from error
        finally:
            process.kill()
