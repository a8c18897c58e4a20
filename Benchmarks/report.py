"""The benchmark's tables and the page they are written to."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import tools
from rows import CIPHERS, MODES, TRANSPORTS, WAYS, Row

HEAD = (
    "client",
    "requests/s",
    "ratio",
    "round trip µs",
    "processor µs",
    "ratio",
    "on one core µs",
    "ratio",
    "calls",
    "instructions",
    "resident MiB",
    "peak MiB",
    "gateway",
)
#: The counts of one build differ from run to run, since threads meet in another order: by up to 2 % in ten runs, some of them
#: on a machine that was busy. That much more than its limit a counted ratio may be.
COUNT_SPREAD = 1.02
AGAINST = {"C": "the minimal C client", "Python": "futu-api's row of the same kind"}


@dataclass(frozen=True)
class Goal:
    """An asserted figure: one row's share of another's, or a number of its own."""

    text: str
    #: "at most" or "at least" the limit
    bound: str
    limit: float
    #: Of every round, or one number that was counted; empty if it was not measured.
    values: tuple[float, ...]
    #: Why it was not measured.
    note: str = ""
    #: By how much the limit may be passed, as a factor.
    spread: float = 1.0

    @property
    def passed(self) -> bool | None:
        """Whether this run keeps it; None if it was not measured."""
        if not self.values:
            return None
        figure = median(self.values)
        return figure <= self.limit * self.spread if self.bound == "at most" else figure >= self.limit / self.spread


def number(value: float) -> str:
    """A number with about three digits that say something."""
    if value >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(values: Sequence[float]) -> str:
    """Median, and in brackets the lowest and the highest."""
    return f"{number(median(values))} ({number(min(values))}–{number(max(values))})"


def ratios(row: Row, base: Row, name: str) -> tuple[float, ...]:
    """A figure's ratio, round by round: what slows a whole round down cancels out."""
    return tuple(own / other for own, other in zip(row.values(name), base.values(name)))


def ratio(row: Row, base: Row, name: str) -> float:
    """The median of them."""
    return median(ratios(row, base, name))


def cells(row: Row, base: Row) -> list[str]:
    """A row of a table."""
    if row.missing:
        return [row.client.name, "not measured", *["–"] * (len(HEAD) - 2)]
    return [
        row.client.name,
        spread(row.values("rate")),
        f"{ratio(row, base, 'rate'):.2f}",
        spread(row.values("round_trip_us")) if row.client.mode == "one" else "–",
        spread(row.values("processor_all_us")),
        f"{ratio(row, base, 'processor_all_us'):.2f}",
        spread(row.values("processor_us")),
        f"{ratio(row, base, 'processor_us'):.2f}",
        f"{sum(row.calls.values()):.2f}",
        number(row.instructions) if row.instructions is not None else "–",
        f"{median(row.values('resident_kib')) / 1024:.1f}",
        f"{median(row.values('peak_kib')) / 1024:.1f}",
        f"{median(row.values('gateway')) * 100:.0f} %",
    ]


def table(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells as Markdown, in columns."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    rule = ["-" * width if column == 0 else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    text = []
    for line in [lines[0], rule, *lines[1:]]:
        padded = (
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths))
        )
        text.append("| " + " | ".join(padded) + " |")
    return "\n".join(text) + "\n"


def tables(rows: Sequence[Row]) -> str:
    """All rows, in a table for each language and mode."""
    by_key = {row.client.key: row for row in rows}
    text = ""
    kinds = dict.fromkeys((row.client.language, row.client.way, row.client.mode) for row in rows)
    for language, way, mode in kinds:
        own = [row for row in rows if (row.client.language, row.client.way, row.client.mode) == (language, way, mode)]
        lines = [HEAD, *(cells(row, by_key[row.client.against]) for row in own)]
        title = f"{language}, {MODES[mode]}" + (f", {WAYS[way]}" if way is not None else "")
        against = AGAINST[language] + (" with the same cipher" if way in CIPHERS else "")
        if way in TRANSPORTS:
            against = "libcapdist's row over TCP, not encrypted"
        text += f"### {title}\n\nRatios are against {against}.\n\n{table(lines)}\n"
        text += "".join(f"{row.client.name} is not measured: {row.missing}.\n\n" for row in own if row.missing)
    return text


def goals(rows: Sequence[Row], lives: Sequence[float], build_s: float) -> list[Goal]:
    """The asserted figures with what this run gave. `lives` are those of processes that asked once, in milliseconds; `build_s`
    is 0 if nothing was built."""
    by_key = {row.client.key: row for row in rows}

    def share(text: str, bound: str, limit: float, key: str, base: str, name: str) -> Goal:
        row, other = by_key[key], by_key[base]
        note = row.missing or other.missing
        return Goal(text, bound, limit, () if note else ratios(row, other, name), note)

    def instructions(text: str, key: str, base: str) -> Goal:
        own, other = by_key[key].instructions, by_key[base].instructions
        return Goal(text, "at most", 1.5, (own / other,) if own and other else (), spread=COUNT_SPREAD)

    def calls(text: str, key: str, limit: float) -> Goal:
        # Starting and ending do not cancel out to the last call.
        return Goal(text, "at most", limit, (round(sum(by_key[key].calls.values()), 2),))

    # The minimal client's, and one wake-up.
    one_more = round(sum(by_key["minimal"].calls.values()), 2) + 1
    counted = [("in callbacks", "callback", "minimal"), ("application-driven", "poll", "minimal")]
    counted64 = [(f"{name}, 64 in flight", f"{key}64", "minimal64") for name, key, _ in counted]
    rate, used, alone, trip = "rate", "processor_all_us", "processor_us", "round_trip_us"
    return [
        *(instructions(f"C: instructions, {name}, of the minimal client's", key, base)
          for name, key, base in counted + counted64),
        *(calls(f"C: system calls a request, {name}: the minimal client's and a wake-up", key, one_more)
          for name, key, _ in counted),
        *(calls(f"C: system calls a request, {name}", key, 0.25) for name, key, _ in counted64),
        share("C: round trip, application-driven, of the minimal client's", "at most", 1.15, "poll", "minimal", trip),
        share("C: round trip, in callbacks, of the minimal client's with a second thread", "at most", 1.3, "callback",
              "minimal-thread", trip),
        share("C: round trip, blocking, of the same", "at most", 1.3, "fetch", "minimal-thread", trip),
        *(share(f"C: requests/s, {name}, of the minimal client's", "at least", 0.9, key, base, rate)
          for name, key, base in counted64),
        share("C: processor time, application-driven, 64 in flight, of the minimal client's", "at most", 1.2, "poll64",
              "minimal64", used),
        share("C: processor time, in callbacks, 64 in flight, of the minimal client's", "at most", 1.3, "callback64",
              "minimal64", used),
        *(share(f"C: processor time, {name}, of the minimal client's that asks together", "at most", 2, key, "together64",
                used)
          for name, key, _ in counted64),
        *(share(f"C: processor time on one core, {name}, {MODES[mode]}, of the minimal client's", "at most", 1.3,
                f"callback-{mode}-{cipher}", f"minimal-{mode}-{cipher}", alone)
          for cipher, name in CIPHERS.items() for mode in MODES),
        *(share(f"C: processor time on one core, {TRANSPORTS[way]}, {MODES[mode]}, of libcapdist's over TCP", "at most",
                limit, f"callback-{mode}-{way}", tcp, alone)
          for way, limit in (("websocket", 1.5), ("tls", 2.0))
          for mode, tcp in (("one", "callback"), ("many", "callback64"))),
        Goal("C: life of a process that asks once, ms", "at most", 30, tuple(lives)),
        Goal("a release build from nothing, s", "at most", 120, (build_s,) if build_s else (), "" if build_s else "a built library was named"),
        share("64 in flight from C: requests/s, of futu-api's", "at least", 50, "callback64", "futu64", rate),
        share("64 in flight from C: requests/s, of nautilus-futu's", "at least", 15, "callback64", "nautilus64", rate),
        share("Python: processor time, a reply object, of futu-api's call without its DataFrame", "at most", 0.1,
              "capdist", "futu", used),
        share("Python: processor time, a reply object, of nautilus-futu's", "at most", 0.5, "capdist", "nautilus", used),
        share("Python: processor time, with the DataFrame, of futu-api's", "at most", 0.5, "capdist-frame", "futu-frame",
              used),
    ]  # fmt: skip


def goal_table(asserted: Sequence[Goal]) -> str:
    """The asserted figures as a table."""
    lines: list[Sequence[str]] = [("what", "goal", "this run", "")]
    for goal in asserted:
        # A number that was counted has no spread.
        figure = "–" if not goal.values else spread(goal.values) if len(goal.values) > 1 else number(goal.values[0])
        verdict = {True: "pass", False: "fail", None: "not measured"}[goal.passed]
        limit = f"{goal.bound} {goal.limit:g}" + (f" (+{goal.spread - 1:.0%})" if goal.spread > 1 else "")
        lines.append((goal.text, limit, figure, verdict))
    notes = dict.fromkeys(goal.note for goal in asserted if goal.note)
    return table(lines) + "".join(f"\nNot measured: {note}.\n" for note in notes)


def pins() -> dict[str, str]:
    """The peers' versions, as the requirements pin them."""
    files = (tools.HERE / "requirements.txt", tools.HERE / "requirements-nautilus.txt")
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    return {name.replace("_", "-"): version for name, version in re.findall(r"^([\w-]+)==(\S+)$", text, re.MULTILINE)}


def machine() -> str:
    """The machine in a few words."""
    release = platform.freedesktop_os_release()
    cores = {1: "one core", 2: "two cores", 4: "four cores"}.get(os.cpu_count() or 1, f"{os.cpu_count()} cores")
    return f"{cores}, {release.get('ID', 'Linux').capitalize()} {release.get('VERSION_ID', '')}".strip()


#: What the columns of the tables mean.
COLUMNS = """## Columns

- **requests/s**: requests that were answered and checked, by the wall clock, on all cores.
- **round trip**: the median time of one request, from its call to the checked answer, on all cores. It is longer if a request has to
  wake an idle core.
- **processor**: user and system time of the client's process, all its threads, for one request, without starting and connecting. The
  client may use all cores, as it does for users. Waking an idle core can cost more than the client's own work.
- **on one core**: the same in a separate run, with client and gateway on one core, so that no idle core is woken. This is what the
  client itself costs.
- **calls**: system calls for a request, on one core (`strace -f -c`). To leave out those of the start, the calls of a short run are
  subtracted from those of a long one.
- **instructions**: in user space, for a request, measured in the same way (callgrind). Its processor has no SHA instructions, so SHA-1
  counts for more than it costs.
- **resident**, **peak**: memory at the end, and at its most. For Python this includes the interpreter and what it imports.
- **gateway**: the share of the time that the gateway's one thread was busy. Near 100 % the gateway limits requests/s; the processor
  time is right even then.

"""


def document(rows: Sequence[Row], asserted: Sequence[Goal], footprint: str, python: str, rounds: int) -> str:
    """The page."""
    versions = pins()
    return f"""# Benchmarks

`make bench` measures, and writes this page. The figures are those of its last run.

- Machine: {machine()}. Client and gateway share it.
- {rounds} rounds. In each round every client has its turn, in a process of its own, and each round starts with another client. A figure is the
  median over the rounds, with the lowest and the highest in brackets. A ratio is the median of the rounds' ratios.
- All clients speak to the same gateway (`Benchmarks/gateway.c`), over plain TCP unless a table says otherwise. It answers HK.00700
  from prepared frames. No client keeps a quota.
- Python {python}, futu-api {versions["futu-api"]} with pandas {versions["pandas"]}, nautilus-futu
  {versions["nautilus-futu"]}. All Python rows run on the same interpreter.

## The clients

- **minimal C client** (`Benchmarks/minimal_client.c`) does the least that a program can do over one blocking socket: the same frames,
  OpenSSL's fastest SHA-1, made and verified, protobuf-c, every field decoded. It has no timeouts, keep-alive, reconnect or quota. The
  run fails if it makes more than one send and two receives for a request. With encryption it uses the same EVP interfaces of the same
  OpenSSL, with contexts made once; its gateway encrypted the answers before the run. *2 threads*: a second thread receives the answer.
  *Asks together*, with 64 in flight: it reads all answers that have arrived with one system call, and sends the next requests with
  one, as libcapdist does. Without these words in its row, it makes a system call for each answer and for each request.
- **libcapdist** (`Benchmarks/capdist_client.c`). *Callbacks*: each request is made inside the callback of an earlier one. *Blocking*:
  `capdist_fetch_capital_distribution()` on the main thread. Both are in thread mode. *Application-driven*: as callbacks, from a
  `poll()` loop on the main thread.
- **capdist, asyncio**: `LoopClient`, which has no thread.
- **capdist, object**: `Client.capital_distribution()`; with 64 in flight, the watch list `capital_distributions()`.
- **capdist.futu, DataFrame**: `get_capital_distribution()` as users of the vendor's SDK call it.
- **futu-api, DataFrame**: the vendor's `get_capital_distribution()`; **futu-api, dict**: the same without
  making the DataFrame. Both write their log, as delivered.
- **nautilus-futu, dict**: `PyFutuClient.get_capital_distribution()`, in Rust.
- With 64 in flight, the clients that can only block are called from 64 threads.
- Over WebSocket, and over TLS, the same gateway speaks as OpenD's WebSocket bridge: sections in masked frames, no SHA-1.

{COLUMNS}## Figures

{tables(rows)}## What it costs a process

A process loads the library, connects, makes one request and reads /proc (`Benchmarks/once.c`). `make bench BASE=path/to/libcapdist.so` prints
the figures of another build beside these.

{footprint}
## What is asserted

An asserted ratio is the median of the rounds' ratios, with the lowest and the highest in brackets. The number in
brackets after a limit is how much the counts of one build differ from run to run; a result may pass the limit by that much.

{goal_table(asserted)}"""
