"""The project's C programs, with the shipped library, and a gateway with the vendor's messages."""

from __future__ import annotations

import json
import selectors
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from futu.common.pb import InitConnect_pb2, Qot_GetCapitalDistribution_pb2
from gateway import CAPITAL_DISTRIBUTION, INIT_CONNECT, KEEP_ALIVE, Gateway, Received, figures, frame, notify
from simulator import PATIENCE_S, wait_until

#: The vendor's C++ sample.
SAMPLE = {
    "capitalInSuper": 824967660,
    "capitalInBig": 859479380,
    "capitalInMid": 763181580,
    "capitalInSmall": 1011289940,
    "capitalOutSuper": 252818140,
    "capitalOutBig": 444405720,
    "capitalOutMid": 503977520,
    "capitalOutSmall": 807438760,
    "updateTime": "2022-06-08 10:44:21",
    "updateTimestamp": 1654656261,
}


def sample() -> Qot_GetCapitalDistribution_pb2.Response:
    """The sample's figures as an answer."""
    response = Qot_GetCapitalDistribution_pb2.Response(retType=0, retMsg="", errCode=0)
    for name, value in SAMPLE.items():
        setattr(response.s2c, name, value)
    return response


def run(program: Path, gateway: Gateway, code: str = "HK.00700") -> subprocess.CompletedProcess[str]:
    """Runs a sample to its end."""
    command = [str(program), code, "127.0.0.1", str(gateway.port)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


class Stay:
    """A running stay.c."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pushes: list[str] = []

    def line(self) -> str:
        """The next line of its output."""
        assert self._process.stdout is not None
        # Not buffered in this process, so that select() sees what can be read.
        text = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout.fileno(), selectors.EVENT_READ)
            while not text.endswith(b"\n"):
                assert selector.select(PATIENCE_S), f"the program is silent after {text!r}"
                byte = self._process.stdout.buffer.raw.read(1)  # type: ignore[attr-defined]
                assert byte, f"the program ended after {text!r}"
                text += byte
        return text.decode().rstrip("\n")

    def ask(self, question: str) -> str:
        """Requests `question`. Returns the output for the answer. Pushes that come meanwhile are kept."""
        assert self._process.stdin is not None
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        lines: list[str] = []
        while (line := self.line()) != ".":
            (self.pushes if line.startswith("push ") else lines).append(line)
        return "\n".join(lines)


@contextmanager
def staying(program: Path, gateway: Gateway) -> Iterator[Stay]:
    """A connected stay.c."""
    command = [str(program), str(gateway.port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            stay = Stay(process)
            assert stay.line() == "ready"
            yield stay
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(timeout=PATIENCE_S) == 0
        finally:
            process.kill()


def s2c(text: str) -> dict[str, Any]:
    """The figures in a program's JSON."""
    return dict(json.loads(text)["s2c"])


def test_fetch_prints_the_figures(gateway: Gateway, fetch: Path) -> None:
    gateway.answer = lambda request: frame(CAPITAL_DISTRIBUTION, request.serial_no, sample())
    done = run(fetch, gateway)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"retType": 0, "retMsg": "", "errCode": 0, "s2c": SAMPLE}
    assert [request.proto_id for request in gateway.received] == [INIT_CONNECT, CAPITAL_DISTRIBUTION]


def test_the_callback_sample_prints_the_figures(gateway: Gateway, capital_distribution: Path) -> None:
    gateway.answer = lambda request: frame(CAPITAL_DISTRIBUTION, request.serial_no, sample())
    done = run(capital_distribution, gateway)
    assert (done.returncode, done.stderr) == (0, "")
    assert s2c(done.stdout[done.stdout.index("{") :]) == SAMPLE


def test_init_connect_has_exactly_these_fields(gateway: Gateway, fetch: Path, stay: Path) -> None:
    assert run(fetch, gateway).returncode == 0
    with staying(stay, gateway):
        pass
    plain, named = (request.message for request in gateway.of(INIT_CONNECT))
    expected = InitConnect_pb2.Request()
    expected.c2s.clientVer = 101
    expected.c2s.clientID = "capdist"
    expected.c2s.recvNotify = False
    expected.c2s.packetEncAlgo = -1
    expected.c2s.pushProtoFmt = 0
    expected.c2s.programmingLanguage = "C"
    assert plain == expected
    expected.c2s.clientVer = 203
    expected.c2s.clientID = "stay"
    expected.c2s.recvNotify = True
    assert named == expected


def test_the_request_has_exactly_these_fields(gateway: Gateway, stay: Path) -> None:
    with staying(stay, gateway) as program:
        for question in ("HK.00700", "US.BRK.B", "CC.BTC 1"):
            s2c(program.ask(question))
    expected = [Qot_GetCapitalDistribution_pb2.Request() for _ in range(3)]
    for request, market, code in zip(expected, (1, 11, 91), ("00700", "BRK.B", "BTC"), strict=True):
        request.c2s.security.market = market
        request.c2s.security.code = code
    expected[2].c2s.header.securityFirm = 1
    assert [request.message for request in gateway.of(CAPITAL_DISTRIBUTION)] == expected


def test_serials_increase_on_each_connection(gateway: Gateway, stay: Path) -> None:
    """The gateway records serial numbers that do not increase. This test checks that there were some."""
    gateway.keep_alive_interval = 1
    with staying(stay, gateway) as program:
        for _ in range(10):
            s2c(program.ask("HK.00700"))
        assert wait_until(lambda: len(gateway.of(KEEP_ALIVE)) >= 2)
        s2c(program.ask("HK.00700"))
    serials = [request.serial_no for request in gateway.received]
    assert len(serials) >= 14
    assert serials == sorted(set(serials))
    assert not gateway.failures


def test_keep_alive_comes_at_four_fifths_of_the_interval(gateway: Gateway, stay: Path) -> None:
    gateway.keep_alive_interval = 2
    with staying(stay, gateway) as program:
        assert wait_until(lambda: len(gateway.of(KEEP_ALIVE)) >= 4)
        s2c(program.ask("HK.00700"))
    (first,) = gateway.of(INIT_CONNECT)
    beats = gateway.of(KEEP_ALIVE)
    times_s = [first.at_s] + [beat.at_s for beat in beats]
    gaps_s = [later - earlier for earlier, later in pairwise(times_s)]
    assert gaps_s == pytest.approx([1.6] * len(gaps_s), abs=0.3)
    assert all(abs(beat.message.c2s.time - time.time()) < 60 for beat in beats)
    assert {beat.connection for beat in beats} == {0}


def test_pushes_in_between_disturb_nothing(gateway: Gateway, stay: Path) -> None:
    def answer(request: Received) -> bytes:
        number = len(gateway.of(CAPITAL_DISTRIBUTION))
        # One of the pushes has the serial number of the waiting request.
        before = notify() + notify(request.serial_no)
        return before + frame(CAPITAL_DISTRIBUTION, request.serial_no, figures(100 * number)) + notify()

    gateway.answer = answer
    with staying(stay, gateway) as program:
        for number in range(1, 6):
            assert s2c(program.ask("HK.00700"))["capitalInBig"] == 100 * number + 1
        assert gateway.of(CAPITAL_DISTRIBUTION)[-1].connection == 0
        body = len(notify()) - 44
        # The last of the fifteen may be printed after the last answer.
        while len(program.pushes) < 15:
            program.pushes.append(program.line())
    assert program.pushes == [f"push 1003 {body}"] * 15


def test_pushes_nobody_asked_for_disturb_nothing(gateway: Gateway, fetch: Path) -> None:
    gateway.answer = lambda request: notify() * 3 + frame(CAPITAL_DISTRIBUTION, request.serial_no, sample())
    done = run(fetch, gateway)
    assert (done.returncode, s2c(done.stdout)) == (0, SAMPLE)


def test_answers_in_pieces_of_one_byte(gateway: Gateway, stay: Path) -> None:
    gateway.piece = 1
    gateway.answer = lambda request: notify() + frame(CAPITAL_DISTRIBUTION, request.serial_no, sample())
    with staying(stay, gateway) as program:
        assert s2c(program.ask("HK.00700")) == SAMPLE
        assert s2c(program.ask("HK.00700")) == SAMPLE


def test_fields_an_old_gateway_lacks_are_left_out(gateway: Gateway, stay: Path) -> None:
    with staying(stay, gateway) as program:
        plain = s2c(program.ask("HK.00700"))
        assert list(plain) == [name for name in SAMPLE if "Super" not in name and "update" not in name]
        gateway.answer = lambda request: frame(
            CAPITAL_DISTRIBUTION, request.serial_no, figures(0, capitalInSuper=0.0, updateTime="")
        )
        zero = s2c(program.ask("HK.00700"))
        assert zero == plain | {"capitalInSuper": 0, "updateTime": ""}


def test_a_refusal_is_shown(gateway: Gateway, fetch: Path, stay: Path) -> None:
    refusal = Qot_GetCapitalDistribution_pb2.Response(retType=-1, retMsg="未知股票")
    gateway.answer = lambda request: frame(CAPITAL_DISTRIBUTION, request.serial_no, refusal)
    done = run(fetch, gateway, "HK.99999")
    assert (done.returncode, done.stdout) == (1, "")
    assert "CAPDIST_REFUSED" in done.stderr
    assert "未知股票" in done.stderr
    with staying(stay, gateway) as program:
        assert program.ask("HK.99999") == "CAPDIST_REFUSED: 未知股票"
        gateway.answer = lambda request: frame(CAPITAL_DISTRIBUTION, request.serial_no, sample())
        assert s2c(program.ask("HK.00700")) == SAMPLE


def test_a_refusal_for_frequency_is_recognised(gateway: Gateway, fetch: Path) -> None:
    words = "获取资金分布频率太高，请求失败，每30秒最多30次。"
    refusal = Qot_GetCapitalDistribution_pb2.Response(retType=-1, retMsg=words)
    gateway.answer = lambda request: frame(CAPITAL_DISTRIBUTION, request.serial_no, refusal)
    done = run(fetch, gateway)
    assert done.returncode == 1
    assert "CAPDIST_RATE_LIMITED" in done.stderr


def test_a_wrong_sha1_costs_only_that_request(gateway: Gateway, stay: Path) -> None:
    def damaged(request: Received) -> bytes:
        answer = bytearray(frame(CAPITAL_DISTRIBUTION, request.serial_no, sample()))
        answer[20] ^= 1
        return bytes(answer)

    gateway.answer = damaged
    with staying(stay, gateway) as program:
        assert program.ask("HK.00700").startswith("CAPDIST_MALFORMED_REPLY")
        gateway.answer = lambda request: frame(CAPITAL_DISTRIBUTION, request.serial_no, sample())
        assert s2c(program.ask("HK.00700")) == SAMPLE
    assert {request.connection for request in gateway.received} == {0}
