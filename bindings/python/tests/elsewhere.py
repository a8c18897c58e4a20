"""Tests the package outside CPython's interpreter: on PyPy, and in bundled programs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from harness import builds
from harness.gateway import simulator
from harness.results import read_junit
from harness.standalone import standalone
from harness.suite import RESULTS, ROOT, SCRATCH, VENV_PYTHON, Run, library_env

TESTS = ROOT / "bindings" / "python" / "tests"
PYPY = ROOT / ".venv-pypy" / "bin" / "python"
OUT = RESULTS / "pythons"
#: The tests of the package's main parts. The others need CPython (garbage collection, the interpreter's exit, signals) or
#: pandas.
ON_PYPY = ("asyncio", "client", "encryption", "abi", "library", "names", "watch_list", "websocket")
NOT_ON_PYPY = " and not ".join(("not vendor", "key_without_encryption", "key_is_no_business", "leaving_early", "thread_state_goes", "dropped_in_flight"))
#: Packages that the package imports if they are installed. The bundled programs do not contain them.
OTHERS = ("pandas", "gevent", "eventlet", "trio")
#: Prints a figure, and the path of the library.
PROGRAM = """\
import sys
from capdist import Client, _library
with Client(port=int(sys.argv[1]), quota_requests=0) as client:
    print(client.capital_distribution("HK.00700").capital_in_big)
print(_library.location())
"""


def pythons(run: Run) -> None:
    """Runs the tests on PyPy, then those of the bundles."""
    builds.library(run)
    run.part("pypy", _pypy)
    run.part("bundles", _bundles)


def _pypy(run: Run) -> None:
    xml = RESULTS / "pypy.xml"
    xml.unlink(missing_ok=True)
    files = [TESTS / f"test_{name}.py" for name in ON_PYPY]
    command = [PYPY, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-k", NOT_ON_PYPY, f"--junitxml={xml}", *files]
    outcome = run.program(command, env=library_env())
    cases = read_junit(xml)
    run.record(*cases)
    run.check("the package's tests on PyPy", None if outcome.status == 0 and len(cases) > 100 else outcome.ended)


def _bundles(run: Run) -> None:
    """Bundles a program with the wheel, with the options that the package's page gives. It needs no Python."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    run.build(["make", "--silent", "wheel", f"DIST={OUT}", "PREBUILT=1", f"SCRATCH={SCRATCH.name}"])
    (wheel,) = OUT.glob("*.whl")
    site = OUT / "site"
    pip = [VENV_PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--target"]
    run.build([*pip, site, wheel])
    program = OUT / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    made = OUT / "pyinstaller"
    tool = [VENV_PYTHON, "-m", "PyInstaller", "--noconfirm", "--log-level=WARN"]
    tool += [f"--exclude-module={name}" for name in OTHERS]
    for name, kind in (("folder", "--onedir"), ("file", "--onefile")):
        folders = [f"--distpath={made / name}", f"--workpath={made / 'work'}", f"--specpath={made}"]
        _bundle(run, f"PyInstaller, one {name}", [*tool, kind, *folders, program], site, made / name)
    configuration = site / "capdist" / "capdist.nuitka-package.config.yml"
    nuitka = [VENV_PYTHON, "-m", "nuitka", "--standalone", "--assume-yes-for-downloads", f"--output-dir={OUT / 'nuitka'}"]
    nuitka += [f"--nofollow-import-to={','.join(OTHERS)}", "--noinclude-default-mode=nofollow"]
    _bundle(run, "Nuitka", [*nuitka, f"--user-package-configuration-file={configuration}", program], site, OUT / "nuitka")


def _bundle(run: Run, name: str, command: Sequence[str | Path], site: Path, made: Path) -> None:
    path = f"{VENV_PYTHON.parent}:/usr/bin:/bin"
    built = run.program(command, env={"PYTHONPATH": str(site), "PATH": path, "LD_LIBRARY_PATH": ""}, cwd=OUT)
    programs = [*made.rglob("program"), *made.rglob("program.bin")]
    programs = [one for one in programs if one.is_file()]
    if built.status != 0 or len(programs) != 1:
        run.check(f"a program bundled by {name}", f"{built.ended}: {built.output[-300:]}")
        return
    # Run it in another folder, without the package, the library and Python's path.
    elsewhere = OUT / f"elsewhere-{made.name}"
    shutil.copytree(programs[0].parent, elsewhere, symlinks=True, dirs_exist_ok=True)
    aside = site.with_name("aside")
    site.rename(aside)
    try:
        with simulator("--no-quota") as port:
            env = {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": "", "PYTHONPATH": "", "CAPDIST_LIBRARY": ""}
            outcome = run.program([elsewhere / programs[0].name, str(port)], limit_s=60, env=env, cwd=Path("/"))
    finally:
        aside.rename(site)
    lines = outcome.output.splitlines()
    inside = len(lines) == 2 and (lines[1].startswith(str(elsewhere)) or "/_MEI" in lines[1])
    good = outcome.status == 0 and lines[:1] == ["859479380.0"] and inside
    run.check(f"a program bundled by {name}", None if good else f"{outcome.ended}: {outcome.output[-300:]}")


if __name__ == "__main__":
    sys.exit(standalone(pythons))
