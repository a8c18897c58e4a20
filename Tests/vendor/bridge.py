"""OpenD's WebSocket bridge, made with the PyPI package `websockets` and the vendor's messages. It uses no code of the project.

The vendor's Python package lacks InitWebSocket, so it is built here from docs/protocol.md.
"""

from __future__ import annotations

import hashlib
import ssl
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any

from futu.common.pb import GetGlobalState_pb2, Notify_pb2, Qot_GetCapitalDistribution_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from gateway import figures

INIT_WEBSOCKET = 1
LOST_OPEND = 2
GET_GLOBAL_STATE = 1002
NOTIFY = 1003
CAPITAL_DISTRIBUTION = 3212

MAGIC = b"ft-v1.0\0"
#: Magic, command, section.
REQUEST = struct.Struct(">8sIQ")
#: The same, error, error text.
REPLY = struct.Struct(">8sIQi20s")
CONN_ID = 6825683696684969514


def _messages() -> tuple[type[Any], type[Any]]:
    """The Request and Response of InitWebSocket."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="InitWebSocket.proto", package="InitWebSocket", syntax="proto2")

    def add(name: str, *fields: tuple[str, int, int, str]) -> None:
        message = file.message_type.add(name=name)
        for title, number, kind, of in fields:
            required = title in ("c2s", "retType")
            message.field.add(
                name=title,
                number=number,
                type=kind,
                type_name=of or None,
                label=field.LABEL_REQUIRED if required else field.LABEL_OPTIONAL,
            )

    text, integer, number = field.TYPE_STRING, field.TYPE_INT32, field.TYPE_MESSAGE
    add(
        "C2S",
        ("IP", 1, text, ""),
        ("Port", 2, integer, ""),
        ("RSAPrivateKey", 3, text, ""),
        ("websocketKey", 4, text, ""),
        ("clientID", 5, text, ""),
        ("programmingLanguage", 6, text, ""),
    )
    add("Request", ("c2s", 1, number, ".InitWebSocket.C2S"))
    add("S2C", ("serverTime", 1, field.TYPE_INT64, ""), ("connID", 2, field.TYPE_UINT64, ""))
    add(
        "Response",
        ("retType", 1, integer, ""),
        ("retMsg", 2, text, ""),
        ("errCode", 3, integer, ""),
        ("s2c", 4, number, ".InitWebSocket.S2C"),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    request, response = (
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"InitWebSocket.{name}"))
        for name in ("Request", "Response")
    )
    return request, response


InitWebSocketRequest, InitWebSocketResponse = _messages()


def digest(key: str) -> str:
    """The form in which a client sends a key."""
    return hashlib.md5(key.encode()).hexdigest() if key else ""


def reply(command: int, section: int, message: Any = None, *, error: int = 0, text: bytes = b"") -> bytes:
    """A message from the bridge."""
    body = b"" if message is None else message.SerializeToString()
    return REPLY.pack(MAGIC, command, section, error, text) + body


def notify(section: int = 0) -> bytes:
    """A push."""
    push = Notify_pb2.Response(retType=0)
    push.s2c.type = Notify_pb2.NotifyType_ConnStatus
    push.s2c.connectStatus.qotLogined = True
    push.s2c.connectStatus.trdLogined = False
    return reply(NOTIFY, section, push)


@dataclass(frozen=True)
class Asked:
    """A received request."""

    connection: int
    command: int
    section: int
    message: Any


#: One message, or one in fragments.
Sent = bytes | Iterable[bytes]


class Bridge:
    """Listens on `port` while its context is active."""

    def __init__(self, key: str = "", certificate: Path | None = None, *, status: HTTPStatus | None = None) -> None:
        self.key = key
        #: The answer to a request for a capital distribution: messages, in order; None closes with `close_with`.
        self.answer: Callable[[Asked], Iterable[Sent | None]] = lambda asked: [
            reply(CAPITAL_DISTRIBUTION, asked.section, figures(asked.section))
        ]
        self.greeting: Callable[[Asked], Iterable[Sent | None]] = self._greet
        self.close_with: tuple[int, str] = (1001, "")
        self.asked: list[Asked] = []
        #: For each closed connection: the client's close code.
        self.closed: dict[int, int | None] = {}
        self.failures: list[str] = []
        self.connections: list[ServerConnection] = []
        self._status = status
        context = None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, certificate.with_name("key.pem"))
        self._server = serve(
            self._serve, "127.0.0.1", 0, ssl=context, process_request=self._process, compression=None, max_size=1 << 20
        )
        self.port: int = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Bridge:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join(timeout=10)

    def of(self, command: int) -> list[Asked]:
        """The requests of that command so far."""
        return [asked for asked in self.asked if asked.command == command]

    def _process(self, connection: ServerConnection, _request: Request) -> Response | None:
        if self._status is None:
            return None
        response = connection.respond(self._status, "not here\n")
        if self._status in (HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND):
            response.headers["Location"] = "wss://there.example:33334/"
        return response

    def _serve(self, connection: ServerConnection) -> None:
        number = len(self.connections)
        self.connections.append(connection)
        last = 0
        try:
            for data in connection:
                asked = self._read(number, data)
                if asked is None:
                    return
                if asked.section <= last:
                    self.failures.append(f"section {asked.section} after {last}")
                if (last == 0) != (asked.command == INIT_WEBSOCKET):
                    self.failures.append(f"command {asked.command} at the wrong time")
                last = asked.section
                self.asked.append(asked)
                for sent in self._reply(asked):
                    if sent is None:
                        connection.close(*self.close_with)
                        return
                    connection.send(sent)
        except ConnectionClosed:
            pass  # recorded below
        finally:
            received = connection.protocol.close_rcvd
            self.closed[number] = received.code if received else None

    def _read(self, number: int, data: str | bytes) -> Asked | None:
        if isinstance(data, str) or len(data) < REQUEST.size:
            self.failures.append(f"no section: {data!r}")
            return None
        magic, command, section = REQUEST.unpack_from(data)
        types = {
            INIT_WEBSOCKET: InitWebSocketRequest,
            GET_GLOBAL_STATE: GetGlobalState_pb2.Request,
            CAPITAL_DISTRIBUTION: Qot_GetCapitalDistribution_pb2.Request,
        }
        if magic != MAGIC or command not in types:
            self.failures.append(f"no section: {data.hex()}")
            return None
        body = data[REQUEST.size :]
        message = types[command].FromString(body)
        if message.SerializeToString() != body:
            self.failures.append(f"command {command}: the vendor's code writes {body.hex()} otherwise")
        return Asked(number, command, section, message)

    def _reply(self, asked: Asked) -> Iterable[Sent | None]:
        if asked.command == INIT_WEBSOCKET:
            return self.greeting(asked)
        if asked.command == GET_GLOBAL_STATE:
            return [reply(GET_GLOBAL_STATE, asked.section, GetGlobalState_pb2.Response(retType=-1, retMsg="not here"))]
        return self.answer(asked)

    def _greet(self, asked: Asked) -> Iterable[Sent | None]:
        if asked.message.c2s.websocketKey != digest(self.key):
            return []
        response = InitWebSocketResponse(retType=0, retMsg="", errCode=0)
        response.s2c.connID = CONN_ID
        response.s2c.serverTime = 1654656261
        return [reply(INIT_WEBSOCKET, asked.section, response)]
