"""What the gateway tells, as Python values."""

from __future__ import annotations

import ctypes
import itertools
import math
import re
import struct
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache

from . import _native as native
from ._abi import Retry, Status
from ._status import RequestError, request_error_class, retry_of, status_of


@dataclass(frozen=True)
class Flow:
    """What follows from the figures of one order size, or of several together. What is missing is NaN.

    Attributes:
        capital_in: bought.
        capital_out: sold.
        net: `capital_in - capital_out`: above 0, money stayed.
        out_share: `capital_out / (capital_in + capital_out)`, from 0 to 1: above a half, money left.
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
    """A sum that is no finite number is missing."""
    return number if math.isfinite(number) else math.nan


@dataclass(frozen=True)
class CapitalDistribution:
    """Money that went into a stock and out of it during today's regular trading hours, by order size.

    Amounts are in the security's currency. A figure the gateway did not send is NaN.

    Attributes:
        security: the security that was asked for, such as "HK.00700".
        capital_in_super: bought with extra-large orders; may be NaN.
        capital_in_big: bought with big orders.
        capital_in_mid: bought with mid orders.
        capital_in_small: bought with small orders.
        capital_out_super: sold with extra-large orders; may be NaN.
        capital_out_big: sold with big orders.
        capital_out_mid: sold with mid orders.
        capital_out_small: sold with small orders.
        update_time: the market's local time, without a time zone; with a fraction of a second, or without seconds,
            where the gateway writes it so. None if missing or no time.
        update_time_text: the same as the gateway wrote it; "" if missing.
        update_timestamp: Unix time in seconds; NaN if missing.
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

    @property
    def flow_super(self) -> Flow:
        """What follows for extra-large orders."""
        return Flow._of(self.capital_in_super, self.capital_out_super)

    @property
    def flow_big(self) -> Flow:
        """What follows for big orders."""
        return Flow._of(self.capital_in_big, self.capital_out_big)

    @property
    def flow_mid(self) -> Flow:
        """What follows for mid orders."""
        return Flow._of(self.capital_in_mid, self.capital_out_mid)

    @property
    def flow_small(self) -> Flow:
        """What follows for small orders."""
        return Flow._of(self.capital_in_small, self.capital_out_small)

    @property
    def flow_main(self) -> Flow:
        """Main money: super and big. A sum with a missing part is missing."""
        return Flow._of(self.capital_in_super + self.capital_in_big, self.capital_out_super + self.capital_out_big)

    @property
    def flow_retail(self) -> Flow:
        """Retail: mid and small. A sum with a missing part is missing."""
        return Flow._of(self.capital_in_mid + self.capital_in_small, self.capital_out_mid + self.capital_out_small)

    @property
    def flow_total(self) -> Flow:
        """All four. A sum with a missing part is missing."""
        return Flow._of(
            self.capital_in_super + self.capital_in_big + self.capital_in_mid + self.capital_in_small,
            self.capital_out_super + self.capital_out_big + self.capital_out_mid + self.capital_out_small,
        )

    @property
    def updated_at(self) -> datetime | None:
        """When the figures were made, in UTC; None if the gateway sent no timestamp."""
        if not math.isfinite(self.update_timestamp):
            return None
        try:
            return datetime.fromtimestamp(self.update_timestamp, timezone.utc)
        except (OverflowError, ValueError, OSError):
            return None


@dataclass(frozen=True)
class ProtoReply:
    """The answer to a raw request.

    Attributes:
        status: OK, or why there is none.
        serial_no: the request's number.
        proto_id: the protocol asked.
        was_sent: False: the request never left.
        ret_type: the body's retType, or None if it has none.
        text: what happened; "" when OK.
        retry_after: seconds until a next request may be sent, after a refusal for frequency; else 0.
        body: the protobuf as it came.
        retry: whether it is of use to ask again.
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
    """The quota of a connection's group.

    Attributes:
        limit: requests in a window; 0: no quota is kept.
        window: the window in seconds.
        used: slots in use.
        waiting: requests of the whole group that wait for a slot.
        next_slot: seconds until the next slot is free; None: not known, every slot is held by a request in flight.
    """

    limit: int
    window: float
    used: int
    waiting: int
    next_slot: float | None


@dataclass(frozen=True)
class ConnectionInfo:
    """What is known of a connection.

    Attributes:
        conn_id: the gateway's number for it; 0 before the first handshake.
        login_user_id: the user the gateway is logged in as; 0 before the first handshake.
        server_version: the gateway's version; 0 before the first handshake.
        is_ready: whether the connection is established.
        is_final: whether it has failed permanently.
    """

    conn_id: int
    login_user_id: int
    server_version: int
    is_ready: bool
    is_final: bool


#: "yyyy-MM-dd HH:mm:ss", where the seconds, or a fraction after them, may be another gateway's.
_WALL_CLOCK = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?", re.ASCII)


@lru_cache(maxsize=256)  # figures that come together have the same time
def _time(text: str) -> datetime | None:
    found = _WALL_CLOCK.fullmatch(text)
    if found is None:
        return None
    *words, fraction = found.groups(default="0")
    year, month, day, hour, minute, second = map(int, words)
    try:
        return datetime(year, month, day, hour, minute, second, int(fraction.ljust(6, "0")[:6]))
    except ValueError:  # no such day
        return None


def _reader() -> struct.Struct:
    """Reads the figures that every library has: the raw layer's fields before `present`. What newer ones have is behind it."""
    codes = {ctypes.c_double: "d", ctypes.c_char_p: "P"}
    fields = itertools.takewhile(lambda field: field[0] != "present", native.CapitalDistribution._fields_)
    return struct.Struct("@" + "".join(codes[field[1]] for field in fields))


_FIGURES = _reader()


def _figures_of(figures: native.CapitalDistribution, security: str) -> CapitalDistribution:
    """In one step: to read each field alone, and to set each alone, as a frozen dataclass does, takes twice as long."""
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
    }
    object.__setattr__(made, "__dict__", values)
    return made


def result_of(reply: native.Reply, security: str) -> CapitalDistribution | RequestError:
    """A reply of the library as figures, or as the exception that tells why there are none."""
    if reply.status == 0:
        return _figures_of(reply.distribution.contents, security)
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
    )


def proto_reply_of(reply: native.ProtoReply) -> ProtoReply:
    """A raw reply of the library."""
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
