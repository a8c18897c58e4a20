"""Replies of the library as Python objects."""

from __future__ import annotations

import ctypes
import pickle
from dataclasses import FrozenInstanceError, replace
from datetime import datetime

import pytest
from capdist import CapitalDistribution, _model, _native


def test_every_figure_is_read_as_the_raw_layer_has_it() -> None:
    """The raw fields are read in one step, and give the same object as the constructor."""
    raw = _native.CapitalDistribution()
    names = [name for name, kind, *_ in _native.CapitalDistribution._fields_ if kind is ctypes.c_double]
    for number, name in enumerate(names):
        setattr(raw, name, number + 0.5)
    raw.update_time = b"2026-11-20 15:59:00"
    reply = _native.Reply(distribution=ctypes.pointer(raw))
    figures = _model.result_of(reply, "HK.00700")
    assert isinstance(figures, CapitalDistribution)
    told = {name: getattr(raw, name) for name in names}
    time = datetime(2026, 11, 20, 15, 59)
    made = CapitalDistribution("HK.00700", update_time=time, update_time_text="2026-11-20 15:59:00", **told)
    assert figures == made and hash(figures) == hash(made) and repr(figures) == repr(made)
    assert list(vars(figures)) == list(vars(made))
    assert pickle.loads(pickle.dumps(figures)) == made
    assert replace(figures, security="US.AAPL").capital_in_big == figures.capital_in_big
    with pytest.raises(FrozenInstanceError):
        figures.capital_in_big = 1.0  # type: ignore[misc]
