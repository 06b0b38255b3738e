"""When each pen is due for calibration, and what its next interval should be; read-only queries."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa

from devicectl.calibration.book import process_of
from devicectl.calibration.interval import AsFound, Suggestion, staircase
from devicectl.calibration.process import Process
from devicectl.records.calibrations import Unit, calibration_rows, finished_of, list_calibrations, units

from .calibrated import Standing, standing_of


def as_found(process: Process) -> AsFound | None:
    """How a pen was found, for the staircase; None when that is not known."""
    parts = [
        abs(point["error"]) / point["limit"]
        for series in process.plan.series
        if (evaluated := process.evaluated(series.measurand, 0)) is not None
        for point in evaluated.detail["points"]
        if point["limit"]
    ]
    if not parts or process.end is None or process.end.found is None:
        return None
    return AsFound(max(parts), not process.end.found.usable)


def suggestion(connection: sa.Connection, unit: Unit, cartridge: str, standing: Standing) -> Suggestion:
    """The next interval by what was found under the present one."""
    interval = standing.process.plan.interval.interval()
    history: list[AsFound] = []
    # What was found at the end of an interval counts under that interval: from its own first calibration on.
    for key in reversed(finished_of(connection, unit, cartridge)):
        process = process_of(calibration_rows(connection, key))
        found = as_found(process)
        if process.plan.interval.interval() != interval:
            history = []
        elif found is not None:
            history.append(found)
    return staircase(interval, history)


def due_rows(connection: sa.Connection, day: date) -> list[dict[str, Any]]:
    """Every pen with each type of cartridge that it was calibrated with."""
    rows = []
    for unit, cartridge in units(connection):
        standing = standing_of(connection, unit, cartridge, day)
        row: dict[str, Any] = {
            "pen": unit.serial,
            "model": unit.model,
            "origin": unit.origin,
            "cartridge_type": cartridge,
        }
        open_ones = [
            one
            for one in list_calibrations(connection, unit)
            if one["how"] is None and one["cartridge_type"] == cartridge
        ]
        row["open"] = str(open_ones[0]["id"]) if open_ones else None
        if standing is None or standing.process.end is None:
            rows.append(
                {
                    **row,
                    "valid": False,
                    "verdict": None,
                    "overdue": False,
                    "soon": False,
                    "on": None,
                    "reasons": [],
                    "next": None,
                }
            )
            continue
        end, due_ = standing.process.end, standing.due
        suggested = suggestion(connection, unit, cartridge, standing)
        rows.append(
            {
                **row,
                "calibration": str(standing.process.id),
                "valid": end.left is not None and end.left.usable and not due_.overdue,
                "verdict": str(end.left),
                "overdue": due_.overdue,
                "soon": due_.soon,
                "on": due_.on.isoformat(),
                "reasons": list(due_.reasons),
                "next": {
                    "months": suggested.interval.months,
                    "sessions": suggested.interval.sessions,
                    "motor_hours": suggested.interval.motor_hours,
                    "why": suggested.why,
                },
            }
        )
    return rows
