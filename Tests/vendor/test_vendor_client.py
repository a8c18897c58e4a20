"""The vendor's client, futu-api, with opend-simulator."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from futu import RET_ERROR, RET_OK, OpenQuoteContext, SysConfig, SysNotifyHandlerBase, SysNotifyType
from futu.common.pb import Qot_GetCapitalDistribution_pb2
from simulator import PATIENCE_S, Simulator, wait_until

Start = Callable[..., Simulator]

#: Columns of the client's result, with the fields of the message that they come from.
COLUMNS = {
    "capital_in_super": "capitalInSuper",
    "capital_in_big": "capitalInBig",
    "capital_in_mid": "capitalInMid",
    "capital_in_small": "capitalInSmall",
    "capital_out_super": "capitalOutSuper",
    "capital_out_big": "capitalOutBig",
    "capital_out_mid": "capitalOutMid",
    "capital_out_small": "capitalOutSmall",
    "update_time": "updateTime",
}
CAPITAL_DISTRIBUTION = 3212
KEEP_ALIVE = 1004


@contextmanager
def connected(gateway: Simulator) -> Iterator[OpenQuoteContext]:
    """A connected client. Its constructor tries without end, so it runs in a thread that can be abandoned."""
    made: list[OpenQuoteContext] = []
    maker = threading.Thread(
        target=lambda: made.append(OpenQuoteContext(host="127.0.0.1", port=gateway.port)), daemon=True
    )
    maker.start()
    maker.join(timeout=PATIENCE_S)
    assert made, "the vendor's client does not get connected"
    try:
        yield made[0]
    finally:
        made[0].close()


def row(data: Any) -> dict[str, Any]:
    """The only row of the client's result."""
    assert list(data.columns) == list(COLUMNS)
    assert len(data) == 1
    return {column: data[column][0] for column in COLUMNS}


def sample() -> dict[str, Any]:
    """The figures of the vendor's C++ sample, which the vendor's message code reads from the vectors."""
    vectors = json.loads((Path(__file__).parents[1] / "vectors" / "opend.json").read_text(encoding="utf-8"))
    (body,) = [message["bytes"] for message in vectors["messages"] if "C++ sample" in message["message"]]
    response = Qot_GetCapitalDistribution_pb2.Response.FromString(bytes.fromhex(body))
    return {column: getattr(response.s2c, field) for column, field in COLUMNS.items()}


def test_every_column_is_right(simulator: Start) -> None:
    gateway = simulator()
    with connected(gateway) as client:
        ret, data = client.get_capital_distribution("HK.00700")
        assert ret == RET_OK
        assert row(data) == sample()
    (request,) = gateway.seen("request", proto_id=CAPITAL_DISTRIBUTION)
    assert (request["market"], request["code"]) == (1, "00700")


def test_the_python_sample_prints_what_the_documentation_shows(simulator: Start) -> None:
    with connected(simulator("--figures", "python")) as client:
        ret, data = client.get_capital_distribution("HK.00700")
        assert ret == RET_OK
        assert data["capital_in_big"][0] == 2141963720.0
        assert data["capital_in_big"].values.tolist() == [2141963720.0]
        shown = row(data)
        assert f"{shown['capital_in_super']:.6e}" == "2.261085e+09"
        assert f"{shown['capital_out_small']:.6e}" == "2.887413e+09"
        assert shown["update_time"] == "2022-06-08 15:59:59"


def test_an_old_gateway_leaves_columns_out(simulator: Start) -> None:
    with connected(simulator("--old")) as client:
        ret, data = client.get_capital_distribution("HK.00700")
        assert ret == RET_OK
        expected = sample() | {"capital_in_super": "N/A", "capital_out_super": "N/A", "update_time": ""}
        assert row(data) == expected


def test_answers_are_told_apart(simulator: Start) -> None:
    with connected(simulator()) as client:
        rows = [row(client.get_capital_distribution(code)[1]) for code in ("US.AAPL", "HK.00005", "US.AAPL")]
        assert rows[0] == rows[2]
        assert rows[0] != rows[1]


def test_it_stays_through_three_keep_alive_intervals(simulator: Start) -> None:
    interval_s = 2
    gateway = simulator("--keep-alive", str(interval_s))
    with connected(gateway) as client:
        conn_id = client.get_sync_conn_id()
        (opening,) = gateway.seen("connected")

        def beats() -> list[dict[str, Any]]:
            return gateway.seen("request", proto_id=KEEP_ALIVE)

        assert wait_until(
            lambda: len(beats()) >= 3 and beats()[-1]["time_ms"] - opening["time_ms"] >= 3 * interval_s * 1000
        )
        assert {beat["client"] for beat in beats()} == {opening["client"]}
        gaps_ms = [later["time_ms"] - earlier["time_ms"] for earlier, later in pairwise(beats())]
        assert all(gap_ms <= 2 * interval_s * 1000 for gap_ms in gaps_ms), gaps_ms
        # It is the same connection all the time, and still answers.
        assert len(gateway.seen("connected")) == 1
        assert not gateway.seen("closed") and not gateway.seen("dropped")
        assert client.get_sync_conn_id() == conn_id
        ret, data = client.get_capital_distribution("HK.00700")
        assert ret == RET_OK
        assert row(data) == sample()
    assert not [beat for beat in beats() if "refused" in beat]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("HK.99999", "未知股票 HK.99999"),
        ("HK.800000", "该接口仅支持正股"),
        ("US..DJI", "暂不支持美股指数"),
        ("HK.HSImain", "该接口仅支持正股"),
    ],
)
def test_what_has_no_distribution_is_refused(simulator: Start, code: str, text: str) -> None:
    with connected(simulator()) as client:
        ret, words = client.get_capital_distribution(code)
        assert ret == RET_ERROR
        assert words == text
        # A refusal does not end the connection.
        assert client.get_capital_distribution("HK.00700")[0] == RET_OK


def test_the_quota_is_refused_as_opend_does(simulator: Start) -> None:
    with connected(simulator("--quota", "3/60")) as client:
        assert [client.get_capital_distribution("HK.00700")[0] for _ in range(3)] == [RET_OK] * 3
        ret, words = client.get_capital_distribution("HK.00700")
        assert ret == RET_ERROR
        assert "频率太高" in words and "每60秒最多3次" in words


def test_global_state(simulator: Start) -> None:
    with connected(simulator()) as client:
        ret, state = client.get_global_state()
        assert ret == RET_OK
        assert state["qot_logined"] and state["server_ver"] == "1011"


def test_pushes_arrive_between_answers(simulator: Start) -> None:
    pushed: list[Any] = []

    class Handler(SysNotifyHandlerBase):
        """Keeps what was pushed."""

        def on_recv_rsp(self, rsp_pb: Any) -> tuple[int, Any]:
            ret, content = super().on_recv_rsp(rsp_pb)
            pushed.append((ret, content))
            return ret, content

    with connected(simulator("--push", "1")) as client:
        client.set_handler(Handler())
        assert wait_until(lambda: len(pushed) >= 2)
        ret, (kind, _, content) = pushed[0]
        assert ret == RET_OK
        assert kind == SysNotifyType.CONN_STATUS
        assert content["qot_logined"] is True
        assert client.get_capital_distribution("HK.00700")[0] == RET_OK


def test_closing_ends_the_connection(simulator: Start) -> None:
    gateway = simulator()
    with connected(gateway):
        assert not gateway.seen("closed")
    assert wait_until(lambda: len(gateway.seen("closed")) == 1)
    # And it does not come back.
    assert len(gateway.seen("connected")) == 1


def test_two_clients_at_a_time(simulator: Start) -> None:
    """Their serial numbers come from one counter, so that each connection has gaps."""
    gateway = simulator()
    with connected(gateway) as first, connected(gateway) as second:
        for code in ("HK.00700", "US.AAPL", "SH.600519"):
            assert row(first.get_capital_distribution(code)[1]) == row(second.get_capital_distribution(code)[1])
    assert len(gateway.seen("request", proto_id=CAPITAL_DISTRIBUTION)) == 6


@pytest.fixture
def encrypted() -> Iterator[Path]:
    """Makes the vendor's client encrypt. Its settings are for the whole process."""
    key = Path(__file__).parents[1] / "vectors" / "rsa" / "1024.pem"
    SysConfig.enable_proto_encrypt(True)
    SysConfig.set_init_rsa_file(str(key))
    yield key
    SysConfig.enable_proto_encrypt(False)
    SysConfig.INIT_RSA_FILE, SysConfig.RSA_OBJ = "", None


@pytest.mark.parametrize(("options", "cipher"), [((), 2), (("--old",), 0)])
def test_encrypted(simulator: Start, encrypted: Path, options: tuple[str, ...], cipher: int) -> None:
    """It uses CBC, with the default iv of a gateway that sends none."""
    gateway = simulator("--rsa-key", str(encrypted), "--keep-alive", "1", *options)
    with connected(gateway) as client:
        ret, data = client.get_capital_distribution("HK.00700")
        assert ret == RET_OK
        assert data["capital_in_big"][0] == sample()["capital_in_big"]
        assert wait_until(lambda: bool(gateway.seen("request", proto_id=KEEP_ALIVE)))
        ret, text = client.get_capital_distribution("HK.99999")
        assert (ret, text) == (RET_ERROR, "未知股票 HK.99999")
    (first,) = gateway.seen("request", proto_id=1001)
    assert first["packet_enc_algo"] == cipher
    assert not [line for line in gateway.seen("request") if line.get("refused") not in (None, "未知股票 HK.99999")]
