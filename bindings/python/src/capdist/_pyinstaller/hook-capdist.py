"""Adds the library to the bundle: the wheel's, or the installed one. PyInstaller finds what the library needs."""

from __future__ import annotations

from PyInstaller import isolated
from PyInstaller.utils.hooks import collect_dynamic_libs


@isolated.decorate
def _location() -> str:
    """Runs in a process of its own."""
    import capdist
    from capdist import _library

    assert capdist.__version__
    return _library.location()


binaries = collect_dynamic_libs("capdist", search_patterns=["libcapdist.so.*"]) or [(_location(), "capdist")]
