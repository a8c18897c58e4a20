"""The C library, loaded, and what every caller of it needs. ``_abi.py`` has the interface itself."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_void_p
from typing import Any, TypeVar

from . import _abi, _status
from ._abi import *  # noqa: F403
from ._library import load, version_of
from ._status import call_error, retry_of

_before: dict[str, object] = {name: value for name, value in globals().items() if not name.startswith("__")}

lib = load()
#: The library's, which may be older than this package.
_VERSION = version_of(lib)

for _name, (_result, _arguments, _since) in _abi.PROTOTYPES.items():
    if _since > _abi.OLDEST and not hasattr(lib, _name):
        continue
    _function = getattr(lib, _name)
    _function.restype = _result
    _function.argtypes = _arguments


_process = ctypes.CDLL(None)
_process.pthread_create.argtypes = [POINTER(c_void_p), c_void_p, c_void_p, c_void_p]
_process.pthread_join.argtypes = [c_void_p, c_void_p]
_process.pthread_detach.argtypes = [c_void_p]


def start_release(handle: c_void_p) -> c_void_p | None:
    """Starts `capdist_release` on a thread that knows nothing of Python. One of Python's own would take locks to start,
    which code that collects garbage must not, and is refused while the interpreter exits.

    Returns:
        The thread, to be joined or detached; None if the system gives none.
    """
    thread = c_void_p()
    # What it returns is an int and no pointer; nobody reads it.
    entry = ctypes.cast(lib.capdist_release, c_void_p)
    return thread if _process.pthread_create(byref(thread), None, entry, handle) == 0 else None


def join_thread(thread: c_void_p | None) -> None:
    """Waits for a thread's end."""
    if thread is not None:
        _process.pthread_join(thread, None)


def detach_thread(thread: c_void_p | None) -> None:
    """Lets a thread end by itself."""
    if thread is not None:
        _process.pthread_detach(thread)


def text(raw: bytes | None) -> str:
    """A text of the library. It is UTF-8; what is not could only be a fault, and must not raise in a callback."""
    return (raw or b"").decode("utf-8", "replace")


def retry_of_status(status: int) -> Retry:
    """As far as the status alone tells."""
    return retry_of(lib.capdist_status_retry(status)) if hasattr(lib, "capdist_status_retry") else Retry.UNKNOWN


# The errors ask by this; they cannot import this module, which needs them.
_status.retry_of_status = retry_of_status


def set_if_known(struct: Options | RequestOptions, name: str, value: Any) -> None:
    """Sets what is of use and can be done without: an older library refuses what it does not know."""
    if struct.newer.get(name, _abi.OLDEST) <= _VERSION:
        setattr(struct, name, value)


def check(status: int) -> None:
    """Raises what a refused call's status and last error say."""
    if status != 0:
        raise call_error(status, text(lib.capdist_last_error()))


_Sized = TypeVar("_Sized", Options, RequestOptions, ConnectionInfo, Quota)


def initialised(struct: type[_Sized]) -> _Sized:
    """A new struct with the library's defaults."""
    new = struct()
    check(getattr(lib, struct.init)(byref(new), ctypes.sizeof(new)))
    return new


def bytes_at(address: object, length: int) -> bytes:
    """A copy of memory that lives only during a callback."""
    return ctypes.string_at(ctypes.cast(address, c_void_p), length) if address and length else b""  # type: ignore[arg-type]


# Loaded again (importlib.reload): C and open connections hold what was made the first time, so that stays.
globals().update(_before)
