"""Headers for the C tests: the statuses, and the interface of the first version."""

from __future__ import annotations

from typing import Any

import record
from words import MARK

Node = dict[str, Any]


def size_in(struct: Node, version: str) -> int:
    """The struct's size in the header of that version; 0 if it was not there."""
    ends = [field["offset"] + field["size"] for field in struct["fields"] if _number(field["since"]) <= _number(version)]
    alignment: int = struct["alignment"]
    return -(-max(ends, default=0) // alignment) * alignment


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def write(interface: Node) -> dict[str, str]:
    """The statuses, and the sizes of the first version's structs."""
    statuses = [f"    X({one['name']}, {one['value']})" for one in record.statuses(interface)]
    lines = [
        f"/* {MARK} */",
        "",
        "/* X(name, number) for each status. */",
        "#define CAPDIST_STATUSES(X) \\",
        " \\\n".join(statuses),
        "",
    ]
    oldest = f"{interface['version'].split('.')[0]}.0"
    sizes = [f"/* {MARK} */", "", f"/* The structs' sizes in version {oldest}. */", "enum {"]
    sizes += [
        f"    OLDEST_{struct['name']} = {size_in(struct, oldest)}," for struct in interface["structs"] if size_in(struct, oldest)
    ]
    newer = [function for function in interface["functions"] if function["since"] != oldest]
    sizes += [
        "};",
        "",
        f"/* Functions that {oldest} lacks: X(result, name, parameters, arguments). */",
        "#define NEWER_FUNCTIONS(X) \\",
    ]
    sizes.append(" \\\n".join(f"    X({_signature(function)})" for function in newer) or "    /* none */")
    return {"Tests/c/statuses.h": "\n".join(lines), "Tests/older/oldest.h": "\n".join([*sizes, ""])}


def _signature(function: Node) -> str:
    parameters = ", ".join(f"{one['type']} {one['name']}" for one in function["parameters"])
    arguments = ", ".join(one["name"] for one in function["parameters"])
    return f"{function['result']}, {function['name']}, ({parameters}), ({arguments})"
