"""Where the library's lines go that no `on_log` takes."""

from __future__ import annotations

import logging

from ._abi import LogLevel

#: As every library does: without a handler of the program's nothing is printed.
logger = logging.getLogger("capdist")
logger.addHandler(logging.NullHandler())

_LEVELS = {
    LogLevel.ERROR: logging.ERROR,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.INFO: logging.INFO,
    LogLevel.DEBUG: logging.DEBUG,
}


def level_of(number: int) -> LogLevel:
    """The level of that number; one that only a newer library knows is DEBUG."""
    try:
        return LogLevel(number)
    except ValueError:
        return LogLevel.DEBUG


def log(level: LogLevel, text: str) -> None:
    """Writes a line to :mod:`logging`'s ``capdist``."""
    logger.log(_LEVELS[level], "%s", text)
