"""The client that the event loop drives."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from typing import Any

import pytest
from capdist import (
    ArgumentError,
    CapdistError,
    ClosedError,
    ConnectError,
    ConnectTimeoutError,
    LoopClient,
    RefusedError,
    RequestTimeoutError,
    Status,
    _callbacks,
)
from conftest import Start
from support import PATIENCE, PROMPT, SilentGateway, Simulator, threads, unused_port

pytestmark = pytest.mark.usefixtures("nothing_left")


def test_no_thread_is_behind_it(gateway: Simulator) -> None:
    async def main() -> None:
        before = threads()
        called_on: set[int] = set()
        async with await LoopClient.connect(
            port=gateway.port, quota_requests=0, on_init_connect=lambda *_: called_on.add(threading.get_ident())
        ) as client:
            codes = [f"HK.{number:05}" for number in range(1, 201)]
            figures = await asyncio.gather(*map(client.capital_distribution, codes))
            assert [answer.security for answer in figures] == codes
            assert len({answer.capital_in_big for answer in figures}) == 200
            assert threads() <= before
            assert called_on == {threading.get_ident()}

    asyncio.run(main())


def test_errors(gateway: Simulator) -> None:
    async def main() -> None:
        async with await LoopClient.connect(port=gateway.port, quota_requests=0) as client:
            with pytest.raises(RefusedError):
                await client.capital_distribution("HK.99999")
            with pytest.raises(ArgumentError):
                await client.capital_distribution("nonsense")
        with pytest.raises(ClosedError):
            await client.capital_distribution("HK.00700")
        client.close()

    asyncio.run(main())


def test_times_out(silent: SilentGateway) -> None:
    async def main() -> None:
        async with await LoopClient.connect(port=silent.port, quota_group="loop") as client:
            started = time.monotonic()
            with pytest.raises(RequestTimeoutError):
                await client.capital_distribution("HK.00001", queue_timeout=0.2)
            assert 0.19 < time.monotonic() - started < PROMPT
            with pytest.raises(ConnectTimeoutError):
                await client.wait_ready(0.1)

    asyncio.run(main())


def test_wait_ready(gateway: Simulator) -> None:
    async def main() -> None:
        async with await LoopClient.connect(port=gateway.port) as client:
            await client.wait_ready()
            assert client.info().is_ready
        async with await LoopClient.connect(port=unused_port(), reconnect=False) as client:
            with pytest.raises(ConnectError, match="is OpenD running there"):
                await client.wait_ready()

    asyncio.run(main())


def test_cancelling_the_task_cancels_the_request(simulator: Start) -> None:
    gateway = simulator("--no-quota")

    async def main() -> None:
        async with await LoopClient.connect(
            port=gateway.port, quota_requests=1, quota_window=60, quota_group="loop tasks"
        ) as client:
            await client.capital_distribution("HK.00001")
            task = asyncio.create_task(client.capital_distribution("HK.00002"))
            await asyncio.sleep(0.05)
            assert client.quota().waiting == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert client.quota().waiting == 0

    asyncio.run(main())
    assert len(gateway.requests()) == 1


def test_a_watch_list(gateway: Simulator) -> None:
    async def main() -> None:
        async with await LoopClient.connect(port=gateway.port, quota_requests=0) as client:
            codes = [f"HK.{number:05}" for number in range(1, 101)]
            seen = [security async for security, _ in client.capital_distributions(codes)]
            assert sorted(seen) == codes

    asyncio.run(main())


def test_reconnects_on_the_same_descriptor(simulator: Start) -> None:
    first = simulator("--no-quota")

    async def main() -> None:
        lost = asyncio.Event()
        async with await LoopClient.connect(
            port=first.port, quota_requests=0, reconnect_min=0.02, on_disconnect=lambda *_: lost.set()
        ) as client:
            await client.capital_distribution("HK.00700")
            first.stop()
            await asyncio.wait_for(lost.wait(), PATIENCE)
            simulator("--no-quota", "--port", str(first.port))
            assert (await client.capital_distribution("HK.00700")).capital_in_big == 859479380.0

    asyncio.run(main())


def test_close_ends_what_is_under_way(silent: SilentGateway) -> None:
    async def main() -> None:
        client = await LoopClient.connect(port=silent.port, quota_group="loop under way")
        tasks = [asyncio.create_task(client.capital_distribution("HK.00001")) for _ in range(10)]
        await asyncio.sleep(0.05)
        client.close()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [error.status for error in results if isinstance(error, CapdistError)] == [Status.RELEASED] * 10

    asyncio.run(main())


def test_close_inside_a_callback(gateway: Simulator) -> None:
    async def main() -> None:
        held: list[LoopClient] = []
        client = await LoopClient.connect(
            port=gateway.port, quota_requests=0, on_init_connect=lambda *_: held[0].close()
        )
        held.append(client)
        results = await asyncio.gather(
            *(client.capital_distribution("HK.00700") for _ in range(10)), return_exceptions=True
        )
        assert [error.status for error in results if isinstance(error, CapdistError)] == [Status.RELEASED] * 10

    asyncio.run(main())


def test_a_callback_that_raises_is_reported(simulator: Start, unraisable: list[BaseException]) -> None:
    gateway = simulator("--push", "1")

    async def main() -> None:
        def on_push(*_: Any) -> None:
            raise ValueError("from the user")

        async with await LoopClient.connect(port=gateway.port, recv_notify=True, on_push=on_push) as client:
            assert (await client.capital_distribution("HK.00700")).capital_in_big == 859479380.0
            deadline = time.monotonic() + PATIENCE
            while not unraisable and time.monotonic() < deadline:
                await asyncio.sleep(0.01)

    asyncio.run(main())
    assert any(isinstance(error, ValueError) for error in unraisable)


def test_a_client_that_is_dropped_in_flight(gateway: Simulator) -> None:
    async def main() -> None:
        client = await LoopClient.connect(port=gateway.port)
        await client.wait_ready()
        del client
        gc.collect()
        deadline = time.monotonic() + PATIENCE
        while not gateway.seen("closed") and time.monotonic() < deadline:
            await asyncio.sleep(0.01)

    asyncio.run(main())
    assert len(gateway.seen("closed")) == 1


def test_a_client_that_another_thread_drops(gateway: Simulator) -> None:
    async def main() -> None:
        held = [await LoopClient.connect(port=gateway.port)]
        await held[0].wait_ready()
        await asyncio.get_running_loop().run_in_executor(None, held.clear)
        deadline = time.monotonic() + PATIENCE
        while not gateway.seen("closed") and time.monotonic() < deadline:
            await asyncio.sleep(0.01)

    asyncio.run(main())
    assert len(gateway.seen("closed")) == 1


def test_the_loop_is_closed_before_the_client(gateway: Simulator) -> None:
    client = asyncio.run(LoopClient.connect(port=gateway.port))
    client.close()
    with pytest.raises(ClosedError):
        asyncio.run(client.wait_ready())


@pytest.mark.parametrize("ask", ["capital_distribution", "wait_ready"])
def test_the_loop_is_closed_with_a_task_that_waits(ask: str, silent: SilentGateway) -> None:
    """The client has no other references. It is collected with the task, and its connection closes."""

    async def main() -> None:
        client = await LoopClient.connect(port=silent.port, quota_group="loop closed")
        waiting = {"capital_distribution": lambda: client.capital_distribution("HK.00700"), "wait_ready": client.wait_ready}
        asyncio.ensure_future(waiting[ask]())
        await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    assert len(_callbacks.connections) == 1
    loop.close()
    gc.collect()
    assert not _callbacks.connections


def test_close_after_the_loop_with_requests_open(silent: SilentGateway, unraisable: list[BaseException]) -> None:
    async def main() -> tuple[LoopClient, list[Any]]:
        client = await LoopClient.connect(port=silent.port, quota_group="loop closed")
        tasks = [asyncio.ensure_future(client.capital_distribution("HK.00700")) for _ in range(5)]
        await asyncio.sleep(0)
        return client, tasks

    loop = asyncio.new_event_loop()
    client, tasks = loop.run_until_complete(main())
    loop.close()
    client.close()
    assert not unraisable
    assert not any(task.done() for task in tasks)


def test_on_another_loop_it_is_refused(silent: SilentGateway) -> None:
    loop = asyncio.new_event_loop()
    client = loop.run_until_complete(LoopClient.connect(port=silent.port))

    async def main() -> None:
        with pytest.raises(RuntimeError, match="bound to a different event loop"):
            await client.capital_distribution("HK.00700")
        with pytest.raises(RuntimeError, match="bound to a different event loop"):
            await client.wait_ready()
        with pytest.raises(RuntimeError, match="bound to a different event loop"):
            async for _ in client.capital_distributions(["HK.00700"]):
                pass

    asyncio.run(asyncio.wait_for(main(), PATIENCE))
    client.close()
    loop.close()


@pytest.mark.parametrize("is_main", [True, False])
def test_what_ends_more_than_a_callback_comes_out_of_the_loop(is_main: bool, gateway: Simulator) -> None:
    hook = sys.unraisablehook
    ended: list[Any] = []

    def run() -> None:
        async def main() -> None:
            async with await LoopClient.connect(port=gateway.port, on_init_connect=lambda *_: sys.exit(5)) as client:
                ended.append(await client.capital_distribution("HK.00700"))
                await asyncio.sleep(PATIENCE)

        try:
            asyncio.run(main())
        except SystemExit as error:
            ended.append(error.code)

    if is_main:
        run()
    else:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join(PATIENCE)
    assert ended[-1] == 5
    assert sys.unraisablehook is hook


def test_the_constructor_takes_an_address(gateway: Simulator) -> None:
    """The arguments are those of the other clients. A refused one leaves nothing behind (`nothing_left`)."""

    async def main() -> None:
        async with LoopClient("127.0.0.1", gateway.port) as client:
            assert (await client.capital_distribution("HK.00700")).security == "HK.00700"
        with pytest.raises(CapdistError) as refused:
            LoopClient("gateway.invalid", gateway.port)
        assert refused.value.status is Status.NEEDS_ADDRESS

    asyncio.run(main())


def test_outside_a_loop_it_is_not_made() -> None:
    with pytest.raises(RuntimeError):
        LoopClient("127.0.0.1", 1)
