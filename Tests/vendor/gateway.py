"""A gateway with the vendor's messages (futu.common.pb) and its own framing. It uses no code of the project.

It serves TCP on loopback, encrypted if it has a key. Violations of the protocol go to `failures`.
"""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from futu.common.pb import (
    GetGlobalState_pb2,
    InitConnect_pb2,
    KeepAlive_pb2,
    Notify_pb2,
    Qot_GetCapitalDistribution_pb2,
)

from crypto import AES_CBC, FTAES_ECB, IV, NONE, SESSION_KEY, Handshake, Session

INIT_CONNECT = 1001
GET_GLOBAL_STATE = 1002
NOTIFY = 1003
KEEP_ALIVE = 1004
CAPITAL_DISTRIBUTION = 3212

REQUESTS = {
    INIT_CONNECT: InitConnect_pb2.Request,
    GET_GLOBAL_STATE: GetGlobalState_pb2.Request,
    KEEP_ALIVE: KeepAlive_pb2.Request,
    CAPITAL_DISTRIBUTION: Qot_GetCapitalDistribution_pb2.Request,
}

#: Flag, proto id, body format, proto version, serial number, body length, SHA-1, reserved.
HEADER = struct.Struct("<2sIBBII20s8s")
LONGEST_BODY = 1 << 20

CONN_ID = 6825683696684969514
USER_ID = 10000001
SERVER_VERSION = 1011


def frame(proto_id: int, serial_no: int, message: Any) -> bytes:
    """A frame from the gateway."""
    body: bytes = message.SerializeToString()
    return HEADER.pack(b"FT", proto_id, 0, 0, serial_no, len(body), hashlib.sha1(body).digest(), bytes(8)) + body


def notify(serial_no: int = 0) -> bytes:
    """A push: quotes are logged in, trading is not."""
    push = Notify_pb2.Response(retType=0)
    push.s2c.type = Notify_pb2.NotifyType_ConnStatus
    push.s2c.connectStatus.qotLogined = True
    push.s2c.connectStatus.trdLogined = False
    return frame(NOTIFY, serial_no, push)


def figures(base: float, **optional: Any) -> Qot_GetCapitalDistribution_pb2.Response:
    """An answer with the required figures `base` + 1 to `base` + 6, and the given optional fields."""
    response = Qot_GetCapitalDistribution_pb2.Response(retType=0, retMsg="", errCode=0)
    required = ("capitalInBig", "capitalInMid", "capitalInSmall", "capitalOutBig", "capitalOutMid", "capitalOutSmall")
    for number, name in enumerate(required, start=1):
        setattr(response.s2c, name, base + number)
    for name, value in optional.items():
        setattr(response.s2c, name, value)
    return response


@dataclass(frozen=True)
class Received:
    """A received request. `at_s` is monotonic."""

    connection: int
    proto_id: int
    serial_no: int
    message: Any
    at_s: float


class Gateway:
    """Listens on `port` while its context is active."""

    def __init__(self, handshake: Handshake | None = None) -> None:
        self.handshake = handshake
        #: Whether InitConnect is answered unencrypted if nothing else is encrypted.
        self.answers_in_clear = False
        self.sends_iv = True
        self._sessions: dict[int, Session] = {}
        self.keep_alive_interval = 10
        #: Bytes for each call of send().
        self.piece = LONGEST_BODY
        #: The answer to a request for a capital distribution.
        self.answer: Callable[[Received], bytes] = lambda request: frame(
            CAPITAL_DISTRIBUTION, request.serial_no, figures(0)
        )
        self.received: list[Received] = []
        self.failures: list[str] = []
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Gateway:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with suppress(OSError):  # the client may have closed it
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=10)
        for connection in self._connections:
            connection.close()

    def of(self, proto_id: int) -> list[Received]:
        """The requests of that protocol so far."""
        return [request for request in self.received if request.proto_id == proto_id]

    def _start(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.append(connection)
            self._start(self._serve, len(self._connections) - 1, connection)

    def _serve(self, number: int, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        last_serial_no = 0
        initialised = False
        try:
            while header := stream.read(HEADER.size):
                request = self._read(number, header, stream)
                if request is None:
                    return
                if request.serial_no <= last_serial_no:
                    self.failures.append(f"serial {request.serial_no} after {last_serial_no}")
                if initialised == (request.proto_id == INIT_CONNECT):
                    self.failures.append(f"protocol {request.proto_id} at the wrong time")
                last_serial_no = request.serial_no
                initialised = True
                self.received.append(request)
                data = self._sealed(number, self._reply(request))
                if request.proto_id == INIT_CONNECT:
                    self._sessions[number] = self._session(number, request)
                self._send(connection, data)
        except ConnectionError:
            pass  # the client is gone; other checks show what it has missed

    def _read(self, number: int, header: bytes, stream: Any) -> Received | None:
        """The request after `header`; None if the stream cannot be used any more."""
        if len(header) < HEADER.size:
            self.failures.append(f"the stream ended inside a header of {len(header)} bytes")
            return None
        flag, proto_id, fmt, version, serial_no, length, digest, reserved = HEADER.unpack(header)
        if (flag, fmt, version, reserved) != (b"FT", 0, 0, bytes(8)) or length > LONGEST_BODY:
            self.failures.append(f"no header: {header.hex()}")
            return None
        body = self._opened(number, proto_id, stream.read(length))
        if hashlib.sha1(body).digest() != digest:
            self.failures.append(f"protocol {proto_id}: wrong SHA-1")
        if proto_id not in REQUESTS:
            self.failures.append(f"protocol {proto_id} was not expected")
            return None
        message = REQUESTS[proto_id].FromString(body)
        if message.SerializeToString() != body:
            self.failures.append(f"protocol {proto_id}: the vendor's code writes {body.hex()} otherwise")
        return Received(number, proto_id, serial_no, message, time.monotonic())

    def _session(self, number: int, request: Received) -> Session:
        algorithm = request.message.c2s.packetEncAlgo if self.handshake else NONE
        if algorithm == AES_CBC and not self.sends_iv:
            algorithm = FTAES_ECB
        return Session(algorithm, id(self) + number)

    def _opened(self, number: int, proto_id: int, body: bytes) -> bytes:
        """Decrypts a body of a stream."""
        if proto_id == INIT_CONNECT:
            return self.handshake.decrypt(body) if self.handshake else body
        return self._sessions[number].decrypt(body)

    def _sealed(self, number: int, data: bytes) -> bytes:
        """Makes frames from unencrypted ones, with their bodies encrypted for the stream."""
        sealed = b""
        while data:
            words = list(HEADER.unpack_from(data))
            body, data = data[HEADER.size : HEADER.size + words[5]], data[HEADER.size + words[5] :]
            if words[1] != INIT_CONNECT:
                body = self._sessions[number].encrypt(body)
            elif self.handshake and not self.answers_in_clear:
                body = self.handshake.encrypt(body)
            words[5] = len(body)
            sealed += HEADER.pack(*words) + body
        return sealed

    def _reply(self, request: Received) -> bytes:
        if request.proto_id == INIT_CONNECT:
            response = InitConnect_pb2.Response(retType=0, retMsg="", errCode=0)
            response.s2c.serverVer = SERVER_VERSION
            response.s2c.loginUserID = USER_ID
            response.s2c.connID = CONN_ID
            response.s2c.connAESKey = SESSION_KEY
            response.s2c.keepAliveInterval = self.keep_alive_interval
            if self.sends_iv:
                response.s2c.aesCBCiv = IV
            response.s2c.userAttribution = 1
            return frame(INIT_CONNECT, request.serial_no, response)
        if request.proto_id == KEEP_ALIVE:
            beat = KeepAlive_pb2.Response(retType=0)
            beat.s2c.time = request.message.c2s.time
            return frame(KEEP_ALIVE, request.serial_no, beat)
        if request.proto_id == GET_GLOBAL_STATE:
            refused = GetGlobalState_pb2.Response(retType=-1, retMsg="not here")
            return frame(GET_GLOBAL_STATE, request.serial_no, refused)
        return self.answer(request)

    def _send(self, connection: socket.socket, data: bytes) -> None:
        for start in range(0, len(data), self.piece):
            connection.sendall(data[start : start + self.piece])
