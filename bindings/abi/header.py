"""Reads the header: names, types, values and comments from clang's syntax tree; sizes and offsets from a compiled program."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

#: A macro in the preprocessor's output: its name, its parameters if it has some, and its replacement.
_MACRO = re.compile(r"^#define (CAPDIST_\w+)(\([^)]*\))? (.+)$", re.MULTILINE)
#: A macro in the header, with the comment before it.
_COMMENTED_MACRO = re.compile(r"/\*\*((?:(?!\*/).)*)\*/\s*#define (CAPDIST_\w+)", re.DOTALL)
_CALLBACK = re.compile(r"typedef (\w+) \(\*(capdist_\w+)\)\(([^)]*)\)")

Node = dict[str, Any]


def read(header: Path) -> Node:
    """The interface in the form of capdist.json, without versions and the statuses' texts, which only the record has."""
    swift = shutil.which("swift")
    clang = shutil.which("clang") or (Path(swift).resolve().with_name("clang") if swift else "clang")
    command = [clang, "-x", "c", "-std=c99"]
    dump = [*command, "-fsyntax-only", "-Xclang", "-ast-dump=json", header]
    tree = json.loads(subprocess.run(dump, check=True, capture_output=True, text=True).stdout)
    macros = subprocess.run([*command, "-E", "-dM", header], check=True, capture_output=True, text=True).stdout
    text = header.read_text(encoding="utf-8")
    lists = ("types", "constants", "macros", "enums", "callbacks", "structs", "functions")
    interface: Node = {"version": _version(macros), **{name: [] for name in lists}}
    signatures = {name: _parameters(words) for _, name, words in _CALLBACK.findall(" ".join(_without_comments(text).split()))}
    for node in tree["inner"]:
        name = node.get("name", "")
        if node["kind"] == "EnumDecl":
            interface["enums"] += _enum(node)
        elif not name.startswith("capdist_"):
            continue
        elif node["kind"] == "FunctionDecl":
            parameters = [{"name": one["name"], "type": one["type"]["qualType"]} for one in _inner(node, "ParmVarDecl")]
            result = node["type"]["qualType"].split("(")[0].strip()
            interface["functions"].append({"name": name, "result": result, "parameters": parameters, "doc": _doc(node)})
        elif node["kind"] == "TypedefDecl" and name in signatures:
            interface["callbacks"].append({"name": name, "parameters": signatures[name], "doc": _doc(node)})
        elif node["kind"] == "TypedefDecl" and not node["type"]["qualType"].startswith("struct "):
            interface["types"].append({"name": name, "type": node["type"]["qualType"], "doc": _doc(node)})
        elif node["kind"] == "RecordDecl" and node.get("completeDefinition"):
            fields = [
                {"name": one["name"], "type": one["type"]["qualType"], "doc": _doc(one)} for one in _inner(node, "FieldDecl")
            ]
            interface["structs"].append({"name": name, "doc": _doc(node), "fields": fields})
    _read_macros(interface, macros, text)
    _measure(interface, header)
    return interface


def _version(macros: str) -> str:
    numbers = [re.search(rf"^#define CAPDIST_VERSION_{part} (\d+)$", macros, re.MULTILINE) for part in ("MAJOR", "MINOR")]
    found = [match[1] for match in numbers if match]
    if len(found) != 2:
        sys.exit("abi: the header tells no version")
    return ".".join(found)


def _read_macros(interface: Node, macros: str, text: str) -> None:
    docs = {name: _plain(re.sub(r"\n\s*\*", "\n", comment)) for comment, name in _COMMENTED_MACRO.findall(text)}
    for name, parameters, body in sorted(_MACRO.findall(macros)):
        doc = docs.get(name, "")
        if parameters:
            # The text is part of the interface: programs have the macro compiled in.
            interface["macros"].append({"name": name + parameters, "text": body, "doc": doc})
        # The numbers of the version may change while the interface stays the same.
        elif not name.startswith("CAPDIST_VERSION_") and name != "CAPDIST_API":
            interface["constants"].append({"name": name, "value": None, "doc": doc})


def _inner(node: Node, kind: str) -> list[Node]:
    return [one for one in node.get("inner", []) if one["kind"] == kind]


def _enum(node: Node) -> list[Node]:
    """The enums of the header have no names. The common part of the constants is the name: "retry" for CAPDIST_RETRY_*."""
    constants = []
    for one in _inner(node, "EnumConstantDecl"):
        value = next(inner for inner in one["inner"] if inner["kind"] != "FullComment")
        constants.append({"name": one["name"], "value": int(value["value"]), "doc": _doc(one)})
    if not constants or not all(one["name"].startswith("CAPDIST_") for one in constants):
        return []
    words = [one["name"].split("_")[1:-1] for one in constants]
    common = []
    for column in zip(*words):
        if len(set(column)) > 1:
            break
        common.append(column[0])
    is_of_bits = "<<" in json.dumps(node)
    name = "_".join(common).lower() or "status"
    return [
        {
            "name": name,
            "prefix": "".join(f"{word}_" for word in ["CAPDIST", *common]),
            "bits": is_of_bits,
            "doc": _doc(node),
            "constants": constants,
        }
    ]


def _doc(node: Node) -> str:
    """The first paragraph of the comment, as plain text."""
    comments = _inner(node, "FullComment")
    for paragraph in _inner(comments[0], "ParagraphComment") if comments else []:
        if text := _plain("".join(_words(paragraph))):
            return text
    # The comment may have nothing but @return.
    for command in _inner(comments[0], "BlockCommandComment") if comments else []:
        if command.get("name") == "return":
            return "Returns " + _plain("".join(_words(command["inner"][0])))
    return ""


def _words(comment: Node) -> list[str]:
    pieces = []
    for one in comment.get("inner", []):
        if one["kind"] == "TextComment":
            pieces.append(one["text"])  # a new line's text begins with a blank
        elif one["kind"] == "InlineCommandComment":
            pieces.append(" ".join(one.get("args", [])))
    return pieces


def _plain(text: str) -> str:
    return " ".join(text.split())


def _without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def _parameters(words: str) -> list[Node]:
    found = []
    for word in words.split(","):
        match = re.fullmatch(r"(.*?)(\w+)", word.strip())
        if match and match[1].strip():
            found.append({"name": match[2], "type": match[1].strip()})
    return found


def _measure(interface: Node, header: Path) -> None:
    """Fills in values, sizes, alignments and offsets, which a compiled program prints."""
    places: list[tuple[Node, str, str]] = [(one, "value", one["name"]) for one in interface["constants"]]
    for struct in interface["structs"]:
        name = struct["name"]
        places += [(struct, "size", f"sizeof({name})"), (struct, "alignment", f"_Alignof({name})")]
        for field in struct["fields"]:
            places.append((field, "offset", f"offsetof({name}, {field['name']})"))
            places.append((field, "size", f"sizeof((({name} *)0)->{field['name']})"))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "measure.c"
        lines = [f'    printf("%lld\\n", (long long)({expression}));' for _, _, expression in places]
        includes = f'#include <stddef.h>\n#include <stdio.h>\n#include "{header}"\n'
        source.write_text(includes + "int main(void) {\n" + "\n".join(lines) + "\n}\n", encoding="utf-8")
        program = source.with_suffix("")
        subprocess.run(["cc", "-std=c11", source, "-o", program], check=True)
        numbers = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
    for (node, key, _), number in zip(places, numbers, strict=True):
        node[key] = int(number)
