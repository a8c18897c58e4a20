"""What published programs do with the vendor's SDK around capital distribution: settings, status, errors."""

from __future__ import annotations

import copy
import logging
import pickle
import time
from collections.abc import Iterator
from typing import Any

import capdist
import pytest
from capdist import ArgumentError, RefusedError, Status, _vendor
from capdist.futu import (
    RET_ERROR,
    RET_OK,
    ContextStatus,
    ErrorText,
    OpenQuoteContext,
    ProtoFMT,
    SysConfig,
)
from conftest import Start
from support import PATIENCE, SilentGateway, run_child, unused_port


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    """Each test begins with the settings of a new process."""
    kept = {name: value for name, value in vars(SysConfig).items() if name.isupper()}
    yield
    SysConfig.enable_console_log(False)
    for name, value in kept.items():
        setattr(SysConfig, name, value)


def test_a_program_of_the_vendors_users_runs(simulator: Start) -> None:
    """Every line occurs in published programs. Only the import line differs."""
    gateway = simulator()
    output = run_child(
        """
        from capdist.futu import *
        import sys
        SysConfig.set_all_thread_daemon(True)
        SysConfig.enable_console_log(False)
        SysConfig.set_client_info("Public", 1)
        SysConfig.set_proto_fmt(ProtoFMT.Protobuf)
        SysConfig.enable_proto_encrypt(is_encrypt=False)
        class SysNotifyTest(SysNotifyHandlerBase):
            def on_recv_rsp(self, rsp_pb):
                ret_code, content = super(SysNotifyTest, self).on_recv_rsp(rsp_pb)
                notify_type, sub_type, msg = content
                if ret_code != RET_OK:
                    logger.debug("SysNotifyTest: error, msg: %s" % msg)
                    return RET_ERROR, content
                return ret_code, content
        quote_ctx = OpenQuoteContext(
            host="127.0.0.1", port=int(sys.argv[1]), is_encrypt=None, is_async_connect=True,
            security_firm=SecurityFirm.FUTUINC, ai_type=1)
        quote_ctx.set_sync_query_connect_timeout(6.0)
        print(quote_ctx.set_handler(SysNotifyTest()) == RET_OK)
        quote_ctx.start()
        deadline = time.time() + 10
        while quote_ctx.status != ContextStatus.READY and time.time() < deadline:
            time.sleep(0.05)
        print(quote_ctx.status)
        ret, state = quote_ctx.get_global_state()
        print(ret, state["qot_logined"], state["market_hk"] in (MarketState.MORNING, MarketState.AFTERNOON))
        ret, data = quote_ctx.get_capital_distribution(Market.HK + ".00700")
        if ret == RET_OK and not data.empty:
            row = data.iloc[0]
            print(float(row.get("capital_in_big", 0) or 0), data["capital_in_big"].values.tolist())
        quote_ctx.stop()
        quote_ctx.close()
        print(quote_ctx.status)
        """,
        gateway.port,
    )
    assert output == "True\nREADY\n0 True True\n859479380.0 [859479380.0]\nCLOSED\n"
    (first,) = gateway.seen("request", proto_id=1001)
    assert (first["client_id"], first["client_version"], first["recv_notify"]) == ("Public", 1, True)
    (request,) = gateway.requests()
    assert request["security_firm"] == 2


def test_what_is_not_set_is_the_librarys(simulator: Start) -> None:
    gateway = simulator()
    with OpenQuoteContext("127.0.0.1", gateway.port) as context:
        assert context.get_capital_distribution("HK.00700")[0] == RET_OK
    (first,) = gateway.seen("request", proto_id=1001)
    assert (first["client_id"], first["client_version"]) == ("capdist", 101)
    (request,) = gateway.requests()
    assert not request.get("security_firm")


@pytest.mark.parametrize("firm", ["", "FUTU", None, 2, []])
def test_a_firm_that_there_is_not_is_refused(firm: Any) -> None:
    with pytest.raises(ArgumentError, match="security_firm"):
        OpenQuoteContext(port=unused_port(), security_firm=firm)


def test_a_format_that_there_is_not_is_refused(simulator: Start) -> None:
    with pytest.raises(ArgumentError, match="proto_fmt"):
        SysConfig.set_proto_fmt(7)
    SysConfig.set_proto_fmt(ProtoFMT.Json)
    assert SysConfig.get_proto_fmt() == ProtoFMT.Json
    with OpenQuoteContext(port=simulator().port) as context:
        assert context.get_capital_distribution("HK.00700")[0] == RET_OK


def test_the_console_log_is_on_only_where_it_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("capdist")
    level = logger.level
    try:
        logger.info("before")
        SysConfig.enable_console_log(True)
        SysConfig.enable_console_log(True)
        logger.info("wanted")
        SysConfig.enable_console_log(False)
        logger.info("after")
    finally:
        logger.setLevel(level)
    assert [line.rpartition(" | ")[2] for line in capsys.readouterr().out.splitlines()] == ["wanted"]


def test_a_refusal_is_the_gateways_own_words(simulator: Start) -> None:
    port = simulator().port
    with capdist.Client(port=port) as client, pytest.raises(RefusedError) as refused:
        client.capital_distribution("HK.800000")
    with OpenQuoteContext(port=port) as context:
        ret, text = context.get_capital_distribution("HK.800000")
    assert (ret, text) == (RET_ERROR, refused.value.ret_msg)
    assert text and {text: 1}[refused.value.ret_msg] == 1
    assert isinstance(text, ErrorText) and isinstance(text.error, RefusedError)
    assert text.error.status is Status.REFUSED and text in str(text.error) and str(text.error) != text
    for again in (pickle.loads(pickle.dumps(text)), copy.deepcopy(text)):
        assert again == text and str(again.error) == str(text.error)


def test_a_refusal_for_frequency_is_too(simulator: Start) -> None:
    port = simulator("--quota", "1/30").port
    with OpenQuoteContext(port=port) as context:
        for _ in range(2):  # the library's own quota allows more
            ret, text = context.get_capital_distribution("HK.00700")
    assert ret == RET_ERROR and isinstance(text, ErrorText)
    assert text.error is not None and text.error.status is Status.RATE_LIMITED
    assert isinstance(text.error, RefusedError) and text == text.error.ret_msg and text.error.retry_after > 20


def test_what_is_no_refusal_is_a_sentence(simulator: Start) -> None:
    with OpenQuoteContext(port=simulator().port) as context:
        ret, text = context.get_capital_distribution("nonsense")
        assert ret == RET_ERROR and isinstance(text, ErrorText) and isinstance(text.error, ArgumentError)
        assert text == str(text.error)


def test_the_time_for_the_connection_can_be_set(silent: SilentGateway) -> None:
    with OpenQuoteContext("127.0.0.1", silent.port, connect_timeout=PATIENCE) as context:
        assert context.status == ContextStatus.CONNECTING
        context.set_sync_query_connect_timeout(0.2)
        asked = time.monotonic()
        for answer in (context.get_capital_distribution("HK.00700"), context.get_global_state()):
            assert answer[0] == RET_ERROR and isinstance(answer[1], ErrorText)
        assert time.monotonic() - asked < PATIENCE / 2
        with pytest.raises(ArgumentError):
            context.set_sync_query_connect_timeout(-1)
        context.set_sync_query_connect_timeout(None)
        assert context._timeout == PATIENCE


def test_a_closed_context_says_so(simulator: Start) -> None:
    context = OpenQuoteContext(port=simulator().port)
    context.close()
    assert context.status == ContextStatus.CLOSED
    assert context.get_global_state() == (RET_ERROR, "the connection was released")


def test_anything_else_is_told_in_a_sentence(simulator: Start) -> None:
    with OpenQuoteContext(port=simulator().port) as context:
        for name in ("subscribe", "get_market_snapshot", "get_capital_flow", "_is_ready"):
            with pytest.raises(AttributeError, match=rf"'{name}'.*get_capital_distribution.*can stand beside it"):
                getattr(context, name)
        assert not hasattr(context, "subscribe")
        assert not hasattr(context, "__len__")


def test_the_star_brings_what_programs_use() -> None:
    names: dict[str, Any] = {}
    exec("from capdist.futu import *", names)
    other: dict[str, Any] = {}
    exec("from capdist.moomoo import *", other)
    names.pop("__builtins__"), other.pop("__builtins__")
    assert set(names) == set(other) == set(_vendor.__all__)
    assert names["time"] is time and names["logger"] is logging.getLogger("capdist")
