"""`capdist watch`: lines in a pipe, a live table in a terminal, and what may happen to both."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import struct
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from market import Told, market, week
from support import DONE, NO_GATEWAY, REFUSED, USAGE, Gateway, Terminal, plain, run, start, wait_until

Start = Callable[..., Gateway]

SHOWN, GONE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"


def test_a_line_each_in_a_pipe(gateway: Start) -> None:
    told = run("watch", "HK.00700", "HK.99999", "--every", "100ms", "--rounds", 2, "--port", gateway().port)
    lines = told.stdout.splitlines()
    assert told.returncode == REFUSED and len(lines) == 3
    assert lines[0].split() == "security update time super big mid small main retail total out share".split()
    assert lines[1] == lines[2] and "+987,223,180" in lines[1] and lines[1].startswith("HK.00700")
    assert told.stderr.count("HK.99999: ") == 2


def test_rounds_begin_at_their_time(gateway: Start) -> None:
    port = gateway().port
    began = time.monotonic()
    assert run("watch", "HK.00700", "--every", "400ms", "--rounds", 3, "--port", port).returncode == DONE
    assert time.monotonic() - began >= 0.8


def test_formats(gateway: Start) -> None:
    port = gateway().port
    words = ["watch", "HK.00700", "--every", "50ms", "--rounds", 3, "--port", port]
    assert [json.loads(line)["main_net"] for line in run(*words, "--ndjson").stdout.splitlines()] == [987223180] * 3
    assert len(run(*words, "--csv").stdout.splitlines()) == 4
    assert run(*words, "--json").returncode == USAGE
    assert run("watch", "HK.00700", "--every", "soon").returncode == USAGE


def test_the_reader_of_the_pipe_goes_away(gateway: Start) -> None:
    told = start("watch", "HK.00700", "--every", "1h", "--port", gateway().port)
    assert told.stdout is not None
    told.stdout.readline()
    told.stdout.readline()
    told.stdout.close()
    # Not only with the next line, which comes after an hour.
    assert told.wait(timeout=60) == -signal.SIGPIPE
    assert told.stderr is not None and told.stderr.read() == ""


def test_live_table(gateway: Start) -> None:
    terminal = Terminal("watch", "HK.00700", "US.AAPL", "HK.99999", "--every", "1h", "--port", gateway().port, columns=130, rows=20)
    terminal.wait_for(r"3 securities at 127\.0\.0\.1:\d+, round 1, the next in ")
    terminal.wait_for("未知股票")
    assert terminal.output.startswith(SHOWN) and GONE not in terminal.output
    assert "+987.22M" in plain(terminal.output)
    terminal.type(b"\x03")
    assert terminal.end() == -signal.SIGINT
    # The terminal is restored, and the last table stays on it.
    left = terminal.output.partition(GONE)[2]
    assert "HK.00700" in left and "\x1b[?" not in left


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_every_end_gives_the_terminal_back(gateway: Start, sent: signal.Signals) -> None:
    terminal = Terminal("watch", "HK.00700", "--port", gateway().port)
    terminal.wait_for("round 1, the next in")
    os.kill(terminal.pid, sent)
    assert terminal.end() == -sent
    assert GONE in terminal.output


def test_ctrl_c_at_any_moment(gateway: Start) -> None:
    port = gateway("--latency", "30").port
    for delay_ms in (0, 5, 10, 20, 40, 60, 80, 120, 200):
        terminal = Terminal("watch", "HK.00700", "US.AAPL", "--every", "50ms", "--port", port)
        terminal.read(0.001)
        time.sleep(delay_ms / 1000)
        terminal.type(b"\x03")
        assert terminal.end() == -signal.SIGINT
        assert terminal.output.count(SHOWN) == terminal.output.count(GONE), delay_ms


def test_ctrl_z_and_on_again(gateway: Start) -> None:
    terminal = Terminal("watch", "HK.00700", "--every", "100ms", "--port", gateway().port)
    terminal.wait_for("round 2")
    os.kill(terminal.pid, signal.SIGTSTP)
    wait_until(lambda: os.WIFSTOPPED(os.waitpid(terminal.pid, os.WNOHANG | os.WUNTRACED)[1]), "stopped")
    terminal.read()
    assert terminal.output.count(SHOWN) == terminal.output.count(GONE) == 1
    os.kill(terminal.pid, signal.SIGCONT)
    before = len(terminal.output)
    wait_until(lambda: bool(terminal.read()) and SHOWN in terminal.output[before:], "drawn again")
    terminal.type(b"\x03")
    assert terminal.end() == -signal.SIGINT


def test_the_table_fits_whatever_the_size(gateway: Start) -> None:
    names = [f"HK.{number:05d}" for number in range(1, 31)]
    terminal = Terminal("watch", *names, "--every", "1h", "--port", gateway().port, columns=200, rows=40)
    terminal.wait_for(r"HK\.00030.*\d%")
    for columns, rows in ((60, 12), (40, 8), (100, 20)):
        before = len(terminal.output)
        terminal.resize(columns, rows)
        wait_until(lambda: bool(terminal.read()) and "more: make the" in terminal.output[before:], "fitted")
        lines = plain(terminal.output[before:]).rpartition("\x1b[H")[2].splitlines()
        assert len(lines) <= rows
        assert max(len(line.replace("\x1b[K", "").replace("\x1b[J", "")) for line in lines) <= columns
    terminal.type(b"\x03")
    terminal.end()


def test_change_since_the_last_round() -> None:
    def story(name: str, asked: int) -> Told:
        return Told((float(asked + 1),) * 4 + (0.0,) * 4, f"2026-11-30 10:00:{asked:02d}")

    with market(story) as running:
        terminal = Terminal("watch", "HK.00700", "--every", "50ms", "--port", running.port, columns=140)
        terminal.wait_for("▲")
        terminal.type(b"\x03")
        terminal.end()


def test_a_gateway_that_goes_away_and_comes_back() -> None:
    with market(week(1000)) as running:
        told = start("watch", "HK.00700", "--every", "20ms", "--ndjson", "--reconnect-min-ms", 20, "--reconnect-max-ms", 50,
                     "--quota-requests", 0, "--port", running.port)  # fmt: skip
        assert told.stdout is not None and told.stderr is not None
        for _ in range(5):
            told.stdout.readline()
        running.close()
        time.sleep(0.5)
        assert told.poll() is None
        asked = running.asked["1.00700"]
        running.open()
        wait_until(lambda: running.asked["1.00700"] > asked + 3, "asked again")
        told.send_signal(signal.SIGINT)
        out = told.stdout.read()
        _, err = told.communicate(timeout=60)
        assert told.returncode == -signal.SIGINT
        assert all("error" not in json.loads(line) for line in out.splitlines())
        # An outage and its end are reported once.
        assert "the gateway is there" in err and len(err.splitlines()) <= 5, err


def test_no_gateway_yet(gateway: Start) -> None:
    with market(week(1000)) as running:
        running.close()
        told = start("watch", "HK.00700", "--rounds", 1, "--reconnect-min-ms", 20, "--reconnect-max-ms", 50, "--port", running.port)
        assert told.stderr is not None
        assert "refused the connection" in told.stderr.readline()
        running.open()
        out, _ = told.communicate(timeout=60)
        assert told.returncode == DONE and len(out.splitlines()) == 2
    assert run("get", "HK.00700", "--port", running.port).returncode == NO_GATEWAY


def test_a_reader_that_does_not_read_holds_up_no_signal() -> None:
    with market(week(19_800)) as running:
        told = start("watch", *(f"HK.{number:05d}" for number in range(1, 200)), "--every", "1ms", "--ndjson", "--quota-requests", 0,
                     "--port", running.port)  # fmt: skip
        # The pipe is full when no request is made any more.
        last = -1
        while last != len(running.order) or last == 0:
            last = len(running.order)
            time.sleep(0.5)
        assert last > 0 and told.poll() is None
        told.send_signal(signal.SIGTERM)
        assert told.wait(timeout=60) == -signal.SIGTERM


@pytest.mark.parametrize("command", ["watch", "record"])
def test_nor_does_one_of_the_standard_error(gateway: Start, tmp_path: Path, command: str) -> None:
    # More refusals than fit into a pipe.
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"HK.{number}\n" for number in range(1, 3001)))
    words: list[str | Path | int] = [command, "-f", listed, "--every", "1ms", "--quota-requests", 0, "--port", gateway("--no-quota").port]
    words += ["--to", tmp_path / "flows.db"] if command == "record" else []
    told = start(*words)
    assert told.stderr is not None
    pipe = told.stderr.fileno()

    def waiting() -> int:
        return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]

    wait_until(lambda: waiting() > 60_000, "the pipe is full")
    # What fits was written. The next line does not fit.
    time.sleep(0.5)
    assert told.poll() is None
    told.send_signal(signal.SIGTERM)
    assert told.wait(timeout=60) == -signal.SIGTERM
