"""The entries of a watch list, and those whose request is repeated."""

from __future__ import annotations

import heapq
import itertools
import time
from dataclasses import dataclass
from typing import Iterable, Iterator, List, Optional, Tuple, Union

from . import _native as native
from ._arguments import parse_security
from ._model import CapitalDistribution
from ._abi import Retry, Status
from ._status import ArgumentError, RequestError

#: How often a request is repeated that the gateway refuses because of its rate limit.
_MOST_TRIES = 10


@dataclass
class Entry:
    """An entry of a watch list: its text, the security, and how often it was requested."""

    security: str
    raw: native.Security
    tries: int = 0


def listed(securities: Iterable[str]) -> Iterator[str]:
    """The entries of a watch list."""
    if not isinstance(securities, (str, bytes)):
        try:
            return iter(securities)
        except TypeError:
            pass
    raise ArgumentError(f"a watch list is a list of texts, not {securities!r}", Status.INVALID_ARGUMENT)


def entry_of(security: str) -> Union[Entry, RequestError]:
    """Makes an entry of a watch list. If the text is not a security, returns the error, in the form of a failed request."""
    try:
        return Entry(security, parse_security(security))
    except ArgumentError as error:
        named = security if isinstance(security, str) else ""
        return RequestError(f"{named}: {error}" if named else str(error), error.status, security=named)


class Again:
    """Entries that the gateway refused because of its rate limit, and that are requested again after the pause."""

    def __init__(self) -> None:
        self._waiting: List[Tuple[float, int, Entry]] = []
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._waiting)

    def takes(self, entry: Entry, result: Union[CapitalDistribution, RequestError]) -> bool:
        """Whether the entry will be requested again, so that `result` is dropped."""
        entry.tries += 1
        if isinstance(result, CapitalDistribution) or result.retry is not Retry.AFTER or entry.tries >= _MOST_TRIES:
            return False
        heapq.heappush(self._waiting, (time.monotonic() + result.retry_after, next(self._order), entry))
        return True

    def due(self) -> Iterator[Entry]:
        """The entries whose pause is over."""
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            yield heapq.heappop(self._waiting)[2]

    def seconds(self) -> Optional[float]:
        """Seconds until the next pause is over; None if there is no entry."""
        return max(0.0, self._waiting[0][0] - time.monotonic()) if self._waiting else None
