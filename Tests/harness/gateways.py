"""Runs a command while stand-in gateways run that it finds by variables.

    python3 -m harness.gateways NAME='OPTIONS'... -- COMMAND...

Each NAME is a variable of the command that has the port of an opend-simulator of its own, run with these options (the WebSocket's
port if that is among them). The exit status is the command's.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from contextlib import ExitStack

from .gateway import simulator


def main(words: list[str]) -> int:
    """Runs it."""
    at = words.index("--")
    with ExitStack() as stack:
        env = dict(os.environ)
        for word in words[:at]:
            name, _, options = word.partition("=")
            env[name] = str(stack.enter_context(simulator(*shlex.split(options))))
        return subprocess.run(words[at + 1 :], env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
