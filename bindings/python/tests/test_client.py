"""The typed client: what it returns, its callbacks and its threads."""

from __future__ import annotations

import copy
import dataclasses
import gc
import json
import math
import pickle
import threading
import time
import weakref
from datetime import datetime, timezone
from typing import Any

import capdist
import pytest
from capdist import Client, ClosedError, RequestError, Result, Status, _model
from conftest import Start
from support import PATIENCE, ROOT, SilentGateway, Simulator, unused_port, wait_until


# Values


def test_figures_are_frozen_and_have_real_times(client: Client) -> None:
    figures = client.capital_distribution("HK.00700")
    assert figures.security == "HK.00700"
    assert figures.update_time == datetime(2022, 6, 8, 10, 44, 21)
    assert figures.update_time_text == "2022-06-08 10:44:21"
    assert figures.update_timestamp == 1654656261.0
    assert figures.updated_at == datetime(2022, 6, 8, 2, 44, 21, tzinfo=timezone.utc)
    with pytest.raises(dataclasses.FrozenInstanceError):
        figures.capital_in_big = 0.0  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(figures)) == figures


def test_what_is_missing(simulator: Start) -> None:
    with Client(port=simulator("--old").port, quota_group="old") as client:
        figures = client.capital_distribution("HK.00700")
    assert math.isnan(figures.capital_in_super)
    assert math.isnan(figures.capital_out_super)
    assert figures.capital_in_big == 859479380.0
    assert (figures.update_time, figures.update_time_text, figures.updated_at) == (None, "", None)
    assert math.isnan(figures.update_timestamp)


@pytest.mark.parametrize("timestamp", [math.inf, -math.inf, math.nan, 1e300, -1e300])
def test_a_timestamp_that_is_no_time(timestamp: float, client: Client) -> None:
    figures = dataclasses.replace(client.capital_distribution("HK.00700"), update_timestamp=timestamp)
    assert figures.updated_at is None


UPDATE_TIMES = [
    line.split("\t")
    for line in (ROOT / "Tests" / "cases" / "times.tsv").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize(("text", "read"), [case[1:] for case in UPDATE_TIMES], ids=[case[0] for case in UPDATE_TIMES])
def test_update_times(text: str, read: str) -> None:
    told = _model._time(text)
    assert (told.strftime("%Y-%m-%d %H:%M:%S.%f").rjust(26, "0") if told else "-") == read[:26]


def test_the_security_firm_is_sent(client: Client, gateway: Simulator) -> None:
    client.capital_distribution("HK.00001", security_firm=3)
    assert gateway.seen("request", code="00001", security_firm=3)


def test_what_the_gateway_is_told(simulator: Start) -> None:
    gateway = simulator()
    with Client(port=gateway.port, client_id="prüfung", client_version=203, recv_notify=True) as client:
        client.wait_ready()
    (first,) = gateway.seen("request", proto_id=1001)
    told = {name: first[name] for name in ("client_id", "client_version", "programming_language", "recv_notify")}
    assert told == {
        "client_id": "prüfung",
        "client_version": 203,
        "programming_language": "Python",
        "recv_notify": 1,
    }


def test_frames_shaped_as_those_of_a_real_opend(simulator: Start) -> None:
    """Replies of raw requests come unchanged, beside pushes whose serial numbers are those of the requests."""
    recorded = ROOT / "Tests" / "vectors" / "opend-frames.jsonl"
    frames = [json.loads(line) for line in recorded.read_text(encoding="utf-8").splitlines()[1:]]
    answers = {(f["proto_id"], f["serial_no"]): f["body"] for f in frames if f["direction"] == "s2c" and not f["is_push"]}
    asked = [f for f in frames if f["direction"] == "c2s" and f["proto_id"] != 1004 and (f["proto_id"], f["serial_no"]) in answers]
    assert len(asked) == 5
    gateway = simulator("--replay", str(recorded), "--push", "1")
    pushes: list[int] = []
    replies: list[capdist.ProtoReply] = []
    with Client(port=gateway.port, recv_notify=True, on_push=lambda proto_id, body: pushes.append(proto_id)) as client:
        client.wait_ready()
        for frame in asked:
            client.send_proto(frame["proto_id"], bytes.fromhex(frame["body"]), replies.append)
        assert wait_until(lambda: len(replies) == len(asked) and len(pushes) >= 3)
    for frame, reply in zip(asked, replies, strict=True):
        assert (reply.status, reply.proto_id, reply.ret_type) == (Status.OK, frame["proto_id"], 0)
        assert reply.body.hex() == answers[frame["proto_id"], frame["serial_no"]]
    assert pushes[:3] == [3005, 3011, 3013]


def test_a_refusal_is_told_in_the_gateways_language(simulator: Start) -> None:
    for language, text in (("chs", "未知股票 HK.99999"), ("en", "Unknown stock 99999")):
        with Client(port=simulator("--lang", language).port) as client, pytest.raises(capdist.RefusedError) as raised:
            client.capital_distribution("HK.99999")
        assert (raised.value.ret_msg, raised.value.err_code) == (text, 0)


def test_info_and_quota(simulator: Start) -> None:
    with Client(port=simulator().port, quota_requests=7, quota_window=2.5, quota_group="figures") as client:
        client.wait_ready()
        info = client.info()
        assert (info.login_user_id, info.server_version, info.is_ready, info.is_final) == (10000001, 1011, True, False)
        assert info.conn_id > 0
        assert client.quota() == capdist.Quota(7, 2.5, 0, 0, 0.0)
        client.capital_distribution("HK.00001")
        assert client.quota().used == 1


def test_a_raw_request(client: Client) -> None:
    replies: list[capdist.ProtoReply] = []
    serial_no = client.send_proto(1002, bytearray(b"\x0a\x02\x08\x00"), replies.append)
    assert wait_until(lambda: bool(replies))
    (reply,) = replies
    assert (reply.status, reply.serial_no, reply.proto_id, reply.was_sent) == (Status.OK, serial_no, 1002, True)
    assert (reply.ret_type, reply.text, reply.retry_after) == (0, "", 0.0)
    assert reply.body
    client.send_proto(4711, b"", replies.append)
    assert wait_until(lambda: len(replies) == 2)
    assert (replies[1].status, replies[1].ret_type) == (Status.REFUSED, -1)
    assert "未知的协议ID" in replies[1].text


def test_fail_mode(simulator: Start) -> None:
    with Client(port=simulator().port, quota_requests=1, quota_group="fail", quota_wait=False) as client:
        client.capital_distribution("HK.00001")
        for ask in (
            lambda: client.capital_distribution("HK.00002"),
            lambda: client.get_capital_distribution("HK.00002", lambda *_: None),
        ):
            with pytest.raises(capdist.RateLimitedError) as caught:
                ask()
            assert caught.value.status is Status.QUOTA_EXHAUSTED
            assert not caught.value.was_sent


def test_cancel(simulator: Start) -> None:
    gateway = simulator("--latency", "500")
    answers: list[Result] = []
    with Client(port=gateway.port) as client:
        client.wait_ready()
        serial_no = client.get_capital_distribution("HK.00001", lambda _, result: answers.append(result))
        assert client.cancel(serial_no)
        assert wait_until(lambda: bool(answers))
        assert not client.cancel(serial_no)
        assert not client.cancel(4_000_000_000)
    (answer,) = answers
    assert isinstance(answer, capdist.CancelledRequestError)
    assert answer.status is Status.CANCELLED


@pytest.mark.parametrize(
    "error",
    [
        capdist.RefusedError(
            "no", Status.REFUSED, security="HK.1", was_sent=True, ret_type=-1, ret_msg="不", err_code=3
        ),
        capdist.RequestTimeoutError("late", Status.REPLY_TIMEOUT, was_sent=True),
        capdist.RateLimitedError("slow", Status.RATE_LIMITED, retry_after=2.5),
        capdist.ConnectTimeoutError("late", Status.CONNECT_TIMEOUT),
        capdist.ClosedError("closed", Status.RELEASED),
        capdist.ArgumentError("bad", Status.INVALID_ARGUMENT),
        capdist.LibraryNotFoundError("missing"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_cross_processes(error: capdist.CapdistError) -> None:
    """multiprocessing pickles exceptions of a worker. Its pool hangs or breaks if one cannot be unpickled."""
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is type(error)
        assert (str(other), other.args, vars(other)) == (str(error), error.args, vars(error))


def test_errors_can_be_caught_as_python_s_own(silent: SilentGateway) -> None:
    with Client(port=silent.port, queue_timeout=0.1, quota_group="own") as client:
        with pytest.raises(TimeoutError):
            client.capital_distribution("HK.00001")
        with pytest.raises(TimeoutError):
            client.wait_ready(0.05)
        with pytest.raises(ValueError, match="MARKET.CODE"):
            client.capital_distribution("HK")


def test_a_port_where_nobody_listens() -> None:
    with Client(port=unused_port(), reconnect=False, quota_group="nobody") as client:
        with pytest.raises(capdist.ConnectError, match="is OpenD running there") as caught:
            client.wait_ready(PATIENCE)
        assert caught.value.status is Status.CONNECT_FAILED
        assert client.info().is_final
        with pytest.raises(capdist.ConnectError):
            client.capital_distribution("HK.00001")


# Callbacks


def test_callbacks_of_the_connection(simulator: Start) -> None:
    events: list[tuple[Any, ...]] = []
    gateway = simulator("--push", "1")
    with Client(
        port=gateway.port,
        recv_notify=True,
        reconnect_min=0.05,
        on_init_connect=lambda *event: events.append(("init", *event)),
        on_disconnect=lambda *event: events.append(("lost", *event)),
        on_push=lambda *event: events.append(("push", *event)),
        on_log=lambda *event: events.append(("log", *event)),
    ) as client:
        client.wait_ready()
        assert wait_until(lambda: any(event[0] == "push" for event in events))
        gateway.kill()
        assert wait_until(lambda: any(event[0] == "lost" for event in events))
    assert [event for event in events if event[0] == "init"] == [("init", 0, "")]
    push = next(event for event in events if event[0] == "push")
    assert push[1] == 1003
    assert isinstance(push[2], bytes) and push[2]
    lost = next(event for event in events if event[0] == "lost")
    assert lost[1] >> 32 == 11
    assert lost[2]
    assert {event[1] for event in events if event[0] == "log"} <= {1, 2, 3, 4}


def test_an_exception_in_a_callback_is_reported_and_harms_nothing(
    simulator: Start, unraisable: list[BaseException]
) -> None:
    class Oops(Exception):
        pass

    def fail(*_arguments: object) -> None:
        raise Oops

    with Client(port=simulator("--push", "1").port, recv_notify=True, on_init_connect=fail, on_push=fail) as client:
        client.wait_ready()
        assert wait_until(lambda: len(unraisable) == 1)
        client.get_capital_distribution("HK.00001", fail)
        client.send_proto(1002, b"\x0a\x02\x08\x00", fail)
        assert wait_until(lambda: len(unraisable) >= 4)
        assert client.capital_distribution("HK.00700").capital_in_big == 859479380.0
    assert {type(error) for error in unraisable} == {Oops}


def test_system_exit_in_a_callback_ends_nothing(client: Client, unraisable: list[BaseException]) -> None:
    def leave(*_arguments: object) -> None:
        raise SystemExit(3)

    client.get_capital_distribution("HK.00001", leave)
    assert wait_until(lambda: bool(unraisable))
    assert isinstance(unraisable[0], SystemExit)
    assert client.capital_distribution("HK.00700").capital_in_big == 859479380.0


def test_blocking_calls_inside_a_callback_are_refused(client: Client, gateway: Simulator) -> None:
    seen: list[Any] = []
    done = threading.Event()
    other = Client(port=gateway.port, quota_requests=0)

    def inside(_serial_no: int, _result: Result) -> None:
        for one in (client, other):
            for call in (
                one.wait_ready,
                lambda one=one: one.capital_distribution("HK.00001"),
                lambda one=one: next(one.capital_distributions(["HK.00001"])),
            ):
                try:
                    seen.append(call())
                except capdist.WouldDeadlockError as error:
                    seen.append(error.status)
        # Everything that does not wait is allowed.
        client.get_capital_distribution("HK.00002", lambda *_: done.set())

    client.get_capital_distribution("HK.00001", inside)
    assert done.wait(PATIENCE)
    assert seen == [Status.WOULD_DEADLOCK] * 6
    other.close()


def test_one_thread_state_for_the_connection_s_thread(gateway: Simulator) -> None:
    """A threading.local keeps its value between callbacks of one connection, and other connections do not see it."""
    local = threading.local()
    counts: dict[str, list[int]] = {"first": [], "second": []}
    clients = {name: Client(port=gateway.port, quota_requests=0) for name in counts}

    def count(name: str) -> None:
        local.count = getattr(local, "count", 0) + 1
        counts[name].append(local.count)

    for name, client in clients.items():
        for number in range(100):
            client.get_capital_distribution("HK.00001", lambda _s, _r, name=name: count(name))
            if number % 10 == 0:
                client.capital_distribution("HK.00001")
    assert wait_until(lambda: all(len(seen) == 100 for seen in counts.values()))
    assert counts == {"first": list(range(1, 101)), "second": list(range(1, 101))}
    for client in clients.values():
        client.close()


def test_the_thread_state_goes_with_the_thread(gateway: Simulator) -> None:
    class Marker:
        pass

    local = threading.local()
    kept: list[weakref.ref[Marker]] = []

    def leave(_serial_no: int, _result: Result) -> None:
        local.marker = Marker()
        kept.append(weakref.ref(local.marker))

    with Client(port=gateway.port, quota_requests=0) as client:
        client.get_capital_distribution("HK.00001", leave)
        assert wait_until(lambda: bool(kept))
        gc.collect()
        assert kept[0]() is not None
    assert wait_until(lambda: kept[0]() is None, 2)


def test_release_inside_a_callback_then_outside(gateway: Simulator) -> None:
    client = Client(port=gateway.port, quota_requests=0)
    closed = threading.Event()
    go_on = threading.Event()

    def close(_serial_no: int, _result: Result) -> None:
        client.close()
        closed.set()
        go_on.wait(PATIENCE)
        finished.append(True)

    finished: list[bool] = []
    client.get_capital_distribution("HK.00001", close)
    assert closed.wait(PATIENCE)
    threading.Timer(0.1, go_on.set).start()
    client.close()
    # After close() has returned outside a callback, no callback runs.
    assert finished == [True]


def test_close_completes_what_is_under_way(silent: SilentGateway) -> None:
    answers: list[Result] = []
    client = Client(port=silent.port, quota_group="closing")
    for number in range(50):
        client.get_capital_distribution(f"HK.{number:05}", lambda _, result: answers.append(result))
    client.close()
    assert len(answers) == 50
    assert {answer.status for answer in answers if isinstance(answer, RequestError)} == {Status.RELEASED}


def test_close_frees_a_blocked_thread(silent: SilentGateway) -> None:
    client = Client(port=silent.port, quota_group="freeing")
    ended: list[BaseException] = []

    def wait(call: Any) -> None:
        try:
            call()
        except capdist.CapdistError as error:
            ended.append(error)

    calls = [client.wait_ready, lambda: client.capital_distribution("HK.00001")]
    waiting = [threading.Thread(target=wait, args=(call,)) for call in calls]
    for thread in waiting:
        thread.start()
    time.sleep(0.1)
    client.close()
    for thread in waiting:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert {type(error) for error in ended} == {ClosedError, capdist.CancelledRequestError}
