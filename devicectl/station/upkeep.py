"""What becomes wrong with a workstation by itself: a disk that fills, a backup that grows old."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from devicectl.records import tables
from devicectl.records.backup import last_backup
from devicectl.records.store import Store

if TYPE_CHECKING:
    from .station import Station

LOOK_S: Final = 10.0
DISK_LOW_BYTES: Final = 1_000_000_000
"""Below this it is told; below 200 MB nothing is started any more."""
BACKUP_OLD_DAYS: Final = 7
_DAY_S: Final = 86_400.0


def disk_condition(free_bytes: int | None) -> str | None:
    """The sentence about a disk that is nearly full, or None; None where nobody knows."""
    if free_bytes is None or free_bytes >= DISK_LOW_BYTES:
        return None
    return f"Only {free_bytes // 1_000_000} MB are free for the record. Make room on the disk."


def backup_condition(created_s: float, backup_s: float | None, now_s: float) -> str | None:
    """The sentence about a record (made at ``created_s``, copied at ``backup_s``, UTC in s) without a fresh copy, or None."""
    since_s = created_s if backup_s is None else max(created_s, backup_s)
    days = (now_s - since_s) / _DAY_S
    if days <= BACKUP_OLD_DAYS:
        return None
    what = (
        "There is no backup of the record"
        if backup_s is None
        else f"The last backup of the record is {days:.0f} days old"
    )
    return f"{what}. At rest: devicectl db backup FILE."


def conditions(database: Path, free_bytes: int | None, created_s: float, now_s: float) -> dict[str, str]:
    """All that is wrong now, by the code of its alarm. Reads files, so not on a loop."""
    found = {
        "disk": disk_condition(free_bytes),
        "backup": backup_condition(created_s, last_backup(database), now_s),
    }
    return {code: text for code, text in found.items() if text is not None}


class Upkeep:
    """Looks at the disk and at the backup every ten seconds, and hands what is wrong to the station."""

    def __init__(self, station: Station, store: Store) -> None:
        self._station, self._store = station, store
        self._due = station.loop.time()
        self._created_s: float | None = None

    async def look(self) -> None:
        """Look if it is time to."""
        station, store = self._station, self._store
        if store.location is None or station.loop.time() < self._due:
            return
        self._due = station.loop.time() + LOOK_S
        if self._created_s is None:
            query = sa.select(sa.func.min(tables.stations.c.created_utc_us))
            self._created_s = (await store.submit(lambda connection: connection.execute(query).scalar_one())) / 1e6
        now_s, created_s, path = station.source.utc_us() / 1e6, self._created_s, store.location.path
        station.conditions = await asyncio.to_thread(lambda: conditions(path, store.free_bytes(), created_s, now_s))
