"""Waiting on a thread of Python for a connection's thread.

The connection's thread belongs to the library, and is not a greenlet. It must not use locks that gevent or eventlet have put in
place of Python's. A greenlet that waits must let other greenlets run. So all locks here are Python's own, and each wait chooses
its kind when it begins, by the application's monkey patching.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from queue import Empty
from typing import Any, Callable, Deque, Generic, Optional, Protocol, Set, TypeVar

Item = TypeVar("Item")


def original(module: str, name: str) -> Any:
    """Python's own function of that name, also if it was monkey-patched."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched(module):
        return monkey.get_original(module, name)
    patcher = sys.modules.get("eventlet.patcher")
    if patcher is not None and any(map(patcher.is_monkey_patched, ("os", "thread", "time"))):
        return getattr(patcher.original(module), name)
    return getattr(sys.modules.get(module) or __import__(module), name)


_allocate_lock: Callable[[], Any] = original("_thread", "allocate_lock")
get_ident: Callable[[], int] = original("_thread", "get_ident")
sleep: Callable[[float], None] = original("time", "sleep")
_write: Callable[[int, bytes], int] = original("os", "write")
_read: Callable[[int, int], bytes] = original("os", "read")
_close: Callable[[int], None] = original("os", "close")


class _Wait(Protocol):
    """The wait of one thread or greenlet. `set` may be called from any thread, also after the end."""

    def set(self) -> None: ...

    def wait(self, timeout: Optional[float]) -> None:
        """Waits until `set` is called, or was called before, or for `timeout` seconds. Then it is no longer set."""

    def close(self) -> None: ...


class _ThreadWait:
    def __init__(self) -> None:
        self._lock = _allocate_lock()
        self._lock.acquire()

    def set(self) -> None:
        try:
            self._lock.release()
        except RuntimeError:  # it is set already
            pass

    def wait(self, timeout: Optional[float]) -> None:
        self._lock.acquire(True, -1 if timeout is None else timeout)

    def close(self) -> None:
        pass


class _GeventWait:
    def __init__(self) -> None:
        import gevent
        import gevent.event

        self._event = gevent.event.Event()
        # The only part of gevent's hub that other threads may use.
        self._async = gevent.get_hub().loop.async_()
        self._async.start(self._event.set)
        self._lock = _allocate_lock()
        self._is_closed = False

    def set(self) -> None:
        with self._lock:
            if not self._is_closed:
                self._async.send()

    def wait(self, timeout: Optional[float]) -> None:
        self._event.wait(timeout)
        self._event.clear()

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
        self._async.stop()
        self._async.close()


class _EventletWait:
    def __init__(self) -> None:
        self._lock = _allocate_lock()
        self._reader, self._writer = original("os", "pipe")()
        self._is_set = False
        self._is_closed = False

    def set(self) -> None:
        # Under the lock: otherwise the number could belong to another descriptor by then.
        with self._lock:
            if not self._is_closed and not self._is_set:
                self._is_set = True
                _write(self._writer, b"\0")

    def wait(self, timeout: Optional[float]) -> None:
        from eventlet import Timeout, hubs

        late = Timeout(timeout) if timeout is not None else None
        try:
            hubs.trampoline(self._reader, read=True)
        except Timeout as raised:
            if raised is not late:
                raise
            return
        finally:
            if late is not None:
                late.cancel()
        with self._lock:
            self._is_set = False
            _read(self._reader, 1)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            _close(self._reader)
            _close(self._writer)


def _new() -> _Wait:
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("_thread"):
        return _GeventWait()
    patcher = sys.modules.get("eventlet.patcher")
    if patcher is not None and patcher.is_monkey_patched("thread"):
        return _EventletWait()
    return _ThreadWait()


class Signal:
    """Wakes threads that wait for a condition. Takes no lock that a forked child could find locked."""

    def __init__(self) -> None:
        self._waits: Set[_Wait] = set()

    def notify(self) -> None:
        """Makes all waits check their condition. Called from any thread, after something has changed."""
        for wait in tuple(self._waits):
            wait.set()

    def wait(self, done: Callable[[], bool], timeout: Optional[float] = None) -> bool:
        """Waits until `done` returns true, or for `timeout` seconds. Returns the last result of `done`."""
        if done():
            return True
        deadline = None if timeout is None else time.monotonic() + timeout
        wait = _new()
        self._waits.add(wait)
        try:
            while not done():
                remaining = None if deadline is None else deadline - time.monotonic()
                if remaining is not None and remaining <= 0:
                    return False
                wait.wait(remaining)
            return True
        finally:
            self._waits.discard(wait)
            wait.close()


class Flag:
    """An event that happens once."""

    def __init__(self) -> None:
        self.is_set = False
        self._signal = Signal()

    def set(self) -> None:
        """Called from any thread when it has happened."""
        self.is_set = True
        self._signal.notify()

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits for it, or for `timeout` seconds. Returns whether it has happened."""
        return self._signal.wait(lambda: self.is_set, timeout)


class Queue(Generic[Item]):
    """A queue, to which any thread may add."""

    def __init__(self) -> None:
        self._items: Deque[Item] = deque()
        self._signal = Signal()

    def put(self, item: Item) -> None:
        """Adds an item."""
        self._items.append(item)
        self._signal.notify()

    def empty(self) -> bool:
        """Whether the queue is empty now."""
        return not self._items

    def get(self, timeout: Optional[float] = None) -> Item:
        """Takes the first item. Waits for one, or for `timeout` seconds and then raises `queue.Empty`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return self._items.popleft()
            except IndexError:  # another thread took it meanwhile
                remaining = None if deadline is None else max(deadline - time.monotonic(), 0.0)
                if not self._signal.wait(lambda: not self.empty(), remaining):
                    raise Empty from None
