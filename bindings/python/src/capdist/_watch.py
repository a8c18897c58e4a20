"""The entries of a watch list, and those that are asked again."""

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

#: How often an entry is asked that is refused for frequency each time.
_MOST_TRIES = 10


@dataclass
class Entry:
    """A security of a list, as it was written and as the library reads it, and how often it was asked."""

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
    """An entry of a watch list; for one that is no security the error, shaped like one of a request that failed."""
    try:
        return Entry(security, parse_security(security))
    except ArgumentError as error:
        named = security if isinstance(security, str) else ""
        return RequestError(f"{named}: {error}" if named else str(error), error.status, security=named)


class Again:
    """Entries that the gateway refused for frequency, and that are asked again after the time it told."""

    def __init__(self) -> None:
        self._waiting: List[Tuple[float, int, Entry]] = []
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._waiting)

    def takes(self, entry: Entry, result: Union[CapitalDistribution, RequestError]) -> bool:
        """Whether the entry is asked again, and `result` is of no interest."""
        entry.tries += 1
        if isinstance(result, CapitalDistribution) or result.retry is not Retry.AFTER or entry.tries >= _MOST_TRIES:
            return False
        heapq.heappush(self._waiting, (time.monotonic() + result.retry_after, next(self._order), entry))
        return True

    def due(self) -> Iterator[Entry]:
        """Those whose time has come."""
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            yield heapq.heappop(self._waiting)[2]

    def seconds(self) -> Optional[float]:
        """Until the next one's time comes; None if there is none."""
        return max(0.0, self._waiting[0][0] - time.monotonic()) if self._waiting else None
