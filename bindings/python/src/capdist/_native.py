"""The C interface as ctypes sees it: structs, functions and callback types of ``capdist.h``, nothing else."""

from __future__ import annotations

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    byref,
    c_char,
    c_char_p,
    c_double,
    c_int32,
    c_int64,
    c_size_t,
    c_ubyte,
    c_uint32,
    c_uint64,
    c_void_p,
)

from ._library import load
from ._status import Retry, call_error

_before: dict[str, object] = {name: value for name, value in globals().items() if not name.startswith("__")}

CODE_SIZE = 60
MODE_THREAD, MODE_HOST_DRIVEN = 0, 1
TRANSPORT_TCP, TRANSPORT_WEBSOCKET, TRANSPORT_WEBSOCKET_TLS = 0, 1, 2
QUOTA_DEFAULT, QUOTA_WAIT, QUOTA_FAIL = 0, 1, 2
OUTAGE_DEFAULT, OUTAGE_WAIT, OUTAGE_FAIL = 0, 1, 2

HAS_UPDATE_TIME = 1 << 7
HAS_RET_TYPE, HAS_RET_MSG, HAS_ERR_CODE, HAS_RETRY = 1 << 1, 1 << 2, 1 << 3, 1 << 4

STATE_CONNECTING, STATE_READY, STATE_NOT_CONNECTED = 0, 1, 2


class Security(Structure):
    """capdist_security"""

    _fields_ = [("market", c_int32), ("code", c_char * CODE_SIZE)]


class Distribution(Structure):
    """capdist_capital_distribution"""

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


class Flow(Structure):
    """capdist_flow, which the package computes by itself."""

    _fields_ = [("capital_in", c_double), ("capital_out", c_double), ("net", c_double), ("out_share", c_double)]


class Reply(Structure):
    """capdist_reply"""

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
        ("distribution", POINTER(Distribution)),
        ("body", POINTER(c_ubyte)),
        ("body_length", c_size_t),
        # An older library's struct ends here: what follows is read through `retry_of`.
        ("retry", c_int32),
    ]


class ProtoReply(Structure):
    """capdist_proto_reply"""

    _fields_ = [
        ("status", c_int32),
        ("serial_no", c_uint32),
        ("proto_id", c_uint32),
        ("was_sent", c_int32),
        ("retry_after_ms", c_int32),
        ("present", c_uint32),
        ("ret_type", c_int32),
        ("desc", c_char_p),
        ("body", POINTER(c_ubyte)),
        ("body_length", c_size_t),
        ("retry", c_int32),  # as in Reply
    ]


# User data is an integer, never an object's address: a number that is not known any more is simply not found.
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
    """capdist_options"""

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
    """capdist_request_options"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("queue_timeout_ms", c_int32),
        ("reply_timeout_ms", c_int32),
        ("quota_mode", c_int32),
        ("security_firm", c_int32),
        ("serial_no", POINTER(c_uint32)),
        ("outage_mode", c_int32),
        ("reserved", c_int32),
    ]


class ConnectionInfo(Structure):
    """capdist_connection_info"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("conn_id", c_uint64),
        ("login_user_id", c_uint64),
        ("server_version", c_int32),
        ("state", c_int32),
    ]


class Quota(Structure):
    """capdist_quota"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("limit", c_int32),
        ("window_ms", c_int32),
        ("used", c_int32),
        ("waiting", c_int32),
        ("next_slot_ms", c_int32),
        ("reserved", c_int32),
    ]


lib = load()

_PROTOTYPES = {
    "capdist_version": (c_char_p, []),
    "capdist_status_name": (c_char_p, [c_int32]),
    "capdist_status_text": (c_char_p, [c_int32]),
    "capdist_status_retry": (c_int32, [c_int32]),
    "capdist_last_error": (c_char_p, []),
    "capdist_security_parse": (c_int32, [c_char_p, POINTER(Security)]),
    "capdist_security_format": (c_int64, [POINTER(Security), c_char_p, c_size_t]),
    "capdist_options_init": (c_int32, [POINTER(Options), c_size_t]),
    "capdist_request_options_init": (c_int32, [POINTER(RequestOptions), c_size_t]),
    "capdist_connection_info_init": (c_int32, [POINTER(ConnectionInfo), c_size_t]),
    "capdist_quota_init": (c_int32, [POINTER(Quota), c_size_t]),
    "capdist_init_connect": (c_int32, [POINTER(Options), POINTER(c_void_p)]),
    "capdist_wait_ready": (c_int32, [c_void_p, c_int32]),
    "capdist_release": (c_int32, [c_void_p]),
    "capdist_get_fd": (c_int32, [c_void_p]),
    "capdist_process": (c_int32, [c_void_p]),
    "capdist_resolved": (c_int32, [c_void_p, c_char_p, c_char_p]),
    "capdist_get_connection_info": (c_int32, [c_void_p, POINTER(ConnectionInfo)]),
    "capdist_get_quota": (c_int32, [c_void_p, POINTER(Quota)]),
    "capdist_get_capital_distribution": (
        c_int32,
        [c_void_p, POINTER(Security), POINTER(RequestOptions), ReplyFn, c_void_p, POINTER(c_uint32)],
    ),
    "capdist_cancel": (c_int32, [c_void_p, c_uint32]),
    "capdist_send_proto": (
        c_int32,
        [c_void_p, c_uint32, c_char_p, c_size_t, POINTER(RequestOptions), ProtoFn, c_void_p, POINTER(c_uint32)],
    ),
    "capdist_reply_to_json": (c_int64, [POINTER(Reply), c_char_p, c_size_t]),
}

#: Functions that an older library of the same major version lacks.
_NEWER = {"capdist_status_retry"}

for _name, (_result, _arguments) in _PROTOTYPES.items():
    if _name in _NEWER and not hasattr(lib, _name):
        continue
    _function = getattr(lib, _name)
    _function.restype = _result
    _function.argtypes = _arguments


_process = ctypes.CDLL(None)
_process.pthread_create.argtypes = [POINTER(c_void_p), c_void_p, c_void_p, c_void_p]
_process.pthread_join.argtypes = [c_void_p, c_void_p]
_process.pthread_detach.argtypes = [c_void_p]


def start_release(handle: c_void_p) -> c_void_p | None:
    """Starts `capdist_release` on a thread that knows nothing of Python. One of Python's own would take locks to start,
    which code that collects garbage must not, and is refused while the interpreter exits.

    Returns:
        The thread, to be joined or detached; None if the system gives none.
    """
    thread = c_void_p()
    # What it returns is an int and no pointer; nobody reads it.
    entry = ctypes.cast(lib.capdist_release, c_void_p)
    return thread if _process.pthread_create(byref(thread), None, entry, handle) == 0 else None


def join_thread(thread: c_void_p | None) -> None:
    """Waits for a thread's end."""
    if thread is not None:
        _process.pthread_join(thread, None)


def detach_thread(thread: c_void_p | None) -> None:
    """Lets a thread end by itself."""
    if thread is not None:
        _process.pthread_detach(thread)


def text(raw: bytes | None) -> str:
    """A text of the library. It is UTF-8; what is not could only be a fault, and must not raise in a callback."""
    return (raw or b"").decode("utf-8", "replace")


def retry_of(reply: Reply | ProtoReply) -> Retry:
    """Whether to ask again, which an older library does not tell."""
    return Retry.of(reply.retry) if reply.present & HAS_RETRY else Retry.UNKNOWN


def retry_of_status(status: int) -> Retry:
    """As far as the status alone tells."""
    return Retry.of(lib.capdist_status_retry(status)) if hasattr(lib, "capdist_status_retry") else Retry.UNKNOWN


def check(status: int) -> None:
    """Raises what a refused call's status and last error say."""
    if status != 0:
        raise call_error(status, text(lib.capdist_last_error()))


def initialised(struct: type[Options] | type[RequestOptions] | type[ConnectionInfo] | type[Quota]) -> ctypes.Structure:
    """A new struct with the library's defaults."""
    new = struct()
    name = {
        Options: "capdist_options_init",
        RequestOptions: "capdist_request_options_init",
        ConnectionInfo: "capdist_connection_info_init",
        Quota: "capdist_quota_init",
    }[struct]
    check(getattr(lib, name)(byref(new), ctypes.sizeof(new)))
    return new


def bytes_at(address: object, length: int) -> bytes:
    """A copy of memory that lives only during a callback."""
    return ctypes.string_at(ctypes.cast(address, c_void_p), length) if address and length else b""  # type: ignore[arg-type]

# Loaded again (importlib.reload): C and open connections hold what was made the first time, so that stays.
globals().update(_before)
