"""Ctrl-C ends every wait at once, and the program can go on."""

from __future__ import annotations

import time

import pytest
from conftest import Start
from support import PATIENCE, PROMPT, Child, SilentGateway

#: Waits in `WAIT`, is interrupted, and goes on.
PROGRAM = """
import asyncio, sys, threading, time
import capdist
silent, alive = map(int, sys.argv[1:])
client = capdist.Client(port=silent, quota_group="silent")

def never_returns(*_):
    entered.set()
    time.sleep(3600)

entered = threading.Event()
busy = capdist.Client(port=alive, on_init_connect=never_returns)
assert entered.wait(10)
waiting = capdist.Client(port=silent, quota_group="waiting")
waiting.get_capital_distribution("HK.00001", never_returns)

async def ask():
    async with capdist.AsyncClient(port=silent, quota_group="asyncio") as other:
        await CALL

print("waiting", flush=True)
try:
    WAIT
    print("it did not wait")
except KeyboardInterrupt:
    print("interrupted")
with capdist.Client(port=alive) as other:
    print(other.capital_distribution("HK.00700").capital_in_big)
print(client.quota().waiting, flush=True)
"""

WAITS = {
    "capital_distribution": "client.capital_distribution('HK.00700')",
    "wait_ready": "client.wait_ready(600)",
    "watch list": "list(client.capital_distributions(['HK.00001', 'HK.00002']))",
    "close with a callback running": "busy.close()",
    "close that runs a callback": "waiting.close()",
    "close once more": "threading.Thread(target=busy.close, daemon=True).start(); time.sleep(0.2); busy.close()",
    "asyncio capital_distribution": "asyncio.run(ask())",
    "asyncio wait_ready": "asyncio.run(ask())",
    "vendor": "capdist.futu.OpenQuoteContext('127.0.0.1', silent).get_capital_distribution('HK.00700')",
}
CALLS = {"asyncio wait_ready": "other.wait_ready(600)"}


@pytest.mark.parametrize("name", WAITS)
def test_ctrl_c_ends_the_wait(name: str, simulator: Start, silent: SilentGateway) -> None:
    call = CALLS.get(name, "other.capital_distribution('HK.00700')")
    program = PROGRAM.replace("WAIT", WAITS[name]).replace("CALL", call)
    # The vendor's call imports pandas, which may take longer than the pause, and changes the exception of Ctrl-C.
    first = "import capdist.futu, pandas\n" if name == "vendor" else "import capdist.futu\n"
    child = Child(first + program, silent.port, simulator("--no-quota").port)
    assert child.read_line() == "waiting"
    time.sleep(0.4)
    interrupted = time.monotonic()
    child.interrupt()
    line = child.read_line()
    assert line == "interrupted", child.end()
    assert time.monotonic() - interrupted < PROMPT
    status, out, err = child.end()
    assert (status, out, err) == (0, "859479380.0\n0\n", "")


def test_ctrl_c_that_nobody_catches_ends_the_program(silent: SilentGateway) -> None:
    child = Child(
        """
        import capdist, sys
        client = capdist.Client(port=int(sys.argv[1]))
        print("waiting", flush=True)
        client.capital_distribution("HK.00700")
        """,
        silent.port,
    )
    assert child.read_line() == "waiting"
    time.sleep(0.2)
    interrupted = time.monotonic()
    child.interrupt()
    status, _, err = child.end()
    assert time.monotonic() - interrupted < PROMPT
    assert status == -2
    assert err.rstrip().endswith("KeyboardInterrupt")


def test_signals_reach_python_while_requests_run(simulator: Start) -> None:
    """A signal handler of the application runs, and a waiting request goes on waiting."""
    child = Child(
        """
        import capdist, signal, sys
        caught = []
        signal.signal(signal.SIGINT, lambda *_: caught.append(True))
        with capdist.Client(port=int(sys.argv[1]), quota_requests=0) as client:
            client.wait_ready()
            print("waiting", flush=True)
            print(client.capital_distribution("HK.00700").capital_in_big, caught)
        """,
        simulator("--latency", "700").port,
    )
    assert child.read_line() == "waiting"
    time.sleep(0.2)
    child.interrupt()
    assert child.end(PATIENCE) == (0, "859479380.0 [True]\n", "")


#: A signal handler raises in the package's own code inside callbacks of a connection that a loop drives.
ON_A_LOOP = """
import asyncio, signal, sys
import capdist

def handler(_number, frame):
    is_ours = frame.f_globals["__name__"].startswith("capdist.")
    names = []
    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    # A second signal, while the first is dealt with, may cost an answer.
    if is_ours and "_cut_off" not in names and any(name.startswith("_handle_") for name in names):
        raise ERROR

async def work(number):
    while True:
        await client.capital_distribution("HK.00700")
        answers[number] += 1

def caught(*_):
    global raised
    raised += 1

answers = [0] * 32
raised = 0
hook = sys.unraisablehook
loop = asyncio.new_event_loop()
loop.set_exception_handler(caught)
client = loop.run_until_complete(capdist.LoopClient.connect(port=int(sys.argv[1]), quota_requests=0))
tasks = [loop.create_task(work(number)) for number in range(len(answers))]
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
end = loop.time() + 10
while raised < 50 and loop.time() < end:
    stop = loop.call_later(0.05, loop.stop)
    try:
        loop.run_forever()
    except KeyboardInterrupt:
        raised += 1
    stop.cancel()
signal.setitimer(signal.ITIMER_REAL, 0)
before = list(answers)
loop.run_until_complete(asyncio.sleep(1))
print(raised >= 50, sum(map(int.__gt__, answers, before)), sys.unraisablehook is hook)
for task in tasks: task.cancel()
loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
client.close()
loop.close()
"""


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "TimeoutError"])
def test_a_signal_in_a_callback_on_a_loop(error: str, simulator: Start) -> None:
    """The exception leaves the loop, and no answer is lost."""
    child = Child(ON_A_LOOP.replace("ERROR", error), simulator("--no-quota").port)
    assert child.end(30) == (0, "True 32 True\n", "")
