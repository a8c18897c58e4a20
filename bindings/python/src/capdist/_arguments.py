"""Checks the arguments of the application, and converts them for the library."""

from __future__ import annotations

import operator
import os
from ctypes import byref
from functools import lru_cache
from typing import Any, Callable, Optional, TypeVar, Union

from . import _native as native
from ._abi import Status
from ._status import ArgumentError

_Callback = TypeVar("_Callback", bound=Callable[..., Any])


def milliseconds(seconds: float | None, name: str) -> int:
    """Converts seconds to milliseconds; 0 is the library's default. A shorter time than one millisecond becomes one."""
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
    """Converts a file's path."""
    try:
        raw = os.fsencode(file)
    except TypeError:
        raise ArgumentError(f"{name} must be a path, not {file!r}", Status.INVALID_ARGUMENT) from None
    if b"\0" in raw:
        raise ArgumentError(f"{name} holds a NUL", Status.INVALID_ARGUMENT)
    return raw


def utf8(text: str, name: str) -> bytes:
    """Converts a text."""
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
    """Converts a security. The result is shared: do not change it."""
    try:
        return _parsed(text)
    except TypeError:  # only texts can be keys of the cache
        raise ArgumentError(f"the security must be a text, not {text!r}", Status.INVALID_ARGUMENT) from None


def patience(timeout: float) -> float:
    """Checks the timeout of a wait in this package, in seconds; 0: does not wait."""
    try:
        is_valid = 0 <= timeout <= 3600
    except TypeError:
        is_valid = False
    if not is_valid:
        raise ArgumentError(
            f"timeout is {timeout!r}; it must be a number from 0 to 3600 seconds", Status.INVALID_ARGUMENT
        )
    return timeout


def number(value: int, name: str, low: int = -(2**31), high: int = 2**31 - 1) -> int:
    """Checks a whole number. The default range is that of C's int32."""
    try:
        whole = operator.index(value)
    except TypeError:
        raise ArgumentError(f"{name} must be a whole number, not {value!r}", Status.INVALID_ARGUMENT) from None
    if not low <= whole <= high:
        raise ArgumentError(f"{name} is {whole}; that is out of range", Status.INVALID_ARGUMENT)
    return whole


def needed_callback(given: _Callback, name: str) -> _Callback:
    """Checks that an argument is callable."""
    if not callable(given):
        raise ArgumentError(f"{name} must be callable, and {given!r} is not", Status.INVALID_ARGUMENT)
    return given


def optional_callback(given: Optional[_Callback], name: str) -> Optional[_Callback]:
    """Checks that an argument is callable or None."""
    return None if given is None else needed_callback(given, name)


def request_options(
    queue_timeout: Optional[float],
    reply_timeout: Optional[float],
    wait: Optional[bool],
    security_firm: int,
    outage_wait: Optional[bool] = None,
    max_age: Optional[float] = None,
) -> Optional[native.RequestOptions]:
    """The library's request options; None if all are the connection's."""
    is_default = queue_timeout is None and reply_timeout is None and wait is None and security_firm == 0
    if is_default and outage_wait is None and max_age is None:
        return None
    options = native.initialised(native.RequestOptions)
    options.queue_timeout_ms = milliseconds(queue_timeout, "queue_timeout")
    options.reply_timeout_ms = milliseconds(reply_timeout, "reply_timeout")
    if wait is not None:
        options.quota_mode = native.QUOTA_WAIT if wait else native.QUOTA_FAIL
    if outage_wait is not None:
        options.outage_mode = native.OUTAGE_WAIT if outage_wait else native.OUTAGE_FAIL
    options.security_firm = number(security_firm, "security_firm")
    options.max_age_ms = milliseconds(max_age, "max_age")
    return options
