"""Signals and exceptions in callbacks of connections that a loop drives.

These callbacks run inside a call into C on a thread of Python. On the main thread Python also runs signal handlers in them.
ctypes drops what a callback raises. So it is kept here, and raised when the call has returned. A callback that a signal handler
interrupted is repeated.
"""

from __future__ import annotations

import sys
import threading
import traceback
from ctypes import c_void_p
from types import CodeType
from typing import Any, Callable, Dict, TypeVar

_before: Dict[str, Any] = {name: value for name, value in globals().items() if not name.startswith("__")}

Handler = TypeVar("Handler", bound=Callable[..., None])

#: By thread: an exception of a callback, to be raised when the call into C has returned.
_raised: Dict[int, BaseException] = {}
#: The application's hook, while `_cut_off` replaces it.
_hook: Callable[[Any], Any] = sys.unraisablehook
#: By code object: the callbacks that may be repeated.
_repeatable: Dict[CodeType, Callable[..., None]] = {}


def repeatable(handler: Handler) -> Handler:
    """Marks a callback that may be repeated if a signal handler interrupted it."""
    _repeatable[handler.__code__] = handler
    return handler


def call(function: Callable[[c_void_p], int], handle: c_void_p) -> None:
    """Calls a function of the library that runs callbacks on this thread. Raises what they, or signal handlers, have raised."""
    global _hook
    thread = threading.get_ident()
    hook = sys.unraisablehook
    try:
        # Signal handlers run on the main thread only. They can interrupt a callback before its first line, and then only this
        # hook learns of it.
        if thread == threading.main_thread().ident and hook is not _cut_off:
            _hook = hook
            sys.unraisablehook = _cut_off
        function(handle)
    finally:
        if sys.unraisablehook is _cut_off:
            sys.unraisablehook = hook
        if _raised:
            error = _raised.pop(thread, None)
            if error is not None:
                try:
                    raise error
                finally:
                    del error  # break the cycle: its traceback refers to this frame


def call_user(is_driven: bool, callback: Callable[..., None], *arguments: Any) -> None:
    """Calls a callback of the application. ctypes reports its exceptions, unless they should end more than the callback."""
    try:
        callback(*arguments)
    except Exception:
        raise
    except BaseException as error:
        if not is_driven:
            raise
        _raised.setdefault(threading.get_ident(), error)


def _cut_off(event: "sys.UnraisableHookArgs") -> None:
    """The hook for exceptions in callbacks, while the main thread is in a call that runs them."""
    trace = event.exc_traceback
    error = event.exc_value
    handler = _repeatable.get(trace.tb_frame.f_code) if trace is not None else None
    if trace is None or error is None or handler is None or threading.get_ident() != threading.main_thread().ident:
        _hook(event)
        return
    variables = trace.tb_frame.f_locals
    arguments = [variables[name] for name in handler.__code__.co_varnames[: handler.__code__.co_argcount]]
    has_called = any(frame.f_code is call_user.__code__ for frame, _ in traceback.walk_tb(trace))
    if has_called and isinstance(error, Exception):
        _hook(event)
        return
    _raised.setdefault(threading.get_ident(), error)
    if not has_called:
        handler(*arguments)  # its arguments are valid until ctypes returns

# importlib.reload() keeps the objects of the first import: C and open connections use them.
globals().update(_before)
