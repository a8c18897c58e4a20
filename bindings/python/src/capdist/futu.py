"""For ``from futu import *``: change the import to ``from capdist.futu import *`` and the rest stays."""

from ._vendor import RET_ERROR, RET_OK, OpenQuoteContext, SysConfig

__all__ = ["RET_ERROR", "RET_OK", "OpenQuoteContext", "SysConfig"]
