"""The Autobahn test suite judges the library's WebSocket framing, as a client and as a server (Tests/autobahn)."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.builds import swift_build
from harness.standalone import standalone
from harness.suite import BUSY, RELEASE, RESULTS, ROOT, Outcome, Run, SuiteError, side_by_side

PYTHON2 = ROOT / ".venv-autobahn" / "python2"
WSTEST = "import sys; from autobahntestsuite.wstest import run; sys.argv[0] = 'wstest'; run()"
ECHO = RELEASE / "websocket-echo"
OUT = RESULTS / "autobahn"
AGENT = "libcapdist"
#: The number of cases in each section. There is no 8 and 11; 12 and 13 are for compression, which the library does not support.
SECTIONS = {1: 16, 2: 11, 3: 7, 4: 10, 5: 20, 6: 145, 7: 37, 9: 54, 10: 1}
#: Accepted verdicts. NON-STRICT: correct, but not in the preferred way. INFORMATIONAL: nothing is required.
ACCEPTED = ("OK", "NON-STRICT", "INFORMATIONAL")
#: Limit of a role in seconds, on an idle machine, where it takes about 40.
LIMIT_S = 300

#: The suite's verdict on a case: on its behaviour, and on how the stream was closed.
Verdict = dict[str, str]
Verdicts = dict[str, Verdict]


def autobahn(run: Run) -> None:
    """Runs every case in both roles, at the same time."""
    if not PYTHON2.exists():
        raise SuiteError(f"there is no {PYTHON2.relative_to(ROOT)}: `make deep` makes it")
    run.build(swift_build("-c", "release", "--product", "websocket-echo"))
    roles = {"client": _client, "server": _server}

    def played(role: str) -> Verdicts | SuiteError:
        try:
            return _played(run, role, roles[role])
        except SuiteError as error:
            return error

    wanted = [role for role in roles if run.wants(role)]
    for role, verdicts in zip(wanted, side_by_side(played, wanted), strict=True):
        if isinstance(verdicts, SuiteError):
            run.check(f"{role}: every case is played", str(verdicts))
        else:
            _judge(run, role, verdicts)


def _played(run: Run, role: str, play: Callable[[Run, Path], Outcome]) -> Verdicts:
    """Runs a role's cases. Returns the suite's verdict on each."""
    folder = OUT / role
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    outcome = play(run, folder)
    if outcome.status != 0:
        raise SuiteError(f"{outcome.ended}: {outcome.output[-300:]}")
    index = folder / "index.json"
    if not index.exists():
        raise SuiteError("the suite wrote no report")
    verdicts: Verdicts = json.loads(index.read_text(encoding="utf-8"))[AGENT]
    return verdicts


def _judge(run: Run, role: str, verdicts: Verdicts) -> None:
    """Records each case, and prints the results of each section."""
    counts = Counter(_section(case) for case in verdicts)
    run.check(f"{role}: every case is played", None if counts == SECTIONS else f"cases of each section: {dict(counts)}")
    for case, verdict in sorted(verdicts.items(), key=lambda item: [int(number) for number in item[0].split(".")]):
        said = (verdict["behavior"], verdict["behaviorClose"])
        run.check(f"{role}: {case}", None if all(one in ACCEPTED for one in said) else " and ".join(said))
    for section in SECTIONS:
        told = Counter(verdict["behavior"] for case, verdict in verdicts.items() if _section(case) == section)
        run.say(f"{role}, section {section}: " + ", ".join(f"{count} {word}" for word, count in sorted(told.items())))
    loose = [case for case, verdict in verdicts.items() if "NON-STRICT" in verdict.values()]
    run.say(f"{role}, not strict: {', '.join(sorted(loose)) or 'none'}")


def _section(case: str) -> int:
    return int(case.partition(".")[0])


def _specification(folder: Path, **more: object) -> Path:
    """The suite's configuration: the cases, and the folder of its reports."""
    told = {"outdir": str(folder), "cases": [f"{section}.*" for section in SECTIONS], "exclude-cases": [], **more}
    file = folder / "specification.json"
    file.write_text(json.dumps({**told, "exclude-agent-cases": {}}), encoding="utf-8")
    return file


def _wstest(mode: str, specification: Path) -> list[str | Path]:
    # 0: without the suite's web server.
    return [PYTHON2, "-c", WSTEST, "-m", mode, "-s", specification, "-u", "0"]


def _client(run: Run, folder: Path) -> Outcome:
    """The suite is the server. The library's client requests one case after another."""
    with _fuzzing_server(folder) as port:
        return run.program([ECHO, "client", str(port), AGENT], limit_s=LIMIT_S, at_once=True)


@contextmanager
def _fuzzing_server(folder: Path) -> Iterator[int]:
    """Runs the suite's server. It cannot report a port that the system picked, so it gets one that was just free."""
    for _ in range(5):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        specification = _specification(folder, url=f"ws://127.0.0.1:{port}")
        with (folder / "server.log").open("w") as log:
            process = subprocess.Popen(
                _wstest("fuzzingserver", specification), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            if _listens(process, port):
                yield port
                return
        finally:
            process.kill()
            process.wait()
    raise SuiteError(f"the suite's server does not listen: {(folder / 'server.log').read_text()[-300:]}")


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    """Waits until it listens. Returns False if it has ended before that."""
    deadline = time.monotonic() + 30 * BUSY
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=10).close()
            return True
        except OSError:
            time.sleep(0.1)
    return False


def _server(run: Run, folder: Path) -> Outcome:
    """The suite is the client. The library's server serves one case after another."""
    with subprocess.Popen([ECHO, "server"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            servers = [{"agent": AGENT, "url": f"ws://127.0.0.1:{server.stdout.readline().strip()}"}]
            command = _wstest("fuzzingclient", _specification(folder, servers=servers))
            return run.program(command, limit_s=LIMIT_S, at_once=True)
        finally:
            server.kill()


if __name__ == "__main__":
    sys.exit(standalone(autobahn))
