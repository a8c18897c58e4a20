"""The log of clients without `on_log`."""

from __future__ import annotations

import logging

from ._abi import LogLevel

#: Without a handler of the application nothing is printed, as usual for libraries.
logger = logging.getLogger("capdist")
logger.addHandler(logging.NullHandler())

_LEVELS = {
    LogLevel.ERROR: logging.ERROR,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.INFO: logging.INFO,
    LogLevel.DEBUG: logging.DEBUG,
}


def level_of(number: int) -> LogLevel:
    """The level with this number; DEBUG for a number that only a newer library has."""
    try:
        return LogLevel(number)
    except ValueError:
        return LogLevel.DEBUG


def log(level: LogLevel, text: str) -> None:
    """Writes a line to the logger ``capdist``."""
    logger.log(_LEVELS[level], "%s", text)
