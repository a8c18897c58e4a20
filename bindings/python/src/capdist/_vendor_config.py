"""The settings of the vendor's SDK for the whole process."""

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
    """Settings for the whole process. They apply to contexts that are made afterwards."""

    IS_PROTO_ENCRYPT = False
    INIT_RSA_FILE: Union[str, PathLike[str]] = ""
    #: The vendor's spelling.
    CLINET_ID: Optional[str] = None
    CLIENT_VER: Optional[int] = None
    PROTO_FMT = ProtoFMT.Protobuf
    ALL_THREAD_DAEMON = False

    _console: Optional[logging.Handler] = None

    @classmethod
    def enable_proto_encrypt(cls, is_encrypt: bool) -> None:
        """Sets whether contexts are encrypted that do not set it themselves."""
        cls.IS_PROTO_ENCRYPT = bool(is_encrypt)

    @classmethod
    def is_proto_encrypt(cls) -> bool:
        """The setting of :meth:`enable_proto_encrypt`."""
        return cls.IS_PROTO_ENCRYPT

    @classmethod
    def set_init_rsa_file(cls, file: Union[str, PathLike[str]]) -> None:
        """Sets the path of a PEM file with the RSA private key that OpenD has, too; "" for none. Each context reads it.

        With a key, InitConnect is encrypted also if the context is not, since an OpenD with a key requires that. All other
        bodies are not encrypted then.
        """
        cls.INIT_RSA_FILE = file

    @classmethod
    def set_client_info(cls, client_id: str, client_ver: int) -> None:
        """Sets the application's name and version (major * 100 + minor), which are shown to the gateway."""
        cls.CLINET_ID = client_id
        cls.CLIENT_VER = client_ver

    @classmethod
    def set_proto_fmt(cls, proto_fmt: int) -> None:
        """Accepts either of :class:`ProtoFMT`, without effect: bodies are always protobuf, and are not shown.

        Raises:
            ArgumentError: it is another value.
        """
        if proto_fmt not in (ProtoFMT.Protobuf, ProtoFMT.Json):
            raise ArgumentError(f"proto_fmt is {proto_fmt!r}; it must be one of ProtoFMT", Status.INVALID_ARGUMENT)
        cls.PROTO_FMT = proto_fmt

    @classmethod
    def get_proto_fmt(cls) -> int:
        """The setting of :meth:`set_proto_fmt`."""
        return cls.PROTO_FMT

    @classmethod
    def set_all_thread_daemon(cls, all_daemon: bool) -> None:
        """Accepted without effect: no thread of this package keeps a process alive."""
        cls.ALL_THREAD_DAEMON = all_daemon

    @classmethod
    def get_all_thread_daemon(cls) -> bool:
        """The setting of :meth:`set_all_thread_daemon`."""
        return cls.ALL_THREAD_DAEMON

    @classmethod
    def enable_console_log(cls, enable: bool) -> None:
        """Sets whether the logger ``capdist`` also writes to the standard output, from level INFO on. Off by default, unlike
        the vendor's."""
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
    """The arguments for a client that follow from these settings."""
    options: Dict[str, Any] = {"recv_notify": True}
    if SysConfig.CLINET_ID:
        options["client_id"] = SysConfig.CLINET_ID
    if SysConfig.CLIENT_VER is not None:
        options["client_version"] = SysConfig.CLIENT_VER
    if SysConfig.IS_PROTO_ENCRYPT if is_encrypt is None else is_encrypt:
        # An empty path is refused. Encryption must not be left out because a variable of the environment is missing.
        options["rsa_private_key_file"] = SysConfig.INIT_RSA_FILE or ""
        options["packet_cipher"] = Cipher.AES_CBC  # what the vendor's client asks for
    elif SysConfig.INIT_RSA_FILE and not is_websocket:
        options["rsa_private_key_file"] = SysConfig.INIT_RSA_FILE
        options["packet_cipher"] = Cipher.NONE
    return options
