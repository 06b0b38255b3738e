"""What a closed pen left that the record did not take: tried again while the station lives, told to the next one after.

Stops, alarms and events are kept as their rows, in a small file in the runtime directory, which is often not on the disk
that is full. The next station of the same database takes the file up (`housekeeping`).
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from devicectl.records import jobs
from devicectl.records import tables as t
from devicectl.records.bound import kept_late
from devicectl.records.entries import Chain
from devicectl.records.rows import AlarmRow, EventRow, StopRow
from devicectl.records.writer import Job
from drivers.runtime import read_notice, runtime_dir

from .outbox import Outbox

ENTRIES_MAX: Final = 500
"""Entries of one file; the first are kept, because they tell what happened."""
FILES_MAX: Final = 50
Submit = Callable[[Job[Any]], "asyncio.Future[Any]"]
log = logging.getLogger("devicectl.station")


@dataclass(frozen=True, slots=True)
class StopStill:
    """A stop was followed by stillness, so many µs after the intent."""

    id: UUID
    intent_to_still_us: int


@dataclass(frozen=True, slots=True)
class AlarmMark:
    """An alarm was ``cleared`` or ``acknowledged``."""

    id: UUID
    what: str
    at_utc_us: int


Entry = EventRow | AlarmRow | StopRow | StopStill | AlarmMark
_KINDS: Final[dict[str, type[Any]]] = {
    kind.__name__: kind for kind in (EventRow, AlarmRow, StopRow, StopStill, AlarmMark)
}


def job_of(entry: Entry) -> Job[Any]:
    """What stores an entry."""
    match entry:
        case EventRow():
            return jobs.event_logged(entry)
        case AlarmRow():
            return jobs.alarm_raised(entry)
        case StopRow():
            return jobs.stop_logged(entry)
        case StopStill():
            return jobs.stop_completed(entry.id, entry.intent_to_still_us)
        case AlarmMark():
            mark = jobs.alarm_cleared if entry.what == "cleared" else jobs.alarm_acknowledged
            return mark(entry.id, entry.at_utc_us)


_TABLES: Final[dict[type[Any], sa.Table]] = {EventRow: t.events, AlarmRow: t.alarms, StopRow: t.stops}


def late_job_of(entry: Entry, chain: Chain, at_utc_us: int) -> Job[Any]:
    """What stores an entry now that it is late: its session may have been signed meanwhile."""
    table, job = _TABLES.get(type(entry)), job_of(entry)
    return job if table is None else kept_late(chain, job, table, entry.id, at_utc_us)


class Unwritten:
    """Outboxes of pens that were closed while the record could not be written; ``submit`` is the writer's own."""

    def __init__(self, submit: Submit) -> None:
        self._submit = submit
        self._left: list[tuple[Outbox, Callable[[], list[Entry]]]] = []

    def take(self, outbox: Outbox, entries: Callable[[], list[Entry]]) -> None:
        """Go on with an outbox; ``entries`` answers what of it a file could keep."""
        outbox.go_on(self._submit)
        self._left.append((outbox, entries))

    @property
    def some(self) -> bool:
        """True while something waits."""
        self._left = [one for one in self._left if not one[0].empty]
        return bool(self._left)

    async def close(self, seconds: float) -> list[Entry]:
        """Wait until all is stored, ``seconds`` at most, then try no more; gives what was not."""
        end = asyncio.get_running_loop().time() + seconds
        found: list[Entry] = []
        for outbox, entries in self._left:
            await outbox.drain(max(0.0, end - asyncio.get_running_loop().time()))
            outbox.close()
            found += entries()
        self._left = []
        return found


# -- the file


def leave_entries(record: str, entries: Sequence[Entry], key: UUID) -> None:
    """Keep what could not be stored for the next station of a database. Never raises: the station ends all the same."""
    if not entries:
        return
    folder = runtime_dir()
    path = folder / f"unwritten-{record}-{key}.json"
    rows = [{"kind": type(entry).__name__, **dataclasses.asdict(entry)} for entry in entries[:ENTRIES_MAX]]
    try:
        if len(list(folder.glob(f"unwritten-{record}-*.json"))) >= FILES_MAX:
            return
        half = path.with_suffix(".half")
        fd = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w") as file:
            json.dump({"entries": rows, "more": max(0, len(entries) - ENTRIES_MAX)}, file, default=str)
        half.rename(path)
    except OSError as error:
        log.error("what could not be written into the record is lost (%s): %s", error, rows)


def waiting_entries(record: str) -> list[tuple[Path, list[Entry]]]:
    """The files for a database, oldest first; an empty list for a file that is none."""
    return [(path, _read(path)) for path in sorted(runtime_dir().glob(f"unwritten-{record}-*.json"))]


def _read(path: Path) -> list[Entry]:
    try:
        return [_entry(row) for row in read_notice(path)["entries"][:ENTRIES_MAX]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _entry(row: dict[str, Any]) -> Entry:
    kind = _KINDS[row.pop("kind")]
    keys = {name for name in row if name == "id" or name.endswith("_id")}
    entry: Entry = kind(**{n: UUID(v) if n in keys and v is not None else v for n, v in row.items()})
    return entry
