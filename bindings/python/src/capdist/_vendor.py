"""What users of the vendor's Python SDK know, for this one interface."""

from __future__ import annotations

from functools import lru_cache
from os import PathLike
from typing import TYPE_CHECKING, Any, Optional, Tuple, Type, Union

from ._client import Client
from ._model import CapitalDistribution, Cipher
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


@lru_cache(maxsize=1)
def _numbers() -> "Tuple[Any, pandas.Index]":
    """numpy's array and the columns of numbers. Both libraries are needed for the DataFrame only."""
    import numpy
    import pandas

    return numpy.array, pandas.Index(COLUMNS[:-1])


def _frame(figures: CapitalDistribution) -> "pandas.DataFrame":
    import pandas

    # One block of numbers, then the text: a third of the time that a row of mixed values takes.
    array, columns = _numbers()
    frame = pandas.DataFrame(
        array(
            [
                [
                    figures.capital_in_super,
                    figures.capital_in_big,
                    figures.capital_in_mid,
                    figures.capital_in_small,
                    figures.capital_out_super,
                    figures.capital_out_big,
                    figures.capital_out_mid,
                    figures.capital_out_small,
                ]
            ]
        ),
        columns=columns,
        copy=False,
    )
    frame.insert(len(columns), COLUMNS[-1], figures.update_time_text)
    frame.attrs["update_timestamp"] = figures.update_timestamp
    return frame


class SysConfig:
    """Whether contexts that do not say so themselves are encrypted, and with which key. For the whole process."""

    IS_PROTO_ENCRYPT = False
    INIT_RSA_FILE = ""

    @classmethod
    def enable_proto_encrypt(cls, is_encrypt: bool) -> None:
        """For contexts made from now on."""
        cls.IS_PROTO_ENCRYPT = bool(is_encrypt)

    @classmethod
    def is_proto_encrypt(cls) -> bool:
        """What :meth:`enable_proto_encrypt` was told last."""
        return cls.IS_PROTO_ENCRYPT

    @classmethod
    def set_init_rsa_file(cls, file: str) -> None:
        """The RSA private key that OpenD has too: a PEM file. It is read by each context that is encrypted."""
        cls.INIT_RSA_FILE = file


class OpenQuoteContext:
    """A connection to OpenD, with the vendor's name and ways.

    The constructor returns at once and never blocks for ever; what goes wrong is told by each call as
    ``(RET_ERROR, text)``.

    Args:
        host: address of the gateway.
        port: its port.
        is_encrypt: whether to encrypt, with :meth:`SysConfig.set_init_rsa_file`'s key; None: as
            :meth:`SysConfig.enable_proto_encrypt` was told. A key that is missing or can not be used raises
            :class:`capdist.ArgumentError`.
        websocket_key: connect to OpenD's WebSocket instead, with the key that is set there; "" if none is.
        tls: over TLS, which implies WebSocket.
        ca_file: whom to trust then: a PEM file; None: the system's CAs.
        connect_timeout: how long a call waits for the connection, in seconds.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 11111,
        is_encrypt: Optional[bool] = None,
        *,
        websocket_key: Optional[str] = None,
        tls: bool = False,
        ca_file: Union[str, PathLike[str], None] = None,
        connect_timeout: float = 10.0,
    ) -> None:
        self._timeout = connect_timeout
        encrypts = SysConfig.IS_PROTO_ENCRYPT if is_encrypt is None else is_encrypt
        self._client = Client(
            host,
            port,
            connect_timeout=connect_timeout,
            # An empty path is refused: encryption is never left out for want of a key, None (of the environment, say) included.
            rsa_private_key_file=(SysConfig.INIT_RSA_FILE or "") if encrypts else None,
            # What the vendor's client asks for.
            packet_cipher=Cipher.AES_CBC,
            websocket_key=websocket_key,
            tls=tls,
            ca_file=ca_file,
        )

    def get_capital_distribution(self, stock_code: str) -> Tuple[int, Union["pandas.DataFrame", str]]:
        """A stock's capital distribution.

        Args:
            stock_code: such as "HK.00700".

        Returns:
            ``(RET_OK, DataFrame)`` with one row and the vendor's nine columns; a missing number is NaN, a missing time
            "", and the timestamp is in ``DataFrame.attrs["update_timestamp"]``. Or ``(RET_ERROR, text)``.
        """
        try:
            import pandas  # noqa: F401 - before a slot of the quota is spent on what could not be shown
        except ImportError:
            return RET_ERROR, "pandas is needed for the DataFrame: install it, or use capdist.Client"
        try:
            self._client.wait_ready(self._timeout)
            return RET_OK, _frame(self._client.capital_distribution(stock_code))
        except CapdistError as error:
            return RET_ERROR, str(error)

    def close(self) -> None:
        """Closes the connection. Harmless to repeat."""
        self._client.close()

    def __enter__(self) -> "OpenQuoteContext":
        return self

    def __exit__(self, _type: Optional[Type[BaseException]], _error: Optional[BaseException], _trace: Any) -> None:
        self.close()
