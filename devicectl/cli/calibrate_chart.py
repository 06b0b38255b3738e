"""``devicectl calibrate chart`` and ``due``: what the daily checks say, and when the next calibration comes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from devicectl.calibration.quantities import Measurand
from devicectl.calibration.watch import Watched, watched
from devicectl.records.calibrations import (
    Unit,
    checks_of,
    pens_named,
)
from devicectl.records.reader import Reader
from devicectl.station.due_list import due_rows

from .exits import Exit
from .failures import Failure
from .output import badge, print_json, print_table, today, utc_text


def chart_view(one: Watched) -> dict[str, Any]:
    """A chart as plain values."""
    limits = one.chart.limits
    return {
        "quantity": one.quantity,
        "unit": one.unit,
        "set_to": one.set_to,
        "points": [
            {"at_utc_us": check.at_utc_us, "error": round(value, 6)}
            for check, value in zip(one.checks, one.chart.values, strict=True)
        ],
        "ranges": [round(value, 6) for value in one.chart.ranges],
        "learning": one.chart.learning,
        "still_needed": one.chart.still_needed,
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
            {"index": signal.index, "rule": int(signal.rule), "text": signal.rule.text, "side": signal.side}
            for signal in one.chart.signals
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


def draw(one: Watched, unit: Unit, out: str) -> None:
    """A chart as a picture. Raises :class:`Failure`."""
    from devicectl.reports.control_chart import ChartPicture, write_chart
    from devicectl.reports.setting import ReportFailed

    picture = ChartPicture(
        one.chart,
        tuple(datetime.fromtimestamp(check.at_utc_us // 1_000_000, tz=UTC).astimezone() for check in one.checks),
        Measurand.STATIC if one.quantity == "depth" else Measurand.RATE,
        unit.serial,
        one.set_to,
        simulated=unit.origin != "hardware",
    )
    try:
        write_chart(picture, Path(out))
    except ReportFailed as error:
        raise Failure(str(error), "report") from error


def chart(serial: str, out: str | None, quantity: str | None, set_to: float | None, as_json: bool) -> int:
    """Every chart of a pen, or those that were chosen."""
    with Reader() as reader:
        unit = _unit(reader, serial)
        checks = reader.run(lambda connection: checks_of(connection, unit))
    charts = [
        one
        for one in watched(checks)
        if quantity in (None, one.quantity) and (set_to is None or abs(one.set_to - set_to) < 1e-6)
    ]
    if out is not None:
        if len(charts) != 1:
            names = ", ".join(f"{one.quantity} at {one.set_to:g} {one.unit}" for one in charts) or "none"
            raise Failure(
                f"one chart is drawn and these are there: {names}; choose with --quantity and --set.", "which-chart"
            )
        draw(charts[0], unit, out)
    if as_json:
        print_json({"pen": unit._asdict(), "charts": [chart_view(one) for one in charts]})
        return int(Exit.DONE)
    if not charts:
        click.echo(
            f"No daily check of {unit.serial} has a measurement yet; 'devicectl check' takes depth and rate beside the looks."
        )
    for one in charts:
        click.echo(
            f"{unit.serial}{badge(unit.origin)}  {one.quantity} at {one.set_to:g} {one.unit}: {len(one.checks)} checks"
        )
        limits = one.chart.limits
        if limits is not None:
            click.echo(
                f"  centre {limits.centre:+.3f}, limits {limits.lower:+.3f} to {limits.upper:+.3f}, moving range up to "
                f"{limits.range_upper:.3f} {one.unit}"
            )
        for signal in one.chart.signals:
            click.echo(f"  {utc_text(one.checks[signal.index].at_utc_us)}: {signal.rule.text}")
        click.echo(f"  {one.sentence}")
    return int(Exit.DONE)


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
