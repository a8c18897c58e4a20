"""The shipped library in applications that the C test programs cannot be: one that loads and unloads it, one in Swift, and
others. The Makefile builds them, and passes the part in the variable PART."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from conditions import conditions, played, ways
from harness.gateway import simulator
from harness.pages import blocks
from harness.standalone import standalone
from harness.suite import RELEASE, RESULTS, ROOT, Run, SuiteError
from loops import loops
from neighbours import neighbours
from secrets_left import secrets

OUT = RESULTS / "guests"


def guests(run: Run) -> None:
    """Runs the programs of a part."""
    run.part("unload", _unload)
    run.part("neighbours", neighbours)
    with simulator("--no-quota") as port:
        run.part("swift-application", _swift_application, port)
        run.part("swift-sample", _swift_sample, port)
        run.part("swift-times", _swift_times)
    run.part("websocket-sample", _websocket_sample)
    run.part("loops", loops)
    run.part("conditions", conditions)
    run.part("secrets", secrets)
    run.part("first-uses", _first_uses)


def _unload(run: Run) -> None:
    """The library is loaded and closed, with its connections in every state: unencrypted, encrypted and over TLS."""
    library = RELEASE / "libcapdist.so.1"
    copy = OUT / "libcopy.so"
    shutil.copyfile(library, copy)
    cycles = int(os.environ.get("CAPDIST_CYCLES", "100"))
    no_data = run.build(["gcc", "-print-file-name=libm.so.6"]).output.strip()
    # malloc's caches for each thread would count as the library's memory.
    strict = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1"}
    with ways() as where:
        for what, rounds in (("cycle", cycles), ("early", 0), ("callback", 48), ("fork", 0), ("exit", 48), ("copies", 0), ("loading", 200)):
            # glibc 2.36's loader at times ends a process in which a thread uses its thread-local data while another loads a library that
            # has some: so the other library has none.
            other = no_data if what == "loading" else copy
            command = [OUT / "unload", what, str(rounds), library, other, *where]
            played(run, f"unload, {what}", command, strict if what == "cycle" else None, limit_s=300)
        command = [OUT / "unload", "plugin", "0", library, OUT / "plugin.so", *where]
        played(run, "unload, a plug-in's destructor waits for its worker", command, limit_s=60)
        command = [OUT / "unload", "versions", "0", library, _next_version(run), *where]
        played(run, "unload, two versions", command, limit_s=300)
        # A copy without debug information beside it: valgrind 3.19 cannot read Swift's.
        valgrind = ["valgrind", "--quiet", "--error-exitcode=3", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect"]
        played(run, "unload, under valgrind", [*valgrind, OUT / "unload", "cycle", "2", copy, copy, *where], limit_s=300)


def _next_version(run: Run) -> Path:
    """The library with another version number. Its C is compiled with another header; its Swift is the same."""
    tree = OUT / "next-version"
    shutil.rmtree(tree, ignore_errors=True)
    for folder in ("include", "scripts", "Sources"):
        shutil.copytree(ROOT / folder, tree / folder)
    shutil.copytree(RELEASE / "capdist.build", tree / "out" / "capdist.build", ignore=shutil.ignore_patterns("modules"))
    header = tree / "include" / "capdist.h"
    text = header.read_text(encoding="utf-8")
    higher, count = re.subn(r"(?<=^#define CAPDIST_VERSION_MINOR )\d+", lambda minor: str(int(minor[0]) + 1), text, flags=re.M)
    if count != 1:
        raise SuiteError("include/capdist.h has no minor number")
    header.write_text(higher, encoding="utf-8")
    made = tree / "out" / "libcapdist.so"
    # The Swift object is reused.
    keep = ["-o", made.parent / "capdist.build" / "CapDist.o"]
    run.build(["make", "--silent", "-C", tree, "-f", "scripts/library.mk", f"OUT={made.parent}", *keep, made])
    return made


def _websocket_sample(run: Run) -> None:
    """The C sample fetch over an OpenD's WebSocket with TLS, with the options that the page shows."""
    program = OUT / "fetch"
    tls = ROOT / "Tests" / "vectors" / "tls"
    key = ("--websocket-port", "0", "--websocket-key", "7522027ccf5a06b1")
    certificate = ("--tls-cert", str(tls / "server.pem"), "--tls-key", str(tls / "key.pem"))
    for name, options, words in (
        ("plain", key, ()),
        ("TLS", (*key, *certificate), ("--tls", "--ca", str(tls / "ca.pem"))),
    ):
        with simulator("--no-quota", *options) as port:
            command = [program, "--websocket", "--key", key[3], *words, "HK.00700", "127.0.0.1", str(port)]
            if words:
                # As on the page, with another address.
                (block,) = (block for block in blocks(ROOT / "bindings/c/README.md") if "--websocket" in block.text)
                here = {"./fetch": program, "ca.pem": words[2], "opend.example": "127.0.0.1", "33333": port}
                shown = [str(here.get(word, word)) for word in shlex.split(block.text)]
                run.check("fetch --websocket, as the page shows it", None if shown == list(map(str, command)) else f"{shown}")
            outcome = run.program(command, limit_s=30)
            right = outcome.status == 0 and '"capitalInBig": 859479380' in outcome.output
            run.check(f"fetch --websocket, {name}", None if right else f"{outcome.ended}: {outcome.output[-300:]}")
            if words:
                outcome = run.program([program, "--websocket", "--key", key[3], "--tls", "HK.00700", "127.0.0.1", str(port)])
                right = outcome.status == 1 and "certificate" in outcome.output
                run.check("fetch --tls without the CA", None if right else f"{outcome.ended}: {outcome.output[-300:]}")


def _swift_application(run: Run, port: int) -> None:
    program = OUT / "swift-application"
    needed = run.build(["readelf", "--dynamic", "--wide", program]).output
    dynamic = "libswiftCore.so" in needed and "libcapdist.so.1" in needed
    run.check("the Swift application has a runtime of its own", None if dynamic else "it needs no libswiftCore.so")
    for number in range(1, 6):
        outcome = run.program([program, str(port)], limit_s=60)
        good = outcome.status == 0 and outcome.output == "1600 answers\n"
        run.check(f"a Swift application, {number}", None if good else f"{outcome.ended}: {outcome.output.strip()[-300:]}")


def _swift_times(run: Run) -> None:
    """The sample's reader of update times, with the table of all languages."""
    program = OUT / "swift-times"
    table = ROOT / "Tests" / "cases" / "times.tsv"
    cases = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    outcome = run.program(["bash", "-c", 'exec "$0" <"$1"', program, table], limit_s=30)
    expected = [f"{name}\t{read}" for name, _, read in cases]
    different = [line for line, right in zip(outcome.output.splitlines(), expected, strict=False) if line != right]
    good = cases and outcome.status == 0 and outcome.output.splitlines() == expected
    run.check("the Swift sample reads update times", None if good else "; ".join(different) or outcome.ended)


def _swift_sample(run: Run, port: int) -> None:
    """bindings/swift, as its README says: a package that finds the installed library by pkg-config. In a copy, since Swift
    builds in the package's folder."""
    prefix = OUT / "prefix"
    run.build(["make", "--silent", "install", f"PREFIX={prefix}", f"RELEASE={RELEASE}"])
    env = {"PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig", "LD_LIBRARY_PATH": f"{prefix}/lib"}
    copy = OUT / "net-flow"
    package = copy / "bindings" / "swift"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(ROOT / "bindings" / "swift", package, ignore=shutil.ignore_patterns(".build"))
    built = run.program(["swift", "build", "--package-path", package], env=env)
    trouble = re.findall(r".*(?:warning|error): .*", built.output)
    run.check("the Swift sample builds", "; ".join(trouble[:5]) or (built.ended if built.status else None))
    securities = ["HK.00700", "US.AAPL", "HK.99999", "nonsense"]
    outcome = run.program([package / ".build" / "debug" / "net-flow", "127.0.0.1", str(port), *securities], env=env, limit_s=30)
    right = outcome.status == 0 and outcome.output == SWIFT_SAMPLE
    run.check("the Swift sample prints what stayed in each stock", None if right else outcome.output or outcome.ended)
    # One slot, for a stock that is named three times.
    with simulator("--quota", "1/60") as strict:
        command = [package / ".build" / "debug" / "net-flow", "127.0.0.1", str(strict), *["HK.00700"] * 3]
        outcome = run.program(command, env=env, limit_s=30)
    right = outcome.status == 0 and outcome.output == SWIFT_SAMPLE.splitlines(keepends=True)[0] * 3
    run.check("the Swift sample shares answers", None if right else outcome.output or outcome.ended)
    # With the functions that it is linked with. Reading beyond a struct's end would crash the process.
    env_older = env | {"LD_LIBRARY_PATH": str(OUT / "older"), "CAPDIST_REAL": f"{prefix}/lib/libcapdist.so.1"}
    command = [package / ".build" / "debug" / "net-flow", "127.0.0.1", str(port), *securities]
    outcome = run.program(command, env=env_older, limit_s=30)
    right = outcome.status == 0 and outcome.output == SWIFT_SAMPLE
    run.check("the Swift sample over structs of version 1.0", None if right else outcome.output or outcome.ended)
    (block,) = blocks(ROOT / "bindings/swift/README.md")
    outcome = run.program(["bash", "-ec", block.text.replace("11111", str(port))], env=env, cwd=copy)
    right = outcome.status == 0 and outcome.output.endswith("".join(SWIFT_SAMPLE.splitlines(keepends=True)[:2]))
    run.check("the Swift page's commands", None if right else outcome.output[-400:] or outcome.ended)


#: In minus out of the simulator's figures, rounded; and the reason where there are none.
SWIFT_SAMPLE = """\
HK.00700\tsuper 572149520\tbig 415073660\tmid 259204060\tsmall 203851180\tmain 987223180\tretail 463055240\ttotal 1450278420\tat 10:44
US.AAPL\tsuper 9322867\tbig 10426249\tmid -7816505\tsmall 6672171\tmain 19749116\tretail -1144334\ttotal 18604782\tat 15:59
HK.99999\tfailed: the gateway refused (retType -1): 未知股票 HK.99999
nonsense\tfailed: a security is written MARKET.CODE, such as HK.00700
"""

#: Data that Swift makes at first use, by the end of the mangled names: the tokens of globals.
LAZY = re.compile(r"^([0-9a-f]+) \w (\$e\S*Wz)$", re.MULTILINE)
#: C tests that together use every part of the library.
EVERYTHING = "application_driven application_process callbacks connect encryption frames json names proto queue quota reconnect release replies security threads".split()
EVERYTHING.append("websocket")


def _first_uses(run: Run) -> None:
    """A process's first call makes all data that Swift makes at first use, so that no fork meets a thread that is making it."""
    library = RELEASE / "libcapdist.so"  # the shipped library, with its symbols
    out = OUT / "c"
    preload = out / "first_uses.so"
    names = subprocess.run(["nm", library], check=True, capture_output=True, text=True).stdout
    lazy = LAZY.findall(names)
    listed = out / "lazy"
    listed.write_text("".join(f"{at} {name}\n" for at, name in lazy))

    def uses(program: str, limit_s: float) -> set[str]:
        told = out / f"{program}.uses"
        told.unlink(missing_ok=True)
        env = {"LD_PRELOAD": str(preload), "FIRST_USES": str(listed), "FIRST_USES_OUT": str(told)}
        env |= {"CAPDIST_LIBDIR": str(out), "CAPDIST_SIMULATOR": str(RELEASE / "opend-simulator")}
        outcome = run.program([out / program], limit_s=limit_s, env=env)
        if outcome.status != 0:
            raise SuiteError(f"{program} with {preload.name}: {outcome.ended}")
        return set(told.read_text().split())

    first = uses("first_call", 10)
    # Fewer would mean that the search is wrong.
    few = f"{len(first)} of {len(lazy)} made by the first call"
    run.check("the first call makes what is made at first use", few if len(first) < 5 else None)
    for name in EVERYTHING:
        late = uses(f"test_{name}", 60) - first
        run.check(f"nothing is made later: test_{name}", ", ".join(sorted(late)))


if __name__ == "__main__":
    sys.exit(standalone(guests))
