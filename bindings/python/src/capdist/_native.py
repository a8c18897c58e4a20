"""Loads the C library, and has helpers for calling it. ``_abi.py`` has the interface itself."""

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
#: The version of the loaded library, which may be older than this package.
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
    """Runs `capdist_release` on a thread without Python. Starting a Python thread takes locks, which the garbage collector must
    not, and is refused while the interpreter exits.

    Returns:
        The thread, to be joined or detached; None if it cannot be started.
    """
    thread = c_void_p()
    # The result is an int instead of a pointer. It is not read.
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
    """Converts a C string. It should be UTF-8, but must not raise in a callback if it is not."""
    return (raw or b"").decode("utf-8", "replace")


def retry_of_status(status: int) -> Retry:
    """What the status alone tells; UNKNOWN with a library that lacks the function."""
    return retry_of(lib.capdist_status_retry(status)) if hasattr(lib, "capdist_status_retry") else Retry.UNKNOWN


# The errors use it. They cannot import this module, which imports them.
_status.retry_of_status = retry_of_status


def set_if_known(struct: Options | RequestOptions, name: str, value: Any) -> None:
    """Sets a field that older libraries lack. They would refuse it, and work without it."""
    if struct.newer.get(name, _abi.OLDEST) <= _VERSION:
        setattr(struct, name, value)


def check(status: int) -> None:
    """Raises if the status is not success, with the library's last error."""
    if status != 0:
        raise call_error(status, text(lib.capdist_last_error()))


_Sized = TypeVar("_Sized", Options, RequestOptions, ConnectionInfo, Quota)


def initialised(struct: type[_Sized]) -> _Sized:
    """A new struct, with the library's defaults."""
    new = struct()
    check(getattr(lib, struct.init)(byref(new), ctypes.sizeof(new)))
    return new


def bytes_at(address: object, length: int) -> bytes:
    """A copy of memory that is valid only during a callback."""
    return ctypes.string_at(ctypes.cast(address, c_void_p), length) if address and length else b""  # type: ignore[arg-type]


# importlib.reload() keeps the objects of the first import: C and open connections use them.
globals().update(_before)
