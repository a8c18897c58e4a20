"""Generates the raw layer for Node: the functions and fields that the addon uses, and the constants for JavaScript."""

from __future__ import annotations

from typing import Any

from words import MARK, bit, camel, comment, constant, doc, enum_doc, newer_fields, sentence, short, struct_of, wrapped

Node = dict[str, Any]

FOLDER = "bindings/node"
#: Public enums, with their names in JavaScript.
ENUMS = {
    "status": "Status", "retry": "Retry", "transport": "Transport", "cipher": "Cipher", "quota": "QuotaMode", "outage": "OutageMode",
    "log": "LogLevel",
}  # fmt: skip
#: Enums that only the package uses.
OWN = {"has": "HAS", "state": "STATE"}
NUMBERS = ("int32_t", "uint32_t", "double")


def _words(text: str) -> str:
    return sentence(doc(text, camel, lambda name: name, lambda word: f"`{word}`")).replace("*/", "")


def _comment(text: str, indent: str) -> list[str]:
    return [wrapped(_words(text), 118, f"{indent}/** ", f"{indent} *  ", " */")] if text else []


def _script(interface: Node) -> str:
    lines = [f"// {MARK}", '"use strict";', ""]
    for enum in interface["enums"]:
        if enum["name"] in ENUMS:
            lines.append(f"const {ENUMS[enum['name']]} = Object.freeze({{")
            lines += [f"  {constant(enum, one)}: {one['value']}," for one in enum["constants"]]
            lines += ["});", ""]
    names = list(ENUMS.values())
    for name, own in OWN.items():
        constants = [
            (constant(enum, one), one["value"])
            for enum in interface["enums"]
            if enum["name"] == name
            for one in enum["constants"]
        ]
        lines += [f"const {own} = Object.freeze({{", *(f"  {key}: {value}," for key, value in constants), "});", ""]
        names.append(own)
    return "\n".join([*lines, f"module.exports = {{ {', '.join(names)} }};", ""])


def _declarations(interface: Node) -> str:
    lines = [f"// {MARK}"]
    for enum in interface["enums"]:
        if enum["name"] not in ENUMS:
            continue
        name = ENUMS[enum["name"]]
        lines += ["", *_comment(enum_doc(interface, enum), ""), f"export declare const {name}: {{"]
        for one in enum["constants"]:
            lines += [*_comment(comment(one), "  "), f"  readonly {constant(enum, one)}: {one['value']};"]
        lines += ["};", f"export type {name} = (typeof {name})[keyof typeof {name}];"]
    return "\n".join([*lines, ""])


def _header(interface: Node) -> str:
    oldest = f"{interface['version'].split('.')[0]}.0"
    lines = [f"// {MARK}", "#ifndef ABI_H", "#define ABI_H", "", "#include <capdist.h>", ""]
    for title, macro, is_newer in (
        ("every version has", "OLDEST_FUNCTIONS", False),
        ("an older library may lack", "NEWER_FUNCTIONS", True),
    ):
        functions = [one["name"] for one in interface["functions"] if (one["since"] != oldest) == is_newer]
        lines += [
            f"/// Functions that {title}.",
            f"#define {macro}(X) \\",
            " \\\n".join(f"    X({name})" for name in functions),
            "",
        ]
    options = struct_of(interface, "capdist_options")
    for macro, kind, words in (("NUMBER_OPTIONS", "int32_t", "numbers"), ("TEXT_OPTIONS", "const char *", "texts")):
        fields = [field["name"] for field in options["fields"] if field["type"] == kind and field["name"] != "mode"]
        lines += [f"/// Fields of capdist_options that are {words}: the property and the field.", f"#define {macro}(X) \\"]
        lines += [" \\\n".join(f'    X("{camel(name)}", {name})' for name in fields), ""]
    for struct in interface["structs"]:
        for field in newer_fields(interface, struct):
            lines += _reader(struct, field)
    return "\n".join([*lines, "#endif", ""])


def _reader(struct: Node, field: Node) -> list[str]:
    if field["type"] not in NUMBERS:
        raise SystemExit(f"abi: {struct['name']}.{field['name']}: Node's addon reads no {field['type']} yet")
    words = f"{field['doc']}. Since {field['since']}; `otherwise` if the library is older, and its struct lacks the field."
    return [
        wrapped(_words(words), 118, "/// ", "/// "),
        f"static inline {field['type']} {short(struct['name'])}_{field['name']}(const {struct['name']} *from, {field['type']} otherwise) {{",
        f"    return from->present & {bit(field)} ? from->{field['name']} : otherwise;",
        "}",
        "",
    ]


def write(interface: Node) -> dict[str, str]:
    """The raw layer."""
    return {
        f"{FOLDER}/src/abi.h": _header(interface),
        f"{FOLDER}/lib/abi.js": _script(interface),
        f"{FOLDER}/lib/abi.d.ts": _declarations(interface),
    }
