"""WebSocket and TLS with other implementations: a bridge of `websockets` and the vendor's messages for the library's client, the vendor's
JavaScript framing over `websockets` for the simulator, and nginx as a proxy for both."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import ssl
import struct
import subprocess
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from futu.common.pb import GetGlobalState_pb2, Qot_GetCapitalDistribution_pb2
from gateway import figures
from bridge import (
    CAPITAL_DISTRIBUTION,
    CONN_ID,
    GET_GLOBAL_STATE,
    INIT_WEBSOCKET,
    LOST_OPEND,
    MAGIC,
    NOTIFY,
    REPLY,
    REQUEST,
    Asked,
    InitWebSocketRequest,
    InitWebSocketResponse,
    Bridge,
    Sent,
    digest,
    notify,
    reply,
)
from simulator import PATIENCE_S, Simulator, wait_until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from capdist import Client, ConnectError, RequestError, Status

TLS = Path(__file__).resolve().parents[1] / "vectors" / "tls"
CA = TLS / "ca.pem"
KEY = "7522027ccf5a06b1"


@contextmanager
def bridge(*arguments: Any, **options: Any) -> Iterator[Bridge]:
    """A bridge that must have recorded no errors at the end."""
    with Bridge(*arguments, **options) as started:
        yield started
    assert not started.failures


def client(port: int, **options: Any) -> Client:
    """A client of it, without a quota."""
    return Client(port=port, **{"quota_requests": 0, "websocket_key": "", "reconnect_min": 0.05, **options})


def why_not(port: int, **options: Any) -> ConnectError:
    """The error that tells why there is no connection."""
    with client(port, **{"reconnect": False, "connect_timeout": 2, **options}) as failing:
        with pytest.raises(ConnectError) as raised:
            failing.wait_ready(PATIENCE_S)
    return raised.value


# ---- the library's client, another bridge ----


@pytest.mark.parametrize("certificate", [None, TLS / "server.pem"], ids=["plain", "tls"])
@pytest.mark.parametrize("key", ["", KEY, "密钥"])
def test_figures(certificate: Path | None, key: str) -> None:
    tls = {"tls": True, "ca_file": CA} if certificate else {}
    with bridge(key, certificate) as there, client(there.port, websocket_key=key, **tls) as here:
        for _ in range(3):
            answer = here.capital_distribution("HK.00700")
            assert answer.capital_in_big == there.of(CAPITAL_DISTRIBUTION)[-1].section + 1
        assert here.info().conn_id == CONN_ID
        first = there.of(INIT_WEBSOCKET)[0].message.c2s
        assert first.websocketKey == digest(key)
        assert (first.clientID, first.programmingLanguage) == ("capdist", "Python")
        asked = there.of(CAPITAL_DISTRIBUTION)[0].message.c2s.security
        assert (asked.market, asked.code) == (1, "00700")
    assert wait_until(lambda: there.closed == {0: 1000})


@pytest.mark.parametrize("certificate", [None, TLS / "server.pem"], ids=["plain", "tls"])
def test_many_in_flight(certificate: Path | None) -> None:
    tls = {"tls": True, "ca_file": CA} if certificate else {}
    with bridge("", certificate) as there, client(there.port, **tls) as here:
        codes = [f"HK.{number:05}" for number in range(1, 501)]
        results = dict(here.capital_distributions(codes))
        assert sorted(results) == codes
        assert not [result for result in results.values() if isinstance(result, RequestError)]


def test_fragments_with_pings_between() -> None:
    def answer(asked: Asked) -> Iterable[Sent | None]:
        whole = reply(CAPITAL_DISTRIBUTION, asked.section, figures(asked.section))

        def pieces() -> Iterator[bytes]:
            for start in range(0, len(whole), 7):
                there.connections[asked.connection].ping(f"{start}")
                yield whole[start : start + 7]

        return [pieces()]

    with bridge() as there, client(there.port) as here:
        there.answer = answer
        for _ in range(5):
            section = len(there.of(CAPITAL_DISTRIBUTION)) + 2
            assert here.capital_distribution("HK.00700").capital_in_big == section + 1


def test_pings_are_answered() -> None:
    with bridge() as there, client(there.port) as here:
        here.wait_ready()
        for payload in (b"", b"x" * 125):
            assert there.connections[0].ping(payload).wait(PATIENCE_S)


@pytest.mark.parametrize(
    ("error", "status"), [(1, Status.REPLY_TIMEOUT), (2, Status.REPLY_TIMEOUT), (77, Status.REFUSED)]
)
def test_errors_of_the_bridge(error: int, status: Status) -> None:
    with bridge() as there, client(there.port) as here:
        good, there.answer = there.answer, lambda asked: [
            reply(CAPITAL_DISTRIBUTION, asked.section, error=error, text=b"in its words")
        ]
        with pytest.raises(RequestError, match="in its words") as raised:
            here.capital_distribution("HK.00700")
        assert raised.value.status is status
        there.answer = good
        assert here.capital_distribution("HK.00700")
        assert len(there.connections) == 1


@pytest.mark.parametrize("how", ["reply", "push"])
def test_the_bridge_lost_opend(how: str) -> None:
    def answer(asked: Asked) -> Iterable[Sent | None]:
        if asked.connection > 0:
            return good(asked)
        if how == "push":
            return [reply(LOST_OPEND, 0)]
        return [reply(CAPITAL_DISTRIBUTION, asked.section, error=3)]

    with bridge() as there, client(there.port) as here:
        good, there.answer = there.answer, answer
        with pytest.raises(RequestError, match="the WebSocket bridge lost its OpenD") as raised:
            here.capital_distribution("HK.00700")
        assert raised.value.status is Status.DISCONNECTED
        assert here.capital_distribution("HK.00700")
        assert len(there.connections) == 2


@pytest.mark.parametrize(
    ("error", "status"), [(1, Status.CONNECT_TIMEOUT), (2, Status.CONNECT_TIMEOUT), (9, Status.CONNECT_FAILED)]
)
def test_errors_of_the_bridge_in_the_handshake(error: int, status: Status) -> None:
    with bridge() as there:
        there.greeting = lambda asked: [reply(INIT_WEBSOCKET, asked.section, error=error, text=b"in its words")]
        problem = why_not(there.port)
        assert problem.status is status
        assert "InitWebSocket: " in str(problem) and "in its words" in str(problem)


def test_a_key_that_is_refused_in_words() -> None:
    with bridge() as there:
        there.greeting = lambda asked: [
            reply(INIT_WEBSOCKET, asked.section, InitWebSocketResponse(retType=-1, retMsg="no such key"))
        ]
        # Permanently, although it reconnects.
        problem = why_not(there.port, reconnect=True)
        assert problem.status is Status.CONNECT_REFUSED
        assert "no such key" in str(problem) and "is websocket_key the one set in OpenD" in str(problem)


def test_a_silent_bridge_may_mean_a_wrong_key() -> None:
    with bridge(KEY) as there:
        for key in ("", "another", KEY.upper()):
            problem = why_not(there.port, websocket_key=key, connect_timeout=0.5)
            assert problem.status is Status.CONNECT_TIMEOUT
            assert "is websocket_key the one set in OpenD" in str(problem)


def test_pushes() -> None:
    for wanted in (True, False):
        pushes: list[tuple[int, bytes]] = []
        with bridge() as there:
            there.answer = lambda asked: [
                notify(),
                notify(asked.section),
                reply(CAPITAL_DISTRIBUTION, asked.section, figures(1)),
                notify(2**64 - 1),
            ]
            with client(there.port, recv_notify=wanted, on_push=lambda *push: pushes.append(push)) as here:
                assert here.capital_distribution("HK.00700").capital_in_big == 2
                assert here.capital_distribution("HK.00700").capital_in_big == 2
                if wanted:
                    assert wait_until(lambda: len(pushes) == 6)
        assert [proto_id for proto_id, _ in pushes] == ([NOTIFY] * 6 if wanted else [])


@pytest.mark.parametrize(
    ("message", "code", "text"),
    [
        ("text", 1003, "text message"),
        (b"x" * 5000, 1009, "more than the 1024 bytes"),
        (b"too short", 1000, "is port"),
        (MAGIC + bytes(20), 1000, "less than its header needs"),
    ],
)
def test_messages_that_break_the_protocol(message: Any, code: int, text: str) -> None:
    lost: list[str] = []
    with bridge() as there:
        good, there.answer = there.answer, lambda asked: [message] if asked.connection == 0 else good(asked)
        options: Any = {"max_body_bytes": 1024, "on_disconnect": lambda _, why: lost.append(why)}
        with client(there.port, **options) as here:
            with pytest.raises(RequestError) as raised:
                here.capital_distribution("HK.00700")
            assert raised.value.status is Status.DISCONNECTED
            assert here.capital_distribution("HK.00700")
        assert text in lost[0]
        assert wait_until(lambda: there.closed.get(0) == code), there.closed


@pytest.mark.parametrize(
    ("close", "text"),
    [((1000, ""), "code 1000 (done)"), ((1001, "updates"), "code 1001 (going away): updates"), ((4000, ""), "code 4000")],
)
def test_the_bridge_closes(close: tuple[int, str], text: str) -> None:
    with bridge() as there, client(there.port) as here:
        there.close_with = close
        good, there.answer = there.answer, lambda asked: [None] if asked.connection == 0 else good(asked)
        with pytest.raises(RequestError) as raised:
            here.capital_distribution("HK.00700")
        assert raised.value.status is Status.DISCONNECTED
        assert text in str(raised.value)
        # It answers with the same code.
        assert wait_until(lambda: there.closed.get(0) == close[0])
        assert here.capital_distribution("HK.00700")


# ---- servers that are not a bridge ----


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (HTTPStatus.FORBIDDEN, "refused the upgrade to WebSocket (HTTP status 403)"),
        (HTTPStatus.NOT_FOUND, "has no WebSocket at this path (HTTP status 404)"),
        (HTTPStatus.MOVED_PERMANENTLY, "HTTP 301, and redirects to wss://there.example:33334/"),
        (HTTPStatus.SERVICE_UNAVAILABLE, "HTTP status 503"),
    ],
)
def test_http_statuses(status: HTTPStatus, text: str) -> None:
    with bridge(status=status) as there:
        problem = why_not(there.port)
        assert problem.status is Status.PROTOCOL_ERROR
        assert text in str(problem)
        assert f"port {there.port}" in str(problem)


@contextmanager
def script(answer: Callable[[bytes], bytes]) -> Iterator[int]:
    """A server that answers the first message of each client, and closes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):  # the client may have closed it
                connection.settimeout(PATIENCE_S)
                connection.sendall(answer(connection.recv(4096)))
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(timeout=PATIENCE_S)


def switching(key: bytes, accept: str | None = None) -> bytes:
    """The answer to an upgrade."""
    proper = b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept or proper}\r\n\r\n"
    ).encode()


def key_of(request: bytes) -> bytes:
    """The key in an upgrade request."""
    return request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        (lambda _: switching(b"another"), Status.PROTOCOL_ERROR, "accepted another WebSocket key than the one sent"),
        (lambda _: b"SSH-2.0-OpenSSH_9.2\r\n", Status.PROTOCOL_ERROR, "is not a WebSocket"),
        (lambda _: b"FT\xe9\x03\0\0" + bytes(38), Status.PROTOCOL_ERROR, "is OpenD's TCP port"),
        (lambda _: b"HTTP/1.1 101 x\r\n" + b"X: y\r\n" * 4000, Status.PROTOCOL_ERROR, "with a header of more than"),
        (lambda _: b"HTTP/1.1 200 OK\r\n\r\n", Status.PROTOCOL_ERROR, "HTTP status 200"),
        (lambda _: b"", Status.CONNECT_FAILED, "does it need TLS"),
        (lambda asked: switching(key_of(asked)) + b"\x82\x7f\xff", Status.CONNECT_FAILED, "is websocket_key"),
        (lambda asked: switching(key_of(asked)) + b"\xc2\x00", Status.PROTOCOL_ERROR, "RFC 6455"),
        (lambda asked: switching(key_of(asked)) + b"\x88\x02\x03\xf0", Status.CONNECT_FAILED, "code 1008 (policy"),
    ],
)
def test_scripts(answer: Callable[[bytes], bytes], status: Status, text: str) -> None:
    with script(answer) as port:
        problem = why_not(port)
        assert problem.status is status, problem
        assert text in str(problem)


def test_plain_at_a_tls_port_and_tls_at_a_plain_one() -> None:
    with bridge("", TLS / "server.pem") as there:
        # How the server ends the connection is not checked: with an alert, or without.
        problem = why_not(there.port)
        assert "does it need TLS" in str(problem) or "speaks TLS" in str(problem)
    with bridge() as there:
        problem = why_not(there.port, tls=True, ca_file=CA)
        assert problem.status in (Status.TLS_FAILED, Status.CONNECT_FAILED)
        assert "does not speak TLS" in str(problem) or "does it have a certificate" in str(problem)


@pytest.mark.parametrize(
    ("certificate", "ca", "host", "text"),
    [
        ("expired", "ca", "127.0.0.1", "has expired"),
        ("early", "ca", "127.0.0.1", "not valid yet"),
        ("other-name", "ca", "localhost", "for another name than localhost"),
        ("other-name", "ca", "127.0.0.1", "for another name than 127.0.0.1"),
        ("self-signed", "ca", "127.0.0.1", "self-signed"),
        ("server", "self-signed", "127.0.0.1", "signed by a CA that is not trusted"),
        ("server", None, "127.0.0.1", "signed by a CA that is not trusted"),
    ],
)
def test_certificates_that_are_not_accepted(certificate: str, ca: str | None, host: str, text: str) -> None:
    with bridge("", TLS / f"{certificate}.pem") as there:
        # Permanently, although it reconnects.
        ca_file = None if ca is None else TLS / f"{ca}.pem"
        problem = why_not(there.port, host=host, tls=True, ca_file=ca_file, reconnect=True)
        assert problem.status is Status.TLS_FAILED
        assert text in str(problem)
    assert not there.asked


def test_a_certificate_that_is_its_own_ca() -> None:
    with bridge("", TLS / "self-signed.pem") as there:
        with client(there.port, tls=True, ca_file=TLS / "self-signed.pem") as here:
            assert here.capital_distribution("HK.00700")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_of_tls(version: ssl.TLSVersion) -> None:
    there = Bridge("", TLS / "server.pem")
    context = there._server.socket.context  # type: ignore[attr-defined]
    context.minimum_version = context.maximum_version = version
    with there, client(there.port, tls=True, ca_file=CA) as here:
        assert here.capital_distribution("HK.00700")
        assert there.connections[0].socket.version() == version.name.replace("_", ".")  # type: ignore[attr-defined]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_before_1_2_is_refused() -> None:
    there = Bridge("", TLS / "server.pem")
    context = there._server.socket.context  # type: ignore[attr-defined]
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with there:
        problem = why_not(there.port, tls=True, ca_file=CA)
        assert problem.status is Status.TLS_FAILED
        assert "not support TLS 1.2 or later" in str(problem)


# ---- the vendor's JavaScript framing, the simulator ----


class JavaScriptClient:
    """Frames as the vendor's JavaScript client makes them, from docs/protocol.md."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._section = 0

    def ask(self, command: int, message: Any, timeout: float = PATIENCE_S) -> tuple[int, bytes]:
        """The error and the body of the reply."""
        self._section += 1
        self._connection.send(REQUEST.pack(MAGIC, command, self._section) + message.SerializeToString())
        while True:
            data = self._connection.recv(timeout=timeout)
            assert isinstance(data, bytes)
            magic, got, section, error, _ = REPLY.unpack_from(data)
            assert magic == MAGIC
            if (got, section) == (command, self._section):
                return error, data[REPLY.size :]

    def login(self, key: str, timeout: float = PATIENCE_S) -> Any:
        """The bridge's answer."""
        request = InitWebSocketRequest()
        request.c2s.websocketKey = digest(key)
        request.c2s.programmingLanguage = "JavaScript"
        error, body = self.ask(INIT_WEBSOCKET, request, timeout)
        assert error == 0
        return InitWebSocketResponse.FromString(body)

    def figures(self, code: str) -> Any:
        """The answer for HK.`code`."""
        request = Qot_GetCapitalDistribution_pb2.Request()
        request.c2s.security.market = 1
        request.c2s.security.code = code
        error, body = self.ask(CAPITAL_DISTRIBUTION, request)
        assert error == 0
        return Qot_GetCapitalDistribution_pb2.Response.FromString(body)


def bridge_of(simulator: Callable[..., Simulator], *options: str) -> Simulator:
    """The simulator with a WebSocket."""
    return simulator("--no-quota", "--websocket-port", "0", *options)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_javascript_framing(simulator: Callable[..., Simulator], tls: bool) -> None:
    options = ["--tls-cert", str(TLS / "server.pem"), "--tls-key", str(TLS / "key.pem")] if tls else []
    there = bridge_of(simulator, "--websocket-key", KEY, "--figures", "js", *options)
    context = ssl.create_default_context(cafile=str(CA)) if tls else None
    with connect(f"ws{'s' if tls else ''}://127.0.0.1:{there.websocket_port}", ssl=context) as connection:
        here = JavaScriptClient(connection)
        first = here.login(KEY)
        assert first.retType == 0 and first.s2c.connID != 0
        answer = here.figures("00700")
        # The figures of the vendor's JavaScript sample.
        assert (answer.retType, answer.s2c.capitalInBig, answer.s2c.capitalInMid) == (0, 1586950080, 2861135060)
        assert here.figures("99999").retType == -1
        state = GetGlobalState_pb2.Request()
        state.c2s.userID = 0
        error, body = here.ask(GET_GLOBAL_STATE, state)
        assert error == 0 and GetGlobalState_pb2.Response.FromString(body).s2c.qotLogined
        assert connection.ping(b"alive").wait(PATIENCE_S)
    assert there.seen("request", proto_id=INIT_WEBSOCKET)[0]["programming_language"] == "JavaScript"
    assert wait_until(lambda: bool(there.seen("dropped", why="it closed the WebSocket with code 1000")))


def test_simulator_is_silent_to_a_wrong_key(simulator: Callable[..., Simulator]) -> None:
    there = bridge_of(simulator, "--websocket-key", KEY)
    with connect(f"ws://127.0.0.1:{there.websocket_port}") as connection:
        with pytest.raises(TimeoutError):
            JavaScriptClient(connection).login("another", timeout=0.5)


def test_simulator_wants_the_handshake_first(simulator: Callable[..., Simulator]) -> None:
    with connect(f"ws://127.0.0.1:{bridge_of(simulator).websocket_port}") as connection:
        assert JavaScriptClient(connection).figures("00700").retType == -1


@pytest.mark.parametrize(("message", "code"), [("text", 1003), (b"x" * (5 << 20), 1009)])
def test_simulator_refuses(simulator: Callable[..., Simulator], message: Any, code: int) -> None:
    with connect(f"ws://127.0.0.1:{bridge_of(simulator).websocket_port}", max_size=None) as connection:
        with pytest.raises(ConnectionClosed):
            connection.send(message)
            connection.recv(timeout=PATIENCE_S)
        assert connection.protocol.close_rcvd is None or connection.protocol.close_rcvd.code == code


# ---- nginx between them ----


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Callable[[int], int]]:
    """Starts nginx as a TLS proxy for a port. Returns its port."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    started: list[subprocess.Popen[bytes]] = []

    def start(port: int) -> int:
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            own: int = reserved.getsockname()[1]
        user = "user root;" if os.geteuid() == 0 else ""
        folders = "".join(
            f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        configuration = tmp_path / "nginx.conf"
        configuration.write_text(
            f"""{user} daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; worker_processes 1;
            events {{ worker_connections 64; }}
            http {{ access_log off; {folders}
              server {{
                listen 127.0.0.1:{own} ssl;
                ssl_certificate {TLS}/server.pem; ssl_certificate_key {TLS}/key.pem;
                location / {{
                  proxy_pass http://127.0.0.1:{port}; proxy_http_version 1.1;
                  proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";
                }} }} }}""",
            encoding="utf-8",
        )
        command = [program, "-p", str(tmp_path), "-e", str(tmp_path / "error.log"), "-c", str(configuration)]
        started.append(subprocess.Popen(command))

        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", own)) == 0

        assert wait_until(listens)
        return own

    yield start
    for process in started:
        process.terminate()
        process.wait(timeout=PATIENCE_S)


def test_nginx_as_a_tls_proxy(simulator: Callable[..., Simulator], nginx: Callable[[int], int]) -> None:
    there = bridge_of(simulator, "--websocket-key", KEY)
    port = nginx(there.websocket_port)
    with client(port, websocket_key=KEY, tls=True, ca_file=CA) as here:
        results = dict(here.capital_distributions([f"HK.{number:05}" for number in range(1, 201)]))
        assert len(results) == 200
        assert not [result for result in results.values() if isinstance(result, RequestError)]
    # nginx itself answers a client without TLS.
    assert "HTTP status 400): does it need TLS" in str(why_not(port))
    there.stop()
    assert "HTTP status 502" in str(why_not(port, tls=True, ca_file=CA))


def test_numbers_of_the_envelope() -> None:
    """This bridge and docs/protocol.md have the same numbers."""
    assert (REQUEST.size, REPLY.size) == (20, 44)
    assert reply(1, 2, error=-1, text=b"x") == MAGIC + struct.pack(">IQi", 1, 2, -1) + b"x" + bytes(19)
