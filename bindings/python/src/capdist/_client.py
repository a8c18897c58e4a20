"""The client with blocking calls, callbacks and watch lists."""

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

#: How a request completed: figures, or the exception that tells why there are none.
Result = Union[CapitalDistribution, RequestError]

#: Most requests of a watch list in flight if no quota is kept.
_UNLIMITED_WINDOW = 64
#: The queue timeout of a watch list's requests, in seconds: the longest that the library accepts.
_LIST_QUEUE_TIMEOUT = 3600.0


#: The options with the library's defaults.
DEFAULTS = native.initialised(native.Options)


class BaseClient:
    """The part that all clients share: the connection and its options. The arguments are described at :class:`Client`."""

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
        # A client without references closes when it is garbage-collected. Nothing waits for that.
        self._finalizer = weakref.finalize(self, self._connection.abandon)

    def cancel(self, serial_no: int) -> bool:
        """Ends a request that is queued or in flight. It completes as cancelled.

        Returns:
            False if no such request is queued or in flight.
        """
        return self._connection.cancel(number(serial_no, "serial_no", 0, 2**32 - 1))

    def info(self) -> ConnectionInfo:
        """What is known of the connection."""
        return self._connection.info()

    def quota(self) -> Quota:
        """The state of the connection's quota group."""
        return self._connection.quota()

    def close(self) -> None:
        """Closes the connection. Each request that is queued or in flight completes with :class:`CancelledRequestError`.
        Calling it again is harmless. Every other call raises :class:`ClosedError` from now on."""
        self._finalizer.detach()
        self._connection.close()

    def _list_window(self) -> int:
        return min(self.quota().limit or _UNLIMITED_WINDOW, self._max_queue or _UNLIMITED_WINDOW)


class Client(BaseClient):
    """A connection to a gateway, and the requests over it. Every method may be called from any thread. Three raise
    :class:`WouldDeadlockError` inside callbacks: :meth:`wait_ready`, :meth:`capital_distribution`,
    :meth:`capital_distributions`.

    The constructor starts to connect, and returns. Requests may be made right away: they are queued until the connection is
    established.

    Args:
        host: the gateway: a numeric IPv4 or IPv6 address, ``localhost`` or a host name.
        port: 1 to 65535.
        client_id: the application's name, shown to the gateway, 1 to 255 bytes.
        client_version: the application's version, major * 100 + minor, not negative.
        recv_notify: whether to ask the gateway for pushes, which go to `on_push`. Over WebSocket the gateway always pushes, and
            with False the library drops the pushes.
        rsa_private_key: TCP only: an RSA key of 512 to 4096 bits as PEM text, PKCS#1 or PKCS#8, without passphrase. It turns
            encryption on.
        rsa_private_key_file: the same as a file: its path.
        packet_cipher: how bodies after InitConnect are encrypted; only has an effect with an RSA key.
        websocket_key: connects to OpenD's WebSocket, with the key that is set in OpenD, not its MD5; "" if it has none.
        tls: connects to OpenD's WebSocket over TLS.
        ca_file: TLS only: the path of a PEM file with the certificates to trust; None: the system's CAs.
        tls_server_name: WebSocket only: server name for the HTTP Host header, SNI and the certificate check. Use it if `host`
            is an address that the application looked up itself. None: `host`.
        tls_insecure_accept_any_certificate: TLS only: accept any certificate; for tests only.
        reconnect: whether to repeat attempts to connect, the first one too, and to reconnect after a lost connection.
        reconnect_min: the first pause between attempts, in seconds. Pauses double, and each is shortened at random by up to
            half.
        reconnect_max: the longest pause, in seconds, not below the first.
        connect_timeout: the limit of one attempt, including name lookup and InitConnect, in seconds.
        queue_timeout: from accepted to sent, in seconds.
        reply_timeout: from sent to answered, in seconds.
        outage_wait: what a request does during an outage. True: it waits for the connection. False: it raises the last
            attempt's :class:`ConnectError` at once.
        quota_requests: requests in a window, 0 to 100,000; 0: no quota is kept.
        quota_window: the window's length in seconds.
        quota_wait: what a request does when no slot of the quota is free. True: it waits for one. False: it raises
            :class:`RateLimitedError` at once.
        quota_group: clients of this process with the same group share a quota; None: one group for each host.
        max_queue: most requests queued and in flight together, 1 to 1,000,000.
        max_body_bytes: longest body, sent or received, 1,024 to 268,435,456.
        on_init_connect: called with (err_code, text) when the connection is established (err_code 0), also after each
            reconnect, or has failed permanently.
        on_disconnect: called with (err_code, text) when the connection was lost.
        on_attempt_failed: called with (err_code, text) when an attempt to connect failed, and the library will try again.
        on_push: called with (proto_id, body) when the gateway pushed a message.
        on_log: called with (level, text), a :class:`LogLevel` and one line of English; None: the log goes to the logger
            ``capdist`` of :mod:`logging`.

    Callbacks run on the connection's thread, one at a time: keep them short. What they raise goes to ``sys.unraisablehook``.

    Raises:
        ArgumentError: an argument is not valid.
    """

    def wait_ready(self, timeout: float = 10.0) -> None:
        """Waits until the connection is established. If an attempt fails and another one follows, it goes on waiting.

        Raises:
            ConnectError: the timeout passed, or the connection failed permanently.
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
        max_age: Optional[float] = None,
    ) -> CapitalDistribution:
        """Requests a stock's capital distribution, and waits for it: at most the queue timeout plus the reply timeout.

        Args:
            security: such as "HK.00700".
            queue_timeout: from accepted to sent, in seconds; None: the client's.
            reply_timeout: from sent to answered, in seconds; None: the client's.
            wait: what the request does when no slot of the quota is free: wait (True) or raise at once; None: the client's.
            security_firm: QotHeader.securityFirm; 0: not sent. Gateways read it since 10.11.
            outage_wait: what the request does during an outage: wait (True) or raise at once; None: the client's.
            max_age: in seconds. If another request for the security was answered no longer ago, its answer is taken; if one is
                in flight, its answer is waited for (docs/quota.md, Shared answers). None: the request is always sent.

        Raises:
            RequestError: the request completed without figures.
            ArgumentError, ClosedError, WouldDeadlockError, ConnectError: the request was refused.
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

        options = request_options(queue_timeout, reply_timeout, wait, security_firm, outage_wait, max_age)
        serial_no = self._connection.ask(parse_security(security), options, sink)
        try:
            arrived.wait()
        except BaseException:
            # Ctrl-C, or a greenlet's timeout: the answer is no longer needed.
            self._connection.give_up(serial_no)
            raise
        if isinstance(result, CapitalDistribution):
            return result
        try:
            raise result
        finally:
            result = None  # break the cycle: the error's traceback refers to this frame, which refers to the client

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
        max_age: Optional[float] = None,
    ) -> int:
        """The same with a callback. It is called exactly once, with the request's serial number and the figures, or with the
        exception that tells why there are none.

        Returns:
            The request's serial number.
        """
        needed_callback(callback, "callback")

        def sink(reply: native.Reply) -> None:
            callback(reply.serial_no, result_of(reply, security))

        options = request_options(queue_timeout, reply_timeout, wait, security_firm, outage_wait, max_age)
        return self._connection.ask(parse_security(security), options, sink)

    def capital_distributions(
        self, securities: Iterable[str], *, reply_timeout: Optional[float] = None, max_age: Optional[float] = None
    ) -> Iterator[Tuple[str, Result]]:
        """Yields the figures of a watch list, in the order in which they come, within the quota.

        No more requests are in flight than the quota has slots, so a long list does not time out. A request that the gateway
        refuses because of its rate limit is repeated up to ten times, each time after the pause that the refusal tells. Leaving
        the loop cancels the requests in flight. `max_age` is as in :meth:`capital_distribution`.

        Yields:
            The security, and its figures or the exception that tells why there are none. If a text is not a security, that is a
            :class:`RequestError` with ``Status.INVALID_ARGUMENT``.

        Raises:
            ArgumentError: `securities` is not a list, or `reply_timeout` or `max_age` is not valid.
            ClosedError, WouldDeadlockError, ConnectError: a request was refused.
        """
        refuse_in_callback()
        options = request_options(_LIST_QUEUE_TIMEOUT, reply_timeout, True, 0, max_age=max_age)
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
        """Sends any other request as raw protobuf. `callback` is called exactly once with the reply.

        Returns:
            The request's serial number.
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
