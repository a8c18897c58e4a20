"""Records a week of market days of 3,000 securities. `make deep` runs this, since it takes a minute or two."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from market import market, week
from support import PATIENCE, start

DAYS, ROUNDS_A_DAY, SECURITIES = 5, 8, 3000
#: The memory must not grow after the first day, and a row must not take much work.
MAX_GROWTH_KIB = 2048
MAX_CPU_MS_A_ROW = 2.0


def test_a_week_of_3000_securities(tmp_path: Path) -> None:
    path, listed = tmp_path / "flows.db", tmp_path / "list.txt"
    listed.write_text("".join(f"HK.{number:05d}\n" for number in range(1, SECURITIES + 1)))
    rows = DAYS * ROUNDS_A_DAY * SECURITIES
    with market(week(ROUNDS_A_DAY)) as running:
        told = start("record", "--file", listed, "--to", path, "--rounds", DAYS * ROUNDS_A_DAY, "--every", "1ms",
                     "--quota-requests", 0, "--port", running.port)  # fmt: skip
        resident: dict[int, int] = {}
        cpu_s = 0.0
        deadline = time.monotonic() + 20 * PATIENCE
        while told.poll() is None:
            assert time.monotonic() < deadline, "it takes too long"
            day = len(running.order) // (ROUNDS_A_DAY * SECURITIES)
            try:
                status = Path(f"/proc/{told.pid}/status").read_text()
                ticks = Path(f"/proc/{told.pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                break
            if "VmRSS:" in status:
                resident[day] = max(resident.get(day, 0), int(status.partition("VmRSS:")[2].split()[0]))
                cpu_s = (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")
            time.sleep(0.2)
        _, err = told.communicate(timeout=PATIENCE)
    assert told.returncode == 0, err
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    count, new_days, flagged = connection.execute("SELECT count(*), sum(new_day), sum(smaller + reconnected + revised) FROM flows").fetchone()
    connection.close()
    assert (count, new_days, flagged) == (rows, DAYS * SECURITIES, 0)
    print(f"{rows} rows: {1000 * cpu_s / rows:.3f} ms of processor time each, resident KiB by day {resident}")
    assert 1000 * cpu_s / rows < MAX_CPU_MS_A_ROW
    assert resident[DAYS - 1] - resident[0] < MAX_GROWTH_KIB
