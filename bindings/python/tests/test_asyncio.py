"""The client for asyncio."""

from __future__ import annotations

import asyncio
import gc
import threading
import time

import pytest
from capdist import AsyncClient, CapdistError, ClosedError, ConnectError, ConnectTimeoutError, RefusedError, Status
from conftest import Start
from support import PATIENCE, PROMPT, SilentGateway, Simulator, run_child, unused_port, wait_until


def test_gather(gateway: Simulator) -> None:
    async def main() -> None:
        async with AsyncClient(port=gateway.port, quota_requests=0) as client:
            codes = [f"HK.{number:05}" for number in range(1, 201)]
            figures = await asyncio.gather(*map(client.capital_distribution, codes))
            assert [answer.security for answer in figures] == codes
            assert len({answer.capital_in_big for answer in figures}) == 200

    asyncio.run(main())


def test_errors(gateway: Simulator) -> None:
    async def main() -> None:
        async with AsyncClient(port=gateway.port, quota_requests=0) as client:
            results = await asyncio.gather(
                *map(client.capital_distribution, ["HK.99999", "HK.00700", "HK.800000"]), return_exceptions=True
            )
            assert isinstance(results[0], RefusedError)
            assert isinstance(results[2], RefusedError)
            assert results[1].capital_in_big == 859479380.0  # type: ignore[union-attr]

    asyncio.run(main())


def test_cancelling_the_task_cancels_the_request(simulator: Start) -> None:
    gateway = simulator("--no-quota")

    async def main() -> None:
        async with AsyncClient(port=gateway.port, quota_requests=1, quota_window=60, quota_group="tasks") as client:
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


def test_a_time_limit_of_asyncio(silent: SilentGateway) -> None:
    async def main() -> None:
        async with AsyncClient(port=silent.port, quota_group="limit") as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.capital_distribution("HK.00001"), 0.1)

    asyncio.run(main())


def test_wait_ready(gateway: Simulator, silent: SilentGateway) -> None:
    async def main() -> None:
        async with AsyncClient(port=gateway.port) as client:
            await client.wait_ready()
            assert client.info().is_ready
            await client.wait_ready(0)
        async with AsyncClient(port=silent.port) as client:
            started = time.monotonic()
            with pytest.raises(ConnectTimeoutError):
                await client.wait_ready(0.2)
            assert 0.15 < time.monotonic() - started < PROMPT
        async with AsyncClient(port=unused_port(), reconnect=False) as client:
            with pytest.raises(ConnectError, match="is OpenD running there") as caught:
                await client.wait_ready()
            assert caught.value.status is Status.CONNECT_FAILED
        with pytest.raises(ClosedError):
            await client.wait_ready()

    asyncio.run(main())


def test_wait_ready_ends_with_the_client(silent: SilentGateway) -> None:
    async def main() -> None:
        client = AsyncClient(port=silent.port)
        waiting = asyncio.create_task(client.wait_ready())
        await asyncio.sleep(0.05)
        client.close()
        with pytest.raises(ClosedError):
            await asyncio.wait_for(waiting, PROMPT)

    asyncio.run(main())


def test_close_ends_what_is_under_way(silent: SilentGateway) -> None:
    async def main() -> None:
        client = AsyncClient(port=silent.port, quota_group="under way")
        tasks = [asyncio.create_task(client.capital_distribution("HK.00001")) for _ in range(10)]
        await asyncio.sleep(0.05)
        client.close()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [error.status for error in results if isinstance(error, CapdistError)] == [Status.RELEASED] * 10

    asyncio.run(main())


@pytest.mark.filterwarnings("error")
def test_the_loop_is_closed_in_flight(simulator: Start, unraisable: list[BaseException]) -> None:
    gateway = simulator("--latency", "150", "--no-quota")
    client = AsyncClient(port=gateway.port, quota_requests=0)

    async def leave() -> None:
        await client.wait_ready()
        for number in range(20):
            asyncio.ensure_future(client.capital_distribution(f"HK.{number:05}"))
        await asyncio.sleep(0.02)

    asyncio.run(leave())
    time.sleep(0.3)
    # The answers came when the loop was closed, and were dropped. The client works on another loop.
    assert asyncio.run(client.capital_distribution("HK.00700")).capital_in_big == 859479380.0
    client.close()
    gc.collect()
    assert unraisable == []


def test_a_loop_that_was_only_dropped(simulator: Start) -> None:
    """The loop is closed while its tasks wait, and the answers come afterwards."""
    gateway = simulator("--latency", "150", "--no-quota")
    output = run_child(
        """
        import asyncio, sys, time, warnings
        from capdist import AsyncClient
        client = AsyncClient(port=int(sys.argv[1]), quota_requests=0)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(client.wait_ready())
        tasks = [loop.create_task(client.capital_distribution("HK.00001")) for _ in range(20)]
        loop.run_until_complete(asyncio.sleep(0.02))
        loop.set_exception_handler(lambda *_: None)
        loop.close()
        del tasks
        time.sleep(0.3)
        print(asyncio.run(client.capital_distribution("HK.00700")).capital_in_big)
        """,
        gateway.port,
    )
    assert output == "859479380.0\n"


def test_loops_of_several_threads_share_a_client(gateway: Simulator) -> None:
    with_failures: list[BaseException] = []
    client = AsyncClient(port=gateway.port, quota_requests=0)

    async def ask() -> None:
        for _ in range(20):
            figures = await asyncio.gather(*(client.capital_distribution("HK.00700") for _ in range(5)))
            assert {answer.capital_in_big for answer in figures} == {859479380.0}

    def run() -> None:
        try:
            asyncio.run(ask())
        except BaseException as error:  # noqa: BLE001
            with_failures.append(error)

    running = [threading.Thread(target=run) for _ in range(4)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    client.close()
    assert with_failures == []


def test_callbacks_hand_over_to_the_loop(simulator: Start) -> None:
    gateway = simulator("--push", "1")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        pushed = asyncio.Event()
        async with AsyncClient(
            port=gateway.port, recv_notify=True, on_push=lambda *_: loop.call_soon_threadsafe(pushed.set)
        ):
            await asyncio.wait_for(pushed.wait(), PATIENCE)

    asyncio.run(main())


def test_a_client_that_is_dropped_in_flight(gateway: Simulator) -> None:
    async def main() -> None:
        client = AsyncClient(port=gateway.port)
        await client.wait_ready()
        del client

    asyncio.run(main())
    assert wait_until(lambda: len(gateway.seen("closed")) == 1)
