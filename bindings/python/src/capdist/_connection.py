"""One connection of the library. All clients are built on it.

How the library and the interpreter work together:

- All waits are Python's own, so that Ctrl-C ends them at once. No blocking function of the library is called.
- The connection's thread has one thread state until it ends. Without that, ctypes would make and free one for each callback,
  which takes twenty times as long as the callback. In application-driven mode callbacks run on the loop's thread.
- When the interpreter exits, all connections are released first, so that no thread calls into it afterwards.
- A forked child keeps none of its parent's connections.
- The functions that the library calls are in `_callbacks`.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
import weakref
from ctypes import byref, c_uint32, c_void_p
from typing import Any, Dict, Optional, Tuple

from . import _callbacks, _signals
from . import _native as native
from ._abi import Status
from ._arguments import patience
from ._callbacks import Callbacks, ProtoSink, ReplySink, Waiting
from ._model import ConnectionInfo, Quota
from ._status import CapdistError, ClosedError, WouldDeadlockError, call_error
from ._waits import Flag, Signal, get_ident, sleep

_before: Dict[str, Any] = {name: value for name, value in globals().items() if not name.startswith("__")}

_is_exiting = False
_EXITING = "the interpreter is exiting: no new connections"

#: The usual stack size of Python's threads.
_THREAD_STACK_BYTES = 8 * 1024 * 1024

#: The longest wait at the interpreter's exit for a callback that is running, in seconds.
_EXIT_PATIENCE = 2.0


def _refuse_in_subinterpreter() -> None:
    """Raises in a subinterpreter: a thread that Python did not start always enters the main interpreter, where it must not use
    objects of this one."""
    if _callbacks.api is not None and _callbacks.api.PyInterpreterState_GetID(_callbacks.api.PyInterpreterState_Get()) != 0:
        raise call_error(
            Status.UNSUPPORTED,
            "in a subinterpreter a connection can have no thread of its own, whose callbacks would come into the main one: use "
            "LoopClient here, or make the client in the main interpreter",
        )


def refuse_in_callback() -> None:
    """Raises inside a callback: a wait there would be for the thread that it runs on."""
    if get_ident() in _callbacks.callback_threads:
        raise WouldDeadlockError(
            "inside a callback this call would wait for its own thread: use the one with a callback",
            Status.WOULD_DEADLOCK,
        )


class Connection:
    """A connection's handle and callbacks. Safe to use from any thread."""

    def __init__(self, options: native.Options, callbacks: Callbacks, waiting: Waiting) -> None:
        if _is_exiting:
            raise ClosedError(_EXITING, Status.RELEASED)
        if options.mode != native.MODE_HOST_DRIVEN:
            _refuse_in_subinterpreter()
        self.callbacks = weakref.ref(callbacks)
        self.waiting = weakref.ref(waiting)
        self.changed = Signal()
        self.closed = Flag()
        self.handle = c_void_p()
        self._token = next(_callbacks.tokens)
        self._gil_state: Optional[int] = None
        #: Whether an event loop drives it, on a thread of Python.
        self.is_driven = options.mode == native.MODE_HOST_DRIVEN
        self.is_attached = self.is_driven
        self._thread = get_ident() if self.is_driven else 0
        self._is_closing = False
        #: Whether the last attempt to connect failed.
        self.is_in_outage = False
        options.on_init_connect = _callbacks.on_init_connect
        native.set_if_known(options, "on_attempt_failed", _callbacks.on_attempt_failed)
        options.on_disconnect = _callbacks.on_disconnect
        if callbacks.on_push is not None:
            options.on_push = _callbacks.on_push
        # Always set: the first log message comes at once, and so the thread gets its thread state early.
        options.on_log = _callbacks.on_log
        options.on_closed = _callbacks.on_closed
        if waiting.resolver is not None:
            native.set_if_known(options, "on_resolve", _callbacks.on_resolve)
        # Callbacks run Python code, which needs as large a stack as Python's own threads have.
        native.set_if_known(options, "thread_stack_bytes", _THREAD_STACK_BYTES)
        options.user_data = self._token
        _callbacks.connections[self._token] = self
        try:
            native.check(native.lib.capdist_init_connect(byref(options), byref(self.handle)))
            if _is_exiting:  # `_close_all` has run already
                self._is_closing = False
                raise ClosedError(_EXITING, Status.RELEASED)
        except BaseException:
            if self.handle:  # Ctrl-C, just after it was made
                self.abandon()
            else:
                _callbacks.connections.pop(self._token, None)
            raise

    # Requests

    def ask(self, security: native.Security, options: Optional[native.RequestOptions], sink: ReplySink) -> int:
        """Makes a request, and returns its serial number. `sink` is called exactly once, on the connection's thread. If a loop
        drives the connection, `sink` may be called again with the same answer after a signal."""
        serial_no = c_uint32()
        token = self._token if self.is_driven else next(_callbacks.tokens)
        if not self.is_driven:
            _callbacks.pending[token] = (self, sink)
        status = native.lib.capdist_get_capital_distribution(
            self.handle, byref(security), byref(options) if options is not None else None,
            _callbacks.on_driven_reply if self.is_driven else _callbacks.on_reply, token, byref(serial_no),
        )  # fmt: skip
        if status != 0:
            _callbacks.pending.pop(token, None)
            self._raise(status)
        waiting = self.waiting() if self.is_driven else None
        if waiting is not None:  # no answer comes before the loop's next turn
            waiting.sinks[serial_no.value] = sink
        return serial_no.value

    def send_proto(self, proto_id: int, body: bytes, options: Optional[native.RequestOptions], sink: ProtoSink) -> int:
        """The same for any other protocol."""
        token = next(_callbacks.tokens)
        serial_no = c_uint32()
        _callbacks.pending[token] = (self, sink)
        status = native.lib.capdist_send_proto(
            self.handle, proto_id, body, len(body), byref(options) if options is not None else None, _callbacks.on_proto_reply,
            token, byref(serial_no),
        )  # fmt: skip
        if status != 0:
            del _callbacks.pending[token]
            self._raise(status)
        return serial_no.value

    def cancel(self, serial_no: int) -> bool:
        """Ends a request. Returns False if no such request is queued or in flight."""
        status = native.lib.capdist_cancel(self.handle, serial_no)
        if status in (Status.NOT_FOUND, Status.RELEASED):
            return False
        if status != 0:
            self._raise(status)
        return True

    def give_up(self, serial_no: int) -> None:
        """The same, for a request whose answer is no longer needed."""
        native.lib.capdist_cancel(self.handle, serial_no)

    # State

    def look(self) -> Tuple[Optional[CapdistError], bool]:
        """The reason why the connection is not established, or None if it is; and whether that is final."""
        # Read before the cause: a cause that is called final is then the last one.
        is_final = self.info().is_final
        # With a timeout of 0 the call does not wait.
        status = native.lib.capdist_wait_ready(self.handle, 0)
        if status == 0:
            return None, True
        return call_error(status, native.text(native.lib.capdist_last_error())), is_final

    def wait_ready(self, timeout: float, through_outage: bool = True) -> None:
        """Waits until the connection is established, or raises. Without `through_outage` it raises as soon as an attempt has
        failed."""
        refuse_in_callback()
        deadline = time.monotonic() + patience(timeout)
        error: Optional[CapdistError] = None
        is_final = False

        def done() -> bool:
            nonlocal error, is_final
            error, is_final = self.look()
            return error is None or is_final or (self.is_in_outage and not through_outage)

        try:
            # Each wait is limited, since a child that is forked meanwhile is not notified.
            while not self.changed.wait(done, min(max(deadline - time.monotonic(), 0.0), 1.0)):
                if time.monotonic() >= deadline:
                    break
            if error is not None:
                raise error
        finally:
            error = None  # break the cycle: its traceback refers to this frame

    def info(self) -> ConnectionInfo:
        """What is known of the connection."""
        raw = native.initialised(native.ConnectionInfo)
        native.check(native.lib.capdist_get_connection_info(self.handle, byref(raw)))
        return ConnectionInfo(
            raw.conn_id,
            raw.login_user_id,
            raw.server_version,
            raw.state == native.STATE_READY,
            raw.state == native.STATE_NOT_CONNECTED,
        )

    def quota(self) -> Quota:
        """The state of the connection's quota group."""
        raw = native.initialised(native.Quota)
        native.check(native.lib.capdist_get_quota(self.handle, byref(raw)))
        next_slot = raw.next_slot_ms / 1000 if raw.next_slot_ms >= 0 else None
        return Quota(raw.limit, raw.window_ms / 1000, raw.used, raw.waiting, next_slot)

    @property
    def is_closing(self) -> bool:
        """Whether it is released, or will be."""
        return self._is_closing

    def resolved(self, addresses: Optional[str], why: str = "") -> None:
        """Answers the library with the host's addresses, separated by spaces; or with None and the reason. A late answer is
        harmless."""
        raw = addresses.encode() if addresses else None
        native.lib.capdist_resolved(self.handle, raw, why.encode("utf-8", "replace")[:255] or None)

    def process(self) -> None:
        """Does the pending work, if a loop drives the connection. Raises what a signal's handler raised meanwhile."""
        _signals.call(native.lib.capdist_process, self.handle)

    def close(self) -> None:
        """Releases the connection. Outside callbacks it waits until its thread has ended. Calling it again is harmless."""
        thread = self.start_release()
        if self.is_driven or get_ident() in _callbacks.callback_threads:
            return
        try:
            self.closed.wait()
        except BaseException:  # Ctrl-C
            native.detach_thread(thread)
            raise
        native.join_thread(thread)

    def abandon(self) -> None:
        """Releases the connection, and does not wait. Takes no lock: the garbage collector may call it anywhere."""
        native.detach_thread(self.start_release())

    def disown(self) -> None:
        """Forgets the parent's connection in a forked child. The library only closes its descriptors."""
        self._is_closing = True
        # The parent's threads may be waiting on the old ones.
        self.changed = Signal()
        self.closed = Flag()
        self.closed.is_set = True
        native.lib.capdist_release(self.handle)

    def start_release(self) -> Optional[c_void_p]:
        """Starts to release the connection on another thread, unless that was done. The release waits for a callback of the
        application, however long it takes, and Ctrl-C does not end a wait in C. Returns the thread, to be joined or
        detached."""
        if self._is_closing:
            return None
        self._is_closing = True
        # At the interpreter's exit the loop's thread may be inside a callback that does not return.
        is_ours = self.is_driven and not (_is_exiting and get_ident() != self._thread)
        if get_ident() not in _callbacks.callback_threads and not is_ours:
            thread = native.start_release(self.handle)
            if thread is not None:
                return thread
        # Inside a callback the release does not wait. If a loop drives the connection, it is released within the call, or after
        # the running callback. If no thread can be started, all that is left is to wait in C.
        if self.is_driven:
            _signals.call(native.lib.capdist_release, self.handle)
        else:
            native.lib.capdist_release(self.handle)
        return None

    def _raise(self, status: int) -> None:
        raise call_error(status, native.text(native.lib.capdist_last_error()))

    # On the connection's thread

    def attach(self) -> None:
        """Gives this thread a thread state that stays until `detach`."""
        self._thread = get_ident()
        _callbacks.callback_threads.add(self._thread)
        self._gil_state = _callbacks.api.PyGILState_Ensure() if _callbacks.api is not None else 0
        self.is_attached = True

    def detach(self) -> None:
        """Frees the thread state, in the thread's last callback."""
        if self._gil_state is not None:
            _callbacks.callback_threads.discard(self._thread)
            state, self._gil_state = self._gil_state, None
            if _callbacks.api is not None:
                _callbacks.api.PyGILState_Release(state)

    def tell(self) -> None:
        """Notifies everybody who waits for a change of state."""
        self.changed.notify()
        waiting = self.waiting()
        if waiting is not None:
            for listener in tuple(waiting.listeners):
                listener()


def _close_all() -> None:
    global _is_exiting
    _is_exiting = True
    releases = [(connection, connection.start_release()) for connection in list(_callbacks.connections.values())]
    deadline = time.monotonic() + _EXIT_PATIENCE
    for connection, thread in releases:
        # If a callback does not return, its thread is abandoned, like any daemon thread.
        if connection.closed.wait(max(0.0, deadline - time.monotonic())):
            native.join_thread(thread)


def _before_fork() -> None:
    """Before 3.12 a child hangs in the interpreter if another thread was getting its thread state during the fork. A
    connection's thread gets one as soon as it runs."""
    deadline = time.monotonic() + 1.0
    while any(not one.is_attached for one in list(_callbacks.connections.values())) and time.monotonic() < deadline:
        sleep(0.0002)


def _after_fork_in_child() -> None:
    # The requests and the threads are the parent's.
    inherited = list(_callbacks.connections.values())
    _callbacks.connections.clear()
    _callbacks.pending.clear()
    _callbacks.callback_threads.clear()
    for connection in inherited:
        connection.disown()


if "_close_all" not in _before:
    atexit.register(_close_all)
    if sys.version_info < (3, 12):
        os.register_at_fork(before=_before_fork)
    os.register_at_fork(after_in_child=_after_fork_in_child)

# importlib.reload() keeps the objects of the first import: C and open connections use them.
globals().update(_before)
