"""Secrets at rest: passwords of mailboxes, encrypted and bound to the row that holds them."""

import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# What a secret begins with, so that another cipher can come beside this one.
_AES_256_GCM = b"\x01"
_NONCE_BYTES = 12  # NIST SP 800-38D §8.2.2: random, 96 bits


class UnreadableSecret(Exception):
    """The secret was written under another key or for another row, or it was changed."""

    def __init__(self, row_id: UUID) -> None:
        super().__init__(
            f"the secret of {row_id} cannot be read: DRUMBEAT_SECRET_KEY is not the one it was written with"
        )
        self.row_id = row_id


class Vault:
    """Encrypts with AES-256-GCM under a key that is derived from *secret_key*, which never leaves it."""

    def __init__(self, secret_key: bytes) -> None:
        self._secret_key = secret_key
        self._cipher = AESGCM(self.derive("secrets at rest"))

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for *purpose* alone; the same one at every call (HKDF, RFC 5869)."""
        return HKDF(SHA256(), length=32, salt=None, info=f"drumbeat {purpose}".encode()).derive(
            self._secret_key
        )

    def encrypt(self, plain: str, *, row_id: UUID) -> bytes:
        """Encrypt *plain* so that it can be read back in the row *row_id* only."""
        nonce = os.urandom(_NONCE_BYTES)
        return _AES_256_GCM + nonce + self._cipher.encrypt(nonce, plain.encode(), row_id.bytes)

    def decrypt(self, secret: bytes, *, row_id: UUID) -> str:
        """
        Read back what `encrypt` made.

        Raises:
            UnreadableSecret: Another key, another row, or not made by `encrypt`.
        """
        nonce, sealed = secret[1 : 1 + _NONCE_BYTES], secret[1 + _NONCE_BYTES :]
        if secret[:1] != _AES_256_GCM or len(nonce) < _NONCE_BYTES:
            raise UnreadableSecret(row_id)
        try:
            return self._cipher.decrypt(nonce, sealed, row_id.bytes).decode()
        except InvalidTag:
            raise UnreadableSecret(row_id) from None
