"""Generates the enums for C++, and the functions that read newer fields."""

from __future__ import annotations

from typing import Any

from words import MARK, bit, comment, constant, doc, enum_doc, newer_fields, sentence, wrapped

Node = dict[str, Any]

FILE = "bindings/cpp/include/capdist/abi.hpp"
ENUMS = {
    "status": "status", "retry": "retry", "market": "market", "log": "log_level", "transport": "transport", "cipher": "cipher",
    "outage": "outage_mode", "quota": "quota_mode", "state": "state",
}  # fmt: skip
#: Other names for constants whose name is a keyword.
KEYWORDS = {"default": "standard"}


def _words(text: str) -> str:
    return sentence(doc(text, lambda name: name, str.lower, lambda word: word))


def _comment(text: str, indent: str) -> list[str]:
    return [wrapped(_words(text), 118, f"{indent}/// ", f"{indent}/// ")] if text else []


def write(interface: Node) -> dict[str, str]:
    """The header with the enums and the readers."""
    oldest = f"{interface['version'].split('.')[0]}.0"
    lines = ["/// @file", "/// Enums of capdist.h, and functions that read newer fields.", f"// {MARK}"]
    lines += ["#ifndef CAPDIST_ABI_HPP", "#define CAPDIST_ABI_HPP", "", "#include <cstdint>", "", '#include "capdist.h"']
    lines += [
        '#include "capdist/namespace.hpp"',
        "",
        "// Weak: a program also runs with an older library, and then these are null.",
    ]
    newer = [one["name"] for one in interface["functions"] if one["since"] != oldest]
    lines += ['extern "C" {', *(f"extern __typeof__({name}) {name} __attribute__((weak));" for name in newer), "}"]
    lines += ["", "CAPDIST_NAMESPACE_BEGIN"]
    for enum in interface["enums"]:
        if enum["name"] not in ENUMS:
            continue
        lines += ["", *_comment(enum_doc(interface, enum), ""), f"enum class {ENUMS[enum['name']]} : std::int32_t {{"]
        for one in enum["constants"]:
            name = constant(enum, one).lower()
            end = "" if one is enum["constants"][-1] else ","
            lines += [*_comment(comment(one), "    "), f"    {KEYWORDS.get(name, name)} = {one['name']}{end}"]
        lines.append("};")
    lines += ["", "namespace detail {"]
    for struct in interface["structs"]:
        for field in newer_fields(interface, struct):
            words = (
                f"{field['doc']}. Since {field['since']}; `otherwise` if the library is older, and its struct lacks the field."
            )
            kind = field["type"].replace("int32_t", "std::int32_t").replace("ustd::", "std::u")
            lines += ["", *_comment(words, "")]
            lines += [f"inline {kind} {field['name']}_in(const {struct['name']} &from, {kind} otherwise) noexcept {{"]
            lines += [f"    return from.present & {bit(field)} ? from.{field['name']} : otherwise;", "}"]
    return {FILE: "\n".join([*lines, "", "} // namespace detail", "CAPDIST_NAMESPACE_END", "", "#endif", ""])}
