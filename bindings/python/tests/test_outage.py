"""Requests while the gateway is down."""

from __future__ import annotations

import asyncio
import time

import capdist
import pytest
from capdist import AsyncClient, Client, ConnectError, ConnectTimeoutError, LoopClient, Status
from capdist.futu import RET_ERROR, RET_OK, OpenQuoteContext
from conftest import Start
from support import PROMPT, SilentGateway, unused_port, wait_until


def test_a_round_of_the_vendor_s_calls_fails_at_once(simulator: Start, silent: SilentGateway) -> None:
    # A single call with the default timeout would take ten seconds: all of them together must be faster.
    for port, words in [(unused_port(), "is OpenD running there?"), (silent.port, "logged in")]:
        with OpenQuoteContext("127.0.0.1", port, connect_timeout=1.0) as context:
            assert context.get_capital_distribution("HK.00700")[0] == RET_ERROR
            asked = time.monotonic()
            for _ in range(40):
                ret, text = context.get_capital_distribution("HK.00700")
                assert ret == RET_ERROR
                assert words in text
            assert context.get_global_state()[0] == RET_ERROR
            assert time.monotonic() - asked < 10


def test_the_vendor_s_classes_recover_by_itself(simulator: Start) -> None:
    port = unused_port()
    with OpenQuoteContext("127.0.0.1", port) as context:
        assert context.get_capital_distribution("HK.00001")[0] == RET_ERROR
        refusing = simulator("--port", str(port), "--fault", "init-refused")
        assert wait_until(lambda: "refused InitConnect" in str(context.get_capital_distribution("HK.00001")[1]))
        assert context.status == "CONNECTING"
        refusing.stop()
        simulator("--port", str(port))
        assert wait_until(lambda: context.get_capital_distribution("HK.00001")[0] == RET_OK)


def test_the_typed_clients_can_be_asked_to() -> None:
    port = unused_port()
    failed: list[tuple[int, str]] = []
    with Client(port=port, outage_wait=False, on_attempt_failed=lambda *told: failed.append(told)) as client:
        with pytest.raises(capdist.CapdistError, match="is OpenD running there") as caught:
            client.capital_distribution("HK.00700")
        assert caught.value.status is Status.CONNECT_FAILED
        assert wait_until(lambda: bool(failed))
        assert failed[0][0] == 6 << 32 | 111
        asked = time.monotonic()
        with pytest.raises(ConnectError, match="the last attempt failed: .*is OpenD running there"):
            client.capital_distribution("HK.00700")
        assert time.monotonic() - asked < PROMPT
        with pytest.raises(capdist.RequestTimeoutError):
            client.capital_distribution("HK.00700", outage_wait=True, queue_timeout=0.05)
        with pytest.raises(ConnectError):
            client.send_proto(1002, b"", lambda reply: None)
        with pytest.raises(ConnectError):
            client.get_capital_distribution("HK.00700", lambda *told: None)
    with Client(port=port) as client:
        with pytest.raises(capdist.RequestTimeoutError):
            client.capital_distribution("HK.00700", queue_timeout=0.1)
        with pytest.raises(ConnectError):
            client.capital_distribution("HK.00700", outage_wait=False)


@pytest.mark.parametrize("kind", [AsyncClient, LoopClient])
def test_asyncio_s_clients_too(kind: type) -> None:
    async def main() -> None:
        port = unused_port()
        client = await LoopClient.connect(port=port) if kind is LoopClient else AsyncClient(port=port)
        async with client:
            with pytest.raises(capdist.CapdistError, match="is OpenD running there"):
                await client.capital_distribution("HK.00700", outage_wait=False)
            with pytest.raises(ConnectError, match="is OpenD running there"):
                await client.capital_distribution("HK.00700", outage_wait=False)

    asyncio.run(main())


def test_a_silent_gateway_s_failure_is_a_timeout(silent: SilentGateway) -> None:
    with Client(port=silent.port, connect_timeout=0.2, outage_wait=False) as client:
        with pytest.raises((ConnectTimeoutError, capdist.RequestTimeoutError), match="logged in, or waiting for a code"):
            client.capital_distribution("HK.00700")


def test_a_host_with_a_port_in_it_is_refused() -> None:
    for host in ("127.0.0.1:11111", "[::1]", "ws://127.0.0.1"):
        with pytest.raises(capdist.ArgumentError, match="pass the port as port"):
            Client(host)
        with pytest.raises(capdist.ArgumentError, match="pass the port as port"):
            asyncio.run(LoopClient.connect(host))
