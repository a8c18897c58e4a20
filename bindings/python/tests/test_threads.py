"""Many threads of Python and of the library, which request, cancel, wait, open and close at the same time."""

from __future__ import annotations

import gc
import random
import sys
import threading
import time
from collections import Counter

from capdist import CancelledRequestError, Client, ClosedError
from conftest import Start
from support import PATIENCE

THREADS = 16
RUN_S = 2.0


def test_threads_do_everything_at_once(simulator: Start) -> None:
    port = simulator("--no-quota").port
    clients = [Client(port=port, quota_requests=0) for _ in range(4)]
    before = threading.active_count()
    local = threading.local()
    counts: Counter[str] = Counter()
    lock = threading.Lock()
    odd: list[BaseException | str] = []
    until = time.monotonic() + RUN_S

    def answered(_serial_no: int, _answer: object) -> None:
        with lock:
            counts["completed"] += 1
        if hasattr(local, "asks"):
            odd.append("a callback on an asking thread")

    def act(chance: random.Random) -> None:
        place = chance.randrange(len(clients))
        client = clients[place]
        what = chance.randrange(20)
        if what == 0:
            clients[place] = Client(port=port, quota_requests=0)
            client.close()
        elif what < 6:
            if client.capital_distribution("HK.00700").capital_in_big != 859479380.0:
                odd.append("wrong figures")
        elif what < 8:
            client.wait_ready(PATIENCE)
        elif what < 10:
            client.cancel(chance.randrange(1, 100))
        elif what < 11:
            gc.collect(0)
        else:
            client.get_capital_distribution("HK.00001", answered)
            with lock:
                counts["accepted"] += 1

    def run(seed: int) -> None:
        local.asks = True
        chance = random.Random(seed)
        while time.monotonic() < until:
            try:
                act(chance)
            except (ClosedError, CancelledRequestError):
                pass  # other threads may have closed the client
            except BaseException as error:
                odd.append(error)
                raise

    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=run, args=(seed,)) for seed in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(RUN_S + PATIENCE)
            assert not thread.is_alive()
    finally:
        sys.setswitchinterval(switching)
    for client in clients:
        client.close()
    assert odd == []
    assert counts["accepted"] > 100
    assert counts["completed"] == counts["accepted"]
    assert threading.active_count() <= before
