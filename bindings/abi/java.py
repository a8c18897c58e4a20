"""Generates the raw layer for Java, over JNA, and the enums."""

from __future__ import annotations

import re
from typing import Any

from words import (
    MARK,
    bit,
    camel,
    comment,
    constant,
    doc,
    enum_doc,
    enum_of,
    has_size,
    newer_fields,
    pascal,
    sentence,
    short,
    wrapped,
)

Node = dict[str, Any]

FOLDER = "bindings/java/src/main/java/capdist"
#: Public enums: the class, and the constant for numbers that only a newer library has.
ENUMS = {
    "status": ("Status", "UNKNOWN"),
    "retry": ("Retry", "UNKNOWN"),
    "quota": ("QuotaMode", None),
    "outage": ("OutageMode", None),
}
FIELDS = {
    "int32_t": "int", "capdist_status": "int", "uint32_t": "int", "int64_t": "long", "uint64_t": "long", "size_t": "long",
    "double": "double", "void *": "long", "capdist_conn *": "long", "void": "void",
}  # fmt: skip
#: Types of parameters whose C type would be a pointer in a field.
ARGUMENTS = {
    "char *": "byte[]", "const void *": "byte[]", "capdist_security *": "byte[]", "const capdist_security *": "byte[]",
    "uint32_t *": "int[]", "capdist_conn **": "LongByReference", "capdist_reply **": "PointerByReference",
}  # fmt: skip
READ = {"int": ("Int", "OptionalInt"), "double": ("Double", "OptionalDouble"), "long": ("Long", "OptionalLong")}
HEAD = f"""// {MARK}
package capdist;

import com.sun.jna.Callback;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
OPTIONALS

/**
 * The C interface: constants, structs, callbacks and functions of capdist.h, with its names. Handles, user data and sizes are
 * longs, since the library is for 64-bit systems.
 */
final class Abi {{"""


def _field(c: str) -> str:
    if c in FIELDS:
        return FIELDS[c]
    if c.startswith("char["):
        return "byte[]"
    return "Pointer" if "*" in c else pascal(short(c))


def _argument(c: str) -> str:
    if c in ARGUMENTS:
        return ARGUMENTS[c]
    struct = re.fullmatch(r"(const )?(capdist_\w+) \*", c)
    if struct and c not in FIELDS and (struct[1] or struct[2] != "capdist_reply"):
        return pascal(short(struct[2]))
    return _field(c)


def _words(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
    return sentence(doc(text, camel, lambda name: name, lambda word: f"{{@code {word}}}"))


def _comment(text: str, indent: str) -> list[str]:
    words = _words(text)
    if not words:
        return []
    if len(words) + len(indent) < 110:
        return [f"{indent}/** {words} */"]
    return [wrapped(words, 118, f"{indent}/**\n{indent} * ", f"{indent} * ", f"\n{indent} */")]


def _enum(interface: Node, enum: Node, name: str, unknown: str | None) -> str:
    names = [constant(enum, one) for one in enum["constants"]]
    lines = [f"// {MARK}", "package capdist;", "", *_comment(enum_doc(interface, enum), ""), f"public enum {name} {{"]
    extra = unknown is not None and unknown not in names
    for one in enum["constants"]:
        end = ";" if one is enum["constants"][-1] and not extra else ","
        lines += [*_comment(comment(one), "    "), f"    {constant(enum, one)}({one['value']}){end}"]
    if extra:
        lines += ["    /** A number that only a newer library has. */", f"    {unknown}(-1);"]
    lines += ["", "    private final int number;", "", f"    {name}(int number) {{", "        this.number = number;", "    }"]
    if unknown:
        lines += [
            "",
            f"    /** The constant with this number; {{@link #{unknown}}} for a number that only a newer library has. */",
        ]
        lines += [f"    static {name} of(int number) {{", "        return switch (number) {"]
        lines += [f"            case {one['value']} -> {constant(enum, one)};" for one in enum["constants"]]
        lines += [f"            default -> {unknown};", "        };", "    }"]
    lines += [
        "",
        "    /** The number in the C library. */",
        "    public int number() {",
        "        return number;",
        "    }",
        "}",
        "",
    ]
    return "\n".join(lines)


def _struct(interface: Node, struct: Node) -> list[str]:
    name = pascal(short(struct["name"]))
    order = wrapped(
        ", ".join(f'"{field["name"]}"' for field in struct["fields"]), 118, "    @FieldOrder({\n        ", "        ", "\n    })"
    )
    kind = "" if has_size(struct) else "final "
    lines = ["", *_comment(f"`{struct['name']}`: {struct['doc']}".replace("`capdist", "`C capdist"), "    "), order]
    lines = [line.replace("{@code C capdist", "{@code capdist") for line in lines]
    lines.append(f"    public static {kind}class {name} extends Structure {{")
    for field in struct["fields"]:
        array = f" = new byte[{field['size']}]" if field["type"].startswith("char[") else ""
        lines.append(f"        public {_field(field['type'])} {field['name']}{array};")
    if has_size(struct):
        lines += ["", "        /** The defaults. */", f"        public {name}() {{"]
        lines += [f"            CapdistLibrary.check({struct['name']}_init(this, size()));", "        }"]
    else:
        lines += ["", "        // Offsets to read single fields by: reading the whole struct with JNA is slow."]
        lines.append(f"        static final int SIZE = {struct['size']};")
        newer = newer_fields(interface, struct)
        for field in struct["fields"]:
            # Private: an older library's struct ends before this field, and reading it would be out of bounds.
            hidden = "private " if field in newer else ""
            lines.append(f"        {hidden}static final int {field['name'].upper()} = {field['offset']};")
        for field in newer:
            lines += _reader(field)
    return [*lines, "    }"]


def _reader(field: Node) -> list[str]:
    read, optional = READ[_field(field["type"])]
    flag = bit(field).removeprefix("CAPDIST_")
    return [
        "",
        *_comment(f"{field['doc']}. Since {field['since']}; empty if the library is older.", "        "),
        f"        static {optional} {camel(field['name'])}(Pointer at) {{",
        f"            return (at.getInt(PRESENT) & {flag}) != 0",
        f"                    ? {optional}.of(at.get{read}({field['name'].upper()}))",
        f"                    : {optional}.empty();",
        "        }",
    ]


def _function(function: Node, indent: str) -> list[str]:
    arguments = [f"{_argument(one['type'])} {one['name']}" for one in function["parameters"]]
    start = f"{indent}static native {_field(function['result'])} {function['name']}("
    line = start + ", ".join(arguments) + ");"
    if len(line) <= 120:
        return ["", line]
    inner = f",\n{indent}        ".join(arguments)
    return ["", f"{start}\n{indent}        {inner});"]


def write(interface: Node) -> dict[str, str]:
    """The raw layer, and the enums."""
    lines = [HEAD]
    for enum in interface["enums"]:
        if enum["name"] not in ENUMS:
            lines += [
                f"    static final int {one['name'].removeprefix('CAPDIST_')} = {one['value']};" for one in enum["constants"]
            ]
    lines += [f"    static final int {one['name'].removeprefix('CAPDIST_')} = {one['value']};" for one in interface["constants"]]
    major = interface["version"].split(".")[0]
    lines += ["", "    /** The major version that the library must have. */", f"    static final int VERSION_MAJOR = {major};", ""]
    lines += ["    static {", "        CapdistLibrary.register(Abi.class, 0);", "    }", "", "    private Abi() {}"]
    for callback in interface["callbacks"]:
        arguments = ", ".join(f"{_field(one['type'])} {one['name']}" for one in callback["parameters"])
        lines += [
            "",
            f"    /** {{@code {callback['name']}}} */",
            f"    public interface {pascal(short(callback['name']))} extends Callback {{",
        ]
        lines += [f"        void callback({arguments});", "    }"]
    for struct in interface["structs"]:
        lines += _struct(interface, struct)
    oldest = f"{major}.0"
    for since in sorted({function["since"] for function in interface["functions"]}):
        functions = [function for function in interface["functions"] if function["since"] == since]
        if since == oldest:
            for function in functions:
                lines += _function(function, "    ")
            continue
        name = f"Since{since.replace('.', '_')}"
        lines += ["", f"    /** Functions that version {since} added. */", f"    static final class {name} {{"]
        lines += ["        /** Whether the loaded library has them. */"]
        lines += [f"        static final boolean IS_THERE = CapdistLibrary.register({name}.class, {since.split('.')[1]});"]
        lines += ["", f"        private {name}() {{}}"]
        for function in functions:
            lines += _function(function, "        ")
        lines.append("    }")
    text = "\n".join([*lines, "}", ""])
    used = [optional for _, optional in READ.values() if f"{optional}." in text]
    text = text.replace("OPTIONALS", "\n".join(sorted(f"import java.util.{optional};" for optional in used)))
    files = {f"{FOLDER}/Abi.java": text}
    for name, (class_name, unknown) in ENUMS.items():
        files[f"{FOLDER}/{class_name}.java"] = _enum(interface, enum_of(interface, name), class_name, unknown)
    return files
