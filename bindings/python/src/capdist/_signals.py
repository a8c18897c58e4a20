"""Where a loop drives a connection, callbacks run inside a call into C on a thread of Python's own, and on the main thread
Python runs the handlers of signals in them as well. ctypes drops what a callback raises: here it is kept and raised once the
call is over, and the callback that a handler cut off is made once more."""

from __future__ import annotations

import sys
import threading
import traceback
from ctypes import c_void_p
from types import CodeType
from typing import Any, Callable, Dict, TypeVar

_before: Dict[str, Any] = {name: value for name, value in globals().items() if not name.startswith("__")}

Handler = TypeVar("Handler", bound=Callable[..., None])

#: By thread: what was raised in callbacks, to be raised when the call that makes them is over.
_raised: Dict[int, BaseException] = {}
#: The program's own, while `_cut_off` stands for it.
_hook: Callable[[Any], Any] = sys.unraisablehook
#: By their code: the callbacks that may be made once more.
_repeatable: Dict[CodeType, Callable[..., None]] = {}


def repeatable(handler: Handler) -> Handler:
    """Marks a callback that C makes, and that may be made once more when it was cut off."""
    _repeatable[handler.__code__] = handler
    return handler


def call(function: Callable[[c_void_p], int], handle: c_void_p) -> None:
    """Calls what makes callbacks on this thread; raises what they or a signal's handler raised meanwhile."""
    global _hook
    thread = threading.get_ident()
    hook = sys.unraisablehook
    try:
        # Handlers of signals run there only. They cut a callback off before its first line as well, and then nothing but
        # this hook learns of it.
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
                    del error  # which holds this frame


def call_user(is_driven: bool, callback: Callable[..., None], *arguments: Any) -> None:
    """Calls the user's. What it raises is reported by ctypes, unless it is to end more than the callback."""
    try:
        callback(*arguments)
    except Exception:
        raise
    except BaseException as error:
        if not is_driven:
            raise
        _raised.setdefault(threading.get_ident(), error)


def _cut_off(event: "sys.UnraisableHookArgs") -> None:
    """The hook for what is raised in callbacks while the main thread is in a call that makes them."""
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
        handler(*arguments)  # its memory is there until ctypes returns

# Loaded again (importlib.reload): C and open connections hold what was made the first time, so that stays.
globals().update(_before)
