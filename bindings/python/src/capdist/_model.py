"""Replies and information from the library as Python objects."""

from __future__ import annotations

import ctypes
import itertools
import math
import re
import struct
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache

from . import _native as native
from ._abi import Retry, Status
from ._status import RequestError, request_error_class, retry_of, status_of


@dataclass(frozen=True)
class Flow:
    """Figures derived for one group of order sizes, in the security's currency. A missing number is NaN.

    Attributes:
        capital_in: bought.
        capital_out: sold.
        net: `capital_in - capital_out`; above 0 if more was bought than sold.
        out_share: `capital_out / (capital_in + capital_out)`, from 0 to 1; above 0.5 if more was sold than bought.
    """

    capital_in: float
    capital_out: float
    net: float
    out_share: float

    @classmethod
    def _of(cls, money_in: float, money_out: float) -> Flow:
        turnover = money_in + money_out
        share = money_out / turnover if turnover > 0 else math.nan
        return cls(_known(money_in), _known(money_out), _known(money_in - money_out), _known(share))


def _known(number: float) -> float:
    """NaN for a result that is not a finite number."""
    return number if math.isfinite(number) else math.nan


@dataclass(frozen=True)
class CapitalDistribution:
    """Money that went into a stock and out of it during today's regular trading hours, by order size.

    Amounts are in the security's currency. A figure that the gateway did not send is NaN.

    Attributes:
        security: the requested security, such as "HK.00700".
        capital_in_super: bought with extra-large orders; may be NaN.
        capital_in_big: bought with big orders.
        capital_in_mid: bought with mid orders.
        capital_in_small: bought with small orders.
        capital_out_super: sold with extra-large orders; may be NaN.
        capital_out_big: sold with big orders.
        capital_out_mid: sold with mid orders.
        capital_out_small: sold with small orders.
        update_time: the market's local time, without a time zone. Texts without seconds, or with a fraction of a second, are
            read, too. None if the text is missing or is not a valid time.
        update_time_text: the text as the gateway wrote it; "" if missing.
        update_timestamp: Unix time in seconds; NaN if missing.
        from_cache: the answer is another request's (`max_age`). Not compared, and neither is `age`.
        age: if from the cache, how long the answer had been there, in seconds; else 0.
    """

    security: str
    capital_in_super: float
    capital_in_big: float
    capital_in_mid: float
    capital_in_small: float
    capital_out_super: float
    capital_out_big: float
    capital_out_mid: float
    capital_out_small: float
    update_time: datetime | None
    update_time_text: str
    update_timestamp: float
    from_cache: bool = field(default=False, compare=False)
    age: float = field(default=0.0, compare=False)

    @property
    def flow_super(self) -> Flow:
        """Figures of extra-large orders."""
        return Flow._of(self.capital_in_super, self.capital_out_super)

    @property
    def flow_big(self) -> Flow:
        """Figures of big orders."""
        return Flow._of(self.capital_in_big, self.capital_out_big)

    @property
    def flow_mid(self) -> Flow:
        """Figures of mid orders."""
        return Flow._of(self.capital_in_mid, self.capital_out_mid)

    @property
    def flow_small(self) -> Flow:
        """Figures of small orders."""
        return Flow._of(self.capital_in_small, self.capital_out_small)

    @property
    def flow_main(self) -> Flow:
        """Figures of main money: super and big. If an amount is missing, the sum is missing, too."""
        return Flow._of(self.capital_in_super + self.capital_in_big, self.capital_out_super + self.capital_out_big)

    @property
    def flow_retail(self) -> Flow:
        """Figures of retail: mid and small."""
        return Flow._of(self.capital_in_mid + self.capital_in_small, self.capital_out_mid + self.capital_out_small)

    @property
    def flow_total(self) -> Flow:
        """Figures of all four order sizes. If an amount is missing, the sum is missing, too."""
        return Flow._of(
            self.capital_in_super + self.capital_in_big + self.capital_in_mid + self.capital_in_small,
            self.capital_out_super + self.capital_out_big + self.capital_out_mid + self.capital_out_small,
        )

    @property
    def updated_at(self) -> datetime | None:
        """`update_timestamp` as a datetime in UTC; None if the gateway sent none."""
        if not math.isfinite(self.update_timestamp):
            return None
        try:
            return datetime.fromtimestamp(self.update_timestamp, timezone.utc)
        except (OverflowError, ValueError, OSError):
            return None


@dataclass(frozen=True)
class ProtoReply:
    """How a raw request completed.

    Attributes:
        status: OK, or why there is no answer. OK also for a body without a retType.
        serial_no: the request's serial number.
        proto_id: the request's protocol number.
        was_sent: True: sent; False: never sent, safe to repeat.
        ret_type: the body's retType, or None if it has none.
        text: what happened, in English; "" if the status is OK.
        retry_after: after a refusal because of the rate limit: seconds until the quota group sends again; else 0.
        body: the answer's protobuf as it came, decrypted.
        retry: whether to repeat the request.
    """

    status: Status
    serial_no: int
    proto_id: int
    was_sent: bool
    ret_type: int | None
    text: str
    retry_after: float
    body: bytes
    retry: Retry = Retry.UNKNOWN


@dataclass(frozen=True)
class Quota:
    """The state of a quota group.

    Attributes:
        limit: requests in a window; 0: no quota is kept.
        window: the window's length in seconds.
        used: slots in use: by requests in flight, and by those answered within the last window.
        waiting: requests of the whole group that wait for a slot.
        next_slot: seconds until a slot is free; 0: one is free now; None: not known, because requests in flight use every slot.
    """

    limit: int
    window: float
    used: int
    waiting: int
    next_slot: float | None


@dataclass(frozen=True)
class ConnectionInfo:
    """What is known of a connection. The numbers are 0 before the first handshake.

    Attributes:
        conn_id: the gateway's number for this connection.
        login_user_id: the user that the gateway is logged in as; 0 over WebSocket.
        server_version: the gateway's version, major * 100 + minor; 0 over WebSocket.
        is_ready: whether the connection is established.
        is_final: whether it has failed permanently.
    """

    conn_id: int
    login_user_id: int
    server_version: int
    is_ready: bool
    is_final: bool


#: "yyyy-MM-dd HH:mm:ss". The seconds may be missing, and a fraction may follow them.
_WALL_CLOCK = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?", re.ASCII)


@lru_cache(maxsize=256)  # figures of a watch list have few different times
def _time(text: str) -> datetime | None:
    found = _WALL_CLOCK.fullmatch(text)
    if found is None:
        return None
    *words, fraction = found.groups(default="0")
    year, month, day, hour, minute, second = map(int, words)
    try:
        return datetime(year, month, day, hour, minute, second, int(fraction.ljust(6, "0")[:6]))
    except ValueError:  # no such date
        return None


def _reader() -> struct.Struct:
    """The format of the figures that every library has: the raw struct's fields before `present`. Newer fields follow it."""
    codes = {ctypes.c_double: "d", ctypes.c_char_p: "P"}
    fields = itertools.takewhile(lambda member: member[0] != "present", native.CapitalDistribution._fields_)
    return struct.Struct("@" + "".join(codes[member[1]] for member in fields))


_FIGURES = _reader()


def _figures_of(reply: native.Reply, security: str) -> CapitalDistribution:
    """Reads all fields in one step. Reading and setting them one by one takes twice as long."""
    figures = reply.distribution.contents
    is_shared = bool(reply.from_cache)
    (
        in_super, in_big, in_mid, in_small, out_super, out_big, out_mid, out_small, _, timestamp,
    ) = _FIGURES.unpack_from(figures)  # fmt: skip
    update_time = native.text(figures.update_time)
    made = CapitalDistribution.__new__(CapitalDistribution)
    values = {
        "security": security,
        "capital_in_super": in_super,
        "capital_in_big": in_big,
        "capital_in_mid": in_mid,
        "capital_in_small": in_small,
        "capital_out_super": out_super,
        "capital_out_big": out_big,
        "capital_out_mid": out_mid,
        "capital_out_small": out_small,
        "update_time": _time(update_time),
        "update_time_text": update_time,
        "update_timestamp": timestamp,
        "from_cache": is_shared,
        "age": (reply.age_ms or 0) / 1000 if is_shared else 0.0,
    }
    object.__setattr__(made, "__dict__", values)
    return made


def result_of(reply: native.Reply, security: str) -> CapitalDistribution | RequestError:
    """Converts a reply to figures, or to the exception that tells why there are none."""
    if reply.status == 0:
        return _figures_of(reply, security)
    status = status_of(reply.status)
    present = reply.present
    return request_error_class(status)(
        f"{security}: {native.text(reply.desc)}",
        status,
        security=security,
        was_sent=reply.was_sent != 0,
        ret_type=reply.ret_type if present & native.HAS_RET_TYPE else None,
        ret_msg=native.text(reply.ret_msg),
        err_code=reply.err_code if present & native.HAS_ERR_CODE else None,
        retry_after=reply.retry_after_ms / 1000,
        retry=retry_of(reply.retry),
        from_cache=bool(reply.from_cache),
    )


def proto_reply_of(reply: native.ProtoReply) -> ProtoReply:
    """Converts a raw reply."""
    return ProtoReply(
        status_of(reply.status),
        reply.serial_no,
        reply.proto_id,
        reply.was_sent != 0,
        reply.ret_type if reply.present & native.HAS_RET_TYPE else None,
        native.text(reply.desc),
        reply.retry_after_ms / 1000,
        native.bytes_at(reply.body, reply.body_length),
        retry_of(reply.retry),
    )
