"""Keys and record together: opened, made before first use, checked to belong to each other, erasures brought to an end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from devicectl.records import audit
from devicectl.records import tables as t
from devicectl.records.entries import Chain, Entry
from devicectl.records.errors import RecordError
from devicectl.records.location import Location
from devicectl.records.reader import Reader
from devicectl.records.sealed import anything_sealed
from devicectl.records.store import Store

from . import key_backup
from .key_errors import KeysMissing, WrongKeys
from .keyring import Entropy, Keyring
from .vault import FolderVault, MemoryVault, Vault

_USED: Final = (t.audit, t.station_keys, t.erasures)


def open_keys(store: Store, *, vault: Vault | None = None, entropy: Entropy = os.urandom) -> Keyring:
    """The keys of a record that is open for writing; blocks (about 10 ms, 30 ms when they are made).

    Keys are made, and on the disk, before anything is written with them; never when the record has used some already.
    A record in memory has keys in memory unless a ``vault`` is given. Adds to ``store.notes`` what must be told.

    Raises:
        KeysMissing, KeysDamaged, KeysUnreadable, WrongKeys: one sentence each.
    """
    if vault is None:
        vault = MemoryVault() if store.location is None else FolderVault(store.location.keys_path)
    used = store.submit_sync(keys_used)
    keys = Keyring.open(vault, make=not used, entropy=entropy)
    store.submit_sync(lambda connection: check_belonging(connection, keys))
    if not store.submit_sync(lambda connection: newest_fits(connection, keys)):
        store.notes.append(
            "The newest audit entry was changed: 'devicectl audit verify' says what was done to the record."
        )
    store.submit_sync(lambda connection: register(connection, keys, store.ids.uuid7(), store.ids.utc_us()))
    for client in store.submit_sync(erased_clients):
        if keys.has_client(client) or not keys.is_erased(client):
            keys.destroy_client(client)
            store.notes.append("An erasure that was interrupted was brought to its end.")
    store.notes.extend(vault.exposed())
    return keys


def read_keys(location: Location) -> Keyring:
    """The keys beside a database, for reading and verifying; makes none. Raises as :func:`open_keys`."""
    return Keyring.open(FolderVault(location.keys_path), make=False)


def restore_keys(location: Location, source: Path, passphrase: str) -> list[str]:
    """Put back the keys that are missing beside a database; answers the names of the files that were.

    Raises:
        WrongPassphrase, WrongKeys: nothing was put back.
        RecordError: other keys lie there, or a file cannot be read or written.
    """
    saved = key_backup.load(source, passphrase)
    erased: list[UUID] = []
    if location.path.exists():
        opened = Keyring.open(saved, make=False)
        with Reader(location) as reader:
            reader.run(lambda connection: check_belonging(connection, opened, str(source)))
            erased = reader.run(erased_clients)
    return key_backup.restore(saved, FolderVault(location.keys_path), erased)


def keys_used(connection: sa.Connection) -> bool:
    """Whether anything in the record was made with keys."""
    return any(connection.execute(sa.select(sa.literal(1)).select_from(one).limit(1)).first() for one in _USED)


def check_belonging(connection: sa.Connection, keys: Keyring, place: str = "") -> None:
    """Raise :class:`WrongKeys` when the record was made with other keys than these."""
    known = set(connection.execute(sa.select(t.station_keys.c.public_key)).scalars())
    # A chain that was tampered with does not make the keys wrong: verifying says what was done to it.
    if keys.public_key in known or (not known and newest_fits(connection, keys)):
        return
    raise WrongKeys(
        f"The keys in {place or keys.vault.place} belong to another record: put the folder that was made with this database "
        "in their place, or bring its keys back with 'devicectl db restore-keys FILE'."
    )


def newest_fits(connection: sa.Connection, keys: Keyring) -> bool:
    """Whether the newest audit entry was made with these keys, as it stands; also when there is none."""
    entry = connection.execute(sa.select(t.audit).order_by(t.audit.c.seq.desc()).limit(1)).mappings().first()
    return entry is None or audit.fits(keys.chain, dict(entry))


def register(connection: sa.Connection, keys: Keyring, id: UUID, now_utc_us: int) -> None:
    """Keep the public key in the record, so that signatures can be verified by who has no key at all."""
    if connection.execute(sa.select(t.station_keys.c.id).where(t.station_keys.c.public_key == keys.public_key)).first():
        return
    station = connection.execute(sa.select(t.stations.c.id).limit(1)).scalar_one()
    row = {"id": id, "station_id": station, "public_key": keys.public_key, "created_utc_us": now_utc_us}
    Chain(keys.chain).enter(connection, [Entry(t.station_keys, row, None, now_utc_us, "key-made")])


def erased_clients(connection: sa.Connection) -> list[UUID]:
    """Clients whose erasure is in the record."""
    return list(connection.execute(sa.select(t.erasures.c.client_id)).scalars())


def ready(connection: sa.Connection, keys: Keyring, client: UUID) -> None:
    """Have the client's key on the disk before anything is sealed with it; a job for the writer.

    Raises:
        ClientErased: nothing more can be kept about this person.
        KeysMissing: something was sealed for the client before, and its key is not there.
        RecordError: the record has no such client.
    """
    if keys.is_erased(client):
        keys.client(client)
    if keys.has_client(client):
        return
    if connection.execute(sa.select(t.clients.c.id).where(t.clients.c.id == client)).first() is None:
        raise RecordError("The record has no such client.")
    if anything_sealed(connection, client):
        raise KeysMissing(
            f"The key of this client is missing from {keys.vault.place}, and texts are sealed with it: bring it back with "
            "'devicectl db restore-keys FILE'."
        )
    keys.make_client(client)
