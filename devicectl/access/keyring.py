"""The keys of a record: in a folder beside the database, never in the database or its backups.

``master.key`` (32 random bytes, from which by HKDF-SHA256 come the key of the audit chain, the pepper of the PINs, the key that
wraps clients' keys and the passphrase of ``station.pem``), ``station.pem`` (Ed25519, signs sessions) and
``clients/UUID.key`` (AES-256, one for each client, wrapped). ``clients/UUID.erased`` says that a key was destroyed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from devicectl.records.audit import packed

from .key_errors import ClientErased, KeysDamaged, KeysMissing
from .vault import Vault

MASTER: Final = "master.key"
STATION: Final = "station.pem"
CLIENTS: Final = "clients/"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12

Entropy = Callable[[int], bytes]


def key_file(client: UUID) -> str:
    """Name of a client's key file."""
    return f"{CLIENTS}{client}.key"


def erased_mark(client: UUID) -> str:
    """Name of the file that says that a client's key was destroyed."""
    return f"{CLIENTS}{client}.erased"


class Keyring:
    """The keys, opened. Make it with :meth:`open`.

    Attributes:
        chain: key of the audit chain.
        pepper: what PINs are hashed with besides their salt.
        signer: signs for this station.
        entropy: gives that many random bytes, fit for keys.
    """

    def __init__(self, vault: Vault, master: bytes, signer: Ed25519PrivateKey, entropy: Entropy) -> None:
        self.vault, self.signer, self.entropy = vault, signer, entropy
        self.chain = _derived(master, "audit chain")
        self.pepper = _derived(master, "pepper of PINs")
        self._wrapping = AESGCM(_derived(master, "clients' keys"))
        self._clients: dict[UUID, bytes] = {}

    @classmethod
    def open(cls, vault: Vault, *, make: bool, entropy: Entropy = os.urandom) -> Keyring:
        """Read the keys. ``make``: the record has used none yet, so those that are missing are made.

        Raises:
            KeysMissing: they are not there, and the record was made with some.
            KeysDamaged: a file does not hold a key.
            KeysUnreadable: the system refuses.
        """
        master = _master(vault, make, entropy)
        passphrase = _derived(master, "station.pem").hex().encode()
        pem = vault.read(STATION)
        if pem is None:
            if not make:
                raise _missing(vault, STATION)
            signer = Ed25519PrivateKey.from_private_bytes(entropy(KEY_BYTES))
            form = serialization.BestAvailableEncryption(passphrase)
            vault.write(
                STATION, signer.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, form)
            )
            return cls(vault, master, signer, entropy)
        try:
            loaded = serialization.load_pem_private_key(pem, passphrase)
        except (ValueError, TypeError) as error:
            raise _damaged(vault, STATION) from error
        if not isinstance(loaded, Ed25519PrivateKey):
            raise _damaged(vault, STATION)
        return cls(vault, master, loaded, entropy)

    @property
    def public_key(self) -> bytes:
        """The 32 bytes with which signatures of this station are verified."""
        return self.signer.public_key().public_bytes_raw()

    def client(self, client: UUID) -> bytes:
        """The key of a client.

        Raises:
            ClientErased: it was destroyed.
            KeysMissing: it is not there.
            KeysDamaged: it was not wrapped with this master key.
        """
        if client in self._clients:
            return self._clients[client]
        if self.is_erased(client):
            raise ClientErased("This client was erased on request; what was sealed about this person is gone for good.")
        wrapped = self.vault.read(key_file(client))
        if wrapped is None:
            raise _missing(self.vault, key_file(client))
        try:
            found = self._wrapping.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], packed(client))
        except (InvalidTag, ValueError) as error:
            raise _damaged(self.vault, key_file(client)) from error
        self._clients[client] = found
        return found

    def has_client(self, client: UUID) -> bool:
        """Whether the client's key is there."""
        return client in self._clients or self.vault.read(key_file(client)) is not None

    def make_client(self, client: UUID) -> None:
        """Make the key of a client about whom nothing was sealed yet; one that is there is kept.

        Raises :class:`ClientErased` when it was destroyed.
        """
        if self.is_erased(client):
            self.client(client)
        if self.has_client(client):
            return
        key, nonce = self.entropy(KEY_BYTES), self.entropy(NONCE_BYTES)
        self.vault.write(key_file(client), nonce + self._wrapping.encrypt(nonce, key, packed(client)))
        self._clients[client] = key

    def is_erased(self, client: UUID) -> bool:
        """Whether the client's key was destroyed, or is about to be."""
        return self.vault.read(erased_mark(client)) is not None

    def destroy_client(self, client: UUID) -> None:
        """Destroy the client's key for good; can be run again when it was interrupted."""
        if not self.is_erased(client):
            self.vault.write(erased_mark(client), b"")
        self._clients.pop(client, None)
        self.vault.destroy(key_file(client))


def _derived(master: bytes, purpose: str) -> bytes:
    return HKDFExpand(hashes.SHA256(), KEY_BYTES, f"devicectl {purpose}".encode()).derive(master)


def _master(vault: Vault, make: bool, entropy: Entropy) -> bytes:
    text = vault.read(MASTER)
    if text is None:
        if not make:
            raise _missing(vault, MASTER)
        master = entropy(KEY_BYTES)
        vault.write(MASTER, master.hex().encode() + b"\n")
        return master
    try:
        master = bytes.fromhex(text.decode("ascii"))
    except ValueError as error:
        raise _damaged(vault, MASTER) from error
    if len(master) != KEY_BYTES:
        raise _damaged(vault, MASTER)
    return master


def _missing(vault: Vault, name: str) -> KeysMissing:
    return KeysMissing(
        f"The key file {vault.place}/{name} is missing, and the record was made with it: put the key folder back beside the "
        "database, or bring it back with 'devicectl db restore-keys FILE'."
    )


def _damaged(vault: Vault, name: str) -> KeysDamaged:
    return KeysDamaged(
        f"The key file {vault.place}/{name} is damaged or belongs to another record: take it away and bring the right one "
        "back with 'devicectl db restore-keys FILE'."
    )
