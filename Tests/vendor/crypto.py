"""OpenD's encryption with the vendor's code, as far as it exists: RSA for keys of 1024 bits, FTAES_ECB and AES_CBC. The rest uses the
same crypto library in the same way."""

from __future__ import annotations

from pathlib import Path

from Crypto.Cipher import AES, PKCS1_v1_5
from Crypto.PublicKey import RSA
from futu import RET_OK, SysConfig
from futu.common.conn_mng import FutuConnMng, add_pkcs7_padding, remove_pkcs7_padding
from futu.common.sys_config import RsaCrypt

NONE, FTAES_ECB, AES_ECB, AES_CBC = -1, 0, 1, 2
VENDOR_BITS = 1024
VENDOR_BLOCK = 100
SESSION_KEY, IV = "0123456789abcdef", "fedcba9876543210"


class Handshake:
    """The encryption of InitConnect."""

    def __init__(self, file: Path, block: int = VENDOR_BLOCK) -> None:
        """`block`: the number of bytes in each block of an answer."""
        self._file = file
        self._key = RSA.importKey(file.read_bytes())
        self._block = block
        self.is_vendors = self._key.size_in_bits() == VENDOR_BITS and block == VENDOR_BLOCK

    def _select(self) -> None:
        SysConfig.set_init_rsa_file(str(self._file))
        RsaCrypt.CHIPPER = None

    def encrypt(self, body: bytes) -> bytes:
        """Encrypts an answer."""
        if self.is_vendors:
            self._select()
            encrypted: bytes = RsaCrypt.encrypt(body)
            return encrypted
        cipher = PKCS1_v1_5.new(self._key)
        blocks = range(0, len(body), self._block)
        return b"".join(cipher.encrypt(body[start : start + self._block]) for start in blocks)

    def decrypt(self, body: bytes) -> bytes:
        """Decrypts a request."""
        if self.is_vendors:
            self._select()
            decrypted: bytes = RsaCrypt.decrypt(body)
            return decrypted
        cipher = PKCS1_v1_5.new(self._key)
        size = self._key.size_in_bytes()
        return b"".join(cipher.decrypt(body[start : start + size], b"") for start in range(0, len(body), size))


class Session:
    """The encryption of a stream after InitConnect."""

    def __init__(self, algorithm: int, conn_id: int) -> None:
        self._algorithm = algorithm
        self._conn_id = conn_id
        iv = IV if algorithm == AES_CBC else None
        FutuConnMng.add_conn({"conn_id": conn_id, "conn_key": SESSION_KEY, "conn_iv": iv})

    def encrypt(self, body: bytes) -> bytes:
        """Encrypts for the client."""
        if self._algorithm == NONE:
            return body
        if self._algorithm == AES_ECB:
            encrypted: bytes = AES.new(SESSION_KEY.encode(), AES.MODE_ECB).encrypt(add_pkcs7_padding(body))
            return encrypted
        ret, text, encrypted = FutuConnMng.encrypt_conn_data(self._conn_id, body)
        assert ret == RET_OK, text
        return encrypted

    def decrypt(self, body: bytes) -> bytes:
        """Decrypts from the client."""
        if self._algorithm == NONE:
            return body
        if self._algorithm == AES_ECB:
            decrypted: bytes = remove_pkcs7_padding(AES.new(SESSION_KEY.encode(), AES.MODE_ECB).decrypt(body))
            return decrypted
        ret, text, decrypted = FutuConnMng.decrypt_conn_data(self._conn_id, body)
        assert ret == RET_OK, text
        return decrypted
