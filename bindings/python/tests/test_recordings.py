"""opend-simulator replays a session that it has recorded, also with another encryption or transport."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import capdist
import pytest
from capdist import Client
from conftest import Start
from support import ROOT

KEY = ROOT / "Tests" / "vectors" / "rsa" / "1024.pem"
SECRET = "7522027ccf5a06b1"
CODES = ["HK.00700", "US.AAPL", "HK.99999", "HK.00700", "HK.00005", "SH.600519"]

#: For each way: the options of the simulator, and of its client.
WAYS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "clear": ([], {}),
    "encrypted": (["--rsa-key", str(KEY)], {"rsa_private_key_file": KEY}),
    "websocket": (["--websocket-port", "0", "--websocket-key", SECRET], {"websocket_key": SECRET}),
}


def session(simulator: Start, way: str, *options: str) -> list[Any]:
    """The results for each of the codes, in order: figures, or the gateway's message."""
    more, settings = WAYS[way]
    gateway = simulator(*more, *options)
    found: list[Any] = []
    with Client(port=gateway.websocket_port or gateway.port, quota_requests=0, **settings) as client:
        for code in CODES:
            try:
                found.append(client.capital_distribution(code))
            except capdist.RequestError as error:
                found.append((error.status, error.ret_type, error.ret_msg, error.err_code))
    gateway.stop()
    return found


@pytest.mark.parametrize("again", WAYS)
@pytest.mark.parametrize("first", WAYS)
def test_a_session_gets_the_same_answers_again(simulator: Start, tmp_path: Path, first: str, again: str) -> None:
    recording = tmp_path / "session.jsonl"
    # HK.00700 is requested again as the fourth, and two requests are over the quota.
    expected = session(simulator, first, "--record", str(recording), "--quota", "4/86400")
    assert [isinstance(answer, capdist.CapitalDistribution) for answer in expected] == [True, True, False, True, False, False]
    frames = [json.loads(line) for line in recording.read_text(encoding="utf-8").splitlines()]
    asked = [frame["decoded"]["c2s"]["security"] for frame in frames if frame["proto_id"] == 3212 and frame["direction"] == "c2s"]
    assert [security["code"] for security in asked] == [code.partition(".")[2] for code in CODES]
    assert {frame["transport"] for frame in frames} == {"websocket" if first == "websocket" else "tcp"}
    assert any(frame["encryption"] == "FTAES_ECB" for frame in frames) == (first == "encrypted")
    # Its own figures and messages would be others. The recording replaces them.
    assert session(simulator, again, "--replay", str(recording), "--lang", "en", "--figures", "java") == expected


def test_what_is_not_recorded_is_named(simulator: Start, tmp_path: Path) -> None:
    recording = tmp_path / "session.jsonl"
    session(simulator, "clear", "--record", str(recording))
    gateway = simulator("--replay", str(recording), "--lang", "en")
    with Client(port=gateway.port) as client, pytest.raises(capdist.RefusedError) as raised:
        client.capital_distribution("JP.7203")
    words = raised.value.ret_msg or ""
    assert words.startswith("The recording has no answer to this request: 3212, JP.7203, body 0a")
    assert gateway.requests()[-1]["refused"] == words
