"""WebSocket and TLS, in the typed client and in the vendor's ways."""

from __future__ import annotations

import asyncio

import pytest
from conftest import Start
from support import ROOT

from capdist import ArgumentError, AsyncClient, Client, ConnectError, Status
from capdist.futu import RET_ERROR, RET_OK, OpenQuoteContext

TLS = ROOT / "Tests" / "vectors" / "tls"
CA = TLS / "ca.pem"
CERTIFICATE = ("--tls-cert", str(TLS / "server.pem"), "--tls-key", str(TLS / "key.pem"))
KEY = "7522027ccf5a06b1"


@pytest.mark.parametrize("key", ["", KEY, "\u5bc6\u94a5"])
def test_plain(simulator: Start, key: str) -> None:
    port = simulator("--websocket-port", "0", "--websocket-key", key).websocket_port
    with Client(port=port, quota_requests=0, websocket_key=key) as client:
        assert client.capital_distribution("HK.00700").capital_in_big == 859479380
        assert client.info().conn_id != 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_tls(simulator: Start, host: str) -> None:
    port = simulator("--websocket-port", "0", "--websocket-key", KEY, *CERTIFICATE).websocket_port
    with Client(host, port, quota_requests=0, websocket_key=KEY, tls=True, ca_file=CA) as client:
        assert client.capital_distribution("HK.00700").capital_in_big == 859479380


def test_asyncio(simulator: Start) -> None:
    async def ask() -> float:
        port = simulator("--websocket-port", "0", *CERTIFICATE).websocket_port
        async with AsyncClient(port=port, quota_requests=0, tls=True, ca_file=str(CA)) as client:
            return (await client.capital_distribution("HK.00700")).capital_in_big

    assert asyncio.run(ask()) == 859479380


def test_a_wrong_key_is_met_with_silence_and_told_of(simulator: Start) -> None:
    port = simulator("--websocket-port", "0", "--websocket-key", KEY).websocket_port
    with Client(port=port, reconnect=False, connect_timeout=0.5, websocket_key="another") as client:
        with pytest.raises(ConnectError, match="is websocket_key the one set in OpenD") as raised:
            client.wait_ready(10)
        assert raised.value.status is Status.CONNECT_TIMEOUT


def test_an_unknown_ca_ends_it_for_good(simulator: Start) -> None:
    port = simulator("--websocket-port", "0", *CERTIFICATE).websocket_port
    messages: list[tuple[int, str]] = []
    with Client(port=port, tls=True) as client:
        with pytest.raises(ConnectError, match="signed by a CA that is not trusted here") as raised:
            client.wait_ready(10)
        assert raised.value.status is Status.TLS_FAILED
    insecure = Client(
        port=port, quota_requests=0, tls=True, tls_insecure_accept_any_certificate=True, on_log=lambda *m: messages.append(m)
    )
    with insecure as client:
        assert client.capital_distribution("HK.00700").capital_in_big == 859479380
    assert any(level == 2 and "certificate is not verified" in text for level, text in messages)


def test_arguments() -> None:
    with pytest.raises(ArgumentError, match="tls_ca_file"):
        Client(ca_file=CA)
    with pytest.raises(ArgumentError, match="no certificate in it"):
        Client(tls=True, ca_file=TLS / "key.pem")
    with pytest.raises(ArgumentError, match="must be a path"):
        Client(tls=True, ca_file=7)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="websocket_key"):
        Client(websocket_key="k" * 256)
    with pytest.raises(ArgumentError, match="RSA key"):
        Client(websocket_key="", rsa_private_key_file=ROOT / "Tests" / "vectors" / "rsa" / "1024.pem")


def test_the_vendors_ways(simulator: Start) -> None:
    port = simulator("--websocket-port", "0", "--websocket-key", KEY, *CERTIFICATE).websocket_port
    with OpenQuoteContext("127.0.0.1", port, websocket_key=KEY, tls=True, ca_file=CA) as context:
        assert context.get_capital_distribution("HK.00700")[0] == RET_OK
    with OpenQuoteContext("127.0.0.1", port, websocket_key=KEY, connect_timeout=1) as context:
        ret, text = context.get_capital_distribution("HK.00700")
        assert ret == RET_ERROR
        assert "does it need TLS" in str(text)
