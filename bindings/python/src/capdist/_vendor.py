"""The interface of the vendor's Python SDK, as far as capital distribution needs it."""

from __future__ import annotations

import time
import weakref
from functools import lru_cache
from os import PathLike
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple, Type, Union

from ._abi import Status
from ._arguments import patience
from ._client import Client
from ._connection import refuse_in_callback
from ._log import logger
from ._model import CapitalDistribution, ProtoReply
from ._status import ArgumentError, CapdistError, RefusedError
from ._vendor_config import SysConfig, connection_options
from ._vendor_handlers import KeepAliveHandlerBase, Pushes, RspHandlerBase, SysNotifyHandlerBase
from ._vendor_messages import GET_GLOBAL_STATE, GLOBAL_STATE_REQUEST, global_state
from ._vendor_names import (
    RET_ERROR,
    RET_OK,
    SECURITY_FIRMS,
    ContextStatus,
    GtwEventType,
    Market,
    MarketState,
    ProgramStatusType,
    ProtoFMT,
    QotRight,
    SecurityFirm,
    SysNotifyType,
)
from ._waits import Queue

if TYPE_CHECKING:
    import pandas

#: The names that `from capdist.futu import *` imports. Published programs also take `time` and `logger` from there.
__all__ = [
    "RET_ERROR",
    "RET_OK",
    "ContextStatus",
    "ErrorText",
    "GtwEventType",
    "KeepAliveHandlerBase",
    "Market",
    "MarketState",
    "OpenQuoteContext",
    "ProgramStatusType",
    "ProtoFMT",
    "QotRight",
    "RspHandlerBase",
    "SecurityFirm",
    "SysConfig",
    "SysNotifyHandlerBase",
    "SysNotifyType",
    "logger",
    "time",
]

#: The vendor's columns, in its order.
COLUMNS = (
    "capital_in_super",
    "capital_in_big",
    "capital_in_mid",
    "capital_in_small",
    "capital_out_super",
    "capital_out_big",
    "capital_out_mid",
    "capital_out_small",
    "update_time",
)


@lru_cache(maxsize=1)
def _numbers() -> "Tuple[Any, pandas.Index]":
    """numpy's array and the names of the columns with numbers. Both packages are needed for the DataFrame only."""
    import numpy
    import pandas

    return numpy.array, pandas.Index(COLUMNS[:-1])


def _frame(figures: CapitalDistribution) -> "pandas.DataFrame":
    import pandas

    # One block of numbers, then the text: that takes a third of the time of a row with mixed types.
    array, columns = _numbers()
    frame = pandas.DataFrame(
        array(
            [
                [
                    figures.capital_in_super,
                    figures.capital_in_big,
                    figures.capital_in_mid,
                    figures.capital_in_small,
                    figures.capital_out_super,
                    figures.capital_out_big,
                    figures.capital_out_mid,
                    figures.capital_out_small,
                ]
            ]
        ),
        columns=columns,
        copy=False,
    )
    frame.insert(len(columns), COLUMNS[-1], figures.update_time_text)
    frame.attrs["update_timestamp"] = figures.update_timestamp
    return frame


class ErrorText(str):
    """The text beside ``RET_ERROR``. For a refusal it is the gateway's message and nothing else, since programs compare it;
    otherwise a sentence.

    Attributes:
        error: the exception; None if there was none.
    """

    error: Optional[CapdistError]

    def __new__(cls, text: str, error: Optional[CapdistError] = None) -> "ErrorText":
        made = super().__new__(cls, text)
        made.error = error
        return made


def _failed(error: CapdistError) -> Tuple[int, ErrorText]:
    words = error.ret_msg if isinstance(error, RefusedError) else ""
    return RET_ERROR, ErrorText(words or str(error), error)


def _firm_number(firm: str) -> int:
    try:
        return SECURITY_FIRMS.index(firm)
    except ValueError:
        raise ArgumentError(
            f"security_firm is {firm!r}; it must be one of SecurityFirm", Status.INVALID_ARGUMENT
        ) from None


class OpenQuoteContext:
    """A connection to OpenD, with the interface of the vendor's class.

    The constructor returns at once. The library reconnects when the connection was lost. Each call reports failures as
    ``(RET_ERROR, text)``, and `text.error` has more (:class:`ErrorText`).

    Args:
        host: address of the gateway.
        port: its port.
        is_encrypt: whether to encrypt, with the key of :meth:`SysConfig.set_init_rsa_file`; None: the setting of
            :meth:`SysConfig.enable_proto_encrypt`. A key that is missing or not valid raises :class:`capdist.ArgumentError`.
        is_async_connect: accepted without effect: the constructor never waits.
        security_firm: one of :class:`SecurityFirm`, sent with each request unless it is NONE.
        ai_type: accepted, and not sent.
        websocket_key: connects to OpenD's WebSocket, with the key that is set in OpenD; "" if it has none.
        tls: connects to OpenD's WebSocket over TLS.
        ca_file: TLS only: the path of a PEM file with the certificates to trust; None: the system's CAs.
        connect_timeout: how long a call waits for the connection, in seconds. During an outage a call does not wait: it reports
            the failure of the last attempt at once, and the library tries again meanwhile.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 11111,
        is_encrypt: Optional[bool] = None,
        is_async_connect: bool = False,
        security_firm: str = SecurityFirm.NONE,
        ai_type: int = 0,
        *,
        websocket_key: Optional[str] = None,
        tls: bool = False,
        ca_file: Union[str, PathLike[str], None] = None,
        connect_timeout: float = 10.0,
    ) -> None:
        self._security_firm = _firm_number(security_firm)
        self._connect_timeout = self._timeout = connect_timeout
        self._pushes = Pushes()
        self._client = Client(
            host,
            port,
            connect_timeout=connect_timeout,
            outage_wait=False,
            websocket_key=websocket_key,
            tls=tls,
            ca_file=ca_file,
            on_push=self._pushes.take,
            **connection_options(is_encrypt, is_websocket=tls or websocket_key is not None),
        )
        # The thread of the handler ends with the context.
        self._finalizer = weakref.finalize(self, self._pushes.queue.put, None)

    @property
    def status(self) -> str:
        """The state, one of :class:`ContextStatus`: READY while the connection is established, CLOSED after `close` or if it
        has failed permanently, else CONNECTING."""
        try:
            info = self._client.info()
        except CapdistError:
            return ContextStatus.CLOSED
        if info.is_ready:
            return ContextStatus.READY
        return ContextStatus.CLOSED if info.is_final else ContextStatus.CONNECTING

    def set_sync_query_connect_timeout(self, timeout: Optional[float]) -> None:
        """Sets how long a call waits for the connection, in seconds; None: the constructor's `connect_timeout`."""
        self._timeout = self._connect_timeout if timeout is None else patience(timeout)

    def get_capital_distribution(self, stock_code: str) -> Tuple[int, Union["pandas.DataFrame", ErrorText]]:
        """Fetches a stock's capital distribution.

        Args:
            stock_code: such as "HK.00700".

        Returns:
            ``(RET_OK, DataFrame)`` with one row and the vendor's nine columns; a missing number is NaN, a missing time
            "", and the timestamp is in ``DataFrame.attrs["update_timestamp"]``. Or ``(RET_ERROR, text)``.
        """
        try:
            import pandas  # noqa: F401 - fails before a slot of the quota is used
        except ImportError:
            return RET_ERROR, ErrorText("pandas is needed for the DataFrame: install it, or use capdist.Client")
        try:
            self._wait_ready()
            return RET_OK, _frame(self._client.capital_distribution(stock_code, security_firm=self._security_firm))
        except CapdistError as error:
            return _failed(error)

    def _wait_ready(self) -> None:
        # During an outage a program that polls must hear of it at once, instead of after the timeout.
        self._client._connection.wait_ready(self._timeout, through_outage=False)

    def get_global_state(self) -> Tuple[int, Union[Dict[str, Any], ErrorText]]:
        """Fetches the state of the markets and of OpenD.

        Returns:
            ``(RET_OK, dict)`` with the vendor's keys: ``market_hk``, ``market_us``, … are names of :class:`MarketState`;
            ``qot_logined`` and ``trd_logined`` are bools, ``server_ver`` and ``timestamp`` texts, ``local_timestamp`` a
            float, ``program_status_type`` a name of :class:`ProgramStatusType` with ``program_status_desc``. What the
            gateway leaves out is "N/A". Or ``(RET_ERROR, text)``.
        """
        try:
            self._wait_ready()
            reply = self._ask(GET_GLOBAL_STATE, GLOBAL_STATE_REQUEST)
        except CapdistError as error:
            return _failed(error)
        if reply.body:
            try:
                ret, state = global_state(reply.body)
            except ValueError as damage:
                return RET_ERROR, ErrorText(f"the answer is damaged: {damage}")
            if not isinstance(state, str):
                return ret, state
            return ret, ErrorText(state or reply.text, CapdistError(reply.text, reply.status))
        return RET_ERROR, ErrorText(reply.text, CapdistError(reply.text, reply.status))

    def _ask(self, proto_id: int, body: bytes) -> ProtoReply:
        refuse_in_callback()
        answers: Queue[ProtoReply] = Queue()
        # It does not wait for the quota. If it is not sent, the connection was lost again.
        serial_no = self._client.send_proto(proto_id, body, answers.put, queue_timeout=max(self._timeout, 0.001))
        try:
            return answers.get()
        except BaseException:  # Ctrl-C: the answer is no longer needed
            self._client.cancel(serial_no)
            raise

    def set_handler(self, handler: object) -> int:
        """Sets the handler of OpenD's notifications: an object of a class derived from :class:`SysNotifyHandlerBase`.

        Returns:
            RET_OK; RET_ERROR for any other object, as there are no other pushes.
        """
        return self._pushes.set_handler(handler)

    def start(self) -> None:
        """Calls the handler from now on. This is so from the beginning."""
        self._pushes.is_on = True

    def stop(self) -> None:
        """Drops pushes until `start` is called. Requests are not affected."""
        self._pushes.is_on = False

    def close(self) -> None:
        """Closes the connection. Waits for a running handler, unless called inside it. Calling it again is harmless."""
        self._client.close()
        self._finalizer.detach()
        self._pushes.close()

    def __enter__(self) -> "OpenQuoteContext":
        return self

    def __exit__(self, _type: Optional[Type[BaseException]], _error: Optional[BaseException], _trace: Any) -> None:
        self.close()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            raise AttributeError(
                f"this OpenQuoteContext has no {name!r}: it is there for get_capital_distribution and what belongs to it, and "
                "for all else the vendor's own OpenQuoteContext, of futu or moomoo, can stand beside it"
            )
