"""The library's client with a gateway that uses the vendor's messages and crypto code."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from crypto import Handshake
from futu.common.pb import Notify_pb2, Qot_GetCapitalDistribution_pb2
from gateway import CAPITAL_DISTRIBUTION, INIT_CONNECT, KEEP_ALIVE, NOTIFY, Gateway, Received, figures, frame, notify
from simulator import PATIENCE_S, wait_until

from capdist import Cipher, Client, ConnectError, RefusedError, Status

KEYS = Path(__file__).parents[1] / "vectors" / "rsa"
ENCRYPTED = [Cipher.FTAES_ECB, Cipher.AES_ECB, Cipher.AES_CBC]


def client(gateway: Gateway, key: str, cipher: Cipher, **options: object) -> Client:
    """A client without a quota."""
    return Client(
        port=gateway.port,
        rsa_private_key_file=KEYS / f"{key}.pem",
        packet_cipher=cipher,
        quota_requests=0,
        reconnect=False,
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("cipher", Cipher)
@pytest.mark.parametrize(("key", "block"), [("512", 53), ("1024", 100), ("1024", 1), ("2048", 200), ("2048", 1), ("4096", 501), ("4096", 1)])
def test_every_key_and_cipher(key: str, block: int, cipher: Cipher) -> None:
    handshake = Handshake(KEYS / f"{key}.pem", block)
    assert handshake.is_vendors == (key == "1024" and block == 100)
    with Gateway(handshake) as gateway, client(gateway, key, cipher) as asking:
        for number in range(5):
            gateway.answer = lambda request, base=number: frame(CAPITAL_DISTRIBUTION, request.serial_no, figures(base))
            assert asking.capital_distribution("HK.00700").capital_in_big == number + 1
    assert not gateway.failures
    (first,) = gateway.of(INIT_CONNECT)
    assert first.message.c2s.packetEncAlgo == cipher
    expected = Qot_GetCapitalDistribution_pb2.Request()
    expected.c2s.security.market, expected.c2s.security.code = 1, "00700"
    assert [request.message for request in gateway.of(CAPITAL_DISTRIBUTION)] == [expected] * 5


@pytest.mark.parametrize("cipher", ENCRYPTED)
def test_bodies_of_every_length(cipher: Cipher) -> None:
    """Every length of padding in both directions: texts of the answer, codes of the request."""

    def answer(request: Received) -> bytes:
        words = "x" * len(request.message.c2s.security.code)
        return frame(CAPITAL_DISTRIBUTION, request.serial_no, figures(0, updateTime=words))

    with Gateway(Handshake(KEYS / "1024.pem")) as gateway, client(gateway, "1024", cipher) as asking:
        gateway.answer = answer
        for length in range(1, 49):
            code = "A" * length
            assert asking.capital_distribution(f"US.{code}").update_time_text == "x" * length
    assert not gateway.failures
    asked = [request.message.c2s.security.code for request in gateway.of(CAPITAL_DISTRIBUTION)]
    assert asked == ["A" * length for length in range(1, 49)]


@pytest.mark.parametrize("cipher", ENCRYPTED)
def test_pushes_keep_alives_and_refusals(cipher: Cipher) -> None:
    pushed: list[bytes] = []
    three = threading.Event()

    def on_push(proto_id: int, body: bytes) -> None:
        assert proto_id == NOTIFY
        pushed.append(body)
        if len(pushed) == 3:
            three.set()

    with Gateway(Handshake(KEYS / "1024.pem")) as gateway:
        gateway.keep_alive_interval = 1
        with client(gateway, "1024", cipher, recv_notify=True, on_push=on_push) as asking:
            refusal = Qot_GetCapitalDistribution_pb2.Response(retType=-1, retMsg="未知股票")
            gateway.answer = lambda request: (
                notify() + frame(CAPITAL_DISTRIBUTION, request.serial_no, refusal) + notify() + notify(request.serial_no)
            )
            with pytest.raises(RefusedError, match="未知股票"):
                asking.capital_distribution("HK.99999")
            assert three.wait(PATIENCE_S)
            assert wait_until(lambda: len(gateway.of(KEEP_ALIVE)) >= 2)
            gateway.answer = lambda request: frame(CAPITAL_DISTRIBUTION, request.serial_no, figures(7))
            assert asking.capital_distribution("HK.00700").capital_in_big == 8
    assert not gateway.failures
    assert all(Notify_pb2.Response.FromString(body).s2c.connectStatus.qotLogined for body in pushed)


def test_without_an_iv_the_default_takes_its_place() -> None:
    with Gateway(Handshake(KEYS / "1024.pem")) as gateway:
        gateway.sends_iv = False
        with client(gateway, "1024", Cipher.AES_CBC) as asking:
            assert asking.capital_distribution("HK.00700").capital_in_big == 1
    assert not gateway.failures


def test_an_answer_in_clear_is_taken_only_where_nothing_else_is_encrypted() -> None:
    with Gateway(Handshake(KEYS / "1024.pem")) as gateway:
        gateway.answers_in_clear = True
        with client(gateway, "1024", Cipher.NONE) as asking:
            assert asking.capital_distribution("HK.00700").capital_in_big == 1
        for cipher in ENCRYPTED:
            with client(gateway, "1024", cipher) as asking, pytest.raises(ConnectError, match="not encrypted") as raised:
                asking.wait_ready(PATIENCE_S)
            assert raised.value.status is Status.ENCRYPTION_FAILED
    assert not gateway.failures
