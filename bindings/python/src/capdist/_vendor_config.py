"""The vendor's settings for the whole process."""

from __future__ import annotations

import logging
import sys
from os import PathLike
from typing import Any, Dict, Optional, Union

from ._log import logger
from ._abi import Cipher, Status
from ._status import ArgumentError
from ._vendor_names import ProtoFMT


_FORMAT = "%(asctime)s | %(process)d | %(thread)d | %(message)s"


class SysConfig:
    """Settings that contexts made from then on have. For the whole process."""

    IS_PROTO_ENCRYPT = False
    INIT_RSA_FILE: Union[str, PathLike[str]] = ""
    #: As the vendor spells it.
    CLINET_ID: Optional[str] = None
    CLIENT_VER: Optional[int] = None
    PROTO_FMT = ProtoFMT.Protobuf
    ALL_THREAD_DAEMON = False

    _console: Optional[logging.Handler] = None

    @classmethod
    def enable_proto_encrypt(cls, is_encrypt: bool) -> None:
        """Whether contexts that do not say so themselves are encrypted."""
        cls.IS_PROTO_ENCRYPT = bool(is_encrypt)

    @classmethod
    def is_proto_encrypt(cls) -> bool:
        """What :meth:`enable_proto_encrypt` was told last."""
        return cls.IS_PROTO_ENCRYPT

    @classmethod
    def set_init_rsa_file(cls, file: Union[str, PathLike[str]]) -> None:
        """The RSA private key that OpenD has too: a PEM file; "" for none. Each context reads it.

        With a key a context's InitConnect is encrypted also where the context is not, as an OpenD with a key wants it;
        all after it is in clear then.
        """
        cls.INIT_RSA_FILE = file

    @classmethod
    def set_client_info(cls, client_id: str, client_ver: int) -> None:
        """What names the program to the gateway, and its version: major * 100 + minor."""
        cls.CLINET_ID = client_id
        cls.CLIENT_VER = client_ver

    @classmethod
    def set_proto_fmt(cls, proto_fmt: int) -> None:
        """Accepted for either of :class:`ProtoFMT`, and of no effect: bodies are protobuf, and nobody sees them.

        Raises:
            ArgumentError: it is neither.
        """
        if proto_fmt not in (ProtoFMT.Protobuf, ProtoFMT.Json):
            raise ArgumentError(f"proto_fmt is {proto_fmt!r}; it must be one of ProtoFMT", Status.INVALID_ARGUMENT)
        cls.PROTO_FMT = proto_fmt

    @classmethod
    def get_proto_fmt(cls) -> int:
        """What :meth:`set_proto_fmt` was told last."""
        return cls.PROTO_FMT

    @classmethod
    def set_all_thread_daemon(cls, all_daemon: bool) -> None:
        """Accepted, and of no effect: no thread here keeps a process alive, whatever is set."""
        cls.ALL_THREAD_DAEMON = all_daemon

    @classmethod
    def get_all_thread_daemon(cls) -> bool:
        """What :meth:`set_all_thread_daemon` was told last."""
        return cls.ALL_THREAD_DAEMON

    @classmethod
    def enable_console_log(cls, enable: bool) -> None:
        """Whether the lines of :mod:`logging`'s ``capdist`` go to the standard output as well, from level INFO on. Off at
        first, where the vendor's are on."""
        if cls._console is not None:
            logger.removeHandler(cls._console)
            cls._console = None
        if enable:
            console = logging.StreamHandler(sys.stdout)
            console.setLevel(logging.INFO)
            console.setFormatter(logging.Formatter(_FORMAT))
            logger.addHandler(console)
            cls._console = console
            if not logger.isEnabledFor(logging.INFO):
                logger.setLevel(logging.INFO)


def connection_options(is_encrypt: Optional[bool], is_websocket: bool) -> Dict[str, Any]:
    """What these settings mean for a client."""
    options: Dict[str, Any] = {"recv_notify": True}
    if SysConfig.CLINET_ID:
        options["client_id"] = SysConfig.CLINET_ID
    if SysConfig.CLIENT_VER is not None:
        options["client_version"] = SysConfig.CLIENT_VER
    if SysConfig.IS_PROTO_ENCRYPT if is_encrypt is None else is_encrypt:
        # An empty path is refused: encryption is never left out for want of a key, None (of the environment, say) included.
        options["rsa_private_key_file"] = SysConfig.INIT_RSA_FILE or ""
        options["packet_cipher"] = Cipher.AES_CBC  # what the vendor's client asks for
    elif SysConfig.INIT_RSA_FILE and not is_websocket:
        options["rsa_private_key_file"] = SysConfig.INIT_RSA_FILE
        options["packet_cipher"] = Cipher.NONE
    return options
