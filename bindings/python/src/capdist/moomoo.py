"""For ``from moomoo import *``: change the import to ``from capdist.moomoo import *``."""

from . import _vendor
from ._vendor import *  # noqa: F403

__all__ = _vendor.__all__
