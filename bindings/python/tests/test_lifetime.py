"""How clients, their threads and their callbacks end: closed, garbage-collected, or used afterwards."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import Any

import pytest
from capdist import AsyncClient, Client, ClosedError, ConnectError, RequestError, Result, Status
from conftest import Start
from support import PATIENCE, Simulator, threads, wait_until


@pytest.mark.usefixtures("nothing_left")
def test_close_leaves_no_thread_and_no_descriptor(simulator: Start) -> None:
    gateway = simulator("--no-quota")
    for _ in range(30):
        before = threads()
        client = Client(port=gateway.port, quota_requests=0)
        client.wait_ready()
        client.get_capital_distribution("HK.00001", lambda *_: None)
        assert threads() - before
        client.close()
        # /proc may list a joined thread for a moment.
        assert wait_until(lambda: threads() <= before)
    gateway.stop()


EVERY_CALL: dict[str, Any] = {
    "wait_ready": lambda client: client.wait_ready(1),
    "capital_distribution": lambda client: client.capital_distribution("HK.00700"),
    "get_capital_distribution": lambda client: client.get_capital_distribution("HK.00700", lambda *_: None),
    "capital_distributions": lambda client: list(client.capital_distributions(["HK.00700"])),
    "send_proto": lambda client: client.send_proto(1002, b"", lambda _: None),
    "info": lambda client: client.info(),
    "quota": lambda client: client.quota(),
}


@pytest.mark.parametrize("name", EVERY_CALL)
def test_use_after_close(name: str, gateway: Simulator) -> None:
    client = Client(port=gateway.port)
    client.close()
    with pytest.raises(ClosedError) as caught:
        EVERY_CALL[name](client)
    assert caught.value.status is Status.RELEASED
    client.close()


def test_every_method_was_used_after_close() -> None:
    methods = {name for kind in (Client, AsyncClient) for name in dir(kind) if not name.startswith("_")}
    # Cancelling a completed request is not an error, and closing twice is harmless.
    assert methods == set(EVERY_CALL) | {"cancel", "close"}


def test_cancel_after_close(gateway: Simulator) -> None:
    client = Client(port=gateway.port)
    client.close()
    assert client.cancel(1) is False


@pytest.mark.usefixtures("nothing_left")
def test_a_client_that_is_dropped_is_closed(simulator: Start) -> None:
    gateway = simulator()
    client = Client(port=gateway.port)
    client.wait_ready()
    del client
    assert wait_until(lambda: len(gateway.seen("closed")) == 1)
    gateway.stop()


@pytest.mark.usefixtures("nothing_left")
def test_a_client_that_its_own_callbacks_reach_is_closed(simulator: Start) -> None:
    class Program:
        def __init__(self, port: int) -> None:
            self.pushes = 0
            self.client = Client(port=port, on_push=self.pushed, on_init_connect=self.connected, on_log=self.pushed)

        def pushed(self, *_event: object) -> None:
            self.pushes += 1

        connected = pushed

    gateway = simulator()
    program = Program(gateway.port)
    program.client.wait_ready()
    gone = weakref.ref(program)
    del program
    assert wait_until(lambda: gc.collect() >= 0 and gone() is None)
    assert wait_until(lambda: len(gateway.seen("closed")) == 1)
    gateway.stop()


@pytest.mark.usefixtures("nothing_left")
def test_an_error_that_was_caught_keeps_no_client(gateway: Simulator) -> None:
    """An error in a frame of its own traceback is a cycle. It would keep the client alive until garbage is collected."""

    def ask() -> weakref.ref[Client]:
        client = Client(port=gateway.port, quota_requests=0)
        with pytest.raises(RequestError):
            client.capital_distribution("HK.99999")
        return weakref.ref(client)

    def wait() -> weakref.ref[Client]:
        client = Client(port=1, quota_requests=0, reconnect=False)
        with pytest.raises(ConnectError):
            client.wait_ready()
        return weakref.ref(client)

    async def ask_in_asyncio() -> weakref.ref[AsyncClient]:
        client = AsyncClient(port=gateway.port, quota_requests=0)
        with pytest.raises(RequestError):
            await client.capital_distribution("HK.99999")
        return weakref.ref(client)

    async def wait_in_asyncio() -> weakref.ref[AsyncClient]:
        client = AsyncClient(port=1, quota_requests=0, reconnect=False)
        with pytest.raises(ConnectError):
            await client.wait_ready()
        return weakref.ref(client)

    gc.collect()
    gc.disable()
    try:
        gone = [ask(), wait(), asyncio.run(ask_in_asyncio()), asyncio.run(wait_in_asyncio())]
        assert wait_until(lambda: all(one() is None for one in gone), 2), gone
    finally:
        gc.enable()


def test_a_client_dropped_by_the_collector_waits_for_nobody(gateway: Simulator) -> None:
    """Garbage may be collected anywhere, also where a lock is held for which a callback of that client waits."""
    lock = threading.Lock()
    entered = threading.Event()
    left = threading.Event()

    def callback(_serial_no: int, _result: Result) -> None:
        entered.set()
        with lock:
            left.set()

    client = Client(port=gateway.port, quota_requests=0)
    with lock:
        client.get_capital_distribution("HK.00001", callback)
        assert entered.wait(PATIENCE)
        del client
        assert not left.is_set()
    assert left.wait(PATIENCE)


def test_callbacks_live_as_long_as_their_request(gateway: Simulator, client: Client) -> None:
    class Callback:
        def __call__(self, _serial_no: int, _result: Result) -> None:
            called.append(True)

    called: list[bool] = []
    callback = Callback()
    alive = weakref.ref(callback)
    client.get_capital_distribution("HK.00001", callback)
    del callback
    assert wait_until(lambda: called == [True])
    assert wait_until(lambda: alive() is None, 2)


def test_a_refused_call_keeps_nothing(client: Client) -> None:
    class Callback:
        def __call__(self, _serial_no: int, _result: Result) -> None:
            raise AssertionError

    client.close()
    callback = Callback()
    alive = weakref.ref(callback)
    with pytest.raises(ClosedError):
        client.get_capital_distribution("HK.00001", callback)
    del callback
    gc.collect()
    assert alive() is None


def test_garbage_is_collected_in_flight(simulator: Start) -> None:
    gateway = simulator("--no-quota")
    answers: list[Result] = []
    stop = threading.Event()

    def collect() -> None:
        while not stop.is_set():
            gc.collect()

    collector = threading.Thread(target=collect)
    collector.start()
    try:
        for turn in range(20):
            client = Client(port=gateway.port, quota_requests=0)
            client.cycle = client  # type: ignore[attr-defined]
            for number in range(50):
                client.get_capital_distribution(f"HK.{number:05}", lambda _, result: answers.append(result))
            if turn % 2:
                assert client.capital_distribution("HK.00700").capital_in_big == 859479380.0
            del client
        # Each request completes once: with its answer, or because its client was closed.
        assert wait_until(lambda: len(answers) == 1000)
        assert wait_until(lambda: len(gateway.seen("closed")) == len(gateway.seen("connected")))
    finally:
        stop.set()
        collector.join(PATIENCE)
    assert {getattr(answer, "status", Status.OK) for answer in answers} <= {Status.OK, Status.RELEASED}


def test_many_threads_ask_one_client(client: Client) -> None:
    failures: list[BaseException] = []
    figures: dict[str, set[float]] = {}

    def ask(first: int) -> None:
        try:
            for number in range(first, first + 100):
                code = f"SZ.{number % 150:06}"
                figures.setdefault(code, set()).add(client.capital_distribution(code).capital_in_big)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    asking = [threading.Thread(target=ask, args=(first * 37,)) for first in range(8)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(PATIENCE)
    assert failures == []
    assert all(len(values) == 1 for values in figures.values())
    assert len({value for values in figures.values() for value in values}) == len(figures)


def test_clients_are_closed_by_many_threads(gateway: Simulator) -> None:
    for _ in range(20):
        client = Client(port=gateway.port, quota_requests=0)
        answers: list[Result] = []
        for number in range(20):
            client.get_capital_distribution(f"HK.{number:05}", lambda _, result: answers.append(result))
        before = threads()
        closing = [threading.Thread(target=client.close) for _ in range(4)]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        assert len(answers) == 20
        assert wait_until(lambda: threads() < before)


def test_a_line_lost_is_made_anew(simulator: Start) -> None:
    connected = threading.Semaphore(0)
    gateway = simulator("--no-quota")
    with Client(
        port=gateway.port, quota_requests=0, reconnect_min=0.05, on_init_connect=lambda *_: connected.release()
    ) as client:
        assert connected.acquire(timeout=PATIENCE)
        gateway.kill()
        assert wait_until(lambda: not client.info().is_ready)
        again = simulator("--no-quota", "--port", str(gateway.port))
        assert connected.acquire(timeout=PATIENCE)
        assert client.capital_distribution("HK.00700").capital_in_big == 859479380.0
        assert len(again.requests()) == 1
