"""The C tests with a library, and programs, that were built with a sanitizer; and the C samples under valgrind."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from . import builds, cprograms
from .gateway import simulator
from .results import told
from .suite import RELEASE, RESULTS, ROOT, Case, Run, SuiteError, library_env, once

#: These measure memory, of which a sanitizer uses much.
MEASURES = {"test_memory", "test_footprint"}
#: A callback that is left by a jump or a thread's end leaves marks of its frames on the stack, which confuse a sanitizer.
LEAVE_FRAMES = {"test_sideways"}
#: ThreadSanitizer does not support fork() in a process with threads, and has a thread of its own.
LEFT_OUT = {
    "address": MEASURES | LEAVE_FRAMES,
    "thread": MEASURES | LEAVE_FRAMES | {"test_fork", "test_shared_fork", "test_exit", "test_descriptors"},
}
#: Of these, the ones that make threads in children of the program with the loop: a sanitizer knows the parent's stacks only.
LEFT_OUT_DRIVEN = {"address": {"test_fork", "test_descriptors"}, "thread": {"test_guest"}}
#: Programs that may leak. In a forked child: memory that the parent's threads used. While a process exits: the key of a
#: connection that another thread releases, and what OpenSSL's exit handler leaves of running threads. A cancelled thread:
#: memory of its frames.
_LOSE = ("test_fork", "test_exit", "test_descriptors", "test_blocking")
NO_LEAKS_SOUGHT = {(mode, program) for mode in ("thread", "application") for program in _LOSE}

#: For each sanitizer: a symbol that a library with it has, the build folder, options, further libraries to link.
SANITIZERS = {
    "address": ("__asan_init", ".build-asan", {"ASAN_OPTIONS": "detect_leaks=1:exitcode=99"}, ()),
    "thread": ("__tsan_init", ".build-tsan", {"TSAN_OPTIONS": "exitcode=99"}, ("-ldispatch", "-lBlocksRuntime")),
}


def sanitizers(run: Run) -> None:
    """AddressSanitizer with LeakSanitizer, then ThreadSanitizer, then valgrind."""
    builds.library(run)
    if not run.only:
        printed = "[ RUN      ] a\n[       OK ] a\n[ RUN      ] b\n0x1 != 0x2\nb.c:7: error: Failure!\n[  FAILED  ] b\n"
        seen = told(printed)
        run.check("a failed assertion is told", None if seen == "b: 0x1 != 0x2 b.c:7: error: Failure!" else seen)
    for name in SANITIZERS:
        _sanitize(run, name)
    run.part("valgrind", _valgrind)


@once
def sanitized(run: Run, name: str) -> tuple[Path, list[str]]:
    """Builds the library with a sanitizer: the shipped library with AddressSanitizer, or its sources as normal Swift with
    ThreadSanitizer. Returns it, with the flags to link a program with it."""
    _, folder, _, libraries = SANITIZERS[name]
    scratch = ROOT / folder
    run.build(["make", "--silent", "sanitized", f"SANITIZER={name}"])
    runtime = toolchain() / "lib" / "swift" / "linux"
    return scratch / "debug" / "libcapdist.so", [f"-L{runtime}", f"-Wl,-rpath,{runtime}", *libraries]


def _sanitize(run: Run, name: str) -> None:
    symbol, _, options, _ = SANITIZERS[name]
    library, link = sanitized(run, name)
    symbols = run.program(["nm", "-D", "--undefined-only", library]).output
    run.check(f"{name}: the library is instrumented", None if symbol in symbols else f"it does not need {symbol}")

    compiler = [f"CC={toolchain() / 'bin' / 'clang'}", f"CFLAGS=-O1 -g -fsanitize={name}", f"LDFLAGS={' '.join(link)}"]
    # The gateway is another process, without a sanitizer.
    env = {**library_env(), "CAPDIST_LIBDIR": str(library.parent), **options}
    env["CAPDIST_EXITS"] = "50"  # each process searches for leaks at its end
    out = {
        mode: cprograms.build(run, f"c-{name}", library.parent, mode, *compiler) for mode in cprograms.MODES
    }

    def play(mode: str, program: str) -> list[Case]:
        started = time.monotonic()
        no_leaks = {"ASAN_OPTIONS": "detect_leaks=0:exitcode=99"} if (mode, program) in NO_LEAKS_SOUGHT else {}
        env_of_it = {**env, **no_leaks, "CAPDIST_ONLY": run.only.name}
        outcome = run.program([out[mode] / program], limit_s=300, env=env_of_it, at_once=True)
        # A child of a test may have reported an error that the test does not see.
        why = next((line for line in outcome.output.splitlines() if "Sanitizer:" in line), "")
        if outcome.status != 0:
            why = "; ".join(filter(None, (outcome.ended, why, told(outcome.output))))
        return [Case(f"{name}, {mode}: {program}", not why, why, time.monotonic() - started)]

    left_out = {"thread": LEFT_OUT[name], "application": LEFT_OUT[name] | LEFT_OUT_DRIVEN[name]}
    cprograms.run_each(run, play, f"{name}, ", left_out.__getitem__)


def _valgrind(run: Run) -> None:
    """The samples with a copy of the shipped library: valgrind fails on Swift's debug information if it finds it."""
    samples = ("capital_distribution", "fetch")
    goals = [RESULTS / "c-valgrind-thread" / name for name in (*samples, "libcapdist.so.1")]
    out = cprograms.build(run, "c-valgrind", RELEASE, "thread", *goals)
    library = out / "libcapdist.so.1"
    library.unlink()
    shutil.copy(RELEASE / library.name, library)
    valgrind = ["valgrind", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite"]
    for sample in samples:
        with simulator() as port:
            outcome = run.program([*valgrind, out / sample, "HK.00700", "127.0.0.1", str(port)], limit_s=120)
        why = None if "859479380" in outcome.output else "it did not print the figures"
        run.check(f"valgrind: {sample}", why if outcome.status == 0 else outcome.ended)


def toolchain() -> Path:
    swift = shutil.which("swift")
    if swift is None:
        raise SuiteError("there is no swift")
    toolchain = Path(swift).resolve().parents[1]
    if not (toolchain / "bin" / "clang").exists():
        raise SuiteError(f"no clang beside {swift}: sanitizers need the one that Swift was built with")
    return toolchain
