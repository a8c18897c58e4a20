"""What the library costs a process, and beside it another build of the library: BASE of `make bench`."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import report
import tools
from tools import BenchmarkError, Gateway

#: Ways to reach the gateway, in the order of the table.
WAYS: tuple[tuple[int | str | None, str], ...] = ((None, "plain TCP"), (0, "encrypted"), ("tls", "over TLS"))
OF_MINIMAL = "resident after one request, plain TCP, of the minimal client's"
#: How long an idle connection is watched.
IDLE_MS = 8_000


@dataclass
class Figures:
    """What was measured of one library."""

    #: Alone in a folder, under the name that programs are linked to: valgrind gives up on Swift's debug information.
    library: Path
    values: dict[str, list[float]] = field(default_factory=dict)
    needed: list[str] = field(default_factory=list)

    def add(self, name: str, value: float) -> None:
        """One more value of a figure."""
        self.values.setdefault(name, []).append(value)


def measure(libraries: Sequence[Path], gateways: Mapping[int | str | None, Gateway], rounds: int, is_quick: bool) -> list[Figures]:
    """Measures each library; round by round, they take turns."""
    found = [Figures(_alone(library, tools.PROGRAMS / f"build-{number}")) for number, library in enumerate(libraries)]
    for one in found:
        one.add("size of the file, bytes", one.library.stat().st_size)
        dynamic = tools.run(["readelf", "--dynamic", "--wide", one.library])
        one.needed = [name for name in re.findall(r"\(NEEDED\).*\[(.+?)\]", dynamic) if not name.startswith("ld-linux")]
        one.add("other libraries it needs", len(one.needed))
    for number in range(rounds):
        for one in found[number % len(found) :] + found[: number % len(found)]:
            for way, name in WAYS:
                told = _once(one, gateways[way], way, 0)
                one.add(f"resident after one request, {name}, KiB", told["resident_kib"])
                if way is None:
                    one.add(OF_MINIMAL, told["resident_kib"] / _minimal_kib(gateways[way]))
                    one.add("private dirty memory after one request, KiB", told["dirty_kib"])
                    one.add("dlopen, µs", told["dlopen_us"])
                    one.add("first call, µs", told["first_call_us"])
    for one in found:
        first = tools.instructions(_command(one, gateways[None], None, 0), {})
        one.add("from the process's start to the first answer, instructions", first)
        short, long = (50, 250) if is_quick else (200, 1_200)
        for mode, name in (("callback", "one at a time"), ("many", "64 in flight"), ("fetch", "blocking")):
            counts = []
            for requests in (short, long):
                command = [tools.PROGRAMS / "capdist_client", gateways[None].port, mode, str(requests)]
                counts.append(tools.instructions(command, {"LD_LIBRARY_PATH": str(one.library.parent)}))
            one.add(f"instructions a request, {name}", (counts[1] - counts[0]) / (long - short))
        idle_ms = 500 if is_quick else IDLE_MS
        one.add(f"wake-ups of an idle connection in {idle_ms / 1000:g} s", _once(one, gateways[None], None, idle_ms)["wake_ups"])
    return found


def _command(one: Figures, gateway: Gateway, way: int | str | None, idle_ms: int) -> list[str]:
    words: list[str] = []
    if way == "tls":
        words = ["tls", str(tools.TLS / "ca.pem")]
    elif way is not None:
        words = [str(tools.RSA_KEY), str(way)]
    return [str(tools.PROGRAMS / "once"), str(one.library), gateway.port, *words, str(idle_ms)]


def _once(one: Figures, gateway: Gateway, way: int | str | None, idle_ms: int) -> dict[str, float]:
    told: dict[str, float] = json.loads(tools.run(_command(one, gateway, way, idle_ms)))
    if told["resident_kib"] < 500:
        raise BenchmarkError(f"once: {told}")
    return told


def _minimal_kib(gateway: Gateway) -> float:
    told: dict[str, float] = json.loads(tools.run([tools.PROGRAMS / "minimal_client", gateway.port, "one", "1"]))
    return told["resident_kib"]


def _alone(library: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    copy = Path(shutil.copy(library, folder / "libcapdist.so.1"))
    # What is not written yet would count as dirty.
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    return copy


def goals(own: Figures) -> list[report.Goal]:
    """The asserted figures of what ships."""
    limits = {
        "size of the file, bytes": 5_200_000,
        "other libraries it needs": 1,
        "resident after one request, plain TCP, KiB": 3_994,
        OF_MINIMAL: 1.25,
        "resident after one request, encrypted, KiB": 4_710,
    }
    return [report.Goal(f"a process: {name}", "at most", limit, tuple(own.values[name])) for name, limit in limits.items()]


def table(found: Sequence[Figures]) -> str:
    """The figures; of two libraries, with the ratio of the first to the second."""
    own, *others = found
    head = ["what", "libcapdist", *(["the other build", "ratio"] if others else [])]

    def show(values: list[float]) -> str:
        return report.spread(values) if len(values) > 1 else f"{values[0]:,.0f}".replace(",", " ")

    lines: list[Sequence[str]] = [head]
    for name, values in own.values.items():
        line = [name, show(values)]
        for other in others:
            base = other.values[name]
            ratio = f"{median(values) / median(base):.2f}" if median(base) else "–"
            line += [show(base), ratio]
        lines.append(line)
    return report.table(lines) + "".join(f"\nNeeds: {', '.join(one.needed)}.\n" for one in found)
