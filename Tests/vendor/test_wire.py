"""Compares what the library reads in a body with protobuf's own decoder: the fuzzer's corpus, bodies that only protobuf-c refuses, and
random damage to both."""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from capdist import Client, MalformedReplyError, RefusedError
from gateway import CAPITAL_DISTRIBUTION, HEADER, Gateway, figures
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from simulator import PATIENCE_S

CORPUS = Path(__file__).resolve().parents[1] / "Fuzz" / "corpus" / "messages"
FIELD = descriptor_pb2.FieldDescriptorProto
#: S2C: name, number, whether it is required, type. Texts are bytes here, since Python checks their UTF-8 and C++ does not.
S2C = [
    *((name, number, True, FIELD.TYPE_DOUBLE) for number, name in enumerate(("in_big", "in_mid", "in_small"), 1)),
    *((name, number, True, FIELD.TYPE_DOUBLE) for number, name in enumerate(("out_big", "out_mid", "out_small"), 4)),
    ("time", 7, False, FIELD.TYPE_BYTES),
    ("stamp", 8, False, FIELD.TYPE_DOUBLE),
    ("in_super", 9, False, FIELD.TYPE_DOUBLE),
    ("out_super", 10, False, FIELD.TYPE_DOUBLE),
]
RESPONSE = [
    ("ret_type", 1, True, FIELD.TYPE_INT32),
    ("ret_msg", 2, False, FIELD.TYPE_BYTES),
    ("err_code", 3, False, FIELD.TYPE_INT32),
    ("s2c", 4, False, FIELD.TYPE_MESSAGE),
]
#: The answer in a body, as both sides give it; None if it is malformed.
Answer = tuple[object, ...] | None


def _messages() -> tuple[type, type]:
    file = descriptor_pb2.FileDescriptorProto(name="wire.proto", package="wire", syntax="proto2")
    for message, fields in (("S2C", S2C), ("Response", RESPONSE), ("Head", RESPONSE[:3])):
        added = file.message_type.add(name=message)
        for name, number, is_required, kind in fields:
            label = FIELD.LABEL_REQUIRED if is_required else FIELD.LABEL_OPTIONAL
            field = added.field.add(name=name, number=number, label=label, type=kind)
            if kind == FIELD.TYPE_MESSAGE:
                field.type_name = ".wire.S2C"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    response, head = (pool.FindMessageTypeByName(f"wire.{name}") for name in ("Response", "Head"))
    return message_factory.GetMessageClass(response), message_factory.GetMessageClass(head)


Response, Head = _messages()


def expected(body: bytes) -> Answer:
    """What protobuf's decoder reads. A refusal is valid with any s2c; a success needs figures."""
    response, head = Response(), Head()
    try:
        head.MergeFromString(body)
        if head.HasField("ret_type") and head.ret_type != 0:
            return ("refused", head.ret_type)
        response.MergeFromString(body)
    except DecodeError:
        return None
    if not response.IsInitialized() or not response.HasField("s2c"):
        return None
    given = response.s2c
    numbers = (given.in_super if given.HasField("in_super") else None, given.in_big, given.in_mid, given.in_small)
    others = (given.out_super if given.HasField("out_super") else None, given.out_big, given.out_mid, given.out_small)
    time = given.time.split(b"\0")[0].decode("utf-8", "replace")
    return ("figures", *map(bits, numbers), *map(bits, others), time, bits(given.stamp if given.HasField("stamp") else None))


def bits(number: float | None) -> bytes:
    """The same value for every NaN, and for a missing figure."""
    return b"NaN" if number is None or number != number else struct.pack("<d", number)


def read(client: Client, gateway: Gateway, body: bytes) -> Answer:
    """What the library reads, from the answer to a request."""
    gateway.answer = lambda asked: raw_frame(asked.serial_no, body)
    try:
        result = client.capital_distribution("HK.00700")
    except MalformedReplyError:
        return None
    except RefusedError as refused:
        return ("refused", refused.ret_type)
    names = ("capital_in_super", "capital_in_big", "capital_in_mid", "capital_in_small")
    names += ("capital_out_super", "capital_out_big", "capital_out_mid", "capital_out_small")
    told = (bits(getattr(result, name)) for name in names)
    return ("figures", *told, result.update_time_text, bits(result.update_timestamp))


def raw_frame(serial_no: int, body: bytes) -> bytes:
    """An answer with any bytes."""
    return HEADER.pack(b"FT", CAPITAL_DISTRIBUTION, 0, 0, serial_no, len(body), hashlib.sha1(body).digest(), bytes(8)) + body


def tag(number: int, wire_type: int) -> bytes:
    """A field's tag, in its shortest form."""
    value, out = number << 3 | wire_type, b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


WHOLE = figures(100, capitalInSuper=7.5, updateTime="2024-01-02 16:00:00", updateTimestamp=1.5).SerializeToString()
INNER = figures(100).s2c.SerializeToString()
SUCCESS = b"\x08\x00"


def piece(inner: bytes) -> bytes:
    """An s2c."""
    return tag(4, 2) + bytes([len(inner)]) + inner


SHAPES = {
    "a group": WHOLE + tag(15, 3) + b"\x08\x01" + tag(15, 4),
    "groups in groups": tag(15, 3) * 90 + tag(15, 4) * 90 + WHOLE,
    "a group inside": SUCCESS + piece(tag(15, 3) + tag(15, 4) + INNER),
    "a group of a known number": tag(4, 3) + tag(4, 4) + WHOLE,
    "too many groups in each other": WHOLE + tag(15, 3) * 150 + tag(15, 4) * 150,
    "a group that does not end": WHOLE + tag(15, 3),
    "a group that another's end ends": WHOLE + tag(15, 3) + tag(16, 4),
    "an end of no group": WHOLE + tag(15, 4),
    "two pieces": SUCCESS + piece(INNER[:27]) + piece(INNER[27:]),
    "two pieces that make no whole": SUCCESS + piece(INNER[:27]) + piece(INNER[:27]),
    "three pieces, the last one damaged": SUCCESS + piece(INNER[:27]) + piece(INNER[27:]) + piece(b"\x09\x01"),
    "a piece that is cut, before the rest of it": SUCCESS + piece(INNER + tag(15, 2) + b"\x14") + piece(b"\x08" * 20 + INNER),
    "a group over two pieces": SUCCESS + piece(INNER + tag(15, 3)) + piece(tag(15, 4) + INNER),
    "field number 0 in an earlier piece": SUCCESS + piece(INNER + b"\x80\x00\x01") + piece(INNER),
    "a later piece changes": WHOLE + piece(b"\x09" + struct.pack("<d", 5)),
    "a text as a number": WHOLE + tag(2, 0) + b"\x05",
    "a number as a text": WHOLE + tag(3, 2) + b"\x015",
    "a message as a number": WHOLE + tag(4, 0) + b"\x05",
    "an optional figure as a number": SUCCESS + piece(INNER + tag(9, 0) + b"\x05"),
    "a required figure as a number": SUCCESS + piece(INNER[9:] + tag(1, 0) + b"\x05"),
    "field number 0": WHOLE + b"\x00\x01",
    "field number 0, longer": WHOLE + b"\x80\x00\x01",
    "field number 0 inside": SUCCESS + piece(INNER + b"\x80\x00\x01"),
    "a field number too high": WHOLE + b"\x88\x80\x80\x80\x10\x01",
    "a tag of six bytes": WHOLE + b"\x88\x80\x80\x80\x80\x00\x01",
    "a tag of five bytes": WHOLE + b"\x88\x80\x80\x80\x00\x00",
    "a number of ten bytes": WHOLE + b"\x18" + b"\xff" * 9 + b"\x7f",
    "a number of eleven bytes": WHOLE + b"\x18" + b"\xff" * 10 + b"\x01",
    "a length of five bytes": WHOLE + b"\x12\x81\x80\x80\x80\x00a",
    "a length of six bytes": WHOLE + b"\x12\x81\x80\x80\x80\x80\x00a",
    "wire type 6": WHOLE + tag(15, 6) + b"\x01",
    "wire type 7": WHOLE + tag(15, 7) + b"\x01",
    "cut": WHOLE[:-1],
    "many unknown fields": tag(1000, 0) + b"\x01" + (tag(1001, 2) + b"\x02hi") * 3000 + WHOLE,
    "nothing": b"",
}


@pytest.fixture
def asking(gateway: Gateway) -> Iterator[Client]:
    """A client without a quota."""
    with Client(port=gateway.port, quota_requests=0, max_body_bytes=1 << 20) as client:
        client.wait_ready(PATIENCE_S)
        yield client


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_read_as_protobuf_s_decoder_reads_it(name: str, gateway: Gateway, asking: Client) -> None:
    assert read(asking, gateway, SHAPES[name]) == expected(SHAPES[name])


def test_some_shapes_are_read_and_some_are_not() -> None:
    """Otherwise the test above would show nothing."""
    read_ones = {name for name, body in SHAPES.items() if expected(body) is not None}
    assert {"a group", "two pieces", "a text as a number", "a number of ten bytes"} <= read_ones
    assert not {"field number 0", "a group that does not end", "a tag of six bytes", "cut"} & read_ones


def test_the_corpus_is_read_as_protobuf_s_decoder_reads_it(gateway: Gateway, asking: Client) -> None:
    # The first byte of each input selects the fuzzer's decoder.
    bodies = [path.read_bytes()[1:] for path in sorted(CORPUS.iterdir())]
    assert len(bodies) > 100
    answers = [(body, expected(body)) for body in bodies if len(body) < 1 << 20]
    for body, wanted in answers:
        assert read(asking, gateway, body) == wanted, body.hex()
    assert any(wanted is not None for _, wanted in answers)


def test_damage_is_read_as_protobuf_s_decoder_reads_it(gateway: Gateway, asking: Client) -> None:
    chance = random.Random(19)
    known = 0
    for _ in range(1500):
        shapes = chance.choices([WHOLE, *SHAPES.values()], k=chance.choice([1, 1, 2, 3]))
        body = bytearray(b"".join(shape[:400] for shape in shapes))
        for _ in range(chance.randrange(1, 4)):
            if not body:
                break
            at = chance.randrange(len(body))
            match chance.randrange(4):
                case 0:
                    body[at] = chance.randrange(256)
                case 1:
                    body[at] ^= 1 << chance.randrange(8)
                case 2:
                    del body[at : at + chance.randrange(1, 10)]
                case _:
                    body[at:at] = tag(chance.choice([1, 2, 4, 15, 100]), chance.choice([0, 2, 3, 4])) + b"\x01"
        wanted = expected(bytes(body))
        known += wanted is not None
        # Field number 0 is invalid, also inside a group, but Python's decoder does not check that.
        if wanted is not None and has_zero_in_group(bytes(body), is_s2c_read=wanted[0] == "figures"):
            wanted = None
        assert read(asking, gateway, bytes(body)) == wanted, bytes(body).hex()
    assert known > 100


def has_zero_in_group(body: bytes, is_s2c_read: bool) -> bool:
    """Whether field number 0 occurs in a group, at the top or in an s2c that is read."""
    at = depth = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while at < len(body):
            value |= (body[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if body[at - 1] < 0x80:
                break
        return value

    while at < len(body):
        number, wire_type = divmod(varint(), 8)
        if number == 0:
            return depth > 0
        match wire_type:
            case 0:
                varint()
            case 1:
                at += 8
            case 2:
                length = varint()
                if is_s2c_read and number == 4 and depth == 0 and has_zero_in_group(body[at : at + length], False):
                    return True
                at += length
            case 3:
                depth += 1
            case 4:
                depth -= 1
            case 5:
                at += 4
    return False
