"""A gateway whose figures change: one market day after another, with each request. opend-simulator's figures never change; these grow,
come back smaller, are revised, begin a new day, or lack their time.

Runs in a thread. The figures depend on how often a security was requested, so that no test waits for a clock.
"""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

HEADER = struct.Struct("<2sIBBII20s8s")
INIT_CONNECT, GLOBAL_STATE, KEEP_ALIVE, CAPITAL_DISTRIBUTION = 1001, 1002, 1004, 3212


@dataclass(frozen=True)
class Told:
    """An answer: eight amounts, in before out, super first; and the time, or ""."""

    amounts: tuple[float, ...]
    time: str = ""


#: Makes the answer from a security and the number of requests for it before, from 0.
Story = Callable[[str, int], Told]


def varint(number: int) -> bytes:
    """A varint of protobuf."""
    written = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        written.append(low | (0x80 if number else 0))
        if not number:
            return bytes(written)


def number(field: int, value: int) -> bytes:
    """A field with a whole number."""
    return varint(field << 3) + varint(value & (1 << 64) - 1)


def real(field: int, value: float) -> bytes:
    """A field with a double."""
    return varint(field << 3 | 1) + struct.pack("<d", value)


def text(field: int, value: bytes | str) -> bytes:
    """A field with a text or a message."""
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def fields(body: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message that contains varints and texts only."""

    def read(at: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            byte = body[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value, at

    at = 0
    while at < len(body):
        key, at = read(at)
        value, at = read(at)
        if key & 7 == 2:
            yield key >> 3, body[at : at + value]
            at += value
        else:
            yield key >> 3, value


#: The fields of the amounts: in super, big, mid, small; out super, big, mid, small.
AMOUNTS = (9, 1, 2, 3, 10, 4, 5, 6)


def distribution(told: Told) -> bytes:
    """The answer to 3212."""
    content = b"".join(real(field, amount) for field, amount in zip(AMOUNTS, told.amounts, strict=True))
    if told.time:
        content += text(7, told.time)
    return success(content)


def success(content: bytes) -> bytes:
    """A response with that content."""
    return number(1, 0) + text(2, "") + number(3, 0) + text(4, content)


class Market:
    """The gateway. It keeps its `port` over `close` and `open`."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.asked: Counter[str] = Counter()
        self.order: list[str] = []
        self.port = 0
        self._listener: socket.socket | None = None
        self._clients: set[socket.socket] = set()
        self._made = 0
        self.open()

    def open(self) -> None:
        """Listens, on the same port as before."""
        listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def close(self) -> None:
        """Closes its port and all connections."""
        if self._listener is not None:
            # This wakes the thread in accept().
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for client in list(self._clients):
            # Its thread may be closing it.
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._clients.add(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._made += 1
        stream = client.makefile("rb")
        try:
            while len(header := stream.read(HEADER.size)) == HEADER.size:
                _, proto, _, _, serial, length, _, _ = HEADER.unpack(header)
                body = self._answer(proto, stream.read(length))
                digest = hashlib.sha1(body).digest()
                client.sendall(HEADER.pack(b"FT", proto, 0, 0, serial, len(body), digest, bytes(8)) + body)
        except OSError:
            pass
        finally:
            self._clients.discard(client)
            stream.close()
            client.close()

    def _answer(self, proto: int, body: bytes) -> bytes:
        if proto == INIT_CONNECT:
            key = "0123456789ABCDEF"
            return success(
                number(1, 1008) + number(2, 1) + number(3, self._made) + text(4, key) + number(5, 10) + text(6, key)
            )
        if proto == KEEP_ALIVE:
            return success(number(1, 0))
        content = dict(fields(next(value for field, value in fields(body) if field == 1)))  # type: ignore[arg-type]
        security = dict(fields(content[1]))  # type: ignore[arg-type]
        name = f"{security[1]}.{security[2].decode()}"  # type: ignore[union-attr]
        self.order.append(name)
        self.asked[name] += 1
        return distribution(self.story(name, self.asked[name] - 1))


@contextmanager
def market(story: Story) -> Iterator[Market]:
    """Runs such a gateway during the block."""
    running = Market(story)
    try:
        yield running
    finally:
        running.close()


def week(rounds_a_day: int) -> Story:
    """Market days, one round after another: the figures grow over the day, and start at zero on the next."""

    def story(name: str, asked: int) -> Told:
        day, step = divmod(asked, rounds_a_day)
        second = 9 * 3600 + 1800 + step * 330 * 60 // rounds_a_day
        size = sum(name.encode())
        amounts = tuple(float((step + 1) * size * (9 - place) * 1000) for place in range(8))
        return Told(amounts, f"2026-11-{23 + day:02d} {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}")

    return story
