"""Name lookup for connections that a loop drives: before each attempt, since a name's addresses may change."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Iterable, Optional, Tuple

from ._connection import Connection

def why_not(error: OSError) -> str:
    """The reason of a failed lookup."""
    return error.strerror or str(error) or type(error).__name__


def addresses(found: Iterable[Tuple[Any, ...]]) -> str:
    """The addresses in the result of `getaddrinfo`, IPv4 before IPv6, since OpenD listens there."""
    in_order = sorted(found, key=lambda one: one[0] is not socket.AF_INET)
    return " ".join(dict.fromkeys(str(one[4][0]) for one in in_order))


class Names:
    """The resolver of one client. `first` has the addresses of the first lookup, which `connect` made."""

    def __init__(self, loop: asyncio.AbstractEventLoop, host: str, port: int, first: str) -> None:
        self._loop = loop
        self._host = host
        self._port = port
        self._first: Optional[str] = first
        self._under_way: Optional["asyncio.Task[None]"] = None

    def __call__(self, connection: Connection) -> None:
        """Looks the name up. Called by the library on the loop's thread."""
        first, self._first = self._first, None
        if first is not None:
            connection.resolved(first)
        elif self._under_way is None and not self._loop.is_closed():
            self._under_way = self._loop.create_task(self._look_up(connection))

    async def _look_up(self, connection: Connection) -> None:
        found, why = None, "the lookup was given up"
        try:
            found = addresses(await self._loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM))
        except OSError as error:
            why = why_not(error)
        finally:
            self._under_way = None
            # Always answer: the library does not ask again before it has an answer.
            connection.resolved(found, why)

    def end(self) -> None:
        """Cancels a lookup in progress."""
        if self._under_way is not None and not self._loop.is_closed():
            self._under_way.cancel()
