"""Compares the C interface with the record, checks the generated files, and tests the comparison itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

from harness.builds import declared_functions, version
from harness.suite import RESULTS, ROOT, Outcome, Run, SuiteError

GENERATOR = ROOT / "bindings" / "abi"
MAJOR = "#define CAPDIST_VERSION_MAJOR 1"
#: Changes of a copy of the header: a name, the text, its replacement, and the message that must come.
CHANGES = [
    ("a function is gone", "capdist_status capdist_cancel(", "capdist_status capdist_end(",
     "breaks programs: gone: function capdist_cancel"),
    ("a parameter has another type", "capdist_conn *conn, int32_t timeout_ms", "capdist_conn *conn, int64_t timeout_ms",
     "breaks programs: was function capdist_wait_ready"),
    ("a result has another type", "int64_t capdist_reply_to_json", "int32_t capdist_reply_to_json",
     "breaks programs: was function capdist_reply_to_json"),
    ("a callback has another parameter", "capdist_closed_fn)(void *user_data)", "capdist_closed_fn)(int user_data)",
     "breaks programs: was type capdist_closed_fn"),
    ("a status has another value", "CAPDIST_REFUSED = 1,", "CAPDIST_REFUSED = 99,",
     "breaks programs: was constant CAPDIST_REFUSED = 1"),
    ("a macro has another value", "CAPDIST_CODE_SIZE 60", "CAPDIST_CODE_SIZE 64",
     "breaks programs: was constant CAPDIST_CODE_SIZE"),
    ("a macro computes something else", "((int32_t)((int64_t)(err_code) >> 32))", "((int32_t)((int64_t)(err_code) >> 31))",
     "breaks programs: was macro CAPDIST_ERR_KIND(err_code): "),
    ("a macro is gone", "#define CAPDIST_ERR_CODE(err_code)", "#define CAPDIST_ERR_NUMBER(err_code)",
     "breaks programs: gone: macro CAPDIST_ERR_CODE(err_code)"),
    ("a macro has another parameter", "#define CAPDIST_ERR_CODE(err_code)", "#define CAPDIST_ERR_CODE(err_code, more)",
     "breaks programs: gone: macro CAPDIST_ERR_CODE(err_code)"),
    ("a field in the middle", "capdist_security security; /**<", "int64_t more; capdist_security security; /**<",
     "breaks programs: was field capdist_reply.security"),
    ("a field of another type", "int32_t port; ", "uint32_t port; ", "breaks programs: was field capdist_options.port"),
    ("a frozen struct grows", "} capdist_security;", "int32_t more;} capdist_security;",
     "breaks programs: was struct capdist_security"),
    ("a field at the end", "} capdist_quota;", "int64_t more;} capdist_quota;",
     "not recorded (run `make abi`): new: field capdist_quota.more"),
    ("a new macro", "/** The code. Its", "#define CAPDIST_MORE(x) (x)\n/** The code. Its",
     "not recorded (run `make abi`): new: macro CAPDIST_MORE(x)"),
    ("a new function", "/** @return the library's version", "CAPDIST_API void capdist_more(void);\n/** @return the",
     "not recorded (run `make abi`): new: function capdist_more"),
]  # fmt: skip

#: Generated files, and a change of a copy of each.
STALE = [
    ("docs/foreign.md", "| 4 | 60 | `char[60]`", "| 8 | 60 | `char[60]`"),
    ("docs/errors.md", "| 7 | `CAPDIST_CANCELLED` |", "| 9 | `CAPDIST_CANCELLED` |"),
    ("docs/options.md", "| `max_queue` |", "| `longest_queue` |"),
    ("bindings/python/src/capdist/_abi.py", "TRANSPORT_WEBSOCKET = 1", "TRANSPORT_WEBSOCKET = 3"),
    ("bindings/java/src/main/java/capdist/Abi.java", "int TRANSPORT_WEBSOCKET = 1", "int TRANSPORT_WEBSOCKET = 3"),
    ("bindings/csharp/src/Abi.cs", "public int port;", "public uint port;"),
    ("bindings/csharp/src/Enums.cs", "Cancelled = 7", "Cancelled = 9"),
    ("bindings/node/src/abi.h", 'X("port", port)', 'X("port", mode)'),
    ("bindings/node/lib/abi.js", "CANCELLED: 7", "CANCELLED: 9"),
    ("bindings/node/lib/abi.d.ts", "CANCELLED: 7", "CANCELLED: 9"),
    ("Tests/c/statuses.h", "X(CAPDIST_CANCELLED, 7)", "X(CAPDIST_CANCELLED, 9)"),
]
#: For each generated file, the line that must check before it reads.
GUARDED = {
    "bindings/python/src/capdist/_abi.py": "return self._capital_in_dark if self.present & HAS_CAPITAL_IN_DARK else None",
    "bindings/csharp/src/Abi.cs": "(present & CAPDIST_HAS_CAPITAL_IN_DARK) != 0 ? capital_in_dark_ : (double?)null;",
    "bindings/node/src/abi.h": "return from->present & CAPDIST_HAS_CAPITAL_IN_DARK ? from->capital_in_dark : otherwise;",
    "bindings/java/src/main/java/capdist/Abi.java": "return (at.getInt(PRESENT) & HAS_CAPITAL_IN_DARK) != 0",
}


#: The handwritten files on a figure's way from the wire to every language (patterns), and how each spells its name.
LAYERS = {
    "capitalOutSuper": (
        *("Sources/CMessages/proto/Qot_GetCapitalDistribution.proto", "Sources/CapDist/ReplyJSON.swift"),
        *("bindings/java/src/main/java/capdist/CapitalDistribution.java", "bindings/node/lib/reply.js"),
        *("bindings/node/lib/index.d.ts", "bindings/node/lib/vendor.js", "bindings/node/lib/vendor.d.ts"),
    ),
    "capitaloutsuper": ("Sources/Codec/Messages/CapitalDistribution.swift",),
    "capital_out_super": (
        *("Sources/**/*Delivery.swift", "bindings/cpp/include/capdist/reply.hpp", "bindings/node/src/values.c"),
        *("bindings/python/src/capdist/_model.py", "Tests/cases/cases.json"),
    ),
    "CapitalOutSuper": ("bindings/csharp/src/Reply.cs",),
}
SPELLED = {
    "capital_out_super": lambda field: field,
    "capitaloutsuper": lambda field: field.replace("_", ""),
    "capitalOutSuper": lambda field: re.sub(r"_(\w)", lambda found: found[1].upper(), field),
    "CapitalOutSuper": lambda field: field.title().replace("_", ""),
}


def abi(run: Run) -> None:
    """The interface matches the record. A copy of the header that differs is detected."""
    outcome = run.program(["python3", "-B", GENERATOR])
    run.check("the interface is the recorded one, and what is generated is its own", outcome.output.strip() if outcome.status else None)
    recorded = (GENERATOR / "capdist.json").read_text(encoding="utf-8")
    missing = [name for name in declared_functions() if f'"name": "{name}"' not in recorded]
    run.check("every declared function is recorded", ", ".join(missing))
    header = (ROOT / "include" / "capdist.h").read_text(encoding="utf-8")
    for name, words, other, told in CHANGES:
        if words not in header:
            raise SuiteError(f"the header has no {words!r} to change")
        outcome = _compared(run, header.replace(words, other, 1))
        breaks = "breaks programs" in outcome.output
        good = outcome.status == 1 and told in outcome.output and breaks == told.startswith("breaks programs")
        run.check(f"told apart: {name}", None if good else outcome.output[-300:] or outcome.ended)
    without = header.replace("capdist_status capdist_cancel(", "capdist_status capdist_end(")
    outcome = _compared(run, without.replace(MAJOR, MAJOR.replace("1", "2")))
    told = "major 1; is major 2" in outcome.output and "breaks" not in outcome.output
    run.check("another major version may change anything", None if told else outcome.output[-300:])
    heading = re.search(r"^## (?:Unreleased \()?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    told = heading[1] if heading else "no version"
    run.check("CHANGELOG's newest section is of the header's version", None if told == version() else f"it tells {told}")
    _stale(run)
    _layers(run, recorded)
    _newer_fields(run, header)
    defined = run.program(["cc", "-E", "-P", "-Werror", "-DCAPDIST_API=", ROOT / "include" / "capdist.h"])
    why = "it is defined again" if defined.status else "visibility" if "visibility" in defined.output else None
    run.check("CAPDIST_API may be defined by who includes the header", why)


def _layers(run: Run, recorded: str) -> None:
    """Every layer has every figure. The recipe in docs/architecture.md uses this check's messages."""
    (struct,) = (found for found in json.loads(recorded)["structs"] if found["name"] == "capdist_capital_distribution")
    fields = [field["name"] for field in struct["fields"] if field["name"] != "present"]
    for spelling, files in LAYERS.items():
        for name in files:
            text = " ".join(path.read_text(encoding="utf-8") for path in ROOT.glob(name))
            words = set(re.findall(r"[A-Za-z_]\w*", text))
            missing = [SPELLED[spelling](field) for field in fields if not any(SPELLED[spelling](field) in word for word in words)]
            run.check(f"every figure is in {name}", ", ".join(missing))
    run.check("the record has figures", None if len(fields) >= 10 else f"{fields}")


def _stale(run: Run) -> None:
    """A stale or edited generated file is reported, with the command that writes it."""
    for name, words, other in STALE:
        text = (ROOT / name).read_text(encoding="utf-8")
        if words not in text:
            raise SuiteError(f"{name} has no {words!r} to change")
        copy = RESULTS / Path(name).name
        copy.write_text(text.replace(words, other, 1), encoding="utf-8")
        outcome = run.program(["python3", "-B", GENERATOR, "--instead", name, copy])
        good = outcome.status == 1 and f"stale (run `make abi`): {name} is not what the record makes" in outcome.output
        run.check(f"told as stale: {name}", None if good else outcome.output[-300:] or outcome.ended)


def _newer_fields(run: Run, header: str) -> None:
    """A field of a reply that is newer than its struct needs a bit, and every binding checks that bit before it reads the
    field."""
    field = ("} capdist_capital_distribution;", "    double capital_in_dark; /**< bought in the dark */\n} capdist_capital_distribution;")
    bit = ("    CAPDIST_HAS_CAPITAL_OUT_SUPER = 1 << 10", "    CAPDIST_HAS_CAPITAL_OUT_SUPER = 1 << 10,\n    CAPDIST_HAS_CAPITAL_IN_DARK = 1 << 11")
    outcome = _made(run, header.replace(*field, 1))
    told = "capital_in_dark is newer than its struct: the header needs CAPDIST_HAS_CAPITAL_IN_DARK" in outcome.output
    run.check("a reply's new field needs a bit that tells it is there", None if outcome.status and told else outcome.output[-300:])
    outcome = _made(run, header.replace(*field, 1).replace(*bit, 1))
    run.check("a reply's new field is generated", None if outcome.status == 0 else outcome.output[-300:])
    for name, words in GUARDED.items():
        text = (RESULTS / "generated" / name).read_text(encoding="utf-8") if outcome.status == 0 else ""
        lines = [line.strip() for line in text.splitlines()]
        run.check(f"a reply's new field is read by its bit: {name}", None if words in lines else f"there is no line {words!r}")


def _made(run: Run, header: str) -> Outcome:
    copy = RESULTS / "changed.h"
    copy.write_text(re.sub(r"(?<=#define CAPDIST_VERSION_MINOR )\d+", "999", header), encoding="utf-8")
    return run.program(["python3", "-B", GENERATOR, "--header", copy, "--into", RESULTS / "generated"])


def _compared(run: Run, header: str) -> Outcome:
    copy = RESULTS / "changed.h"
    copy.write_text(header, encoding="utf-8")
    return run.program(["python3", "-B", GENERATOR, "--header", copy])
