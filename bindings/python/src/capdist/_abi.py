"""The C interface for ctypes: constants, structs, callback types and prototypes of ``capdist.h``.

Generated from include/capdist.h: do not edit. `make abi` writes it.
"""

from __future__ import annotations

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_double,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from enum import IntEnum
from typing import Any, Optional

_before: dict[str, object] = {name: value for name, value in globals().items() if not name.startswith("__")}

#: The version of this interface.
VERSION = (1, 1)
#: The first version with this major number.
OLDEST = (1, 0)

CODE_SIZE = 60

#: Markets (Qot_Common.QotMarket), each with the name that capdist_security_parse() reads before the first dot. A
#: market that is not listed can be requested by its number, from 1 up; the gateway decides whether it exists.
#: (docs/protocol.md, Messages).
MARKET_HK = 1
MARKET_HK_FUTURE = 2
MARKET_US = 11
MARKET_SH = 21
MARKET_SZ = 22
MARKET_SG = 31
MARKET_JP = 41
MARKET_AU = 51
MARKET_MY = 61
MARKET_CA = 71
MARKET_FX = 81
MARKET_CC = 91
MARKET_EC = 101

#: Bits of capdist_capital_distribution.present. Each is 1 << the field's number in the .proto file.
HAS_CAPITAL_IN_BIG = 2
HAS_CAPITAL_IN_MID = 4
HAS_CAPITAL_IN_SMALL = 8
HAS_CAPITAL_OUT_BIG = 16
HAS_CAPITAL_OUT_MID = 32
HAS_CAPITAL_OUT_SMALL = 64
HAS_UPDATE_TIME = 128
HAS_UPDATE_TIMESTAMP = 256
HAS_CAPITAL_IN_SUPER = 512
HAS_CAPITAL_OUT_SUPER = 1024

#: Bits of capdist_reply.present and capdist_proto_reply.present. The first three tell which fields the gateway sent.
#: The last tells that this library's struct has a field that version 1.0 did not have.
HAS_RET_TYPE = 2
HAS_RET_MSG = 4
HAS_ERR_CODE = 8
HAS_RETRY = 16
HAS_FROM_CACHE = 32
HAS_AGE_MS = 64

#: Groups of order sizes for capdist_flow_of().
FLOW_SUPER = 1
FLOW_BIG = 2
FLOW_MID = 3
FLOW_SMALL = 4
FLOW_MAIN = 5
FLOW_RETAIL = 6
FLOW_TOTAL = 7

#: Kinds: the step that failed. The code is errno, except for `ERR_KIND_NAME_NOT_FOUND`, and for
#: `ERR_KIND_INIT_CONNECT`, where it is one of `CAPDIST_INIT_CONNECT_*`.
ERR_KIND_CREATE = 1
ERR_KIND_NAME_NOT_FOUND = 4
ERR_KIND_CONNECT = 6
ERR_KIND_SELECT = 9
ERR_KIND_SEND = 10
ERR_KIND_RECEIVE = 11
ERR_KIND_INIT_CONNECT = 100

#: Codes of `ERR_KIND_INIT_CONNECT`.
INIT_CONNECT_UNKNOWN = 0
INIT_CONNECT_TIMEOUT = 1
INIT_CONNECT_DISCONNECTED = 3
INIT_CONNECT_NOT_SENT = 4
INIT_CONNECT_REFUSED = 5

#: Which thread does the work of a connection.
MODE_THREAD = 0
MODE_HOST_DRIVEN = 1

#: What carries the messages (docs/protocol.md).
TRANSPORT_TCP = 0
TRANSPORT_WEBSOCKET = 1
TRANSPORT_WEBSOCKET_TLS = 2

#: What a request does during an outage. An outage begins when an attempt to connect fails, and ends when one succeeds
#: (docs/timeouts.md, While the gateway is down).
OUTAGE_DEFAULT = 0
OUTAGE_WAIT = 1
OUTAGE_FAIL = 2

#: What a request does when no slot of the quota is free.
QUOTA_DEFAULT = 0
QUOTA_WAIT = 1
QUOTA_FAIL = 2

#: States of a connection.
STATE_CONNECTING = 0
STATE_READY = 1
STATE_NOT_CONNECTED = 2


class Status(IntEnum):
    """The result of a call or of a request."""

    #: Done.
    OK = 0
    #: The gateway refused the request.
    REFUSED = 1
    #: The gateway refused because too many requests were made. Try again after the time given.
    RATE_LIMITED = 2
    #: The request timed out before it was sent. It is safe to repeat.
    QUEUE_TIMEOUT = 3
    #: The request was sent, and no answer came in time.
    REPLY_TIMEOUT = 4
    #: The connection to the gateway was lost.
    DISCONNECTED = 5
    #: The gateway's answer is damaged.
    MALFORMED_REPLY = 6
    #: The request was cancelled.
    CANCELLED = 7
    #: The connection was released.
    RELEASED = 8
    #: The gateway could not be reached.
    CONNECT_FAILED = 16
    #: The gateway did not answer in time.
    CONNECT_TIMEOUT = 17
    #: The gateway refused the connection's InitConnect.
    CONNECT_REFUSED = 18
    #: The peer does not speak OpenD's protocol.
    PROTOCOL_ERROR = 19
    #: The requested encryption failed.
    ENCRYPTION_FAILED = 20
    #: The TLS connection could not be made.
    TLS_FAILED = 21
    #: An argument is not valid.
    INVALID_ARGUMENT = 32
    #: Too many requests are waiting.
    QUEUE_FULL = 33
    #: The quota is used up for now.
    QUOTA_EXHAUSTED = 34
    #: The connection has failed permanently. Release it and make a new one.
    NOT_CONNECTED = 35
    #: The call would wait for the thread that it runs on.
    WOULD_DEADLOCK = 36
    #: Another thread drives this connection.
    BUSY = 37
    #: The connection belongs to the parent process.
    FORKED = 38
    #: This version of the library cannot do that.
    UNSUPPORTED = 39
    #: A numeric address is needed here.
    NEEDS_ADDRESS = 40
    #: Another connection of this quota group has another limit or window.
    QUOTA_CONFLICT = 41
    #: There is no such request. It may have completed already.
    NOT_FOUND = 42
    #: The operating system refused a thread, a descriptor or memory.
    SYSTEM_ERROR = 43


class Retry(IntEnum):
    """Whether a failed request or call may succeed if it is repeated."""

    #: Not known: the gateway's words do not tell, or the answer was damaged. Also the value after success.
    UNKNOWN = 0
    #: The same request cannot succeed: the stock is unknown, the account may not see the quote, the connection has
    #: ended.
    NEVER = 1
    #: It may succeed later: a timeout, a lost connection, a gateway that lost the vendor's servers.
    LATER = 2
    #: It may succeed after `retry_after_ms`.
    AFTER = 3


class LogLevel(IntEnum):
    """Levels of #capdist_log_fn."""

    #: The connection failed permanently: somebody must act.
    ERROR = 1
    #: An attempt failed, a connection was lost, a gateway is silent, a refusal paused the quota group, or requests
    #: failed (one message a minute at most, with their number).
    WARNING = 2
    #: Connecting, connected.
    INFO = 3
    #: Each failed request, and answers that no request waits for.
    DEBUG = 4


class Cipher(IntEnum):
    """How bodies after InitConnect are encrypted if an RSA key is set (docs/protocol.md, Encryption)."""

    #: Not encrypted; InitConnect alone is.
    NONE = -1
    #: AES-128, ECB with the vendor's padding: the vendor's default.
    FTAES_ECB = 0
    #: AES-128, ECB.
    AES_ECB = 1
    #: AES-128, CBC.
    AES_CBC = 2


class Security(Structure):
    """capdist_security. A stock, warrant or fund: market and code. This struct is frozen: it never changes."""

    _fields_ = [
        ("market", c_int32),
        ("code", c_char * 60),
    ]


class CapitalDistribution(Structure):
    """capdist_capital_distribution. Money that went into a stock and out of it during today's regular trading
    hours, by order size. Amounts are in the security's currency."""

    _fields_ = [
        ("capital_in_super", c_double),
        ("capital_in_big", c_double),
        ("capital_in_mid", c_double),
        ("capital_in_small", c_double),
        ("capital_out_super", c_double),
        ("capital_out_big", c_double),
        ("capital_out_mid", c_double),
        ("capital_out_small", c_double),
        ("update_time", c_char_p),
        ("update_timestamp", c_double),
        ("present", c_uint32),
    ]


class Reply(Structure):
    """capdist_reply. How a request for a capital distribution completed."""

    _fields_ = [
        ("status", c_int32),
        ("serial_no", c_uint32),
        ("security", Security),
        ("was_sent", c_int32),
        ("retry_after_ms", c_int32),
        ("present", c_uint32),
        ("ret_type", c_int32),
        ("err_code", c_int32),
        ("ret_msg", c_char_p),
        ("desc", c_char_p),
        ("distribution", POINTER(CapitalDistribution)),
        ("body", c_void_p),
        ("body_length", c_size_t),
        ("_retry", c_int32),
        ("_from_cache", c_int32),
        ("_age_ms", c_int32),
    ]

    @property
    def retry(self) -> Optional[Any]:
        """Whether to repeat the request: one of `CAPDIST_RETRY_*`. Read it only if `present` has `HAS_RETRY`.
        Since 1.1; None if the library is older."""
        return self._retry if self.present & HAS_RETRY else None

    @property
    def from_cache(self) -> Optional[Any]:
        """1: the answer is another request's (capdist_request_options.max_age_ms), and `was_sent` is 0; else 0.
        Read it only if `present` has `HAS_FROM_CACHE`. Since 1.1; None if the library is older."""
        return self._from_cache if self.present & HAS_FROM_CACHE else None

    @property
    def age_ms(self) -> Optional[Any]:
        """If `from_cache` is 1: whole milliseconds from the arrival of the answer to the completion of this
        request; else 0. Read it only if `present` has `HAS_AGE_MS`. Since 1.1; None if the library is older."""
        return self._age_ms if self.present & HAS_AGE_MS else None


class ProtoReply(Structure):
    """capdist_proto_reply. How a request of capdist_send_proto() completed."""

    _fields_ = [
        ("status", c_int32),
        ("serial_no", c_uint32),
        ("proto_id", c_uint32),
        ("was_sent", c_int32),
        ("retry_after_ms", c_int32),
        ("present", c_uint32),
        ("ret_type", c_int32),
        ("desc", c_char_p),
        ("body", c_void_p),
        ("body_length", c_size_t),
        ("_retry", c_int32),
    ]

    @property
    def retry(self) -> Optional[Any]:
        """As in capdist_reply. Since 1.1; None if the library is older."""
        return self._retry if self.present & HAS_RETRY else None


class Flow(Structure):
    """capdist_flow. Figures derived for one group of order sizes, in the security's currency. A missing number is
    NaN. This struct is frozen: it never changes."""

    _fields_ = [
        ("capital_in", c_double),
        ("capital_out", c_double),
        ("net", c_double),
        ("out_share", c_double),
    ]


# User data is an integer, never an object's address: a stale number is not found, and does no harm.
ReplyFn = CFUNCTYPE(None, c_void_p, c_uint32, POINTER(Reply), c_void_p)
ProtoFn = CFUNCTYPE(None, c_void_p, c_uint32, POINTER(ProtoReply), c_void_p)
InitConnectFn = CFUNCTYPE(None, c_void_p, c_int64, c_char_p, c_void_p)
AttemptFailedFn = CFUNCTYPE(None, c_void_p, c_int64, c_char_p, c_void_p)
DisconnectFn = CFUNCTYPE(None, c_void_p, c_int64, c_char_p, c_void_p)
PushFn = CFUNCTYPE(None, c_void_p, c_uint32, c_void_p, c_size_t, c_void_p)
LogFn = CFUNCTYPE(None, c_void_p, c_int32, c_char_p, c_void_p)
ClosedFn = CFUNCTYPE(None, c_void_p)
ResolveFn = CFUNCTYPE(None, c_void_p, c_char_p, c_void_p)
ThreadStartFn = CFUNCTYPE(None, c_void_p, c_void_p)


class Options(Structure):
    """capdist_options. How to connect. Fill it with capdist_options_init(), then change what you need. - Times are
    in milliseconds, from 1 to 3,600,000. - In fields for times and sizes, 0 means the default. In `port` 0 is
    refused, and in `quota_requests` it means no quota. - A boolean is 0 or 1. A text that is not NULL has 1 to 255
    bytes, unless its field says otherwise."""

    init = "capdist_options_init"
    #: Fields that an older library may lack.
    newer: dict[str, tuple[int, int]] = {"on_resolve": (1, 1), "on_thread_start": (1, 1), "thread_stack_bytes": (1, 1), "outage_mode": (1, 1), "on_attempt_failed": (1, 1)}
    #: The library's defaults for texts that are NULL.
    texts: dict[str, str] = {"host": "127.0.0.1", "client_id": "capdist", "programming_language": "C"}
    _fields_ = [
        ("struct_size", c_size_t),
        ("host", c_char_p),
        ("port", c_int32),
        ("mode", c_int32),
        ("client_id", c_char_p),
        ("client_version", c_int32),
        ("recv_notify", c_int32),
        ("programming_language", c_char_p),
        ("transport", c_int32),
        ("packet_cipher", c_int32),
        ("rsa_private_key", c_char_p),
        ("rsa_private_key_file", c_char_p),
        ("websocket_key", c_char_p),
        ("tls_ca_file", c_char_p),
        ("tls_insecure_accept_any_certificate", c_int32),
        ("reconnect", c_int32),
        ("reconnect_min_ms", c_int32),
        ("reconnect_max_ms", c_int32),
        ("connect_timeout_ms", c_int32),
        ("queue_timeout_ms", c_int32),
        ("reply_timeout_ms", c_int32),
        ("quota_requests", c_int32),
        ("quota_window_ms", c_int32),
        ("quota_mode", c_int32),
        ("max_queue", c_int32),
        ("max_body_bytes", c_int32),
        ("quota_group", c_char_p),
        ("on_init_connect", InitConnectFn),
        ("on_disconnect", DisconnectFn),
        ("on_push", PushFn),
        ("on_log", LogFn),
        ("on_closed", ClosedFn),
        ("user_data", c_void_p),
        ("tls_server_name", c_char_p),
        ("on_resolve", ResolveFn),
        ("on_thread_start", ThreadStartFn),
        ("thread_stack_bytes", c_int32),
        ("outage_mode", c_int32),
        ("on_attempt_failed", AttemptFailedFn),
    ]


class RequestOptions(Structure):
    """capdist_request_options. Options of one request. Fill it with capdist_request_options_init(). In every
    field, 0 means the connection's value."""

    init = "capdist_request_options_init"
    #: Fields that an older library may lack.
    newer: dict[str, tuple[int, int]] = {"serial_no": (1, 1), "outage_mode": (1, 1), "max_age_ms": (1, 1)}
    _fields_ = [
        ("struct_size", c_size_t),
        ("queue_timeout_ms", c_int32),
        ("reply_timeout_ms", c_int32),
        ("quota_mode", c_int32),
        ("security_firm", c_int32),
        ("serial_no", POINTER(c_uint32)),
        ("outage_mode", c_int32),
        ("max_age_ms", c_int32),
    ]


class ConnectionInfo(Structure):
    """capdist_connection_info. What is known of a connection. Initialise it with capdist_connection_info_init()."""

    init = "capdist_connection_info_init"
    #: Fields that an older library may lack.
    newer: dict[str, tuple[int, int]] = {}
    _fields_ = [
        ("struct_size", c_size_t),
        ("conn_id", c_uint64),
        ("login_user_id", c_uint64),
        ("server_version", c_int32),
        ("state", c_int32),
    ]


class Quota(Structure):
    """capdist_quota. The state of a quota group. Initialise it with capdist_quota_init()."""

    init = "capdist_quota_init"
    #: Fields that an older library may lack.
    newer: dict[str, tuple[int, int]] = {}
    _fields_ = [
        ("struct_size", c_size_t),
        ("limit", c_int32),
        ("window_ms", c_int32),
        ("used", c_int32),
        ("waiting", c_int32),
        ("next_slot_ms", c_int32),
        ("reserved", c_int32),
    ]


#: For each function: the result's type, the parameters' types, and the version that added it.
PROTOTYPES: dict[str, tuple[Any, list[Any], tuple[int, int]]] = {
    "capdist_status_name": (c_char_p, [c_int32], (1, 0)),
    "capdist_status_text": (c_char_p, [c_int32], (1, 0)),
    "capdist_status_retry": (c_int32, [c_int32], (1, 1)),
    "capdist_last_error": (c_char_p, [], (1, 0)),
    "capdist_version": (c_char_p, [], (1, 0)),
    "capdist_security_parse": (c_int32, [c_char_p, POINTER(Security)], (1, 0)),
    "capdist_security_format": (c_int64, [POINTER(Security), c_char_p, c_size_t], (1, 0)),
    "capdist_reply_copy": (POINTER(Reply), [POINTER(Reply)], (1, 0)),
    "capdist_reply_free": (None, [POINTER(Reply)], (1, 0)),
    "capdist_reply_to_json": (c_int64, [POINTER(Reply), c_char_p, c_size_t], (1, 0)),
    "capdist_flow_of": (c_int32, [POINTER(CapitalDistribution), c_int32, POINTER(Flow)], (1, 1)),
    "capdist_options_init": (c_int32, [POINTER(Options), c_size_t], (1, 0)),
    "capdist_request_options_init": (c_int32, [POINTER(RequestOptions), c_size_t], (1, 0)),
    "capdist_init_connect": (c_int32, [POINTER(Options), POINTER(c_void_p)], (1, 0)),
    "capdist_wait_ready": (c_int32, [c_void_p, c_int32], (1, 0)),
    "capdist_release": (c_int32, [c_void_p], (1, 0)),
    "capdist_get_fd": (c_int32, [c_void_p], (1, 0)),
    "capdist_process": (c_int32, [c_void_p], (1, 0)),
    "capdist_resolved": (c_int32, [c_void_p, c_char_p, c_char_p], (1, 1)),
    "capdist_connection_info_init": (c_int32, [POINTER(ConnectionInfo), c_size_t], (1, 0)),
    "capdist_get_connection_info": (c_int32, [c_void_p, POINTER(ConnectionInfo)], (1, 0)),
    "capdist_quota_init": (c_int32, [POINTER(Quota), c_size_t], (1, 0)),
    "capdist_get_quota": (c_int32, [c_void_p, POINTER(Quota)], (1, 0)),
    "capdist_get_capital_distribution": (
        c_int32,
        [c_void_p, POINTER(Security), POINTER(RequestOptions), ReplyFn, c_void_p, POINTER(c_uint32)],
        (1, 0),
    ),
    "capdist_fetch_capital_distribution": (
        c_int32,
        [c_void_p, POINTER(Security), POINTER(RequestOptions), POINTER(POINTER(Reply))],
        (1, 0),
    ),
    "capdist_cancel": (c_int32, [c_void_p, c_uint32], (1, 0)),
    "capdist_send_proto": (
        c_int32,
        [c_void_p, c_uint32, c_char_p, c_size_t, POINTER(RequestOptions), ProtoFn, c_void_p, POINTER(c_uint32)],
        (1, 0),
    ),
}

# importlib.reload() keeps the objects of the first import: C and open connections use them.
globals().update(_before)
