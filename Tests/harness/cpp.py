"""The C++ headers' tests: with gcc and clang, as C++17 and C++20, and under AddressSanitizer."""

from __future__ import annotations

import shutil
from pathlib import Path

from . import checks
from .gateway import simulator
from .suite import RELEASE, RESULTS, ROOT, Run

TESTS = ROOT / "Tests" / "cpp"
SAMPLES = ROOT / "bindings" / "cpp" / "samples"
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
    for source in sorted(SAMPLES.glob("*.cpp")):
        program = _compile(run, "g++", ["-std=c++17"], [source], out / source.stem)
        with simulator() as port:
            outcome = run.program([program, "HK.00700", "127.0.0.1", str(port)], limit_s=30)
        good = outcome.status == 0 and FIGURE in outcome.output
        run.check(f"sample {source.stem}", None if good else f"{outcome.ended}: {outcome.output[-200:]}")


def _compile(run: Run, compiler: str, options: list[str], sources: list[Path], program: Path) -> Path:
    if compiler == "clang++":  # the one that Swift comes with
        compiler = str(Path(shutil.which("swift") or "swift").resolve().with_name("clang++"))
    link = [f"-L{RELEASE}", "-lcapdist", f"-Wl,-rpath,{RELEASE}"]
    run.build([compiler, *options, *FLAGS, *sources, "-o", program, *link])
    return program
