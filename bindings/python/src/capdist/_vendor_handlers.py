"""The handlers of the vendor's SDK: their `on_recv_rsp` is called for each push of the gateway."""

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
    """The base class of handlers."""

    def on_recv_rsp(self, rsp_pb: bytes) -> Any:
        """Called for each push with its protobuf, on the context's own thread."""


class SysNotifyHandlerBase(RspHandlerBase):
    """The base class for handlers of OpenD's notifications: it was logged out, needs a code, or rights have changed.

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
        """The same as :meth:`parse_rsp_pb`."""
        return self.parse_rsp_pb(rsp_pb)


class KeepAliveHandlerBase(RspHandlerBase):
    """Accepted and never called, as by the vendor's own context. The library keeps the connection alive."""


class Pushes:
    """Passes pushes to the handler, on a thread that runs from the first `set_handler` to `close`.

    It has a thread of its own, since handlers make requests, which must not block inside the library's callback. Its reference
    to the handler is weak while it waits, so that a context that its own handler refers to can still be collected.
    """

    def __init__(self) -> None:
        #: Pushes for the handler; None ends the thread.
        self.queue: Queue[Optional[bytes]] = Queue()
        #: Set by :meth:`OpenQuoteContext.start` and `stop`.
        self.is_on = True
        self.handler: Optional[SysNotifyHandlerBase] = None
        self._thread: Optional[threading.Thread] = None
        self._starts = count()
        self.is_closed = False

    def set_handler(self, handler: object) -> int:
        """Sets the handler, in place of an earlier one. RET_ERROR for an object of another class."""
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
        """Stops calling the handler. Waits for a running one, unless called on its thread. Calling it again is harmless."""
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
    """Calls the handler for one push. Returns False when the thread should end."""
    pushes = known()
    if pushes is None or pushes.is_closed:
        return False
    if pushes.handler is None or not pushes.is_on:
        return True
    try:
        pushes.handler.on_recv_rsp(body)
    except Exception:  # an error in the handler ends neither the thread nor the connection
        kind, error, trace = sys.exc_info()
        threading.excepthook(threading.ExceptHookArgs((kind, error, trace, threading.current_thread())))
    return True
