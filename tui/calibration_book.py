"""What the calibration screens read of the record: interrupted calibrations, the plan of the last one. Run in a thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from devicectl.calibration.book import process_of
from devicectl.calibration.watch import Watched, watched
from devicectl.records.calibrations import calibration_rows, checks_of, list_calibrations, pens_named
from devicectl.station.due_list import due_rows

if TYPE_CHECKING:
    import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class OpenCalibration:
    """A calibration that was interrupted."""

    id: str
    begun_utc_us: int
    cartridge_type: str
    technician: str
    readings: int


def open_calibrations(connection: sa.Connection, serial: str, simulated: bool) -> tuple[OpenCalibration, ...]:
    """Calibrations of a pen that have not ended, newest first; a simulated pen's are never those of a real one."""
    found = []
    for row in list_calibrations(connection):
        if row["how"] is not None or row["serial"] != serial or (row["origin"] != "hardware") is not simulated:
            continue
        process = process_of(calibration_rows(connection, row["id"]))
        counted = sum(one.withdrawn is None for one in process.readings)
        found.append(
            OpenCalibration(str(row["id"]), row["at_utc_us"], row["cartridge_type"], row["technician"], counted)
        )
    return tuple(found)


def last_plan(connection: sa.Connection, serial: str) -> Mapping[str, object] | None:
    """The plan of the newest calibration, of this pen if there is one: standards and place seldom change."""
    known = list_calibrations(connection)
    if not known:
        return None
    newest = next((row for row in known if row["serial"] == serial), known[0])
    return process_of(calibration_rows(connection, newest["id"])).plan.model_dump(mode="json")


def due(connection: sa.Connection, day: date) -> tuple[Mapping[str, Any], ...]:
    """Every pen that was calibrated, with each type of cartridge; what is due first stands first."""
    rows = due_rows(connection, day)
    return tuple(sorted(rows, key=lambda row: (not row["overdue"], row["valid"], row["on"] or "9999")))


def charts(connection: sa.Connection, serial: str, simulated: bool) -> tuple[Watched, ...]:
    """The control charts of a pen's daily checks."""
    pens = [pen for pen in pens_named(connection, serial) if (pen.origin != "hardware") is simulated]
    return watched(checks_of(connection, pens[0])) if pens else ()
