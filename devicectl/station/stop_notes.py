"""STOP that a client wrote straight to a port, told to the record: a small file for the station whose pen it was.

A file and no request, because it must not be lost when that station hangs, or is gone: it, or the next station of the
same database, takes the file up (`housekeeping`). It holds the client's own time and what was pressed, nobody's name.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

from drivers.runtime import read_notice, runtime_dir

from .stop_ways import PortStop

NOTES_MAX: Final = 100
"""Files that wait for one database at most; who presses more often than that adds nothing to what they say."""


class Moment(NamedTuple):
    """When STOP was pressed, by the client's clocks: µs of UTC, µs since this computer started, s of the monotonic one."""

    utc_us: int
    boot_us: int
    monotonic: float


def this_moment() -> Moment:
    """Now."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return Moment(time.time_ns() // 1000, time.clock_gettime_ns(clock) // 1000, time.monotonic())


@dataclass(frozen=True, slots=True)
class StopNote:
    """One STOP at one port. ``source``: who pressed, a word of `paths.STOP_SOURCES`; ``left``: the holder was gone;
    ``within_ms``: from the press until the bytes were with the port, at most."""

    id: UUID
    at_utc_us: int
    at_boot_us: int
    source: str
    address: str
    serial: str
    sent: bool
    left: bool
    within_ms: int

    @property
    def text(self) -> str:
        """The sentence for the record."""
        why = "no station held it any more" if self.left else "the station did not answer for it"
        did = (
            f"was written straight to {self.address} within {self.within_ms / 1000:.1f} s of the press"
            if self.sent
            else f"could not be written straight to {self.address}"
        )
        return f"STOP ({self.source}) {did}, because {why}."


def leave_notes(results: Sequence[PortStop], source: str, pressed: Moment) -> None:
    """Leave a note of each port that belongs to a record. Never raises: STOP itself is done."""
    within_ms = round((time.monotonic() - pressed.monotonic) * 1000)
    for one in results:
        holding = one.holding
        if holding is not None and holding.record.isalnum():
            try:
                _leave(holding.record, StopNote(
                    _key(), pressed.utc_us, pressed.boot_us, source, one.address, holding.serial, one.sent, one.left,
                    within_ms,
                ))  # fmt: skip
            except OSError:
                continue


def _key() -> UUID:
    from devicectl.records.ids import IdSource

    return IdSource().uuid7()


def _leave(record: str, note: StopNote) -> None:
    folder = runtime_dir()
    if len(list(folder.glob(f"stopped-{record}-*.json"))) >= NOTES_MAX:
        return
    path = folder / f"stopped-{record}-{note.id}.json"
    half = path.with_suffix(".half")
    fd = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, json.dumps(asdict(note) | {"id": str(note.id)}).encode())
    finally:
        os.close(fd)
    half.rename(path)


def waiting_notes(record: str) -> list[tuple[Path, StopNote | None]]:
    """The notes for a database, oldest first; None for a file that is none."""
    return [(path, _read(path)) for path in sorted(runtime_dir().glob(f"stopped-{record}-*.json"))]


def _read(path: Path) -> StopNote | None:
    try:
        data = read_notice(path)
        return StopNote(
            UUID(data["id"]), int(data["at_utc_us"]), int(data["at_boot_us"]), str(data["source"])[:80],
            str(data["address"])[:200], str(data["serial"])[:80], bool(data["sent"]), bool(data["left"]),
            int(data["within_ms"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None
