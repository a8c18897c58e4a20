"""Generates the tables of the pages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Callable

import record
from words import COMMAND, sentence, struct_of

Node = dict[str, Any]


def layouts(interface: Node) -> str:
    """Every struct's size, and its fields' offsets."""
    out: list[str] = []
    for struct in sorted(interface["structs"], key=lambda one: str(one["name"])):
        out += ["", f"### {struct['name']}", f"{struct['size']} bytes, aligned to {struct['alignment']}.", ""]
        out += ["| offset | size | type | field | since |", "|---|---|---|---|---|"]
        for field in struct["fields"]:
            out.append(f"| {field['offset']} | {field['size']} | `{field['type']}` | `{field['name']}` | {field['since']} |")
    return "\n".join([*out, ""])


def statuses(interface: Node) -> str:
    """Every status with its sentence."""
    out = ["", "| number | status | `capdist_status_text()` |", "|---|---|---|"]
    out += [f"| {one['value']} | `{one['name']}` | {one['text']} |" for one in record.statuses(interface)]
    return "\n".join([*out, ""])


def options(interface: Node) -> str:
    """Every field of capdist_options."""
    out = ["", "| field | type | what it is | since |", "|---|---|---|---|"]
    for field in struct_of(interface, "capdist_options")["fields"]:
        words = sentence(field["doc"]).replace("#CAPDIST", "CAPDIST").replace("|", "\\|")
        out.append(f"| `{field['name']}` | `{field['type']}` | {words} | {field['since']} |")
    return "\n".join([*out, ""])


#: The tables: the page, the table's name there, the function that writes it.
TABLES: list[tuple[str, str, Callable[[Node], str]]] = [
    ("docs/foreign.md", "layouts", layouts),
    ("docs/errors.md", "statuses", statuses),
    ("docs/options.md", "options", options),
]


def write(interface: Node, root: Path, instead: dict[str, Path]) -> dict[str, str]:
    """The text that the pages should have. `instead` names files to read in place of pages."""
    pages: dict[str, str] = {}
    for name, title, table in TABLES:
        text = pages.get(name) or instead.get(name, root / name).read_text(encoding="utf-8")
        # The table stands between these lines.
        begin, end = f"<!-- {title}: written by `{COMMAND}` -->\n", f"<!-- end of the {title} -->"
        before, found, rest = text.partition(begin)
        _, also_found, after = rest.partition(end)
        if not found or not also_found:
            sys.exit(f"abi: {name} has no place for the table of {title}")
        pages[name] = before + begin + table(interface) + "\n" + end + after
    return pages
