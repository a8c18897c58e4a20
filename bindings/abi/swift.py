"""Generates the library's enum of statuses: the numbers, the constants' names and the sentences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import record
from words import MARK, camel

Node = dict[str, Any]

#: The enum's properties: name, comment, and key in the record.
PROPERTIES = [("name", "The constant's name in capdist.h.", "name"), ("text", "A sentence for people.", "text")]


def write(interface: Node, root: Path) -> dict[str, str]:
    """Status.swift, wherever it is in Sources."""
    statuses = [(camel(one["name"].removeprefix("CAPDIST_")), one) for one in record.statuses(interface)]
    lines = [f"// {MARK} A status's sentence is bindings/abi/capdist.json's.", ""]
    lines += ["/// What became of a request, a connection or a call. The numbers are those of `CAPDIST_*` in capdist.h."]
    lines += ["package enum Status: Int32, CaseIterable, Sendable {"]
    lines += [f"    case {case} = {one['value']}" for case, one in statuses]
    for name, words, key in PROPERTIES:
        lines += ["", f"    /// {words}", f"    package var {name}: StaticString {{", "        switch self {"]
        lines += [f"        case .{case}: {json.dumps(one[key], ensure_ascii=False)}" for case, one in statuses]
        lines += ["        }", "    }"]
    (file,) = (root / "Sources").rglob("Status.swift")
    return {str(file.relative_to(root)): "\n".join([*lines, "}", ""])}
