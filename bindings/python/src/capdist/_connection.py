"""One connection of the library, with what Python needs around it. Everything that users see is built on it.

How the C library and the interpreter live together:

- No blocking function of the library is called: waits are Python's own, so that Ctrl-C ends them at once.
- The connection's thread gets one thread state for its whole life. Left alone, ctypes makes and drops one at each
  callback, which costs twenty times as much as the callback. In application-driven mode callbacks come on the loop's thread.
- Before the interpreter goes, all connections are released, so that no thread calls into it after that.
- A forked child keeps none of its parent's connections.
- What the library calls: see `_callbacks`.
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

#: As much as `threading` gives its threads.
_THREAD_STACK_BYTES = 8 * 1024 * 1024

#: How long the interpreter's exit waits for a callback that is running, in seconds.
_EXIT_PATIENCE = 2.0


def _refuse_in_subinterpreter() -> None:
    """A thread that Python did not start always comes into the main interpreter, and there it would run this one's objects."""
    if _callbacks.api is not None and _callbacks.api.PyInterpreterState_GetID(_callbacks.api.PyInterpreterState_Get()) != 0:
        raise call_error(
            Status.UNSUPPORTED,
            "in a subinterpreter a connection can have no thread of its own, whose callbacks would come into the main one: use "
            "LoopClient here, or make the client in the main interpreter",
        )


def refuse_in_callback() -> None:
    """Raises where a wait would be for the very thread it is on."""
    if get_ident() in _callbacks.callback_threads:
        raise WouldDeadlockError(
            "inside a callback this call would wait for its own thread: use the one with a callback",
            Status.WOULD_DEADLOCK,
        )


class Connection:
    """A connection's handle and the callbacks that come over it. Safe from any thread."""

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
        #: Whether a loop drives it, on a thread that is Python's own.
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
        # In any case: the first line comes at once, and gives the thread its thread state early.
        options.on_log = _callbacks.on_log
        options.on_closed = _callbacks.on_closed
        if waiting.resolver is not None:
            native.set_if_known(options, "on_resolve", _callbacks.on_resolve)
        # Callbacks are Python, which takes the stack of a thread of its own.
        native.set_if_known(options, "thread_stack_bytes", _THREAD_STACK_BYTES)
        options.user_data = self._token
        _callbacks.connections[self._token] = self
        try:
            native.check(native.lib.capdist_init_connect(byref(options), byref(self.handle)))
            if _is_exiting:  # too late for the round that closes all
                self._is_closing = False
                raise ClosedError(_EXITING, Status.RELEASED)
        except BaseException:
            if self.handle:  # or Ctrl-C, just after it was made
                self.abandon()
            else:
                _callbacks.connections.pop(self._token, None)
            raise

    # Requests

    def ask(self, security: native.Security, options: Optional[native.RequestOptions], sink: ReplySink) -> int:
        """Asks; `sink` is called on the connection's thread, exactly once, or where a loop drives with the same answer once
        more after a signal. Returns the serial number."""
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
        if waiting is not None:  # where a loop drives no answer comes before the next turn
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
        """Why there is no connection, or None if there is one; and whether that is permanent."""
        # Before the cause, so that a cause that is called final is the final one.
        is_final = self.info().is_final
        # A time limit of 0 only looks.
        status = native.lib.capdist_wait_ready(self.handle, 0)
        if status == 0:
            return None, True
        return call_error(status, native.text(native.lib.capdist_last_error())), is_final

    def wait_ready(self, timeout: float, through_outage: bool = True) -> None:
        """Waits until the connection is established; else raises why not. Without `through_outage` it raises after a failed attempt."""
        refuse_in_callback()
        deadline = time.monotonic() + patience(timeout)
        error: Optional[CapdistError] = None
        is_final = False

        def done() -> bool:
            nonlocal error, is_final
            error, is_final = self.look()
            return error is None or is_final or (self.is_in_outage and not through_outage)

        try:
            # The library tells at once; the limit of each wait is for a child that was forked in between.
            while not self.changed.wait(done, min(max(deadline - time.monotonic(), 0.0), 1.0)):
                if time.monotonic() >= deadline:
                    break
            if error is not None:
                raise error
        finally:
            error = None  # which holds this frame, once it is raised

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
        """The quota of the connection's group."""
        raw = native.initialised(native.Quota)
        native.check(native.lib.capdist_get_quota(self.handle, byref(raw)))
        next_slot = raw.next_slot_ms / 1000 if raw.next_slot_ms >= 0 else None
        return Quota(raw.limit, raw.window_ms / 1000, raw.used, raw.waiting, next_slot)

    @property
    def is_closing(self) -> bool:
        """Whether it is released, or about to be."""
        return self._is_closing

    def resolved(self, addresses: Optional[str], why: str = "") -> None:
        """Tells the addresses of the host that were asked for, separated by spaces; None: why there are none. Too late is harmless."""
        raw = addresses.encode() if addresses else None
        native.lib.capdist_resolved(self.handle, raw, why.encode("utf-8", "replace")[:255] or None)

    def process(self) -> None:
        """Does what there is to do where a loop drives; raises what a signal's handler raised meanwhile."""
        _signals.call(native.lib.capdist_process, self.handle)

    def close(self) -> None:
        """Releases the connection; waits until its thread is gone, unless inside a callback. Harmless to repeat."""
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
        """Releases the connection and waits for nothing. Takes no lock: garbage may be collected anywhere."""
        native.detach_thread(self.start_release())

    def disown(self) -> None:
        """In a forked child: only the descriptors are ours to close."""
        self._is_closing = True
        # New ones: the parent's threads may have been waiting.
        self.changed = Signal()
        self.closed = Flag()
        self.closed.is_set = True
        native.lib.capdist_release(self.handle)

    def start_release(self) -> Optional[c_void_p]:
        """Releases on another thread, if it is not done yet: callbacks of the user may run, nobody knows how long, and
        no Ctrl-C reaches a thread that waits inside C. Returns the thread, to be joined or detached."""
        if self._is_closing:
            return None
        self._is_closing = True
        # While the interpreter exits, the loop's thread may be inside a callback that does not return.
        is_ours = self.is_driven and not (_is_exiting and get_ident() != self._thread)
        if get_ident() not in _callbacks.callback_threads and not is_ours:
            thread = native.start_release(self.handle)
            if thread is not None:
                return thread
        # Inside a callback it does not wait, and one that a loop drives ends in the call, or after the callback that makes
        # it. Without a thread to do it on, waiting inside C is what is left.
        if self.is_driven:
            _signals.call(native.lib.capdist_release, self.handle)
        else:
            native.lib.capdist_release(self.handle)
        return None

    def _raise(self, status: int) -> None:
        raise call_error(status, native.text(native.lib.capdist_last_error()))

    # On the connection's thread

    def attach(self) -> None:
        """Gives this thread a thread state that outlives the callback."""
        self._thread = get_ident()
        _callbacks.callback_threads.add(self._thread)
        self._gil_state = _callbacks.api.PyGILState_Ensure() if _callbacks.api is not None else 0
        self.is_attached = True

    def detach(self) -> None:
        """Takes it back in the thread's last callback."""
        if self._gil_state is not None:
            _callbacks.callback_threads.discard(self._thread)
            state, self._gil_state = self._gil_state, None
            if _callbacks.api is not None:
                _callbacks.api.PyGILState_Release(state)

    def tell(self) -> None:
        """Wakes who waits for a change of state."""
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
        # One whose callback does not return is left behind, like any daemon thread.
        if connection.closed.wait(max(0.0, deadline - time.monotonic())):
            native.join_thread(thread)


def _before_fork() -> None:
    """Until 3.12 a child hangs in the interpreter if another thread was just getting its thread state. A connection's
    thread gets one as soon as it runs."""
    deadline = time.monotonic() + 1.0
    while any(not one.is_attached for one in list(_callbacks.connections.values())) and time.monotonic() < deadline:
        sleep(0.0002)


def _after_fork_in_child() -> None:
    # The requests are the parent's, and so are its threads.
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

# Loaded again (importlib.reload): C and open connections hold what was made the first time, so that stays.
globals().update(_before)
