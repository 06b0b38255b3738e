"""Puts the operators of a station together: from its record, its keys and a way to hash PINs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Final

from devicectl.access.keyring import Keyring
from devicectl.access.ledger import RecordLedger, operators_of, wrong_pins
from devicectl.access.operators import Clock, Hash, Operators
from devicectl.access.pins import SALT_BYTES, Cost, digest
from devicectl.records.entries import Chain
from devicectl.records.store import Store

QUICK: Final = Cost(log2_n=4, r=1)
"""For virtual time, where a hash has to be made on the loop."""


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
    keys: Keyring,
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
