"""The file of `-o`, and the standard streams: however the command ends, an existing file is either unchanged or complete."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from market import market, week
from support import DONE, FILE, PATIENCE, REFUSED, TOOL, Gateway, environment, run, wait_until

Start = Callable[..., Gateway]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record of one day."""
    path = tmp_path_factory.mktemp("record") / "flows.db"
    with market(week(6)) as running:
        told = run("record", "HK.00700", "--to", path, "--rounds", 6, "--every", "1ms", "--port", running.port)
        assert told.returncode == DONE, told.stderr
    return path


def made(record: Path, out: Path) -> list[str | Path]:
    """The command that writes such a file."""
    return ["export", "--from", record, "-o", out] if out.suffix == ".csv" else ["chart", "HK.00700", "--from", record, "-o", out]


@pytest.mark.parametrize("name", ["out.csv", "out.svg", "out.png", "out.html"])
def test_a_link_stays_a_link(record: Path, tmp_path: Path, name: str) -> None:
    target, link = tmp_path / f"target-{name}", tmp_path / name
    link.symlink_to(target)
    # At first the link is dangling.
    for _ in range(2):
        assert run(*made(record, link)).returncode == DONE
        assert link.is_symlink() and target.stat().st_size > 100
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([name, target.name])


@pytest.mark.parametrize("name", ["out.csv", "out.svg", "out.png", "out.html"])
def test_who_may_read_it_stays(record: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    out.touch(0o600)
    assert run(*made(record, out)).returncode == DONE
    assert stat.S_IMODE(out.stat().st_mode) == 0o600 and out.stat().st_size > 100


@pytest.mark.parametrize("name", ["pipe.csv", "pipe.svg", "pipe.png", "pipe.html"])
def test_a_pipe_is_written_to(record: Path, tmp_path: Path, name: str) -> None:
    pipe, plain = tmp_path / name, tmp_path / f"plain-{name}"
    os.mkfifo(pipe)
    told: list[bytes] = []
    reader = threading.Thread(target=lambda: told.append(pipe.read_bytes()), daemon=True)
    reader.start()
    assert run(*made(record, pipe)).returncode == DONE
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    reader.join(PATIENCE)
    assert run(*made(record, plain)).returncode == DONE
    assert told == [plain.read_bytes()]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ended_in_the_middle_nothing_is_left(record: Path, tmp_path: Path, sent: signal.Signals) -> None:
    """With a drawing program that does not end."""
    folder, out = tmp_path / "folder", tmp_path / "folder" / "out.png"
    folder.mkdir()
    out.write_text("the old one")
    started, program = tmp_path / "started", tmp_path / "rsvg-convert"
    program.write_text(f"#!/bin/sh\necho half\necho $$ >{started}.new && mv {started}.new {started}\nexec sleep {PATIENCE}\n")
    program.chmod(0o755)
    told = subprocess.Popen([TOOL, *made(record, out)], env={**environment(), "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    wait_until(started.exists, "drawing")
    try:
        assert len(list(folder.iterdir())) == 2
        told.send_signal(sent)
        assert told.wait(timeout=PATIENCE) == -sent
    finally:
        os.kill(int(started.read_text()), signal.SIGKILL)
    assert [file.name for file in folder.iterdir()] == ["out.png"] and out.read_text() == "the old one"


def test_an_export_of_nothing(record: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("the old one")
    heading = run("export", "--from", record).stdout.splitlines()[0]
    nothing = run("export", "US.AAPL", "--from", record)
    assert nothing.returncode == REFUSED and nothing.stdout == heading + "\n" and "has no such rows" in nothing.stderr
    nothing = run("export", "US.AAPL", "--from", record, "-o", out)
    assert nothing.returncode == REFUSED and "has no such rows" in nothing.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"] and out.read_text() == "the old one"


def test_closed_streams(gateway: Start, tmp_path: Path) -> None:
    """No socket and no file gets the number of a standard stream."""
    port = gateway().port

    def ended(closed: str, *words: str | Path | int) -> subprocess.CompletedProcess[str]:
        script = f'"$@" {closed}'
        command = ["bash", "-c", script, "-", str(TOOL), *(str(word) for word in words), "--port", str(port)]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environment(), check=False)

    commands: list[list[str]] = [["get", "HK.00700"], ["get", "HK.00700", "--json"], ["doctor"]]
    for words in commands:
        told = ended(">&-", *words)
        assert told.returncode == FILE and "the standard output cannot be written to: Bad file descriptor" in told.stderr
    told = ended("<&-", "get", "-")
    assert told.returncode == FILE and "the standard input cannot be read: Bad file descriptor" in told.stderr
    told = ended("<&- 2>&-", "get", "HK.99999", "HK.00700", "--csv")
    assert told.returncode == REFUSED and len(told.stdout.splitlines()) == 2
    path = tmp_path / "flows.db"
    told = ended("<&- >&- 2>&-", "record", "HK.99999", "HK.00700", "--rounds", 2, "--every", "1ms", "--to", path)
    assert told.returncode == REFUSED and len(run("export", "--from", path).stdout.splitlines()) == 2
