"""Erasing a client on request: the key is destroyed, and with it every copy of name and free text.

Figures stay under the client's code. The row comes first: an erasure that was cut short ends at the next start
(`devicectl.access.opening`), and one that is not in the record has destroyed nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from devicectl.records import tables as t
from devicectl.records.entries import Chain, Entry
from devicectl.records.errors import RecordRefused
from devicectl.records.writer import Job

from .keyring import Keyring

REASONS: Final = ("requested", "consent-withdrawn", "retention-over", "entered-in-error")
BACKUPS: Final = (
    "Backups of keys that were made before still open what was erased: make a new one with 'devicectl db backup-keys FILE' "
    "and destroy the old ones."
)
"""What to tell whoever erased a client."""


async def erase(
    submit: Callable[[Job[Any]], asyncio.Future[Any]],
    keys: Keyring,
    client: UUID,
    *,
    id: UUID,
    by: UUID | None,
    at_utc_us: int,
    reason: str,
) -> None:
    """Record the erasure, then destroy the key; ``reason`` is one of :data:`REASONS`. Can be run again.

    The keys are destroyed by a job too, because a disk may be slow. A text that was sealed before and is stored after
    cannot be read either.

    Raises:
        RecordRefused: unknown reason or client, or a session of the client is open.
        KeysUnreadable: the key file cannot be destroyed; the next start tries again.
    """
    if reason not in REASONS:
        raise RecordRefused(f"The reason of an erasure is one of: {', '.join(REASONS)}.")
    await submit(lambda connection: _record(connection, Chain(keys.chain), client, id, by, at_utc_us, reason))
    await submit(lambda _connection: keys.destroy_client(client))


def _record(
    connection: sa.Connection, chain: Chain, client: UUID, id: UUID, by: UUID | None, at_utc_us: int, reason: str
) -> None:
    if connection.execute(sa.select(t.clients.c.id).where(t.clients.c.id == client)).first() is None:
        raise RecordRefused("The record has no such client: nothing was erased.")
    is_open = sa.select(t.sessions.c.id).where(t.sessions.c.client_id == client, t.sessions.c.ended_utc_us.is_(None))
    if connection.execute(is_open).first() is not None:
        raise RecordRefused("A session of this client is open: close it before the client is erased.")
    if connection.execute(sa.select(t.erasures.c.id).where(t.erasures.c.client_id == client)).first() is not None:
        return
    row = {"id": id, "client_id": client, "reason": reason}
    chain.enter(connection, [Entry(t.erasures, row, by, at_utc_us, "erased")])
