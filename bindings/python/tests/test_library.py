"""Where the library is looked for, and what is said when it is not there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support import LIBRARY, SOURCE, run_child

#: Prints where the library was loaded from, or the sentence.
PROGRAM = """
try:
    import capdist
except ImportError as error:
    assert type(error).__name__ == "LibraryNotFoundError", type(error)
    assert error.status is None
    print(error)
else:
    print(capdist._native.lib._name)
"""


def library(folder: Path, version: str) -> Path:
    """A library of that name that tells that version, and can do nothing else."""
    source = folder / "other.c"
    source.write_text(f'const char *capdist_version(void) {{ return "{version}"; }}\n', encoding="utf-8")
    built = folder / f"libcapdist-{version}.so"
    subprocess.run(["cc", "-shared", "-fPIC", source, "-o", built], check=True, timeout=60)
    return built


def test_the_variable_names_the_library() -> None:
    assert run_child(PROGRAM) == f"{LIBRARY}\n"


def test_who_names_a_library_means_that_one(tmp_path: Path) -> None:
    # Not even the one beside the package is tried.
    package = copy_of_the_package(tmp_path)
    shutil.copy(LIBRARY, package / "libcapdist.so.1")
    missing = tmp_path / "nowhere" / "libcapdist.so"
    env = {"CAPDIST_LIBRARY": str(missing), "PYTHONPATH": str(package.parent)}
    output = run_child(PROGRAM, env=env)
    assert str(missing) in output
    assert "cannot open shared object file" in output
    assert output.endswith("Install libcapdist, or name its file in the variable CAPDIST_LIBRARY.\n")


def test_a_file_that_is_no_library(tmp_path: Path) -> None:
    text = tmp_path / "text.so"
    text.write_text("not a library\n", encoding="utf-8")
    output = run_child(PROGRAM, env={"CAPDIST_LIBRARY": str(text)})
    assert str(text) in output
    assert "CAPDIST_LIBRARY" in output


def test_a_library_that_is_another() -> None:
    output = run_child(PROGRAM, env={"CAPDIST_LIBRARY": "libm.so.6"})
    assert output == "libm.so.6 is not libcapdist. Name the right file in CAPDIST_LIBRARY.\n"


@pytest.mark.parametrize("version", ["0.9.9", "2.0.0"])
def test_a_version_that_does_not_fit(version: str, tmp_path: Path) -> None:
    path = library(tmp_path, version)
    output = run_child(PROGRAM, env={"CAPDIST_LIBRARY": str(path)})
    assert output == (
        f"{path} is version {version}; this package needs 1.0 or a newer 1.x. Install that, or name another file in "
        "CAPDIST_LIBRARY.\n"
    )


@pytest.mark.parametrize("version", ["", "unknown", "1.x"])
def test_a_version_that_is_none(version: str, tmp_path: Path) -> None:
    path = library(tmp_path, version)
    output = run_child(PROGRAM, env={"CAPDIST_LIBRARY": str(path)})
    assert output == f"{path} is not libcapdist. Name the right file in CAPDIST_LIBRARY.\n"


def copy_of_the_package(folder: Path) -> Path:
    """The package as pip would install it."""
    return Path(shutil.copytree(SOURCE / "capdist", folder / "site" / "capdist"))


def test_beside_the_package(tmp_path: Path) -> None:
    package = copy_of_the_package(tmp_path)
    beside = package / "libcapdist.so.1"
    shutil.copy(LIBRARY, beside)
    output = run_child(PROGRAM, env={"CAPDIST_LIBRARY": "", "PYTHONPATH": str(package.parent)})
    assert output == f"{beside}\n"


def test_the_system_s_way(tmp_path: Path) -> None:
    system = tmp_path / "system"
    system.mkdir()
    shutil.copy(LIBRARY, system / "libcapdist.so.1")
    output = run_child(PROGRAM, env={"CAPDIST_LIBRARY": "", "LD_LIBRARY_PATH": str(system)})
    assert output == "libcapdist.so.1\n"


def test_nowhere(tmp_path: Path) -> None:
    # The loader's own places are this machine's; an installed libcapdist would be found there.
    package = copy_of_the_package(tmp_path)
    program = "import ctypes\n" + NO_SYSTEM_LIBRARY + PROGRAM
    output = run_child(program, env={"CAPDIST_LIBRARY": "", "PYTHONPATH": str(package.parent)})
    assert output.startswith("libcapdist.so.1 cannot be loaded (")
    assert output.endswith("Install libcapdist, or name its file in the variable CAPDIST_LIBRARY.\n")


def test_what_the_library_needs_is_missing(tmp_path: Path) -> None:
    # A library that needs this one alone, and finds nothing where the system has its own.
    needed = "libother.so.7"
    stub = tmp_path / "stub.so"
    subprocess.run(["cc", "-shared", "-nostdlib", f"-Wl,-soname,{needed}", "-o", stub, "-xc", "/dev/null"], check=True)
    path = tmp_path / "libcapdist.so.1"
    flags = ["-shared", "-nostdlib", "-Wl,--no-as-needed,-z,nodefaultlib"]
    subprocess.run(["cc", *flags, "-o", path, stub, "-xc", "/dev/null"], check=True, timeout=60)
    stub.unlink()
    output = run_child(PROGRAM, env={"CAPDIST_LIBRARY": str(path)})
    assert output == f"{path} is there, and needs {needed}, which is missing: install that.\n"


#: As on a machine where libcapdist is not installed.
NO_SYSTEM_LIBRARY = """
real = ctypes.CDLL
def load(name, *arguments, **options):
    if name is not None and "capdist" in name:
        raise OSError(f"{name}: cannot open shared object file")
    return real(name, *arguments, **options)
ctypes.CDLL = load
"""
