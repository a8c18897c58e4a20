"""Installs and uses what is distributed: `make install`, the Python wheel, the Debian packages, the jar, the npm package and
the C# assembly. Each is used as its user would, in an empty folder and without a Swift toolchain on the path."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

from harness import builds
from harness.gateway import gateway
from harness.pages import blocks
from harness.standalone import standalone
from harness.suite import RELEASE, RESULTS, ROOT, SCRATCH, VENV_PYTHON, Outcome, Run
from static import static

OUT = RESULTS / "packages"
BUILT = ["PREBUILT=1", f"SCRATCH={SCRATCH.name}"]
#: A path without Swift and without the tests' virtual environment.
PATH = {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": ""}
RSA_KEY = ROOT / "Tests" / "vectors" / "rsa" / "2048.pem"
DEBIAN = ("libcapdist1", "libcapdist-dev", "opend-simulator", "capdist")
FIGURE = re.compile(r"\b859479380\b")

CMAKE_LISTS = """cmake_minimum_required(VERSION 3.13)
project(user LANGUAGES CXX)
find_package(capdist {version} REQUIRED)
add_executable(user user.cpp)
target_compile_features(user PRIVATE cxx_std_17)
target_link_libraries(user PRIVATE capdist::capdist)
"""
#: Prints a figure, and the paths of the loaded libraries of this package.
PYTHON_USER = """
import sys
from capdist import Client
# Encrypted, so that the wheel's own OpenSSL is used.
with Client(port=int(sys.argv[1]), rsa_private_key_file=sys.argv[2]) as client:
    print(client.capital_distribution("HK.00700").capital_in_big)
print({line.split()[-1] for line in open("/proc/self/maps") if "capdist" in line or "libcrypto" in line})
"""

#: Files that each binding's package must contain, in addition to those that are counted.
JAR = ("capdist/Client.class", "com/futu/openapi/FTAPI_Conn_Qot.class", "com/moomoo/openapi/MMAPI_Conn_Qot.class",
       "com/futu/openapi/pb/QotGetCapitalDistribution.class", "com/moomoo/openapi/pb/QotGetCapitalDistribution.class")  # fmt: skip
NPM = ("package.json", "README.md", "LICENSE", "Makefile", "include/capdist.h", "lib/index.js", "lib/index.d.ts", "src/addon.c",
       "futu-api/package.json", "moomoo-api/package.json")  # fmt: skip
JAVA_USER = """
import capdist.Client;
class User {
    public static void main(String[] words) throws Exception {
        try (Client client = new Client("127.0.0.1", Integer.parseInt(words[0]))) {
            System.out.println((long) client.fetchCapitalDistribution("HK.00700").capitalInBig());
        }
    }
}
"""
NODE_USER = """
import { connect } from "capdist";
const client = await connect({ port: Number(process.argv[2]) });
console.log((await client.capitalDistribution("HK.00700")).capitalInBig);
client.close();
"""
CSHARP_USER = """
class User {
    static void Main(string[] words) {
        System.Console.WriteLine(typeof(Capdist.Client).Assembly.GetName().Version);
        using (var client = new Capdist.Client("127.0.0.1", int.Parse(words[0])))
            System.Console.WriteLine((long) client.FetchCapitalDistribution("HK.00700").CapitalInBig);
    }
}
"""


def packages(run: Run) -> None:
    """Each kind of package is built, inspected and used."""
    builds.tool(run)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    run.part("staged", _staged)
    run.part("in-place", _in_place)
    run.part("static", _static)
    run.part("other-major", _other_major)
    run.part("wheel", _wheel)
    run.part("wheel-without-library", _wheel_without_library)
    run.part("debian", _debian)
    run.part("jar", _jar)
    run.part("npm", _npm)
    run.part("dll", _dll)


def _staged(run: Run) -> None:
    """The packager's way: installed below DESTDIR, used from C through pkg-config."""
    stage, prefix = OUT / "stage", "/opt/capdist"
    where = [f"DESTDIR={stage}", f"PREFIX={prefix}", *BUILT]
    run.build(["make", "--silent", "install", *where])
    _use_from_c(run, "make install", OUT / "c", stage, f"{prefix}/lib", f"{prefix}/bin")
    manual = (stage / f"{prefix[1:]}/share/man/man1/opend-simulator.1").read_text(encoding="utf-8")
    options = set(re.findall(r"^  (--[a-z-]+)", run.program([RELEASE / "opend-simulator", "--help"]).output, re.M))
    missing = sorted(option for option in options if option.replace("-", r"\-") not in manual)
    run.check("the simulator's manual has every option", ", ".join(missing) if options else "--help tells none")
    _command(run, "make install", stage / f"{prefix[1:]}/bin/capdist", PATH)
    _command_pages(run, stage / f"{prefix[1:]}/share", stage / f"{prefix[1:]}/bin/capdist")
    run.check("make install: tells what is inside", _sbom_trouble(run, [*stage.rglob("libcapdist.spdx.json")]))
    run.check("make install: has the licences of what is inside", _licence_trouble(stage))
    other = stage / f"{prefix[1:]}/include/other.h"
    other.touch()
    run.build(["make", "--silent", "uninstall", *where])
    left = [str(path) for path in stage.rglob("*") if not path.is_dir()]
    why = None if left == [str(other)] else f"{left}"
    run.check("make uninstall takes away what it put there, and nothing else", why)


def _sbom_trouble(run: Run, files: list[Path]) -> str | None:
    """The errors in an artefact's SPDX document: those that SPDX's own tool finds, and missing contents."""
    if len(files) != 1 or not files[0].exists():
        return f"found {len(files)}"
    if trouble := _spdx_trouble(run, files[0]):
        return trouble
    text = files[0].read_text(encoding="utf-8")
    # The tool must report a licence that SPDX does not know. Otherwise it checks nothing.
    wrong = OUT / "wrong.spdx.json"
    wrong.write_text(text.replace("Apache-2.0", "Apache-2.O"), encoding="utf-8")
    if not _spdx_trouble(run, wrong):
        return "a wrong document is taken for a good one"
    told = json.loads(text)
    versions = {package["name"]: package["versionInfo"] for package in told["packages"]}
    if versions.keys() != {"libcapdist", "openssl", "protobuf-c", "swift-stdlib"}:
        return f"it tells of {sorted(versions)}"
    unclear = [name for name, version in versions.items() if not re.match(r"\d+\.\d+", version)]
    unclear += [package["name"] for package in told["packages"] if not package["licenseDeclared"]]
    if versions["libcapdist"] != builds.version() or unclear:
        return f"unclear: {versions}"
    inside = {line["relatedSpdxElement"] for line in told["relationships"] if line["relationshipType"] == "CONTAINS"}
    return None if len(inside) == len(versions) - 1 else f"it contains {sorted(inside)}"


def _licence_trouble(place: Path) -> str | None:
    """The words that the licences of OpenSSL and protobuf-c ask for."""
    text = " ".join(path.read_text(encoding="utf-8") for path in place.rglob("*") if re.match(r"LICENSE\.|copyright$", path.name))
    words = ("OpenSSL Project Authors", "Dave Benson", "Redistributions in binary form must reproduce the above")
    return ", ".join(word for word in words if word not in " ".join(text.split())) or None


def _spdx_trouble(run: Run, document: Path) -> str | None:
    """The errors that SPDX's own tool finds in a document."""
    outcome = run.program([VENV_PYTHON.with_name("pyspdxtools"), "--infile", document, "--version", "SPDX-2.3"])
    return outcome.output.strip()[-300:] or outcome.ended if outcome.status != 0 else None


def _command(run: Run, name: str, program: Path, env: Mapping[str, str]) -> None:
    """The command finds its library, and fetches figures."""
    with gateway() as running:
        outcome = run.program([program, "get", "HK.00700", "--csv", "--port", str(running.port)], limit_s=30, env=env)
    good = outcome.status == 0 and FIGURE.search(outcome.output)
    run.check(f"{name}: the command capdist", None if good else f"{outcome.ended}: {outcome.output[-300:]}")


def _command_pages(run: Run, share: Path, program: Path) -> None:
    """The manual and the completions have every command and every option."""
    commands = re.findall(r"^  (\w+) +\w", run.program([program, "--help"], env=PATH).output.partition("SUBCOMMANDS:")[2], re.M)
    run.check("the command's help tells its commands", None if len(commands) == 6 else f"{commands}")
    told = "".join(run.program([program, "help", name], env=PATH).output for name in commands)
    options = {*re.findall(r"(--[a-z][a-z-]+)", told)} - {"--help"}
    pages = {
        "manual": share / "man" / "man1" / "capdist.1",
        "bash": share / "bash-completion" / "completions" / "capdist",
        "zsh": share / "zsh" / "vendor-completions" / "_capdist",
        "fish": share / "fish" / "vendor_completions.d" / "capdist.fish",
    }
    for name, page in pages.items():
        text = page.read_text(encoding="utf-8").replace("\\-", "-") if page.exists() else ""
        # fish writes an option without its dashes, troff's macro with one of them.
        dashes = {"fish": 2, "manual": 1}.get(name, 0)
        missing = [word for word in (*(option[dashes:] for option in options), *commands) if word not in text]
        run.check(f"the command's {name} page has all", ", ".join(sorted(missing)) or (None if text else "there is none"))
    checked = run.program(["bash", "-n", pages["bash"]])
    run.check("bash can read its completions", checked.output if checked.status else None)
    manual = run.program(["man", "--warnings", "-l", str(pages["manual"])], env={"LC_ALL": "C.UTF-8", "MANWIDTH": "100"})
    run.check("the command's manual can be read", None if "NAME" in manual.output and "warning" not in manual.output else manual.output[-300:])


def _use_from_c(run: Run, name: str, folder: Path, root: Path, libdir: str, bindir: str) -> None:
    """Builds the C sample with pkg-config, and runs it with the installed simulator."""
    folder.mkdir()
    shutil.copy(ROOT / "bindings" / "c" / "fetch.c", folder)
    env = {**PATH, "PKG_CONFIG_SYSROOT_DIR": str(root), "PKG_CONFIG_LIBDIR": f"{root}{libdir}/pkgconfig"}
    told = run.program(["pkg-config", "--modversion", "capdist"], env=env).output.strip()
    run.check(f"{name}: pkg-config tells the version", None if told == builds.version() else told)
    # pkg-config omits folders that compilers search anyway, but an extracted package has others.
    command = f"cc fetch.c -o fetch -I{root}/usr/include $(pkg-config --cflags --libs capdist) -L{root}{libdir}"
    built = run.program(["sh", "-ec", command], cwd=folder, env=env)
    program = folder / "fetch"
    libraries = {**PATH, "LD_LIBRARY_PATH": f"{root}{libdir}"}
    why = built.output if built.status else _against_the_simulator(run, [program], Path(f"{root}{bindir}"), libraries)
    run.check(f"{name}: a C program by pkg-config", why or _outside(run, program, libraries, Path(f"{root}{libdir}")))


def _against_the_simulator(run: Run, command: list[str | Path], bindir: Path, env: Mapping[str, str]) -> str | None:
    with gateway(program=bindir / "opend-simulator", env=PATH) as running:
        outcome = run.program([*command, "HK.00700", "127.0.0.1", str(running.port)], limit_s=30, env=env)
    good = outcome.status == 0 and FIGURE.search(outcome.output)
    return None if good else f"{outcome.ended}: {outcome.output[-300:]}"


def _outside(run: Run, program: Path, env: Mapping[str, str], libdir: Path) -> str | None:
    """The libraries of a program that come neither from the installation nor from the system's folders."""
    found = re.findall(r"=> (\S+)", run.build(["env", *(f"{key}={env[key]}" for key in env), "ldd", program]).output)
    strange = [path for path in found if not path.startswith(("/lib/", "/usr/lib/", "/lib64/", f"{libdir}/"))]
    if f"{libdir}/libcapdist.so.1" not in found:
        return f"it uses another libcapdist: {found}"
    return f"it uses {strange}" if strange else None


def _in_place(run: Run) -> None:
    """The user's way: installed below a PREFIX, used from C++ through CMake, which is told the PREFIX only."""
    prefix = OUT / "prefix"
    run.build(["make", "--silent", "install", f"PREFIX={prefix}", *BUILT])
    _use_from_cmake(run, "make install", OUT / "cmake", prefix, prefix / "lib", prefix / "bin")
    wrong = _cmake(run, OUT / "cmake-2", prefix, "2")
    told = 'compatible with requested version "2"' in wrong.output and f"version: {builds.version()}" in wrong.output
    run.check("CMake tells of another major version", None if wrong.status and told else wrong.output[-400:])
    env = {**PATH, "PKG_CONFIG_LIBDIR": str(prefix / "lib" / "pkgconfig")}
    wrong = run.program(["pkg-config", "--print-errors", "--exists", "capdist >= 2"], env=env)
    told = "capdist >= 2" in wrong.output and builds.version() in wrong.output
    run.check("pkg-config tells of another version", None if wrong.status and told else wrong.output[-400:])
    (prefix / "lib" / "libcapdist.so.1").unlink()
    wrong = _cmake(run, OUT / "cmake-missing", prefix, "1.0")
    told = "libcapdist.so.1 is missing: install libcapdist again" in " ".join(wrong.output.split())
    run.check("CMake tells of a missing library", None if wrong.status and told else wrong.output[-400:])


def _static(run: Run) -> None:
    prefix = OUT / "prefix-static"
    run.build(["make", "--silent", "install", f"PREFIX={prefix}", *BUILT])
    static(run, OUT / "static", prefix, PATH)


def _cmake(run: Run, folder: Path, prefix: Path, version: str) -> Outcome:
    folder.mkdir()
    (folder / "CMakeLists.txt").write_text(CMAKE_LISTS.format(version=version), encoding="utf-8")
    shutil.copy(ROOT / "bindings" / "cpp" / "samples" / "first.cpp", folder / "user.cpp")
    return run.program(["cmake", f"-DCMAKE_PREFIX_PATH={prefix}", "-S", folder, "-B", folder / "build"], env=PATH)


def _use_from_cmake(run: Run, name: str, folder: Path, prefix: Path, libdir: Path, bindir: Path) -> None:
    outcome = _cmake(run, folder, prefix, ".".join(builds.version().split(".")[:2]))
    if outcome.status == 0:
        outcome = run.program(["cmake", "--build", folder / "build"], env=PATH)
    program = folder / "build" / "user"
    why = outcome.output[-400:] if outcome.status else _against_the_simulator(run, [program], bindir, PATH)
    run.check(f"{name}: a C++ program by CMake", why or _outside(run, program, PATH, libdir))


def _other_major(run: Run) -> None:
    """A program that was compiled with the headers of version 2, with this library."""
    include = OUT / "include-2"
    shutil.copytree(ROOT / "bindings" / "cpp" / "include", include)
    text = (ROOT / "include" / "capdist.h").read_text(encoding="utf-8")
    (include / "capdist.h").write_text(re.sub(r"(VERSION_MAJOR) \d+", r"\1 2", text), encoding="utf-8")
    program = OUT / "first-2"
    link = [f"-L{RELEASE}", "-lcapdist", f"-Wl,-rpath,{RELEASE}"]
    source = ROOT / "bindings" / "cpp" / "samples" / "first.cpp"
    run.build(["g++", "-std=c++17", f"-I{include}", source, "-o", program, *link])
    outcome = run.program([program, "HK.00700"], limit_s=30)
    words = "compiled with the headers of libcapdist 2, and the library is version " + builds.version()
    told = outcome.status != 0 and words in outcome.output
    run.check("C++ tells of a library of another major version", None if told else outcome.output[-300:])

    # A C program can check the version itself, as docs/abi.md shows.
    (block,) = (block for block in blocks(ROOT / "docs" / "abi.md") if block.language == "c")
    source = OUT / "looks.c"
    source.write_text(block.text, encoding="utf-8")
    run.build(["cc", f"-I{include}", source, "-o", OUT / "looks", *link])
    outcome = run.program([OUT / "looks"])
    told = outcome.status == 1 and f"capdist.h is version 2, and the library is {builds.version()}" in outcome.output
    run.check("C tells of a library of another major version", None if told else outcome.output[-300:])

    # A program that is linked with version 2: the loader finds version 1 only.
    stub = OUT / "stub"
    stub.mkdir()
    run.build(["cc", "-shared", "-Wl,-soname,libcapdist.so.2", "-o", stub / "libcapdist.so", "-x", "c", os.devnull])
    source = OUT / "main.c"
    source.write_text("int main(void) { return 0; }\n", encoding="utf-8")
    command = ["cc", source, "-o", OUT / "linked-2", f"-L{stub}", "-Wl,--no-as-needed", "-lcapdist"]
    run.build([*command, f"-Wl,-rpath,{RELEASE}"])
    outcome = run.program([OUT / "linked-2"])
    told = outcome.status != 0 and "libcapdist.so.2: cannot open shared object file" in outcome.output
    run.check("the loader tells of another major version", None if told else outcome.output[-300:])


def _wheel(run: Run) -> None:
    dist = OUT / "wheel"
    run.build(["make", "--silent", "wheel", f"DIST={dist}", *BUILT])
    (wheel,) = dist.glob("*.whl")
    tag = re.fullmatch(rf"capdist-{re.escape(builds.version())}-py3-none-(manylinux_2_\d+_\w+)\.whl", wheel.name)
    run.check("wheel: its name tells version and platform", None if tag else wheel.name)
    show = run.program([VENV_PYTHON.with_name("auditwheel"), "show", wheel])
    consistent = tag and f'the following platform tag: "{tag[1]}"' in " ".join(show.output.split())
    run.check("wheel: auditwheel agrees", None if consistent else show.output[-400:])

    # Only the environment's own programs, so no compiler; and only the wheel, so no index.
    venv = OUT / "venv"
    run.build([VENV_PYTHON, "-m", "venv", venv])
    alone = {"PATH": str(venv / "bin"), "LD_LIBRARY_PATH": "", "CAPDIST_LIBRARY": "", "PYTHONPATH": ""}
    pip = [venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", wheel]
    run.build(["env", *(f"{name}={value}" for name, value in alone.items()), *pip])
    with gateway("--rsa-key", str(RSA_KEY)) as running:
        command = [venv / "bin" / "python", "-c", PYTHON_USER, str(running.port), RSA_KEY]
        outcome = run.program(command, limit_s=30, env=alone, cwd=OUT)
    run.check("wheel: it works", None if "\n859479380.0\n" in f"\n{outcome.output}" else outcome.output[-400:])
    site = rf"{re.escape(str(venv))}/lib/python[\d.]+/site-packages"
    inside = set(re.findall(rf"{site}/(capdist/libcapdist\.so|capdist\.libs/libcrypto)", outcome.output))
    run.check("wheel: its own library is used, with OpenSSL inside", None if inside == {"capdist/libcapdist.so"} else outcome.output[-400:])
    _command(run, "wheel", venv / "bin" / "capdist", alone)
    licences = {path.name for path in venv.rglob("licenses/LICENSE*")}
    expected = {"LICENSE", "LICENSE.protobuf-c", "LICENSE.openssl", "LICENSE.libsqlite3-0"}
    run.check("wheel: tells what is inside", _sbom_trouble(run, [*venv.rglob("*.dist-info/sboms/libcapdist.spdx.json")]))
    run.check("wheel: the licences of all that is inside", None if licences >= expected else f"{licences}")


def _wheel_without_library(run: Run) -> None:
    """`pip install ./bindings/python`, for an installed library. In a copy, since pip writes files there."""
    tree = OUT / "tree"
    package = tree / "bindings" / "python"
    ignored = shutil.ignore_patterns("tests", "build", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT / "bindings" / "python", package, ignore=ignored)
    pip = [VENV_PYTHON, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    command = [*pip, "--no-build-isolation", "--wheel-dir", tree, package]
    outcome = run.program(command)
    told = outcome.status != 0 and "build this package inside the source tree of libcapdist" in outcome.output
    run.check("wheel: outside the source tree it says why not", None if told else outcome.output[-300:])
    shutil.copytree(ROOT / "include", tree / "include")
    run.build(command)
    names = [path.name for path in tree.glob("*.whl")]
    right = names == [f"capdist-{builds.version()}-py3-none-any.whl"]
    run.check("wheel: without the library it is for any platform", None if right else f"{names}")


def _debian(run: Run) -> None:
    dist = OUT / "deb"
    run.build(["make", "--silent", "deb", f"DIST={dist}", *BUILT])
    (changes,) = dist.glob("*.changes")
    lint = run.program(["lintian", "--allow-root", "--display-info", "--pedantic", "--fail-on=none", changes])
    told = [line for line in lint.output.splitlines() if re.match(r"[EWIPC]: ", line)]
    run.check("deb: lintian finds nothing", "; ".join(told[:5]) or (lint.output[-300:] if lint.status else None))

    files = {package: next(dist.glob(f"{package}_*.deb")) for package in DEBIAN}
    for package, file in files.items():
        version = run.build(["dpkg-deb", "--field", file, "Version"]).output.strip()
        run.check(f"deb: {package} has the version", None if version.split("-")[0] == builds.version() else version)
    depends = run.build(["dpkg-deb", "--field", files["libcapdist1"], "Depends"]).output
    names = {re.split(r"[ (]", word.strip())[0] for word in depends.split(",")}
    wrong = names ^ set(builds.NEEDED.values())
    run.check("deb: libcapdist1 depends on what it needs", ", ".join(sorted(wrong)))

    # Into a file system of their own: this machine has their dependencies installed, and must not be changed.
    root = OUT / "root"
    for folder in ("updates", "info", "triggers"):
        (root / "var" / "lib" / "dpkg" / folder).mkdir(parents=True)
    (root / "var" / "lib" / "dpkg" / "status").touch()
    dpkg = ["env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "dpkg", f"--root={root}", "--log=/dev/null", "--force-not-root"]
    run.build([*dpkg, "--force-depends", "--install", *files.values()])
    run.check("deb: tells what is inside", _sbom_trouble(run, [root / "usr/share/doc/libcapdist1/libcapdist.spdx.json"]))
    run.check("deb: has the licences of what is inside", _licence_trouble(root / "usr/share/doc/libcapdist1"))
    triplet = run.build(["dpkg-architecture", "-qDEB_HOST_MULTIARCH"]).output.strip()
    libdir = f"/usr/lib/{triplet}"
    _use_from_c(run, "deb", OUT / "deb-c", root, libdir, "/usr/bin")
    _command(run, "deb", root / "usr" / "bin" / "capdist", {**PATH, "LD_LIBRARY_PATH": f"{root}{libdir}"})
    folder = OUT / "deb-cmake"
    _use_from_cmake(run, "deb", folder, root / "usr", Path(f"{root}{libdir}"), root / "usr" / "bin")
    run.build([*dpkg, "--purge", *files])
    left = [str(path) for path in root.rglob("*") if not path.is_dir() and "dpkg" not in path.parts]
    run.check("deb: dpkg takes all away again", ", ".join(left))


def _jar(run: Run) -> None:
    dist = OUT / "jar"
    run.build(["make", "--silent", "jar", f"DIST={dist}", f"JAVA={OUT / 'java'}", *BUILT])
    jar = dist / f"capdist-{builds.version()}.jar"
    _made(run, "jar", dist, [jar.name])
    with ZipFile(jar) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
    strange = [name for name in names if not re.fullmatch(r"META-INF/MANIFEST.MF|(capdist|com/(futu|moomoo)/openapi)/.+\.class", name)]
    _contents(run, "jar", names, JAR, strange)
    source = dist / "User.java"
    source.write_text(JAVA_USER, encoding="utf-8")
    _used(run, "jar", ["java", "-cp", f"{jar}:/usr/share/java/jna.jar", source], FIGURE)


def _npm(run: Run) -> None:
    dist = OUT / "npm"
    run.build(["make", "--silent", "npm", f"DIST={dist}", *BUILT])
    package = dist / f"capdist-{builds.version()}.tgz"
    _made(run, "npm", dist, [package.name])
    with tarfile.open(package) as archive:
        names = [name.removeprefix("package/") for name in archive.getnames()]
    strange = [name for name in names if name.startswith(("test/", "build/", "..", "/"))]
    _contents(run, "npm", names, NPM, strange)
    left = [name for name in ("include", "LICENSE") if (ROOT / "bindings" / "node" / name).exists()]
    run.check("npm: nothing is left in the source tree", ", ".join(left))
    # The compiler is in its usual place. There is no network.
    env = {"npm_config_offline": "true", "npm_config_cache": str(OUT / "npm-cache"), "npm_config_update_notifier": "false"}
    project = OUT / "npm-project"
    project.mkdir()
    (project / "package.json").write_text('{"private": true}', encoding="utf-8")
    npm = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", package]
    installed = run.program(npm, cwd=project, env=env)
    run.check("npm: it can be installed", None if installed.status == 0 else installed.output[-300:])
    (project / "user.mjs").write_text(NODE_USER, encoding="utf-8")
    _used(run, "npm", ["node", project / "user.mjs"], FIGURE)


def _dll(run: Run) -> None:
    dist = OUT / "dll"
    run.build(["make", "--silent", "dll", f"DIST={dist}", f"CSHARP_OUT={OUT / 'csharp'}", *BUILT])
    _made(run, "dll", dist, ["Capdist.dll", "Capdist.xml"])
    program = dist / "User.exe"
    source = program.with_suffix(".cs")
    source.write_text(CSHARP_USER, encoding="utf-8")
    run.build(["mcs", "-nologo", "-warnaserror", f"-r:{dist / 'Capdist.dll'}", f"-out:{program}", source])
    version = re.escape(builds.version())
    _used(run, "dll", ["mono", program], re.compile(rf"^{version}\.0\n{FIGURE.pattern}"))


def _made(run: Run, name: str, dist: Path, expected: list[str]) -> None:
    names = sorted(path.name for path in dist.iterdir())
    run.check(f"{name}: what is made, with the version", None if names == expected else f"{names}")


def _contents(run: Run, name: str, names: list[str], expected: tuple[str, ...], strange: list[str]) -> None:
    run.check(f"{name}: all is in it", ", ".join(sorted(set(expected) - set(names))))
    run.check(f"{name}: nothing else is in it", ", ".join(strange))


def _used(run: Run, name: str, command: list[str | Path], expected: re.Pattern[str]) -> None:
    """A program with the package, with the library where the system finds it."""
    with gateway() as running:
        outcome = run.program([*command, str(running.port)], limit_s=90, env={"LD_LIBRARY_PATH": str(RELEASE), "CAPDIST_LIBRARY": ""})
    good = outcome.status == 0 and expected.search(outcome.output)
    run.check(f"{name}: it works", None if good else f"{outcome.ended}: {outcome.output[-300:]}")


if __name__ == "__main__":
    sys.exit(standalone(packages))
