"""Searches an application's memory and log for secrets. Tests/guests/secrets.c dumps its memory."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from harness.gateway import simulator
from harness.suite import RESULTS, ROOT, Run

OUT = RESULTS / "guests"
#: The numbers of a PKCS#1 private key, after the public ones.
PRIVATE = ("d", "p", "q", "d mod p-1", "d mod q-1", "1/q mod p")
SEED = 7


def secrets(run: Run) -> None:
    """While it is connected, the memory has the keys, or the search would be wrong. After the release it has none."""
    program = OUT / "secrets"
    connection, session_key, _ = drawn(SEED, 3)
    needles = {"the session's key": f"{session_key:016X}".encode()}
    for given in ("text", "file"):
        for cipher in (0, 1, 2):
            for size in ("1024", "2048"):
                key = ROOT / "Tests" / "vectors" / "rsa" / f"{size}.pem"
                name = f"{size} bits as {given}, cipher {cipher}"
                dumps = [OUT / f"secrets-{number}" for number in (1, 2)]
                with simulator("--rsa-key", str(key), "--seed", str(SEED)) as port:
                    command = [program, str(port), key, str(cipher), given, *dumps]
                    outcome = run.program(command, limit_s=30)
                right = outcome.status == 0 and f"connection {connection}\n" in outcome.output
                run.check(f"{name}: connects", None if right else f"{outcome.ended}: {outcome.output[-300:]}")
                if not right:
                    continue
                wanted = needles | of_key(key)
                before, after = (dump.read_bytes() for dump in dumps)
                unseen = [what for what in ("the session's key", "p, in OpenSSL's order") if wanted[what] not in before]
                run.check(f"{name}: keys are found while it is connected", ", ".join(unseen))
                left = [what for what, needle in wanted.items() if needle in after]
                run.check(f"{name}: none are left", ", ".join(left))
                told = [what for what, needle in wanted.items() if needle in outcome.output.encode()]
                run.check(f"{name}: none are logged", ", ".join(told))
                for dump in dumps:
                    dump.unlink()
    _refused(run, program)
    websocket_key(run, program)


def _refused(run: Run, program: Path) -> None:
    """No part of a refused key is left."""
    for name in ("openssh", "passphrase", "ec", "8192", "pss", "three-primes"):
        key = ROOT / "Tests" / "vectors" / "rsa" / f"{name}.pem"
        before, after = dumps = [OUT / f"secrets-{number}" for number in (1, 2)]
        outcome = run.program([program, "1", key, "0", "refused", *dumps], limit_s=30)
        run.check(f"refused {name}: is refused", None if outcome.status == 0 else f"{outcome.ended}: {outcome.output}")
        if outcome.status != 0:
            continue
        lines = [line for line in key.read_text(encoding="ascii").splitlines() if not line.startswith("-")]
        text = "".join(line for line in lines if ":" not in line).encode()
        content = base64.b64decode(text)
        # In keys of PKCS#8 and OpenSSH the public numbers come first, and errors may show them.
        pieces = {text[at : at + 24] for at in range(len(text) // 2, len(text) - 24)}
        pieces |= {content[at : at + 16] for at in range(len(content) // 2, len(content) - 16)}
        pieces |= {piece[::-1] for piece in pieces}
        pieces = {piece for piece in pieces if len(set(piece)) > 4}
        held, left = (dump.read_bytes() for dump in (before, after))
        run.check(f"refused {name}: its text is found before", None if text[-64:-40] in held.replace(b"\n", b"") else "no")
        found = sum(piece in left for piece in pieces)
        run.check(f"refused {name}: no piece is left", f"{found} of {len(pieces)} pieces" if found else None)
        for dump in dumps:
            dump.unlink()


def websocket_key(run: Run, program: Path) -> None:
    """The same for the WebSocket's key, and for its MD5, which is as secret."""
    key = f"{SEED:08x}{'quartz-vow':>16}".replace(" ", "~")
    needles = {"the key": key.encode(), "its MD5": hashlib.md5(key.encode()).hexdigest().encode()}
    file = OUT / "secrets-key"
    file.write_text(key, encoding="ascii")
    dumps = [OUT / f"secrets-{number}" for number in (1, 2)]
    with simulator("--websocket-port", "0", "--websocket-key", key) as port:
        outcome = run.program([program, str(port), file, "0", "websocket", *dumps], limit_s=30)
    right = outcome.status == 0 and "connection " in outcome.output
    run.check("WebSocket key: connects", None if right else f"{outcome.ended}: {outcome.output[-300:]}")
    if right:
        before, after = (dump.read_bytes() for dump in dumps)
        run.check("WebSocket key: found while it is connected", None if needles["its MD5"] in before else "its MD5")
        left = [what for what, needle in needles.items() if needle in after]
        run.check("WebSocket key: nothing is left", ", ".join(left))
        told = [what for what, needle in needles.items() if needle in outcome.output.encode()]
        run.check("WebSocket key: not logged", ", ".join(told))
    for path in (file, *dumps):
        path.unlink(missing_ok=True)


def drawn(seed: int, count: int) -> list[int]:
    """The first random numbers of a gateway with that seed: the connection's number, its key and its iv (SplitMix64)."""
    mask = 2**64 - 1
    numbers = []
    for _ in range(count):
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        mixed = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & mask
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
        numbers.append(mixed ^ (mixed >> 31))
    return numbers


def of_key(file: Path) -> dict[str, bytes]:
    """The secrets of a PKCS#1 file: its lines, and its private numbers in both byte orders."""
    lines = file.read_text(encoding="ascii").splitlines()[1:-1]
    needles = {f"line {number} of the PEM text": line.encode() for number, line in enumerate(lines[:-1], 2)}
    numbers = integers(base64.b64decode("".join(lines)))
    for name, number in zip(PRIVATE, numbers[3:], strict=True):
        needles[f"{name}, as in the file"] = number
        needles[f"{name}, in OpenSSL's order"] = number[::-1]
    return needles


def integers(der: bytes) -> list[bytes]:
    """The numbers of a DER sequence, without leading zeroes."""

    def item(at: int) -> tuple[int, int]:
        length, at = der[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(der[at : at + count], "big"), at + count
        return at, at + length

    at, end = item(0)
    numbers = []
    while at < end:
        start, at = item(at)
        numbers.append(der[start:at].lstrip(b"\0"))
    return numbers
