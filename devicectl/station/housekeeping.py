"""What a station process does beside its pens: STOPs that went around it into the record, and the files of its locks."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Final

from devicectl.records.direct_stops import DIRECT, direct_stop_logged
from devicectl.records.errors import RecordError, RecordRefused
from devicectl.records.rows import EventRow
from devicectl.records.store import Store
from drivers.address import parse_address
from drivers.api import PenError
from drivers.portlock import SIGN_S, sign_of_life, tidy

from .station import Station
from .stop_notes import StopNote, waiting_notes

LOOK_S: Final = 1.0
log = logging.getLogger("devicectl.station")


async def keep_house(station: Station, store: Store, record: str) -> None:
    """Run until cancelled. Whatever touches a file does so in a thread: a STOP must not wait behind a disk."""
    await asyncio.to_thread(tidy)
    sign_due = station.loop.time()
    while True:
        try:
            if station.loop.time() >= sign_due:
                sign_due = station.loop.time() + SIGN_S
                await asyncio.to_thread(sign_of_life)
            await take_notes(station, store, record)
        except OSError as error:
            log.warning("the runtime directory cannot be read: %s", error)
        await asyncio.sleep(LOOK_S)


async def take_notes(station: Station, store: Store, record: str) -> None:
    """Write every waiting note into the record; one that cannot be stored now waits on in its file."""
    for path, note in await asyncio.to_thread(waiting_notes, record):
        if note is None:
            log.warning("%s is no note of a STOP; it was removed", path)
        else:
            try:
                await store.submit(direct_stop_logged(_row(note), note.serial))
            except RecordRefused as error:
                log.error("a STOP that was written straight to its port cannot be recorded: %s", error)
            except RecordError:
                return
            else:
                _say(station, note)
        await asyncio.to_thread(path.unlink, missing_ok=True)


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
        desk.say(note.text)
