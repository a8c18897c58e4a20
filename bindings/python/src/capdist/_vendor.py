"""What users of the vendor's Python SDK know, for this one interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Tuple, Type, Union

from ._client import Client
from ._model import CapitalDistribution
from ._status import CapdistError

if TYPE_CHECKING:
    import pandas

#: Interface results, as the vendor numbers them.
RET_OK = 0
RET_ERROR = -1

#: The vendor's columns, in its order.
COLUMNS = (
    "capital_in_super",
    "capital_in_big",
    "capital_in_mid",
    "capital_in_small",
    "capital_out_super",
    "capital_out_big",
    "capital_out_mid",
    "capital_out_small",
    "update_time",
)


def _frame(figures: CapitalDistribution) -> "pandas.DataFrame":
    import pandas

    row = [getattr(figures, column) for column in COLUMNS[:-1]]
    frame = pandas.DataFrame([[*row, figures.update_time_text]], columns=list(COLUMNS))
    frame.attrs["update_timestamp"] = figures.update_timestamp
    return frame


class OpenQuoteContext:
    """A connection to OpenD, with the vendor's name and ways.

    The constructor returns at once and never blocks for ever; what goes wrong is told by each call as
    ``(RET_ERROR, text)``.

    Args:
        host: address of the gateway.
        port: its port.
        connect_timeout: how long a call waits for the connection, in seconds.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 11111, *, connect_timeout: float = 10.0) -> None:
        self._timeout = connect_timeout
        self._client = Client(host, port, connect_timeout=connect_timeout)

    def get_capital_distribution(self, stock_code: str) -> Tuple[int, Union["pandas.DataFrame", str]]:
        """A stock's capital distribution.

        Args:
            stock_code: such as "HK.00700".

        Returns:
            ``(RET_OK, DataFrame)`` with one row and the vendor's nine columns; a missing number is NaN, a missing time
            "", and the timestamp is in ``DataFrame.attrs["update_timestamp"]``. Or ``(RET_ERROR, text)``.
        """
        try:
            self._client.wait_ready(self._timeout)
            return RET_OK, _frame(self._client.capital_distribution(stock_code))
        except CapdistError as error:
            return RET_ERROR, str(error)
        except ImportError:
            return RET_ERROR, "pandas is needed for the DataFrame: install it, or use capdist.Client"

    def close(self) -> None:
        """Closes the connection. Harmless to repeat."""
        self._client.close()

    def __enter__(self) -> "OpenQuoteContext":
        return self

    def __exit__(self, _type: Optional[Type[BaseException]], _error: Optional[BaseException], _trace: Any) -> None:
        self.close()
