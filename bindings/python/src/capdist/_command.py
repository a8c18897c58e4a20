"""The command `capdist`, which a wheel has beside the library."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> int:
    """Becomes the command. Returns, with a sentence, only where there is none."""
    command = Path(__file__).with_name("capdist")
    try:
        os.execv(command, ["capdist", *sys.argv[1:]])
    except OSError as error:
        print(f"capdist: {command}: {error.strerror}. The command is in wheels and in packages; else `make tool` makes it.", file=sys.stderr)
        return 127
