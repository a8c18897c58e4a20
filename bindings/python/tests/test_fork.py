"""fork and multiprocessing: the child gets an error and can make its own clients, and the parent's clients go on."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Start
from support import run_child

START = """
import gc, multiprocessing, os, sys, threading, time
import warnings
import capdist
# From Python 3.12 on, of a process with threads. The child starts none that it inherited.
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
port = int(sys.argv[1]) if len(sys.argv) > 1 else 0

def calls(client):
    return [
        lambda: client.wait_ready(1), lambda: client.capital_distribution("HK.00700"),
        lambda: client.get_capital_distribution("HK.00700", print), lambda: client.cancel(1),
        lambda: list(client.capital_distributions(["HK.00700"])), lambda: client.send_proto(1002, b"", print),
        client.info, client.quota,
    ]

def told(client):
    statuses = []
    for call in calls(client):
        try:
            statuses.append(call())
        except capdist.ClosedError as error:
            statuses.append(error.status)
    client.close()
    return statuses == [capdist.Status.FORKED] * 8

def ask(client):
    return client.capital_distribution("HK.00700").capital_in_big == 859479380.0

def own():
    with capdist.Client(port=port, quota_requests=0) as client:
        return ask(client)

def fork(child):
    \"\"\"Runs `child` in a forked process; True if it returned True.\"\"\"
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if child() else 2
        finally:
            os._exit(status)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.005)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return False
"""

PROGRAMS = {
    "the child is told": """
client = capdist.Client(port=port, quota_requests=0)
assert ask(client)
assert fork(lambda: told(client))
assert ask(client)
""",
    "the child opens its own": """
client = capdist.Client(port=port, quota_requests=0)
assert fork(own)
assert ask(client)
assert fork(lambda: own() and told(client) and own())
assert ask(client)
""",
    "a grandchild": """
client = capdist.Client(port=port, quota_requests=0)
def child():
    with capdist.Client(port=port, quota_requests=0) as mine:
        return ask(mine) and fork(lambda: told(client) and told(mine) and own()) and ask(mine)
assert fork(child)
assert ask(client)
""",
    "the child drops what it inherited": """
clients = [capdist.Client(port=port, quota_requests=0) for _ in range(3)]
for client in clients: client.wait_ready()
def child():
    global client
    clients.clear()
    del client
    gc.collect()
    return own()
assert fork(child)
assert all(map(ask, clients))
""",
    "the child's answers are its own": """
client = capdist.Client(port=port, quota_requests=0)
answers = []
for _ in range(50): client.get_capital_distribution("HK.00001", lambda *_: answers.append(os.getpid()))
before = len(answers)
assert fork(lambda: time.sleep(0.1) is None and set(answers) <= {os.getppid()} and own())
assert ask(client)
assert answers == [os.getpid()] * 50
""",
    "while busy": """
clients = [capdist.Client(port=port, quota_requests=0) for _ in range(3)]
running = True
counts = [0] * 6
def load(number):
    while running:
        assert ask(clients[number % 3])
        counts[number] += 1
threads = [threading.Thread(target=load, args=(number,)) for number in range(6)]
for thread in threads: thread.start()
for _ in range(40):
    before = list(counts)
    assert fork(lambda: told(clients[0]) and own())
running = False
for thread in threads:
    thread.join(10)
    assert not thread.is_alive()
assert all(counts)
assert all(map(ask, clients))
""",
    "while others wait, open and close": """
running = True
def wait():
    while running:
        with capdist.Client(port=port, quota_requests=0) as client:
            client.wait_ready()
inherited = capdist.Client(port=port, quota_requests=0)
threads = [threading.Thread(target=wait) for _ in range(4)]
for thread in threads: thread.start()
for _ in range(40): assert fork(lambda: told(inherited) and own())
running = False
for thread in threads:
    thread.join(10)
    assert not thread.is_alive()
assert ask(inherited)
""",
    "on another thread": """
client = capdist.Client(port=port, quota_requests=0)
results = []
thread = threading.Thread(target=lambda: results.append(fork(lambda: told(client) and own())))
thread.start()
thread.join(10)
assert results == [True]
assert ask(client)
""",
    "inside a callback": """
client = capdist.Client(port=port, quota_requests=0)
results = []
def callback(_serial_no, _result):
    results.append(fork(lambda: told(client) and own()))
client.get_capital_distribution("HK.00001", callback)
deadline = time.monotonic() + 30
while not results and time.monotonic() < deadline: time.sleep(0.01)
assert results == [True]
assert ask(client)
""",
    "with the quota's history": """
client = capdist.Client(port=port, quota_requests=2, quota_window=60, quota_wait=False, quota_group="shared")
assert ask(client)
def child():
    with capdist.Client(
        port=port, quota_requests=2, quota_window=60, quota_wait=False, quota_group="shared"
    ) as mine:
        assert mine.quota().used == 1
        assert ask(mine)
        try:
            mine.capital_distribution("HK.00700")
        except capdist.RateLimitedError:
            return True
assert fork(child)
assert ask(client)
""",
    "the child ends in its own way": """
client = capdist.Client(port=port, quota_requests=0)
mine = None
pid = os.fork()
if pid == 0:
    mine = capdist.Client(port=port, quota_requests=0)
    assert ask(mine)
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert ask(client)
""",
    "subprocess with preexec_fn": """
import subprocess
client = capdist.Client(port=port, quota_requests=0)
assert subprocess.run(["true"], preexec_fn=lambda: None).returncode == 0
assert ask(client)
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_fork(name: str, simulator: Start) -> None:
    program = START + PROGRAMS[name] + "\nprint('done')\n"
    assert run_child(program, simulator("--no-quota").port, limit=60) == "done\n"


#: A program in a file, since spawn runs it again.
MULTIPROCESSING = (
    START
    + """
inherited = None

def work(security):
    if inherited is not None:
        assert told(inherited)
    with capdist.Client(port=int(os.environ["GATEWAY"]), quota_requests=0) as client:
        return client.capital_distribution(security)

if __name__ == "__main__":
    method = sys.argv[2]
    os.environ["GATEWAY"] = str(port)
    inherited = capdist.Client(port=port, quota_requests=0)
    assert ask(inherited)
    context = multiprocessing.get_context(method)
    with context.Pool(3) as pool:
        codes = [f"HK.{number:05}" for number in range(1, 13)]
        figures = pool.map_async(work, codes).get(30)
        assert [answer.security for answer in figures] == codes
        assert len({answer.capital_in_big for answer in figures}) == 12
        try:
            pool.apply_async(work, ["HK.99999"]).get(30)
        except capdist.RefusedError as error:
            assert (error.ret_msg, error.security) == ("未知股票 HK.99999", "HK.99999")
            assert error.status is capdist.Status.REFUSED
        else:
            raise AssertionError
    process = context.Process(target=work, args=["HK.00001"])
    process.start()
    process.join(30)
    assert process.exitcode == 0
    assert ask(inherited)
    print("done")
"""
)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method: str, simulator: Start, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(MULTIPROCESSING, encoding="utf-8")
    output = run_child(
        "import subprocess, sys; sys.exit(subprocess.run([sys.executable, *sys.argv[1:]], timeout=60).returncode)",
        *(program, simulator("--no-quota").port, method),
        limit=90,
    )
    assert output == "done\n"


def test_a_client_does_not_travel(simulator: Start) -> None:
    """A client cannot be pickled. The attempt raises, and has no other effect."""
    output = run_child(
        START
        + """
import pickle
client = capdist.Client(port=port, quota_requests=0)
try:
    pickle.dumps(client)
except (TypeError, ValueError) as error:
    print(type(error).__name__)
assert ask(client)
""",
        simulator().port,
    )
    assert output in ("TypeError\n", "ValueError\n")
