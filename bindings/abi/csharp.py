"""Generates the raw layer for C#, over P/Invoke, and the enums."""

from __future__ import annotations

import re
from typing import Any

from words import MARK, bit, comment, constant, doc, enum_doc, newer_fields, pascal, sentence, wrapped

Node = dict[str, Any]

FOLDER = "bindings/csharp/src"
#: Public enums, with their names in C#. The constants of other enums are plain numbers.
ENUMS = {
    "status": "Status", "retry": "Retry", "market": "Market", "log": "LogLevel", "transport": "Transport", "cipher": "Cipher",
    "outage": "OutageMode", "quota": "QuotaMode", "state": "ConnectionState",
}  # fmt: skip
NUMBERS = {
    "int32_t": "int", "capdist_status": "int", "uint32_t": "uint", "int64_t": "long", "uint64_t": "ulong", "size_t": "UIntPtr",
    "double": "double", "void": "void", "void *": "IntPtr", "capdist_conn *": "IntPtr", "capdist_conn **": "IntPtr*",
    "char *": "byte*", "const char *": "byte*", "const uint8_t *": "byte*", "const void *": "byte*", "uint32_t *": "uint*",
}  # fmt: skip


def _type(c: str) -> str:
    if c in NUMBERS:
        return NUMBERS[c]
    if c.endswith("_fn"):
        return "IntPtr"
    return c.removeprefix("const ").replace(" *", "*")


def _name(enum: Node, one: Node) -> str:
    words = constant(enum, one).split("_")
    if enum["name"] == "market":  # HK, not Hk
        return "".join(word if len(word) == 2 else word.capitalize() for word in words)
    return pascal("_".join(words)).replace("Websocket", "WebSocket")


def _words(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return sentence(doc(text, pascal, pascal, lambda word: f"<c>{word}</c>"))


def _comment(text: str, indent: str) -> list[str]:
    if not text:
        return []
    return [wrapped(f"<summary>{_words(text)}</summary>", 118, f"{indent}/// ", f"{indent}/// ")]


def _enums(interface: Node) -> str:
    lines = [f"// {MARK}", "namespace Capdist", "{"]
    for enum in interface["enums"]:
        if enum["name"] not in ENUMS:
            continue
        lines += [*_comment(enum_doc(interface, enum), "    "), f"    public enum {ENUMS[enum['name']]}", "    {"]
        for one in enum["constants"]:
            end = "" if one is enum["constants"][-1] else ","
            lines += [*_comment(comment(one), "        "), f"        {_name(enum, one)} = {one['value']}{end}"]
        lines += ["    }", ""]
    return "\n".join([*lines[:-1], "}", ""])


def _struct(interface: Node, struct: Node) -> list[str]:
    newer = newer_fields(interface, struct)
    lines = ["", *_comment(struct["doc"], "        "), "        [StructLayout(LayoutKind.Sequential)]"]
    lines += [f"        internal struct {struct['name']}", "        {"]
    for field in struct["fields"]:
        if array := re.fullmatch(r"char\[(\d+)\]", field["type"]):
            lines.append(f"            public fixed byte {field['name']}[{array[1]}];")
        elif field in newer:
            # Private: an older library's struct ends before this field, and reading it would be out of bounds.
            lines.append(f"            private {_type(field['type'])} {field['name']}_;")
        else:
            lines.append(f"            public {_type(field['type'])} {field['name']};")
    for field in newer:
        words = f"{field['doc']}. Since {field['since']}; null if the library is older."
        kind = _type(field["type"])
        lines += ["", *_comment(words, "            "), f"            internal {kind}? {field['name']}", "            {"]
        lines += ["                get =>"]
        lines.append(f"                    (present & {bit(field)}) != 0 ? {field['name']}_ : ({kind}?)null;")
        # For structs that the binding fills itself. It sets `present` first.
        lines += ["                set", "                {"]
        lines.append(f"                    {field['name']}_ = value.GetValueOrDefault();")
        lines.append(f"                    if (value.HasValue) present |= {bit(field)};")
        lines += ["                }", "            }"]
    return [*lines, "        }"]


def _parameters(function: Node, start: str, indent: str) -> list[str]:
    names = [(f"@{one['name']}" if one["name"] in ("ref", "out", "params") else one["name"]) for one in function["parameters"]]
    arguments = [f"{_type(one['type'])} {name}" for one, name in zip(function["parameters"], names, strict=True)]
    line = f"{start}({', '.join(arguments)});"
    if len(line) <= 120:
        return [line]
    return [f"{start}(", wrapped(", ".join(arguments), 118, f"{indent}    ", f"{indent}    ", ");")]


def _native(interface: Node) -> str:
    major, minor = interface["version"].split(".")
    lines = [
        f"// {MARK}",
        "#pragma warning disable 649 // the library writes these fields",
        "using System;",
        "using System.Runtime.InteropServices;",
        "",
    ]
    lines += [
        "namespace Capdist",
        "{",
        "    /// <summary>The C interface, with the names of capdist.h. All types are blittable: nothing is marshalled.</summary>",
    ]
    lines += ["    internal static unsafe partial class Native", "    {"]
    lines += [
        f"        internal const int CAPDIST_VERSION_MAJOR = {major};",
        f"        internal const int CAPDIST_VERSION_MINOR = {minor};",
    ]
    lines += [
        "        /// <summary>The SONAME, which belongs to one major version. The loader searches LD_LIBRARY_PATH, the"
    ]
    lines += ["        /// system's folders and, on .NET, first the assembly's folder.</summary>"]
    lines += [f'        private const string Library = "libcapdist.so.{major}";', ""]
    lines += [f"        internal const int {one['name']} = {one['value']};" for one in interface["constants"]]
    for enum in interface["enums"]:
        if enum["name"] not in ENUMS:
            kind = "uint" if enum["bits"] else "int"
            lines += [f"        internal const {kind} {one['name']} = {one['value']};" for one in enum["constants"]]
    for struct in interface["structs"]:
        lines += _struct(interface, struct)
    for callback in interface["callbacks"]:
        lines += ["", "        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]"]
        lines += _parameters(callback, f"        internal delegate void {callback['name']}", "        ")
    for function in interface["functions"]:
        since = "" if function["since"] == f"{major}.0" else f" // since {function['since']}"
        lines += ["", f"        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]{since}"]
        lines += _parameters(
            function, f"        internal static extern {_type(function['result'])} {function['name']}", "        "
        )
    return "\n".join([*lines, "    }", "}", ""])


def write(interface: Node) -> dict[str, str]:
    """The raw layer, and the enums."""
    return {f"{FOLDER}/Abi.cs": _native(interface), f"{FOLDER}/Enums.cs": _enums(interface)}
