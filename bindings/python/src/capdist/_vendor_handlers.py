"""The vendor's handlers: objects whose `on_recv_rsp` is called for what the gateway pushes."""

from __future__ import annotations

import sys
import threading
import weakref
from itertools import count
from typing import Any, Optional, Tuple, Union

from ._vendor_messages import NOTIFY, Notification, notification
from ._vendor_names import RET_ERROR, RET_OK
from ._waits import Queue


class RspHandlerBase:
    """What a handler is derived from."""

    def on_recv_rsp(self, rsp_pb: bytes) -> Any:
        """Called for each push with its protobuf as bytes, on a thread of the context's own."""


class SysNotifyHandlerBase(RspHandlerBase):
    """Derived from for OpenD's notifications: it was logged out, a code is wanted, rights have changed.

    >>> class Told(SysNotifyHandlerBase):
    ...     def on_recv_rsp(self, rsp_pb):
    ...         ret, content = super().on_recv_rsp(rsp_pb)
    ...         if ret == RET_OK:
    ...             kind, sub_type, message = content
    ...         return ret, content
    """

    @classmethod
    def parse_rsp_pb(cls, rsp_pb: bytes) -> Tuple[int, Union[Notification, str]]:
        """``(RET_OK, (type, sub type, content))`` with names of :class:`SysNotifyType`, or ``(RET_ERROR, text)``."""
        try:
            return notification(rsp_pb)
        except ValueError as error:
            return RET_ERROR, f"the notification is damaged: {error}"

    def on_recv_rsp(self, rsp_pb: bytes) -> Any:
        """The same."""
        return self.parse_rsp_pb(rsp_pb)


class KeepAliveHandlerBase(RspHandlerBase):
    """Accepted and never called, as by the vendor's own context: keeping alive is the library's business."""


class Pushes:
    """Takes what the gateway pushes to the handler, on a thread that lives from the first `set_handler` to `close`.

    A thread of its own, since handlers ask: inside the library's callback that would be refused. It knows the handler
    weakly while it waits, so that a context that is reachable from its own handler can be collected all the same.
    """

    def __init__(self) -> None:
        #: What waits for the handler; None ends the thread.
        self.queue: Queue[Optional[bytes]] = Queue()
        #: What :meth:`OpenQuoteContext.start` and `stop` set.
        self.is_on = True
        self.handler: Optional[SysNotifyHandlerBase] = None
        self._thread: Optional[threading.Thread] = None
        self._starts = count()
        self.is_closed = False

    def set_handler(self, handler: object) -> int:
        """RET_ERROR for an object that is none of these handlers; the last one set counts."""
        if isinstance(handler, KeepAliveHandlerBase):
            return RET_OK
        if not isinstance(handler, SysNotifyHandlerBase):
            return RET_ERROR
        self.handler = handler
        if not self.is_closed and next(self._starts) == 0:
            thread = threading.Thread(
                target=_take, args=(self.queue, weakref.ref(self)), name="capdist handler", daemon=True
            )
            thread.start()
            self._thread = thread
        return RET_OK

    def take(self, proto_id: int, body: bytes) -> None:
        """The client's `on_push`."""
        if proto_id == NOTIFY and self.handler is not None and not self.is_closed:
            self.queue.put(body)

    def close(self) -> None:
        """No handler is called any more; waits for the one that is running, unless on its thread. Harmless to repeat."""
        self.is_closed = True
        self.queue.put(None)
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()


def _take(queue: Queue[Optional[bytes]], known: "weakref.ref[Pushes]") -> None:
    while True:
        body = queue.get()
        if body is None or not _call(known, body):
            return


def _call(known: "weakref.ref[Pushes]", body: bytes) -> bool:
    """Calls the handler; whether there is more to come."""
    pushes = known()
    if pushes is None or pushes.is_closed:
        return False
    if pushes.handler is None or not pushes.is_on:
        return True
    try:
        pushes.handler.on_recv_rsp(body)
    except Exception:  # the user's mistake, which ends neither the thread nor the connection
        kind, error, trace = sys.exc_info()
        threading.excepthook(threading.ExceptHookArgs((kind, error, trace, threading.current_thread())))
    return True
