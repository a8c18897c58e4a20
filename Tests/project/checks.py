"""Suites without a program of their own: builds, format, generated code, the header, the recorded interface, the shipped
library.

    checks.py builds|sources|header|abi|shipped
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from pathlib import Path

import embedded
import sizes
from abi import abi
from harness.builds import CORE, NEEDED, alone, declared_functions, library, swift_build, version
from harness.standalone import standalone
from harness.suite import RELEASE, RESULTS, ROOT, SCRATCH, SCRATCH_DEBUG, Outcome, Run, SuiteError, side_by_side

#: The newest symbol versions that it asks for. A higher one shuts out older systems: raised here only if that is meant.
NEWEST = {"GLIBC": "2.34"}
#: What the simulator needs in addition, with the needs of its Swift runtime.
SIMULATOR_NEEDS = {
    "libcrypto.so.3": "libssl3",
    "libgcc_s.so.1": "libgcc-s1",
    "libjansson.so.4": "libjansson4",
    "libm.so.6": "libc6",
    "libprotobuf-c.so.1": "libprotobuf-c1",
    "libssl.so.3": "libssl3",
    "libstdc++.so.6": "libstdc++6",
}
MAX_LIBRARY_BYTES = 5_200_000
#: The limit of the library's own code, with its unwind tables.
MAX_OWN_BYTES = 650_000
MAX_SIMULATOR_BYTES = 7_500_000

#: What the loader writes to as it relocates the library's own code, in bytes, as measured.
DIRTY_BYTES = 6_536

#: What sources must not use, since it fails in a forked process.
BANNED = re.compile(
    r"^\s*(?:@\w+\s+)*(?:public |package |internal |private )?import (?:Foundation\w*|Dispatch|_Concurrency)\b"
    r"|\bTask\s*(?:\.|\{|\()|\bawait\b|\basync\b",
    re.MULTILINE,
)

#: What sources must not use, since it ends the process if the system has no random numbers.
RANDOM = re.compile(
    r"\bSystemRandomNumberGenerator\b|\.random\((?!.*\busing:)|\.(?:shuffled|shuffle|randomElement)\((?!.*\busing:)"
)

#: Includes the header twice, and refers to every function that it declares.
PROGRAM = """#include "capdist.h"
#include "capdist.h"
typedef void (*function)(void);
static const function functions[] = {{{functions}}};
int main(void) {{
    capdist_options options;
    return capdist_options_init(&options, sizeof options) != CAPDIST_OK || functions[0] == 0;
}}
"""


def builds(run: Run) -> None:
    """Builds everything from nothing, since a warning is printed only when a file is compiled: normal Swift in both
    configurations at the same time, then the shipped library."""
    configurations = {"release build": ("-c", "release"), "debug build, tests included": ("--build-tests",)}
    for scratch in (SCRATCH, SCRATCH_DEBUG):
        shutil.rmtree(scratch, ignore_errors=True)

    def build(arguments: tuple[str, ...]) -> Outcome:
        return run.program(swift_build(*arguments), at_once=True)

    for name, outcome in zip(configurations, side_by_side(build, configurations.values()), strict=True):
        run.check(name, _build_trouble(outcome.status, outcome.output))
    shipped = run.program(["make", "-f", "scripts/library.mk", f"OUT={SCRATCH / 'release'}"])
    run.check("the library that ships", _build_trouble(shipped.status, shipped.output))


def _build_trouble(status: int, output: str) -> str | None:
    told = [line for line in output.splitlines() if re.search(r"\b(?:warning|error): ", line)]
    if told:
        return "; ".join(told[:5])
    return f"exit status {status}" if status != 0 else None


def sources(run: Run) -> None:
    """Checks the text of the sources."""
    lint = run.program(["make", "--silent", "lint"])
    run.check("swift format lint --strict", lint.output.strip()[:400] or f"{lint.ended}" if lint.status != 0 else None)
    messages = run.program(["make", "--silent", "messages-check"])
    run.check("generating the messages again gives what is checked in", _failure(messages.status, messages.output))
    for module in CORE:
        files = sorted((ROOT / "Sources" / module).glob("**/*.swift"))
        found = [f"{path.name}: {match[0].strip()}" for path in files for match in BANNED.finditer(_code(path))]
        problem = "; ".join(found) if files else "no source found"
        run.check(f"{module} uses no Foundation, Dispatch or Swift concurrency", problem)
        found = [f"{path.name}: {match[0]}" for path in files for match in RANDOM.finditer(_code(path))]
        run.check(f"{module} draws no number from Swift's own generator", "; ".join(found))
        texts = {path.name: path.read_text(encoding="utf-8") for path in files}
        found = [f"{name}: {word}" for name, text in texts.items() for word in embedded.lacks(text)]
        run.check(f"{module} uses nothing that Embedded Swift lacks", "; ".join(found))
        found = [f"{name}: {initialiser}" for name, text in texts.items() for initialiser in embedded.early_failures(text)]
        run.check(f"{module}: no initialiser of a class fails before its last property is set", "; ".join(found))
    found, functions = sizes.too_long()
    problem = "; ".join(found) if functions > 3000 else f"only {functions} functions were found"
    run.check("no file and no function is too long", problem)
    run.check("the checks of what Embedded Swift asks see what they are for", embedded.fault_of_the_checks())


def _code(path: Path) -> str:
    """A source without line comments."""
    return re.sub(r"//.*", "", path.read_text(encoding="utf-8"))


def _failure(status: int, output: str) -> str | None:
    return (output.strip()[-400:] or f"exit status {status}") if status != 0 else None


def header(run: Run) -> None:
    """The header compiles as C99 and as C++17, without warnings."""
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
    """The shipped library has the promised symbols, size and dependencies, and uses nothing that it must not use."""
    library(run)
    path = RELEASE / "libcapdist.so.1"
    exported = {
        line.split()[-1]
        for line in run.build(["nm", "-D", "--defined-only", "--extern-only", path]).output.splitlines()
    }
    declared = set(declared_functions())
    run.check("every declared function is exported", ", ".join(sorted(declared - exported)))
    run.check("nothing else is exported", ", ".join(sorted(exported - declared)))
    _size(run, path, MAX_LIBRARY_BYTES)
    own = alone(run)
    _size(run, own, MAX_OWN_BYTES)
    _dirty(run, own)
    _hot(run)
    dynamic = run.build(["readelf", "--dynamic", "--wide", path]).output
    needed = _needs(run, path.name, dynamic, NEEDED)
    run.check("needs all that it may need", ", ".join(sorted(NEEDED.keys() - needed)))
    soname = re.findall(r"\(SONAME\).*\[(.+?)\]", dynamic)
    right = soname == [f"libcapdist.so.{version().split('.')[0]}"]
    run.check("SONAME has the major number", None if right else f"{soname} of version {version()}")
    _linking(run, path, dynamic)
    _newest_versions(run, path)
    # OpenSSL has a function that asks for a passphrase with it. Nothing calls that.
    imported = {
        line.split()[-1].split("@")[0] for line in run.build(["nm", "-D", "--undefined-only", own]).output.splitlines()
    }
    if not imported:
        raise SuiteError(f"nm found no import in {own.name} on {platform.machine()}")
    handlers = imported & {"sigaction", "signal", "bsd_signal", "sysv_signal", "__sysv_signal"}
    run.check("can install no signal handler", ", ".join(sorted(handlers)))
    _debug_information(run, path)

    _toolchain(run)
    simulator = RELEASE / "opend-simulator"
    _size(run, simulator, MAX_SIMULATOR_BYTES)
    dynamic = run.build(["readelf", "--dynamic", "--wide", simulator]).output
    _needs(run, simulator.name, dynamic, NEEDED | SIMULATOR_NEEDS)


def _toolchain(run: Run) -> None:
    """A Swift without the embedded standard library is refused, with what to install."""
    swiftc = RESULTS / "no-embedded" / "swiftc"
    swiftc.parent.mkdir(parents=True, exist_ok=True)
    target = '{"compilerVersion": "Swift version 5.8", "unversionedTriple": "x86_64", "runtimeResourcePath": "/nowhere"}'
    swiftc.write_text(f"#!/bin/sh\necho '{target}' | tr ',' '\\n'\n", encoding="utf-8")
    swiftc.chmod(0o755)
    command = ["make", "-f", "scripts/library.mk", f"OUT={RELEASE}", "toolchain"]
    outcome = run.program(command, env={"PATH": f"{swiftc.parent}:{os.environ['PATH']}"}, cwd=ROOT)
    told = "Swift version 5.8) has no embedded standard library" in outcome.output and "install a toolchain" in outcome.output
    run.check("another Swift is refused with what to install", None if outcome.status and told else outcome.output[-300:])
    outcome = run.program(command, cwd=ROOT)
    run.check("this Swift is not", None if outcome.status == 0 else outcome.output[-300:])


def _size(run: Run, path: Path, most: int) -> None:
    size = path.stat().st_size
    run.check(f"{path.name}: smaller than {most / 1e6} MB", f"{size:,} bytes" if size > most else None)


def _dirty(run: Run, own: Path) -> None:
    """The bytes that the loader writes when it loads the library. Processes cannot share them."""
    relocations = re.findall(r"^[0-9a-f]{16} .*\bR_", run.build(["readelf", "--relocs", "--wide", own]).output, re.MULTILINE)
    dirty = 8 * len(relocations)
    why = None if 0 < dirty <= DIRTY_BYTES + 64 else f"{dirty} bytes, recorded are {DIRTY_BYTES}"
    run.check("the loader writes no more bytes than are recorded", why)


def _hot(run: Run) -> None:
    """hot.txt, the list of functions that are optimised for speed, matches this source."""
    listed = (ROOT / "Sources" / "Embedded" / "hot.txt").read_text(encoding="utf-8").split()
    there = {line.split()[-1] for line in run.build(["nm", RELEASE / "libcapdist.so"]).output.splitlines()}
    gone = [name for name in listed if name not in there]
    why = f"`make order` writes hot.txt anew: gone are {', '.join(gone)}" if 10 * len(gone) > len(listed) else None
    run.check("the functions that are compiled for speed are in it", why if listed else "none is listed")


def _needs(run: Run, name: str, dynamic: str, allowed: dict[str, str]) -> set[str]:
    needed = {found for found in re.findall(r"\(NEEDED\).*\[(.+?)\]", dynamic) if not found.startswith("ld-linux")}
    run.check(f"{name}: needs only what it must", ", ".join(sorted(needed - allowed.keys())))
    # The system decides where the loader finds libraries.
    run.check(f"{name}: has no search path of its own", "; ".join(re.findall(r"\(R(?:UN)?PATH\).*", dynamic)))
    return needed


def _linking(run: Run, path: Path, dynamic: str) -> None:
    """The linker has made the library safe: data is read-only after relocation, and writable memory is not executable."""
    flags = set(re.findall(r"\w+", " ".join(re.findall(r"\(FLAGS(?:_1)?\)(.*)", dynamic))))
    run.check("linked with -z now", None if "NOW" in flags else "not set")
    # dlclose() must unload it (docs/embedding.md).
    run.check("linked without -z nodelete", "NODELETE is set" if "NODELETE" in flags else None)
    run.check("has no text relocation", "TEXTREL is set" if "TEXTREL" in dynamic else None)
    segments = run.build(["readelf", "--program-headers", "--wide", path]).output
    stack = re.findall(r"^ +GNU_STACK .*0x\w+ ([RWE ]{3}) 0\w*$", segments, flags=re.MULTILINE)
    run.check("its stack is not executable", None if stack == ["RW "] else f"GNU_STACK {stack}")
    run.check("its relocations are read-only", None if "GNU_RELRO" in segments else "no GNU_RELRO")
    both = re.findall(r"^ +LOAD .* RWE +0x\w+$", segments, flags=re.MULTILINE)
    run.check("no segment is writable and executable", "; ".join(both))


def _newest_versions(run: Run, path: Path) -> None:
    told = _newest(run.build(["readelf", "--version-info", "--wide", path]).output)
    wrong = [family for family in {*told, *NEWEST} if told.get(family) != NEWEST.get(family)]
    why = "; ".join(f"{family} {told.get(family)}, recorded is {NEWEST.get(family)}" for family in sorted(wrong))
    run.check("the newest symbol versions it asks for are the recorded ones", why)
    # A newer linker asks for this by default, and older loaders do not have it.
    seen = _newest("Version needs section\n Name: GLIBC_2.9 \n Name: GLIBC_2.35 \n Name: GLIBC_ABI_DT_RELR ")
    run.check("a version that is no number is seen", None if seen == {"GLIBC": "2.35", "GLIBC_ABI_DT_RELR": ""} else f"{seen}")


def _newest(version_info: str) -> dict[str, str]:
    """The newest version of each symbol family that an object needs, from readelf's output; "" for one without a number."""
    newest: dict[str, tuple[int, ...]] = {}
    for name in re.findall(r" Name: (\S+)", version_info.partition("Version needs section")[2]):
        family, _, number = name.rpartition("_")
        if re.fullmatch(r"\d+(\.\d+)*", number):
            newest[family] = max(newest.get(family, ()), tuple(map(int, number.split("."))))
        else:
            newest[name] = ()
    return {family: ".".join(map(str, numbers)) for family, numbers in newest.items()}


def _debug_information(run: Run, path: Path) -> None:
    """The debug information is beside the library, is found through it, and belongs to the same build."""
    sections = run.build(["readelf", "--sections", "--wide", path]).output
    left = re.findall(r" (\.symtab|\.debug\w+) ", sections)
    run.check("it carries no symbols and no debug information", ", ".join(left))
    debug = path.with_name(f"{path.name}.debug")
    ids = [re.findall(r"Build ID: (\w{40})", run.build(["readelf", "--notes", file]).output) for file in (path, debug)]
    run.check("it has the build id of its debug information", None if ids[0] and ids[0] == ids[1] else f"{ids}")
    # gdb is given the library alone, and finds the file beside it.
    symbols = run.build(["nm", debug]).output
    functions = {"csystem.c": r"csystem_wake", "ConnectionMachine.swift": r"\$e7CapDist17ConnectionMachineV\w+"}
    for file, pattern in functions.items():
        addresses = re.findall(rf"^(\w+) [tT] {pattern}$", symbols, flags=re.MULTILINE)[:20]
        asked = [word for address in addresses for word in ("-ex", f"info line *0x{address}")]
        lines = run.build(["gdb", "-nx", "-batch", *asked, path]).output if addresses else ""
        run.check(f"debuggers find the lines of {file}", None if f'{file}"' in lines else lines or "no such function")


if __name__ == "__main__":
    sys.exit(standalone({"abi": abi, "builds": builds, "header": header, "shipped": shipped, "sources": sources}[sys.argv[1]]))
