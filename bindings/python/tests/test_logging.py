"""The log: its logger, levels and format."""

from __future__ import annotations

import logging

import capdist
import pytest
from capdist import Client, ConnectError, LogLevel
from capdist.futu import RET_ERROR, RET_OK, OpenQuoteContext
from conftest import Start
from support import run_child, unused_port, wait_until


def levels_of(caplog: pytest.LogCaptureFixture, words: str) -> list[int]:
    return [record.levelno for record in caplog.records if record.name == "capdist" and words in record.getMessage()]


def test_without_on_log_the_lines_go_to_the_logger(simulator: Start, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "capdist"):
        with Client(port=simulator().port) as client:
            client.capital_distribution("HK.00001")
            with pytest.raises(capdist.RefusedError):
                client.capital_distribution("HK.99999")
            assert wait_until(lambda: bool(levels_of(caplog, "(HK.99999) failed")))
        assert levels_of(caplog, "connected to 127.0.0.1") == [logging.INFO]
        assert levels_of(caplog, "(HK.99999) failed: the gateway refused (retType -1)") == [logging.DEBUG]
        with Client(port=unused_port()) as client:
            assert wait_until(lambda: bool(levels_of(caplog, "is OpenD running there?")))
        assert logging.WARNING in levels_of(caplog, "is OpenD running there?")
        with Client(port=unused_port(), reconnect=False) as client:
            with pytest.raises(ConnectError, match="since reconnect is off"):
                client.wait_ready(20)
            assert wait_until(lambda: logging.ERROR in levels_of(caplog, "connecting failed permanently"))


def test_the_vendor_s_classes_have_them_there_too(simulator: Start, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "capdist"):
        with OpenQuoteContext(port=simulator().port) as context:
            assert context.get_capital_distribution("HK.00001")[0] == RET_OK
            assert context.get_capital_distribution("HK.99999")[0] == RET_ERROR
            assert wait_until(lambda: bool(levels_of(caplog, "(HK.99999) failed")))


def test_on_log_has_them_instead_and_levels_have_names(simulator: Start, caplog: pytest.LogCaptureFixture) -> None:
    told: list[tuple[LogLevel, str]] = []
    with caplog.at_level(logging.DEBUG, "capdist"):
        with Client(port=simulator().port, on_log=lambda *line: told.append(line)) as client:
            client.capital_distribution("HK.00001")
    assert (LogLevel.INFO, "connected to 127.0.0.1, port") in [(level, text[:28]) for level, text in told]
    assert all(isinstance(level, LogLevel) for level, _ in told)
    assert not caplog.records
    assert [(level.name, int(level)) for level in LogLevel] == [("ERROR", 1), ("WARNING", 2), ("INFO", 3), ("DEBUG", 4)]


def test_a_program_that_sets_up_no_logging_sees_nothing(simulator: Start) -> None:
    output = run_child(
        """
        import sys, time
        sys.stderr = sys.stdout
        import capdist
        with capdist.Client(port=1) as client:
            try:
                client.wait_ready(0.5)
            except capdist.ConnectError:
                print("not connected")
        """,
    )
    assert output == "not connected\n"
