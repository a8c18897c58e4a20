"""Runs a command with stand-in gateways, whose ports it gets in variables.

    python3 -m harness.gateways NAME='OPTIONS'... -- COMMAND...

Each NAME is a variable with the port of an opend-simulator that runs with these options (the WebSocket's port, if the options
include it). The exit status is the command's.
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
