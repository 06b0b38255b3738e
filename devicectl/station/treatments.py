"""What the station needs for treatments beside pens: the record's keys, and what turns forms and openings into rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from devicectl.access.cipher import Cipher
from devicectl.access.keyring import Keyring
from devicectl.access.opening import ready
from devicectl.records import tables as t
from devicectl.records.entries import Chain, Entry
from devicectl.records.writer import Job
from devicectl.treatment.intake import Intake
from devicectl.treatment.opening import Opener

from .limits_approval import LimitsApproval


class KeySealer:
    """A :class:`devicectl.treatment.intake.Sealer` with the keys of the record."""

    def __init__(self, keys: Keyring) -> None:
        self._keys, self._cipher = keys, Cipher(keys)

    def ready(self, connection: sa.Connection, client: UUID) -> None:
        """Have the client's key on the disk. Raises :class:`RecordError`."""
        ready(connection, self._keys, client)

    def seal(self, client: UUID, text: str, table: str, column: str, row: UUID) -> bytes:
        """The text as ciphertext for one place."""
        return self._cipher.seal(client, text, table, column, row)


def local_zone() -> tzinfo:
    """The time zone of this computer."""
    zone = datetime.now(tz=UTC).astimezone().tzinfo
    assert zone is not None
    return zone


class Treatments:
    """One record's side of treatments. ``photos``: where copies of photographs are kept, None where there is no disk."""

    def __init__(
        self,
        keys: Keyring,
        new_id: Callable[[], UUID],
        *,
        zone: Callable[[], tzinfo] = local_zone,
        photos: Path | None = None,
        limits: LimitsApproval | None = None,
    ) -> None:
        self.keys = keys
        self.cipher = Cipher(keys)
        self.chain = Chain(keys.chain)
        self.intake = Intake(self.chain, KeySealer(keys), new_id)
        self.opener = Opener(self.chain, new_id)
        self.zone = zone
        self.photos = photos
        self.limits = limits or LimitsApproval()
        self.one_photo = asyncio.Lock()
        """A copy is kept before its row and taken away when the row is refused: one photograph at a time."""

    def noted(
        self, session: UUID, text: str, by: UUID | None, at_utc_us: int, new_id: Callable[[], UUID], action: str
    ) -> Job[int]:
        """Keep a note of the session that the station itself has to make: a reason that somebody gave."""

        def job(connection: sa.Connection) -> int:
            client = connection.execute(
                sa.select(t.sessions.c.client_id).where(t.sessions.c.id == session)
            ).scalar_one()
            key = new_id()
            ready(connection, self.keys, client)
            sealed = self.cipher.seal(client, text, "notes", "note_sealed", key)
            row = {"id": key, "session_id": session, "note_sealed": sealed}
            return self.chain.enter(connection, [Entry(t.notes, row, by, at_utc_us, action)])

        return job

    def left_out(
        self, session: UUID, lacking: tuple[str, ...], reason: str, by: UUID, at_utc_us: int, new_id: Callable[[], UUID]
    ) -> Job[int]:
        """Keep, as a note of the session, that it is signed although something is missing, and why."""
        text = f"Signed without: {' '.join(lacking)} Reason: {reason}"
        return self.noted(session, text, by, at_utc_us, new_id, "signed-incomplete")

    def now(self, utc_us: int) -> datetime:
        """A moment of the station's clock in the time zone of the place."""
        return datetime.fromtimestamp(utc_us / 1e6, tz=UTC).astimezone(self.zone())
