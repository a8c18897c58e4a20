"""Fetches a stock's capital distribution (how much money went in and out today, by order size) from a local OpenD gateway.

>>> from capdist import Client
>>> with Client() as client:  # doctest: +SKIP
...     print(client.capital_distribution("HK.00700").capital_in_big)

The interface of the vendor's SDK is in ``capdist.futu`` and ``capdist.moomoo``.
"""

from ._abi import Cipher, LogLevel, Retry, Status
from ._aio import AsyncClient, LoopClient
from ._client import Client, Result
from ._model import CapitalDistribution, ConnectionInfo, Flow, ProtoReply, Quota
from ._native import lib as _lib
from ._status import (
    ArgumentError,
    CancelledRequestError,
    CapdistError,
    ClosedError,
    ConnectError,
    ConnectTimeoutError,
    DisconnectedError,
    LibraryNotFoundError,
    MalformedReplyError,
    RateLimitedError,
    RefusedError,
    RequestError,
    RequestTimeoutError,
    WouldDeadlockError,
)

__version__: str = _lib.capdist_version().decode()

__all__ = [
    "ArgumentError",
    "AsyncClient",
    "CancelledRequestError",
    "CapdistError",
    "CapitalDistribution",
    "Cipher",
    "Client",
    "ClosedError",
    "ConnectError",
    "ConnectTimeoutError",
    "ConnectionInfo",
    "DisconnectedError",
    "Flow",
    "LibraryNotFoundError",
    "LogLevel",
    "LoopClient",
    "MalformedReplyError",
    "ProtoReply",
    "Quota",
    "RateLimitedError",
    "RefusedError",
    "RequestError",
    "RequestTimeoutError",
    "Result",
    "Retry",
    "Status",
    "WouldDeadlockError",
]
