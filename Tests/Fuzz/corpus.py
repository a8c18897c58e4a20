#!/usr/bin/env python3
"""Makes the first inputs of the corpora from the vendor's messages and frames.

    Tests/Fuzz/corpus.py

writes Tests/Fuzz/corpus/TARGET/seed-*. Inputs that fuzzing found have other names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors" / "opend.json"

#: The decoders in the order of Messages.swift, each with the vendor's messages that it decodes.
DECODERS = [
    ("AnyResponse", ["InitConnect.Response", "Qot_GetCapitalDistribution.Response"]),
    ("InitConnect.Request", ["InitConnect.Request"]),
    ("InitConnect.Response", ["InitConnect.Response"]),
    ("KeepAlive.Request", ["KeepAlive.Request"]),
    ("KeepAlive.Response", ["KeepAlive.Response"]),
    ("GetGlobalState.Request", ["GetGlobalState.Request"]),
    ("GetGlobalState.Response", ["GetGlobalState.Response"]),
    ("Qot_GetCapitalDistribution.Request", ["Qot_GetCapitalDistribution.Request"]),
    ("Qot_GetCapitalDistribution.Response", ["Qot_GetCapitalDistribution.Response"]),
    ("Notify.Response", ["Notify.Response"]),
]
#: Messages without a vector.
GLOBAL_STATE = bytes.fromhex("0800221c 0801100118012001280130013801 40f3074801 50c0a8d1b806 800105")
REFUSALS = ["获取资金分布频率太高，请求失败，每30秒最多30次。", "每600秒最多1次", "频率太高", "每每0秒最多9999999999次", "每1秒最多"]
SECURITIES = ["HK.00700", "US.AAPL", "SH.600519", "US..DJI", "US.BRK.B", "CC.é", "XX.1", "HK.", "HK", "HK." + "x" * 60]

#: Options of the connection target: no reconnecting, long timeouts, no quota, room for a queue and for bodies.
PATIENT = bytes([0, 2, 2, 0, 0, 1, 1])
#: After them: with a byte that is not 3 modulo 4 the gateway does the handshake.
HANDSHAKE, NO_HANDSHAKE = b"\x00", b"\x03"


def messages(vectors: dict) -> Iterator[tuple[str, bytes]]:
    """The decoder's number, then a body."""
    for number, (decoder, names) in enumerate(DECODERS):
        bodies = [
            bytes.fromhex(message["bytes"])
            for message in vectors["messages"]
            if message["message"].split(" ")[0] in names
        ]
        for index, body in enumerate(bodies or [GLOBAL_STATE]):
            yield f"{decoder}-{index}", bytes([number]) + body
    for index, text in enumerate(REFUSALS):
        yield f"refusal-{index}", bytes([len(DECODERS)]) + text.encode()


def frames(vectors: dict) -> Iterator[tuple[str, bytes]]:
    """A byte for limit and repetitions, the number of pieces, their lengths, the stream."""
    stream = b"".join(bytes.fromhex(frame["bytes"]) for frame in vectors["frames"])
    yield "whole", bytes([6, 0]) + stream
    yield "bytewise", bytes([6, 1, 1]) + stream
    yield "ragged", bytes([6, 4, 1, 43, 44, 200]) + stream
    yield "repeated-late", bytes([7 << 3 | 64 | 6, 2, 0, 45]) + stream
    yield "too-long", bytes([2, 1, 7]) + stream
    yield "json", bytes([6, 0]) + stream[:6] + b"\x01" + stream[7:]
    yield "no-magic", bytes([6, 0]) + b"FU" + stream[2:]


def securities(_: dict) -> Iterator[tuple[str, bytes]]:
    """A byte for the buffer's size, and the text."""
    for index, text in enumerate(SECURITIES):
        yield f"text-{index}", bytes([index * 2]) + text.encode()
    yield "struct", bytes([64, 1, 0, 0, 0]) + b"00700".ljust(60, b"\0")
    yield "struct-without-nul", bytes([64, 1, 0, 0, 0]) + b"0" * 60


def decryption(vectors: dict) -> Iterator[tuple[str, bytes]]:
    """The reader, and its data: keys, RSA, the ciphers, streams."""
    for key in sorted((HERE.parent / "vectors" / "rsa").glob("*.pem")):
        text = key.read_bytes()
        if len(text) < 2000:
            yield f"key-{key.stem}", b"\0" + text
    yield "key-truncated", b"\0" + (HERE.parent / "vectors" / "rsa" / "512.pem").read_bytes()[:-60]
    for index, vector in enumerate(vectors["rsa"]):
        yield f"rsa-{index}", b"\1" + bytes.fromhex(vector["cipher"])
    for index, vector in enumerate(vectors["aes"]):
        number = 2 if vector["algorithm"] == "AES_CBC" else 0
        yield f"aes-{index}", bytes([2, number]) + bytes.fromhex(vector["cipher"])
    for cipher in range(3):
        stream = bytes([3, cipher, 0, 0, 0])
        frames = b"".join(bytes([5]) + b"hello" + bytes([kind, 3, 1]) for kind in range(4))
        yield f"stream-{cipher}", stream + frames
        yield f"in-clear-{cipher}", bytes([3, cipher, 0, 0, 7])
        yield f"no-iv-{cipher}", bytes([3, cipher, 0, 7, 1, 0]) + frames
        yield f"short-key-{cipher}", bytes([3, cipher, 7, 3]) + b"abc" + bytes([0, 0])


def websocket(_: dict) -> Iterator[tuple[str, bytes]]:
    """What is read, the number of pieces, their lengths, the bytes."""
    upgrade = b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    # For a key of 16 zeroes.
    accept = b"Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n"
    for name, head in (
        ("upgraded", upgrade + accept + b"\x82\0"),
        ("no-accept", upgrade + b"\r\n"),
        ("moved", b"HTTP/1.1 301 x\r\nLocation: there\r\n\r\n"),
        ("tls", b"\x15\x03\x03"),
        ("tcp", b"FT"),
    ):
        yield f"{name}", bytes([0, 0]) + head
        yield f"{name}-split", bytes([0, 3, 1, 9, 40]) + head
    server = [b"\x82\x03abc", b"\x02\x01a\x89\x01p\x00\x01b\x80\x01c", b"\x88\x02\x03\xe8", b"\x82\x7e\x01\0" + bytes(256)]
    server += [b"\x81\x02hi", b"\xc2\0", b"\x88\x01x", b"\x8a\0", b"\x82\x7f" + bytes(6) + b"\xff\xff", b"\x83\0"]
    for index, frames in enumerate(server):
        yield f"client-{index}", bytes([1, 2, 1, 3]) + server[0] + frames
    for index, frames in enumerate((b"\x82\x83\1\2\3\4abc", b"\x89\x80\0\0\0\0", b"\x82\x01a")):
        yield f"server-{index}", bytes([2, 2, 1, 3]) + frames
    # From 4 on text is accepted: characters in pieces, incomplete ones, an invalid byte.
    texts = [b"\x81\x09a\xc3\xb1\xe2\x82\xacb\0c", b"\x01\x02a\xe2\x89\0\x80\x02\x82\xac", b"\x81\x01\xc3", b"\x81\x20\xed\xa0", b"\x81\x20\xf0\x9f"]
    for index, frames in enumerate(texts):
        yield f"text-{index}", bytes([5, 2, 1, 3]) + frames
    yield "text-masked", bytes([6, 2, 1, 3]) + b"\x81\x82\1\2\3\4" + bytes([0xC3 ^ 1, 0xB1 ^ 2])
    yield "section", bytes([3, 0]) + b"ft-v1.0\0" + bytes([0, 0, 12, 140]) + bytes(8) + bytes([0, 0, 0, 1]) + b"no".ljust(20, b"\0") + b"body"


def machine(_: dict) -> Iterator[tuple[str, bytes]]:
    """Limit, window, the number of machines, their options, then steps."""
    quiet = bytes([2, 0, 0]) + bytes([0, 2, 2, 2, 1, 0, 1])
    stand = bytes([10, 13, 0, 0, 0, 10])
    yield "answered", quiet + stand + bytes([0, 0, 0, 0, 15, 0, 15, 1])
    yield "silent", quiet + stand + bytes([0, 0, 25, 26, 0, 25, 26, 0, 25, 26, 0])
    yield "lost", quiet + stand + bytes([0, 0, 3, 3, 21, 25, 26, 0]) + stand + bytes([15, 0])
    yield "given-up", quiet + stand + bytes([0, 0, 7, 0, 0, 0, 15, 1, 15, 0])
    yield "refused", quiet + stand + bytes([0, 0, 20, 1, 0, 0, 0, 0, 30, 24, 31, 26, 0])
    yield "held-up", quiet + stand + bytes([0, 0, 27, 0, 0, 7, 0, 8, 0, 27, 9, 3])


def connection(vectors: dict) -> Iterator[tuple[str, bytes]]:
    """The options, whether to do the handshake, then steps."""
    bodies = [bytes.fromhex(message["bytes"]) for message in vectors["messages"]]
    yield "answered", PATIENT + HANDSHAKE + bytes([0, 0, 0, 0, 22, 9, 1, 9, 2])
    yield "cancelled", PATIENT + HANDSHAKE + bytes([0, 0, 0, 0, 6, 1, 7, 2, 22, 9, 1])
    yield "closed", PATIENT + HANDSHAKE + bytes([0, 0, 0, 0, 20, 1])
    yield "released", PATIENT + HANDSHAKE + bytes([4, 31, 24, 22, 9, 1, 25, 3])
    yield "reconnected", bytes([1]) + PATIENT[1:] + HANDSHAKE + bytes([0, 0, 21, 8, 22, 9, 1])
    yield "refused", PATIENT + HANDSHAKE + bytes([0, 0, 22, 19, 1, 9])
    yield "raw", PATIENT + HANDSHAKE + bytes([5, 0, 2, 10, 0, 22, 9, 1])
    for index, body in enumerate(bodies):
        if len(body) < 256:
            yield f"body-{index}", PATIENT + HANDSHAKE + bytes([0, 0, 11, 1, len(body)]) + body
            yield f"push-{index}", PATIENT + HANDSHAKE + bytes([15, 2, 0, 0, 0, 0, len(body)]) + body
    for index, frame in enumerate(bytes.fromhex(frame["bytes"]) for frame in vectors["frames"]):
        if len(frame) < 256:
            greeting = NO_HANDSHAKE if index % 2 else HANDSHAKE
            yield f"frame-{index}", PATIENT + greeting + bytes([17, len(frame)]) + frame + bytes([index])


def main() -> None:
    """Writes the files."""
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))
    for target in (frames, messages, securities, decryption, websocket, machine, connection):
        folder = HERE / "corpus" / target.__name__
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("seed-*"):
            old.unlink()
        for name, content in target(vectors):
            (folder / f"seed-{name}").write_bytes(content)


if __name__ == "__main__":
    main()
