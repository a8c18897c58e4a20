"""One connection of the library, with what Python needs around it. The faces for users are built on it.

How the C library and the interpreter live together:

- No blocking function of the library is called: waits are Python's own, so that Ctrl-C ends them at once.
- C is never handed an object. Its user data are integers, looked up here, so a late callback finds nothing rather than
  something that is gone.
- The connection's thread gets one thread state for its whole life. Left alone, ctypes makes and drops one at each
  callback, which costs twenty times as much as the callback.
- Before the interpreter goes, all connections are released, so that no thread calls into it after that.
- A forked child keeps none of its parent's connections.
"""

from __future__ import annotations

import atexit
import ctypes
import itertools
import os
import threading
import time
from ctypes import byref, c_uint32, c_void_p
from functools import lru_cache
from typing import Any, Callable, Dict, Optional, Tuple

from . import _native as native
from ._model import ConnectionInfo, Quota
from ._status import ArgumentError, ClosedError, Status, WouldDeadlockError, call_error

ReplySink = Callable[[native.Reply], None]
ProtoSink = Callable[[native.ProtoReply], None]

_tokens = itertools.count(1)
_connections: Dict[int, "Connection"] = {}
_pending: Dict[int, Tuple["Connection", Callable[[Any], None]]] = {}
#: Threads that are inside a callback whenever they run Python.
_callback_threads: set[int] = set()

_ensure = ctypes.pythonapi.PyGILState_Ensure
_ensure.restype = ctypes.c_int
_ensure.argtypes = []
_release = ctypes.pythonapi.PyGILState_Release
_release.restype = None
_release.argtypes = [ctypes.c_int]


def milliseconds(seconds: float | None, name: str) -> int:
    """Seconds as the library's milliseconds, where 0 is its default; a time too short to count is one millisecond."""
    if seconds is None:
        return 0
    if not 0 < seconds <= 3600:
        raise ArgumentError(f"{name} is {seconds}; it must be above 0 and at most 3600 seconds", Status.INVALID_ARGUMENT)
    return max(1, round(seconds * 1000))


@lru_cache(maxsize=4096)
def parse_security(text: str) -> native.Security:
    """A security as the library reads it; shared, so not to be changed."""
    if not isinstance(text, str):
        raise ArgumentError(f"a security is a text such as HK.00700, not {text!r}", Status.INVALID_ARGUMENT)
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ArgumentError(f"the security is not valid text: {error}", Status.INVALID_ARGUMENT) from None
    if b"\0" in raw:
        raise ArgumentError("the security holds a NUL", Status.INVALID_ARGUMENT)
    security = native.Security()
    native.check(native.lib.capdist_security_parse(raw, byref(security)))
    return security


def refuse_in_callback() -> None:
    """Raises where a wait would be for the very thread it is on."""
    if threading.get_ident() in _callback_threads:
        raise WouldDeadlockError(
            "inside a callback this call would wait for its own thread: use the one with a callback",
            Status.WOULD_DEADLOCK,
        )


class Connection:
    """A connection's handle and the callbacks that come over it. Safe from any thread."""

    def __init__(self, options: native.Options, callbacks: "Callbacks") -> None:
        self.callbacks = callbacks
        self.changed = threading.Condition()
        self.closed = threading.Event()
        self._token = next(_tokens)
        self._gil_state: Optional[int] = None
        self._is_attached = False
        self._thread = 0
        self._running = 0
        self._is_closing = False
        options.on_init_connect = _on_init_connect
        options.on_disconnect = _on_disconnect
        if callbacks.on_push is not None:
            options.on_push = _on_push
        if callbacks.on_log is not None:
            options.on_log = _on_log
        options.on_closed = _on_closed
        options.user_data = self._token
        handle = c_void_p()
        _connections[self._token] = self
        try:
            native.check(native.lib.capdist_init_connect(byref(options), byref(handle)))
        except BaseException:
            del _connections[self._token]
            raise
        self.handle = handle

    # Requests

    def ask(self, security: native.Security, options: Optional[native.RequestOptions], sink: ReplySink) -> int:
        """Asks; `sink` is called exactly once, on the connection's thread. Returns the serial number."""
        token = next(_tokens)
        serial_no = c_uint32()
        _pending[token] = (self, sink)
        status = native.lib.capdist_get_capital_distribution(
            self.handle, byref(security), byref(options) if options is not None else None, _on_reply, token,
            byref(serial_no),
        )  # fmt: skip
        if status != 0:
            del _pending[token]
            self._raise(status)
        return serial_no.value

    def send_proto(
        self, proto_id: int, body: bytes, options: Optional[native.RequestOptions], sink: ProtoSink
    ) -> int:
        """The same for any other protocol."""
        token = next(_tokens)
        serial_no = c_uint32()
        _pending[token] = (self, sink)
        status = native.lib.capdist_send_proto(
            self.handle, proto_id, body, len(body), byref(options) if options is not None else None, _on_proto_reply,
            token, byref(serial_no),
        )  # fmt: skip
        if status != 0:
            del _pending[token]
            self._raise(status)
        return serial_no.value

    def cancel(self, serial_no: int) -> bool:
        """Ends a request; False if there is none of that number any more."""
        status = native.lib.capdist_cancel(self.handle, serial_no)
        if status in (Status.NOT_FOUND, Status.RELEASED):
            return False
        if status != 0:
            self._raise(status)
        return True

    # State

    def wait_ready(self, timeout: float) -> None:
        """Waits until the connection stands; raises why it does not."""
        refuse_in_callback()
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                # A time limit of 0 only looks.
                status = native.lib.capdist_wait_ready(self.handle, 0)
                if status == 0:
                    return
                error = call_error(status, native.text(native.lib.capdist_last_error()))
                remaining = deadline - time.monotonic()
                if remaining <= 0 or status in (Status.RELEASED, Status.FORKED) or self.info().is_final:
                    raise error
                # The library tells at once; the limit is for a child that was forked in between.
                self.changed.wait(min(remaining, 1.0))

    def info(self) -> ConnectionInfo:
        """What is known of the connection."""
        raw = native.initialised(native.ConnectionInfo)
        assert isinstance(raw, native.ConnectionInfo)
        native.check(native.lib.capdist_get_connection_info(self.handle, byref(raw)))
        return ConnectionInfo(
            raw.conn_id,
            raw.login_user_id,
            raw.server_version,
            raw.state == native.STATE_READY,
            raw.state == native.STATE_NOT_CONNECTED,
        )

    def quota(self) -> Quota:
        """The quota of the connection's group."""
        raw = native.initialised(native.Quota)
        assert isinstance(raw, native.Quota)
        native.check(native.lib.capdist_get_quota(self.handle, byref(raw)))
        next_slot = raw.next_slot_ms / 1000 if raw.next_slot_ms >= 0 else None
        return Quota(raw.limit, raw.window_ms / 1000, raw.used, raw.waiting, next_slot)

    def close(self) -> None:
        """Releases the connection; waits for a callback that is running, unless inside one. Harmless to repeat."""
        if self._is_closing:
            return
        self._is_closing = True
        if self._running and threading.get_ident() not in _callback_threads:
            # A callback of the user is running, nobody knows how long. The library would wait inside C, where no Ctrl-C
            # reaches; this thread waits in Python for the one that does.
            try:
                threading.Thread(target=self._release, name="capdist-close", daemon=True).start()
            except RuntimeError:
                self._release()  # the interpreter is going: no new threads
            else:
                self.closed.wait()
            return
        self._release()

    def _release(self) -> None:
        native.lib.capdist_release(self.handle)

    def _raise(self, status: int) -> None:
        raise call_error(status, native.text(native.lib.capdist_last_error()))

    # On the connection's thread

    def attach(self) -> None:
        """Gives this thread a thread state that outlives the callback."""
        self._is_attached = True
        self._thread = threading.get_ident()
        _callback_threads.add(self._thread)
        self._gil_state = _ensure()

    def detach(self) -> None:
        """Takes it back in the thread's last callback."""
        _callback_threads.discard(self._thread)
        if self._gil_state is not None:
            state, self._gil_state = self._gil_state, None
            _release(state)

    def run(self, callback: Callable[..., None], *arguments: Any) -> None:
        """Runs a callback of the user. What it raises goes to ``sys.unraisablehook`` by way of ctypes."""
        self._running += 1
        try:
            callback(*arguments)
        finally:
            self._running -= 1


class Callbacks:
    """The user's callbacks of a connection; each may be None."""

    def __init__(
        self,
        on_init_connect: Optional[Callable[[int, str], None]] = None,
        on_disconnect: Optional[Callable[[int, str], None]] = None,
        on_push: Optional[Callable[[int, bytes], None]] = None,
        on_log: Optional[Callable[[int, str], None]] = None,
    ) -> None:
        self.on_init_connect = on_init_connect
        self.on_disconnect = on_disconnect
        self.on_push = on_push
        self.on_log = on_log


def _entered(token: int) -> Optional[Connection]:
    connection = _connections.get(token)
    if connection is not None and not connection._is_attached:
        connection.attach()
    return connection


def _answered(token: int, reply: Any) -> None:
    entry = _pending.pop(token, None)
    if entry is None:
        return
    connection, sink = entry
    if not connection._is_attached:
        connection.attach()
    sink(reply.contents)


def _handle_reply(_conn: int, _serial_no: int, reply: Any, token: int) -> None:
    _answered(token, reply)


def _handle_proto_reply(_conn: int, _serial_no: int, reply: Any, token: int) -> None:
    _answered(token, reply)


def _handle_init_connect(_conn: int, err_code: int, desc: bytes, token: int) -> None:
    connection = _entered(token)
    if connection is None:
        return
    with connection.changed:
        connection.changed.notify_all()
    if connection.callbacks.on_init_connect is not None:
        connection.run(connection.callbacks.on_init_connect, err_code, native.text(desc))


def _handle_disconnect(_conn: int, err_code: int, desc: bytes, token: int) -> None:
    connection = _entered(token)
    if connection is None:
        return
    with connection.changed:
        connection.changed.notify_all()
    if connection.callbacks.on_disconnect is not None:
        connection.run(connection.callbacks.on_disconnect, err_code, native.text(desc))


def _handle_push(_conn: int, proto_id: int, body: int, length: int, token: int) -> None:
    connection = _entered(token)
    if connection is not None and connection.callbacks.on_push is not None:
        connection.run(connection.callbacks.on_push, proto_id, native.bytes_at(body, length))


def _handle_log(_conn: int, level: int, message: bytes, token: int) -> None:
    connection = _entered(token)
    if connection is not None and connection.callbacks.on_log is not None:
        connection.run(connection.callbacks.on_log, level, native.text(message))


def _handle_closed(token: int) -> None:
    connection = _connections.pop(token, None)
    if connection is None:
        return
    with connection.changed:
        connection.changed.notify_all()
    connection.closed.set()
    connection.detach()


# Kept here for as long as the process lives, since C may call them for as long.
_on_reply = native.ReplyFn(_handle_reply)
_on_proto_reply = native.ProtoFn(_handle_proto_reply)
_on_init_connect = native.InitConnectFn(_handle_init_connect)
_on_disconnect = native.DisconnectFn(_handle_disconnect)
_on_push = native.PushFn(_handle_push)
_on_log = native.LogFn(_handle_log)
_on_closed = native.ClosedFn(_handle_closed)


def _close_all() -> None:
    for connection in list(_connections.values()):
        connection.close()


def _after_fork_in_child() -> None:
    # Only the descriptors are ours to close; the requests are the parent's, and so are its threads.
    inherited = list(_connections.values())
    _connections.clear()
    _pending.clear()
    _callback_threads.clear()
    for connection in inherited:
        connection._is_closing = True
        native.lib.capdist_release(connection.handle)


atexit.register(_close_all)
os.register_at_fork(after_in_child=_after_fork_in_child)

__all__ = ["Callbacks", "ClosedError", "Connection", "milliseconds", "parse_security", "refuse_in_callback"]
