"""The record of the interface, bindings/abi/capdist.json: reading, writing and comparing it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Iterator

Node = dict[str, Any]

#: Structs that never change, since applications have them inside their own structs and arrays.
FROZEN = {"capdist_flow", "capdist_security"}
_LISTS = ("types", "constants", "macros", "enums", "callbacks", "structs", "functions")


def load(path: Path) -> Node:
    """The record; an empty one if there is none yet."""
    if not path.exists():
        return {"version": "", **{name: [] for name in _LISTS}}
    return {**{name: [] for name in _LISTS}, **json.loads(path.read_text(encoding="utf-8"))}


def dump(interface: Node) -> str:
    """The record as text. Each thing has a line of its own, so that a difference is easy to read."""
    lines = ["{", f' "version": {json.dumps(interface["version"])},']
    for name in _LISTS:
        items = [_item(item) for item in interface[name]]
        lines.append(f' "{name}": [\n' + ",\n".join(items) + "\n ]" + ("," if name != _LISTS[-1] else ""))
    return "\n".join([*lines, "}"]) + "\n"


def _item(item: Node) -> str:
    nested = next((key for key in ("constants", "fields") if key in item), None)
    head = json.dumps({key: value for key, value in item.items() if key != nested}, ensure_ascii=False)
    if nested is None:
        return "  " + head
    inner = ",\n".join("   " + json.dumps(one, ensure_ascii=False) for one in item[nested])
    return f'  {head[:-1]}, "{nested}": [\n{inner}]}}'


def _things(interface: Node) -> Iterator[tuple[str, Node]]:
    """Everything that has a name and the version that added it."""
    for item in (item for name in _LISTS if name != "enums" for item in interface.get(name, [])):
        yield item["name"], item
    for enum in interface["enums"]:
        for constant in enum["constants"]:
            yield constant["name"], constant
    for struct in interface["structs"]:
        for field in struct["fields"]:
            yield f"{struct['name']}.{field['name']}", field


def keep(recorded: Node, current: Node) -> None:
    """Copies from the record what the header lacks: the version that added each thing, and the sentence of each status. A new
    thing gets the current version. A new status gets the first sentence of its comment, until somebody writes a better one.
    """
    known = dict(_things(recorded))
    for name, thing in _things(current):
        before = known.get(name, {})
        thing["since"] = before.get("since", current["version"])
    for status in statuses(current):
        status["text"] = known.get(status["name"], {}).get("text") or status["doc"].split(". ")[0].rstrip(".") + "."


def statuses(interface: Node) -> list[Node]:
    """The statuses, in the header's order."""
    return [constant for enum in interface["enums"] if enum["name"] == "status" for constant in enum["constants"]]


def lines(interface: Node) -> list[str]:
    """A line for each thing that programs have compiled in."""
    out = [f"constant {one['name']} = {one['value']}" for one in interface["constants"]]
    out += [f"constant {one['name']} = {one['value']}" for enum in interface["enums"] for one in enum["constants"]]
    out += [f"macro {one['name']}: {one['text']}" for one in interface["macros"]]
    out += [f"type {one['name']}: {one['type']}" for one in interface["types"]]
    out += [f"type {one['name']}: void (*)({_types(one)})" for one in interface["callbacks"]]
    out += [f"function {one['name']}: {one['result']} ({_types(one)})" for one in interface["functions"]]
    for struct in interface["structs"]:
        name = struct["name"]
        out.append(f"struct {name}: size {struct['size']}, alignment {struct['alignment']}")
        for field in struct["fields"]:
            out.append(f"field {name}.{field['name']}: {field['type']}, offset {field['offset']}, size {field['size']}")
    return [f"major {interface['version'].split('.')[0]}", *sorted(out)]


def _types(function: Node) -> str:
    return ", ".join(one["type"] for one in function["parameters"]) or "void"


def compare(recorded: Node, current: Node) -> tuple[list[str], list[str]]:
    """The changes that break programs built with the recorded interface, and the things that are not recorded yet."""
    before = {_key(line): line for line in lines(recorded)}
    now = {_key(line): line for line in lines(current)}
    if before["major"] != now["major"]:
        # With a new major number everything may change.
        return [], [f"was {before['major']}; is {now['major']}"]
    breaks: list[str] = []
    new: list[str] = []
    for key, line in before.items():
        if key not in now:
            breaks.append(f"gone: {line}")
        elif now[key] != line:
            (new if _has_grown(key, line, now[key]) else breaks).append(f"was {line}; is {now[key]}")
    new += [f"new: {line}" for key, line in now.items() if key not in before]
    if not breaks and not new and dump(recorded) != dump(current):
        changed = set(dump(current).splitlines()) - set(dump(recorded).splitlines())
        new.append(f"other words: {sorted(changed)[0].strip()[:160] if changed else 'their order'}")
    return breaks, new


def _key(line: str) -> str:
    return re.split(r"[:=]", line)[0].strip() if " " in line and not line.startswith("major") else "major"


def _has_grown(key: str, before: str, now: str) -> bool:
    """Whether only the size grew, of a struct that may grow."""
    sizes = [re.fullmatch(r"struct \w+: size (\d+), alignment (\d+)", line) for line in (before, now)]
    if not all(sizes) or key.removeprefix("struct ") in FROZEN:
        return False
    (old_size, old_alignment), (size, alignment) = (match.groups() for match in sizes if match)
    return int(size) > int(old_size) and alignment == old_alignment
