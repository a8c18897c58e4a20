"""The clients for asyncio: one with a thread for its connection, and one that the event loop drives."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
import weakref
from functools import partial
from typing import Any, AsyncIterator, Callable, Iterable, Optional, Tuple, Type

from . import _native as native
from ._abi import Status
from ._arguments import parse_security, patience, request_options
from ._callbacks import Waiting
from ._client import _LIST_QUEUE_TIMEOUT, DEFAULTS, BaseClient, Result
from ._connection import Connection
from ._model import CapitalDistribution, result_of
from ._names import Names, addresses, why_not
from ._status import CapdistError, ConnectError, RequestError
from ._watch import Again, Entry, entry_of, listed


def _hand_over(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *arguments: Any) -> None:
    """Calls a function on the loop's thread. If the loop is closed, nobody waits, and nothing is called."""
    try:
        loop.call_soon_threadsafe(callback, *arguments)
    except RuntimeError:
        if not loop.is_closed():
            raise


def _running_loop() -> asyncio.AbstractEventLoop:
    """The running asyncio loop. Raises RuntimeError if there is none, and tells what to use with trio."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        if not _is_in_trio():
            raise
    raise RuntimeError(
        "this is trio's loop and not asyncio's: use capdist.Client in a thread, such as "
        "`await trio.to_thread.run_sync(client.capital_distribution, security)`, or this client under trio-asyncio"
    )


def _is_in_trio() -> bool:
    trio = sys.modules.get("trio")
    try:
        return trio is not None and trio.lowlevel.current_task() is not None
    except RuntimeError:
        return False


def _settle(future: "asyncio.Future[CapitalDistribution]", result: Result) -> None:
    if future.done():
        return
    if isinstance(result, CapitalDistribution):
        future.set_result(result)
    else:
        future.set_exception(result)


def _call(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *arguments: Any) -> None:
    """The same if the callback is on the loop's thread."""
    if not loop.is_closed():
        callback(*arguments)


def _answered(
    hand_over: Callable[..., None],
    loop: asyncio.AbstractEventLoop,
    future: "asyncio.Future[CapitalDistribution]",
    security: str,
    reply: native.Reply,
) -> None:
    """Completes a future. Called on the connection's thread."""
    hand_over(loop, _settle, future, result_of(reply, security))


class AsyncClient(BaseClient):
    """A connection to a gateway, and the requests over it, for asyncio. The arguments are those of :class:`Client`. Callbacks
    run on the connection's thread, not on the loop's. :class:`LoopClient` needs no thread."""

    _hand_over: Callable[..., None] = staticmethod(_hand_over)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        return _running_loop()

    async def wait_ready(self, timeout: float = 10.0) -> None:
        """Waits until the connection is established.

        Raises:
            ConnectError: the timeout passed, or the connection failed permanently.
        """
        deadline = time.monotonic() + patience(timeout)
        connection = self._connection
        listeners = self._waiting.listeners
        changed = asyncio.Event()
        listener = partial(self._hand_over, self._running_loop(), changed.set)
        listeners.add(listener)
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
            listeners.discard(listener)
            del error  # break the cycle: its traceback refers to this frame

    async def capital_distribution(
        self,
        security: str,
        *,
        queue_timeout: Optional[float] = None,
        reply_timeout: Optional[float] = None,
        wait: Optional[bool] = None,
        security_firm: int = 0,
        outage_wait: Optional[bool] = None,
        max_age: Optional[float] = None,
    ) -> CapitalDistribution:
        """Requests a stock's capital distribution. Arguments and errors are those of :meth:`Client.capital_distribution`.
        Cancelling the task ends the request."""
        loop = self._running_loop()
        future: asyncio.Future[CapitalDistribution] = loop.create_future()

        options = request_options(queue_timeout, reply_timeout, wait, security_firm, outage_wait, max_age)
        serial_no = self._connection.ask(
            parse_security(security), options, partial(_answered, self._hand_over, loop, future, security)
        )
        try:
            return await future
        except (asyncio.CancelledError, GeneratorExit):
            self._connection.give_up(serial_no)
            raise
        finally:
            del future  # break the cycle: its error's traceback refers to this frame

    async def capital_distributions(
        self, securities: Iterable[str], *, reply_timeout: Optional[float] = None, max_age: Optional[float] = None
    ) -> AsyncIterator[Tuple[str, Result]]:
        """Yields the figures of a watch list, as :meth:`Client.capital_distributions` does."""
        loop = self._running_loop()
        options = request_options(_LIST_QUEUE_TIMEOUT, reply_timeout, True, 0, max_age=max_age)
        remaining = listed(securities)
        window = self._list_window()
        answers: asyncio.Queue[Tuple[int, Entry, Result]] = asyncio.Queue()
        under_way: set[int] = set()
        again = Again()
        hand_over = self._hand_over

        def ask(entry: Entry) -> None:
            def sink(reply: native.Reply) -> None:
                hand_over(loop, answers.put_nowait, (reply.serial_no, entry, result_of(reply, entry.security)))

            under_way.add(self._connection.ask(entry.raw, options, sink))

        async def one() -> Tuple[str, Result]:
            while True:
                for entry in again.due():
                    ask(entry)
                try:
                    serial_no, entry, result = await asyncio.wait_for(answers.get(), again.seconds())
                except asyncio.TimeoutError:
                    continue
                if serial_no not in under_way:  # this callback was repeated after a signal
                    continue
                under_way.discard(serial_no)
                if not again.takes(entry, result):
                    return entry.security, result

        try:
            for security in remaining:
                entry = entry_of(security)
                if isinstance(entry, RequestError):
                    yield security, entry
                    continue
                ask(entry)
                if len(under_way) + len(again) < window:
                    continue
                yield await one()
            while under_way or again:
                yield await one()
        finally:
            for serial_no in under_way:
                self._connection.give_up(serial_no)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, _type: Optional[Type[BaseException]], _error: Optional[BaseException], _trace: Any
    ) -> None:
        self.close()


def _process(connection: Connection, _waiting: Waiting) -> None:
    connection.process()


class _Driver:
    """Calls a connection whenever its descriptor is readable. It has no reference to the client."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, connection: Connection, waiting: Waiting, names: Optional[Names]
    ) -> None:
        self._loop = loop
        self._names = names
        self._thread = threading.get_ident()
        self._connection = connection
        self._descriptor = native.lib.capdist_get_fd(connection.handle)
        self._is_ended = False
        # Only the loop holds `waiting`. If the loop is closed, nobody can wait on it, and `waiting` may be collected.
        loop.add_reader(self._descriptor, _process, connection, waiting)

    def end(self) -> None:
        """Removes the descriptor from the loop, and releases the connection. Called on the loop's thread, or while it does not
        run."""
        if self._is_ended:
            return
        # Before the release, since another connection may get the descriptor's number afterwards.
        self._is_ended = True
        if self._names is not None:
            self._names.end()
        if not self._loop.is_closed():
            self._loop.remove_reader(self._descriptor)
        self._connection.close()

    def abandon(self) -> None:
        """The same, called by the garbage collector on any thread."""
        if threading.get_ident() == self._thread or not self._loop.is_running():
            self.end()
        else:
            _hand_over(self._loop, self.end)


class LoopClient(AsyncClient):
    """A connection to a gateway, and the requests over it, driven by the running asyncio loop without a thread. Callbacks run
    on the loop's thread. Use :meth:`connect`, which looks the host's name up; the constructor accepts addresses only. Use the
    client on that loop only. The methods are those of :class:`AsyncClient`.

    Exceptions that are not derived from ``Exception`` (``SystemExit``), and those of signal handlers (``KeyboardInterrupt``),
    leave the loop, as from its other callbacks."""

    _hand_over: Callable[..., None] = staticmethod(_call)

    @classmethod
    async def connect(cls, host: str = DEFAULTS.texts["host"], port: int = DEFAULTS.port, **options: Any) -> "LoopClient":
        """Starts to connect, and returns. The arguments are those of :class:`Client`.

        The loop looks a name up, here and before each later attempt. All its addresses are tried within `connect_timeout`, IPv4
        before IPv6.

        Raises:
            ConnectError: the name was not found. Later lookups that fail are repeated, as long as the client reconnects.
            ArgumentError: an argument is not valid.
        """
        try:
            return cls(host, port, **options)
        except CapdistError as error:
            if error.status is not Status.NEEDS_ADDRESS:
                raise
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            text = f"the name {host} was not found ({why_not(error)}): is it spelled right?"
            raise ConnectError(text, Status.CONNECT_FAILED) from None
        # Proxies need the name, and so does the certificate check over TLS. Use the form that DNS has.
        if options.get("tls") or options.get("websocket_key") is not None:
            options.setdefault("tls_server_name", host.encode("idna").decode("ascii"))
        names = Names(asyncio.get_running_loop(), host, port, addresses(found))
        return cls(host, port, **options, _resolver=names)

    def __init__(self, host: str = DEFAULTS.texts["host"], port: int = DEFAULTS.port, **options: Any) -> None:
        self._loop = _running_loop()
        super().__init__(host, port, **options, _mode=native.MODE_HOST_DRIVEN)
        driver = _Driver(self._loop, self._connection, self._waiting, options.get("_resolver"))
        self._finalizer.detach()
        self._finalizer = weakref.finalize(self, driver.abandon)
        self._end = driver.end

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        loop = _running_loop()
        if loop is not self._loop and not self._connection.is_closing:
            raise RuntimeError(f"{self!r} is bound to a different event loop: make a client on each")
        return loop

    def close(self) -> None:
        """Closes the connection. Each request that is queued or in flight completes with :class:`CancelledRequestError`, before
        this returns or, inside a callback, after that callback. Calling it again is harmless."""
        self._finalizer.detach()
        self._end()
