"""The C interface against the recorded one, and that the comparison sees what breaks programs."""

from __future__ import annotations

from . import checks
from .suite import RESULTS, ROOT, Outcome, Run, SuiteError

COMPARE = ROOT / "scripts" / "abi.py"
PAGE = ROOT / "docs" / "foreign.md"
MAJOR = "#define CAPDIST_VERSION_MAJOR 1"
#: What is done to a copy of the header: a name, the words, what is there instead, and what must be said of it.
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
     "not recorded (make abi): new: field capdist_quota.more"),
    ("a new macro", "/** The code. Its", "#define CAPDIST_MORE(x) (x)\n/** The code. Its",
     "not recorded (make abi): new: macro CAPDIST_MORE(x)"),
    ("a new function", "/** @return the library's version", "CAPDIST_API void capdist_more(void);\n/** @return the",
     "not recorded (make abi): new: function capdist_more"),
]  # fmt: skip


def abi(run: Run) -> None:
    """The interface is the recorded one; a copy of the header that differs is told apart."""
    outcome = run.program([COMPARE])
    run.check("the interface is the recorded one", outcome.output.strip() if outcome.status else None)
    recorded = (ROOT / "packaging" / "capdist.abi").read_text(encoding="utf-8")
    missing = [name for name in checks.declared_functions() if f"\nfunction {name}: " not in recorded]
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
    _page(run)
    defined = run.program(["cc", "-E", "-P", "-Werror", "-DCAPDIST_API=", ROOT / "include" / "capdist.h"])
    why = "it is defined again" if defined.status else "visibility" if "visibility" in defined.output else None
    run.check("CAPDIST_API may be defined by who includes the header", why)


def _page(run: Run) -> None:
    """The page's sizes and offsets are the record's (the first comparison); a copy with another is told apart."""
    text = PAGE.read_text(encoding="utf-8")
    copy = RESULTS / PAGE.name
    for name, words, other in (
        ("an offset of the page", "| 4 | 60 | `char[60]`", "| 8 | 60 | `char[60]`"),
        ("a field that the page lacks", "| 0 | 4 | `int32_t` | `market` |\n", ""),
    ):
        if words not in text:
            raise SuiteError(f"the page has no {words!r} to change")
        copy.write_text(text.replace(words, other, 1), encoding="utf-8")
        outcome = run.program([COMPARE, "--page", copy])
        good = outcome.status == 1 and "the layouts in foreign.md are not the record's" in outcome.output
        run.check(f"told apart: {name}", None if good else outcome.output[-300:] or outcome.ended)


def _compared(run: Run, header: str) -> Outcome:
    copy = RESULTS / "changed.h"
    copy.write_text(header, encoding="utf-8")
    return run.program([COMPARE, "--header", copy])
