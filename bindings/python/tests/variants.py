"""The variants of the package, as the table of named cases sees them: each opens clients and asks in its own way."""

from __future__ import annotations

import asyncio
import math
import threading
import time
import weakref
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Optional, Union

from capdist import AsyncClient, CapdistError, CapitalDistribution, Client, LoopClient, RequestError
from capdist.futu import RET_OK, OpenQuoteContext
from support import PATIENCE

#: The fields of a case's `figures`, and the attributes they are.
FIGURES = (
    "capital_in_super",
    "capital_in_big",
    "capital_in_mid",
    "capital_in_small",
    "capital_out_super",
    "capital_out_big",
    "capital_out_mid",
    "capital_out_small",
    "update_time",
    "update_timestamp",
)


@dataclass
class Answer:
    """What became of one request, in the words of the table. None: this variant does not tell."""

    security: str
    seconds: float
    status: Optional[str] = None
    call: Optional[str] = None
    was_sent: Optional[bool] = None
    ret_type: Optional[int] = None
    ret_msg: Optional[str] = None
    retry_after_ms: Optional[float] = None
    figures: dict[str, Union[float, str, None]] = field(default_factory=dict)
    text: str = ""
    from_cache: Optional[bool] = None


def number(value: float) -> Optional[float]:
    """A figure in the table's words."""
    return None if math.isnan(value) else value


def answer_of(security: str, result: Union[CapitalDistribution, RequestError], asked: float) -> Answer:
    """A result of the typed client."""
    seconds = time.monotonic() - asked
    assert result.security == security
    if isinstance(result, CapitalDistribution):
        values: list[Any] = [getattr(result, name) for name in FIGURES]
        figures = {
            name: value if name == "update_time" else number(value) for name, value in zip(FIGURES, values, strict=True)
        }
        figures["update_time"] = result.update_time_text or None
        assert (result.update_time is None) == (not result.update_time_text)
        assert result.age >= 0 if result.from_cache else result.age == 0
        sent = not result.from_cache
        return Answer(security, seconds, "CAPDIST_OK", None, sent, None, None, 0, figures, from_cache=result.from_cache)
    assert result.status is not None
    status = f"CAPDIST_{result.status.name}"
    retry = result.retry_after * 1000
    return Answer(
        security, seconds, status, None, result.was_sent, result.ret_type, result.ret_msg, retry, {}, str(result)
    )


def refused(security: str, error: CapdistError, asked: float) -> Answer:
    """A call that was refused."""
    assert error.status is not None
    return Answer(security, time.monotonic() - asked, call=f"CAPDIST_{error.status.name}", text=str(error))


Asks = list[tuple[Any, str]]
#: How old the answer to each may be, in seconds.
MaxAges = list[Optional[float]]


class Blocking:
    """Client.capital_distribution"""

    def open(self, **options: Any) -> Client:
        """A new client."""
        return Client(**options)

    def ask(self, asks: Asks, max_ages: MaxAges) -> list[Answer]:
        """Asks one after the other."""
        answers = []
        for (client, security), max_age in zip(asks, max_ages, strict=True):
            asked = time.monotonic()
            try:
                answers.append(answer_of(security, client.capital_distribution(security, max_age=max_age), asked))
            except RequestError as error:
                answers.append(answer_of(security, error, asked))
            except CapdistError as error:
                answers.append(refused(security, error, asked))
        return answers


class Callbacks(Blocking):
    """Client.get_capital_distribution"""

    #: Whether the first callback closes its client.
    closes = False

    def ask(self, asks: Asks, max_ages: MaxAges) -> list[Answer]:
        """Asks all, then waits for the callbacks, each of which must come once."""
        asked = time.monotonic()
        answers: dict[tuple[int, int], Answer] = {}
        keys: list[tuple[int, int]] = []
        calls: list[tuple[int, int]] = []
        changed = threading.Condition()
        all_asked = threading.Event()

        def ask(client: Client, security: str, max_age: Optional[float]) -> None:
            def answered(serial_no: int, result: Union[CapitalDistribution, RequestError]) -> None:
                with changed:
                    answers[id(client), serial_no] = answer_of(security, result, asked)
                    calls.append((id(client), serial_no))
                    changed.notify_all()
                if self.closes:
                    # What is asked is one set: the closing must not overtake the asking.
                    all_asked.wait(PATIENCE)
                    client.close()

            try:
                keys.append((id(client), client.get_capital_distribution(security, answered, max_age=max_age)))
            except CapdistError as error:
                keys.append((id(client), -len(keys)))
                answers[keys[-1]] = refused(security, error, asked)

        for (client, security), max_age in zip(asks, max_ages, strict=True):
            ask(client, security, max_age)
        all_asked.set()
        with changed:
            assert changed.wait_for(lambda: len(answers) == len(keys), PATIENCE), f"{len(answers)} of {len(keys)}"
        time.sleep(0.05)
        assert len(calls) == len(set(calls)), "a callback came twice"
        assert all(serial_no != 0 for _, serial_no in calls)
        return [answers[key] for key in keys]


class Asyncio:
    """AsyncClient.capital_distribution"""

    def open(self, **options: Any) -> AsyncClient:
        """A new client."""
        return AsyncClient(**options)

    def ask(self, asks: Asks, max_ages: MaxAges) -> list[Answer]:
        """Asks all at once."""

        async def ask(client: AsyncClient, security: str, max_age: Optional[float]) -> Answer:
            asked = time.monotonic()
            try:
                return answer_of(security, await client.capital_distribution(security, max_age=max_age), asked)
            except RequestError as error:
                return answer_of(security, error, asked)
            except CapdistError as error:
                return refused(security, error, asked)

        async def ask_all() -> list[Answer]:
            all_asks = zip(asks, max_ages, strict=True)
            return await asyncio.gather(*(ask(client, security, max_age) for (client, security), max_age in all_asks))

        return self.run(asyncio.wait_for(ask_all(), PATIENCE))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """On a loop of its own."""
        return asyncio.run(work)


class OnLoop(Asyncio):
    """LoopClient.capital_distribution"""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        weakref.finalize(self, self._loop.close)

    def open(self, **options: Any) -> LoopClient:
        """A new client."""
        client = self.run(LoopClient.connect(**options))
        assert isinstance(client, LoopClient)
        return client

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """On the loop that drives the clients."""
        return self._loop.run_until_complete(work)


class Vendor:
    """OpenQuoteContext.get_capital_distribution"""

    def open(self, port: int, **_options: Any) -> OpenQuoteContext:
        """A new context; it has no options but these."""
        return OpenQuoteContext(host="127.0.0.1", port=port)

    def ask(self, asks: Asks, max_ages: MaxAges) -> list[Answer]:
        """Asks one after the other; it has no options of requests."""
        assert max_ages == [None] * len(asks)
        answers = []
        for context, security in asks:
            asked = time.monotonic()
            ret, data = context.get_capital_distribution(security)
            seconds = time.monotonic() - asked
            if ret != RET_OK:
                answers.append(Answer(security, seconds, text=data))
                continue
            figures = {name: number(data[name][0]) for name in FIGURES[:8]}
            figures["update_time"] = data["update_time"][0] or None
            figures["update_timestamp"] = number(data.attrs["update_timestamp"])
            answers.append(Answer(security, seconds, "CAPDIST_OK", figures=figures))
        return answers
