"""The named cases that all bindings share (Tests/cases), in every variant that has what a case needs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Optional, Union

import pytest
from conftest import Start
from variants import FIGURES, Answer, Asyncio, Blocking, Callbacks, OnLoop, Vendor
from support import PATIENCE, ROOT, SilentGateway, Simulator, wait_until

Variant = Union[Blocking, Callbacks, Asyncio, Vendor]

CASES: list[dict[str, Any]] = json.loads((ROOT / "Tests" / "cases" / "cases.json").read_text(encoding="utf-8"))["cases"]
#: Cases that must be in the table.
PROMISED = {
    "success",
    "refusal",
    "unknown stock",
    "queue timeout",
    "reply timeout",
    "gateway gone",
    "release inside the callback",
    "two connections",
    "a thousand requests",
    "non-ASCII retMsg",
    "shared answers",
    "use after close",
}
KILL = "kill the gateway with the requests in flight"
CLOSE_INSIDE = "close the client in the first callback"
CLOSE_BEFORE = "close the clients before asking"

#: Fields that this suite checks. An unknown field would not be checked, so it is an error.
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

#: (case, variant) of the cases that ran.
RAN: set[tuple[str, str]] = set()
_groups = itertools.count(1)


def variants_of(case: dict[str, Any]) -> list[type[Variant]]:
    """The variants that have what a case needs."""
    if case.get("event") == CLOSE_INSIDE:
        return [Callbacks]
    # The vendor's variant has no options, and would use its own timeouts and quota.
    has_options = any(set(client) - {"gateway"} for client in case["clients"])
    has_options = has_options or any("max_age_ms" in request for request in case["requests"])
    return [Blocking, Callbacks, Asyncio, OnLoop] + ([] if has_options else [Vendor])


RUNS = [(case, variant) for case in CASES for variant in variants_of(case)]


def securities_of(request: dict[str, Any]) -> list[str]:
    """The arguments of a request."""
    if "security" in request:
        return [request["security"]]
    many = request["securities"]
    return [f"{many['market']}.{i:0{many['digits']}}" for i in range(many["first"], many["last"] + 1)]


def options_of(client: dict[str, Any]) -> dict[str, Any]:
    """A client's options for Python, with times in seconds."""
    options = {name: value for name, value in client.items() if name != "gateway"}
    return {
        name.removesuffix("_ms"): value / 1000 if name.endswith("_ms") else value for name, value in options.items()
    }


def max_age_of(request: dict[str, Any]) -> Optional[float]:
    """A request's greatest age in seconds."""
    return request["max_age_ms"] / 1000 if "max_age_ms" in request else None


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """A thread that makes requests, while this one goes on."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


def expect(wanted: dict[str, Any], answer: Answer) -> None:
    """Compares one answer. None stands for what a variant does not return."""
    assert answer.call == wanted.get("call") or isinstance(answer.text, str) and answer.status is None
    if answer.status is None and answer.call is None:  # the vendor's variant returns a text only
        assert wanted.get("status") != "CAPDIST_OK"
        assert answer.text
        assert wanted.get("ret_msg", "") in answer.text
        return
    assert (answer.status, answer.call) == (wanted.get("status"), wanted.get("call"))
    assert answer.was_sent in (wanted.get("was_sent"), None)
    if "from_cache" in wanted:
        assert answer.from_cache == wanted["from_cache"]
    if "ret_msg" in wanted:
        assert (answer.ret_type, answer.ret_msg) == (wanted["ret_type"], wanted["ret_msg"])
        if wanted["status"] == "CAPDIST_REFUSED":
            assert wanted["ret_msg"] in answer.text
    if answer.retry_after_ms is not None:
        least = max(wanted.get("retry_after_ms", 0) - 100, 0)
        assert least <= answer.retry_after_ms <= wanted.get("retry_after_ms", 0)
    if "figures" in wanted:
        assert set(wanted["figures"]) == set(FIGURES)
        assert answer.figures == wanted["figures"]
    for name, value in wanted.get("some_figures", {}).get(answer.security, {}).items():
        assert answer.figures[name] == value
    if "takes_ms" in wanted:
        assert wanted["takes_ms"][0] <= answer.seconds * 1000 <= wanted["takes_ms"][1]


@pytest.mark.parametrize(("case", "kind"), RUNS, ids=[f"{case['name']}-{variant.__name__}" for case, variant in RUNS])
def test_case(
    case: dict[str, Any], kind: type[Variant], simulator: Start, silent: SilentGateway, pool: ThreadPoolExecutor
) -> None:
    RAN.add((case["name"], kind.__name__))
    variant = kind()
    if isinstance(variant, Callbacks):
        variant.closes = case.get("event") == CLOSE_INSIDE
    gateways: list[Union[Simulator, SilentGateway]] = [
        silent if "silent" in gateway else simulator(*gateway["simulator"]) for gateway in case["gateways"]
    ]
    clients = []
    for options in case["clients"]:
        port = gateways[options["gateway"]].port
        clients.append(variant.open(port=port, quota_group=f"case {next(_groups)}", **options_of(options)))
    if case.get("event") == CLOSE_BEFORE:
        for client in clients:
            client.close()
            client.close()

    asks = [(request, security) for request in case["requests"] for security in securities_of(request)]
    running = pool.submit(
        variant.ask,
        [(clients[request["client"]], security) for request, security in asks],
        [max_age_of(request) for request, _ in asks],
    )
    if case.get("event") == KILL:
        (gateway,) = gateways
        assert isinstance(gateway, Simulator)
        assert wait_until(lambda: len(gateway.requests()) == len(asks))
        gateway.kill()
    answers = running.result(timeout=PATIENCE)

    assert [answer.security for answer in answers] == [security for _, security in asks]
    for (request, _), answer in zip(asks, answers, strict=True):
        expect(request["expect"], answer)
    for request in case["requests"]:
        if "different" in request["expect"]:
            values = {answer.figures[request["expect"]["different"]] for answer in answers}
            assert len(values) == len(securities_of(request))

    clients[0].close()
    for index, client in enumerate(clients[1:], 1):
        for request in case["requests"]:
            if request["client"] == index:
                (again,) = variant.ask([(client, request["security"])], [max_age_of(request)])
                expect(request["expect"], again)
        client.close()


def test_this_suite_understands_every_field() -> None:
    for case in CASES:
        assert set(case) <= FIELDS["case"], case["name"]
        assert case.get("event") in (None, KILL, CLOSE_INSIDE, CLOSE_BEFORE), case["name"]
        assert case["gateways"] and case["clients"] and case["requests"], case["name"]
        for kind in ("gateways", "clients", "requests"):
            for entry in case[kind]:
                assert set(entry) <= FIELDS[kind], case["name"]
        for request in case["requests"]:
            assert set(request["expect"]) <= FIELDS["expect"], case["name"]
            assert set(request["expect"]) & {"status", "call"}, case["name"]


def test_no_case_has_been_lost() -> None:
    names = [case["name"] for case in CASES]
    assert len(names) == len(set(names))
    assert set(names) >= PROMISED


def test_every_case_of_the_table_was_run() -> None:
    """The last test of this file: every case has run in every variant."""
    assert RAN == {(case["name"], variant.__name__) for case in CASES for variant in variants_of(case)}
    assert {name for name, _ in RAN} == {case["name"] for case in CASES}
