"""Takes the library along: the wheel's, or the one that is installed. What it needs PyInstaller finds by itself."""

from __future__ import annotations

from PyInstaller import isolated
from PyInstaller.utils.hooks import collect_dynamic_libs


@isolated.decorate
def _loaded() -> str:
    """The file that the package loads here; in a process of its own."""
    import capdist  # noqa: F401

    with open("/proc/self/maps", encoding="utf-8") as maps:
        return next(line.split(maxsplit=5)[5].strip() for line in maps if "/libcapdist.so" in line)


binaries = collect_dynamic_libs("capdist", search_patterns=["libcapdist.so.*"]) or [(_loaded(), "capdist")]
