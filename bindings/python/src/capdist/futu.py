"""For ``from futu import *``: change the import to ``from capdist.futu import *``."""

from . import _vendor
from ._vendor import *  # noqa: F403

__all__ = _vendor.__all__
