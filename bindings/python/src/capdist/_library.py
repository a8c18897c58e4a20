"""Finds and loads ``libcapdist``."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import re
import shutil
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Generator, Iterator, Optional
from zipfile import ZipFile

from ._abi import OLDEST
from ._status import LibraryNotFoundError

#: The oldest version that can be used: the first one with the same major number. Newer parts of `_abi` are used if it has them.
REQUIRED = OLDEST

_NAME = "libcapdist.so.1"
_VARIABLE = "CAPDIST_LIBRARY"


@contextmanager
def _unpacked() -> Iterator[Optional[Path]]:
    """Extracts the library from the archive (zipapp) that contains this package, with the files that the wheel has beside it.
    The system loads libraries from files only. The files are deleted after loading."""
    archive = getattr(globals().get("__loader__"), "archive", None)
    if archive is None:
        yield None
        return
    folder = tempfile.mkdtemp(prefix="capdist-")
    try:
        with ZipFile(archive) as packed:
            pattern = rf"(?:.*/)?capdist(?:/{re.escape(_NAME)}|\.libs/[^/]+)"
            inside = [name for name in packed.namelist() if re.fullmatch(pattern, name)]
            packed.extractall(folder, inside)
        libraries = [Path(folder, name) for name in inside if name.endswith(_NAME)]
        yield libraries[0] if libraries else None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _candidates() -> Generator[str, None, None]:
    """Where to look for the library: the file that the variable names, then the package, then the system's folders."""
    named = os.environ.get(_VARIABLE)
    if named:
        # If the variable names a file, nothing else is tried.
        yield named
        return
    beside = Path(__file__).parent / _NAME
    if beside.exists():
        yield str(beside)
    with _unpacked() as unpacked:
        if unpacked is not None:
            yield str(unpacked)
    yield _NAME
    found = ctypes.util.find_library("capdist")
    if found:
        yield found


def load() -> ctypes.CDLL:
    """Loads the library and checks its version.

    Raises:
        LibraryNotFoundError: the message says what to do.
    """
    reasons = []
    with closing(_candidates()) as candidates:
        for path in candidates:
            try:
                library = ctypes.CDLL(path)
            except OSError as error:
                _check_needs(path, str(error))
                reasons.append(str(error))
                continue
            _check(library, path)
            return library
    raise LibraryNotFoundError(
        f"{_NAME} cannot be loaded ({'; '.join(reasons)}). Install libcapdist, or name its file in the variable "
        f"{_VARIABLE}."
    )


def version_of(library: ctypes.CDLL) -> tuple[int, int]:
    """The major and minor version of a library. Raises ValueError if it has no valid version."""
    words = (library.capdist_version() or b"").decode("utf-8", "replace").split(".")
    return int(words[0]), int("".join(words[1:2]))


def location() -> str:
    """The path of the loaded library, for tools that bundle programs."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return next(line.split(maxsplit=5)[5].rstrip("\n") for line in maps if "/libcapdist.so" in line)


def _check_needs(path: str, reason: str) -> None:
    """Raises LibraryNotFoundError if the library is there, but another library that it needs is missing."""
    # PyPy puts words of its own before the system's message.
    missing = re.search(r"(?:^|: )(\S+): cannot open shared object file", reason)
    if missing and missing[1] != path and Path(missing[1]).name != _NAME:
        raise LibraryNotFoundError(f"{path} is there, and needs {missing[1]}, which is missing: install that.")


def _check(library: ctypes.CDLL, path: str) -> None:
    try:
        version = library.capdist_version
    except AttributeError:
        raise LibraryNotFoundError(f"{path} is not libcapdist. Name the right file in {_VARIABLE}.") from None
    version.restype = ctypes.c_char_p
    version.argtypes = []
    text = (version() or b"").decode("utf-8", "replace")
    try:
        numbers = version_of(library)
    except ValueError:
        raise LibraryNotFoundError(f"{path} is not libcapdist. Name the right file in {_VARIABLE}.") from None
    if numbers[0] != REQUIRED[0] or numbers < REQUIRED:
        raise LibraryNotFoundError(
            f"{path} is version {text}; this package needs {REQUIRED[0]}.{REQUIRED[1]} or a newer {REQUIRED[0]}.x. "
            f"Install that, or name another file in {_VARIABLE}."
        )
