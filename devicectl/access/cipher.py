"""Free text and identity of a client as ciphertext: AES-256-GCM under the client's own key.

What is sealed fits only the table, column and row it was sealed for. A destroyed key leaves every copy of it unreadable,
those in backups, in the audit chain and in signed payloads too.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from devicectl.records.audit import packed

from .key_errors import ClientErased, SealBroken
from .keyring import NONCE_BYTES, Keyring

_FORMAT: Final = b"\1"
_LEAST: Final = len(_FORMAT) + NONCE_BYTES + 16


class Cipher:
    """Seals and opens texts with the keys of a keyring."""

    def __init__(self, keys: Keyring) -> None:
        self._keys = keys

    def seal(self, client: UUID, text: str, table: str, column: str, row: UUID) -> bytes:
        """The text as ciphertext for one place; the client's key must be there (`devicectl.access.opening.ready`).

        Raises :class:`ClientErased` or :class:`KeysMissing`.
        """
        nonce = self._keys.entropy(NONCE_BYTES)
        sealed = AESGCM(self._keys.client(client)).encrypt(nonce, text.encode(), _place(table, column, row))
        return _FORMAT + nonce + sealed

    def open(self, client: UUID, sealed: bytes, table: str, column: str, row: UUID) -> str | None:
        """The text that was sealed for this place; None when the client was erased.

        Raises:
            SealBroken: it is not what was sealed here.
            KeysMissing, KeysDamaged: the client's key is not there, or is not a key.
        """
        try:
            key = self._keys.client(client)
        except ClientErased:
            return None
        start = len(_FORMAT) + NONCE_BYTES
        try:
            if len(sealed) < _LEAST or not sealed.startswith(_FORMAT):
                raise ValueError("not sealed")
            text = AESGCM(key).decrypt(sealed[len(_FORMAT) : start], sealed[start:], _place(table, column, row))
            return text.decode()
        except (InvalidTag, ValueError) as error:
            raise SealBroken(
                f"A sealed text of {table} cannot be opened: it was changed or moved after it was sealed. "
                "'devicectl audit verify' says what else was."
            ) from error


def _place(table: str, column: str, row: UUID) -> bytes:
    return packed(table) + packed(column) + packed(row)
