"""One peer of the benchmark from Python: asks REQUESTS times and prints its figures as one line of JSON.

    python_client.py PORT PEER one|many REQUESTS

`many` keeps 64 in flight: over the watch list where the peer has one, else from 64 threads.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

IN_FLIGHT = 64
HOST = "127.0.0.1"
SECURITY = "HK.00700"
#: The figure of the gateway's canned answer that every client compares.
EXPECTED = 859479380.0
WARM_UP = 32

#: Asks once and checks the answer.
Call = Callable[[], None]
#: Asks so many times with 64 in flight, and checks each answer.
Many = Callable[[int], None]
#: Asks so many times, one at a time. Returns the seconds of each.
One = Callable[[int], list[float]]


def end(status: int) -> NoReturn:
    """Ends the program from any thread, without waiting for a client's own threads, of which some never end."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def expect(figure: Any) -> None:
    """Ends the program on a wrong answer."""
    if figure != EXPECTED:
        print(f"python_client: wrong answer: {figure!r}", file=sys.stderr)
        end(1)


def one_by_one(call: Call) -> One:
    """Calls that block."""

    def one(requests: int) -> list[float]:
        round_trips: list[float] = []
        clock = time.perf_counter
        for _ in range(requests):
            before = clock()
            call()
            round_trips.append(clock() - before)
        return round_trips

    return one


def from_threads(call: Call) -> Many:
    """64 threads that share the work."""

    def many(requests: int) -> None:
        remaining = iter(range(requests))

        def work() -> None:
            try:
                for _ in remaining:
                    call()
            except BaseException:
                traceback.print_exc()
                end(1)

        threads = [threading.Thread(target=work) for _ in range(IN_FLIGHT)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return many


def capdist(port: int) -> tuple[One, Many, Call]:
    """Our typed client: a reply object."""
    from capdist import CapitalDistribution, Client

    client = Client(HOST, port, quota_requests=0)

    def call() -> None:
        expect(client.capital_distribution(SECURITY).capital_in_big)

    def many(requests: int) -> None:
        count = 0
        for _, result in client.capital_distributions(SECURITY for _ in range(requests)):
            assert isinstance(result, CapitalDistribution), result
            expect(result.capital_in_big)
            count += 1
        assert count == requests

    return one_by_one(call), many, client.close


def loop(port: int) -> tuple[One, Many, Call]:
    """Our client on asyncio's own loop: a reply object, and no thread behind it."""
    import asyncio

    from capdist import LoopClient

    running = asyncio.new_event_loop()
    client = running.run_until_complete(LoopClient.connect(HOST, port, quota_requests=0))

    async def ask(count: int) -> list[float]:
        round_trips: list[float] = []
        clock = time.perf_counter
        for _ in range(count):
            before = clock()
            expect((await client.capital_distribution(SECURITY)).capital_in_big)
            round_trips.append(clock() - before)
        return round_trips

    async def ask_many(requests: int) -> None:
        shares = [requests // IN_FLIGHT + (n < requests % IN_FLIGHT) for n in range(IN_FLIGHT)]
        await asyncio.gather(*map(ask, shares))

    def one(requests: int) -> list[float]:
        return running.run_until_complete(ask(requests))

    def many(requests: int) -> None:
        running.run_until_complete(ask_many(requests))

    def close() -> None:
        client.close()
        running.close()

    return one, many, close


def frame_call(context: Any) -> Call:
    """The call that gives a DataFrame, which both packages name alike."""

    def call() -> None:
        ret, frame = context.get_capital_distribution(SECURITY)
        expect(frame["capital_in_big"].iat[0] if ret == 0 else frame)

    return call


def capdist_frame(port: int) -> tuple[One, Many, Call]:
    """Our classes for users of the vendor's SDK: a DataFrame."""
    from capdist import Client, _vendor

    # These classes keep the vendor's arguments, which know no quota.
    setattr(_vendor, "Client", functools.partial(Client, quota_requests=0))
    context = _vendor.OpenQuoteContext(HOST, port)
    call = frame_call(context)
    return one_by_one(call), from_threads(call), context.close


def futu_context(port: int) -> Any:
    """The vendor's client, connected. It writes its log below HOME."""
    from futu import OpenQuoteContext

    return OpenQuoteContext(host=HOST, port=port)


def futu(port: int) -> tuple[One, Many, Call]:
    """The vendor's call without its DataFrame: what get_capital_distribution() does up to its dict."""
    context = futu_context(port)
    from futu.common.constant import SecurityFirm
    from futu.quote.quote_query import GetCapitalDistributionQuery as Query

    def call() -> None:
        processor = context._get_sync_query_processor(Query.pack_req, Query.unpack)
        ret, message, figures = processor(
            code=SECURITY, conn_id=context.get_sync_conn_id(), security_firm=SecurityFirm.NONE
        )
        expect(figures["capital_in_big"] if ret == 0 else message)

    return one_by_one(call), from_threads(call), context.close


def futu_frame(port: int) -> tuple[One, Many, Call]:
    """The vendor's call: a DataFrame."""
    context = futu_context(port)
    call = frame_call(context)
    return one_by_one(call), from_threads(call), context.close


def nautilus(port: int) -> tuple[One, Many, Call]:
    """The Rust client of nautilus-futu: a dict."""
    from nautilus_futu._rust import PyFutuClient

    client = PyFutuClient()
    client.connect(HOST, port, "benchmark", 101)

    def call() -> None:
        expect(client.get_capital_distribution(1, "00700")["capital_in_big"])

    return one_by_one(call), from_threads(call), client.disconnect


PEERS: dict[str, Callable[[int], tuple[One, Many, Call]]] = {
    "capdist": capdist,
    "capdist-frame": capdist_frame,
    "loop": loop,
    "futu": futu,
    "futu-frame": futu_frame,
    "nautilus": nautilus,
}


def processor_us() -> float:
    """User and system time of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) * 1e6


def memory_kib(name: str) -> int:
    """A line of /proc/self/status, in KiB."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name + ":"))


def measure(one: One, many: Many, mode: str, requests: int) -> dict[str, float]:
    """Runs and times it."""
    one(min(WARM_UP, requests))
    round_trips: list[float] = []
    processor = processor_us()
    started = time.perf_counter()
    if mode == "many":
        many(requests)
    else:
        round_trips = one(requests)
    seconds = time.perf_counter() - started
    used = processor_us() - processor
    return {
        "requests": requests,
        "seconds": seconds,
        "processor_us": used,
        "round_trip_us": sorted(round_trips)[len(round_trips) // 2] * 1e6 if round_trips else 0.0,
        "peak_kib": memory_kib("VmHWM"),
        "resident_kib": memory_kib("VmRSS"),
    }


def main() -> None:
    """Measures one peer in one mode."""
    port, peer, mode, requests = sys.argv[1:]
    one, many, close = PEERS[peer](int(port))
    figures = measure(one, many, mode, int(requests))
    print(json.dumps(figures), flush=True)
    close()
    end(0)


if __name__ == "__main__":
    main()
