"""What suites share: the builds of the library, and facts about the header and the library."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .suite import RELEASE, ROOT, SCRATCH, SCRATCH_DEBUG, Run, SuiteError, once

#: The only libraries that the shipped library needs, each with its Debian package.
NEEDED = {"libc.so.6": "libc6"}
#: The variable that tells a suite that the library was built already.
BUILT = "CAPDIST_BUILT"
CORE = ("CapDist", "Core", "Codec")


def swift_build(*arguments: str) -> list[str]:
    """The build command of all suites: of the shipped library, or of the debug build."""
    scratch = SCRATCH if "release" in arguments else SCRATCH_DEBUG
    return ["swift", "build", "--scratch-path", str(scratch), *arguments]


@once
def library(run: Run) -> None:
    """Updates the shipping build: `libcapdist.so.1`, its debug information, and `opend-simulator`. For a suite that runs as a
    program of its own, that was done before."""
    if os.environ.get(BUILT):
        return
    run.build(["make", "--silent", "lib", f"SCRATCH={SCRATCH.name}"])


@once
def alone(run: Run) -> Path:
    """The library's own code, linked with the system's OpenSSL and protobuf-c. It is not shipped."""
    library(run)
    run.build(["make", "--silent", "-f", "scripts/library.mk", f"OUT={RELEASE}", "alone"])
    return RELEASE / "alone" / "libcapdist.so.1"


@once
def tool(run: Run) -> None:
    """Updates the command, and the library that it uses."""
    library(run)
    if os.environ.get(BUILT):
        return
    run.build(["make", "--silent", "tool", f"SCRATCH={SCRATCH.name}"])


def declared_functions() -> list[str]:
    """The functions that include/capdist.h declares, in its order. Raises SuiteError if there are none."""
    header = (ROOT / "include" / "capdist.h").read_text(encoding="utf-8")
    code = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    names = re.findall(r"^CAPDIST_API\b[^;(]*?\b(\w+)\s*\(", code, flags=re.MULTILINE)
    if not names:
        raise SuiteError("no function found in include/capdist.h")
    return names


def version() -> str:
    """The version in the header."""
    text = (ROOT / "include" / "capdist.h").read_text(encoding="utf-8")
    return ".".join(re.findall(r"^#define CAPDIST_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$", text, flags=re.MULTILINE))
