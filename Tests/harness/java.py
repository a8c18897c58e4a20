"""The Java binding: its JUnit tests, the named cases in each face, and the samples."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import threading
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from zipfile import ZipFile

from . import checks
from .cases import Face, check_cases
from .gateway import simulator
from .results import read_junit
from .samples import is_documented
from .suite import RELEASE, RESULTS, ROOT, Outcome, Run, SuiteError, side_by_side

BINDING = ROOT / "bindings" / "java"
SAMPLES = BINDING / "samples"
TESTS = ROOT / "Tests" / "java"
JARS = Path("/usr/share/java")
MAVEN_REPOSITORY = Path("/usr/share/maven-repo")
#: What a program of the vendor's needs; what one that prints messages as JSON needs, too; what the tests need.
VENDOR = ("jna", "protobuf")
JSON = ("protobuf-util", "gson", "guava")
JUNIT = (
    *("junit-jupiter-api", "junit-jupiter-engine", "junit-platform-commons", "junit-platform-console"),
    *("junit-platform-engine", "junit-platform-launcher", "junit-platform-reporting", "opentest4j"),
    *("opentest4j-reporting-events", "opentest4j-reporting-schema", "apiguardian-api", "picocli", "univocity-parsers"),
)
#: The vendor's samples begin after this many lines of imports.
PROLOGUE = 10
BRANDS = ("futu", "moomoo")
#: For programs that live for a moment.
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
WAYS = ("blocking", "callbacks", "futures")
#: The suite's parts that are no classes of tests.
STEPS = ("maven", "cases", "readme", "samples")
#: The first connection id of a gateway with this seed, beyond 2^63.
SEED_NUMBER, CONNECT_ID = "2", "10905525725756348110"
OUTPUT = f"""Qot onInitConnect: ret=true desc= connID={CONNECT_ID}
Send QotGetCapitalDistribution: 1
Receive QotGetCapitalDistribution: {{
"retType": 0,
"retMsg": "",
"errCode": 0,
"s2c": {{
"capitalInBig": 8.6653274E8,
"capitalInMid": 7.6876998E8,
"capitalInSmall": 1.02038782E9,
"capitalOutBig": 4.4806512E8,
"capitalOutMid": 5.0682792E8,
"capitalOutSmall": 8.1260248E8,
"updateTime": "2022-06-08 10:44:34",
"updateTimestamp": 1.654656274E9,
"capitalInSuper": 8.2496766E8,
"capitalOutSuper": 2.6721714E8
}}
}}
"""


def java(run: Run) -> None:
    """Builds as users do, then the tests, the named cases and the samples."""
    checks.library(run)
    out = RESULTS / "java"
    shutil.rmtree(out, ignore_errors=True)
    run.build(["make", "--silent", "java", f"JAVA={out}"])
    jar = out / "capdist.jar"
    tests = out / "tests"
    sources = [*TESTS.rglob("*.java"), *_moomoo_sources(out)]
    path = _class_path(tests, jar, *_jars(*VENDOR, *JSON, *JUNIT))
    quick = [f"-J{option}" for option in QUICK]
    lint = ["--release", "17", "-Xlint:all,-path,-try", "-Werror"]
    run.build(["javac", *quick, *lint, "-cp", path, "-d", tests, *sources])
    run.part("maven", _maven, out, jar)
    if run.only.part not in STEPS:
        _junit(run, out, path)
    run.part("cases", _cases, path)
    run.part("readme", _readme, out, _class_path(jar, *_jars("jna")))
    run.part("samples", _vendor_samples, out, _class_path(jar, *_jars(*VENDOR, *JSON)))


def _jars(*names: str) -> list[Path]:
    jars = [JARS / f"{name}.jar" for name in names]
    missing = [jar.name for jar in jars if not jar.exists()]
    if missing:
        raise SuiteError(f"not installed: {', '.join(missing)}")
    return jars


def _class_path(*entries: Path) -> str:
    return ":".join(str(entry) for entry in entries)


def _maven(run: Run, out: Path, jar: Path) -> None:
    """The pom.xml makes and installs the same classes, out of Debian's own repository: nothing is fetched."""
    repository = out / "maven-repository"
    run.build(["cp", "--recursive", "--symbolic-link", MAVEN_REPOSITORY, repository])
    version = checks.version()
    installed = repository / "capdist" / "capdist" / version / f"capdist-{version}.jar"
    command = ["mvn", "--offline", "--batch-mode", "--quiet", f"-Dmaven.repo.local={repository}", "install"]
    outcome = run.program(command, cwd=BINDING, env={"MAVEN_OPTS": " ".join(QUICK)})
    shutil.rmtree(BINDING / "target", ignore_errors=True)
    same = installed.exists() and _classes(installed) == _classes(jar)
    run.check("pom.xml makes the same classes", None if outcome.status == 0 and same else outcome.ended)
    told = ElementTree.parse(BINDING / "pom.xml").getroot().findtext("{*}version")
    run.check("pom.xml has the header's version", None if told == version else told or "it tells none")
    page = (BINDING / "README.md").read_text(encoding="utf-8")
    run.check("README has the header's version", None if f"`capdist:capdist:{version}`" in page else "it has another")


def _classes(jar: Path) -> set[str]:
    with ZipFile(jar) as archive:
        return {name for name in archive.namelist() if name.endswith(".class")}


def _moomoo_sources(out: Path) -> list[Path]:
    """The tests of futu's classes, for moomoo's."""
    made = []
    for source in TESTS.rglob("FT*.java"):
        text = source.read_text(encoding="utf-8").replace("com.futu", "com.moomoo")
        made.append(out / "moomoo" / source.name.replace("FT", "MM", 1))
        made[-1].parent.mkdir(exist_ok=True)
        made[-1].write_text(re.sub(r"\bFT(?=API|SPI|Test|Player)", "MM", text), encoding="utf-8")
    return made


def _environment() -> dict[str, str]:
    return {
        "CAPDIST_LIBRARY": str(RELEASE / "libcapdist.so.1"),
        "CAPDIST_SIMULATOR": str(RELEASE / "opend-simulator"),
    }


def _junit(run: Run, out: Path, path: str) -> None:
    launcher = ["java", "-Xmx512m", "-cp", path, "org.junit.platform.console.ConsoleLauncher"]
    launcher += ["--scan-classpath", str(out / "tests"), "--details=tree", "--disable-banner", "--disable-ansi-colors"]
    # Each brand in a JVM of its own: their classes have no options, and share a process's quota.
    chosen = {"all": ["--exclude-classname", ".*MMTest"], "moomoo": ["--include-classname", ".*MMTest"]}
    if run.only.part:
        chosen = {"some": ["--include-classname", rf".*\b{run.only.part}"]}

    def play(name: str) -> Outcome:
        reports = ["--reports-dir", str(out / f"reports-{name}")]
        return run.program([*launcher, *chosen[name], *reports], limit_s=120, env=_environment(), at_once=True)

    for name, outcome in zip(chosen, side_by_side(play, chosen), strict=True):
        cases = read_junit(out / f"reports-{name}" / "TEST-junit-jupiter.xml")
        run.cases += cases
        if not cases or (outcome.status != 0 and all(case.passed for case in cases)):
            raise SuiteError(f"JUnit: {len(cases)} cases, all passed, and yet it ended with {outcome.ended}")


def _cases(run: Run, path: str) -> None:
    environment = ["env", *(f"{name}={value}" for name, value in _environment().items())]
    player = [*environment, "java", *QUICK, "-cp", path]
    faces = [Face(way, [*player, "cases.Modern", way], way == "callbacks") for way in WAYS]
    faces += [Face(f"vendor, {name}", [*player, f"cases.{name}Player"], False, False) for name in ("FT", "MM")]
    check_cases(run, faces)


def _readme(run: Run, out: Path, path: str) -> None:
    """The first program of the READMEs, over no more than they say."""
    around = "import capdist.Client;\nclass First {\n    public static void main(String[] words) throws Exception {\n%s}\n}\n"
    for page, whole, expected in (
        (BINDING / "README.md", "%s", "8.5947938E8\n2022-06-08 15:59:59\n"),
        (ROOT / "README.md", around, "8.5947938E8\n"),
    ):
        (program,) = re.findall(r"```java\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        with simulator() as port:
            source = out / "First.java"
            source.write_text(whole % program.replace("11111", str(port)), encoding="utf-8")
            outcome = run.program(["java", *QUICK, "-cp", path, source], limit_s=30, env=_environment())
        good = outcome.status == 0 and outcome.output == expected
        why = None if good else f"{outcome.ended}: {outcome.output[-300:]}"
        run.check(f"the program of {page.relative_to(ROOT)}", why)


def _vendor_samples(run: Run, out: Path, path: str) -> None:
    """The samples of the vendor's documentation."""
    for brand in BRANDS:
        text = (SAMPLES / brand / "QotDemo.java").read_text(encoding="utf-8")
        same = is_documented(f"java {brand}", text.splitlines()[PROLOGUE:])
        run.check(f"{brand}: the sample is the documentation's", None if same else "its words are others")
        with simulator("--figures", "java", "--seed", SEED_NUMBER) as port:
            # The sample has its port in its text; for the test alone it is another.
            source = out / "samples" / brand / "QotDemo.java"
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(text.replace("11111", str(port)), encoding="utf-8")
            status, output = _until_end_of_message(run, ["java", *QUICK, "-cp", path, source])
        run.check(f"{brand}: the sample's output", None if _words(output) == _words(OUTPUT.splitlines()) else f"{output}")
        # SIGTERM, with a connection open.
        run.check(f"{brand}: the sample ends when told", None if status == 128 + signal.SIGTERM else f"status {status}")


def _until_end_of_message(run: Run, command: list[str | Path]) -> tuple[int, list[str]]:
    """Runs a program that never ends, until it has printed a message as JSON. Returns its exit status and the lines."""
    run.say(f"$ {' '.join(str(word) for word in command)}")
    words = ["env", *(f"{name}={value}" for name, value in _environment().items()), *(str(word) for word in command)]
    lines: list[str] = []
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8") as process:
        limit = threading.Timer(30, process.kill)
        limit.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                run.say(line.rstrip())
                lines.append(line)
                if line == "}\n":
                    process.terminate()
            return process.wait(), lines
        finally:
            limit.cancel()
            process.kill()


def _words(lines: list[str]) -> list[list[str]]:
    """The words of each line that has some: the documentation lost the sample's white space."""
    return [line.split() for line in lines if line.strip()]
