"""Wrong arguments raise an ArgumentError at once, and change nothing."""

from __future__ import annotations

import asyncio
import decimal
import fractions
import math
from collections.abc import Iterator
from typing import Any

import numpy
import pytest
from capdist import ArgumentError, AsyncClient, Client, RequestError, Status
from capdist.futu import OpenQuoteContext
from conftest import Start
from support import SilentGateway, Simulator, threads

TIMES = ["reconnect_min", "reconnect_max", "connect_timeout", "queue_timeout", "reply_timeout", "quota_window"]
BAD_TIMES: list[Any] = [0, -1, 3601, math.nan, math.inf, -math.inf, 10**400, "5", b"5", [], object(), 1j]
BAD_NUMBERS: list[Any] = [2**31, -(2**31) - 1, 10**100, 1.5, math.nan, "1", b"1", None, [], object()]
BAD_TEXTS: list[Any] = ["nul\0inside", "surrogate\udcff", "", "long" * 1000, 5, b"bytes", [], object()]
BAD_SECURITIES: list[Any] = [
    *("", "HK", "HK.", ".00700", "00700", "XX.00700", "00700.HK", "hk00700", "AAPL", "HK.\0", "HK.00700\0"),
    *("HK.\udcff", "\ud800.1", "HK." + "0" * 60, "HK." + "é" * 30, None, 700, 7.0, b"HK.00700", [], {}, {"HK.00700"}),
    *(("HK", "00700"), object(), ["HK.00700"]),
]

OPTIONS: list[tuple[str, Any]] = [
    *((name, value) for name in TIMES for value in BAD_TIMES),
    *(("host", value) for value in [*BAD_TEXTS, None]),
    *(("client_id", value) for value in [*BAD_TEXTS, None]),
    *(("quota_group", value) for value in BAD_TEXTS),
    *(("port", value) for value in [0, -1, 65536, 70000, *BAD_NUMBERS]),
    *(("client_version", value) for value in [-1, *BAD_NUMBERS]),
    *(("quota_requests", value) for value in [-1, 100_001, *BAD_NUMBERS]),
    *(("max_queue", value) for value in [-1, 1_000_001, *BAD_NUMBERS]),
    *(("max_body_bytes", value) for value in [-1, 1, 2**28 + 1, *BAD_NUMBERS]),
    *(
        (name, value)
        for name in ("on_init_connect", "on_disconnect", "on_attempt_failed", "on_push", "on_log")
        for value in (1, "print", [], object())
    ),
]


def short(value: object) -> str:
    """A value as part of a test's name."""
    return repr(value).partition(" at 0x")[0][:40]


def check(error: pytest.ExceptionInfo[ArgumentError]) -> None:
    """The error has a status and a sentence."""
    assert error.value.status is Status.INVALID_ARGUMENT
    assert str(error.value)


@pytest.fixture
def client(silent: SilentGateway) -> Iterator[Client]:
    """A client without requests."""
    with Client(port=silent.port, quota_group="arguments") as connecting:
        yield connecting


@pytest.mark.parametrize(("name", "value"), OPTIONS, ids=[f"{name}={short(value)}" for name, value in OPTIONS])
def test_client_option(name: str, value: Any) -> None:
    before = threads()
    for kind in (Client, AsyncClient):
        with pytest.raises(ArgumentError) as error:
            kind(**{name: value})
        check(error)
    assert threads() <= before


@pytest.mark.parametrize("name", ["host", "port", "connect_timeout"])
def test_vendor_option(name: str) -> None:
    with pytest.raises(ArgumentError) as error:
        OpenQuoteContext(**{name: object()})  # type: ignore[arg-type]
    check(error)


def test_reconnect_bounds_in_the_wrong_order() -> None:
    with pytest.raises(ArgumentError) as error:
        Client(reconnect_min=5, reconnect_max=1)
    check(error)


@pytest.mark.parametrize("security", BAD_SECURITIES, ids=short)
def test_security(security: Any, client: Client, silent: SilentGateway) -> None:
    async def ask() -> None:
        with pytest.raises(ArgumentError) as error:
            async with AsyncClient(port=silent.port, quota_group="arguments") as other:
                await other.capital_distribution(security)
        check(error)

    for call in (
        lambda: client.capital_distribution(security),
        lambda: client.get_capital_distribution(security, lambda *_: None),
    ):
        with pytest.raises(ArgumentError) as error:
            call()
        check(error)
    asyncio.run(ask())
    ((entry, result),) = client.capital_distributions([security])
    assert entry is security
    assert isinstance(result, RequestError) and result.status is Status.INVALID_ARGUMENT
    assert client.quota().waiting == 0


REQUEST_OPTIONS: list[tuple[str, Any]] = [
    *((name, value) for name in ("queue_timeout", "reply_timeout") for value in BAD_TIMES),
    *(("security_firm", value) for value in [-1, *BAD_NUMBERS]),
]


@pytest.mark.parametrize(
    ("name", "value"), REQUEST_OPTIONS, ids=[f"{name}={short(value)}" for name, value in REQUEST_OPTIONS]
)
def test_request_option(name: str, value: Any, client: Client) -> None:
    for call in (
        lambda: client.capital_distribution("HK.00700", **{name: value}),
        lambda: client.get_capital_distribution("HK.00700", lambda *_: None, **{name: value}),
    ):
        with pytest.raises(ArgumentError) as error:
            call()
        check(error)


@pytest.mark.parametrize("timeout", [-1, 3601, math.nan, math.inf, 10**400, "5", None, [], 1j], ids=short)
def test_wait_ready(timeout: Any, client: Client, silent: SilentGateway) -> None:
    async def wait() -> None:
        async with AsyncClient(port=silent.port, quota_group="arguments") as other:
            await other.wait_ready(timeout)

    with pytest.raises(ArgumentError) as error:
        client.wait_ready(timeout)
    check(error)
    with pytest.raises(ArgumentError) as error:
        asyncio.run(wait())
    check(error)


@pytest.mark.parametrize("serial_no", [-1, 2**32, 10**100, 1.5, "1", None, []], ids=short)
def test_cancel(serial_no: Any, client: Client) -> None:
    with pytest.raises(ArgumentError) as error:
        client.cancel(serial_no)
    check(error)


@pytest.mark.parametrize("callback", [None, 1, "print", []], ids=short)
def test_callback(callback: Any, client: Client) -> None:
    for call in (
        lambda: client.get_capital_distribution("HK.00700", callback),
        lambda: client.send_proto(1002, b"", callback),
    ):
        with pytest.raises(ArgumentError) as error:
            call()
        check(error)
    assert client.quota().waiting == 0


@pytest.mark.parametrize("proto_id", [-1, 2**32, 10**100, 1001, 1004, 1.5, "1002", None], ids=short)
def test_proto_id(proto_id: Any, client: Client) -> None:
    with pytest.raises(ArgumentError) as error:
        client.send_proto(proto_id, b"", lambda _: None)
    check(error)


@pytest.mark.parametrize("body", [None, 5, "text", [1, 2], object(), b"x" * (5 * 1024 * 1024)], ids=short)
def test_body(body: Any, client: Client) -> None:
    with pytest.raises(ArgumentError) as error:
        client.send_proto(1002, body, lambda _: None)
    check(error)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("securities", [None, 5, "HK.00700", b"HK.00700"], ids=short)
def test_watch_list(securities: Any, client: Client, silent: SilentGateway) -> None:
    async def ask() -> None:
        async with AsyncClient(port=silent.port, quota_group="arguments") as other:
            async for _ in other.capital_distributions(securities):
                pass

    with pytest.raises(ArgumentError) as error:
        list(client.capital_distributions(securities))
    check(error)
    with pytest.raises(ArgumentError) as error:
        asyncio.run(ask())
    check(error)


def test_numbers_of_all_kinds_are_taken(simulator: Start) -> None:
    gateway: Simulator = simulator()
    with Client(
        port=numpy.int64(gateway.port),
        queue_timeout=numpy.float64(5),
        reply_timeout=fractions.Fraction(11, 2),  # type: ignore[arg-type]
        connect_timeout=decimal.Decimal("2.5"),  # type: ignore[arg-type]
        quota_window=numpy.int32(30),
        reconnect_max=3600,
        reconnect_min=0.0001,
        quota_group="kinds",
    ) as client:
        figures = client.capital_distribution("HK.00700", queue_timeout=numpy.float32(1), reply_timeout=1)
    assert figures.capital_in_big == 859479380.0


def test_a_text_s_subclass_is_a_text(simulator: Start) -> None:
    class Code(str):
        pass

    with Client(port=simulator().port, quota_group="subclass") as client:
        assert client.capital_distribution(Code("HK.00700")).capital_in_big == 859479380.0
        assert client.capital_distribution(numpy.str_("HK.00700")).capital_in_big == 859479380.0
