"""What a station process does beside its pens: STOPs that went around it into the record, and the files of its locks."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from typing import Final
from uuid import UUID

from devicectl.records import tables
from devicectl.records.bound import kept_late
from devicectl.records.direct_stops import DIRECT, direct_stop_logged
from devicectl.records.errors import RecordError, RecordRefused
from devicectl.records.rows import AlarmRow, EventRow, StopRow
from devicectl.records.store import Store
from drivers.address import parse_address
from drivers.api import PenError
from drivers.portlock import SIGN_S, left_behind, sign_of_life, tidy

from .station import Station
from .stop_notes import Moment, StopNote, leave_notes, this_moment, waiting_notes
from .stop_ways import AtPorts
from .unwritten import late_job_of, waiting_entries
from .upkeep import Upkeep

LOOK_S: Final = 1.0
log = logging.getLogger("devicectl.station")


class LeftPorts:
    """Ports that killed programs left behind: looked for once a second, so that a STOP need not look."""

    def __init__(self) -> None:
        self._some = False

    def look(self) -> None:
        """Whether there are any; reads files, so not on a loop."""
        self._some = bool(left_behind())

    def stop(self, source: str, note: bool) -> None:
        """STOP to all of them, by a thread of its own: one that waits for a disk must not hold this up.

        ``note``: tell the record; else whoever pressed goes to the same ports, and tells it and the person.
        """
        if self._some:
            arguments = (source, this_moment(), note)
            threading.Thread(target=self._stop, args=arguments, daemon=True, name="stop-left").start()

    @staticmethod
    def _stop(source: str, pressed: Moment, note: bool) -> None:
        results = AtPorts([], left_behind()).wait(clean=note)
        for one in results:
            log.warning("%s", one.text)
        if note:
            leave_notes(results, source, pressed)


async def keep_house(station: Station, store: Store, record: str, left: LeftPorts) -> None:
    """Run until cancelled. Whatever touches a file does so in a thread: a STOP must not wait behind a disk."""
    tidied = False
    sign_due = station.loop.time()
    upkeep = Upkeep(station, store)
    while True:
        try:
            if not tidied:
                await asyncio.to_thread(tidy)
                tidied = True
            if station.loop.time() >= sign_due:
                sign_due = station.loop.time() + SIGN_S
                await asyncio.to_thread(sign_of_life)
            await asyncio.to_thread(left.look)
            await take_notes(station, store, record)
            await take_entries(station, store, record)
            await upkeep.look()
        except OSError as error:
            log.warning("the runtime directory cannot be read: %s", error)
        except Exception:  # whatever it is: no STOP must be missing from the record because of it
            log.exception("the housekeeping failed; it is tried again")
        await _next_look(station)


async def _next_look(station: Station) -> None:
    """After a standstill at once: whoever pressed STOP meanwhile went around this station."""
    try:
        await asyncio.wait_for(station.woke.wait(), LOOK_S)
    except TimeoutError:
        return
    station.woke.clear()


async def take_notes(station: Station, store: Store, record: str) -> None:
    """Write every waiting note into the record; one that cannot be stored now waits on in its file."""
    for path, note in await asyncio.to_thread(waiting_notes, record):
        if note is None:
            log.warning("%s is no note of a STOP; it was removed", path)
        else:
            try:
                job = direct_stop_logged(_row(note), note.serial)
                chain, now = station.record.treatments.chain, station.source.utc_us()
                await store.submit(kept_late(chain, job, tables.events, note.id, now))
            except RecordRefused as error:
                log.error("a STOP that was written straight to its port cannot be recorded: %s", error)
            except RecordError:
                return
            else:
                _say(station, note)
        await asyncio.to_thread(path.unlink, missing_ok=True)


async def take_entries(station: Station, store: Store, record: str) -> None:
    """Write what an earlier station could not, and that it was late; what still cannot be written waits on in its file."""
    for path, entries in await asyncio.to_thread(waiting_entries, record):
        late = {(row.session_id, row.pen_id) for row in entries if isinstance(row, EventRow | AlarmRow | StopRow)}
        said = [_late(station, *whose, len(entries)) for whose in sorted(late, key=str)]
        for entry in (*entries, *said):
            try:
                chain = station.record.treatments.chain
                await store.submit(late_job_of(entry, chain, station.source.utc_us()))
            except RecordRefused as error:
                # One that was stored before the file could be removed, most likely.
                log.error("an entry that was left for the record is refused: %s: %s", error, entry)
            except RecordError:
                return
        if not entries:
            log.warning("%s holds nothing for the record; it was removed", path)
        await asyncio.to_thread(path.unlink, missing_ok=True)


def _late(station: Station, session: UUID | None, pen: UUID | None, count: int) -> EventRow:
    source = station.source
    text = f"{count} entries that could not be written when they happened were written now, with their own times."
    return EventRow(source.uuid(), session, pen, "written-late", text, source.utc_us(), source.boot_us(), "{}")


def _row(note: StopNote) -> EventRow:
    data = json.dumps(
        {
            "source": note.source,
            "address": note.address,
            "sent": note.sent,
            "holder_gone": note.left,
            "within_ms": note.within_ms,
        }
    )
    return EventRow(note.id, None, None, DIRECT, note.text, note.at_utc_us, note.at_boot_us, data)


def _say(station: Station, note: StopNote) -> None:
    try:
        desk = station.desk_at(parse_address(note.address))
    except PenError:
        return
    if desk is not None:
        desk.stopped_directly(note.text, note.source)
