"""Suites that are no program's: builds, format, generated code, the header, the shipped library."""

from __future__ import annotations

import platform
import re
import shutil
import time
from pathlib import Path

from .suite import RELEASE, RESULTS, ROOT, SCRATCH, Run, SuiteError

#: What the shipped library may need, and nothing else: no Foundation, no Dispatch, no Swift runtime.
NEEDED = {"libc.so.6", "libcrypto.so.3", "libgcc_s.so.1", "libm.so.6", "libprotobuf-c.so.1", "libstdc++.so.6"}
MAX_LIBRARY_BYTES = 7_500_000
MAX_RELEASE_BUILD_S = 120

CORE = ("CapDist", "Connection", "Codec", "Limiter")
#: What a process that forked can not go on with.
BANNED = re.compile(
    r"^\s*(?:@\w+\s+)*(?:public |package |internal |private )?import (?:Foundation\w*|Dispatch|_Concurrency)\b"
    r"|\bTask\s*(?:\.|\{|\()|\bawait\b|\basync\b",
    re.MULTILINE,
)

#: Includes the header twice, and takes every function it declares.
PROGRAM = """#include "capdist.h"
#include "capdist.h"
typedef void (*function)(void);
static const function functions[] = {{{functions}}};
int main(void) {{
    capdist_options options;
    return capdist_options_init(&options, sizeof options) != CAPDIST_OK || functions[0] == 0;
}}
"""


def swift_build(*arguments: str) -> list[str]:
    """The build command of all suites."""
    return ["swift", "build", "--scratch-path", str(SCRATCH), *arguments]


def library(run: Run) -> None:
    """Brings the shipping build up to date: `libcapdist.so` under both its names, and `opend-simulator`."""
    run.build(swift_build("-c", "release"))
    link = RELEASE / "libcapdist.so.1"
    link.unlink(missing_ok=True)
    link.symlink_to("libcapdist.so")


def builds(run: Run) -> None:
    """Builds everything from nothing, since only then every warning is printed."""
    shutil.rmtree(SCRATCH, ignore_errors=True)
    started = time.monotonic()
    release = run.program(swift_build("-c", "release"))
    took_s = time.monotonic() - started
    run.check("release build", _build_trouble(release.status, release.output))
    slow = f"took {took_s:.0f} s" if release.status != 0 or took_s > MAX_RELEASE_BUILD_S else None
    run.check(f"release build from nothing in under {MAX_RELEASE_BUILD_S} s", slow)
    debug = run.program(swift_build("--build-tests"))
    run.check("debug build, tests included", _build_trouble(debug.status, debug.output))


def _build_trouble(status: int, output: str) -> str | None:
    told = [line for line in output.splitlines() if re.search(r"\b(?:warning|error): ", line)]
    if told:
        return "; ".join(told[:5])
    return f"exit status {status}" if status != 0 else None


def sources(run: Run) -> None:
    """Checks on the text of the sources."""
    lint = run.program(["swift", "format", "lint", "--strict", "--recursive", "Sources", "Tests", "Package.swift"])
    run.check("swift format lint --strict", lint.output.strip()[:400] or f"{lint.ended}" if lint.status != 0 else None)
    messages = run.program(["make", "--silent", "messages-check"])
    run.check("generating the messages again gives what is checked in", _failure(messages.status, messages.output))
    vectors = ROOT / "Tests" / "vectors" / "opend.json"
    shared = ROOT.parent / "shared" / "vectors" / "opend.json"
    if shared.exists():
        differs = shared.read_bytes() != vectors.read_bytes()
        run.check("vectors are the shared ones", f"{vectors.name} is another" if differs else None)
    for module in CORE:
        files = sorted((ROOT / "Sources" / module).glob("**/*.swift"))
        found = [f"{path.name}: {match[0].strip()}" for path in files for match in BANNED.finditer(_code(path))]
        problem = "; ".join(found) if files else "no source found"
        run.check(f"{module} uses no Foundation, Dispatch or Swift concurrency", problem)


def _code(path: Path) -> str:
    """The source without its line comments."""
    return re.sub(r"//.*", "", path.read_text(encoding="utf-8"))


def _failure(status: int, output: str) -> str | None:
    return (output.strip()[-400:] or f"exit status {status}") if status != 0 else None


def declared_functions() -> list[str]:
    """The functions that include/capdist.h declares, in its order. Raises SuiteError if there is none."""
    header = (ROOT / "include" / "capdist.h").read_text(encoding="utf-8")
    code = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    names = re.findall(r"^CAPDIST_API\b[^;(]*?\b(\w+)\s*\(", code, flags=re.MULTILINE)
    if not names:
        raise SuiteError("no function found in include/capdist.h")
    return names


def header(run: Run) -> None:
    """The header compiles as C99 and as C++17, without a word from the compilers."""
    functions = ", ".join(f"(function){name}" for name in declared_functions())
    flags = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Iinclude"]
    clang = Path(shutil.which("swift") or "swift").resolve().with_name("clang")
    compilers = [("c99", "c", "gcc"), ("c++17", "cpp", "g++"), ("c99", "c", clang), ("c++17", "cpp", f"{clang}++")]
    for standard, suffix, compiler in compilers:
        source = RESULTS / f"header.{suffix}"
        source.write_text(PROGRAM.format(functions=functions), encoding="utf-8")
        command = [compiler, f"-std={standard}", *flags, "-c", source, "-o", RESULTS / "header.o"]
        outcome = run.program([str(word) for word in command])
        name = f"capdist.h as {standard} with {Path(str(compiler)).name}"
        run.check(name, _failure(outcome.status, outcome.output))


def shipped(run: Run) -> None:
    """The shipped library is what it claims: its symbols, its size, what it needs and what it leaves alone."""
    library(run)
    path = (RELEASE / "libcapdist.so").resolve()
    exported = {
        line.split()[-1]
        for line in run.build(["nm", "-D", "--defined-only", "--extern-only", path]).output.splitlines()
    }
    declared = set(declared_functions())
    run.check("every declared function is exported", ", ".join(sorted(declared - exported)))
    run.check("nothing else is exported", ", ".join(sorted(exported - declared)))
    size = path.stat().st_size
    too_big = f"{size:,} bytes" if size > MAX_LIBRARY_BYTES else None
    run.check(f"smaller than {MAX_LIBRARY_BYTES / 1e6} MB", too_big)
    dynamic = run.build(["readelf", "--dynamic", "--wide", path]).output
    needed = {name for name in re.findall(r"\(NEEDED\).*\[(.+?)\]", dynamic) if not name.startswith("ld-linux")}
    run.check("needs only what it must", ", ".join(sorted(needed ^ NEEDED)))
    soname = re.findall(r"\(SONAME\).*\[(.+?)\]", dynamic)
    run.check("SONAME", None if soname == ["libcapdist.so.1"] else f"{soname}")
    for flag in ("NOW", "NODELETE"):
        there = re.search(rf"\(FLAGS(?:_1)?\).*\b{flag}\b", dynamic)
        run.check(f"linked with -z {flag.lower()}", None if there else "not set")
    imported = {
        line.split()[-1].split("@")[0] for line in run.build(["nm", "-D", "--undefined-only", path]).output.splitlines()
    }
    if not imported:
        raise SuiteError(f"nm found no import in {path.name} on {platform.machine()}")
    handlers = imported & {"sigaction", "signal", "bsd_signal", "sysv_signal", "__sysv_signal"}
    run.check("can install no signal handler", ", ".join(sorted(handlers)))
