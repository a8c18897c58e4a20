"""The client for asyncio, over the connection's own thread."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any, AsyncIterator, Callable, Iterable, Optional, Tuple, Type

from . import _native as native
from ._client import _LIST_QUEUE_TIMEOUT, BaseClient, Result, listed, request_options
from ._connection import parse_security, patience
from ._model import CapitalDistribution, result_of
from ._status import CapdistError


def _hand_over(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *arguments: Any) -> None:
    """Calls back on the loop's thread; a loop that is closed has nobody left who waits."""
    try:
        loop.call_soon_threadsafe(callback, *arguments)
    except RuntimeError:
        if not loop.is_closed():
            raise


def _settle(future: "asyncio.Future[CapitalDistribution]", result: Result) -> None:
    if future.done():
        return
    if isinstance(result, CapitalDistribution):
        future.set_result(result)
    else:
        future.set_exception(result)


def _answered(
    loop: asyncio.AbstractEventLoop,
    future: "asyncio.Future[CapitalDistribution]",
    security: str,
    reply: native.Reply,
) -> None:
    """A request's answer, on the connection's thread."""
    _hand_over(loop, _settle, future, result_of(reply, security))


class AsyncClient(BaseClient):
    """A connection to an OpenD gateway for asyncio. The arguments are those of :class:`Client`; callbacks run on the
    connection's thread, not on the loop's. Make it and use it inside one running loop."""

    async def wait_ready(self, timeout: float = 10.0) -> None:
        """Waits until the connection stands.

        Raises:
            ConnectError: it does not, and why.
        """
        deadline = time.monotonic() + patience(timeout)
        connection = self._connection
        changed = asyncio.Event()
        listener = partial(_hand_over, asyncio.get_running_loop(), changed.set)
        connection.listeners.add(listener)
        error: Optional[CapdistError] = None
        try:
            while True:
                changed.clear()
                error, is_final = connection.look()
                if error is None:
                    return
                remaining = deadline - time.monotonic()
                if remaining <= 0 or is_final:
                    raise error
                try:
                    await asyncio.wait_for(changed.wait(), remaining)
                except asyncio.TimeoutError:
                    pass
        finally:
            connection.listeners.discard(listener)
            del error  # which holds this frame, once it is raised

    async def capital_distribution(
        self,
        security: str,
        *,
        queue_timeout: Optional[float] = None,
        reply_timeout: Optional[float] = None,
        wait: Optional[bool] = None,
        security_firm: int = 0,
    ) -> CapitalDistribution:
        """A stock's capital distribution; arguments and errors as :meth:`Client.capital_distribution`. Cancelling the
        task cancels the request."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[CapitalDistribution] = loop.create_future()

        options = request_options(queue_timeout, reply_timeout, wait, security_firm)
        serial_no = self._connection.ask(parse_security(security), options, partial(_answered, loop, future, security))
        try:
            return await future
        except (asyncio.CancelledError, GeneratorExit):
            self._connection.give_up(serial_no)
            raise
        finally:
            del future  # whose error holds this frame, once it is raised

    async def capital_distributions(
        self, securities: Iterable[str], *, reply_timeout: Optional[float] = None
    ) -> AsyncIterator[Tuple[str, Result]]:
        """The figures of a watch list, each as it comes, within the quota; as :meth:`Client.capital_distributions`."""
        loop = asyncio.get_running_loop()
        options = request_options(_LIST_QUEUE_TIMEOUT, reply_timeout, True, 0)
        remaining = listed(securities)
        window = self._list_window()
        answers: asyncio.Queue[Tuple[int, str, Result]] = asyncio.Queue()
        under_way: set[int] = set()

        def ask(security: str) -> None:
            def sink(reply: native.Reply) -> None:
                _hand_over(loop, answers.put_nowait, (reply.serial_no, security, result_of(reply, security)))

            under_way.add(self._connection.ask(parse_security(security), options, sink))

        try:
            for security in remaining:
                ask(security)
                if len(under_way) < window:
                    continue
                serial_no, answered, result = await answers.get()
                under_way.discard(serial_no)
                yield answered, result
            while under_way:
                serial_no, answered, result = await answers.get()
                under_way.discard(serial_no)
                yield answered, result
        finally:
            for serial_no in under_way:
                self._connection.give_up(serial_no)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, _type: Optional[Type[BaseException]], _error: Optional[BaseException], _trace: Any
    ) -> None:
        self.close()
