"""Runs the command `capdist`, which a wheel contains."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> int:
    """Replaces this process by the command. Returns an error text if the package does not contain it."""
    command = Path(__file__).with_name("capdist")
    try:
        os.execv(command, ["capdist", *sys.argv[1:]])
    except OSError as error:
        print(f"capdist: {command}: {error.strerror}. The command is in wheels and in packages; else `make tool` makes it.", file=sys.stderr)
        return 127
