"""Puts the operators of a station together: from its record, its keys and a way to hash PINs."""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from devicectl.access.ledger import RecordLedger, operators_of, wrong_pins
from devicectl.access.operators import Clock, Hash, Operators
from devicectl.access.pins import SALT_BYTES, Cost, digest
from devicectl.records.entries import Chain
from devicectl.records.errors import RecordError
from devicectl.records.location import Location
from devicectl.records.store import Store

QUICK: Final = Cost(log2_n=4, r=1)
"""For virtual time, where a hash has to be made on the loop."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What is needed beside the database: the pepper of PINs, and the key of the audit chain."""

    pepper: bytes = field(repr=False)
    chain: bytes = field(repr=False)


def load_keys(where: Location) -> Keys:
    """The keys in ``<database>.keys``, made before their first use; blocks. Raises :class:`RecordError`."""
    folder = where.path.with_name(where.path.name + ".keys")
    path = folder / "master.key"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            master = path.read_bytes()
        else:
            master = os.urandom(32)
            with open(descriptor, "wb") as file:
                file.write(master)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise RecordError(f"{path} cannot be used ({error.strerror}); check the rights of its folder.") from error
    if len(master) != 32:
        raise RecordError(f"{path} is no key of this program; put the one back that belongs to this database.")
    return Keys(hmac.digest(master, b"pepper", "sha256"), hmac.digest(master, b"chain", "sha256"))


def hash_in_thread(pepper: bytes) -> Hash:
    """Hashes beside the loop: a PIN takes a fifth of a second, and a STOP must not wait for it."""

    async def hash_pin(pin: str, salt: bytes, cost: Cost) -> bytes:
        return await asyncio.to_thread(digest, pin, salt, pepper, cost)

    return hash_pin


def hash_inline(pepper: bytes) -> Hash:
    """Hashes on the loop, for virtual time: no thread may exist there."""

    async def hash_pin(pin: str, salt: bytes, cost: Cost) -> bytes:
        return digest(pin, salt, pepper, cost)

    return hash_pin


def admit(
    store: Store,
    clock: Clock,
    keys: Keys,
    *,
    hash_pin: Hash | None = None,
    salt: Callable[[], bytes] = lambda: os.urandom(SALT_BYTES),
    cost: Cost = Cost(),  # noqa: B008
) -> Operators:
    """The operators that the record knows, with the wrong PINs that still count; blocks. Raises :class:`RecordError`."""
    states, history = store.submit_sync(lambda connection: (operators_of(connection), wrong_pins(connection)))
    ledger = RecordLedger(lambda job: store.submit(job), Chain(keys.chain), clock.uuid)
    return Operators(
        ledger, clock, hash_pin or hash_in_thread(keys.pepper), salt, states=states, history=history, cost=cost
    )
