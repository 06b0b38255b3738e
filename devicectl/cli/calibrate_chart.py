"""``devicectl calibrate chart`` and ``due``: what the daily checks say, and when the next calibration comes."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

import click
import sqlalchemy as sa

from devicectl.calibration.book import process_of
from devicectl.calibration.chart import Chart, control_chart
from devicectl.calibration.interval import AsFound, Suggestion, staircase
from devicectl.calibration.process import Process
from devicectl.records.calibrations import (
    Checked,
    Unit,
    calibration_rows,
    checks_of,
    finished_of,
    list_calibrations,
    pens_named,
    units,
)
from devicectl.records.reader import Reader
from devicectl.station.calibrated import Standing, standing_of

from .exits import Exit
from .failures import Failure
from .output import badge, print_json, print_table, today, utc_text


def charts_of(checks: list[Checked]) -> dict[tuple[str, float], tuple[list[Checked], Chart]]:
    """A chart of errors (mm or Hz) for each quantity and set-point, and the checks behind its points."""
    groups: dict[tuple[str, float], list[Checked]] = defaultdict(list)
    for one in checks:
        groups[one.quantity, one.set_to / 1000].append(one)
    return {
        key: (group, control_chart([(one.measured - one.set_to) / 1000 for one in group]))
        for key, group in sorted(groups.items())
    }


def chart_view(quantity: str, set_to: float, checks: list[Checked], chart: Chart) -> dict[str, Any]:
    """A chart as plain values."""
    limits = chart.limits
    return {
        "quantity": quantity,
        "unit": "mm" if quantity == "depth" else "Hz",
        "set_to": set_to,
        "points": [
            {"at_utc_us": one.at_utc_us, "error": round(value, 6)}
            for one, value in zip(checks, chart.values, strict=True)
        ],
        "ranges": [round(one, 6) for one in chart.ranges],
        "learning": chart.learning,
        "still_needed": chart.still_needed,
        "limits": None
        if limits is None
        else {
            "centre": round(limits.centre, 6),
            "sigma": round(limits.sigma, 6),
            "upper": round(limits.upper, 6),
            "lower": round(limits.lower, 6),
            "range_upper": round(limits.range_upper, 6),
        },
        "signals": [
            {"index": one.index, "rule": int(one.rule), "text": one.rule.text, "side": one.side}
            for one in chart.signals
        ],
    }


def _unit(reader: Reader, serial: str) -> Unit:
    found = reader.run(lambda connection: pens_named(connection, serial))
    if not found:
        raise Failure(f"the record has no pen {serial}; 'devicectl sessions list' shows pens.", "no-pen-known")
    if len(found) > 1:
        # A simulated pen may have the serial of a real one; the real one is meant.
        real = [one for one in found if one.origin == "hardware"]
        found = real or found
    return found[0]


def chart(serial: str, as_json: bool) -> int:
    """Every chart of a pen."""
    with Reader() as reader:
        unit = _unit(reader, serial)
        checks = reader.run(lambda connection: checks_of(connection, unit))
    charts = charts_of(checks)
    if as_json:
        print_json({"pen": unit._asdict(), "charts": [chart_view(*key, *value) for key, value in charts.items()]})
        return int(Exit.DONE)
    if not charts:
        click.echo(
            f"No daily check of {unit.serial} has a measurement yet; 'devicectl check' takes depth and rate beside the looks."
        )
    for (quantity, set_to), (group, one) in charts.items():
        shown = "mm" if quantity == "depth" else "Hz"
        click.echo(f"{unit.serial}{badge(unit.origin)}  {quantity} at {set_to:g} {shown}: {len(group)} checks")
        if one.limits is None:
            click.echo(f"  learning: {one.still_needed} more checks until there are limits")
        else:
            limits = one.limits
            click.echo(
                f"  centre {limits.centre:+.3f}, limits {limits.lower:+.3f} to {limits.upper:+.3f}, moving range up to "
                f"{limits.range_upper:.3f} {shown}"
            )
        for signal in one.signals:
            click.echo(f"  {utc_text(group[signal.index].at_utc_us)}: {signal.rule.text}")
        if not one.signals and not one.learning:
            click.echo("  in control")
    return int(Exit.DONE)


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


def due(as_json: bool) -> int:
    """When each pen is due."""
    with Reader() as reader:
        rows = reader.run(lambda connection: due_rows(connection, today()))
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo("No pen was calibrated yet; 'devicectl calibrate plan --help' says how.")
    else:
        print_table(
            ("pen", "cartridge", "last", "due", "", "next interval"),
            [
                (
                    row["pen"] + badge(row["origin"]),
                    row["cartridge_type"],
                    row["verdict"] or ("open" if row["open"] else "none"),
                    row["on"] or "–",
                    "; ".join(row["reasons"]) or ("" if row["valid"] else "does not hold"),
                    "" if row["next"] is None else f"{row['next']['months']} months: {row['next']['why']}",
                )
                for row in rows
            ],
        )
    bad = any(row["overdue"] or (row["verdict"] is not None and not row["valid"]) for row in rows)
    return int(Exit.FAILED if bad else Exit.DONE)
