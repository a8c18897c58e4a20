"""The interpreter exits while connections are open and busy: soon, with its own status, and without output."""

from __future__ import annotations

import time

import pytest
from conftest import Start
from support import PROMPT, Child, SilentGateway, run_child

START = """
import os, sys, threading, time
import capdist
alive, silent = map(int, sys.argv[1:])

def again(client):
    def answered(_serial_no, _result):
        try:
            client.get_capital_distribution("HK.00001", answered)
        except capdist.CapdistError:
            pass
    return answered

def busy(count=16, **options):
    client = capdist.Client(port=alive, quota_requests=0, **options)
    client.wait_ready()
    for _ in range(count):
        client.get_capital_distribution("HK.00001", again(client))
    return client
"""

PROGRAMS = {
    "open": "client = capdist.Client(port=alive); client.wait_ready()",
    "connecting": "client = capdist.Client(port=silent)",
    "busy": "client = busy(); time.sleep(0.1)",
    "many": "clients = [busy() for _ in range(10)]; time.sleep(0.1)",
    "with answers outstanding": """
client = capdist.Client(port=silent, quota_group="silent")
for _ in range(100): client.get_capital_distribution("HK.00001", lambda *_: None)
""",
    "daemon threads in flight": """
client = busy()
other = capdist.Client(port=silent, quota_group="silent")
def ask(one):
    try:
        while True: one.capital_distribution("HK.00001")
    except capdist.CapdistError:
        pass
for one in [client, other] * 4:
    threading.Thread(target=ask, args=(one,), daemon=True).start()
time.sleep(0.1)
""",
    "daemon threads that open and close": """
def cycle():
    try:
        while True:
            with capdist.Client(port=alive, quota_requests=0) as client:
                client.capital_distribution("HK.00001")
    except capdist.CapdistError:
        pass
for _ in range(4):
    threading.Thread(target=cycle, daemon=True).start()
time.sleep(0.2)
""",
    "in a reference cycle": """
class Program:
    def __init__(self):
        self.client = capdist.Client(port=alive, quota_requests=0, on_log=self.log)
        self.client.wait_ready()
        for _ in range(16): self.client.get_capital_distribution("HK.00001", again(self.client))
    def log(self, *_): pass
program = Program()
program.itself = program
""",
    "dropped just before": "client = busy(); del client",
    "closed just before": "client = busy(); client.close()",
    "closing on another thread": """
client = busy()
threading.Thread(target=client.close, daemon=True).start()
""",
    "an atexit handler that asks": """
import atexit
client = busy()
@atexit.register
def last():
    assert client.capital_distribution("HK.00700").capital_in_big == 859479380.0
""",
    "a watch list half read": """
client = capdist.Client(port=alive, quota_requests=2, quota_window=60, quota_group="half")
answers = client.capital_distributions(["HK.00001"] * 10)
next(answers)
""",
    "asyncio in flight": """
import asyncio
async def main():
    global client
    client = capdist.AsyncClient(port=silent, quota_group="asyncio")
    try:
        await asyncio.wait_for(asyncio.gather(*(client.capital_distribution("HK.00001") for _ in range(10))), 0.1)
    except asyncio.TimeoutError:
        pass
asyncio.run(main())
""",
    "a callback that blocks": """
entered = threading.Event()
def block(*_):
    entered.set()
    threading.Event().wait()
client = capdist.Client(port=alive, on_init_connect=block)
assert entered.wait(10)
""",
    "a callback that blocks a loop": """
import asyncio
entered = threading.Event()
def block(*_):
    entered.set()
    threading.Event().wait()
async def main():
    client = await capdist.LoopClient.connect(port=alive, on_init_connect=block)
    await asyncio.sleep(60)
threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
assert entered.wait(10)
""",
}

#: The longest time of an exit in addition to the program's own: it waits two seconds for a callback that does not return.
LIMITS = {"a callback that blocks": 2 + PROMPT, "a callback that blocks a loop": 2 + PROMPT}


@pytest.mark.parametrize("name", PROGRAMS)
def test_exit(name: str, simulator: Start, silent: SilentGateway) -> None:
    gateway = simulator("--no-quota")
    program = START + PROGRAMS[name] + "\nprint(time.time())\n"
    for _ in range(3):
        output = run_child(program, gateway.port, silent.port)
        assert time.time() - float(output) < LIMITS.get(name, PROMPT)


@pytest.mark.parametrize("status", [0, 3])
def test_sys_exit(status: int, simulator: Start, silent: SilentGateway) -> None:
    child = Child(START + f"client = busy()\nsys.exit({status})\n", simulator("--no-quota").port, silent.port)
    assert child.end() == (status, "", "")


@pytest.mark.parametrize("status", [0, 3])
def test_os_exit_inside_a_callback(status: int, simulator: Start, silent: SilentGateway) -> None:
    program = (
        START
        + f"""
client = busy()
client.get_capital_distribution("HK.00001", lambda *_: os._exit({status}))
time.sleep(60)
"""
    )
    child = Child(program, simulator("--no-quota").port, silent.port)
    assert child.end() == (status, "", "")


def test_an_uncaught_exception_keeps_its_status(simulator: Start, silent: SilentGateway) -> None:
    child = Child(START + "client = busy()\nraise ValueError('mine')\n", simulator("--no-quota").port, silent.port)
    status, out, err = child.end()
    assert (status, out) == (1, "")
    assert err.endswith("ValueError: mine\n")


def test_no_new_client_while_the_interpreter_exits(simulator: Start, silent: SilentGateway) -> None:
    program = (
        """
import atexit
@atexit.register
def last():
    try:
        capdist.Client(port=alive)
    except capdist.ClosedError as error:
        print(error)
"""
        + START
    )
    output = run_child(program, simulator().port, silent.port)
    assert output == "the interpreter is exiting: no new connections\n"
