"""Decodes protobuf messages: the global state and the notifications of OpenD. The library decodes the figures."""

from __future__ import annotations

import struct
from typing import Dict, List, Optional, Tuple, Union

_VARINT, _FIXED64, _LENGTH, _GROUP, _END_GROUP, _FIXED32 = range(6)

#: How deep groups may be nested: the limit of the official decoders.
_DEEPEST = 100

_Value = Union[int, bytes]


def _varint(body: bytes, at: int) -> Tuple[int, int]:
    """The varint at `at`, and its end."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(body):
            raise ValueError("the message is cut off")
        byte = body[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & 0xFFFFFFFFFFFFFFFF, at
    raise ValueError("a number is longer than ten bytes")


def _sized(body: bytes, at: int, length: int) -> Tuple[bytes, int]:
    if length > len(body) - at:
        raise ValueError("the message is cut off")
    return body[at : at + length], at + length


def _signed(number: int, bits: int) -> int:
    number &= (1 << bits) - 1
    return number - (1 << bits) if number >> (bits - 1) else number


class Message:
    """A message's fields by number. A field with another wire type than expected counts as absent, as in other decoders.

    Raises:
        ValueError: the bytes are not a valid message.
    """

    def __init__(self, body: bytes) -> None:
        self._fields: Dict[int, List[Tuple[int, _Value]]] = {}
        at = 0
        #: The numbers of the open groups. What is inside a group is skipped.
        groups: List[int] = []
        while at < len(body):
            tag, at = _varint(body, at)
            number, wire_type = tag >> 3, tag & 7
            if not 0 < number < 1 << 29:
                raise ValueError(f"{number} is no field number")
            value: _Value = 0
            if wire_type == _VARINT:
                value, at = _varint(body, at)
            elif wire_type == _LENGTH:
                length, at = _varint(body, at)
                value, at = _sized(body, at, length)
            elif wire_type in (_FIXED64, _FIXED32):
                value, at = _sized(body, at, 8 if wire_type == _FIXED64 else 4)
            elif wire_type == _GROUP:
                groups.append(number)
                if len(groups) > _DEEPEST:
                    raise ValueError("groups are nested too deep")
                continue
            elif wire_type != _END_GROUP or not groups or groups.pop() != number:
                raise ValueError(f"field {number} has no wire type that there is")
            else:
                continue
            if not groups:
                self._fields.setdefault(number, []).append((wire_type, value))
        if groups:
            raise ValueError("a group does not end")

    def _all(self, number: int, wire_type: int) -> List[_Value]:
        return [value for kind, value in self._fields.get(number, ()) if kind == wire_type]

    def _last_bytes(self, number: int, wire_type: int) -> Optional[bytes]:
        values = self._all(number, wire_type)
        return values[-1] if values and isinstance(values[-1], bytes) else None

    def _varint(self, number: int) -> Optional[int]:
        values = self._all(number, _VARINT)
        return values[-1] if values and isinstance(values[-1], int) else None

    def int32(self, number: int) -> Optional[int]:
        """An int32 or an enum; None if absent."""
        value = self._varint(number)
        return None if value is None else _signed(value, 32)

    def int64(self, number: int) -> Optional[int]:
        """An int64; None if absent."""
        value = self._varint(number)
        return None if value is None else _signed(value, 64)

    def boolean(self, number: int) -> Optional[bool]:
        """A bool; None if absent."""
        value = self._varint(number)
        return None if value is None else value != 0

    def double(self, number: int) -> Optional[float]:
        """A double; None if absent."""
        value = self._last_bytes(number, _FIXED64)
        return None if value is None else float(struct.unpack("<d", value)[0])

    def text(self, number: int) -> Optional[str]:
        """A string, with invalid UTF-8 replaced; None if absent."""
        value = self._last_bytes(number, _LENGTH)
        return None if value is None else value.decode("utf-8", "replace")

    def message(self, number: int) -> Optional[Message]:
        """An inner message; None if absent. If it comes in several pieces, they are joined: that merges them."""
        pieces = [value for value in self._all(number, _LENGTH) if isinstance(value, bytes)]
        return Message(b"".join(pieces)) if pieces else None
