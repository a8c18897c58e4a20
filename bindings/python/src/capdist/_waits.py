"""How a thread of Python's waits for what a connection's thread tells.

The connection's thread is the library's and no greenlet: it must touch no lock that gevent or eventlet put in the place of
Python's, and who waits must let other greenlets run. So the locks here are Python's own, and the wait is of the kind that the
program's monkey patching, looked at when it begins, asks for.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from queue import Empty
from typing import Any, Callable, Deque, Generic, Optional, Protocol, Set, TypeVar

Item = TypeVar("Item")


def original(module: str, name: str) -> Any:
    """What Python itself has under this name, whoever has put something else there."""
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
    """One thread's, or greenlet's, wait. `set` may come from any thread, also too late."""

    def set(self) -> None: ...

    def wait(self, timeout: Optional[float]) -> None:
        """Until `set`, also if it came before, or for `timeout` seconds. What has come is forgotten with it."""

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
        # The one thing of a hub's that other threads may touch.
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
        # Under the lock, or the number might be another's descriptor by then.
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
    """Wakes whoever waits for something to become true. Takes no lock that a forked child might find held."""

    def __init__(self) -> None:
        self._waits: Set[_Wait] = set()

    def notify(self) -> None:
        """Has all who wait look again; from any thread, after what they wait for has changed."""
        for wait in tuple(self._waits):
            wait.set()

    def wait(self, done: Callable[[], bool], timeout: Optional[float] = None) -> bool:
        """Waits until `done`, or for `timeout` seconds. Returns what it says in the end."""
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
    """Something that becomes true once."""

    def __init__(self) -> None:
        self.is_set = False
        self._signal = Signal()

    def set(self) -> None:
        """From any thread."""
        self.is_set = True
        self._signal.notify()

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits for it, or for `timeout` seconds. Returns whether it is true."""
        return self._signal.wait(lambda: self.is_set, timeout)


class Queue(Generic[Item]):
    """What is put, from any thread, is taken in the same order."""

    def __init__(self) -> None:
        self._items: Deque[Item] = deque()
        self._signal = Signal()

    def put(self, item: Item) -> None:
        """Adds one."""
        self._items.append(item)
        self._signal.notify()

    def empty(self) -> bool:
        """Whether there is none now."""
        return not self._items

    def get(self, timeout: Optional[float] = None) -> Item:
        """Takes the first; waits for one, or for `timeout` seconds: then it raises `queue.Empty`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return self._items.popleft()
            except IndexError:  # or another took it meanwhile
                remaining = None if deadline is None else max(deadline - time.monotonic(), 0.0)
                if not self._signal.wait(lambda: not self.empty(), remaining):
                    raise Empty from None
