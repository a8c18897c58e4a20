"""The vendor's handlers, and the global state. The test makes OpenD's messages byte by byte."""

from __future__ import annotations

import gc
import socket
import struct
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha1
from typing import Any

import pytest
from capdist._protobuf import Message
from capdist.futu import (
    RET_ERROR,
    RET_OK,
    ContextStatus,
    ErrorText,
    GtwEventType,
    KeepAliveHandlerBase,
    OpenQuoteContext,
    ProgramStatusType,
    SysNotifyHandlerBase,
    SysNotifyType,
)
from conftest import Start
from support import PATIENCE, threads, wait_until


class Told(SysNotifyHandlerBase):
    """Keeps what the handler receives."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.thread = 0

    def on_recv_rsp(self, rsp_pb: bytes) -> Any:
        self.thread = threading.get_ident()
        ret, content = super().on_recv_rsp(rsp_pb)
        self.told.append((ret, content))
        return ret, content


class PushingGateway:
    """Does the handshake with one client, then sends pushes and answers that it is given, as frames of its own."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.answers: dict[int, bytes] = {}
        self._connection: socket.socket | None = None
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        s2c = field(1, 1011) + field(2, 7) + field(3, 8) + field(4, b"0" * 16) + field(5, 10)
        self._connection, _ = self._listener.accept()
        stream = self._connection.makefile("rb")
        while header := stream.read(44):
            proto_id, serial_no, length = struct.unpack("<I", header[2:6]) + struct.unpack("<II", header[8:16])
            stream.read(length)
            body = field(1, 0) + field(4, s2c) if proto_id == 1001 else self.answers.get(proto_id, field(1, 0))
            self.send(proto_id, serial_no, body)
            self._is_up.set()

    def send(self, proto_id: int, serial_no: int, body: bytes) -> None:
        assert self._connection is not None
        head = struct.pack("<2sIBBII", b"FT", proto_id, 0, 0, serial_no, len(body))
        self._connection.sendall(head + sha1(body).digest() + bytes(8) + body)

    def push(self, s2c: bytes) -> None:
        """Notify (1003)."""
        assert self._is_up.wait(PATIENCE)
        self.send(1003, 0, field(1, 0) + field(4, s2c))

    def stop(self) -> None:
        if self._connection is not None:
            with suppress(OSError):  # the client may have closed it
                self._connection.shutdown(socket.SHUT_RDWR)
            self._connection.close()
        self._listener.close()
        self._thread.join(PATIENCE)


def varint(number: int) -> bytes:
    out = bytearray()
    number &= 0xFFFFFFFFFFFFFFFF
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


@pytest.fixture
def pushing() -> Iterator[PushingGateway]:
    gateway = PushingGateway()
    yield gateway
    gateway.stop()


KICKED_OUT = field(1, 1) + field(2, field(1, 7) + field(2, "挤下线".encode()))
LOGGED_OUT = field(1, 4 - 1) + field(4, field(1, 0) + field(2, 1))
WANTS_A_CODE = field(1, 2) + field(3, field(1, field(1, 4)))


def test_a_handler_is_told(pushing: PushingGateway) -> None:
    handler = Told()
    with OpenQuoteContext(port=pushing.port) as context:
        assert context.set_handler(handler) == RET_OK
        for s2c in (KICKED_OUT, LOGGED_OUT, WANTS_A_CODE):
            pushing.push(s2c)
        assert wait_until(lambda: len(handler.told) == 3)
    assert handler.told == [
        (RET_OK, (SysNotifyType.GTW_EVENT, GtwEventType.KickedOut, "挤下线")),
        (RET_OK, (SysNotifyType.CONN_STATUS, None, {"qot_logined": False, "trd_logined": True})),
        (RET_OK, (SysNotifyType.PROGRAM_STATUS, ProgramStatusType.NEED_PHONE_VERIFY_CODE, "")),
    ]
    assert handler.thread != threading.get_ident()


def test_stop_leaves_out_and_start_goes_on(pushing: PushingGateway) -> None:
    handler, seen = Told(), Told()
    with OpenQuoteContext(port=pushing.port) as context:
        context.set_handler(handler)
        pushing.push(KICKED_OUT)
        assert wait_until(lambda: len(handler.told) == 1)
        context.stop()
        pushing.push(LOGGED_OUT)
        assert wait_until(lambda: context._pushes.queue.empty())
        # Its answer comes after the push, which has been handed over by then.
        context.get_global_state()
        assert wait_until(lambda: context._pushes.queue.empty())
        time.sleep(0.05)
        context.start()
        context.set_handler(seen)
        pushing.push(WANTS_A_CODE)
        assert wait_until(lambda: len(seen.told) == 1)
    assert len(handler.told) == 1
    assert seen.told[0][1][0] == SysNotifyType.PROGRAM_STATUS


def test_a_handler_may_ask(pushing: PushingGateway) -> None:
    """Published programs do this: they fetch the global state inside the handler."""
    pushing.answers[1002] = field(1, -1) + field(2, b"not now")

    class Asks(SysNotifyHandlerBase):
        answer: Any = None

        def on_recv_rsp(self, rsp_pb: bytes) -> Any:
            self.answer = context.get_global_state()

    handler = Asks()
    with OpenQuoteContext(port=pushing.port) as context:
        context.set_handler(handler)
        pushing.push(KICKED_OUT)
        assert wait_until(lambda: handler.answer is not None)
    assert handler.answer == (RET_ERROR, "not now")


def test_what_a_handler_raises_is_reported(pushing: PushingGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda event: reported.append(event.exc_value))

    class Fails(Told):
        def on_recv_rsp(self, rsp_pb: bytes) -> Any:
            super().on_recv_rsp(rsp_pb)
            raise KeyError("the user's")

    handler = Fails()
    with OpenQuoteContext(port=pushing.port) as context:
        context.set_handler(handler)
        pushing.push(KICKED_OUT)
        pushing.push(b"\x07")
        assert wait_until(lambda: len(reported) == 2)
    assert [type(error) for error in reported] == [KeyError, KeyError]
    assert handler.told[1][0] == RET_ERROR and "damaged" in handler.told[1][1]


def test_close_inside_a_handler(pushing: PushingGateway) -> None:
    class Closes(SysNotifyHandlerBase):
        is_done = False

        def on_recv_rsp(self, rsp_pb: bytes) -> Any:
            context.close()
            self.is_done = True

    handler = Closes()
    context = OpenQuoteContext(port=pushing.port)
    context.set_handler(handler)
    pushing.push(KICKED_OUT)
    with suppress(OSError):  # the first may have closed it already
        pushing.push(KICKED_OUT)
    assert wait_until(lambda: handler.is_done)
    assert context.status == ContextStatus.CLOSED
    context.close()


def test_what_is_no_handler_of_ours_is_refused(simulator: Start) -> None:
    before = threads()
    with OpenQuoteContext(port=simulator().port) as context:
        for other in (None, object(), Told):
            assert context.set_handler(other) == RET_ERROR
        assert context.set_handler(KeepAliveHandlerBase()) == RET_OK
    assert wait_until(lambda: threads() <= before)


def test_a_context_that_is_dropped_takes_its_handlers_thread_along(simulator: Start) -> None:
    gateway, before = simulator("--push", "1"), threads()

    class Holds(Told):
        context: Any

    handler = Holds()
    handler.context = OpenQuoteContext(port=gateway.port)
    handler.context.set_handler(handler)
    assert wait_until(lambda: len(handler.told) > 0)
    known = weakref.ref(handler.context)
    del handler

    def is_gone() -> bool:
        gc.collect()
        return known() is None and threads() <= before

    assert wait_until(is_gone)


# The global state


def test_a_refused_global_state_is_the_gateways_words(pushing: PushingGateway) -> None:
    with OpenQuoteContext(port=pushing.port) as context:
        pushing.answers[1002] = field(1, -1) + field(2, "网络中断".encode())
        assert context.get_global_state() == (RET_ERROR, "网络中断")
        pushing.answers[1002] = field(1, -1)
        ret, text = context.get_global_state()
        assert ret == RET_ERROR and isinstance(text, ErrorText) and len(text) > 0


@pytest.mark.parametrize("body", [field(1, 0), field(1, 0) + field(4, b""), field(1, 0) + b"\x22\x7f"])
def test_a_damaged_global_state_is_told(pushing: PushingGateway, body: bytes) -> None:
    pushing.answers[1002] = body
    with OpenQuoteContext(port=pushing.port) as context:
        ret, text = context.get_global_state()
    assert ret == RET_ERROR and isinstance(text, ErrorText) and text


# The reader of messages


def test_pieces_of_a_message_are_one() -> None:
    message = Message(field(4, field(1, 3)) + field(9, 1) + field(4, field(2, -5) + field(1, 4)))
    inside = message.message(4)
    assert inside is not None
    assert (inside.int32(1), inside.int32(2), inside.int64(2), inside.int32(3)) == (4, -5, -5, None)


def test_another_wire_type_and_groups_count_as_absent() -> None:
    group = varint(2 << 3 | 3) + field(1, 9) + varint(3 << 3 | 3) + varint(3 << 3 | 4) + varint(2 << 3 | 4)
    message = Message(field(1, b"text") + group + b"\x2d" + bytes(4) + b"\x31" + struct.pack("<d", 1.5))
    assert (message.int32(1), message.boolean(1), message.double(5), message.message(6)) == (None, None, None, None)
    assert (message.text(1), message.double(6), message.text(2)) == ("text", 1.5, None)


@pytest.mark.parametrize(
    "body",
    [b"\x08", b"\x08\xff", b"\x00\x00", b"\x0a\x02a", b"\x09" + bytes(7), b"\x0d" + bytes(3), b"\x0f", b"\x0c", b"\x0b",
     b"\x0b\x14", b"\x08" + b"\xff" * 10, b"\x0b" * 200, varint(1 << 32 | 8) + b"\x00"],
)  # fmt: skip
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        Message(body)
