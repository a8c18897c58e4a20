"""The package itself: types, documentation, and the oldest Python version."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import capdist
import pytest
from support import PACKAGE, SOURCE, child_env

FILES = sorted(path for path in (SOURCE / "capdist").rglob("*.py") if "-" not in path.stem)
PUBLIC = ["capdist", "capdist.futu", "capdist.moomoo"]


def run_tool(*arguments: str) -> str:
    """Runs a tool of the virtual environment on the package. It must find nothing."""
    done = subprocess.run(
        [Path(sys.executable).with_name(arguments[0]), *arguments[1:]],
        cwd=PACKAGE,
        env=child_env(),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_mypy_strict_is_clean() -> None:
    output = run_tool("mypy", "--strict", "--cache-dir", os.devnull, "src")
    assert f"no issues found in {len(FILES)} source files" in output


def test_users_get_the_types(tmp_path: Path) -> None:
    """The package has py.typed, and public names have the types in the documentation."""
    assert (SOURCE / "capdist" / "py.typed").is_file()
    program = tmp_path / "user.py"
    program.write_text(
        "from capdist import Client, CapitalDistribution\n"
        "from capdist.futu import OpenQuoteContext\n"
        "def user(client: Client) -> float:\n"
        '    figures: CapitalDistribution = client.capital_distribution("HK.00700")\n'
        "    with client as same:\n"
        "        reveal_type(same)\n"
        '    reveal_type(OpenQuoteContext().get_capital_distribution("HK.00700"))\n'
        "    return figures.capital_in_big\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", os.devnull, program],
        cwd=tmp_path,
        env={**child_env(), "MYPYPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert 'note: Revealed type is "capdist._client.Client"' in done.stdout, done.stdout
    assert 'Revealed type is "tuple[int, ' in done.stdout.replace("builtins.", ""), done.stdout
    assert "error: " not in done.stdout.replace("error: Library stubs not installed", ""), done.stdout


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_syntax_of_python_3_9(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), path.name, feature_version=(3, 9))


def test_nothing_newer_than_python_3_9_is_used() -> None:
    # Annotations in these modules are not evaluated, so they may use newer names.
    run_tool("vermin", "--target=3.9-", "--violations", "--no-tips", "--no-eval-annotations", "src")
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        has_annotations = any(isinstance(node, (ast.AnnAssign, ast.FunctionDef, ast.arg)) for node in ast.walk(tree))
        imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
        assert imports or not has_annotations or path.name == "__init__.py", path.name


def test_there_is_no_dependency() -> None:
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["dependencies"] == []
    assert project["requires-python"] == ">=3.9"
    assert project["dynamic"] == ["version"]  # the C header's


def documented(module: ModuleType) -> list[tuple[str, object]]:
    """Every public name of a module, and every public member of its classes."""
    names: list[tuple[str, object]] = [(module.__name__, module)]
    for name in module.__all__:
        value = getattr(module, name)
        names.append((name, value))
        if inspect.isclass(value):
            for kind in value.__mro__:
                if kind.__module__.startswith("capdist"):
                    for member, member_value in vars(kind).items():
                        is_function = inspect.isfunction(member_value) or isinstance(member_value, property)
                        if is_function and not member.startswith("_"):
                            names.append((f"{name}.{member}", member_value))
    return names


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_a_docstring(name: str) -> None:
    module = importlib.import_module(name)
    for path, value in documented(module):
        if not isinstance(value, (int, str)) and not str(value).startswith("typing.Union"):
            own = value.__doc__ if not inspect.isclass(value) else vars(value).get("__doc__")
            assert own and own.strip(), f"{path} has no docstring"


def test_every_public_name_of_the_package_is_in_all() -> None:
    names = {name for name, value in vars(capdist).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert names == set(capdist.__all__)
