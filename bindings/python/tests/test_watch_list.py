"""The watch list: it keeps the quota, yields answers as they come, and cancels requests when the loop is left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator

import pytest
from capdist import (
    ArgumentError,
    AsyncClient,
    CapitalDistribution,
    Client,
    RateLimitedError,
    RefusedError,
    RequestError,
    Result,
    Retry,
    Status,
    _watch,
)
from conftest import Start
from support import PATIENCE, Simulator

Patch = pytest.MonkeyPatch
Listed = list[tuple[str, Result, float]]


def blocking(client: Client, securities: Iterable[str]) -> Listed:
    """The list's results, with the time of each."""
    start = time.monotonic()
    return [
        (security, result, time.monotonic() - start) for security, result in client.capital_distributions(securities)
    ]


def within_asyncio(client: AsyncClient, securities: Iterable[str]) -> Listed:
    """The same with asyncio."""

    async def collect() -> Listed:
        start = time.monotonic()
        return [
            (security, result, time.monotonic() - start)
            async for security, result in client.capital_distributions(securities)
        ]

    return asyncio.run(collect())


VARIANTS = [(Client, blocking), (AsyncClient, within_asyncio)]
variants = pytest.mark.parametrize(("kind", "collect"), VARIANTS, ids=["Client", "AsyncClient"])


def codes(count: int) -> list[str]:
    """Codes of stocks."""
    return [f"HK.{number:05}" for number in range(1, count + 1)]


def refusals(gateway: Simulator) -> list[str]:
    """The requests that the gateway refused."""
    return [request["refused"] for request in gateway.requests() if "refused" in request]


@variants
def test_the_quota_is_kept_and_all_are_answered(kind: type, collect: object, simulator: Start) -> None:
    gateway = simulator("--quota", "5/1")
    with_quota = {"quota_requests": 5, "quota_window": 1.0, "quota_group": f"watch {kind.__name__}"}
    client = kind(port=gateway.port, **with_quota)
    answers = collect(client, codes(14))  # type: ignore[operator]
    client.close()
    assert sorted(security for security, _, _ in answers) == codes(14)
    assert all(isinstance(result, CapitalDistribution) and result.security == code for code, result, _ in answers)
    assert len({result.capital_in_big for _, result, _ in answers}) == 14
    assert refusals(gateway) == []
    # Five at once, five not before a second later, the rest not before another second. (Leaving the loop early, below, shows
    # that each is yielded when it is answered.)
    seconds = [when for _, _, when in answers]
    assert 1.0 < seconds[5]
    assert 2.0 < seconds[10]


@variants
def test_what_is_refused_for_frequency_is_asked_again(kind: type, collect: object, simulator: Start) -> None:
    """Another program has used the quota up. With and without a quota of its own, the list waits as long as the gateway
    says."""
    gateway = simulator("--quota", "4/1")
    with Client(port=gateway.port, quota_requests=0, quota_group=f"other {kind.__name__}") as other:
        for quota in (0, 4):
            for code in codes(4):
                other.capital_distribution(code)
            group = f"again {kind.__name__} {quota}"
            client = kind(port=gateway.port, quota_requests=quota, quota_window=1.0, quota_group=group)
            answers = collect(client, codes(6))  # type: ignore[operator]
            client.close()
            assert sorted(code for code, _, _ in answers) == codes(6)
            assert all(isinstance(result, CapitalDistribution) for _, result, _ in answers)
            time.sleep(1.1)
    assert refusals(gateway)


@variants
def test_an_entry_is_not_asked_for_ever(kind: type, collect: object, simulator: Start, monkeypatch: Patch) -> None:
    monkeypatch.setattr(_watch, "_MOST_TRIES", 2)
    gateway = simulator("--fault", "too-frequent=1")
    client = kind(port=gateway.port, quota_requests=0)
    [(code, result, seconds)] = collect(client, ["HK.00001"])  # type: ignore[operator]
    client.close()
    assert isinstance(result, RateLimitedError) and result.retry is Retry.AFTER and result.retry_after > 0.9
    assert code == "HK.00001" and seconds > 0.9
    assert len(gateway.requests()) == 2


@variants
def test_one_refusal_is_one_entry_s(kind: type, collect: object, simulator: Start) -> None:
    client = kind(port=simulator("--no-quota").port, quota_requests=0)
    answers = {code: result for code, result, _ in collect(client, ["HK.00001", "HK.99999", "HK.00002"])}  # type: ignore[operator]
    client.close()
    assert isinstance(answers["HK.99999"], RefusedError)
    assert answers["HK.99999"].ret_msg == "未知股票 HK.99999"
    assert isinstance(answers["HK.00001"], CapitalDistribution)
    assert isinstance(answers["HK.00002"], CapitalDistribution)


@variants
def test_without_a_quota_and_over_the_longest_queue(kind: type, collect: object, simulator: Start) -> None:
    gateway = simulator("--no-quota")
    client = kind(port=gateway.port, quota_requests=0, max_queue=3)
    assert len(collect(client, codes(200))) == 200  # type: ignore[operator]
    client.close()
    assert len(gateway.requests()) == 200


@variants
def test_an_empty_list(kind: type, collect: object, simulator: Start) -> None:
    client = kind(port=simulator().port)
    assert collect(client, []) == []  # type: ignore[operator]
    client.close()


@variants
def test_a_security_twice(kind: type, collect: object, simulator: Start) -> None:
    client = kind(port=simulator("--no-quota").port, quota_requests=0)
    assert [code for code, _, _ in collect(client, ["HK.00001"] * 3)] == ["HK.00001"] * 3  # type: ignore[operator]
    client.close()


@variants
def test_entries_are_taken_as_they_are_needed(kind: type, collect: object, simulator: Start) -> None:
    """A list can be longer than the memory: it is read only as fast as requests are made."""
    gateway = simulator("--no-quota")
    client = kind(port=gateway.port, quota_requests=4, quota_window=0.05, quota_group=f"lazy {kind.__name__}")
    taken = 0
    most_ahead = 0
    answered = 0

    def endless() -> Iterator[str]:
        nonlocal taken, most_ahead
        for code in codes(40):
            taken += 1
            most_ahead = max(most_ahead, taken - answered)
            yield code

    async def count() -> None:
        nonlocal answered
        async for _ in client.capital_distributions(endless()):
            answered += 1

    if kind is AsyncClient:
        asyncio.run(count())
    else:
        for _ in client.capital_distributions(endless()):
            answered += 1
    client.close()
    assert answered == 40
    assert most_ahead <= 5


def test_leaving_early_cancels(simulator: Start) -> None:
    gateway = simulator("--no-quota")
    client = Client(port=gateway.port, quota_requests=3, quota_window=60, quota_group="leaving")
    client.capital_distribution("HK.00001")
    client.capital_distribution("HK.00002")
    for code, _ in client.capital_distributions(codes(10)):
        assert code == "HK.00001"
        break
    # The other two waited for a slot, and were cancelled.
    assert client.quota().waiting == 0
    client.close()
    assert len(gateway.requests()) == 3


def test_leaving_early_cancels_in_asyncio(simulator: Start) -> None:
    gateway = simulator("--no-quota")

    async def leave() -> None:
        async with AsyncClient(port=gateway.port, quota_requests=2, quota_window=60, quota_group="aleaving") as client:
            await client.capital_distribution("HK.00001")
            async for code, _ in client.capital_distributions(codes(10)):
                assert code == "HK.00001"
                assert client.quota().waiting == 1
                break
            deadline = time.monotonic() + PATIENCE
            while client.quota().waiting and time.monotonic() < deadline:
                await asyncio.sleep(0.01)
            assert client.quota().waiting == 0

    asyncio.run(leave())
    assert len(gateway.requests()) == 2


@variants
def test_a_bad_entry_is_its_own_error(kind: type, collect: object, simulator: Start) -> None:
    gateway = simulator()
    client = kind(port=gateway.port, quota_requests=1, quota_window=0.1, quota_group=f"bad entries {kind.__name__}")
    wrong = ["nonsense", "", "HK.", "HK.\ud800", "HK.00\x00700", "HK." + "0" * 1000, 700, None, ("HK.00700", [])]
    entries = ["HK.00001", *wrong, "HK.00002"]
    answers = [(security, result) for security, result, _ in collect(client, entries)]  # type: ignore[operator]
    client.close()
    assert sorted(map(repr, (security for security, _ in answers))) == sorted(map(repr, entries))
    for security, result in answers:
        if security in ("HK.00001", "HK.00002"):
            assert isinstance(result, CapitalDistribution)
            continue
        assert isinstance(result, RequestError)
        told = (result.status, result.was_sent, result.ret_type, result.ret_msg, result.err_code, result.retry_after)
        assert told == (Status.INVALID_ARGUMENT, False, None, "", None, 0.0)
        assert result.security == (security if isinstance(security, str) else "")
        assert str(result).startswith(f"{security}: " if security == "nonsense" else "")
    assert [request["code"] for request in gateway.requests()] == ["00001", "00002"]


@variants
def test_a_wrong_argument_is_the_call_s(kind: type, collect: object, simulator: Start) -> None:
    client = kind(port=simulator().port)

    async def first(**arguments: float) -> None:
        async for _ in client.capital_distributions(["HK.00001"], **arguments):
            break

    with pytest.raises(ArgumentError):
        if kind is AsyncClient:
            asyncio.run(first(reply_timeout=-1))
        else:
            next(client.capital_distributions(["HK.00001"], reply_timeout=-1))
    with pytest.raises(ArgumentError):
        collect(client, "HK.00001")  # type: ignore[operator]
    client.close()


def test_two_lists_at_once_share_the_quota(simulator: Start) -> None:
    gateway = simulator("--quota", "4/1")
    quota = {"quota_requests": 4, "quota_window": 1.0, "quota_group": "sharing"}

    async def main() -> list[tuple[str, Result]]:
        async def collect(client: AsyncClient, securities: list[str]) -> list[tuple[str, Result]]:
            return [answer async for answer in client.capital_distributions(securities)]

        async with AsyncClient(port=gateway.port, **quota) as one, AsyncClient(port=gateway.port, **quota) as two:
            lists = await asyncio.gather(collect(one, codes(6)), collect(two, codes(6)))
            return [*lists[0], *lists[1]]

    answers = asyncio.run(main())
    assert len(answers) == 12
    assert all(isinstance(result, CapitalDistribution) for _, result in answers)
    assert refusals(gateway) == []
