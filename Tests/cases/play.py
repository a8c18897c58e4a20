"""Runs the named cases that all bindings share (Tests/cases), for bindings whose tests are not written in Python.

Such a binding has a player: a small program that performs commands and prints how requests completed. `PLAYER VARIANT` reads
    lines
of words:

    open GROUP PORT [NAME=VALUE]...   makes the next client (numbered from 0), with these fields of capdist_options
    close CLIENT                      closes it
    close-inside CLIENT               the callback of the client's first answer waits until `wait` is read, and so until all
                                      requests have been made; then it closes the client
    ask CLIENT SECURITY [MAX_AGE_MS]  makes the next request (numbered from 0); a blocking variant waits for the answer
    wait                              waits until every request has completed, and prints `done`

and prints a line for each request when it completes, with words separated by tabs:

    refused NUMBER STATUS             the call was refused
    answer NUMBER STATUS WAS_SENT RETRY_AFTER_MS JSON [FROM_CACHE]
                                      WAS_SENT and FROM_CACHE are 0 or 1; JSON as capdist_reply_to_json writes it, `{}` without
                                      an answer; `-` for what a variant does not return

It ends when its input ends.

    python3 Tests/cases/play.py [--only NAME] 'VARIANT [LACKS...]: COMMAND'...

runs the cases in variants of a binding; LACKS is `no-callbacks`, `no-options`, `no-replies` for a variant that returns figures
alone, or `websocket` for a variant that uses that.
"""

from __future__ import annotations

import argparse
import json
import queue
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.gateway import Gateway, gateway
from harness.suite import ROOT, side_by_side
from harness.tap import Case, SuiteError, report

CASES: list[dict[str, Any]] = json.loads((ROOT / "Tests" / "cases" / "cases.json").read_text(encoding="utf-8"))["cases"]
KILL = "kill the gateway with the requests in flight"
CLOSE_INSIDE = "close the client in the first callback"
CLOSE_BEFORE = "close the clients before asking"
#: Fields that are checked here. An unknown field would not be checked, so it is an error.
FIELDS = {
    "case": {"name", "about", "gateways", "clients", "requests", "event"},
    "gateways": {"simulator", "silent"},
    "clients": {"gateway", "queue_timeout_ms", "reply_timeout_ms", "quota_requests"},
    "requests": {"client", "security", "securities", "max_age_ms", "expect"},
    "expect": {
        *("status", "call", "was_sent", "from_cache", "ret_type", "ret_msg", "retry_after_ms", "takes_ms"),
        *("figures", "some_figures", "different"),
    },
}
PATIENCE_S = 15.0
#: The retType of the vendor's classes for a status without an answer.
VENDOR_RET_TYPES = {"CAPDIST_QUEUE_TIMEOUT": -100, "CAPDIST_REPLY_TIMEOUT": -100, "CAPDIST_DISCONNECTED": -200}


@dataclass(frozen=True)
class Variant:
    """A variant of a binding. Without options (the vendor's classes) it can only run cases that set none."""

    name: str
    command: Sequence[str | Path]
    has_callbacks: bool = True
    has_options: bool = True
    over_websocket: bool = False
    has_replies: bool = True

    @classmethod
    def of(cls, text: str) -> Variant:
        """Parses `VARIANT [LACKS...]: COMMAND`."""
        found = re.fullmatch(r"([^\[:]+?)(?: \[([\w -]*)\])?: (.*)", text)
        if found is None:
            raise SuiteError(f"{text} names no variant")
        lacks = set((found[2] or "").split())
        return cls(
            found[1], shlex.split(found[3]), "no-callbacks" not in lacks, "no-options" not in lacks, "websocket" in lacks,
            "no-replies" not in lacks,
        )

    def can(self, case: dict[str, Any]) -> bool:
        """Whether the variant has what a case needs."""
        has_any = any(set(client) - {"gateway"} for client in case["clients"])
        if not self.has_options and (has_any or any("max_age_ms" in request for request in case["requests"])):
            return False
        return self.has_callbacks or case.get("event") != CLOSE_INSIDE


@dataclass(frozen=True)
class Answer:
    """A line of the player, with the time since the request was sent to it."""

    kind: str
    status: str
    was_sent: str
    retry_after_ms: str
    said: dict[str, Any]
    seconds: float
    from_cache: str = "-"


class Player:
    """A running player."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        self._process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.answers: dict[int, Answer] = {}
        self.twice: list[int] = []
        self._asked: list[float] = []
        self._done: queue.Queue[bool] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def tell(self, *words: object) -> None:
        """Writes a line."""
        assert self._process.stdin is not None
        print(*words, file=self._process.stdin, flush=True)

    def ask(self, asks: Sequence[tuple[dict[str, Any], str]]) -> None:
        """Writes lines together."""
        assert self._process.stdin is not None
        self._asked += [time.monotonic()] * len(asks)
        for request, security in asks:
            max_age = f" {request['max_age_ms']}" if "max_age_ms" in request else ""
            self._process.stdin.write(f"ask {request['client']} {security}{max_age}\n")
        self._process.stdin.flush()

    def wait(self) -> None:
        """Waits until every request has completed. Raises SuiteError if the limit passes."""
        self.tell("wait")
        try:
            ended_well = self._done.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise SuiteError(f"not every request has ended after {PATIENCE_S:.0f} s") from None
        if not ended_well:
            raise SuiteError("the player ended, or printed what is no answer")

    def end(self) -> int:
        """Closes its input. Returns its exit status. Raises SuiteError if the limit passes."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.close()
            status = self._process.wait(timeout=PATIENCE_S)
            self._reader.join(timeout=PATIENCE_S)
            return status
        except subprocess.TimeoutExpired:
            raise SuiteError("the player does not end with its input") from None
        except BrokenPipeError:
            return self._process.wait(timeout=PATIENCE_S)
        finally:
            self._process.kill()
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                self._take(line.rstrip("\n").split("\t"))
        finally:
            self._done.put(False)

    def _take(self, words: list[str]) -> None:
        if words[0] == "done":
            self._done.put(True)
            return
        number = int(words[1])
        if number in self.answers:
            self.twice.append(number)
        status, was_sent, retry, said, from_cache = words[2:] + ["-", "-", "-", "{}", "-"][len(words) - 2 :]
        seconds = time.monotonic() - self._asked[number]
        self.answers[number] = Answer(words[0], status, was_sent, retry, json.loads(said), seconds, from_cache)


def play_cases(variants: Sequence[Variant], only: str = "") -> Iterator[Case]:
    """Runs every case whose name contains `only`, in every variant that has what it needs."""
    if not only:
        unknown = _unknown_fields()
        yield Case("every field of the table is understood", not unknown, ", ".join(unknown))

    def play(played: tuple[Variant, dict[str, Any]]) -> Case:
        variant, case = played
        started = time.monotonic()
        try:
            problems = _play(case, variant)
        except SuiteError as error:
            problems = [str(error)]
        return Case(f"{variant.name}: {case['name']}", not problems, "; ".join(problems[:3]), time.monotonic() - started)

    # Two at a time: they mostly wait, for timeouts, and for interpreters to start and end.
    plays = [(variant, case) for variant in variants for case in filter(variant.can, CASES) if only in case["name"]]
    yield from side_by_side(play, plays)
    if not only:
        left_out = {case["name"] for case in CASES} - {case["name"] for _, case in plays}
        yield Case("no case of the table is left out", not left_out, ", ".join(left_out))


def _unknown_fields() -> list[str]:
    unknown: list[str] = []
    for case in CASES:
        if case.get("event") not in (None, KILL, CLOSE_INSIDE, CLOSE_BEFORE):
            unknown.append(f"{case['name']}: {case['event']}")
        entries = [("case", case)] + [("expect", request["expect"]) for request in case["requests"]]
        entries += [(kind, entry) for kind in ("gateways", "clients", "requests") for entry in case[kind]]
        unknown += [f"{case['name']}: {field}" for kind, entry in entries for field in set(entry) - FIELDS[kind]]
    return unknown


def _play(case: dict[str, Any], variant: Variant) -> list[str]:
    """Runs a case. Returns the error, or ""."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        traces, ports, gateways = [], [], []
        for number, wanted in enumerate(case["gateways"]):
            if "silent" in wanted:
                ports.append(stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1])
                continue
            traces.append(folder / f"trace{number}")
            websocket = ("--websocket-port", "0") if variant.over_websocket else ()
            gateways.append(stack.enter_context(gateway("--trace", str(traces[-1]), *websocket, *wanted["simulator"])))
            ports.append(gateways[-1].websocket_port if variant.over_websocket else gateways[-1].port)
        player = Player([*variant.command])
        try:
            _tell(player, case, ports)
            asks = [(request, security) for request in case["requests"] for security in _securities(request)]
            player.ask(asks)
            if case.get("event") == KILL:
                _kill_in_flight(gateways[0], traces[0], len(asks))
            player.wait()
            problems = _problems(asks, player, 0, variant)
            # The first client is closed. A second one must still get answers.
            player.tell("close", 0)
            again = [(request, security) for request, security in asks if request["client"] == 1]
            player.ask(again)
            player.wait()
            problems += _problems(again, player, len(asks), variant)
        except BrokenPipeError:
            problems = ["the player ended"]
        finally:
            status = player.end()
        if status != 0:
            problems.append(f"the player's exit status is {status}")
        if player.twice:
            problems.append(f"ended twice: {player.twice}")
        return problems


def _tell(player: Player, case: dict[str, Any], ports: list[int]) -> None:
    """Sends the player all commands up to the requests."""
    for number, client in enumerate(case["clients"]):
        options = (f"{name}={value}" for name, value in client.items() if name != "gateway")
        player.tell("open", f"case-{number}", ports[client["gateway"]], *options)
        if case.get("event") == CLOSE_BEFORE:
            player.tell("close", number)
            player.tell("close", number)
    if case.get("event") == CLOSE_INSIDE:
        player.tell("close-inside", 0)


def _securities(request: dict[str, Any]) -> list[str]:
    """The securities of a request."""
    if "security" in request:
        return [request["security"]]
    many = request["securities"]
    return [f"{many['market']}.{i:0{many['digits']}}" for i in range(many["first"], many["last"] + 1)]


def _kill_in_flight(running: Gateway, trace: Path, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        lines = trace.read_text(encoding="utf-8").split("\n")[:-1] if trace.exists() else []
        if sum(e["event"] == "request" and e.get("proto_id") == 3212 for e in map(json.loads, lines)) >= count:
            running.kill()
            return
        time.sleep(0.005)
    raise SuiteError("the requests did not reach the gateway")


def _problems(asks: list[tuple[dict[str, Any], str]], player: Player, first: int, variant: Variant) -> list[str]:
    problems: list[str] = []
    values: dict[str, set[Any]] = {}
    for number, (request, security) in enumerate(asks, first):
        wanted = request["expect"]
        answer = player.answers.get(number)
        if answer is None:
            problems.append(f"{security}: no answer")
            continue
        problems += [f"{security}: {problem}" for problem in _compare(wanted, answer, security, variant)]
        if "different" in wanted:
            values.setdefault(wanted["different"], set()).add(_figure(answer, wanted["different"]))
    for name, different in values.items():
        if len(different) != len(asks):
            problems.append(f"{len(different)} values of {name} for {len(asks)} securities")
    return problems


def _compare(wanted: dict[str, Any], answer: Answer, security: str, variant: Variant) -> list[str]:
    problems: list[str] = []

    def expect(what: str, seen: object, should: object) -> None:
        if seen != should:
            problems.append(f"{what} is {seen!r} instead of {should!r}")

    if "call" in wanted:
        expect("the call", (answer.kind, answer.status), ("refused", wanted["call"] if variant.has_options else "-"))
        return problems
    status = wanted["status"]
    expect("the kind", answer.kind, "answer")
    if answer.kind != "answer":
        return [f"{problems[0]}: {answer.status}"]
    if variant.has_options:
        expect("the status", answer.status, status)
        # Who gives figures alone cannot tell that they are another request's.
        if variant.has_replies or "from_cache" not in wanted:
            expect("was_sent", answer.was_sent, str(int(wanted["was_sent"])))
        if variant.has_replies and "from_cache" in wanted:
            expect("from_cache", answer.from_cache, str(int(wanted["from_cache"])))
        most = wanted.get("retry_after_ms", 0)
        if not max(most - 100, 0) <= int(answer.retry_after_ms) <= most:
            problems.append(f"retry_after_ms is {answer.retry_after_ms}")
    elif "ret_type" not in wanted:
        expect("retType", answer.said.get("retType"), 0 if status == "CAPDIST_OK" else VENDOR_RET_TYPES.get(status))
    if "ret_msg" in wanted:
        said = (answer.said.get("retType"), answer.said.get("retMsg"))
        expect("what it said", said, (wanted["ret_type"], wanted["ret_msg"]))
    figures = {**wanted.get("figures", {}), **wanted.get("some_figures", {}).get(security, {})}
    for name, value in figures.items():
        expect(name, _figure(answer, name), value)
    if "takes_ms" in wanted and not wanted["takes_ms"][0] <= answer.seconds * 1000 <= wanted["takes_ms"][1]:
        problems.append(f"it took {answer.seconds * 1000:.0f} ms")
    return problems


def _figure(answer: Answer, name: str) -> Any:
    """Converts capital_in_big to capitalInBig, the name in protobuf and JSON."""
    first, *others = name.split("_")
    return answer.said.get("s2c", {}).get(first + "".join(word.capitalize() for word in others))


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description="Runs the named cases.")
    parser.add_argument("--only", default="")
    parser.add_argument("variants", nargs="+")
    arguments = parser.parse_args()
    return report(play_cases([Variant.of(variant) for variant in arguments.variants], arguments.only))


if __name__ == "__main__":
    sys.exit(main())
