"""The C tests over a library, and in programs, that were built with a sanitizer; the C samples under valgrind."""

from __future__ import annotations

import shutil
from pathlib import Path

from . import checks
from .gateway import simulator
from .suite import RELEASE, RESULTS, ROOT, Run, SuiteError

#: test_memory measures memory, which a sanitizer's own makes meaningless; ThreadSanitizer does not follow a process that
#: has threads, as it has one of its own, through a fork.
LEFT_OUT = {"address": {"test_memory"}, "thread": {"test_memory", "test_fork", "test_exit"}}
#: In a forked child, what only its parent's threads had in hand is lost by nature.
NO_LEAKS_SOUGHT = {"test_fork"}

#: For each sanitizer: the library's symbol that shows it is in, its build folder, what it is told, what else to link.
SANITIZERS = {
    "address": ("__asan_init", ".build-asan", {"ASAN_OPTIONS": "detect_leaks=1:exitcode=99"}, ()),
    "thread": ("__tsan_init", ".build-tsan", {"TSAN_OPTIONS": "exitcode=99"}, ("-ldispatch", "-lBlocksRuntime")),
}


def sanitizers(run: Run) -> None:
    """AddressSanitizer with LeakSanitizer, then ThreadSanitizer, then valgrind."""
    checks.library(run)
    for name in SANITIZERS:
        _sanitize(run, name)
    _valgrind(run)


def sanitized(run: Run, name: str) -> tuple[Path, list[str]]:
    """Builds the library with a sanitizer. Returns it, and what else a program of Swift's clang is linked with."""
    _, folder, _, libraries = SANITIZERS[name]
    scratch = ROOT / folder
    run.build(["swift", "build", "--sanitize", name, "--product", "capdist", "--scratch-path", scratch])
    runtime = toolchain() / "lib" / "swift" / "linux"
    return scratch / "debug" / "libcapdist.so", [f"-L{runtime}", f"-Wl,-rpath,{runtime}", *libraries]


def _sanitize(run: Run, name: str) -> None:
    symbol, _, options, _ = SANITIZERS[name]
    library, link = sanitized(run, name)
    symbols = run.program(["nm", "-D", "--undefined-only", library]).output
    run.check(f"{name}: the library is instrumented", None if symbol in symbols else f"it does not need {symbol}")

    out = RESULTS / f"c-{name}"
    make = ["make", "--silent", "-j2", "-C", "Tests/c", f"CC={toolchain() / 'bin' / 'clang'}"]
    flags = [f"CFLAGS=-O1 -g -fsanitize={name}", f"LDFLAGS={' '.join(link)}"]
    run.build([*make, *flags, f"LIBDIR={library.parent}", f"OUT={out}"])

    # The gateway is another process, and need not be slow.
    env = {"CAPDIST_LIBDIR": str(library.parent), "CAPDIST_SIMULATOR": str(RELEASE / "opend-simulator"), **options}
    env["CAPDIST_EXITS"] = "50"  # each process looks for leaks at its end
    for source in sorted((ROOT / "Tests" / "c").glob("test_*.c")):
        if source.stem in LEFT_OUT[name]:
            continue
        try:
            no_leaks = {"ASAN_OPTIONS": "detect_leaks=0:exitcode=99"} if source.stem in NO_LEAKS_SOUGHT else {}
            outcome = run.program([out / source.stem], limit_s=150, env={**env, **no_leaks})
            told = [line for line in outcome.output.splitlines() if "Sanitizer:" in line]
            # A child of a test may have been told of what its parent never hears.
            why = told[0] if told else None if outcome.status == 0 else outcome.ended
        except SuiteError as error:
            why = str(error)
        run.check(f"{name}: {source.stem}", why)


def _valgrind(run: Run) -> None:
    """The samples, over the shipped library alone: valgrind gives up on Swift's debug information where it finds it."""
    out = RESULTS / "c-valgrind"
    run.build(["make", "--silent", "-j2", "-C", "Tests/c", f"LIBDIR={RELEASE}", f"OUT={out}"])
    library = out / "libcapdist.so.1"
    library.unlink()
    shutil.copy(RELEASE / library.name, library)
    valgrind = ["valgrind", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite"]
    for sample in ("capital_distribution", "fetch"):
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
