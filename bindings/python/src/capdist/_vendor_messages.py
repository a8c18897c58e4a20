"""The global state of OpenD (protocol 1002) and its notifications (1003), in the form of the vendor's SDK."""

from __future__ import annotations

import time
from typing import Any, Dict, Optional, Tuple, Union

from ._protobuf import Message
from ._vendor_names import (
    GATEWAY_EVENTS,
    MARKET_STATES,
    NOTIFY_TYPES,
    PROGRAM_STATUSES,
    QUOTE_RIGHTS,
    RET_ERROR,
    RET_OK,
    UNKNOWN,
    SysNotifyType,
    name_at,
)

GET_GLOBAL_STATE = 1002
NOTIFY = 1003

#: A request for the global state. Its only field, userID, no longer has a meaning.
GLOBAL_STATE_REQUEST = b"\x0a\x02\x08\x00"

#: The vendor's keys, and the field of each market's state.
_MARKETS = (
    ("market_sz", 4),
    ("market_us", 2),
    ("market_sh", 3),
    ("market_hk", 1),
    ("market_hkfuture", 5),
    ("market_usfuture", 15),
    ("market_sgfuture", 17),
    ("market_jpfuture", 18),
    ("market_sg", 19),
    ("market_my", 20),
    ("market_jp", 21),
)

#: The vendor's keys, and the field of each right.
_RIGHTS = (
    ("hk_qot_right", 4),
    ("hk_option_qot_right", 7),
    ("hk_future_qot_right", 9),
    ("us_qot_right", 5),
    ("has_us_option_qot_right", 8),
    ("us_option_qot_right", 11),
    ("us_future_qot_right", 10),
    ("us_index_qot_right", 12),
    ("us_otc_qot_right", 13),
    ("cn_qot_right", 6),
    ("sg_future_qot_right", 14),
    ("jp_future_qot_right", 15),
    ("us_future_qot_right_cme", 16),
    ("us_future_qot_right_cbot", 17),
    ("us_future_qot_right_nymex", 18),
    ("us_future_qot_right_comex", 19),
    ("us_future_qot_right_cboe", 20),
    ("sh_qot_right", 21),
    ("sz_qot_right", 22),
    ("cc_qot_right", 23),
    ("sg_stock_qot_right", 24),
    ("my_stock_qot_right", 25),
    ("jp_stock_qot_right", 26),
    ("ec_qot_right", 27),
)

#: A type of notification, its subject, and its content.
Notification = Tuple[str, Optional[str], Any]


def _answer(body: bytes) -> Union[Message, str]:
    """The s2c of a response, or the gateway's message if it is a refusal."""
    response = Message(body)
    if response.int32(1) != 0:
        return response.text(2) or ""
    s2c = response.message(4)
    if s2c is None:
        raise ValueError("it holds nothing")
    return s2c


def _required(value: Optional[Any], name: str) -> Any:
    if value is None:
        raise ValueError(f"{name} is missing")
    return value


def _state_of(state: Optional[int]) -> str:
    return UNKNOWN if state is None else MARKET_STATES.get(state, UNKNOWN)


def _program_status(message: Optional[Message]) -> Tuple[str, str]:
    """The program status: its type and its description."""
    if message is None:
        return UNKNOWN, ""
    return name_at(PROGRAM_STATUSES, message.int32(1)), message.text(2) or ""


def global_state(body: bytes) -> Tuple[int, Union[Dict[str, Any], str]]:
    """The state in a response, with the vendor's keys in the vendor's order; or the gateway's message if it refused.

    Raises:
        ValueError: the body is damaged.
    """
    s2c = _answer(body)
    if isinstance(s2c, str):
        return RET_ERROR, s2c
    program_status, description = _program_status(s2c.message(12))
    state: Dict[str, Any] = {key: _state_of(s2c.int32(number)) for key, number in _MARKETS}
    local_time = s2c.double(11)
    state["server_ver"] = str(_required(s2c.int32(8), "the version"))
    state["trd_logined"] = _required(s2c.boolean(7), "the trading login")
    state["timestamp"] = str(_required(s2c.int64(10), "the time"))
    state["qot_logined"] = _required(s2c.boolean(6), "the quote login")
    state["local_timestamp"] = time.time() if local_time is None else local_time
    state["program_status_type"] = program_status
    state["program_status_desc"] = description
    return RET_OK, state


def _right(message: Message, key: str, number: int) -> Union[str, bool]:
    value = message.int32(number)
    if value is None and key.startswith("has_"):
        return False
    return name_at(QUOTE_RIGHTS, value)


def _content(kind: str, s2c: Message) -> Tuple[Optional[str], Any]:
    """The subject and the content of a notification of that type."""
    if kind == SysNotifyType.GTW_EVENT:
        event = s2c.message(2)
        return (None, None) if event is None else (name_at(GATEWAY_EVENTS, event.int32(1)), event.text(2) or "")
    if kind == SysNotifyType.PROGRAM_STATUS:
        status = s2c.message(3)
        return (None, None) if status is None else _program_status(status.message(1))
    if kind == SysNotifyType.CONN_STATUS:
        logins = s2c.message(4)
        if logins is None:
            return None, None
        return None, {"qot_logined": bool(logins.boolean(1)), "trd_logined": bool(logins.boolean(2))}
    if kind == SysNotifyType.QOT_RIGHT:
        rights = s2c.message(5)
        return None, None if rights is None else {key: _right(rights, key, number) for key, number in _RIGHTS}
    if kind == SysNotifyType.API_LEVEL:
        level = s2c.message(6)
        return None, None if level is None else {"api_level": level.text(3) or ""}
    return None, None


def notification(body: bytes) -> Tuple[int, Union[Notification, str]]:
    """A notification of protocol 1003, or the text of an error.

    Raises:
        ValueError: the body is damaged.
    """
    s2c = _answer(body)
    if isinstance(s2c, str):
        return RET_ERROR, s2c
    kind = name_at(NOTIFY_TYPES, s2c.int32(1))
    return RET_OK, (kind, *_content(kind, s2c))
