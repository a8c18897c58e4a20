"""One connection of the library, with what Python needs around it. The faces for users are built on it.

How the C library and the interpreter live together:

- No blocking function of the library is called: waits are Python's own, so that Ctrl-C ends them at once.
- C is never handed an object. Its user data are integers, looked up here, so a late callback finds nothing rather than
  something that is gone.
- The connection's thread gets one thread state for its whole life. Left alone, ctypes makes and drops one at each
  callback, which costs twenty times as much as the callback. In host-driven mode callbacks come on the loop's thread.
- A connection knows the user's callbacks weakly, so that a client that is reachable from its own callbacks can be
  collected all the same. What waits on a loop that drives the connection it knows weakly too: the loop holds it.
- ctypes drops what a callback raises. Where a loop drives, on the thread where Python runs the handlers of signals, it is kept
  and raised once the call into C is over, and the callback that a handler cut off is made good.
- Before the interpreter goes, all connections are released, so that no thread calls into it after that.
- A forked child keeps none of its parent's connections.
"""

from __future__ import annotations

import atexit
import ctypes
import itertools
import os
import sys
import threading
import time
import traceback
import weakref
from ctypes import byref, c_uint32, c_void_p
from functools import lru_cache
from types import CodeType
from typing import Any, Callable, Dict, Optional, Tuple, Union

from . import _native as native
from ._model import ConnectionInfo, Quota
from ._status import ArgumentError, CapdistError, ClosedError, Status, WouldDeadlockError, call_error

ReplySink = Callable[[native.Reply], None]
ProtoSink = Callable[[native.ProtoReply], None]

_tokens = itertools.count(1)
_connections: Dict[int, "Connection"] = {}
_pending: Dict[int, Tuple["Connection", Callable[[Any], None]]] = {}
#: Threads that are inside a callback whenever they run Python.
_callback_threads: set[int] = set()
#: By thread: what was raised in callbacks, to be raised when the call that makes them is over.
_raised: Dict[int, BaseException] = {}
#: The program's own, while `_cut_off` stands for it.
_hook: Callable[[Any], Any] = sys.unraisablehook
_is_exiting = False
_EXITING = "the interpreter is exiting: no new connections"

#: How long the interpreter's exit waits for a callback that is running, in seconds.
_EXIT_PATIENCE = 2.0

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
    try:
        is_valid = 0 < seconds <= 3600
    except TypeError:
        raise ArgumentError(f"{name} must be a number of seconds, not {seconds!r}", Status.INVALID_ARGUMENT) from None
    if not is_valid:
        raise ArgumentError(
            f"{name} is {seconds}; it must be above 0 and at most 3600 seconds", Status.INVALID_ARGUMENT
        )
    return max(1, round(seconds * 1000))


def path(file: Union[str, "os.PathLike[str]"], name: str) -> bytes:
    """A file's path as the library takes it."""
    try:
        raw = os.fsencode(file)
    except TypeError:
        raise ArgumentError(f"{name} must be a path, not {file!r}", Status.INVALID_ARGUMENT) from None
    if b"\0" in raw:
        raise ArgumentError(f"{name} holds a NUL", Status.INVALID_ARGUMENT)
    return raw


def utf8(text: str, name: str) -> bytes:
    """A text as the library takes it."""
    if not isinstance(text, str):
        raise ArgumentError(f"{name} must be a text, not {text!r}", Status.INVALID_ARGUMENT)
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ArgumentError(f"{name} is not valid text: {error}", Status.INVALID_ARGUMENT) from None
    if b"\0" in raw:
        raise ArgumentError(f"{name} holds a NUL", Status.INVALID_ARGUMENT)
    return raw


@lru_cache(maxsize=4096)
def _parsed(text: str) -> native.Security:
    security = native.Security()
    native.check(native.lib.capdist_security_parse(utf8(text, "the security"), byref(security)))
    return security


def parse_security(text: str) -> native.Security:
    """A security as the library reads it; shared, so not to be changed."""
    try:
        return _parsed(text)
    except TypeError:  # what can not be looked up is no text
        raise ArgumentError(f"the security must be a text, not {text!r}", Status.INVALID_ARGUMENT) from None


def patience(timeout: float) -> float:
    """A time limit of this package's own waits, in seconds; 0 only looks."""
    try:
        is_valid = 0 <= timeout <= 3600
    except TypeError:
        is_valid = False
    if not is_valid:
        raise ArgumentError(
            f"timeout is {timeout!r}; it must be a number from 0 to 3600 seconds", Status.INVALID_ARGUMENT
        )
    return timeout


def refuse_in_callback() -> None:
    """Raises where a wait would be for the very thread it is on."""
    if threading.get_ident() in _callback_threads:
        raise WouldDeadlockError(
            "inside a callback this call would wait for its own thread: use the one with a callback",
            Status.WOULD_DEADLOCK,
        )


class Connection:
    """A connection's handle and the callbacks that come over it. Safe from any thread."""

    def __init__(self, options: native.Options, callbacks: "Callbacks", waiting: "Waiting") -> None:
        if _is_exiting:
            raise ClosedError(_EXITING, Status.RELEASED)
        self.callbacks = weakref.ref(callbacks)
        self.waiting = weakref.ref(waiting)
        self.changed = threading.Condition()
        self.closed = threading.Event()
        self.handle = c_void_p()
        self._token = next(_tokens)
        self._gil_state: Optional[int] = None
        #: Whether a loop drives it, on a thread that is Python's own.
        self.is_driven = options.mode == native.MODE_HOST_DRIVEN
        self.is_attached = self.is_driven
        self._thread = threading.get_ident() if self.is_driven else 0
        self._is_closing = False
        options.on_init_connect = _on_init_connect
        options.on_disconnect = _on_disconnect
        if callbacks.on_push is not None:
            options.on_push = _on_push
        # In any case: the first line comes at once, and gives the thread its thread state early.
        options.on_log = _on_log
        options.on_closed = _on_closed
        options.user_data = self._token
        _connections[self._token] = self
        try:
            native.check(native.lib.capdist_init_connect(byref(options), byref(self.handle)))
            if _is_exiting:  # too late for the round that closes all
                self._is_closing = False
                raise ClosedError(_EXITING, Status.RELEASED)
        except BaseException:
            if self.handle:  # or Ctrl-C, just after it was made
                self.abandon()
            else:
                _connections.pop(self._token, None)
            raise

    # Requests

    def ask(self, security: native.Security, options: Optional[native.RequestOptions], sink: ReplySink) -> int:
        """Asks; `sink` is called exactly once, on the connection's thread. Returns the serial number."""
        if self.is_driven:
            return self._ask_driven(security, options, sink)
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

    def _ask_driven(self, security: native.Security, options: Optional[native.RequestOptions], sink: ReplySink) -> int:
        """The same for the loop that drives the connection, whose answers come in `process` only. After a signal `sink` may
        be called once more with the same answer."""
        serial_no = c_uint32()
        status = native.lib.capdist_get_capital_distribution(
            self.handle, byref(security), byref(options) if options is not None else None, _on_driven_reply, self._token,
            byref(serial_no),
        )  # fmt: skip
        if status != 0:
            self._raise(status)
        waiting = self.waiting()
        if waiting is not None:
            waiting.sinks[serial_no.value] = sink
        return serial_no.value

    def send_proto(self, proto_id: int, body: bytes, options: Optional[native.RequestOptions], sink: ProtoSink) -> int:
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

    def give_up(self, serial_no: int) -> None:
        """The same for a request whose answer nobody wants any more."""
        native.lib.capdist_cancel(self.handle, serial_no)

    # State

    def look(self) -> Tuple[Optional[CapdistError], bool]:
        """Why the connection does not stand, or None if it does; and whether that is for good."""
        # Before the cause, so that a cause that is called final is the final one.
        is_final = self.info().is_final
        # A time limit of 0 only looks.
        status = native.lib.capdist_wait_ready(self.handle, 0)
        if status == 0:
            return None, True
        return call_error(status, native.text(native.lib.capdist_last_error())), is_final

    def wait_ready(self, timeout: float) -> None:
        """Waits until the connection stands; raises why it does not."""
        refuse_in_callback()
        deadline = time.monotonic() + patience(timeout)
        error: Optional[CapdistError] = None
        try:
            with self.changed:
                while True:
                    error, is_final = self.look()
                    if error is None:
                        return
                    remaining = deadline - time.monotonic()
                    if remaining <= 0 or is_final:
                        raise error
                    # The library tells at once; the limit is for a child that was forked in between.
                    self.changed.wait(min(remaining, 1.0))
        finally:
            del error  # which holds this frame, once it is raised

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

    @property
    def is_closing(self) -> bool:
        """Whether it is released, or about to be."""
        return self._is_closing

    def process(self) -> None:
        """Does what there is to do where a loop drives; raises what a signal's handler raised meanwhile."""
        self._call(native.lib.capdist_process)

    def close(self) -> None:
        """Releases the connection; waits until its thread is gone, unless inside a callback. Harmless to repeat."""
        thread = self.start_release()
        if self.is_driven or threading.get_ident() in _callback_threads:
            return
        try:
            self.closed.wait()
        except BaseException:  # Ctrl-C
            native.detach_thread(thread)
            raise
        native.join_thread(thread)

    def abandon(self) -> None:
        """Releases the connection and waits for nothing. Takes no lock: garbage may be collected anywhere."""
        native.detach_thread(self.start_release())

    def disown(self) -> None:
        """In a forked child: only the descriptors are ours to close."""
        self._is_closing = True
        # The parent's threads may have held their locks.
        self.changed = threading.Condition()
        self.closed = threading.Event()
        self.closed.set()
        native.lib.capdist_release(self.handle)

    def start_release(self) -> Optional[c_void_p]:
        """Releases on another thread, if it is not done yet: callbacks of the user may run, nobody knows how long, and
        no Ctrl-C reaches a thread that waits inside C. Returns the thread, to be joined or detached."""
        if self._is_closing:
            return None
        self._is_closing = True
        # While the interpreter exits, the loop's thread may be inside a callback that does not return.
        is_ours = self.is_driven and not (_is_exiting and threading.get_ident() != self._thread)
        if threading.get_ident() not in _callback_threads and not is_ours:
            thread = native.start_release(self.handle)
            if thread is not None:
                return thread
        # Inside a callback it does not wait, and one that a loop drives ends in the call, or after the callback that makes
        # it. Without a thread to do it on, waiting inside C is what is left.
        self._call(native.lib.capdist_release)
        return None

    def _call(self, function: Callable[[c_void_p], int]) -> None:
        """Calls what makes callbacks on this thread."""
        if not self.is_driven:
            function(self.handle)
            return
        global _hook
        thread = threading.get_ident()
        hook = sys.unraisablehook
        try:
            # Handlers of signals run there only. They cut a callback off before its first line as well, and then nothing but
            # this hook learns of it.
            if thread == threading.main_thread().ident and hook is not _cut_off:
                _hook = hook
                sys.unraisablehook = _cut_off
            function(self.handle)
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

    def _raise(self, status: int) -> None:
        raise call_error(status, native.text(native.lib.capdist_last_error()))

    # On the connection's thread

    def attach(self) -> None:
        """Gives this thread a thread state that outlives the callback."""
        self._thread = threading.get_ident()
        _callback_threads.add(self._thread)
        self._gil_state = _ensure()
        self.is_attached = True

    def detach(self) -> None:
        """Takes it back in the thread's last callback."""
        if self._gil_state is not None:
            _callback_threads.discard(self._thread)
            state, self._gil_state = self._gil_state, None
            _release(state)

    def tell(self) -> None:
        """Wakes who waits for a change of state."""
        with self.changed:
            self.changed.notify_all()
        waiting = self.waiting()
        if waiting is not None:
            for listener in tuple(waiting.listeners):
                listener()


class Waiting:
    """What waits for a connection. The client holds it, and a loop that drives the connection: so it goes with them."""

    def __init__(self) -> None:
        #: Called after each change of state, on the connection's thread.
        self.listeners: set[Callable[[], None]] = set()
        #: By serial number; only where a loop drives.
        self.sinks: Dict[int, ReplySink] = {}


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
    if connection is not None and not connection.is_attached:
        connection.attach()
    return connection


def _call_user(connection: Connection, callback: Callable[..., None], *arguments: Any) -> None:
    """Calls the user's. What it raises is reported by ctypes, unless it is to end more than the callback."""
    try:
        callback(*arguments)
    except Exception:
        raise
    except BaseException as error:
        if not connection.is_driven:
            raise
        _raised.setdefault(threading.get_ident(), error)


def _cut_off(event: "sys.UnraisableHookArgs") -> None:
    """The hook for what is raised in callbacks while the main thread is in a call that makes them."""
    trace = event.exc_traceback
    error = event.exc_value
    handler = _handlers.get(trace.tb_frame.f_code) if trace is not None else None
    if trace is None or error is None or handler is None or threading.get_ident() != threading.main_thread().ident:
        _hook(event)
        return
    variables = trace.tb_frame.f_locals
    arguments = [variables[name] for name in handler.__code__.co_varnames[: handler.__code__.co_argcount]]
    has_called = any(frame.f_code is _call_user.__code__ for frame, _ in traceback.walk_tb(trace))
    if has_called and isinstance(error, Exception):
        _hook(event)
        return
    _raised.setdefault(threading.get_ident(), error)
    if not has_called:
        handler(*arguments)  # its memory is there until ctypes returns


def _answered(token: int, reply: Any) -> None:
    entry = _pending.pop(token, None)
    if entry is None:
        return
    connection, sink = entry
    if not connection.is_attached:
        connection.attach()
    sink(reply.contents)


def _handle_reply(_conn: int, _serial_no: int, reply: Any, token: int) -> None:
    _answered(token, reply)


def _handle_driven_reply(_conn: int, serial_no: int, reply: Any, token: int) -> None:
    connection = _connections.get(token)
    waiting = connection.waiting() if connection is not None else None
    sink = waiting.sinks.get(serial_no) if waiting is not None else None
    if waiting is not None and sink is not None:
        sink(reply.contents)
        # After it, so that what is cut off is found again.
        waiting.sinks.pop(serial_no, None)


def _handle_proto_reply(_conn: int, _serial_no: int, reply: Any, token: int) -> None:
    _answered(token, reply)


def _handle_init_connect(_conn: int, err_code: int, desc: bytes, token: int) -> None:
    connection = _entered(token)
    if connection is None:
        return
    connection.tell()
    callbacks = connection.callbacks()
    if callbacks is not None and callbacks.on_init_connect is not None:
        _call_user(connection, callbacks.on_init_connect, err_code, native.text(desc))


def _handle_disconnect(_conn: int, err_code: int, desc: bytes, token: int) -> None:
    connection = _entered(token)
    if connection is None:
        return
    connection.tell()
    callbacks = connection.callbacks()
    if callbacks is not None and callbacks.on_disconnect is not None:
        _call_user(connection, callbacks.on_disconnect, err_code, native.text(desc))


def _handle_push(_conn: int, proto_id: int, body: int, length: int, token: int) -> None:
    connection = _entered(token)
    callbacks = connection.callbacks() if connection is not None else None
    if connection is not None and callbacks is not None and callbacks.on_push is not None:
        _call_user(connection, callbacks.on_push, proto_id, native.bytes_at(body, length))


def _handle_log(_conn: int, level: int, message: bytes, token: int) -> None:
    connection = _entered(token)
    callbacks = connection.callbacks() if connection is not None else None
    if connection is not None and callbacks is not None and callbacks.on_log is not None:
        _call_user(connection, callbacks.on_log, level, native.text(message))


def _handle_closed(token: int) -> None:
    connection = _connections.get(token)
    if connection is None:
        return
    connection.detach()
    connection.tell()
    connection.closed.set()
    _connections.pop(token, None)


# Kept here for as long as the process lives, since C may call them for as long.
_on_reply = native.ReplyFn(_handle_reply)
_on_driven_reply = native.ReplyFn(_handle_driven_reply)
_on_proto_reply = native.ProtoFn(_handle_proto_reply)
_on_init_connect = native.InitConnectFn(_handle_init_connect)
_on_disconnect = native.DisconnectFn(_handle_disconnect)
_on_push = native.PushFn(_handle_push)
_on_log = native.LogFn(_handle_log)
_on_closed = native.ClosedFn(_handle_closed)

#: By their code: those that a loop's connection makes, and that may be made once more when they were cut off.
_handlers: Dict[CodeType, Callable[..., None]] = {
    handler.__code__: handler
    for handler in (
        _handle_driven_reply, _handle_init_connect, _handle_disconnect, _handle_push, _handle_log, _handle_closed,
    )
}  # fmt: skip


def _close_all() -> None:
    global _is_exiting
    _is_exiting = True
    releases = [(connection, connection.start_release()) for connection in list(_connections.values())]
    deadline = time.monotonic() + _EXIT_PATIENCE
    for connection, thread in releases:
        # One whose callback does not return is left behind, like any daemon thread.
        if connection.closed.wait(max(0.0, deadline - time.monotonic())):
            native.join_thread(thread)


def _before_fork() -> None:
    """Until 3.12 a child hangs in the interpreter if another thread was just getting its thread state. A connection's
    thread gets one as soon as it runs."""
    deadline = time.monotonic() + 1.0
    while any(not one.is_attached for one in list(_connections.values())) and time.monotonic() < deadline:
        time.sleep(0.0002)


def _after_fork_in_child() -> None:
    # The requests are the parent's, and so are its threads.
    inherited = list(_connections.values())
    _connections.clear()
    _pending.clear()
    _callback_threads.clear()
    for connection in inherited:
        connection.disown()


atexit.register(_close_all)
if sys.version_info < (3, 12):
    os.register_at_fork(before=_before_fork)
os.register_at_fork(after_in_child=_after_fork_in_child)
