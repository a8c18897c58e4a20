"""Generates the raw layer for Python, over ctypes."""

from __future__ import annotations

import json
import re
from typing import Any

from words import COMMAND, bit, comment, constant, doc, enum_doc, has_size, newer_fields, pascal, sentence, short, wrapped

Node = dict[str, Any]

FILE = "bindings/python/src/capdist/_abi.py"
#: Public enums, with their names in Python. The constants of other enums are plain numbers.
ENUMS = {"status": "Status", "retry": "Retry", "log": "LogLevel", "cipher": "Cipher"}
NUMBERS = {
    "int32_t": "c_int32", "capdist_status": "c_int32", "uint32_t": "c_uint32", "int64_t": "c_int64", "uint64_t": "c_uint64",
    "size_t": "c_size_t", "double": "c_double", "void": "None", "void *": "c_void_p", "const void *": "c_char_p",
    "char *": "c_char_p", "const char *": "c_char_p", "const uint8_t *": "c_void_p", "capdist_conn *": "c_void_p",
    "capdist_conn **": "POINTER(c_void_p)", "uint32_t *": "POINTER(c_uint32)",
}  # fmt: skip
HEAD = f'''"""The C interface for ctypes: constants, structs, callback types and prototypes of ``capdist.h``.

Generated from include/capdist.h: do not edit. `{COMMAND}` writes it.
"""

from __future__ import annotations

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_double,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from enum import IntEnum
from typing import Any, Optional

_before: dict[str, object] = {{name: value for name, value in globals().items() if not name.startswith("__")}}
'''
FOOT = """
# importlib.reload() keeps the objects of the first import: C and open connections use them.
globals().update(_before)
"""


def _type(c: str) -> str:
    if c in NUMBERS:
        return NUMBERS[c]
    if array := re.fullmatch(r"char\[(\d+)\]", c):
        return f"c_char * {array[1]}"
    name, stars = re.fullmatch(r"(?:const )?(capdist_\w+) ?(\**)", c).groups()  # type: ignore[union-attr]
    text = pascal(short(name))
    for _ in stars:
        text = f"POINTER({text})"
    return text


def _words(text: str) -> str:
    plain = doc(text, lambda name: name, lambda name: name, lambda word: f"`{word}`")
    return sentence(plain).replace("\\", "\\\\")


def _docstring(text: str, indent: str) -> str:
    return wrapped(f'"""{_words(text)}', 118, indent, indent, '"""')


def _comment(text: str, indent: str) -> list[str]:
    return [wrapped(_words(text), 118, f"{indent}#: ", f"{indent}#: ")] if text else []


def _enum(interface: Node, enum: Node) -> list[str]:
    prefix = enum["prefix"].removeprefix("CAPDIST_")
    name = ENUMS.get(enum["name"])
    if name is None:
        lines = _comment(enum["doc"], "")
        return ["", *lines, *(f"{prefix}{constant(enum, one)} = {one['value']}" for one in enum["constants"])]
    lines = ["", "", f"class {name}(IntEnum):", _docstring(enum_doc(interface, enum), "    "), ""]
    for one in enum["constants"]:
        lines += [*_comment(comment(one), "    "), f"    {constant(enum, one)} = {one['value']}"]
    return lines


def _struct(interface: Node, struct: Node) -> list[str]:
    newer = newer_fields(interface, struct)
    lines = [
        "",
        "",
        f"class {pascal(short(struct['name']))}(Structure):",
        _docstring(f"{struct['name']}. {struct['doc']}", "    "),
        "",
    ]
    if has_size(struct):
        later = [f'"{field["name"]}": {_since(field)}' for field in struct["fields"] if field["since"] != struct["since"]]
        lines += [
            f'    init = "{struct["name"]}_init"',
            f"    #: Fields that an older library may lack.\n    newer: dict[str, tuple[int, int]] = {{{', '.join(later)}}}",
        ]
        texts = {field["name"]: found[1] for field in struct["fields"] if (found := re.search(r'NULL: "([^"]+)"', field["doc"]))}
        if texts:
            lines += [
                "    #: The library's defaults for texts that are NULL.",
                f"    texts: dict[str, str] = {json.dumps(texts)}",
            ]
    lines.append("    _fields_ = [")
    for field in struct["fields"]:
        # Private: an older library's struct ends before this field, and reading it would be out of bounds.
        hidden = "_" if field in newer else ""
        lines.append(f'        ("{hidden}{field["name"]}", {_type(field["type"])}),')
    lines.append("    ]")
    for field in newer:
        flag = bit(field).removeprefix("CAPDIST_")
        words = f"{field['doc']}. Since {field['since']}; None if the library is older."
        lines += ["", "    @property", f"    def {field['name']}(self) -> Optional[Any]:", _docstring(words, "        ")]
        lines.append(f"        return self._{field['name']} if self.present & {flag} else None")
    return lines


def _prototypes(interface: Node) -> list[str]:
    lines = [
        "",
        "",
        "#: For each function: the result's type, the parameters' types, and the version that added it.",
        "PROTOTYPES: dict[str, tuple[Any, list[Any], tuple[int, int]]] = {",
    ]
    for function in interface["functions"]:
        arguments = ", ".join(_type(one["type"]) for one in function["parameters"])
        pieces = [_type(function["result"]), f"[{arguments}]", _since(function)]
        line = f'    "{function["name"]}": ({", ".join(pieces)}),'
        broken = [f'    "{function["name"]}": (', *(f"        {piece}," for piece in pieces), "    ),"]
        lines += [line] if len(line) <= 120 else broken
    return [*lines, "}"]


def _since(thing: Node) -> str:
    return "({})".format(", ".join(thing["since"].split(".")))


def write(interface: Node) -> dict[str, str]:
    """The raw layer."""
    lines = [
        HEAD.rstrip("\n"),
        "",
        "#: The version of this interface.",
        f"VERSION = ({', '.join(interface['version'].split('.'))})",
    ]
    lines += ["#: The first version with this major number.", f"OLDEST = ({interface['version'].split('.')[0]}, 0)", ""]
    lines += [f"{one['name'].removeprefix('CAPDIST_')} = {one['value']}" for one in interface["constants"]]
    for enum in sorted(interface["enums"], key=lambda one: str(one["name"]) in ENUMS):
        lines += _enum(interface, enum)
    callbacks = [
        "",
        "",
        "# User data is an integer, never an object's address: a stale number is not found, and does no harm.",
    ]
    for one in interface["callbacks"]:
        arguments = ", ".join(_type(parameter["type"]) for parameter in one["parameters"])
        callbacks.append(f"{pascal(short(one['name']))} = CFUNCTYPE(None, {arguments})")
    pending = True
    for struct in interface["structs"]:
        # Callback types come after the replies, which they take, and before the options, which contain them.
        if pending and any(field["type"].endswith("_fn") for field in struct["fields"]):
            lines, pending = lines + callbacks, False
        lines += _struct(interface, struct)
    lines += _prototypes(interface)
    return {FILE: "\n".join([*lines, FOOT])}
