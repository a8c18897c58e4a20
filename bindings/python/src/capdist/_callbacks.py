"""The functions that the library calls, for all connections.

- The user data that C gets is an integer, which is looked up here, and never an object. A late callback finds nothing, instead
  of an object that was freed.
- A connection has weak references to the application's callbacks, so that a client that its own callbacks refer to can still be
  collected. Its reference to `Waiting` is weak, too: a loop that drives the connection holds that.
- Exceptions of signal handlers in callbacks: see `_signals`.
"""

from __future__ import annotations

import ctypes
import itertools
import sys
import traceback
from ctypes import c_void_p
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple

from . import _native as native
from . import _signals
from ._abi import LogLevel
from ._log import level_of

if TYPE_CHECKING:
    from ._connection import Connection

_before: Dict[str, Any] = {name: value for name, value in globals().items() if not name.startswith("__")}

ReplySink = Callable[[native.Reply], None]
ProtoSink = Callable[[native.ProtoReply], None]

tokens = itertools.count(1)
connections: Dict[int, "Connection"] = {}
pending: Dict[int, Tuple["Connection", Callable[[Any], None]]] = {}
#: The connections' threads. All Python code on them runs inside callbacks.
callback_threads: set[int] = set()

#: CPython's C API. PyPy has none, and needs no thread states.
api: Any = getattr(ctypes, "pythonapi", None)
if api is not None:
    api.PyGILState_Ensure.restype = ctypes.c_int
    api.PyGILState_Ensure.argtypes = []
    api.PyGILState_Release.restype = None
    api.PyGILState_Release.argtypes = [ctypes.c_int]
    api.PyInterpreterState_Get.restype = c_void_p
    api.PyInterpreterState_Get.argtypes = []
    api.PyInterpreterState_GetID.restype = ctypes.c_int64
    api.PyInterpreterState_GetID.argtypes = [c_void_p]


class Waiting:
    """What waits for a connection. The client holds it, and so does a loop that drives the connection. It is freed with
    them."""

    def __init__(self, resolver: Optional[Callable[[Connection], None]] = None) -> None:
        #: Looks the host's name up, and calls `resolved`; None if the library does.
        self.resolver = resolver
        #: Called after each change of state, on the connection's thread.
        self.listeners: set[Callable[[], None]] = set()
        #: By serial number; used only if a loop drives the connection.
        self.sinks: Dict[int, ReplySink] = {}


class Callbacks:
    """The application's callbacks of a connection. Each may be None."""

    def __init__(
        self,
        on_init_connect: Optional[Callable[[int, str], None]] = None,
        on_disconnect: Optional[Callable[[int, str], None]] = None,
        on_push: Optional[Callable[[int, bytes], None]] = None,
        on_log: Optional[Callable[[LogLevel, str], None]] = None,
        on_attempt_failed: Optional[Callable[[int, str], None]] = None,
    ) -> None:
        self.on_init_connect = on_init_connect
        self.on_disconnect = on_disconnect
        self.on_attempt_failed = on_attempt_failed
        self.on_push = on_push
        self.on_log = on_log


def _entered(token: int) -> Optional[Connection]:
    connection = connections.get(token)
    if connection is not None and not connection.is_attached:
        connection.attach()
    return connection


def _answered(token: int, reply: Any) -> None:
    entry = pending.pop(token, None)
    if entry is None:
        return
    connection, sink = entry
    if not connection.is_attached:
        connection.attach()
    sink(reply.contents)


def _handle_reply(_conn: int, _serial_no: int, reply: Any, token: int) -> None:
    _answered(token, reply)


@_signals.repeatable
def _handle_driven_reply(_conn: int, serial_no: int, reply: Any, token: int) -> None:
    connection = connections.get(token)
    waiting = connection.waiting() if connection is not None else None
    sink = waiting.sinks.get(serial_no) if waiting is not None else None
    if waiting is not None and sink is not None:
        sink(reply.contents)
        # Removed afterwards, so that a repeated callback finds it.
        waiting.sinks.pop(serial_no, None)


def _handle_proto_reply(_conn: int, _serial_no: int, reply: Any, token: int) -> None:
    _answered(token, reply)


@_signals.repeatable
def _handle_init_connect(_conn: int, err_code: int, desc: bytes, token: int) -> None:
    connection = _entered(token)
    if connection is None:
        return
    connection.is_in_outage = False
    connection.tell()
    callbacks = connection.callbacks()
    if callbacks is not None and callbacks.on_init_connect is not None:
        _signals.call_user(connection.is_driven, callbacks.on_init_connect, err_code, native.text(desc))


@_signals.repeatable
def _handle_attempt_failed(_conn: int, err_code: int, desc: bytes, token: int) -> None:
    connection = _entered(token)
    if connection is None:
        return
    connection.is_in_outage = True
    connection.tell()
    callbacks = connection.callbacks()
    if callbacks is not None and callbacks.on_attempt_failed is not None:
        _signals.call_user(connection.is_driven, callbacks.on_attempt_failed, err_code, native.text(desc))


@_signals.repeatable
def _handle_disconnect(_conn: int, err_code: int, desc: bytes, token: int) -> None:
    connection = _entered(token)
    if connection is None:
        return
    connection.tell()
    callbacks = connection.callbacks()
    if callbacks is not None and callbacks.on_disconnect is not None:
        _signals.call_user(connection.is_driven, callbacks.on_disconnect, err_code, native.text(desc))


@_signals.repeatable
def _handle_push(_conn: int, proto_id: int, body: int, length: int, token: int) -> None:
    connection = _entered(token)
    callbacks = connection.callbacks() if connection is not None else None
    if connection is not None and callbacks is not None and callbacks.on_push is not None:
        _signals.call_user(connection.is_driven, callbacks.on_push, proto_id, native.bytes_at(body, length))


@_signals.repeatable
def _handle_log(_conn: int, level: int, message: bytes, token: int) -> None:
    connection = _entered(token)
    callbacks = connection.callbacks() if connection is not None else None
    if connection is not None and callbacks is not None and callbacks.on_log is not None:
        _signals.call_user(connection.is_driven, callbacks.on_log, level_of(level), native.text(message))


@_signals.repeatable
def _handle_resolve(_conn: int, _host: bytes, token: int) -> None:
    connection = _entered(token)
    waiting = connection.waiting() if connection is not None else None
    if connection is not None and waiting is not None and waiting.resolver is not None:
        waiting.resolver(connection)


@_signals.repeatable
def _handle_closed(token: int) -> None:
    connection = connections.get(token)
    if connection is None:
        return
    connection.detach()
    connection.tell()
    connection.closed.set()
    connections.pop(token, None)


def _reporting(handler: Callable[..., None]) -> Callable[..., None]:
    """Reports the handler's exceptions to `sys.unraisablehook`, as ctypes does with CPython. PyPy's ctypes prints them, and
    ends the process for SystemExit."""
    if api is not None:
        return handler

    def reporting(*arguments: Any) -> None:
        try:
            handler(*arguments)
        except BaseException as error:
            told = SimpleNamespace(
                exc_type=type(error), exc_value=error, exc_traceback=error.__traceback__, object=handler,
                err_msg="Exception ignored on calling ctypes callback function",
            )  # fmt: skip
            hook: Any = getattr(sys, "unraisablehook", None)
            # PyPy's own hook needs arguments that only PyPy can make.
            if hook is not None and hook is not getattr(sys, "__unraisablehook__", None):
                hook(told)
            else:
                traceback.print_exception(type(error), error, error.__traceback__)

    return reporting


# C may call these as long as the process runs, so they are never freed.
on_reply = native.ReplyFn(_reporting(_handle_reply))
on_driven_reply = native.ReplyFn(_reporting(_handle_driven_reply))
on_proto_reply = native.ProtoFn(_reporting(_handle_proto_reply))
on_init_connect = native.InitConnectFn(_reporting(_handle_init_connect))
on_attempt_failed = native.AttemptFailedFn(_reporting(_handle_attempt_failed))
on_disconnect = native.DisconnectFn(_reporting(_handle_disconnect))
on_push = native.PushFn(_reporting(_handle_push))
on_log = native.LogFn(_reporting(_handle_log))
on_closed = native.ClosedFn(_reporting(_handle_closed))
on_resolve = native.ResolveFn(_reporting(_handle_resolve))

# importlib.reload() keeps the objects of the first import: C and open connections use them.
globals().update(_before)
