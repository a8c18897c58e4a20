"""The package's view of the C interface against the header, as a C compiler reads it."""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path

import pytest
from capdist import Retry, Status, _connection, _native
from support import HEADER, SOURCE

STRUCTS: dict[str, type[ctypes.Structure]] = {
    "capdist_security": _native.Security,
    "capdist_capital_distribution": _native.Distribution,
    "capdist_flow": _native.Flow,
    "capdist_reply": _native.Reply,
    "capdist_proto_reply": _native.ProtoReply,
    "capdist_options": _native.Options,
    "capdist_request_options": _native.RequestOptions,
    "capdist_connection_info": _native.ConnectionInfo,
    "capdist_quota": _native.Quota,
}

#: Constants of the package, by the header's names.
CONSTANTS = {
    "CAPDIST_CODE_SIZE": _native.CODE_SIZE,
    "CAPDIST_QUOTA_DEFAULT": _native.QUOTA_DEFAULT,
    "CAPDIST_QUOTA_WAIT": _native.QUOTA_WAIT,
    "CAPDIST_QUOTA_FAIL": _native.QUOTA_FAIL,
    "CAPDIST_HAS_UPDATE_TIME": _native.HAS_UPDATE_TIME,
    "CAPDIST_HAS_RET_TYPE": _native.HAS_RET_TYPE,
    "CAPDIST_HAS_RET_MSG": _native.HAS_RET_MSG,
    "CAPDIST_HAS_ERR_CODE": _native.HAS_ERR_CODE,
    "CAPDIST_HAS_RETRY": _native.HAS_RETRY,
    **{f"CAPDIST_RETRY_{retry.name}": int(retry) for retry in Retry},
    "CAPDIST_STATE_CONNECTING": _native.STATE_CONNECTING,
    "CAPDIST_STATE_READY": _native.STATE_READY,
    "CAPDIST_STATE_NOT_CONNECTED": _native.STATE_NOT_CONNECTED,
}


def header_code() -> str:
    """The header without its comments."""
    return re.sub(r"/\*.*?\*/", "", HEADER.read_text(encoding="utf-8"), flags=re.DOTALL)


def header_statuses() -> dict[str, int]:
    """The enumerators of the header's enum of statuses."""
    (body,) = re.findall(r"enum \{([^}]*\bCAPDIST_OK\b[^}]*)\}", header_code())
    return {name: int(value) for name, value in re.findall(r"(CAPDIST_\w+) = (\d+)", body)}


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What a C compiler says: sizes, offsets, field sizes, and constants."""
    lines = []
    for name, struct in STRUCTS.items():
        lines.append(f'P("{name}", sizeof({name}));')
        lines.append(f'P("alignof {name}", _Alignof({name}));')
        for field, *_ in struct._fields_:
            lines.append(f'P("{name}.{field}", offsetof({name}, {field}));')
            lines.append(f'P("sizeof {name}.{field}", sizeof((({name} *)0)->{field}));')
    lines += [f'P("{name}", {name});' for name in (*CONSTANTS, *header_statuses())]
    folder = tmp_path_factory.mktemp("layout")
    source = folder / "layout.c"
    source.write_text(
        '#include <stdio.h>\n#include "capdist.h"\n'
        '#define P(name, value) printf("%s\\t%lld\\n", name, (long long)(value))\n'
        "int main(void) {\n" + "\n".join(lines) + "\nreturn 0;\n}\n",
        encoding="utf-8",
    )
    program = folder / "layout"
    command = ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{HEADER.parent}", source, "-o", program]
    subprocess.run(command, check=True, timeout=60)
    out = subprocess.run([program], check=True, timeout=10, capture_output=True, text=True).stdout
    return {name: int(value) for name, value in (line.split("\t") for line in out.splitlines())}


@pytest.mark.parametrize("name", STRUCTS)
def test_struct(name: str, compiler: dict[str, int]) -> None:
    struct = STRUCTS[name]
    assert ctypes.sizeof(struct) == compiler[name]
    assert ctypes.alignment(struct) == compiler[f"alignof {name}"]
    for field, *_ in struct._fields_:
        assert getattr(struct, field).offset == compiler[f"{name}.{field}"], field
        assert getattr(struct, field).size == compiler[f"sizeof {name}.{field}"], field


@pytest.mark.parametrize("name", STRUCTS)
def test_struct_has_the_fields_of_the_header(name: str) -> None:
    (body,) = re.findall(rf"typedef struct {name} \{{(.*?)\}} {name};", header_code(), flags=re.DOTALL)
    declared = re.findall(r"(\w+)(?:\[\w+\])?;", body)
    assert [field for field, *_ in STRUCTS[name]._fields_] == declared


def test_every_struct_of_the_header_is_known() -> None:
    assert set(re.findall(r"typedef struct (\w+) \{", header_code())) == set(STRUCTS)


def test_statuses(compiler: dict[str, int]) -> None:
    declared = header_statuses()
    assert len(declared) > 25
    assert {f"CAPDIST_{status.name}": int(status) for status in Status} == declared
    assert {name: compiler[name] for name in declared} == declared


def test_statuses_have_the_library_s_names() -> None:
    for status in Status:
        assert _native.text(_native.lib.capdist_status_name(status)) == f"CAPDIST_{status.name}"


def test_constants(compiler: dict[str, int]) -> None:
    assert {name: compiler[name] for name in CONSTANTS} == CONSTANTS


def test_functions_are_declared_as_in_the_header() -> None:
    declared = {
        name: (" ".join(result.split()), [" ".join(word.split()) for word in arguments.split(",")])
        for result, name, arguments in re.findall(
            r"^CAPDIST_API\b([^;(]*?)(\w+)\s*\(([^)]*)\);", header_code(), flags=re.MULTILINE
        )
    }
    assert set(_native._PROTOTYPES) <= set(declared)
    sizes = {"capdist_status": 4, "int32_t": 4, "int64_t": 8, "const char *": 8}
    for name, (result, arguments) in _native._PROTOTYPES.items():
        expected_result, expected = declared[name]
        assert ctypes.sizeof(result) == sizes[expected_result], name
        assert len(arguments) == (0 if expected == ["void"] else len(expected)), name
        for argument, words in zip(arguments, expected):
            is_pointer = "*" in words or re.match(r"capdist_\w+_fn\b", words) is not None
            number = re.match(r"(?:const )?(u?int(?:32|64)_t|size_t|capdist_status)\b", words)
            size = 8 if is_pointer or (number and number[1] in ("size_t", "int64_t", "uint64_t")) else 4
            assert ctypes.sizeof(argument) == size, f"{name}: {words}"


def test_every_function_in_use_is_declared() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (SOURCE / "capdist").glob("*.py"))
    used = set(re.findall(r"\blib\.(capdist_\w+)", sources)) | set(re.findall(r'"(capdist_\w+_init)"', sources))
    assert len(used) > 10
    assert used <= set(_native._PROTOTYPES)
    # No function that waits inside C, where Ctrl-C reaches nobody; capdist_wait_ready is asked to only look.
    assert "capdist_fetch_capital_distribution" not in sources
    assert re.findall(r"capdist_wait_ready\(([^)]*)\)", sources) == ["self.handle, 0"]


def test_callbacks_take_what_the_header_says() -> None:
    declared = dict(re.findall(r"typedef void \(\*(capdist_\w+_fn)\)\(([^)]*)\)", header_code()))
    known = {
        "capdist_reply_fn": _connection._on_reply,
        "capdist_proto_fn": _connection._on_proto_reply,
        "capdist_init_connect_fn": _connection._on_init_connect,
        "capdist_disconnect_fn": _connection._on_disconnect,
        "capdist_attempt_failed_fn": _connection._on_attempt_failed,
        "capdist_push_fn": _connection._on_push,
        "capdist_log_fn": _connection._on_log,
        "capdist_closed_fn": _connection._on_closed,
        "capdist_resolve_fn": _connection._on_resolve,
        "capdist_thread_start_fn": _native.ThreadStartFn(),
    }
    assert set(declared) == set(known)
    for name, callback in known.items():
        arguments = type(callback)._argtypes_
        words = declared[name].split(",")
        assert len(arguments) == len(words), name
        for argument, word in zip(arguments, words):
            size = 8 if "*" in word or "int64_t" in word or "size_t" in word else 4
            assert ctypes.sizeof(argument) == size, f"{name}: {word}"


def test_a_header_is_there_to_compare_with() -> None:
    assert Path(HEADER).is_file()
    assert len(STRUCTS) == 9
