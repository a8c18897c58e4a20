"""PyInstaller asks for this folder's hooks by the entry point in pyproject.toml, and nobody imports it else."""

from __future__ import annotations

from pathlib import Path
from typing import List


def get_hook_dirs() -> List[str]:
    """Where the hooks are."""
    return [str(Path(__file__).parent)]
