#!/usr/bin/env python3
"""Compares the C interface with the recorded one, packaging/capdist.abi; docs/abi.md has the rules.

    scripts/abi.py                  fails, and says why, if the header's interface is not the recorded one, or docs/foreign.md
                                    has other sizes and offsets than the record
    scripts/abi.py --record         records the header's, and writes the page's table; refuses what breaks programs, unless
                                    the major number changed

A compiler reads the header: clang's syntax tree has names, types and values, and a program tells sizes and offsets.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "packaging" / "capdist.abi"
PAGE = ROOT / "docs" / "foreign.md"
#: The table of the page is between these lines.
BEGIN, END = "<!-- layouts: written by `make abi` -->", "<!-- end of the layouts -->"
#: Its arrays stand in users' own structs.
FROZEN = {"capdist_flow", "capdist_security"}
#: A macro as the preprocessor tells it: the name, the parameters of one that has some, and what it stands for.
MACRO = re.compile(r"^#define (CAPDIST_\w+)(\([^)]*\))? (.+)$", re.MULTILINE)


def interface(header: Path) -> list[str]:
    """One line for each thing that a program may have compiled in."""
    swift = shutil.which("swift")
    clang = shutil.which("clang") or (Path(swift).resolve().with_name("clang") if swift else "clang")
    read = [clang, "-x", "c", "-std=c99"]
    dump = [*read, "-fsyntax-only", "-Xclang", "-ast-dump=json", header]
    tree = json.loads(subprocess.run(dump, check=True, capture_output=True, text=True).stdout)
    macros = subprocess.run([*read, "-E", "-dM", header], check=True, capture_output=True, text=True).stdout
    lines: list[str] = []
    layouts: list[str] = []
    for node in tree["inner"]:
        name = node.get("name", "")
        if node["kind"] == "EnumDecl":
            for constant in node.get("inner", []):
                if constant.get("name", "").startswith("CAPDIST_"):
                    layouts.append(_printf(f"constant {constant['name']} = %lld", f"(long long){constant['name']}"))
        elif not name.startswith("capdist_"):
            continue
        elif node["kind"] == "FunctionDecl":
            lines.append(f"function {name}: {node['type']['qualType']}")
        elif node["kind"] == "TypedefDecl" and node["type"]["qualType"] != f"struct {name}":
            lines.append(f"type {name}: {node['type']['qualType']}")
        elif node["kind"] == "RecordDecl" and node.get("completeDefinition"):
            layouts += _layout(name, node)
    for name, parameters, body in MACRO.findall(macros):
        if parameters:
            # Its text: a program has compiled in what it computes.
            lines.append(f"macro {name}{parameters}: {body}")
        # The version's numbers change without changing the interface; the major one is the record's first line.
        elif not name.startswith("CAPDIST_VERSION_") and name != "CAPDIST_API":
            layouts.append(_printf(f"constant {name} = %lld", f"(long long)({name})"))
    return [f"major {_major(macros)}", *sorted(lines + _run(layouts, header))]


def _major(text: str) -> str:
    found = re.search(r"^#define CAPDIST_VERSION_MAJOR (\d+)$", text, re.MULTILINE)
    if not found:
        sys.exit("abi: the header tells no major version")
    return found[1]


def _layout(name: str, node: dict[str, Any]) -> list[str]:
    lines = [_printf(f"struct {name}: size %zu, alignment %zu", f"sizeof({name}), _Alignof({name})")]
    for field in node["inner"]:
        if field["kind"] == "FieldDecl":
            place = f"offsetof({name}, {field['name']}), sizeof((({name} *)0)->{field['name']})"
            text = f"field {name}.{field['name']}: {field['type']['qualType']}, offset %zu, size %zu"
            lines.append(_printf(text, place))
    return lines


def _printf(text: str, values: str) -> str:
    return f'printf("{text}\\n", {values});'


def _run(statements: list[str], header: Path) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "layout.c"
        includes = f'#include <stddef.h>\n#include <stdio.h>\n#include "{header}"\n'
        source.write_text(includes + "int main(void) {\n" + "\n".join(statements) + "\n}\n", encoding="utf-8")
        program = source.with_suffix("")
        subprocess.run(["cc", "-std=c11", source, "-o", program], check=True)
        return subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()


def compare(recorded: list[str], current: list[str]) -> tuple[list[str], list[str]]:
    """What breaks programs that were built with the recorded interface, and what is new."""
    breaks, new = [], []
    now = {_key(line): line for line in current}
    before = {_key(line): line for line in recorded}
    for key, line in before.items():
        if key not in now:
            breaks.append(f"gone: {line}")
        elif now[key] != line:
            (new if _has_grown(key, line, now[key]) else breaks).append(f"was {line}; is {now[key]}")
    new += [f"new: {line}" for key, line in now.items() if key not in before]
    return breaks, new


def _key(line: str) -> str:
    return re.split(r"[:=]", line)[0].strip() if " " in line and not line.startswith("major") else "major"


def _has_grown(key: str, before: str, now: str) -> bool:
    """A struct may become longer, unless programs hold it inside their own."""
    sizes = [re.fullmatch(r"struct \w+: size (\d+), alignment (\d+)", line) for line in (before, now)]
    if not all(sizes) or key.removeprefix("struct ") in FROZEN:
        return False
    (old_size, old_alignment), (size, alignment) = (match.groups() for match in sizes if match)
    return int(size) > int(old_size) and alignment == old_alignment


def table(recorded: list[str]) -> str:
    """Every struct's size and its fields' places, as the page has them."""
    out: list[str] = []
    for line in recorded:
        if struct := re.fullmatch(r"struct (\w+): size (\d+), alignment (\d+)", line):
            name, size, alignment = struct.groups()
            out += ["", f"### {name}", f"{size} bytes, aligned to {alignment}.", "", "| offset | size | type | field |", "|---|---|---|---|"]
            fields = [re.fullmatch(rf"field {name}\.(\w+): (.+), offset (\d+), size (\d+)", field) for field in recorded]
            for field in sorted((field for field in fields if field), key=lambda field: int(field[3])):
                out.append(f"| {field[3]} | {field[4]} | `{field[2]}` | `{field[1]}` |")
    return "\n".join([*out, ""])


def _page_with(recorded: list[str], page: Path) -> tuple[str, str]:
    """The page as it is, and as it should be."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN + "\n")
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"abi: {page.name} has no place for the table of layouts")
    return text, before + begin + table(recorded) + "\n" + end + after


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description="Compares the C interface with the recorded one.")
    parser.add_argument("--record", action="store_true", help="record the header's interface")
    parser.add_argument("--header", type=Path, default=ROOT / "include" / "capdist.h")
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    current = interface(arguments.header.resolve())
    recorded = RECORD.read_text(encoding="utf-8").splitlines() if RECORD.exists() else current[:1]
    breaks, new = compare(recorded, current)
    if recorded[0] != current[0]:
        # Another major number: everything may change, and is recorded as it is.
        breaks, new = [], [f"was {recorded[0]}; is {current[0]}", *new]
    for text in breaks:
        print(f"breaks programs: {text}")
    if arguments.record and not breaks:
        RECORD.write_text("\n".join(current) + "\n", encoding="utf-8")
        PAGE.write_text(_page_with(current, PAGE)[1], encoding="utf-8")
        return 0
    for text in new:
        print(f"not recorded (make abi): {text}")
    is_page, should_be = _page_with(recorded, arguments.page)
    if is_page != should_be:
        print(f"not written (make abi): the layouts in {arguments.page.name} are not the record's")
    return 1 if breaks or new or is_page != should_be else 0


if __name__ == "__main__":
    sys.exit(main())
