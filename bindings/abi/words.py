"""Names and comments in the style of each language."""

from __future__ import annotations

import re
import textwrap
from typing import Any, Callable

Node = dict[str, Any]

COMMAND = "make abi"
MARK = f"Generated from include/capdist.h: do not edit. `{COMMAND}` writes it."


def camel(name: str) -> str:
    """was_sent as wasSent."""
    first, *rest = name.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)


def pascal(name: str) -> str:
    """WAS_SENT as WasSent."""
    return "".join(word.capitalize() for word in name.lower().split("_"))


def short(name: str) -> str:
    """capdist_reply_fn as reply_fn."""
    return name.removeprefix("capdist_")


def constant(enum: Node, one: Node) -> str:
    """CAPDIST_RETRY_NEVER as NEVER."""
    return str(one["name"].removeprefix(enum["prefix"]))


def enum_of(interface: Node, name: str) -> Node:
    """The enum of that name."""
    return next(enum for enum in interface["enums"] if enum["name"] == name)


def struct_of(interface: Node, name: str) -> Node:
    """The struct of that name."""
    return next(struct for struct in interface["structs"] if struct["name"] == name)


def enum_doc(interface: Node, enum: Node) -> str:
    """An enum's comment. That of capdist_status is at the type."""
    type_doc = next((one["doc"] for one in interface["types"] if one["name"] == f"capdist_{enum['name']}"), enum["doc"])
    return re.split("[;:]", type_doc)[0]


def comment(one: Node) -> str:
    """A constant's comment. For a status it is the library's sentence, which has no names of C in it."""
    return str(one.get("text") or one["doc"])


def has_size(struct: Node) -> bool:
    """Whether the struct begins with its size, so that library and application may know different versions of it."""
    return str(struct["fields"][0]["name"]) == "struct_size"


def newer_fields(interface: Node, struct: Node) -> list[Node]:
    """The fields that an older library's struct lacks, of a struct that it hands out. Each needs a bit of `present`."""
    newer = [field for field in struct["fields"] if field["since"] != struct["since"]]
    if has_size(struct):
        return []
    bits = {one["name"] for enum in interface["enums"] if enum["bits"] for one in enum["constants"]}
    for field in newer:
        if bit(field) not in bits:
            raise SystemExit(
                f"abi: {struct['name']}.{field['name']} is newer than its struct: the header needs {bit(field)}, a bit of `present`"
            )
    return newer


def bit(field: Node) -> str:
    """The constant of a field's bit in `present`."""
    return f"CAPDIST_HAS_{field['name'].upper()}"


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop."""
    text = text[:1].upper() + text[1:] if re.match(r"[a-z]+\b(?![_(])", text) else text
    return text if text.endswith((".", "?", "!", "...")) or not text else text + "."


def doc(text: str, field: Callable[[str], str], status: Callable[[str], str], code: Callable[[str], str]) -> str:
    """The header's text with another language's names. `field` converts names in backquotes, `status` converts references to
    constants, and `code` marks code."""

    def quoted(match: re.Match[str]) -> str:
        word = match[1]
        return code(field(word) if re.fullmatch(r"[a-z]+(_[a-z]+)*", word) else word)

    text = re.sub(r"`([^`]+)`", quoted, text)
    return re.sub(r"#(CAPDIST_\w+)", lambda match: code(status(match[1].removeprefix("CAPDIST_"))), text)


def wrapped(text: str, width: int, first: str, rest: str, last: str = "") -> str:
    """A comment, broken into lines of at most that width."""
    lines = textwrap.wrap(text, width - len(rest) - len(last), break_long_words=False, break_on_hyphens=False) or [""]
    return first + ("\n" + rest).join(lines) + last
