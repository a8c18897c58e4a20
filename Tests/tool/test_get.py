"""`capdist get`: tables and formats, lists, settings, and exit statuses."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import stat
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from market import Told, market
from support import DONE, FILE, NO_GATEWAY, REFUSED, RSA_KEY, TIMED_OUT, USAGE, Gateway, Terminal, environment, plain, run, start, TOOL

Start = Callable[..., Gateway]

TABLE = """\
HK.00700  2022-06-08 10:44:21
                   in            out             net  out share
super     824,967,660    252,818,140    +572,149,520      23.5%
big       859,479,380    444,405,720    +415,073,660      34.1%
mid       763,181,580    503,977,520    +259,204,060      39.8%
small   1,011,289,940    807,438,760    +203,851,180      44.4%
───────────────────────────────────────────────────────────────
main    1,684,447,040    697,223,860    +987,223,180      29.3%
retail  1,774,471,520  1,311,416,280    +463,055,240      42.5%
total   3,458,918,560  2,008,640,140  +1,450,278,420      36.7%
"""


def test_table(gateway: Start) -> None:
    told = run("get", "HK.00700", "--port", gateway().port)
    assert (told.returncode, told.stdout, told.stderr) == (DONE, TABLE, "")


def test_json_has_every_figure_and_what_follows(gateway: Start) -> None:
    (row,) = json.loads(run("get", "HK.00700", "--json", "--port", gateway().port).stdout)
    assert row["capital_in_super"] == 824967660 and row["update_timestamp"] == 1654656261
    assert row["main_net"] == 987223180 and row["retail_in"] == 1774471520 and row["total_out"] == 2008640140
    assert row["total_out_share"] == pytest.approx(2008640140 / (3458918560 + 2008640140))
    for group in ("super", "big", "mid", "small"):
        assert row[f"{group}_net"] == row[f"capital_in_{group}"] - row[f"capital_out_{group}"]


def test_ndjson_and_csv_hold_the_same(gateway: Start) -> None:
    port = gateway().port
    lines = run("get", "HK.00700", "US.AAPL", "--ndjson", "--port", port).stdout.splitlines()
    rows = list(csv.DictReader(io.StringIO(run("get", "HK.00700", "US.AAPL", "--csv", "--port", port).stdout)))
    assert len(lines) == len(rows) == 2
    for line, row in zip(lines, rows, strict=True):
        told = json.loads(line)
        assert list(told) == list(row)
        assert all(told[name] == row[name] if isinstance(told[name], str) else told[name] == float(row[name]) for name in row)


def test_what_is_absent_is_blank_and_not_zero(gateway: Start) -> None:
    port = gateway("--old").port
    (row,) = json.loads(run("get", "HK.00005", "--json", "--port", port).stdout)
    absent = {"update_time", "update_timestamp", "capital_in_super", "super_net", "main_in", "main_net", "total_net", "total_out_share"}
    assert all(row[name] is None for name in absent)
    assert row["retail_net"] is not None and row["big_net"] is not None
    (cells,) = csv.DictReader(io.StringIO(run("get", "HK.00005", "--csv", "--port", port).stdout))
    assert all(cells[name] == "" for name in absent)
    table = run("get", "HK.00005", "--port", port).stdout.splitlines()
    assert table[0] == "HK.00005"
    assert [line.split() for line in table if line.startswith(("super", "main", "total"))] == [["super"], ["main"], ["total"]]


def test_figures_that_are_no_numbers_are_absent(gateway: Start) -> None:
    for fault in ("nan", "infinity"):
        told = run("get", "HK.00005", "--json", "--port", gateway("--fault", fault).port)
        (row,) = json.loads(told.stdout)
        assert row["total_net"] is None and row["capital_in_big"] is None


@pytest.mark.parametrize(("units", "expected"), [
    ("en", "+1.45B"), ("zh", "+14.50亿"), ("M", "+1,450.28M"), ("亿", "+14.50亿"), ("万", "+145,027.84万"),
    ("K", "+1,450,278.42K"), ("none", "+1,450,278,420"),
])  # fmt: skip
def test_units(gateway: Start, units: str, expected: str) -> None:
    assert expected in run("get", "HK.00700", "--units", units, "--port", gateway().port).stdout


def columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def test_units_where_amounts_round_to_the_next() -> None:
    amounts = (999_995.0, 999_994.0, 999_995_000.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    with market(lambda name, asked: Told(amounts)) as running:
        table = run("get", "HK.00700", "--units", "en", "--port", running.port).stdout.splitlines()
        assert [line.split()[1] for line in table[2:5]] == ["1.00M", "999.99K", "1.00B"]
    with market(lambda name, asked: Told((99_999_950.0, 99_999_940.0, 9_999.0, 1.0, 0.0, 0.0, 0.0, 4.0))) as running:
        table = run("get", "HK.00700", "--units", "zh", "--port", running.port).stdout.splitlines()
        assert [line.split()[1] for line in table[2:5]] == ["1.00亿", "9,999.99万", "9,999"]
        # A number that is rounded to zero has no sign.
        table = run("get", "HK.00700", "--units", "万", "--port", running.port).stdout.splitlines()
        assert table[5].split()[3] == "0.00万"
    with market(lambda name, asked: Told((1.0, 4.0, 0.0, 0.0, 4.0, 1.0, 0.0, 0.0))) as running:
        table = run("get", "HK.00700", "--units", "万", "--port", running.port).stdout.splitlines()
        assert [line.split()[3] for line in table[2:4]] == ["0.00万", "0.00万"]


def test_columns_are_right_for_wide_characters(gateway: Start) -> None:
    lines = run("get", "HK.00700", "--units", "zh", "--port", gateway().port).stdout.splitlines()
    assert "亿" in lines[2]
    assert {columns(line) for line in lines[1:] if line.strip()} == {columns(lines[1])}


def test_the_others_go_on(gateway: Start) -> None:
    told = run("get", "XX.1", "HK.99999", "HK.00700", "nonsense", "--port", gateway().port)
    assert told.returncode == REFUSED and told.stdout == TABLE
    assert re.search(r"^capdist: XX\.1: ", told.stderr, re.M) and re.search(r"^capdist: HK\.99999: .*未知股票", told.stderr, re.M)
    assert re.search(r"^capdist: nonsense: ", told.stderr, re.M)
    rows = json.loads(run("get", "HK.99999", "HK.00700", "--json", "--port", gateway().port).stdout)
    assert [row.get("status") for row in rows] == ["CAPDIST_REFUSED", None]


def test_list_from_a_file_and_from_the_standard_input(gateway: Start, tmp_path: Path) -> None:
    port = gateway().port
    file = tmp_path / "list.txt"
    file.write_text("# my list\nHK.00700  # Tencent\n\nUS.AAPL, HK.00005\r\nHK.00700\n", encoding="utf-8")
    expected = ["HK.00700", "US.AAPL", "HK.00005"]
    for told in (run("get", "-f", file, "--ndjson", "--port", port), run("get", "-", "--ndjson", "--port", port, stdin=file.read_text())):
        assert [json.loads(line)["security"] for line in told.stdout.splitlines()] == expected, told.stderr
        assert told.returncode == DONE
    # In the form of Windows programs.
    file.write_text("HK.00700\r\nUS.AAPL\r\nHK.00005\r\n", encoding="utf-8-sig")
    told = run("get", "-f", file, "--ndjson", "--port", port)
    assert [json.loads(line)["security"] for line in told.stdout.splitlines()] == expected and told.returncode == DONE, told.stderr


def test_a_file_that_is_no_list(tmp_path: Path) -> None:
    prose = tmp_path / "prose.txt"
    prose.write_text("It was the best of times, it was the worst of times\n" * 20)
    empty = tmp_path / "empty.txt"
    empty.touch()
    for file, words in ((Path("/bin/sh"), "no text"), (prose, "line 1 begins with"), (empty, "none is in it"),
                        (tmp_path, "cannot be read"), (tmp_path / "missing", "No such file")):  # fmt: skip
        told = run("get", "-f", file)
        assert told.returncode == FILE and words in told.stderr and len(told.stderr.splitlines()) == 1, told.stderr


def test_a_bad_line_is_named(gateway: Start, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("HK.00700\nQQ.1\n")
    told = run("get", "-f", file, "--port", gateway().port)
    assert told.returncode == REFUSED and told.stdout == TABLE and f"{file}, line 2: QQ.1: " in told.stderr


def test_how_it_ends_without_a_gateway(gateway: Start) -> None:
    refused = run("get", "HK.00700", "--port", 1)
    assert refused.returncode == NO_GATEWAY and "port 1 refused the connection" in refused.stderr and refused.stdout == ""
    # Advice for programmers is left out.
    assert "release the connection" not in refused.stderr
    slow = run("get", "HK.00700", "--reply-timeout-ms", 200, "--port", gateway("--fault", "never").port)
    assert slow.returncode == TIMED_OUT and slow.stdout == "" and slow.stderr.startswith("capdist: HK.00700: ")
    assert run("get").returncode == USAGE
    assert run("get", "HK.00700", "--nonsense").returncode == USAGE
    assert run("get", "HK.00700", "--json", "--csv").returncode == USAGE


def test_a_line_that_is_lost_on_the_way_is_made_again(gateway: Start) -> None:
    names = [f"HK.{number:05d}" for number in range(1, 41)]
    told = run("get", *names, "--ndjson", "--quota-requests", 0, "--port", gateway("--no-quota", "--fault", "drop-after=7").port)
    assert told.returncode == DONE, told.stderr
    assert [json.loads(line)["security"] for line in told.stdout.splitlines()] == names


def test_a_list_longer_than_the_quota_is_walked_at_its_pace(gateway: Start) -> None:
    names = [f"HK.{number:05d}" for number in range(1, 8)]
    quota = ["--quota-requests", 3, "--quota-window-ms", 1000]
    told = run("get", *names, "--ndjson", *quota, "--port", gateway("--quota", "3/1").port)
    assert told.returncode == DONE and len(told.stdout.splitlines()) == 7
    assert "7 securities at 3 in 1 s: a round takes about 2 s" in told.stderr


def test_progress_is_drawn_on_a_terminal(gateway: Start) -> None:
    names = [f"HK.{number:05d}" for number in range(1, 8)]
    quota = ["--quota-requests", 3, "--quota-window-ms", 1000]
    terminal = Terminal("get", *names, "--ndjson", *quota, "--port", gateway("--quota", "3/1").port)
    terminal.wait_for(r"\[#+\.+\] \d/7, \d s left")
    assert terminal.end() == DONE


@pytest.mark.parametrize("command", ["get", "watch", "record"])
def test_progress_counts_down_to_the_end_of_the_round(gateway: Start, tmp_path: Path, command: str) -> None:
    """Of seven, three come at once, three after ten seconds, and one after twenty."""
    words = [command, *(f"HK.{number:05d}" for number in range(1, 8))]
    words += ["--quota-requests", "3", "--quota-window-ms", "10000", "--port", str(gateway("--quota", "3/10").port)]
    words += ["--to", str(tmp_path / "flows.db")] if command == "record" else []
    terminal = Terminal(*words)
    terminal.wait_for(r" 3/7, 1[1-9] s left| 3/7, 20 s left")
    seen = re.findall(r" 3/7, (\d+) s left", terminal.output)[-1]
    terminal.wait_for(rf" 3/7, (?!{seen})\d+ s left")
    terminal.type(b"\x03")
    assert terminal.end() == -signal.SIGINT
    left = [int(told) for told in re.findall(r" 3/7, (\d+) s left", terminal.output)]
    assert left == sorted(left, reverse=True)


def test_another_program_that_uses_the_quota_is_waited_for(gateway: Start) -> None:
    port = gateway("--quota", "2/1").port
    # Two separate quotas, as in two programs.
    others = [start("get", *(f"HK.{first + n:05d}" for n in range(4)), "--ndjson", "--quota-requests", 2, "--quota-window-ms", 1000,
                    "--port", port) for first in (1, 11)]  # fmt: skip
    for other in others:
        out, err = other.communicate(timeout=60)
        assert other.returncode == DONE and len(out.splitlines()) == 4, err


def test_bars_and_colours_in_a_terminal_only(gateway: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    port = gateway().port
    terminal = Terminal("get", "US.AAPL", "--port", port)
    assert terminal.end() == DONE
    assert "\x1b[38;5;33m" in terminal.output and "\x1b[38;5;208m" in terminal.output and "█" in terminal.output
    bars = {line.split()[0]: line.partition("│") for line in plain(terminal.output).splitlines() if "│" in line}
    assert bars["mid"][0].rstrip()[-1] in "█▐" and bars["super"][2].strip()[0] == "█"
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal("get", "US.AAPL", "--port", port)
    assert terminal.end() == DONE
    assert "\x1b[" not in terminal.output and "█" in terminal.output
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    terminal = Terminal("get", "US.AAPL", "--port", port)
    assert terminal.end() == DONE and "\x1b[" not in terminal.output and "█" not in terminal.output
    assert "\x1b[" not in run("get", "US.AAPL", "--port", port).stdout


@pytest.mark.parametrize("width", [20, 64, 66, 80, 120, 300])
def test_no_line_is_wider_than_the_terminal(gateway: Start, width: int) -> None:
    terminal = Terminal("get", "HK.00005", "--units", "en", "--port", gateway().port, columns=width)
    assert terminal.end() == DONE
    widest = max(columns(line) for line in plain(terminal.output).splitlines())
    assert widest <= max(width, 50)


def test_a_gateway_can_not_steer_the_terminal() -> None:
    with market(lambda name, asked: Told((1.0,) * 8, "\x1b[31m2022\x07")) as running:
        told = run("get", "HK.00700", "--port", running.port)
        assert told.returncode == DONE and "\x1b" not in told.stdout and "\x07" not in told.stdout
        told = run("watch", "HK.00700", "--rounds", 1, "--port", running.port)
        assert "\x1b" not in told.stdout and "\x07" not in told.stdout
    told = run("get", "HK.\x1b[31m", "--port", 1)
    assert "\x1b" not in told.stderr


def test_closed_pipe(gateway: Start) -> None:
    names = " ".join(f"HK.{number:05d}" for number in range(1, 2000))
    script = f"{TOOL} get {names} --quota-requests 0 --port {gateway('--no-quota').port} | head -n 1; echo ${{PIPESTATUS[0]}}"
    told = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, env=environment(), check=False)
    assert told.stdout.splitlines()[1:] == ["141"] and told.stderr == ""


def test_full_output(gateway: Start) -> None:
    with open("/dev/full", "w") as full:
        told = start("get", "HK.00700", "--port", gateway().port, stdout=full.fileno())
        _, err = told.communicate(timeout=60)
    assert told.returncode == FILE and "the standard output cannot be written to: No space left" in err


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_as_that_signal(gateway: Start, sent: signal.Signals) -> None:
    told = start("get", *(f"HK.{number:05d}" for number in range(1, 90)), "--ndjson", "--port", gateway().port)
    assert told.stdout is not None
    told.stdout.readline()
    told.send_signal(sent)
    out = told.stdout.read()
    _, err = told.communicate(timeout=60)
    assert told.returncode == -sent and "Traceback" not in err and "atal" not in err
    assert all(json.loads(line) for line in out.splitlines())


def test_settings_from_flag_then_variable_then_file(gateway: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = gateway().port
    file = tmp_path / ".config" / "capdist.toml"
    file.parent.mkdir()
    file.write_text(f'host = "127.0.0.1"\nport = {port}\n')
    assert run("get", "HK.00700").stdout == TABLE
    monkeypatch.setenv("CAPDIST_PORT", "1")
    assert run("get", "HK.00700").returncode == NO_GATEWAY
    assert run("get", "HK.00700", "--port", port).stdout == TABLE
    monkeypatch.delenv("CAPDIST_PORT")
    other = tmp_path / "other.toml"
    other.write_text("port = 1\n")
    assert run("get", "HK.00700", "--config", other).returncode == NO_GATEWAY
    monkeypatch.setenv("CAPDIST_CONFIG", str(other))
    assert run("get", "HK.00700").returncode == NO_GATEWAY
    monkeypatch.delenv("CAPDIST_CONFIG")
    monkeypatch.setenv("CAPDIST_RSA_PRIVATE_KEY_FILE", str(tmp_path / "none.pem"))
    assert "none.pem" in run("get", "HK.00700").stderr
    monkeypatch.delenv("CAPDIST_RSA_PRIVATE_KEY_FILE")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))
    assert "port 11111" in run("get", "HK.00700", "--connect-timeout-ms", 3000).stderr


@pytest.mark.parametrize(("text", "words"), [
    ("port = \n", "line 1"), ("prot = 1\n", "there is no setting prot"), ("port = 99999\n", "must be a number from 1 to 65535"),
    ("port = [1]\n", "port must be a text"), ("[gateway]\nport = 1\n", "gateway must be a text"),
    ('transport = "udp"\n', "must be one of tcp, websocket, websocket-tls"), ('websocket_key = "secret"\n', "there is no setting websocket_key"),
])  # fmt: skip
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "capdist.toml"
    file.write_text(text)
    told = run("get", "HK.00700", "--config", file)
    assert told.returncode == USAGE and words in told.stderr and str(file) in told.stderr


def test_encryption_and_websocket(gateway: Start, tmp_path: Path) -> None:
    assert run("get", "HK.00700", "--rsa-private-key-file", RSA_KEY, "--port", gateway("--rsa-key", str(RSA_KEY)).port).stdout == TABLE
    key = tmp_path / "key"
    key.write_text("7522027ccf5a06b1\n")
    key.chmod(stat.S_IRUSR)
    port = gateway("--websocket-port", "0", "--websocket-key", "7522027ccf5a06b1").websocket_port
    told = run("get", "HK.00700", "--transport", "websocket", "--websocket-key-file", key, "--port", port)
    assert told.stdout == TABLE, told.stderr
    # Relative to HOME, expanded without a shell.
    file = tmp_path / ".config" / "capdist.toml"
    file.parent.mkdir()
    file.write_text(f'transport = "websocket"\nport = {port}\nwebsocket_key_file = "~/key"\n')
    told = run("get", "HK.00700")
    assert told.stdout == TABLE, told.stderr


def test_no_key_on_the_command_line() -> None:
    told = run("get", "--help").stdout
    assert "--websocket-key-file" in told and "--rsa-private-key-file" in told
    assert "--websocket-key " not in told and "--rsa-private-key " not in told
    assert run("get", "HK.00700", "--websocket-key", "secret").returncode == USAGE
