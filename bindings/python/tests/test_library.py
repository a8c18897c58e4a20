"""Where the package looks for the library, and its error if it does not find one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support import LIBRARY, SOURCE, run_child

#: Prints the path of the loaded library, or the error.
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
    """Makes a library with that name and version, and without any other function."""
    source = folder / "other.c"
    source.write_text(f'const char *capdist_version(void) {{ return "{version}"; }}\n', encoding="utf-8")
    built = folder / f"libcapdist-{version}.so"
    subprocess.run(["cc", "-shared", "-fPIC", source, "-o", built], check=True, timeout=60)
    return built


def test_the_variable_names_the_library() -> None:
    assert run_child(PROGRAM) == f"{LIBRARY}\n"


def test_who_names_a_library_means_that_one(tmp_path: Path) -> None:
    # Even the library beside the package is not tried.
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
    """A copy of the package, as pip installs it."""
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
    # The loader also searches this machine's folders, where libcapdist may be installed.
    package = copy_of_the_package(tmp_path)
    program = "import ctypes\n" + NO_SYSTEM_LIBRARY + PROGRAM
    output = run_child(program, env={"CAPDIST_LIBRARY": "", "PYTHONPATH": str(package.parent)})
    assert output.startswith("libcapdist.so.1 cannot be loaded (")
    assert output.endswith("Install libcapdist, or name its file in the variable CAPDIST_LIBRARY.\n")


def test_what_the_library_needs_is_missing(tmp_path: Path) -> None:
    # A library that needs only this other one, which is not there.
    needed = "libother.so.7"
    stub = tmp_path / "stub.so"
    subprocess.run(["cc", "-shared", "-nostdlib", f"-Wl,-soname,{needed}", "-o", stub, "-xc", "/dev/null"], check=True)
    path = tmp_path / "libcapdist.so.1"
    flags = ["-shared", "-nostdlib", "-Wl,--no-as-needed,-z,nodefaultlib"]
    subprocess.run(["cc", *flags, "-o", path, stub, "-xc", "/dev/null"], check=True, timeout=60)
    stub.unlink()
    output = run_child(PROGRAM, env={"CAPDIST_LIBRARY": str(path)})
    assert output == f"{path} is there, and needs {needed}, which is missing: install that.\n"


#: Simulates a machine on which libcapdist is not installed.
NO_SYSTEM_LIBRARY = """
real = ctypes.CDLL
def load(name, *arguments, **options):
    if name is not None and "capdist" in name:
        raise OSError(f"{name}: cannot open shared object file")
    return real(name, *arguments, **options)
ctypes.CDLL = load
"""
