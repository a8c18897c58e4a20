"""Programs with the static library: with gcc and clang, in C and C++, linked statically, and with functions of the same
names."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from harness.builds import declared_functions
from harness.gateway import gateway
from harness.sanitizers import toolchain
from harness.suite import ROOT, Run

TLS = ROOT / "Tests" / "vectors" / "tls"
RSA_KEY = ROOT / "Tests" / "vectors" / "rsa" / "2048.pem"
KEY = "7522027ccf5a06b1"
FIGURE = re.compile(r"\b859479380\b")

#: Functions of an application with names that are also inside the library: those of OpenSSL, protobuf-c, the C library as Swift
#: uses it, Swift and the project. Calling one of them ends the program.
NAMES = ("SHA1_Init", "SSL_new", "EVP_CIPHER_fetch", "OPENSSL_init_crypto", "protobuf_c_message_unpack", "ceil", "arc4random_buf",
         "swift_allocObject", "swift_retain", "csystem_this_thread", "blocking_wait_ready")  # fmt: skip
OWN_NAMES = "".join(f"void {name}(void) {{ __builtin_trap(); }}\n" for name in NAMES)

CMAKE_LISTS = """cmake_minimum_required(VERSION 3.13)
project(user LANGUAGES C CXX)
set(capdist_USE_STATIC_LIBS ON)
find_package(capdist 1.0 REQUIRED)
add_executable(user user.cpp)
target_compile_features(user PRIVATE cxx_std_17)
target_link_libraries(user PRIVATE capdist::capdist)
"""


def static(run: Run, out: Path, prefix: Path, env: Mapping[str, str]) -> None:
    """Builds and runs each program with the library that is installed below the prefix."""
    out.mkdir()
    archive = prefix / "lib" / "libcapdist.a"
    names = run.build(["nm", "--extern-only", "--defined-only", "--format=posix", archive]).output
    found = {line.split()[0] for line in names.splitlines() if len(line.split()) > 2}
    run.check("static: its global names are the header's", ", ".join(sorted(found ^ set(declared_functions()))))

    env = {**env, "PKG_CONFIG_LIBDIR": str(prefix / "lib" / "pkgconfig")}
    fetch, own = ROOT / "bindings" / "c" / "fetch.c", out / "own.c"
    own.write_text(OWN_NAMES, encoding="utf-8")
    package = "$(pkg-config --cflags --static --libs capdist)"
    by_hand = f"-I{prefix}/include {archive}"
    programs = {
        "gcc": f"gcc {fetch} -o gcc {by_hand}",
        "clang": f"{toolchain() / 'bin' / 'clang'} -fuse-ld=lld -Wl,--gc-sections {fetch} -o clang {by_hand}",
        "static-pie": f"gcc -static-pie {fetch} -o static-pie {package}",
        "static": f"gcc -static {fetch} -o static {package}",
        "own-names": f"gcc -fno-builtin {fetch} {own} -o own-names {by_hand}",
        "shared": f"gcc -fno-builtin -shared -fPIC -Wl,-z,text,--no-undefined {own} -Wl,--whole-archive {archive}"
        " -Wl,--no-whole-archive -o libshared.so",
    }
    for name, command in programs.items():
        built = run.program(["sh", "-ec", command], cwd=out, env=env)
        if built.status or name == "shared":
            run.check(f"static: {name} is linked", built.output[-400:] if built.status else None)
            continue
        _fetches(run, name, out / name, env)
    needed = run.build(["readelf", "--dynamic", "--wide", out / "static-pie"]).output
    run.check("static: the whole program needs no library", ", ".join(re.findall(r"\(NEEDED\).*\[(.+?)\]", needed)))
    _cmake(run, out / "cmake", prefix, env)


def _fetches(run: Run, name: str, program: Path, env: Mapping[str, str]) -> None:
    """Unencrypted, encrypted and over TLS."""
    certificate = ("--tls-cert", str(TLS / "server.pem"), "--tls-key", str(TLS / "key.pem"))
    ways = {
        "in clear": ((), ()),
        "encrypted": (("--rsa-key", str(RSA_KEY)), ("--rsa-key", RSA_KEY)),
        "over TLS": (
            ("--websocket-port", "0", "--websocket-key", KEY, *certificate),
            ("--websocket", "--key", KEY, "--tls", "--ca", TLS / "ca.pem"),
        ),
    }
    for way, (gateways, words) in ways.items():
        with gateway(*gateways) as running:
            port = str(running.websocket_port or running.port)
            outcome = run.program([program, *words, "HK.00700", "127.0.0.1", port], limit_s=30, env=env)
        good = outcome.status == 0 and FIGURE.search(outcome.output)
        run.check(f"static: {name} fetches {way}", None if good else f"{outcome.ended}: {outcome.output[-300:]}")


def _cmake(run: Run, folder: Path, prefix: Path, env: Mapping[str, str]) -> None:
    folder.mkdir()
    (folder / "CMakeLists.txt").write_text(CMAKE_LISTS, encoding="utf-8")
    shutil.copy(ROOT / "bindings" / "cpp" / "samples" / "first.cpp", folder / "user.cpp")
    build = folder / "build"
    outcome = run.program(["cmake", f"-DCMAKE_PREFIX_PATH={prefix}", "-S", folder, "-B", build], env=env)
    if outcome.status == 0:
        outcome = run.program(["cmake", "--build", build], env=env)
    if outcome.status == 0:
        needed = run.build(["readelf", "--dynamic", "--wide", build / "user"]).output
        run.check("static: CMake takes the static library", "libcapdist.so" if "libcapdist" in needed else None)
        with gateway() as running:
            words = [build / "user", "HK.00700", "127.0.0.1", str(running.port)]
            outcome = run.program(words, limit_s=30, env={**os.environ, **env})
    good = outcome.status == 0 and FIGURE.search(outcome.output)
    run.check("static: a C++ program by CMake", None if good else f"{outcome.ended}: {outcome.output[-300:]}")
