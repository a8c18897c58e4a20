"""The library in processes with restrictions: a sandbox, locked memory, another clock, a main thread that has ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.builds import alone
from harness.gateway import simulator
from harness.suite import RELEASE, RESULTS, ROOT, Run

OUT = RESULTS / "guests"
TLS = ROOT / "Tests" / "vectors" / "tls"
LIBRARY = RELEASE / "libcapdist.so.1"
#: Where systems have their CAs, in the library's order. The last two are folders.
PLACES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs/some-ca.pem",
    "/etc/pki/tls/certs/some-ca.pem",
)
#: The memory that a connection may take in a process that locks its memory, in KiB: its thread's stack and a little more.
LOCKED_KIB = 768


def conditions(run: Run) -> None:
    """Runs each program of this kind."""
    with simulator("--no-quota") as port:
        _random(run)
        _last_thread(run, port)
        _locked(run, port)
        _failing(run, port)
        for which in ("thread", "other"):
            played(run, f"a fork out of a crash, {which}", [OUT / "crashed", str(port), which], limit_s=300)
        played(run, "a collector that stops threads by signals", [OUT / "collector", str(port)])
        _names(run, port)
        for which in ("growing", "limited"):
            played(run, f"the longest queue without memory, {which}", [OUT / "queue", str(port), which], limit_s=120)
    with ways() as where:
        played(run, "each allocation fails in turn", [OUT / "no_memory", *where], limit_s=300)
    with simulator("--no-quota", "--fault", "never") as port:
        _clocks(run, port)
    certificate = ("--tls-cert", str(TLS / "server.pem"), "--tls-key", str(TLS / "key.pem"))
    with simulator("--no-quota", "--websocket-port", "0", *certificate) as port:
        _trust(run, port)


def played(run: Run, name: str, command: list[str | Path], env: dict[str, str] | None = None, limit_s: float = 60) -> str:
    """Runs a program, which must exit with status 0. Returns its output."""
    outcome = run.program(command, limit_s=limit_s, env=env)
    run.check(name, None if outcome.status == 0 else f"{outcome.ended}: {outcome.output.strip()[-300:]}")
    return outcome.output


@contextmanager
def ways() -> Iterator[list[str]]:
    """Gateways without encryption, with it, and with TLS: their ports, the key file and the CA's file."""
    key = ROOT / "Tests" / "vectors" / "rsa" / "1024.pem"
    tls = ("--websocket-port", "0", "--tls-cert", str(TLS / "server.pem"), "--tls-key", str(TLS / "key.pem"))
    with (
        simulator("--no-quota") as clear,
        simulator("--no-quota", "--rsa-key", str(key)) as encrypted,
        simulator("--no-quota", *tls) as over_tls,
    ):
        yield [str(clear), str(encrypted), str(over_tls), str(key), str(TLS / "ca.pem")]


def _random(run: Run) -> None:
    # It loads the library itself, once it is in the sandbox.
    program = OUT / "no_random"
    for when in ("early", "late"):
        played(run, f"no random numbers, {when}", [program, when, LIBRARY])
    # A file system without the file, in a mount namespace of its own.
    script = 'mount -t tmpfs none /dev && exec "$@"'
    played(run, "no random numbers at load", ["unshare", "-rm", "sh", "-c", script, "sh", program, "load", LIBRARY])


def _last_thread(run: Run, port: int) -> None:
    program = OUT / "last_thread"
    for name, sent in (("alarm", signal.SIGALRM), ("wait", signal.SIGTERM), ("busy", signal.SIGTERM)):
        process = subprocess.Popen([program, str(port), name], stdout=subprocess.PIPE)
        try:
            assert process.stdout
            told = process.stdout.readline()
            if name != "alarm" and told:
                process.send_signal(sent)
            status = process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            status = 0
        finally:
            process.kill()
            process.wait()
        why = None if status == -sent else f"ended with {status}"
        run.check(f"{sent.name} ends a program whose last thread is the connection's, {name}", why)


def _locked(run: Run, port: int) -> None:
    outcome = run.program([OUT / "locked", str(port)], limit_s=60)
    each = outcome.output.strip()
    right = outcome.status == 0 and each.isdigit() and int(each) < LOCKED_KIB
    run.check("a connection where memory is locked", None if right else f"{outcome.ended}: {each[-300:]} KiB")


def _failing(run: Run, port: int) -> None:
    program = OUT / "failing"
    # Functions inside the shipped library cannot be replaced.
    env = {"LD_LIBRARY_PATH": str(alone(run).parent), "PATH": os.environ["PATH"]}
    played(run, "a failed digest is told as such", [program, str(port), "digest"], env)
    played(run, "a failed memory is told as such", [program, str(port), "memory"])


def _clocks(run: Run, port: int) -> None:
    program = OUT / "timers"
    played(run, "timers on the system's clock", [program, str(port)])
    (faked,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    for clock in ("-400d", "+400d", "@2031-02-03 04:05:06"):
        env = {"LD_PRELOAD": str(faked), "FAKETIME": clock, "PATH": os.environ["PATH"]}
        played(run, f"timers under libfaketime, {clock}", [program, str(port)], env)


def _names(run: Run, port: int) -> None:
    program = OUT / "names"
    for what in ("stalled", "distinct", "moving", "turns"):
        played(run, f"names, {what}", [program, what, str(port)])


def _trust(run: Run, port: int) -> None:
    """The CAs of every system, in file systems of the test."""
    program = OUT / "trust"

    def told(mode: str, *places: tuple[Path, str], count: int = 1, before: Sequence[str | Path] = ()) -> str:
        copies = "".join(f" && mkdir -p $(dirname {place}) && cp {source} {place}" for source, place in places)
        script = f'mount -t tmpfs none /etc{copies} && exec "$@"'
        command = ["unshare", "-rm", "sh", "-c", script, "sh", *before, program, str(port), mode, str(count)]
        outcome = run.program(command, limit_s=60)
        return outcome.output if outcome.status == 0 else f"{outcome.ended}: {outcome.output[-300:]}"

    ours, other = TLS / "ca.pem", TLS / "self-signed.pem"
    for place in PLACES:
        words = told("thread", (ours, place))
        run.check(f"trusts the CAs in {place}", None if words == "answers\n" else words)
    words = told("thread", (other, PLACES[0]), (ours, PLACES[1]))
    right = "signed by a CA that is not trusted here (those of /etc/ssl/certs/ca-certificates.crt are trusted)" in words
    run.check("the first file that has certificates is taken alone, and is named", None if right else words)
    words = told("thread", (TLS / "key.pem", PLACES[0]), (ours, PLACES[1]))
    run.check("a file without certificates is passed over", None if words == "answers\n" else words)
    words = told("thread")
    missing = [place for place in PLACES[:6] if place not in words]
    run.check("where none is, the text names where they were looked for", ", ".join(missing) or None)
    for mode in ("thread", "application"):
        trace = OUT / f"trust-{mode}.strace"
        strace = ["strace", "-f", "-o", trace, "-e", "trace=openat,execve"]
        words = told(mode, (ours, PLACES[0]), count=20, before=strace)
        run.check(f"{mode}: twenty connections over TLS", None if words == "answers\n" * 20 else words)
        opened = re.findall(rf'^(\d+) +openat\(.*"{PLACES[0]}"', trace.read_text(), re.M)
        first = re.findall(r"^(\d+) +execve", trace.read_text(), re.M)
        why = None if len(opened) == 1 and opened[0] not in first else f"opened by {opened}, the main thread is {first}"
        run.check(f"{mode}: the CAs are read once, and not on the application's thread", why)
