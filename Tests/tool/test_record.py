"""`capdist record` and `capdist export`: what is stored, and that no interruption and no other program damages it."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import re
import resource
import select
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest
from market import Market, Told, market, week
from support import DONE, FILE, PATIENCE, REFUSED, ROOT, TOOL, USAGE, Gateway, environment, run, start, wait_until

Start = Callable[..., Gateway]
FAST = ["--every", "1ms", "--quota-requests", "0"]
LISTED = [f"HK.{number:05d}" for number in range(1, 21)]


def rows(path: Path, query: str = "SELECT * FROM flows ORDER BY security, moment") -> list[sqlite3.Row]:
    """The rows, as a reader sees them."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_a_week_is_kept_as_told(tmp_path: Path) -> None:
    path = tmp_path / "flows.db"
    story = week(6)
    with market(story) as running:
        told = run("record", "HK.00700", "HK.00005", "--to", path, "--rounds", 30, *FAST, "--port", running.port)
    assert told.returncode == DONE and f"{path}: 60 rows more, 0 revised, 0 known before" in told.stderr
    kept = rows(path)
    assert len(kept) == 60
    for name, number in (("HK.00700", "1.00700"), ("HK.00005", "1.00005")):
        mine = [row for row in kept if row["security"] == name]
        for asked, row in enumerate(mine):
            expected = story(number, asked)
            assert row["update_time"] == row["moment"] == expected.time and row["update_timestamp"] is None
            assert tuple(row)[4:12] == expected.amounts
            assert row["new_day"] == (asked % 6 == 0) and row["smaller"] == row["revised"] == row["reconnected"] == 0


def test_nothing_is_stored_twice(gateway: Start, tmp_path: Path) -> None:
    path, port = tmp_path / "flows.db", gateway().port
    assert run("record", "HK.00700", "US.AAPL", "--to", path, "--rounds", 4, *FAST, "--port", port).returncode == DONE
    assert len(rows(path)) == 2
    told = run("record", "HK.00700", "US.AAPL", "--to", path, "--rounds", 1, *FAST, "--port", port)
    assert "0 rows more, 0 revised, 2 known before" in told.stderr
    assert [row["revised"] for row in rows(path)] == [0, 0]


def test_what_comes_back_smaller_is_kept_and_flagged(tmp_path: Path) -> None:
    times = ["10:00:00", "10:01:00", "10:02:00", "10:02:00", "10:02:00"]
    sizes = [100.0, 90.0, 95.0, 97.0, 96.0]

    def story(name: str, asked: int) -> Told:
        return Told((sizes[asked],) * 8, f"2026-11-30 {times[asked]}")

    path = tmp_path / "flows.db"
    with market(story) as running:
        run("record", "HK.00700", "--to", path, "--rounds", 5, *FAST, "--port", running.port)
    kept = rows(path)
    assert [row["capital_in_big"] for row in kept] == [100.0, 90.0, 96.0]
    assert [row["smaller"] for row in kept] == [0, 1, 1]
    assert [row["revised"] for row in kept] == [0, 0, 1]
    assert [row["new_day"] for row in kept] == [1, 0, 0]


def test_a_gateway_that_restarts_is_flagged(tmp_path: Path) -> None:
    path = tmp_path / "flows.db"
    with market(week(1000)) as running:
        told = start("record", "HK.00700", "HK.00005", "--to", path, *FAST[2:], "--every", "20ms", "--reconnect-min-ms", 20,
                     "--reconnect-max-ms", 50, "--port", running.port)  # fmt: skip
        wait_until(lambda: running.asked["1.00005"] > 3, "asked")
        running.close()
        asked = running.asked["1.00005"]
        running.open()
        wait_until(lambda: running.asked["1.00005"] > asked + 3, "asked again")
        told.send_signal(signal.SIGTERM)
        told.communicate(timeout=60)
    assert told.returncode == -signal.SIGTERM
    kept = rows(path)
    for name in ("HK.00700", "HK.00005"):
        assert sum(row["reconnected"] for row in kept if row["security"] == name) == 1


def test_a_restart_between_two_rows_is_flagged_on_the_next(tmp_path: Path) -> None:
    """The first answers after it are known already. The next new row is flagged all the same."""
    told_now = [1]

    def story(name: str, asked: int) -> Told:
        return Told((float(told_now[0]),) * 8, f"2026-11-30 10:{told_now[0]:02d}:00")

    path = tmp_path / "flows.db"
    record: list[str | Path | int] = ["record", "HK.00700", "--to", path, *FAST[2:], "--every", "20ms", "--reconnect-min-ms", 20, "--reconnect-max-ms", 50]

    def flags() -> list[int]:
        return [row["reconnected"] for row in rows(path)] if path.exists() and _has_schema(path) else []

    def asked_again(running: Market) -> None:
        asked = running.asked["1.00700"]
        wait_until(lambda: running.asked["1.00700"] > asked + 2, "asked again")

    def next_row() -> None:
        told_now[0] += 1
        wait_until(lambda: len(flags()) == told_now[0], "the next row")

    with market(story) as running:
        told = start(*record, "--port", running.port)
        wait_until(lambda: len(flags()) == 1, "the first row")
        next_row()
        running.close()
        running.open()
        asked_again(running)
        next_row()
        next_row()
        told.send_signal(signal.SIGTERM)
        told.communicate(timeout=60)
        assert flags() == [0, 0, 1, 0]
        # So is the first row of a `record` that continues.
        told = start(*record, "--port", running.port)
        asked_again(running)
        next_row()
        next_row()
        told.kill()
        told.communicate(timeout=60)
    assert flags() == [0, 0, 1, 0, 1, 0]


def test_without_a_time_figures_are_kept_as_they_change(tmp_path: Path) -> None:
    sizes = [1.0, 1.0, 2.0, 2.0, 1.0]
    path = tmp_path / "flows.db"
    with market(lambda name, asked: Told((sizes[asked],) * 8)) as running:
        told = run("record", "HK.00700", "--to", path, "--rounds", 5, "--every", "20ms", "--quota-requests", 0, "--port", running.port)
    assert told.returncode == DONE, told.stderr
    kept = rows(path)
    assert [row["capital_in_big"] for row in kept] == [1.0, 2.0, 1.0] and [row["smaller"] for row in kept] == [0, 0, 1]
    assert all(row["update_time"] is None and row["moment"].endswith("Z") for row in kept)


def test_absent_figures_are_null(gateway: Start, tmp_path: Path) -> None:
    path = tmp_path / "flows.db"
    run("record", "HK.00005", "--to", path, "--rounds", 1, "--port", gateway("--old").port)
    (row,) = rows(path)
    assert row["capital_in_super"] is None and row["capital_in_big"] is not None
    (net,) = rows(path, "SELECT * FROM net_flows")
    assert net["main_net"] is None and net["total_net"] is None and net["retail_net"] is not None


def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "flows.db"
    with market(week(1000)) as running:
        run("record", *LISTED[:10], "--to", path, "--rounds", 1, *FAST, "--port", running.port)
        running.order.clear()
        run("record", *LISTED, "--to", path, "--rounds", 1, "--every", "1ms", "--quota-requests", 1, "--quota-window-ms", 1,
            "--port", running.port)  # fmt: skip
        # First those never requested, then the one whose request is longest ago.
        assert running.order == [f"1.{name[3:]}" for name in LISTED[10:] + LISTED[:10]]


def test_refusals_are_remembered_and_the_others_go_on(gateway: Start, tmp_path: Path) -> None:
    path = tmp_path / "flows.db"
    told = run("record", "HK.99999", "HK.00700", "QQ.1", "--to", path, "--rounds", 3, *FAST, "--port", gateway().port)
    assert told.returncode == REFUSED and told.stderr.count("HK.99999: ") == 1 and "QQ.1: " in told.stderr
    checks = {row["security"]: row for row in rows(path, "SELECT * FROM checks")}
    assert "未知股票" in checks["HK.99999"]["error"] and checks["HK.00700"]["error"] is None


def test_killed_at_random_moments(tmp_path: Path) -> None:
    path = tmp_path / "flows.db"
    chance = random.Random(26)
    story = week(19_800)
    before = 0
    with market(story) as running:
        for _ in range(12):
            told = start("record", *LISTED, "--to", path, *FAST, "--port", running.port)
            time.sleep(chance.uniform(0.0, 0.4))
            told.kill()
            told.communicate(timeout=60)
            if path.exists() and path.stat().st_size:
                kept = len(rows(path, "SELECT * FROM flows")) if _has_schema(path) else 0
                assert kept >= before
                before = kept
        told_last = run("record", *LISTED, "--to", path, "--rounds", 2, *FAST, "--port", running.port)
    assert told_last.returncode == DONE, told_last.stderr
    after = rows(path)
    assert len(after) >= before and {row["security"] for row in after} == set(LISTED)
    for row in after:
        # Each row is complete: its amounts come from one answer.
        assert len({row[name] / (9 - place) for place, name in enumerate(row.keys()[4:12])}) == 1


def _has_schema(path: Path) -> bool:
    return bool(rows(path, "SELECT count(*) AS n FROM sqlite_master")[0]["n"])


def limited(words: list[str | Path | int], size: int) -> subprocess.CompletedProcess[str]:
    """The command with a limit of file sizes, which acts like a full disk."""
    return subprocess.run(
        [TOOL, *(str(word) for word in words)], capture_output=True, text=True, timeout=60, env=environment(), check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )  # fmt: skip


def test_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "flows.db"
    with market(week(19_800)) as running:
        told = limited(["record", *LISTED, "--to", path, *FAST, "--port", running.port], 2_000_000)
    assert told.returncode == FILE, told.stderr
    assert str(path) in told.stderr and "is not stored; all before it is (" in told.stderr and "full" in told.stderr
    stored = int(told.stderr.partition("all before it is (")[2].split()[0])
    assert stored > 100
    # No row that was reported as stored is lost, and recording continues when there is room.
    assert len(rows(path)) == stored
    with market(week(19_800)) as running:
        assert run("record", *LISTED, "--to", path, "--rounds", 1, *FAST, "--port", running.port).returncode == DONE


def test_a_full_file_system(tmp_path: Path) -> None:
    """A real full disk, of 4 MiB, in a mount namespace of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    with market(week(19_800)) as running:
        record = [str(TOOL), "record", *LISTED, "--to", str(folder / "flows.db"), *FAST, "--port", str(running.port)]
        script = 'mount -t tmpfs -o size=4m none "$0" && { "$@"; echo "status $?"; cp "$0"/flows.db* "$0/.."; }'
        told = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, str(folder), *record],
            capture_output=True, text=True, timeout=120, env=environment(), check=False,
        )  # fmt: skip
    assert "status 4" in told.stdout, told.stderr
    assert "is not stored; all before it is (" in told.stderr
    stored = int(told.stderr.partition("all before it is (")[2].split()[0])
    assert len(rows(tmp_path / "flows.db")) == stored > 100


@pytest.mark.parametrize("kind", ["foreign", "newer", "text", "folder", "missing folder", "read-only"])
def test_a_database_that_is_none_of_ours(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "flows.db"
    if kind == "foreign":
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE notes (text)")
        connection.commit()
        connection.close()
    elif kind == "newer":
        connection = sqlite3.connect(path)
        connection.execute(f"PRAGMA application_id = {0x63706473}")
        connection.execute("PRAGMA user_version = 99")
        connection.execute("CREATE TABLE flows (text)")
        connection.commit()
        connection.close()
    elif kind == "text":
        path.write_text("not a database, but long enough to be one by its size " * 100)
    elif kind == "folder":
        path.mkdir()
    elif kind == "missing folder":
        path = tmp_path / "no" / "flows.db"
    else:
        path = Path("/proc/version")
    before = path.read_bytes() if path.is_file() else b""
    words = {"foreign": "a database of another program", "newer": "made by a newer capdist", "text": "is no SQLite database",
             "folder": "cannot be opened", "missing folder": "is there such a folder", "read-only": str(path)}[kind]  # fmt: skip
    for command in (["record", "HK.00700", "--to", path, "--port", 1], ["export", "--from", path]):
        told = run(*command)
        assert told.returncode == FILE and str(path) in told.stderr and len(told.stderr.splitlines()) == 1, told.stderr
        if command[0] == "record":
            assert words in told.stderr
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_readers_and_a_second_recorder_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "flows.db"
    with market(week(19_800)) as running:
        recorders = [start("record", *LISTED, "--to", path, "--rounds", 25, *FAST, "--port", running.port) for _ in range(2)]
        seen = 0
        while any(recorder.poll() is None for recorder in recorders):
            if path.exists() and path.stat().st_size and _has_schema(path):
                count = rows(path, "SELECT count(*) AS n FROM flows")[0]["n"]
                assert count >= seen
                seen = count
                assert run("export", "--from", path).returncode in (DONE, REFUSED)
        for recorder in recorders:
            _, err = recorder.communicate(timeout=60)
            assert recorder.returncode == DONE, err
    # The gateway gives each time once, to either recorder: one of the two has stored it.
    assert len(rows(path)) == len({(row["security"], row["moment"]) for row in rows(path)}) > 20


def test_another_program_that_holds_the_database_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "flows.db"
    with market(week(19_800)) as running:
        told = start("record", "HK.00700", "--to", path, "--every", "20ms", "--quota-requests", 0, "--port", running.port)
        wait_until(lambda: path.exists() and _has_schema(path) and len(rows(path)) > 2, "recorded")
        other = sqlite3.connect(path, isolation_level=None, timeout=60)
        assert told.stderr is not None
        for last in (False, True):
            other.execute("BEGIN IMMEDIATE")
            # It is reported once for each long wait.
            assert select.select([told.stderr], [], [], PATIENCE)[0], "it waits without a word"
            assert told.stderr.readline() == f"capdist: {path} is in use by another program, which is waited for\n"
            kept = len(rows(path))
            if not last:
                other.execute("ROLLBACK")
                wait_until(lambda: len(rows(path)) > kept + 50, "recorded again")  # noqa: B023
        # A signal does not wait for the other program.
        told.send_signal(signal.SIGINT)
        _, err = told.communicate(timeout=60)
        assert told.returncode == -signal.SIGINT and f"{path}: {kept} rows more" in err and len(err.splitlines()) == 1
        other.close()


@pytest.mark.parametrize("command", ["record", "watch"])
@pytest.mark.parametrize("sent", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_is_to_be_ignored(tmp_path: Path, command: str, sent: signal.Signals) -> None:
    """As nohup does, and shells for background programs."""
    with market(week(19_800)) as running:
        words = [command, "HK.00700", "--every", "20ms", "--quota-requests", "0", "--port", str(running.port)]
        words += ["--to", str(tmp_path / "flows.db")] if command == "record" else []
        told = subprocess.Popen([TOOL, *words], env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                preexec_fn=lambda: signal.signal(sent, signal.SIG_IGN))  # fmt: skip
        wait_until(lambda: running.asked["1.00700"] > 2, "asked")
        told.send_signal(sent)
        asked = running.asked["1.00700"]
        wait_until(lambda: told.poll() is not None or running.asked["1.00700"] > asked + 20, "asked again")
        told.send_signal(signal.SIGTERM)
        assert told.wait(timeout=60) == -signal.SIGTERM


def test_export(tmp_path: Path) -> None:
    path = tmp_path / "flows.db"
    with market(week(6)) as running:
        run("record", "HK.00700", "HK.00005", "--to", path, "--rounds", 12, *FAST, "--port", running.port)
    all_rows = list(csv.DictReader(io.StringIO(run("export", "--from", path).stdout)))
    assert len(all_rows) == 24 and [row["security"] for row in all_rows] == ["HK.00005"] * 12 + ["HK.00700"] * 12
    for row in all_rows:
        super_in, big_in = float(row["capital_in_super"]), float(row["capital_in_big"])
        assert float(row["main_in"]) == super_in + big_in and row["update_timestamp"] == ""
    out = tmp_path / "one.csv"
    told = run("export", "HK.00700", "--from", path, "--since", "2026-11-24", "--until", "2026-11-24 12", "-o", out)
    assert told.returncode == DONE and told.stdout == ""
    times = [row["update_time"] for row in csv.DictReader(out.open())]
    assert times == ["2026-11-24 09:30:00", "2026-11-24 10:25:00", "2026-11-24 11:20:00"]
    # In the form in which programs write it.
    again = run("export", "HK.00700", "--from", path, "--since", "2026-11-24T09:30", "--until", "2026-11-24T12:00:00")
    assert again.returncode == DONE and again.stdout == out.read_text()
    for wrong in ("yesterday", "2026-11-2x", "24.11.2026", "2026-11-", "20261124", ""):
        for option in ("--since", "--until"):
            told = run("export", "--from", path, option, wrong)
            assert told.returncode == USAGE and option in told.stderr and told.stdout == "", told.stderr
            assert run("chart", "HK.00700", "--from", path, "-o", tmp_path / "x.svg", option, wrong).returncode == USAGE
    nothing = run("export", "US.AAPL", "--from", path)
    assert nothing.returncode == REFUSED and "has no such rows" in nothing.stderr
    assert run("export", "nonsense", "--from", path).returncode == USAGE
    assert run("export", "--from", tmp_path / "none.db").returncode == FILE
    assert run("export", "--from", path, "-o", tmp_path / "no" / "x.csv").returncode == FILE
    assert sorted(file.name for file in tmp_path.iterdir() if "tmp" in file.name) == []


def test_pandas_and_duckdb_open_it_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "flows.db"
    with market(week(6)) as running:
        run("record", "HK.00700", "HK.00005", "--to", path, "--rounds", 6, *FAST, "--port", running.port)
    # The program in docs/capdist.md.
    (shown,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "capdist.md").read_text(encoding="utf-8"), re.M | re.S)
    names = {"pandas": pandas, "sqlite3": sqlite3}
    exec(shown.replace('"flows.db"', repr(str(path))), names)  # noqa: S102
    frame: pandas.DataFrame = names["frame"]  # type: ignore[assignment]
    assert len(frame) == 12 and str(frame["capital_in_big"].dtype) == "float64"
    assert frame["update_time"].dt.date.nunique() == 1
    import duckdb
    import duckdb_extension_sqlite

    # DuckDB's extension is a Python package, too, so that DuckDB downloads nothing.
    (packed,) = Path(duckdb_extension_sqlite.__file__).parent.rglob("*.duckdb_extension")
    # It is loaded by its internal name.
    extension = tmp_path / "sqlite_scanner.duckdb_extension"
    extension.symlink_to(packed)
    database = duckdb.connect(config={"autoinstall_known_extensions": False})
    database.execute(f"LOAD '{extension}'")
    database.execute(f"ATTACH '{path}' AS record (TYPE sqlite, READ_ONLY)")
    assert database.execute("SELECT count(*), count(DISTINCT security) FROM record.flows").fetchone() == (12, 2)
    (total,) = database.execute("SELECT sum(total_net) FROM record.net_flows").fetchone() or (None,)
    assert total == pytest.approx(sum(row["total_net"] for row in rows(path, "SELECT * FROM net_flows")))


def test_usage() -> None:
    assert run("record", "HK.00700").returncode == USAGE
    assert run("record", "--to", "x.db").returncode == USAGE
    assert run("record", "HK.00700", "--to", "x.db", "--rounds", 0).returncode == USAGE
    assert run("export").returncode == USAGE


def test_memory_is_flat_and_a_row_is_cheap(tmp_path: Path) -> None:
    """A short version of Tests/tool/deep_record.py: the second half needs no more memory than the first."""
    path = tmp_path / "flows.db"
    names = [f"HK.{number:05d}" for number in range(1, 301)]
    with market(week(19_800)) as running:
        told = start("record", *names, "--to", path, *FAST, "--port", running.port)
        peak = []
        for target in (1200, 6000):
            wait_until(lambda: sum(running.asked.values()) > target, f"{target} rows")
            peak.append(int(Path(f"/proc/{told.pid}/status").read_text().partition("VmRSS:")[2].split()[0]))
        told.send_signal(signal.SIGINT)
        told.communicate(timeout=60)
    assert peak[1] - peak[0] < 4096, f"resident: {peak} KiB"
    assert len(rows(path)) > 5000
