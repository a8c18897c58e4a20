"""The C# binding's tests: NUnit and the named cases with Mono, the samples, and the ways a process ends."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from . import checks
from .cases import Face, check_cases
from .gateway import simulator
from .hygiene import drawn
from .results import read_nunit
from .samples import is_documented
from .suite import RELEASE, RESULTS, ROOT, Run, SuiteError, side_by_side

BINDING = ROOT / "bindings" / "csharp"
TESTS = ROOT / "Tests" / "csharp"
RECORD = ROOT / "bindings" / "abi" / "capdist.json"
MESSAGES = ROOT / "Sources" / "CMessages" / "proto"
UPDATE_TIMES = ROOT / "Tests" / "cases" / "times.tsv"
SECURITIES = ROOT / "Tests" / "cases" / "securities.tsv"
RSA_KEY = ROOT / "Tests" / "vectors" / "rsa" / "1024.pem"
OUT = RESULTS / "csharp"
NUNIT = "/usr/lib/cli/nunit.framework-2.6.3/nunit.framework.dll"
MCS = ["mcs", "-nologo", "-warnaserror"]
#: The vendor's samples begin after these lines; nothing follows them.
PROLOGUE = ["using System;", "using System.Threading;", "using {0}.OpenApi;", "using {0}.OpenApi.Pb;", ""]
BRANDS = ("Futu", "Moomoo")
#: Gateways of the NUnit tests, by the variable that tells where they listen.
GATEWAYS = {
    "CAPDIST_PORT": ("--no-quota", "--trace", str(OUT / "trace")),
    "CAPDIST_PORT_OLD": ("--old",),
    "CAPDIST_PORT_SLOW": ("--latency", "300"),
    "CAPDIST_PORT_PUSHES": ("--push", "1"),
    "CAPDIST_PORT_REFUSES": ("--fault", "init-refused"),
    "CAPDIST_PORT_CLOSES": ("--fault", "accept-close"),
    "CAPDIST_PORT_ANSWERS_NONSENSE": ("--fault", "init-no-content"),
    "CAPDIST_PORT_SILENT": ("--fault", "accept-silent"),
    "CAPDIST_PORT_DROPS": ("--fault", "drop-after=1"),
    "CAPDIST_PORT_DAMAGES": ("--fault", "bad-sha1"),
    "CAPDIST_PORT_ENCRYPTED": ("--rsa-key", str(RSA_KEY)),
}
#: How Mono stops threads for its collector, beside its default.
SUSPENSIONS = ("preemptive", "coop")
WAYS = ("tasks", "callbacks", "blocking")
#: Programs/Exit.cs: how a process ends, and how long that may take.
EXITS = ("open", "connecting", "busy", "many", "outstanding", "threads", "closed", "closing", "blocked", "callback", "collecting")
EXIT_LIMIT_S = 20.0
#: Mono 6.8 may wait for a minute if it exits just when a thread of its pool goes to rest, with or without us.
SLOW_EXIT_S = 90
EXIT_RUNS = 4
SEED_NUMBER = 8
#: The suite's parts that are no classes of tests.
STEPS = ("text-format", "cases", "exits", "samples", "package")
OUTPUT = """Qot onInitConnect: ret=0 desc= connID={0}
Send QotGetCapitalDistribution: 1
Reply: QotGetCapitalDistribution: 1 retType: 0
retMsg: ""
errCode: 0
s2c {{
  capitalInBig: 299700820
  capitalInMid: 521403800
  capitalInSmall: 740895620
  capitalOutBig: 332038880
  capitalOutMid: 483401260
  capitalOutSmall: 682124080
  updateTime: "2022-06-07 10:46:02"
  updateTimestamp: 1654569962
  capitalInSuper: 230158560
  capitalOutSuper: 286481380
}}

inFlow: 299700820
"""


def csharp(run: Run) -> None:
    """Builds the assembly as users do, then tests it."""
    checks.library(run)
    OUT.mkdir(parents=True, exist_ok=True)
    for left in OUT.iterdir():
        left.unlink()
    run.build(["make", "--silent", "csharp", f"CSHARP_OUT={OUT}"])
    if run.only.part not in STEPS:
        _nunit(run)
    run.part("text-format", _text_format)
    run.part("cases", _cases)
    run.part("exits", _exits)
    run.part("older", _older)
    run.part("samples", _samples)
    run.part("package", _package)


def environment() -> dict[str, str]:
    """Mono's and .NET's loader finds the library there."""
    return {"LD_LIBRARY_PATH": str(RELEASE)}


def _compile(run: Run, name: str, *sources: Path, options: Sequence[str] = ()) -> Path:
    program = OUT / name
    run.build([*MCS, "-debug", *options, f"-r:{OUT / 'Capdist.dll'}", f"-out:{program}", *sources])
    return program


def _nunit(run: Run) -> None:
    tests = _compile(
        run,
        "Capdist.Tests.dll",
        *sorted(TESTS.glob("*.cs")),
        options=["-target:library", "-unsafe", f"-r:{NUNIT}"],
    )
    with ExitStack() as stack:
        env = {variable: str(stack.enter_context(simulator(*given))) for variable, given in GATEWAYS.items()}
        env |= {"CAPDIST_RSA_KEY": str(RSA_KEY), "CAPDIST_RECORD": str(RECORD), "CAPDIST_OUT": str(OUT)}
        env |= {"CAPDIST_TRACE": str(OUT / "trace"), "CAPDIST_TIMES": str(UPDATE_TIMES), "CAPDIST_SECURITIES": str(SECURITIES)} | environment()
        if run.only.part:
            return _nunit_run(run, tests, "", env, f"-run:Capdist.Tests.{run.only.part}")
        _nunit_run(run, tests, "", env)
        for suspension in SUSPENSIONS:
            env["MONO_THREADS_SUSPEND"] = suspension
            _nunit_run(run, tests, suspension, env, "-run:Capdist.Tests.CollectorTests")


def _nunit_run(run: Run, tests: Path, name: str, env: dict[str, str], *options: str) -> None:
    xml = OUT / f"nunit{name}.xml"
    # In its own process and domain, as a program has it.
    command = ["nunit-console", tests, f"-xml:{xml}", "-nologo", "-noshadow", "-nothread", "-domain:None", *options]
    outcome = run.program(command, limit_s=120, env=env)
    run.cases += [replace(case, name=f"{case.name} ({name})" if name else case.name) for case in read_nunit(xml)]
    if outcome.status != 0 and all(case.passed for case in run.cases):
        raise SuiteError(f"nunit-console: every case passed, and yet {outcome.ended}")


def _text_format(run: Run) -> None:
    """protobuf's own program reads what ours wrote, and prints the same text for it."""
    with (OUT / "response.pb").open("rb") as written:
        command = ["protoc", f"-I{MESSAGES}", "--decode=Qot_GetCapitalDistribution.Response", "Qot_GetCapitalDistribution.proto"]
        decoded = subprocess.run(command, stdin=written, capture_output=True, timeout=30, check=False)
    same = decoded.stdout == (OUT / "response.txt").read_bytes() != b""
    run.check("protoc prints the same text", None if same else (decoded.stdout + decoded.stderr).decode("utf-8", "replace"))


def _cases(run: Run) -> None:
    player = _compile(run, "player.exe", TESTS / "cases" / "Player.cs")
    mono = ["env", f"LD_LIBRARY_PATH={RELEASE}", "mono", "--debug", player]
    faces = [Face(way, [*mono, way], way == "callbacks") for way in WAYS]
    check_cases(run, [*faces, Face("vendor", [*mono, "vendor"], False, False)])


def _older(run: Run) -> None:
    """Over the library's first version."""
    program = _compile(run, "older.exe", TESTS / "programs" / "Older.cs")
    with simulator("--no-quota") as port:
        env = {"LD_LIBRARY_PATH": str(checks.older_library(run)), "CAPDIST_REAL": str(RELEASE / "libcapdist.so.1")}
        outcome = run.program(["mono", program, str(port)], limit_s=60, env=env)
    expected = "859479380\nRefused Unknown\nRefused Unknown\nReady 0\nnot supported\n"
    run.check("a library of version 1.0", None if outcome.output == expected else f"{outcome.ended}: {outcome.output[-400:]}")


def _exits(run: Run) -> None:
    """Promptly, with the program's own status, and without a word."""
    program = _compile(run, "exit.exe", TESTS / "programs" / "Exit.cs")
    with simulator("--no-quota") as alive, simulator("--fault", "accept-silent") as silent:

        def play(way: str) -> list[str]:
            problems = []
            for _ in range(EXIT_RUNS):
                started = time.monotonic()
                command = ["mono", program, way, str(alive), str(silent)]
                outcome = run.program(command, limit_s=30, env=environment(), at_once=True)
                took_s = time.monotonic() - started
                if outcome.status != 3 or outcome.output or took_s > EXIT_LIMIT_S:
                    problems.append(f"{outcome.ended} after {took_s:.1f} s: {outcome.output[-300:]}")
            return problems

        for way, problems in zip(EXITS, side_by_side(play, EXITS), strict=True):
            run.check(f"a process ends, {way}", "; ".join(problems))


def _samples(run: Run) -> None:
    first = _compile(run, "First.exe", BINDING / "samples" / "First.cs")
    with simulator() as port:
        outcome = run.program(["mono", first, "HK.00700", "127.0.0.1", str(port)], limit_s=SLOW_EXIT_S, env=environment())
    good = outcome.status == 0 and "capital in big:  859479380\n" in outcome.output
    run.check("sample First", None if good else f"{outcome.ended}: {outcome.output[-200:]}")

    around = "using System; class Program { static void Main() { Run().Wait(); } static async System.Threading.Tasks.Task Run() { %s } }"
    for page, whole, expected in (
        (BINDING / "README.md", "%s", r"299700820\n\{\n(?s:.*)\}\n19462320\.5\n"),
        (ROOT / "README.md", around, r"299700820\n"),
    ):
        (block,) = re.findall(r"^```csharp\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        with simulator("--figures", "csharp") as port:
            source = OUT / "Readme.cs"
            source.write_text(whole % block.replace("11111", str(port)), encoding="utf-8")
            program = _compile(run, "Readme.exe", source)
            outcome = run.program(["mono", program], limit_s=SLOW_EXIT_S, env=environment())
        good = outcome.status == 0 and re.fullmatch(expected, outcome.output)
        run.check(f"the program of {page.relative_to(ROOT)}", None if good else f"{outcome.ended}: {outcome.output[-200:]}")

    connection = drawn(SEED_NUMBER, 1)[0]
    for brand in BRANDS:
        text = (BINDING / "samples" / f"{brand}Sample.cs").read_text(encoding="utf-8")
        prologue = [line.format(brand) for line in PROLOGUE]
        begins = text.splitlines()[: len(prologue)] == prologue
        run.check(f"{brand}: the lines added to the sample", None if begins else "they are others")
        same = is_documented(f"csharp {brand}", text.splitlines()[len(prologue) :])
        run.check(f"{brand}: the sample is the documentation's", None if same else "its words are others")
        with simulator("--figures", "csharp", "--seed", str(SEED_NUMBER)) as port:
            # The sample has its port in its text; for the test alone it is another.
            source = OUT / f"{brand}Sample.cs"
            source.write_text(text.replace("11111", str(port)), encoding="utf-8")
            program = _compile(run, f"{brand}Sample.exe", source)
            output = _until_silent(["mono", program], OUTPUT.count("\n"))
        expected = OUTPUT.format(connection)
        run.check(f"{brand}: the sample's output", None if output == expected else repr(output))


def _words(lines: list[str]) -> list[list[str]]:
    """The words of each line that has some: the documentation lost the sample's white space."""
    return [line.split() for line in lines if line.strip()]


def _until_silent(command: Sequence[str | Path], lines: int) -> str:
    """What a program that does not end by itself prints, up to so many lines and whatever comes within half a second."""
    with subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env={**os.environ, **environment()},
    ) as process:
        assert process.stdout is not None
        told: queue.Queue[str] = queue.Queue()
        reader = threading.Thread(target=lambda: [told.put(line) for line in process.stdout or ()], daemon=True)
        reader.start()
        output: list[str] = []
        try:
            for _ in range(lines):
                output.append(told.get(timeout=15))
            while True:
                output.append(told.get(timeout=0.5))
        except queue.Empty:
            pass
        finally:
            process.kill()
            process.wait(timeout=10)
            reader.join(timeout=10)
    return "".join(output)


def _package(run: Run) -> None:
    """What users of .NET take, which has no compiler here: its file names the sources that were built, and the version."""
    project = ElementTree.parse(BINDING / "Capdist.csproj").getroot()
    includes = [str(element.get("Include")) for element in project.iter("Compile")]
    built = {path for include in includes for path in BINDING.glob(include)}
    run.check("Capdist.csproj has every source", None if built == set(BINDING.rglob("src/**/*.cs")) else f"{includes}")
    version = project.findtext("./PropertyGroup/Version")
    run.check("Capdist.csproj has the header's version", None if version == checks.version() else str(version))

    futu, moomoo = ((BINDING / "src" / "Vendor" / f"{brand}.cs").read_text(encoding="utf-8") for brand in BRANDS)
    classes = futu[futu.index("namespace ") :].replace("FT", "MM").replace("namespace Futu", "namespace Moomoo")
    run.check("moomoo's classes are futu's", None if moomoo.endswith(classes) else "they differ by more than their names")
