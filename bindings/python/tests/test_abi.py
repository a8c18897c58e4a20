"""ctypes' layouts of the generated structs match the record, and the record has every function that the package calls."""

from __future__ import annotations

import ctypes
import json
import re

import pytest
from capdist import Status, _abi, _native
from support import ROOT, SOURCE

RECORD = json.loads((ROOT / "bindings" / "abi" / "capdist.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("recorded", RECORD["structs"], ids=lambda one: one["name"])
def test_structs_are_the_record_s(recorded: dict[str, object]) -> None:
    name = "".join(word.capitalize() for word in str(recorded["name"]).split("_")[1:])
    struct = getattr(_abi, name)
    assert (ctypes.sizeof(struct), ctypes.alignment(struct)) == (recorded["size"], recorded["alignment"])
    fields = [(f[0].lstrip("_"), getattr(struct, f[0]).offset, getattr(struct, f[0]).size) for f in struct._fields_]
    assert fields == [(one["name"], one["offset"], one["size"]) for one in recorded["fields"]]  # type: ignore[attr-defined]


def test_statuses_have_the_library_s_names_and_sentences() -> None:
    recorded = {one["value"]: one for enum in RECORD["enums"] if enum["name"] == "status" for one in enum["constants"]}
    assert set(recorded) == {int(status) for status in Status}
    for status in Status:
        assert _native.text(_native.lib.capdist_status_name(status)) == f"CAPDIST_{status.name}" == recorded[status]["name"]
        assert _native.text(_native.lib.capdist_status_text(status)) == recorded[status]["text"]


def test_every_function_in_use_is_declared() -> None:
    sources = {path.name: path.read_text(encoding="utf-8") for path in (SOURCE / "capdist").glob("*.py")}
    del sources["_abi.py"]
    written = "".join(sources.values())
    used = set(re.findall(r"\blib\.(capdist_\w+)", written))
    assert len(used) > 10
    assert used <= set(_abi.PROTOTYPES)
    # No function is called that waits in C, where Ctrl-C has no effect. capdist_wait_ready is called with a timeout of 0 only.
    assert "capdist_fetch_capital_distribution" not in written
    assert re.findall(r"capdist_wait_ready\(([^)]*)\)", written) == ["self.handle, 0"]


def test_the_library_is_of_the_header_s_version() -> None:
    assert ".".join(_native.lib.capdist_version().decode().split(".")[:2]) == ".".join(map(str, _abi.VERSION))
