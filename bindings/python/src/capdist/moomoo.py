"""For ``from moomoo import *``: change the import to ``from capdist.moomoo import *`` and the rest stays."""

from ._vendor import RET_ERROR, RET_OK, OpenQuoteContext, SysConfig

__all__ = ["RET_ERROR", "RET_OK", "OpenQuoteContext", "SysConfig"]
