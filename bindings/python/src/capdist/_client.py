"""The typed client: blocking calls, callbacks and a watch list."""

from __future__ import annotations

import weakref
from os import PathLike
from queue import Empty
from typing import Any, Callable, Iterable, Iterator, Optional, Tuple, Type, TypeVar, Union

from . import _native as native
from ._abi import Cipher, LogLevel, Status
from ._arguments import (
    milliseconds,
    needed_callback,
    number,
    optional_callback,
    parse_security,
    path,
    request_options,
    utf8,
)
from ._callbacks import Callbacks, Waiting
from ._connection import Connection, refuse_in_callback
from ._log import log
from ._model import CapitalDistribution, ConnectionInfo, ProtoReply, Quota, proto_reply_of, result_of
from ._status import ArgumentError, RequestError
from ._waits import Flag, Queue
from ._watch import Again, Entry, entry_of, listed

#: What became of one request: figures, or the exception that tells why there are none.
Result = Union[CapitalDistribution, RequestError]

#: Requests of a watch list under way at a time when no quota is kept.
_UNLIMITED_WINDOW = 64
#: How long one entry of a watch list may wait for its turn, in seconds: the longest the library takes.
_LIST_QUEUE_TIMEOUT = 3600.0


#: The library's own.
DEFAULTS = native.initialised(native.Options)


class BaseClient:
    """What the clients share: the connection and its options. See :class:`Client` for the arguments."""

    def __init__(
        self,
        host: str = DEFAULTS.texts["host"],
        port: int = DEFAULTS.port,
        *,
        client_id: str = DEFAULTS.texts["client_id"],
        client_version: int = DEFAULTS.client_version,
        recv_notify: bool = DEFAULTS.recv_notify != 0,
        rsa_private_key: Optional[str] = None,
        rsa_private_key_file: Union[str, PathLike[str], None] = None,
        packet_cipher: Cipher = Cipher(DEFAULTS.packet_cipher),
        websocket_key: Optional[str] = None,
        tls: bool = False,
        ca_file: Union[str, PathLike[str], None] = None,
        tls_server_name: Optional[str] = None,
        tls_insecure_accept_any_certificate: bool = False,
        reconnect: bool = DEFAULTS.reconnect != 0,
        reconnect_min: float = DEFAULTS.reconnect_min_ms / 1000,
        reconnect_max: float = DEFAULTS.reconnect_max_ms / 1000,
        connect_timeout: float = DEFAULTS.connect_timeout_ms / 1000,
        queue_timeout: float = DEFAULTS.queue_timeout_ms / 1000,
        reply_timeout: float = DEFAULTS.reply_timeout_ms / 1000,
        outage_wait: bool = True,
        quota_requests: int = DEFAULTS.quota_requests,
        quota_window: float = DEFAULTS.quota_window_ms / 1000,
        quota_wait: bool = True,
        quota_group: Optional[str] = None,
        max_queue: int = DEFAULTS.max_queue,
        max_body_bytes: int = DEFAULTS.max_body_bytes,
        on_init_connect: Optional[Callable[[int, str], None]] = None,
        on_disconnect: Optional[Callable[[int, str], None]] = None,
        on_attempt_failed: Optional[Callable[[int, str], None]] = None,
        on_push: Optional[Callable[[int, bytes], None]] = None,
        on_log: Optional[Callable[[LogLevel, str], None]] = None,
        _mode: int = native.MODE_THREAD,
        _resolver: Optional[Callable[[Connection], None]] = None,
    ) -> None:
        options = native.initialised(native.Options)
        options.host = utf8(host, "host")
        options.port = number(port, "port", 1, 65535)
        options.mode = _mode
        options.client_id = utf8(client_id, "client_id")
        options.client_version = number(client_version, "client_version")
        options.recv_notify = 1 if recv_notify else 0
        options.programming_language = b"Python"
        if rsa_private_key is not None:
            options.rsa_private_key = utf8(rsa_private_key, "rsa_private_key")
        if rsa_private_key_file is not None:
            options.rsa_private_key_file = path(rsa_private_key_file, "rsa_private_key_file")
        options.packet_cipher = number(packet_cipher, "packet_cipher", -(2**31))
        if tls:
            options.transport = native.TRANSPORT_WEBSOCKET_TLS
        elif websocket_key is not None:
            options.transport = native.TRANSPORT_WEBSOCKET
        if websocket_key is not None:
            options.websocket_key = utf8(websocket_key, "websocket_key")
        if ca_file is not None:
            options.tls_ca_file = path(ca_file, "ca_file")
        if tls_server_name is not None:
            options.tls_server_name = utf8(tls_server_name, "tls_server_name")
        options.tls_insecure_accept_any_certificate = 1 if tls_insecure_accept_any_certificate else 0
        options.reconnect = 1 if reconnect else 0
        options.reconnect_min_ms = milliseconds(reconnect_min, "reconnect_min")
        options.reconnect_max_ms = milliseconds(reconnect_max, "reconnect_max")
        options.connect_timeout_ms = milliseconds(connect_timeout, "connect_timeout")
        options.queue_timeout_ms = milliseconds(queue_timeout, "queue_timeout")
        options.reply_timeout_ms = milliseconds(reply_timeout, "reply_timeout")
        if not outage_wait:
            options.outage_mode = native.OUTAGE_FAIL
        options.quota_requests = number(quota_requests, "quota_requests")
        options.quota_window_ms = milliseconds(quota_window, "quota_window")
        options.quota_mode = native.QUOTA_WAIT if quota_wait else native.QUOTA_FAIL
        options.quota_group = None if quota_group is None else utf8(quota_group, "quota_group")
        options.max_queue = number(max_queue, "max_queue")
        options.max_body_bytes = number(max_body_bytes, "max_body_bytes")
        self._max_queue = max_queue
        self._callbacks = Callbacks(
            optional_callback(on_init_connect, "on_init_connect"),
            optional_callback(on_disconnect, "on_disconnect"),
            optional_callback(on_push, "on_push"),
            optional_callback(on_log, "on_log") or log,
            optional_callback(on_attempt_failed, "on_attempt_failed"),
        )
        self._waiting = Waiting(_resolver)
        self._connection = Connection(options, self._callbacks, self._waiting)
        # A client that is dropped without being closed closes then, and nobody waits for it.
        self._finalizer = weakref.finalize(self, self._connection.abandon)

    def cancel(self, serial_no: int) -> bool:
        """Ends a request that is queued or in flight; it completes as cancelled.

        Returns:
            False if there is no such request any more.
        """
        return self._connection.cancel(number(serial_no, "serial_no", 0, 2**32 - 1))

    def info(self) -> ConnectionInfo:
        """What is known of the connection."""
        return self._connection.info()

    def quota(self) -> Quota:
        """The quota of the connection's group."""
        return self._connection.quota()

    def close(self) -> None:
        """Closes the connection. Requests under way end with :class:`CancelledRequestError`. Harmless to repeat; every
        other call raises :class:`ClosedError` from then on."""
        self._finalizer.detach()
        self._connection.close()

    def _list_window(self) -> int:
        return min(self.quota().limit or _UNLIMITED_WINDOW, self._max_queue or _UNLIMITED_WINDOW)


class Client(BaseClient):
    """A connection to an OpenD gateway, for threads. Every method may be called from any thread.

    The constructor starts connecting and returns; requests made before the connection is established wait for it.

    Args:
        host: numeric address, ``localhost`` or a name.
        port: 1 to 65535.
        client_id: names the program to the gateway.
        client_version: major * 100 + minor.
        recv_notify: ask the gateway for pushes, delivered to `on_push`.
        rsa_private_key: the key that OpenD has, as PEM text; turns encryption on.
        rsa_private_key_file: or the path of a PEM file.
        packet_cipher: what encrypts bodies after the handshake; only has an effect with a key.
        websocket_key: connect to OpenD's WebSocket, with the key that is set there; "" if none is.
        tls: over TLS, which implies WebSocket. The certificate must be for `host`.
        ca_file: a PEM file of the certificates to trust, CAs' or the gateway's own; None: the system's CAs.
        tls_server_name: WebSocket only: server name for the HTTP Host header, SNI and the certificate check. Set it where
            `host` is an address that the program looked up itself.
        tls_insecure_accept_any_certificate: accept any certificate; for tests only.
        reconnect: repeat attempts to connect, the first one too, and reconnect after a lost connection.
        reconnect_min: first pause of the exponential backoff, in seconds; `reconnect_max` the longest.
        connect_timeout: for one attempt, in seconds.
        queue_timeout: from accepted to sent, in seconds; waiting for the quota counts.
        reply_timeout: from sent to answered, in seconds.
        outage_wait: during an outage, from an attempt to connect that failed until one succeeds, wait for the connection (True), or
            raise the last attempt's :class:`ConnectError` at once.
        quota_requests: requests in a window; 0 keeps no quota.
        quota_window: the window in seconds.
        quota_wait: wait for a free slot (True), or raise :class:`RateLimitedError` at once.
        quota_group: clients with the same group share a quota in this process; by default those of one host do.
        max_queue: most requests queued and in flight together.
        max_body_bytes: longest body, sent or received.
        on_init_connect: called with (err_code, text) when the connection is established (0) or has failed permanently.
        on_disconnect: called with (err_code, text) when it is lost.
        on_attempt_failed: called with (err_code, text) when an attempt to connect failed, and another one follows.
        on_push: called with (proto_id, body) for each push.
        on_log: called with (level, text), a :class:`LogLevel`; None: the lines go to :mod:`logging`'s ``capdist``.

    Callbacks run on the connection's thread, one at a time. What they raise is reported through
    ``sys.unraisablehook``. Blocking calls raise :class:`WouldDeadlockError` inside them.

    Raises:
        ArgumentError: an argument is not valid.
    """

    def wait_ready(self, timeout: float = 10.0) -> None:
        """Waits until the connection is established.

        Raises:
            ConnectError: why it is not established.
        """
        self._connection.wait_ready(timeout)

    def capital_distribution(
        self,
        security: str,
        *,
        queue_timeout: Optional[float] = None,
        reply_timeout: Optional[float] = None,
        wait: Optional[bool] = None,
        security_firm: int = 0,
        outage_wait: Optional[bool] = None,
    ) -> CapitalDistribution:
        """A stock's capital distribution; blocks for at most the two timeouts (None: the client's).

        Args:
            security: such as "HK.00700".
            queue_timeout: from accepted to sent, in seconds.
            reply_timeout: from sent to answered, in seconds.
            wait: wait for a slot of the quota, or raise at once (None: the client's).
            security_firm: sent only if not 0.
            outage_wait: wait for the connection during an outage, or raise at once (None: the client's).

        Raises:
            RequestError: there are no figures, and why.
            ArgumentError, ClosedError, WouldDeadlockError, ConnectError: the request was not made.
        """
        refuse_in_callback()
        arrived = Flag()
        result: Any = None

        def sink(reply: native.Reply) -> None:
            nonlocal result
            try:
                result = result_of(reply, security)
            finally:
                arrived.set()

        options = request_options(queue_timeout, reply_timeout, wait, security_firm, outage_wait)
        serial_no = self._connection.ask(parse_security(security), options, sink)
        try:
            arrived.wait()
        except BaseException:
            # Ctrl-C, or a greenlet's time-out: nobody wants the answer any more.
            self._connection.give_up(serial_no)
            raise
        if isinstance(result, CapitalDistribution):
            return result
        try:
            raise result
        finally:
            result = None  # or the error, its traceback and this frame would keep the client until a collection

    def get_capital_distribution(
        self,
        security: str,
        callback: Callable[[int, Result], None],
        *,
        queue_timeout: Optional[float] = None,
        reply_timeout: Optional[float] = None,
        wait: Optional[bool] = None,
        security_firm: int = 0,
        outage_wait: Optional[bool] = None,
    ) -> int:
        """The same without blocking: `callback` is called exactly once with the request's serial number and the
        figures, or the exception that tells why there are none.

        Returns:
            The serial number.
        """
        needed_callback(callback, "callback")

        def sink(reply: native.Reply) -> None:
            callback(reply.serial_no, result_of(reply, security))

        options = request_options(queue_timeout, reply_timeout, wait, security_firm, outage_wait)
        return self._connection.ask(parse_security(security), options, sink)

    def capital_distributions(
        self, securities: Iterable[str], *, reply_timeout: Optional[float] = None
    ) -> Iterator[Tuple[str, Result]]:
        """The figures of a watch list, each as it comes, within the quota.

        No more requests are under way than the quota has slots, so a long list waits its turn without timing out. What
        the gateway refuses for frequency, since other programs use it too, is asked again after the time it tells, up to
        ten times. Leaving the loop early cancels what is under way.

        Yields:
            The security, and its figures or the exception that tells why there are none: for an entry that is no
            security a :class:`RequestError` with ``Status.INVALID_ARGUMENT``.

        Raises:
            ArgumentError: `securities` is no list, or `reply_timeout` is not valid.
            ClosedError, WouldDeadlockError, ConnectError: a request could not be made.
        """
        refuse_in_callback()
        options = request_options(_LIST_QUEUE_TIMEOUT, reply_timeout, True, 0)
        window = self._list_window()
        answers: Queue[Tuple[int, Entry, Result]] = Queue()
        under_way: set[int] = set()
        again = Again()
        remaining = listed(securities)

        def ask(entry: Entry) -> None:
            def sink(reply: native.Reply) -> None:
                answers.put((reply.serial_no, entry, result_of(reply, entry.security)))

            under_way.add(self._connection.ask(entry.raw, options, sink))

        def one() -> Tuple[str, Result]:
            while True:
                for entry in again.due():
                    ask(entry)
                try:
                    serial_no, entry, result = answers.get(timeout=again.seconds())
                except Empty:
                    continue
                under_way.discard(serial_no)
                if not again.takes(entry, result):
                    return entry.security, result

        try:
            for security in remaining:
                entry = entry_of(security)
                if isinstance(entry, RequestError):
                    yield security, entry
                    continue
                ask(entry)
                if len(under_way) + len(again) < window:
                    continue
                yield one()
            while under_way or again:
                yield one()
        finally:
            for serial_no in under_way:
                self._connection.give_up(serial_no)

    def send_proto(
        self,
        proto_id: int,
        body: bytes,
        callback: Callable[[ProtoReply], None],
        *,
        queue_timeout: Optional[float] = None,
        reply_timeout: Optional[float] = None,
        wait: Optional[bool] = None,
        outage_wait: Optional[bool] = None,
    ) -> int:
        """Sends any other request as raw protobuf; `callback` is called exactly once.

        Returns:
            The serial number.
        """
        needed_callback(callback, "callback")
        number(proto_id, "proto_id", 0, 2**32 - 1)
        try:
            raw = bytes(memoryview(body))
        except TypeError:
            raise ArgumentError(f"the body must be bytes, not {body!r}", Status.INVALID_ARGUMENT) from None

        def sink(reply: native.ProtoReply) -> None:
            callback(proto_reply_of(reply))

        options = request_options(queue_timeout, reply_timeout, wait, 0, outage_wait)
        return self._connection.send_proto(proto_id, raw, options, sink)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, _type: Optional[Type[BaseException]], _error: Optional[BaseException], _trace: Any) -> None:
        self.close()
