"""Keys in one file under a passphrase, and back: scrypt (RFC 7914), then AES-256-GCM over all key files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from devicectl.records.errors import RecordError
from devicectl.records.schema import sync_folder

from .key_errors import KeysMissing, WrongPassphrase
from .keyring import CLIENTS, MASTER, NONCE_BYTES, STATION, Keyring, erased_mark, key_file
from .vault import MemoryVault, Vault

LEAST: Final = 12
"""Characters of a passphrase: whoever has the file can try as many as he likes."""

_MAGIC: Final = b"devicectl keys 1\n"
_SALT: Final = 16
_N: Final = 1 << 17
_R: Final = 8


def save(vault: Vault, target: Path, passphrase: str) -> int:
    """Write all keys to a new file; answers how many clients' keys are in it.

    Raises:
        KeysMissing: there are no keys.
        RecordError: the passphrase is too short, the file exists or cannot be written.
    """
    if len(passphrase) < LEAST:
        raise RecordError(f"The passphrase needs {LEAST} characters at least: several words are easy to keep.")
    files = {name: vault.read(name) for name in vault.names()}
    if not {MASTER, STATION} <= files.keys():
        raise KeysMissing(
            f"There are no keys in {vault.place} yet: they are made when a station first opens the database."
        )
    content = json.dumps({name: content.hex() for name, content in files.items() if content is not None}).encode()
    salt, nonce = os.urandom(_SALT), os.urandom(NONCE_BYTES)
    sealed = AESGCM(_key(passphrase, salt)).encrypt(nonce, content, _MAGIC)
    _write(target, _MAGIC + salt + nonce + sealed)
    return sum(name.startswith(CLIENTS) and name.endswith(".key") for name in files)


def _write(target: Path, content: bytes) -> None:
    if target.exists():
        raise RecordError(f"{target} exists already: choose another name for the backup of the keys.")
    part = target.with_name(target.name + ".part")
    try:
        with suppress(FileNotFoundError):
            part.unlink()
        with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
        sync_folder(target.parent)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise RecordError(f"The backup {target} cannot be written ({error.strerror}): choose another place.") from error


def load(source: Path, passphrase: str) -> MemoryVault:
    """The keys in a file. Raises :class:`RecordError` or :class:`WrongPassphrase`."""
    try:
        content = source.read_bytes()
    except OSError as error:
        raise RecordError(f"{source} cannot be read ({error.strerror}): check the path.") from error
    start = len(_MAGIC)
    if not content.startswith(_MAGIC) or len(content) < start + _SALT + NONCE_BYTES + 16:
        raise RecordError(f"{source} is no backup of keys: 'devicectl db backup-keys FILE' makes one.")
    salt, rest = content[start : start + _SALT], content[start + _SALT :]
    try:
        plain = AESGCM(_key(passphrase, salt)).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], _MAGIC)
    except InvalidTag as error:
        raise WrongPassphrase("The passphrase is not the right one, or the file was changed: try again.") from error
    vault = MemoryVault()
    for name, digits in json.loads(plain).items():
        vault.write(name, bytes.fromhex(digits))
    return vault


def restore(saved: Vault, vault: Vault, erased: Iterable[UUID]) -> list[str]:
    """Put back what is missing; answers the names of the files that were. Keys that are there are left alone.

    The key of an erased client never comes back. Raises :class:`KeysDamaged` when the saved files are no keys, and
    :class:`RecordError` when others lie there.
    """
    Keyring.open(saved, make=False)
    for name in (MASTER, STATION):
        there = vault.read(name)
        if there is not None and there != saved.read(name):
            raise RecordError(
                f"Other keys lie in {vault.place}: take that folder away (keep it) before these keys are put in its place."
            )
    gone = {key_file(client) for client in erased}
    marks = {
        name.removesuffix(".erased") + ".key" for name in (*vault.names(), *saved.names()) if name.endswith(".erased")
    }
    put = []
    # The master key last: without it the folder counts as missing, so an interrupted restore can be run again.
    for name in sorted(saved.names(), key=lambda name: name == MASTER):
        if name in gone | marks or vault.read(name) is not None:
            continue
        vault.write(name, saved.read(name) or b"")
        put.append(name)
    for client in erased:
        if vault.read(erased_mark(client)) is None:
            vault.write(erased_mark(client), b"")
    return put


def _key(passphrase: str, salt: bytes) -> bytes:
    return hashlib.scrypt(passphrase.encode(), salt=salt, n=_N, r=_R, p=1, maxmem=2 * 128 * _N * _R, dklen=32)
