"""Encryption, with the client and with the vendor's interface."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Start
from support import ROOT

from capdist import ArgumentError, AsyncClient, Cipher, Client, ConnectError, Status
from capdist.futu import RET_ERROR, RET_OK, OpenQuoteContext, SysConfig

KEYS = ROOT / "Tests" / "vectors" / "rsa"
KEY = KEYS / "1024.pem"


@pytest.fixture(autouse=True)
def config() -> Iterator[None]:
    """Each test resets the settings of the vendor's SysConfig."""
    yield
    SysConfig.enable_proto_encrypt(False)
    SysConfig.set_init_rsa_file("")


@pytest.mark.parametrize("cipher", Cipher)
@pytest.mark.parametrize("key", ["512", "1024", "2048", "pkcs8"])
def test_every_cipher(simulator: Start, key: str, cipher: Cipher) -> None:
    file = KEYS / f"{key}.pem"
    port = simulator("--rsa-key", str(file)).port
    with Client(port=port, quota_requests=0, rsa_private_key_file=file, packet_cipher=cipher) as client:
        assert client.capital_distribution("HK.00700").capital_in_big == 859479380
    text = file.read_text(encoding="utf-8")
    with Client(port=port, quota_requests=0, rsa_private_key=text, packet_cipher=cipher) as client:
        assert client.capital_distribution("HK.00700").capital_in_big == 859479380


def test_asyncio(simulator: Start) -> None:
    async def ask() -> float:
        port = simulator("--rsa-key", str(KEY)).port
        async with AsyncClient(port=port, quota_requests=0, rsa_private_key_file=str(KEY)) as client:
            return (await client.capital_distribution("HK.00700")).capital_in_big

    assert asyncio.run(ask()) == 859479380


def test_an_answer_in_clear_is_refused(simulator: Start) -> None:
    with Client(port=simulator().port, reconnect=False, rsa_private_key_file=KEY) as client:
        with pytest.raises(ConnectError, match="not encrypted: is rsa_private_key set") as raised:
            client.wait_ready(10)
        assert raised.value.status is Status.ENCRYPTION_FAILED


@pytest.mark.parametrize(
    ("key", "why"),
    [("passphrase", "passphrase"), ("public", "public key"), ("ec", "not an RSA key"), ("none", "No such file")],
)
def test_keys_that_can_not_be_used(key: str, why: str) -> None:
    with pytest.raises(ArgumentError, match=why):
        Client(rsa_private_key_file=KEYS / f"{key}.pem")


def test_arguments() -> None:
    with pytest.raises(ArgumentError, match="must be a path"):
        Client(rsa_private_key_file=7)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="NUL"):
        Client(rsa_private_key_file="a\0b")
    with pytest.raises(ArgumentError, match="set only one"):
        Client(rsa_private_key="", rsa_private_key_file=KEY)
    with pytest.raises(ArgumentError, match="packet_cipher"):
        Client(packet_cipher=3)  # type: ignore[arg-type]


def test_the_vendors_ways(simulator: Start, tmp_path: Path) -> None:
    encrypted, clear = simulator("--rsa-key", str(KEY)).port, simulator().port
    SysConfig.set_init_rsa_file(str(KEY))
    with OpenQuoteContext("127.0.0.1", encrypted, is_encrypt=True) as context:
        assert context.get_capital_distribution("HK.00700")[0] == RET_OK
    SysConfig.enable_proto_encrypt(True)
    with OpenQuoteContext("127.0.0.1", encrypted) as context:
        assert context.get_capital_distribution("HK.00700")[0] == RET_OK
    with OpenQuoteContext("127.0.0.1", clear, connect_timeout=1) as context:
        ret, text = context.get_capital_distribution("HK.00700")
        assert ret == RET_ERROR
        assert "not encrypted" in text
    assert SysConfig.is_proto_encrypt()
    for missing in ("", None):
        SysConfig.set_init_rsa_file(missing)  # type: ignore[arg-type]
        with pytest.raises(ArgumentError, match="rsa_private_key_file"):
            OpenQuoteContext("127.0.0.1", encrypted)
    SysConfig.enable_proto_encrypt(False)
    with OpenQuoteContext("127.0.0.1", clear) as context:
        assert context.get_capital_distribution("HK.00700")[0] == RET_OK


class Tap:
    """Passes a client's bytes to a gateway and back, and keeps them."""

    def __init__(self, port: int) -> None:
        self.sent = bytearray()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._pass, args=(port,), daemon=True)
        self._thread.start()

    def _pass(self, port: int) -> None:
        client, _ = self._listener.accept()
        with client, socket.create_connection(("127.0.0.1", port)) as gateway:
            back = threading.Thread(target=self._copy, args=(gateway, client, None), daemon=True)
            back.start()
            self._copy(client, gateway, self.sent)
            back.join(10)

    @staticmethod
    def _copy(source: socket.socket, sink: socket.socket, kept: bytearray | None) -> None:
        while data := source.recv(65536):
            if kept is not None:
                kept += data
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)

    def stop(self) -> None:
        """Waits until the client has closed the connection."""
        self._thread.join(10)
        self._listener.close()


@pytest.mark.parametrize("is_encrypt", [False, None])
def test_a_key_without_encryption_encrypts_the_handshake_only(simulator: Start, is_encrypt: bool | None) -> None:
    """The vendor's client does this, too, for an OpenD that has a key."""
    tap = Tap(simulator("--rsa-key", str(KEY)).port)
    SysConfig.set_init_rsa_file(str(KEY))
    with OpenQuoteContext("127.0.0.1", tap.port, is_encrypt=is_encrypt) as context:
        assert context.get_capital_distribution("HK.00700")[0] == RET_OK
    tap.stop()
    assert b"capdist" not in tap.sent  # the client's name in InitConnect
    assert b"00700" in tap.sent


def test_a_key_is_no_business_of_a_websocket(simulator: Start) -> None:
    SysConfig.set_init_rsa_file(str(KEY))
    port = simulator("--websocket-port", "0").websocket_port
    with OpenQuoteContext("127.0.0.1", port, websocket_key="") as context:
        assert context.get_capital_distribution("HK.00700")[0] == RET_OK
