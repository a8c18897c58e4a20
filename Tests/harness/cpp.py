"""The C++ headers' tests: with gcc and clang, as C++17 and C++20, and under AddressSanitizer."""

from __future__ import annotations

import shutil
from pathlib import Path

from . import checks
from .gateway import simulator
from .suite import RELEASE, RESULTS, ROOT, Run

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
    """The tests in each build, then the samples."""
    checks.library(run)
    out = RESULTS / "cpp"
    out.mkdir(parents=True, exist_ok=True)
    for name, compiler, options in BUILDS:
        program = _compile(run, compiler, options, sorted(TESTS.glob("*.cpp")), out / f"test-{name}")
        with simulator("--no-quota") as port:
            outcome = run.program([program], limit_s=120, env={"CAPDIST_PORT": str(port)})
        ran = "test cases:" in outcome.output and "| 0 failed" in outcome.output
        run.check(f"the modern face, {name}", None if outcome.status == 0 and ran else outcome.ended)
    _first(run, out)
    _vendor(run, out)


def _first(run: Run, out: Path) -> None:
    program = _compile(run, "g++", ["-std=c++17"], [SAMPLES / "first.cpp"], out / "first")
    with simulator() as port:
        outcome = run.program([program, "HK.00700", "127.0.0.1", str(port)], limit_s=30)
    good = outcome.status == 0 and FIGURE in outcome.output
    run.check("sample first", None if good else f"{outcome.ended}: {outcome.output[-200:]}")


def _vendor(run: Run, out: Path) -> None:
    """The vendor's classes: their tests, and the samples of the documentation."""
    made = out / "messages"
    made.mkdir(exist_ok=True)
    run.build(["protoc", f"--cpp_out={made}", f"-I{MESSAGES}", *(MESSAGES / f"{name}.proto" for name in PROTOBUF)])
    messages = sorted(made.glob("*.cc"))
    include = ["-Ibindings/cpp/include/ftapi", "-isystem", str(made)]
    vendor = sorted((TESTS / "vendor").glob("*.cpp"))
    for name, compiler, options in BUILDS:
        options = [*options, *include]
        program = _compile(run, compiler, options, [*vendor, *messages], out / f"vendor-{name}", "-lprotobuf")
        with simulator() as port:
            outcome = run.program([program], limit_s=120, env={"CAPDIST_PORT": str(port)})
        ran = "test cases:" in outcome.output and "| 0 failed" in outcome.output
        run.check(f"the vendor's face, {name}", None if outcome.status == 0 and ran else outcome.ended)
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
                options = [*options, *include, "-Wno-unused-parameter"]
                program = _compile(run, compiler, options, [source, *messages], out / f"{brand}-{name}", "-lprotobuf")
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
    run: Run, compiler: str, options: list[str], sources: list[Path], program: Path, *libraries: str
) -> Path:
    if compiler == "clang++":  # the one that Swift comes with
        compiler = str(Path(shutil.which("swift") or "swift").resolve().with_name("clang++"))
    link = [f"-L{RELEASE}", "-lcapdist", f"-Wl,-rpath,{RELEASE}"]
    run.build([compiler, *FLAGS, *options, *sources, "-o", program, *link, *libraries])
    return program
