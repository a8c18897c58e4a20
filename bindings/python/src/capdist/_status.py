"""The errors."""

from __future__ import annotations

from typing import Callable, Optional

from ._abi import Retry, Status

#: The library's function. `_native` sets it when it has loaded the library; a reload keeps it.
retry_of_status: Callable[[int], Retry] = globals().get("retry_of_status", lambda _status: Retry.UNKNOWN)


def retry_of(number: Optional[int]) -> Retry:
    """The constant with this number; UNKNOWN for a number that only a newer library has, and for None."""
    try:
        return Retry(number or 0)
    except ValueError:
        return Retry.UNKNOWN


class CapdistError(Exception):
    """The base class of all errors of this package.

    Attributes:
        status: the cause, a :class:`Status`; None only for a library that could not be loaded.
    """

    status: Status | None
    _retry: Retry | None = None

    def __init__(self, text: str, status: Status | None = None) -> None:
        super().__init__(text)
        self.status = status

    @property
    def retry(self) -> Retry:
        """Whether the call or request may succeed if it is repeated."""
        if self._retry is not None or self.status is None:
            return self._retry or Retry.UNKNOWN
        return retry_of_status(self.status)


class LibraryNotFoundError(CapdistError, ImportError):
    """The shared library is missing, or too old for this package."""


class ArgumentError(CapdistError, ValueError):
    """An argument is not valid, or this version of the library does not have the feature. Nothing was changed."""


class ClosedError(CapdistError):
    """The client is closed, or belongs to the parent process."""


class WouldDeadlockError(CapdistError):
    """A blocking call was made inside a callback: it would wait for its own thread."""


class ConnectError(CapdistError):
    """There is no connection. The message says why."""


class ConnectTimeoutError(ConnectError, TimeoutError):
    """Connecting timed out."""


class RequestError(CapdistError):
    """A request completed without figures.

    Attributes:
        security: the requested security, as text.
        was_sent: True: sent, and its quota slot is used; False: never sent, safe to repeat.
        ret_type: the gateway's retType, or None if it sent none.
        ret_msg: the gateway's message, or "".
        err_code: the gateway's error code, or None.
        retry_after: after a refusal because of the rate limit: seconds until the quota group sends again; else 0.
        retry: whether to repeat the request.
        from_cache: the gateway refused another request for the same security, whose answer this one waited for (`max_age`).
    """

    def __init__(
        self,
        text: str,
        status: Status | None = None,
        *,
        security: str = "",
        was_sent: bool = False,
        ret_type: int | None = None,
        ret_msg: str = "",
        err_code: int | None = None,
        retry_after: float = 0.0,
        retry: Retry | None = None,
        from_cache: bool = False,
    ) -> None:
        super().__init__(text, status)
        self.from_cache = from_cache
        self._retry = retry
        self.security = security
        self.was_sent = was_sent
        self.ret_type = ret_type
        self.ret_msg = ret_msg
        self.err_code = err_code
        self.retry_after = retry_after


class RefusedError(RequestError):
    """The gateway refused the request."""


class RateLimitedError(RefusedError):
    """The gateway refused the request because of its rate limit, or no slot was free and the request does not wait."""


class RequestTimeoutError(RequestError, TimeoutError):
    """The request timed out. ``was_sent`` tells whether it was sent."""


class DisconnectedError(RequestError):
    """The connection was lost before the answer came."""


class MalformedReplyError(RequestError):
    """The answer is damaged."""


class CancelledRequestError(RequestError):
    """The request was cancelled, or the client was closed."""


_CALL_ERRORS: dict[Status, type[CapdistError]] = {
    Status.INVALID_ARGUMENT: ArgumentError,
    Status.UNSUPPORTED: ArgumentError,
    Status.NEEDS_ADDRESS: ArgumentError,
    Status.QUOTA_CONFLICT: ArgumentError,
    Status.RELEASED: ClosedError,
    Status.FORKED: ClosedError,
    Status.WOULD_DEADLOCK: WouldDeadlockError,
    Status.NOT_CONNECTED: ConnectError,
    Status.CONNECT_FAILED: ConnectError,
    Status.CONNECT_TIMEOUT: ConnectTimeoutError,
    Status.CONNECT_REFUSED: ConnectError,
    Status.PROTOCOL_ERROR: ConnectError,
    Status.ENCRYPTION_FAILED: ConnectError,
    Status.TLS_FAILED: ConnectError,
    Status.DISCONNECTED: ConnectError,
}

_REQUEST_ERRORS: dict[Status, type[RequestError]] = {
    Status.REFUSED: RefusedError,
    Status.RATE_LIMITED: RateLimitedError,
    Status.QUOTA_EXHAUSTED: RateLimitedError,
    Status.QUEUE_TIMEOUT: RequestTimeoutError,
    Status.REPLY_TIMEOUT: RequestTimeoutError,
    Status.CONNECT_TIMEOUT: RequestTimeoutError,
    Status.DISCONNECTED: DisconnectedError,
    Status.MALFORMED_REPLY: MalformedReplyError,
    Status.CANCELLED: CancelledRequestError,
    Status.RELEASED: CancelledRequestError,
}


def status_of(number: int) -> Status:
    """The status with this number; SYSTEM_ERROR for a number that only a newer library has."""
    try:
        return Status(number)
    except ValueError:
        return Status.SYSTEM_ERROR


def call_error(number: int, text: str) -> CapdistError:
    """The exception for a refused call."""
    status = status_of(number)
    if status is Status.QUOTA_EXHAUSTED:
        return RateLimitedError(text, status)
    return _CALL_ERRORS.get(status, CapdistError)(text, status)


def request_error_class(status: Status) -> type[RequestError]:
    """The exception class for a request that completed with this status."""
    return _REQUEST_ERRORS.get(status, RequestError)
