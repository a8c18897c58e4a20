"""PyInstaller finds the hooks in this folder by the entry point in pyproject.toml. Nothing else imports this."""

from __future__ import annotations

from pathlib import Path
from typing import List


def get_hook_dirs() -> List[str]:
    """The folder of the hooks."""
    return [str(Path(__file__).parent)]
