"""Tests the pages: every fenced block is compiled and run as it is, and every link and every name must exist.

The language of a block decides how it runs. A comment on the line before it may say more:

    <!-- file: NAME -->                 the block is written to this file, for the blocks after it
    <!-- goes on after printing: LINE -->  the block runs until it prints this line
    <!-- output of the block above -->  the expected output of the block before; port numbers may differ
    <!-- run by: FILE -->               that test reads the block from the page, and names the page
    <!-- not run: REASON -->            one of REASONS; each is listed as a case
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

from documents import documents
from harness import builds
from harness.gateway import simulator
from harness.pages import Block, blocks
from harness.standalone import standalone
from harness.suite import RELEASE, RESULTS, ROOT, VENV_PYTHON, Outcome, Run

OUT = RESULTS / "docs"
TESTS = ROOT / "Tests" / "docs"
HEADER = ROOT / "include" / "capdist.h"
PAGES = ("*.md", "docs/*.md", "bindings/*/README.md", "bindings/*/samples/README.md", "Tests/*/README.md")
#: Blocks that another test runs, by page and language: the file, which must name the page.
ELSEWHERE = {
    ("README.md", "csharp"): "bindings/csharp/tests/samples.toml",
    ("README.md", "java"): "bindings/java/tests/readme.toml",
    ("bindings/csharp/README.md", "csharp"): "bindings/csharp/tests/samples.toml",
    ("bindings/java/README.md", "java"): "bindings/java/tests/readme.toml",
    ("README.md", "js"): "bindings/node/test/readme.toml",
    ("bindings/node/README.md", "js"): "bindings/node/test/readme.toml",
    ("bindings/python/README.md", "python"): "bindings/python/tests/test_readme.py",
}
#: Reasons not to run a block.
REASONS = {
    "a picture",
    "it takes minutes",
    "it needs another machine",
    "it serves until it is ended",
    "the log of a run that took long",
    "a line of the log",
}


def docs(run: Run) -> None:
    """Tests the pages, and the header's HTML."""
    builds.tool(run)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    pages = sorted({path for pattern in PAGES for path in ROOT.glob(pattern)})
    run.part("links", _links, pages)
    run.part("names", _names, pages)
    run.part("parts", _parts)
    run.part("documents", documents)
    run.part("html", _html)
    redirect = OUT / "redirect.so"
    run.build(["cc", "-std=c11", "-Wall", "-Werror", "-shared", "-fPIC", TESTS / "redirect.c", "-o", redirect])
    prefix = OUT / "prefix"
    run.build(["make", "--silent", "install", f"PREFIX={prefix}", f"RELEASE={RELEASE}"])
    with simulator("--no-quota") as port:
        env = _environment(prefix) | {"SIMULATOR_PORT": str(port)}
        for page in pages:
            run.part(str(page.relative_to(ROOT)), _page, page, blocks(page), env, redirect)
        run.part(str(HEADER.relative_to(ROOT)), _page, HEADER, header_blocks(), env, redirect)


def _environment(prefix: Path) -> dict[str, str]:
    """Sets up a machine with the library installed and built. A page installs into a folder of its own."""
    tools = OUT / "tools"
    tools.mkdir()
    for name, does in (("sudo", 'exec "$@"'), ("ldconfig", "exit 0")):
        (tools / name).write_text(f"#!/bin/sh\n{does}\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    return {
        "PATH": f"{tools}:{prefix}/bin:{VENV_PYTHON.parent}:{os.environ['PATH']}",
        "CPATH": f"{prefix}/include",
        "LIBRARY_PATH": f"{prefix}/lib",
        "LD_LIBRARY_PATH": f"{prefix}/lib",
        "PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig",
        "CMAKE_PREFIX_PATH": str(prefix),
        "PYTHONPATH": str(ROOT / "bindings" / "python" / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "npm_config_offline": "true",
        "npm_config_audit": "false",
        "npm_config_fund": "false",
        "npm_config_update_notifier": "false",
        "npm_config_cache": str(OUT / "npm-cache"),
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def header_blocks() -> list[Block]:
    """The code in the header's comments."""
    lines = HEADER.read_text(encoding="utf-8").splitlines()
    starts = [number for number, line in enumerate(lines) if "@code" in line]
    ends = [number for number, line in enumerate(lines) if "@endcode" in line]
    texts = ["\n".join(line.removeprefix(" * ") for line in lines[a + 1 : b]) for a, b in zip(starts, ends, strict=True)]
    return [Block("include/capdist.h", start + 1, "c", "", text) for start, text in zip(starts, texts, strict=True)]


def _page(run: Run, path: Path, found: list[Block], env: dict[str, str], redirect: Path) -> None:
    """Runs a page's blocks one after the other, in an empty folder that looks like the project's."""
    if not found:
        return
    folder = OUT / str(path.relative_to(ROOT)).replace("/", "-")
    folder.mkdir()
    for entry in ROOT.iterdir():
        if not entry.name.startswith(".") and entry.name != "dist":
            (folder / entry.name).symlink_to(entry)
    # The pages must not make the tests' virtual environment again.
    (folder / ".venv-test").mkdir()
    for entry in VENV_PYTHON.parents[1].iterdir():
        (folder / ".venv-test" / entry.name).symlink_to(entry)
    (folder / ".venv-test" / "stamp").unlink(missing_ok=True)
    (folder / ".venv-test" / "stamp").touch()
    (folder / ".build").mkdir()
    (folder / ".build" / "release").symlink_to(RELEASE)
    env = env | {"MAKEFLAGS": f"PREBUILT=1 DESTDIR={folder}/installed", "PIP_TARGET": f"{folder}/site"}
    printed = ""
    for block in found:
        if block.mark.startswith("file: "):
            (folder / block.mark.removeprefix("file: ")).write_text(block.text, encoding="utf-8")
        reason = block.mark.removeprefix("not run: ") if block.mark.startswith("not run: ") else None
        if reason is not None:
            run.check(f"{block.name}: not run: {reason}", None if reason in REASONS else "no such reason is listed")
        elif block.mark == "output of the block above":
            same = _comparable(block.text) in _comparable(printed)
            run.check(f"{block.name}: is what is printed", None if same else printed[-400:])
        elif block.mark.startswith("run by: "):
            other = ROOT / block.mark.removeprefix("run by: ")
            named = other.exists() and block.page in other.read_text(encoding="utf-8")
            run.check(f"{block.name}: run by {other.name}", None if named else "that file does not name the page")
        elif (block.page, block.language) in ELSEWHERE:
            other = ROOT / ELSEWHERE[block.page, block.language]
            named = other.exists() and path.name in other.read_text(encoding="utf-8")
            run.check(f"{block.name}: run by {other.name}", None if named else "that file does not name the page")
        elif block.language not in RUNNERS:
            run.check(block.name, "no language that is run, and not marked: see Tests/docs/docs.py")
        else:
            outcome = RUNNERS[block.language](run, block, folder, env, {"LD_PRELOAD": str(redirect)})
            printed = outcome.output
            run.check(block.name, f"{outcome.ended}: {outcome.output[-400:]}" if outcome.status else None)


def _comparable(text: str) -> str:
    """Lines without trailing spaces, and with any port of loopback replaced."""
    return "\n".join(re.sub(r"(127\.0\.0\.1:)\d+", r"\1PORT", line.rstrip()) for line in text.strip().splitlines())


Runner = Callable[[Run, Block, Path, dict[str, str], dict[str, str]], Outcome]


def _compiled(compiler: list[str], suffix: str) -> Runner:
    """Compiles a block, put into Tests/docs/fragment.* if it has no main, and runs it."""

    def run_block(run: Run, block: Block, folder: Path, env: dict[str, str], preload: dict[str, str]) -> Outcome:
        text = block.text
        if not re.search(r"\bint main\(", text):
            includes = "".join(re.findall(r"^#include.*\n", text, re.M))
            around = (TESTS / f"fragment.{suffix}").read_text(encoding="utf-8").replace("INCLUDES", includes)
            text = around.replace("FRAGMENT", re.sub(r"^#include.*\n", "", text, flags=re.M))
        source = folder / f"block{block.line}.{suffix}"
        source.write_text(text, encoding="utf-8")
        program = source.with_suffix("")
        built = run.program([*compiler, source, "-o", program, "-lcapdist"], env=env, cwd=folder)
        return built if built.status else run.program([program], env=env | preload, cwd=folder, limit_s=30)

    return run_block


def _python(run: Run, block: Block, folder: Path, env: dict[str, str], preload: dict[str, str]) -> Outcome:
    program = folder / f"block{block.line}.py"
    program.write_text(block.text, encoding="utf-8")
    return run.program([VENV_PYTHON, program], env=env | preload, cwd=folder, limit_s=60)


def _shell(run: Run, block: Block, folder: Path, env: dict[str, str], preload: dict[str, str]) -> Outcome:
    # Only programs that the page's own commands run are redirected to the simulator.
    command = ["bash", "-ec", block.text]
    if block.mark.startswith(GOES_ON):
        # What still runs at the end is ended, too.
        command = ["bash", "-c", UNTIL, "bash", block.text, block.mark.removeprefix(GOES_ON)]
    return run.program(command, env=env | preload, cwd=folder, limit_s=120)


def _console(run: Run, block: Block, folder: Path, env: dict[str, str], preload: dict[str, str]) -> Outcome:
    """Commands after `$`, and their output."""
    commands = re.findall(r"^\$ (.*(?:\\\n.*)*)$", block.text, re.M)
    outcome = _shell(run, Block("", 0, "sh", "", "\n".join(commands)), folder, env, preload)
    expected = _comparable("\n".join(line for line in block.text.splitlines() if not line.startswith("$ ")))
    if outcome.status == 0 and (not commands or expected not in _comparable(outcome.output)):
        return Outcome(1, f"expected {expected!r}, printed {outcome.output!r}")
    return outcome


def _php(run: Run, block: Block, folder: Path, env: dict[str, str], preload: dict[str, str]) -> Outcome:
    program = folder / f"block{block.line}.php"
    # PHP loads libraries with RTLD_DEEPBIND, so that preloading does not redirect them.
    program.write_text(block.text.replace("11111", env["SIMULATOR_PORT"]), encoding="utf-8")
    return run.program(["php", program], env=env, cwd=folder, limit_s=60)


def _toml(run: Run, block: Block, folder: Path, env: dict[str, str], preload: dict[str, str]) -> Outcome:
    """Settings of the command: each must be one of its options."""
    names = tomllib.loads(block.text)
    told = run.program(["capdist", "help", "get"], env=env, cwd=folder)
    unknown = [name for name in names if f"--{name.replace('_', '-')} " not in told.output]
    return Outcome(1, f"no options: {unknown}") if unknown else told


def _cmake(run: Run, block: Block, folder: Path, env: dict[str, str], preload: dict[str, str]) -> Outcome:
    if block.mark != "file: CMakeLists.txt":
        return Outcome(1, "mark it with its file: CMakeLists.txt")
    return run.program(["cmake", "-S", folder, "-B", folder / "configured"], env=env, cwd=folder)


GOES_ON = "goes on after printing: "
#: Runs a block until it has printed a line.
UNTIL = """while IFS= read -r line; do
    printf '%s\\n' "$line"
    if [ "$line" = "$2" ]; then exit 0; fi
done < <(exec bash -ec "$1" 2>&1)
exit 1"""
#: Warnings of compilers are errors. A page's program may ignore arguments.
RUNNERS: dict[str, Runner] = {
    "c": _compiled(["cc", "-std=gnu11", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", "-pthread"], "c"),
    "cmake": _cmake,
    "console": _console,
    "cpp": _compiled(["g++", "-std=c++17", "-Wall", "-Werror", "-pthread"], "cpp"),
    "php": _php,
    "python": _python,
    "sh": _shell,
    "toml": _toml,
}


def _links(run: Run, pages: list[Path]) -> None:
    for page in pages:
        prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        broken = []
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", prose):
            there = page.parent / target if target else page
            if not there.exists() or (anchor and anchor not in _anchors(there)):
                broken.append(f"{target}#{anchor}")
        run.check(f"{page.relative_to(ROOT)}: its links lead somewhere", ", ".join(broken))


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _names(run: Run, pages: list[Path]) -> None:
    """Names of the interface, and of variables, must exist in the code."""
    code = "".join(
        path.read_text(encoding="utf-8", errors="replace")
        for folder in ("include", "Tests", "bindings", "Benchmarks", "packaging", "scripts", "tools")
        for path in (ROOT / folder).rglob("*.*")
        if path.suffix in (".h", ".c", ".hpp", ".cpp", ".py", ".in", ".sh") and ".results" not in path.parts
    )
    known = set(re.findall(r"\b(?:CAPDIST|capdist)_\w+", code + (ROOT / "Package.swift").read_text(encoding="utf-8")))
    for page in pages:
        names = set(re.findall(r"\b(?:CAPDIST|capdist)_\w+[a-zA-Z0-9]\b", page.read_text(encoding="utf-8")))
        run.check(f"{page.relative_to(ROOT)}: the names it uses are there", ", ".join(sorted(names - known)))


def _parts(run: Run) -> None:
    """The imports in docs/architecture.md must match Package.swift."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    package = (ROOT / "Package.swift").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| ((?:`\w+`(?:, )?)*) \|", page, re.M))
    for part in ("CapDist", "CExports", "Core", "Codec", "Simulator"):
        target = re.search(rf'\.target\(name: "{part}"(?:, dependencies: \[(.*?)\])?', package)
        needs = set(re.findall(r'"(\w+)"', target[1] or "")) - {"CCapDist"} if target else {"no such target"}
        says = set(re.findall(r"`(\w+)`", told.get(part, "`no such row`")))
        run.check(f"docs/architecture.md: what {part} imports", ", ".join(sorted(needs ^ says)))


def _html(run: Run) -> None:
    made = run.program(["make", "--silent", "docs", f"DIST={OUT}"])
    told = [line for line in made.output.splitlines() if re.search(r"warning|error", line)]
    run.check("HTML of the header, without a warning", "; ".join(told[:5]) or (made.ended if made.status else None))
    html = OUT / "html" / "capdist_8h.html"
    text = html.read_text(encoding="utf-8") if html.exists() else ""
    missing = [name for name in builds.declared_functions() if f">{name}<" not in text and f"{name}()" not in text]
    run.check("every function is in it", ", ".join(missing))


if __name__ == "__main__":
    sys.exit(standalone(docs))
