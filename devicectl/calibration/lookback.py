"""What a pen that was found out of tolerance may have done wrong: its sessions since it was last known to be good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from devicectl.records.calibrations import Unit, calibration_rows, finished_of, sessions_since
from devicectl.records.clinic import Row

from .book import process_of
from .process import Process


@dataclass(frozen=True, slots=True)
class LookedBack:
    """Sessions in which the motor turned, oldest first; ``since`` is the day of the last good calibration, None when there is
    none."""

    since: date | None
    sessions: tuple[Row, ...]


def unit_of(process: Process) -> Unit:
    """The pen of a calibration."""
    return Unit(process.manufacturer, process.model, process.plan.pen_serial, process.origin)


def look_back(connection: sa.Connection, process: Process) -> LookedBack:
    """Look back from the begin of this calibration."""
    unit = unit_of(process)
    since_us, since = 0, None
    for key in finished_of(connection, unit, process.plan.cartridge_type):
        end = process_of(calibration_rows(connection, key)).end
        if end is None or end.left is None or not end.left.usable or end.at_utc_us >= process.begun_utc_us:
            continue
        since_us, since = end.at_utc_us, end.issued
        break
    return LookedBack(since, tuple(sessions_since(connection, unit, since_us, process.begun_utc_us - 1)))
