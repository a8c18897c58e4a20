"""Monkey patching by gevent and eventlet: blocking calls return, and let other greenlets run."""

from __future__ import annotations

import pytest
from conftest import Start
from support import SilentGateway, Simulator, run_child

#: Each patches before or after the package is imported, and defines functions for greenlets and timeouts.
GEVENT = """
    import gevent
    from gevent import monkey
    monkey.patch_all()
    spawn, sleep = gevent.spawn, gevent.sleep
    def join(greenlets): gevent.joinall(greenlets, raise_error=True)
    Timeout = gevent.Timeout
"""
EVENTLET = """
    import warnings
    warnings.simplefilter("ignore")
    import eventlet
    eventlet.monkey_patch()
    spawn, sleep = eventlet.spawn, eventlet.sleep
    def join(greenlets): [one.wait() for one in greenlets]
    Timeout = eventlet.Timeout
"""
PATCHES = {"gevent": GEVENT, "eventlet": EVENTLET}
IMPORT = """
    import sys, threading
    from capdist import *
"""
#: A greenlet that counts while others wait.
TICKER = """
    ticks = 0
    def tick():
        global ticks
        while True:
            ticks += 1
            sleep(0.01)
    spawn(tick)
"""


def program(package: str, is_first: bool, body: str) -> str:
    """A program that patches before or after its imports."""
    parts = [PATCHES[package], IMPORT] if is_first else [IMPORT.replace("import *", "import Client, RequestTimeoutError"), PATCHES[package]]
    return "".join([*parts, TICKER, body])


@pytest.mark.parametrize("is_first", [True, False], ids=["patched first", "imported first"])
@pytest.mark.parametrize("package", PATCHES)
def test_blocking_calls_return_and_others_run(package: str, is_first: bool, simulator: Start) -> None:
    gateway = simulator("--no-quota", "--latency", "200")
    body = """
    with Client(port=int(sys.argv[1]), quota_requests=0) as client:
        client.wait_ready()
        before = ticks
        print(client.capital_distribution("HK.00700").capital_in_big)
        print("others ran" if ticks - before >= 5 else f"{ticks - before} ticks")
        # As many at a time as there are greenlets.
        answers = []
        join([spawn(lambda n=n: answers.append(client.capital_distribution(f"HK.{n:05}"))) for n in range(1, 51)])
        print(len({answer.capital_in_big for answer in answers}))
        print(sorted(security for security, _ in client.capital_distributions(["HK.00700", "US.AAPL", "HK.00005"])))
    """
    printed = run_child(program(package, is_first, body), gateway.port)
    assert printed == "859479380.0\nothers ran\n50\n['HK.00005', 'HK.00700', 'US.AAPL']\n"


@pytest.mark.parametrize("package", PATCHES)
def test_time_outs(package: str, silent: SilentGateway) -> None:
    body = """
    with Client(port=int(sys.argv[1])) as client:
        try:
            client.capital_distribution("HK.00700", queue_timeout=0.2)
        except RequestTimeoutError as error:
            print(error.status.name)
        before = ticks
        try:
            client.wait_ready(0.2)
        except Exception as error:
            print(type(error).__name__)
        print("others ran" if ticks - before >= 5 else f"{ticks - before} ticks")
        # The greenlet's own, which ends the wait and the request with it.
        try:
            with Timeout(0.1):
                client.capital_distribution("HK.00700")
        except Timeout:
            print("given up")
        sleep(0.2)
    print(threading.active_count())
    """
    printed = run_child(program(package, True, body), silent.port)
    assert printed == "QUEUE_TIMEOUT\nConnectTimeoutError\nothers ran\ngiven up\n1\n"


@pytest.mark.parametrize("package", PATCHES)
def test_callbacks_and_the_vendor_s_classes(package: str, gateway: Simulator) -> None:
    body = """
    from capdist.futu import OpenQuoteContext
    told = []
    client = Client(port=int(sys.argv[1]), quota_requests=0, on_init_connect=lambda *_: told.append("connected"))
    client.get_capital_distribution("HK.00700", lambda _, result: told.append(result.capital_in_big))
    while len(told) < 2:
        sleep(0.01)
    print(*told)
    client.close()
    client.close()
    context = OpenQuoteContext(host="127.0.0.1", port=int(sys.argv[1]))
    print(context.get_global_state()[0])
    context.close()
    """
    printed = run_child(program(package, True, body), gateway.port)
    assert printed == "connected 859479380.0\n0\n"


@pytest.mark.parametrize("package", PATCHES)
def test_many_threads_and_no_descriptor_left(package: str, gateway: Simulator) -> None:
    body = """
    import os
    with Client(port=int(sys.argv[1]), quota_requests=0) as client:
        client.wait_ready()
        client.capital_distribution("HK.00700")
        before = len(os.listdir("/proc/self/fd"))
        for n in range(200):
            client.capital_distribution("HK.00700")
        print(len(os.listdir("/proc/self/fd")) <= before)
    """
    assert run_child(program(package, True, body), gateway.port) == "True\n"
