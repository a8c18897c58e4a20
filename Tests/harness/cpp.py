"""The C++ headers' tests: with gcc and clang, as C++17 and C++20, and under sanitizers."""

from __future__ import annotations

import json
import os
import re
import shutil
from contextlib import ExitStack
from pathlib import Path

from . import checks
from .cases import Face, check_cases
from .gateway import simulator
from .sanitizers import sanitized, toolchain
from .suite import RELEASE, RESULTS, ROOT, Outcome, Run

TESTS = ROOT / "Tests" / "cpp"
SAMPLES = ROOT / "bindings" / "cpp" / "samples"
MESSAGES = ROOT / "Sources" / "CMessages" / "proto"
PROTOBUF = ("Qot_GetCapitalDistribution", "Qot_Common", "Common")
#: What the project was started from; not part of the project, and not everywhere.
SEED = ROOT.parent / "shared" / "seeds" / "get-capital-distribution.txt"
#: The vendor's samples begin after this many lines of includes and using directives.
PROLOGUE = 8
BRANDS = {"futu": "FTSPI_Qot", "moomoo": "MMSPI_Qot"}
FLAGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-Iinclude", "-Ibindings/cpp/include", "-pthread"]
#: Name, compiler, options.
BUILDS = [
    ("gcc-17", "g++", ["-std=c++17", "-O2"]),
    ("gcc-20", "g++", ["-std=c++20", "-O2"]),
    ("clang-17", "clang++", ["-std=c++17", "-O2"]),
    ("clang-20", "clang++", ["-std=c++20", "-O2"]),
    ("gcc-address", "g++", ["-std=c++20", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"]),
]
RSA_KEY = ROOT / "Tests" / "vectors" / "rsa" / "1024.pem"
#: Over a library that is built with it too.
THREAD = ("clang-thread", "clang++", ["-std=c++20", "-O1", "-g", "-fsanitize=thread"])
#: libstdc++ counts an exception's owners where ThreadSanitizer does not see it.
SUPPRESSIONS = "race:std::__exception_ptr::exception_ptr::_M_release\n"
#: Gateways of the vendor's face, by the variable that tells where they listen.
VENDOR_GATEWAYS = {
    "CAPDIST_PORT": ("--fault", "empty-body@HK.00002"),
    "CAPDIST_PORT_REFUSES": ("--fault", "init-refused"),
    "CAPDIST_PORT_CLOSES": ("--fault", "accept-close"),
    "CAPDIST_PORT_ANSWERS_NONSENSE": ("--fault", "init-no-content"),
    "CAPDIST_PORT_SILENT": ("--fault", "accept-silent"),
    "CAPDIST_PORT_DROPS": ("--fault", "drop-after=1"),
    "CAPDIST_PORT_ENCRYPTED": ("--rsa-key", str(RSA_KEY)),
}
#: The modern face's ways to ask.
WAYS = ("blocking", "callbacks", "futures", "coroutines")
FIGURE = "capital in big:    859479380"
OUTPUT = """connect
Request GetCapitalDistribution SerialNo: 1
OnReply_GetCapitalDistribution SerialNo: 1
{
"retType": 0,
"retMsg": "",
"errCode": 0,
"s2c": {
"capitalInBig": 859479380,
"capitalInMid": 763181580,
"capitalInSmall": 1011289940,
"capitalOutBig": 444405720,
"capitalOutMid": 503977520,
"capitalOutSmall": 807438760,
"updateTime": "2022-06-08 10:44:21",
"updateTimestamp": 1654656261,
"capitalInSuper": 824967660,
"capitalOutSuper": 252818140
}
}
"""


def cpp(run: Run) -> None:
    """The tests in each build, the named cases in each face, then the samples."""
    checks.library(run)
    out = RESULTS / "cpp"
    out.mkdir(parents=True, exist_ok=True)
    suppressions = out / "suppressions"
    suppressions.write_text(SUPPRESSIONS, encoding="utf-8")
    os.environ["TSAN_OPTIONS"] = f"suppressions={suppressions}"
    for name, compiler, options in (*BUILDS, THREAD):
        program = _compile(run, compiler, options, sorted(TESTS.glob("*.cpp")), out / f"test-{name}")
        with simulator("--no-quota") as port:
            outcome = run.program([program], limit_s=120, env={"CAPDIST_PORT": str(port)})
        run.check(f"the modern face, {name}", _doctest_problem(outcome))
    messages = _messages(run, out)
    _vendor(run, out, messages)
    _cases(run, out, messages)
    _samples(run, out)
    _vendor_samples(run, out, messages)


def _doctest_problem(outcome: Outcome) -> str | None:
    ran = "test cases:" in outcome.output and "| 0 failed" in outcome.output
    return None if outcome.status == 0 and ran else outcome.ended


def _messages(run: Run, out: Path) -> list[str | Path]:
    """Generates and compiles protobuf's classes, once for all. Returns what a program that uses them is built with."""
    made = out / "messages"
    made.mkdir(exist_ok=True)
    run.build(["protoc", f"--cpp_out={made}", f"-I{MESSAGES}", *(MESSAGES / f"{name}.proto" for name in PROTOBUF)])
    objects = []
    for source in sorted(made.glob("*.cc")):
        objects.append(source.with_suffix(".o"))
        run.build(["g++", "-std=c++17", "-O1", f"-I{made}", "-c", source, "-o", objects[-1]])
    return ["-Ibindings/cpp/include/ftapi", "-isystem", made, *objects, "-lprotobuf"]


def _vendor(run: Run, out: Path, messages: list[str | Path]) -> None:
    sources = sorted((TESTS / "vendor").glob("*.cpp"))
    for name, compiler, options in (*BUILDS, THREAD):
        program = _compile(run, compiler, options, sources, out / f"vendor-{name}", *messages)
        with ExitStack() as stack:
            env = {
                variable: str(stack.enter_context(simulator(*given))) for variable, given in VENDOR_GATEWAYS.items()
            }
            env["CAPDIST_RSA_KEY"] = str(RSA_KEY)
            # Ten seconds of waiting tell the same in every build.
            less = [] if name == BUILDS[0][0] else ["--test-case-exclude=InitConnect is given up*"]
            outcome = run.program([program, *less], limit_s=120, env=env)
        run.check(f"the vendor's face, {name}", _doctest_problem(outcome))


def _cases(run: Run, out: Path, messages: list[str | Path]) -> None:
    """The named cases: every way to ask, under AddressSanitizer and ThreadSanitizer."""
    for name, compiler, options in (BUILDS[-1], THREAD):
        modern = _compile(run, compiler, options, [TESTS / "cases" / "modern.cpp"], out / f"cases-modern-{name}")
        vendor = _compile(
            run, compiler, options, [TESTS / "cases" / "vendor.cpp"], out / f"cases-vendor-{name}", *messages
        )
        faces = [Face(f"{way}, {name}", [modern, way], way == "callbacks") for way in WAYS]
        check_cases(run, [*faces, Face(f"vendor, {name}", [vendor], False, False)])


def _samples(run: Run, out: Path) -> None:
    first = _compile(run, "g++", ["-std=c++17"], [SAMPLES / "first.cpp"], out / "first")
    with simulator() as port:
        outcome = run.program([first, "HK.00700", "127.0.0.1", str(port)], limit_s=30)
    good = outcome.status == 0 and FIGURE in outcome.output
    run.check("sample first", None if good else f"{outcome.ended}: {outcome.output[-200:]}")

    # As one who installed it builds it: with nothing of the project's own folders.
    installed = out / "installed"
    shutil.rmtree(installed, ignore_errors=True)
    run.build(["make", "--silent", "install", f"DESTDIR={installed}", "PREFIX=", f"RELEASE={RELEASE}"])
    link = [f"-I{installed}/include", f"-L{installed}/lib", "-lcapdist", f"-Wl,-rpath,{installed}/lib"]
    run.build(["g++", "-std=c++17", SAMPLES / "first.cpp", "-o", installed / "first", *link])
    with simulator() as port:
        outcome = run.program([installed / "first", "HK.00700", "127.0.0.1", str(port)], limit_s=30)
    run.check("sample first, over what was installed", None if FIGURE in outcome.output else outcome.ended)

    watch = _compile(run, "g++", ["-std=c++17"], [SAMPLES / "watch.cpp"], out / "watch")
    trace = out / "watch.trace"
    securities = [f"HK.{number:05}" for number in range(1, 13)]
    # Five a second, which the gateway sees to; so many fit into four seconds and a bit, and the last may be on its way.
    with simulator("--quota", "5/1", "--trace", str(trace)) as port:
        outcome = run.program([watch, "127.0.0.1", str(port), "4", "5", "1000", *securities], limit_s=30)
    updates = [int(found) for found in re.findall(r"\t(\d+) updates\tbig in \d", outcome.output)]
    seen = [json.loads(line) for line in trace.read_text(encoding="utf-8").splitlines()]
    refused = [event for event in seen if "refused" in event]
    even = len(updates) == len(securities) and max(updates) - min(updates) <= 1 and sum(updates) >= 18
    good = outcome.status == 0 and even and not refused
    why = f"{outcome.ended}, {len(refused)} refused, updates {updates}"
    run.check("sample watch keeps a list up to date inside its quota", None if good else why)


def _vendor_samples(run: Run, out: Path, messages: list[str | Path]) -> None:
    """The samples of the vendor's documentation."""
    for brand, inherits in BRANDS.items():
        text = (SAMPLES / f"{brand}_sample.cpp").read_text(encoding="utf-8")
        if SEED.exists():
            same = _words(text.splitlines()[PROLOGUE:]) == _words(_seed_sample(inherits))
            run.check(f"{brand}: the sample is the documentation's", None if same else "its words are others")
        for name, compiler, options in (BUILDS[0], BUILDS[2]):
            with simulator() as port:
                # The sample has its port in its text; for the test alone it is another.
                source = out / f"{brand}_sample.cpp"
                source.write_text(text.replace("11111", str(port)), encoding="utf-8")
                options = [*options, "-Wno-unused-parameter"]
                program = _compile(run, compiler, options, [source], out / f"{brand}-{name}", *messages)
                # It goes on until a key is pressed.
                outcome = run.program(["sh", "-c", f"(sleep 2; echo) | '{program}'"], limit_s=30)
            good = outcome.status == 0 and _words(outcome.output.splitlines()) == _words(OUTPUT.splitlines())
            run.check(f"{brand}: the sample's output, {name}", None if good else outcome.output[-300:] or outcome.ended)


def _seed_sample(inherits: str) -> list[str]:
    """The documentation's C++ sample: from its class to the end of its main."""
    lines = SEED.read_text(encoding="utf-8").splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"class Program : public {inherits}"))
    end = next(at for at in range(start, len(lines)) if lines[at] == "}" and lines[at - 1] == "return 0;")
    return lines[start : end + 1]


def _words(lines: list[str]) -> list[list[str]]:
    """The words of each line that has some: the documentation lost the sample's white space."""
    return [line.split() for line in lines if line.strip()]


def _compile(
    run: Run, compiler: str, options: list[str], sources: list[Path], program: Path, *libraries: str | Path
) -> Path:
    libdir, link = RELEASE, list[str]()
    if options is THREAD[2]:
        library, link = sanitized(run, "thread")
        libdir = _both_names(library)
    if compiler == "clang++":
        compiler = str(toolchain() / "bin" / "clang++")
    link += [f"-L{libdir}", "-lcapdist", f"-Wl,-rpath,{libdir}"]
    run.build([compiler, *FLAGS, *options, *sources, "-o", program, *libraries, *link])
    return program


def _both_names(library: Path) -> Path:
    """Returns the folder."""
    link = library.with_name("libcapdist.so.1")
    link.unlink(missing_ok=True)
    link.symlink_to(library.name)
    return library.parent
