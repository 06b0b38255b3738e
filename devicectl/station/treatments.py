"""What the station needs for treatments beside pens: the record's keys, and what turns forms and openings into rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from devicectl.access.cipher import Cipher
from devicectl.access.keyring import Keyring
from devicectl.access.opening import ready
from devicectl.records.entries import Chain
from devicectl.treatment.intake import Intake
from devicectl.treatment.opening import Opener


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
    ) -> None:
        self.keys = keys
        self.cipher = Cipher(keys)
        self.chain = Chain(keys.chain)
        self.intake = Intake(self.chain, KeySealer(keys), new_id)
        self.opener = Opener(self.chain, new_id)
        self.zone = zone
        self.photos = photos

    def now(self, utc_us: int) -> datetime:
        """A moment of the station's clock in the time zone of the place."""
        return datetime.fromtimestamp(utc_us / 1e6, tz=UTC).astimezone(self.zone())
