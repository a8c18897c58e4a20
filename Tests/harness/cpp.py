"""The C++ headers' tests: with gcc and clang, as C++17 and C++20, and under sanitizers."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from . import checks
from .cases import Face, check_cases
from .gateway import simulator
from .sanitizers import sanitized, toolchain
from .samples import is_documented
from .suite import RELEASE, RESULTS, ROOT, Outcome, Run, side_by_side

TESTS = ROOT / "Tests" / "cpp"
SAMPLES = ROOT / "bindings" / "cpp" / "samples"
MESSAGES = ROOT / "Sources" / "CMessages" / "proto"
PROTOBUF = ("Qot_GetCapitalDistribution", "Qot_Common", "Common")
#: The vendor's samples begin after this many lines of includes and using directives.
PROLOGUE = 8
BRANDS = ("futu", "moomoo")
FLAGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-Iinclude", "-Ibindings/cpp/include", "-pthread"]
#: Name, compiler, options.
Build = tuple[str, str, list[str]]
BUILDS: list[Build] = [
    ("gcc-17", "g++", ["-std=c++17", "-O2"]),
    ("gcc-20", "g++", ["-std=c++20", "-O2"]),
    ("clang-17", "clang++", ["-std=c++17", "-O2"]),
    ("clang-20", "clang++", ["-std=c++20", "-O2"]),
    ("gcc-address", "g++", ["-std=c++20", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"]),
]
RSA_KEY = ROOT / "Tests" / "vectors" / "rsa" / "1024.pem"
#: Over a library that is built with it too.
THREAD: Build = ("clang-thread", "clang++", ["-std=c++20", "-O1", "-g", "-fsanitize=thread"])
ALL_BUILDS = (*BUILDS, THREAD)
SAMPLES_BUILD: Build = ("samples", "g++", ["-std=c++17"])
#: Of these the named cases' players.
CASES_BUILDS = (BUILDS[-1], THREAD)
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


@dataclass(frozen=True)
class Program:
    """What is compiled and linked, in one of the builds."""

    name: str
    build: Build
    sources: list[Path]
    libraries: Sequence[str | Path] = ()


def cpp(run: Run) -> None:
    """The tests in each build, the named cases in each face, then the samples."""
    checks.library(run)
    library, _ = sanitized(run, "thread")
    _under_both_names(library)
    out = RESULTS / "cpp"
    out.mkdir(parents=True, exist_ok=True)
    suppressions = out / "suppressions"
    suppressions.write_text(SUPPRESSIONS, encoding="utf-8")
    os.environ["TSAN_OPTIONS"] = f"suppressions={suppressions}"
    messages = _messages(run, out)
    _build(run, out, messages)
    run.part("modern", _modern, out)
    run.part("vendor", _vendor, out)
    run.part("cases", _cases, out)
    run.part("no-exceptions", _no_exceptions, out)
    run.part("samples", _samples, out)
    run.part("vendor-samples", _vendor_samples, out, messages)


def _doctest_filter(run: Run) -> list[str]:
    return [f"--test-case=*{run.only.name}*"] if run.only.name else []


def _doctest_problem(outcome: Outcome) -> str | None:
    ran = "test cases:" in outcome.output and "| 0 failed" in outcome.output
    return None if outcome.status == 0 and ran else outcome.ended


def _messages(run: Run, out: Path) -> list[str | Path]:
    """Generates and compiles protobuf's classes, once for all. Returns what a program that uses them is built with."""
    made = out / "messages"
    made.mkdir(exist_ok=True)
    run.build(["protoc", f"--cpp_out={made}", f"-I{MESSAGES}", *(MESSAGES / f"{name}.proto" for name in PROTOBUF)])

    def compiled(source: Path) -> Path:
        made_of_it = source.with_suffix(".o")
        run.build(["g++", "-std=c++17", "-O1", f"-I{made}", "-c", source, "-o", made_of_it], at_once=True)
        return made_of_it

    objects = side_by_side(compiled, sorted(made.glob("*.cc")))
    return ["-Ibindings/cpp/include/ftapi", "-isystem", made, *objects, "-lprotobuf"]


def _build(run: Run, out: Path, messages: list[str | Path]) -> None:
    """All that needs no port in its text, two at a time. Doctest's own code, which takes a compiler as long as all else of
    a test, is compiled once: it is not what is tested."""
    doctest = out / "doctest.o"
    run.build(["g++", "-std=c++17", "-O1", "-c", TESTS / "main" / "main.cpp", "-o", doctest])
    modern = [*sorted(TESTS.glob("*.cpp")), doctest]
    vendor = [*sorted((TESTS / "vendor").glob("*.cpp")), doctest]
    programs = [Program(f"cases-modern-{build[0]}", build, [TESTS / "cases" / "modern.cpp"]) for build in CASES_BUILDS]
    programs += [Program(f"cases-vendor-{build[0]}", build, [TESTS / "cases" / "vendor.cpp"], messages) for build in CASES_BUILDS]
    # What takes longest first, lest it is waited for at the end.
    for build in reversed(ALL_BUILDS):
        programs += [Program(f"test-{build[0]}", build, modern), Program(f"vendor-{build[0]}", build, vendor, messages)]

    programs += [Program(f"cases-asio-{build[0]}", build, [TESTS / "cases" / "asio.cpp"]) for build in CASES_BUILDS]
    programs += [Program(name, SAMPLES_BUILD, [SAMPLES / f"{name}.cpp"]) for name in ("first", "watch", "periodic")]

    def compiled(program: Program) -> Path:
        _, compiler, options = program.build
        return _compile(run, compiler, options, program.sources, out / program.name, *program.libraries, at_once=True)

    for _ in side_by_side(compiled, programs):
        pass


def _modern(run: Run, out: Path) -> None:
    def play(build: Build) -> Outcome:
        with simulator("--no-quota") as port:
            env = {"CAPDIST_PORT": str(port)}
            return run.program([out / f"test-{build[0]}", *_doctest_filter(run)], limit_s=120, env=env, at_once=True)

    for build, outcome in zip(ALL_BUILDS, side_by_side(play, ALL_BUILDS), strict=True):
        run.check(f"the modern face, {build[0]}", _doctest_problem(outcome))


def _vendor(run: Run, out: Path) -> None:
    def play(build: Build) -> Outcome:
        with ExitStack() as stack:
            env = {
                variable: str(stack.enter_context(simulator(*given))) for variable, given in VENDOR_GATEWAYS.items()
            }
            env["CAPDIST_RSA_KEY"] = str(RSA_KEY)
            # Ten seconds of waiting tell the same in every build.
            less = [] if build is BUILDS[0] else ["--test-case-exclude=InitConnect is given up*"]
            return run.program([out / f"vendor-{build[0]}", *less, *_doctest_filter(run)], limit_s=120, env=env, at_once=True)

    for build, outcome in zip(ALL_BUILDS, side_by_side(play, ALL_BUILDS), strict=True):
        run.check(f"the vendor's face, {build[0]}", _doctest_problem(outcome))


def _cases(run: Run, out: Path) -> None:
    """The named cases: every way to ask, under AddressSanitizer and ThreadSanitizer."""
    for name, _, _ in CASES_BUILDS:
        modern, vendor = (out / f"cases-{face}-{name}" for face in ("modern", "vendor"))
        faces = [Face(f"{way}, {name}", [modern, way], way == "callbacks") for way in WAYS]
        asio = Face(f"asio, {name}", [out / f"cases-asio-{name}"])
        check_cases(run, [*faces, asio, Face(f"vendor, {name}", [vendor], False, False)])


def _no_exceptions(run: Run, out: Path) -> None:
    """A program without exceptions and types at run time, linked to a part that has them: in either order."""
    for name, compiler, options in (BUILDS[0], BUILDS[-2]):
        compiler = compiler if compiler == "g++" else str(toolchain() / "bin" / compiler)
        without, part = out / f"without-{name}.o", out / f"with-{name}.o"
        build = [compiler, *FLAGS, *options, "-c"]
        run.build([*build, "-fno-exceptions", "-fno-rtti", TESTS / "no_exceptions" / "main.cpp", "-o", without])
        run.build([*build, TESTS / "no_exceptions" / "with.cpp", "-o", part])
        for order, objects in (("first", [without, part]), ("last", [part, without])):
            program = out / f"no-exceptions-{name}-{order}"
            run.build([compiler, *objects, "-pthread", f"-L{RELEASE}", "-lcapdist", f"-Wl,-rpath,{RELEASE}", "-o", program])
            with simulator("--no-quota") as port:
                outcome = run.program([program, str(port)], limit_s=60)
            good = outcome.status == 0 and outcome.output == "all well\n"
            run.check(f"without exceptions, {name}, linked {order}", None if good else outcome.output[-300:] or outcome.ended)


def _samples(run: Run, out: Path) -> None:
    with simulator() as port:
        outcome = run.program([out / "first", "HK.00700", "127.0.0.1", str(port)], limit_s=30)
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

    _periodic(run, out)
    trace = out / "watch.trace"
    securities = [f"HK.{number:05}" for number in range(1, 13)]
    # Five a second, which the gateway sees to; so many fit into four seconds and a bit, and the last may be on its way.
    with simulator("--quota", "5/1", "--trace", str(trace)) as port:
        outcome = run.program([out / "watch", "127.0.0.1", str(port), "4", "5", "1000", *securities], limit_s=30)
    updates = [int(found) for found in re.findall(r"\t(\d+) updates\tbig in \d", outcome.output)]
    seen = [json.loads(line) for line in trace.read_text(encoding="utf-8").splitlines()]
    refused = [event for event in seen if "refused" in event]
    even = len(updates) == len(securities) and max(updates) - min(updates) <= 1 and sum(updates) >= 18
    good = outcome.status == 0 and even and not refused
    why = f"{outcome.ended}, {len(refused)} refused, updates {updates}"
    run.check("sample watch keeps a list up to date inside its quota", None if good else why)


def _periodic(run: Run, out: Path) -> None:
    """Two rounds of the sample that asks again and again; the second goes on with the first's file."""
    table, chart = out / "periodic.csv", out / "periodic.svg"
    table.unlink(missing_ok=True)
    with simulator() as port:
        words = ["127.0.0.1", str(port), "0", "2", table, chart, "HK.00700", "HK.99999", "US.AAPL"]
        outcome = run.program([out / "periodic", *words], limit_s=30)
    lines = table.read_text(encoding="utf-8").splitlines() if table.exists() else []
    expected = "HK.00700,2022-06-08 10:44:21,987223180,463055240,1450278420,0.36737422499003075"
    good = outcome.status == 0 and len(lines) == 5 and lines[1] == expected == lines[3] and "HK.99999: " in outcome.output
    run.check("sample periodic writes its table", None if good else f"{outcome.ended}: {lines} {outcome.output[-200:]}")
    drawn = chart.read_text(encoding="utf-8") if chart.exists() else ""
    paths = re.findall(r'stroke="#\w+" d="([^"]*)"', drawn)
    run.check("sample periodic draws its chart", None if len(paths) == 3 and paths.count("") == 1 else drawn)


def _vendor_samples(run: Run, out: Path, messages: list[str | Path]) -> None:
    """The samples of the vendor's documentation."""
    texts = {brand: (SAMPLES / f"{brand}_sample.cpp").read_text(encoding="utf-8") for brand in BRANDS}
    for brand in BRANDS:
        same = is_documented(f"cpp {brand}", texts[brand].splitlines()[PROLOGUE:])
        run.check(f"{brand}: the sample is the documentation's", None if same else "its words are others")

    def play(sample: tuple[str, Build]) -> Outcome:
        brand, (name, compiler, options) = sample
        with simulator() as port:
            # The sample has its port in its text; for the test alone it is another.
            source = out / f"{brand}-{name}.cpp"
            source.write_text(texts[brand].replace("11111", str(port)), encoding="utf-8")
            options = [*options, "-Wno-unused-parameter"]
            program = _compile(run, compiler, options, [source], out / f"{brand}-{name}", *messages, at_once=True)
            # It goes on until a key is pressed.
            return run.program(["sh", "-c", f"(sleep 2; echo) | '{program}'"], limit_s=30, at_once=True)

    samples = [(brand, build) for brand in BRANDS for build in (BUILDS[0], BUILDS[2])]
    for (brand, build), outcome in zip(samples, side_by_side(play, samples), strict=True):
        good = outcome.status == 0 and _words(outcome.output.splitlines()) == _words(OUTPUT.splitlines())
        run.check(f"{brand}: the sample's output, {build[0]}", None if good else outcome.output[-300:] or outcome.ended)


def _words(lines: list[str]) -> list[list[str]]:
    """The words of each line that has some: the documentation lost the sample's white space."""
    return [line.split() for line in lines if line.strip()]


def _compile(
    run: Run,
    compiler: str,
    options: list[str],
    sources: list[Path],
    program: Path,
    *libraries: str | Path,
    at_once: bool = False,
) -> Path:
    libdir, link = RELEASE, list[str]()
    if options is THREAD[2]:
        library, link = sanitized(run, "thread")
        libdir = library.parent
    if compiler == "clang++":
        compiler = str(toolchain() / "bin" / "clang++")
    link = [*link, f"-L{libdir}", "-lcapdist", f"-Wl,-rpath,{libdir}"]
    run.build([compiler, *FLAGS, *options, *sources, "-o", program, *libraries, *link], at_once=at_once)
    return program


def _under_both_names(library: Path) -> None:
    link = library.with_name("libcapdist.so.1")
    link.unlink(missing_ok=True)
    link.symlink_to(library.name)
