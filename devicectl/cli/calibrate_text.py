"""Calibrations as text and as JSON, straight from the record."""

from __future__ import annotations

from typing import Any

import click

from devicectl.calibration.book import process_of
from devicectl.calibration.process import Process
from devicectl.records.calibrations import calibration_rows, find_calibration, list_calibrations
from devicectl.records.reader import Reader
from devicectl.station.calibration_view import calibration_view

from .output import badge, marks, print_json, print_table, utc_text


def load(text: str) -> Process:
    """A calibration by the digits of its id, or the ``last`` one. Raises :class:`RecordError`."""
    with Reader() as reader:
        key = reader.run(lambda connection: find_calibration(connection, text))
        return process_of(reader.run(lambda connection: calibration_rows(connection, key)))


def list_all(as_json: bool) -> None:
    """The newest calibrations."""
    with Reader() as reader:
        found = reader.run(list_calibrations)
    if as_json:
        print_json(found)
    elif not found:
        click.echo("No pen was calibrated yet; 'devicectl calibrate plan --help' says how.")
    else:
        print_table(
            ("id", "begun", "pen", "cartridge", "technician", "as found", "as left", "valid until"),
            [
                (
                    row["id"].hex[-8:],
                    utc_text(row["at_utc_us"]),
                    row["serial"] + badge(row["origin"]),
                    row["cartridge_type"],
                    row["technician"],
                    row["verdict_found"] or "–",
                    row["verdict_left"] or row["how"] or "open",
                    row["expires_date"] or "–",
                )
                for row in found
            ],
        )


def show(text: str, readings: bool, as_json: bool) -> None:
    """One calibration."""
    process = load(text)
    view = calibration_view(process)
    if as_json:
        print_json({**marks(process.origin), "calibration": view})
        return
    click.echo(f"calibration {view['id']}{badge(process.origin)}")
    for line in _head(view):
        click.echo(line)
    for one in view["evaluations"]:
        if one["current"]:
            for line in evaluation_lines(one):
                click.echo(line)
    for one in view["corrections"]:
        knots = ", ".join(f"{commanded / 1000:.3f}→{actual / 1000:.3f}" for commanded, actual in one["knots"]) or "none"
        click.echo(f"correction ({one['kind']}): {knots} mm; {one['outcome'] or 'nobody knows what came of it'}")
    if readings:
        _readings(view)
    show_end(view)


def _head(view: dict[str, Any]) -> list[str]:
    plan = view["plan"]
    rows = [
        ("pen", f"{view['model']} {view['pen']}, firmware {view['firmware']}"),
        ("cartridge", f"{view['cartridge_type']}{', lot ' + plan['cartridge_lot'] if plan['cartridge_lot'] else ''}"),
        ("technician", view["technician"]),
        ("begun", utc_text(view["begun_utc_us"])),
        ("ambient", f"{plan['temperature_c']:g} °C, {plan['humidity_pct']:g} % humidity"),
    ]
    rows += [
        ("standard", f"{one['name']} {one['serial']}, certificate {one['certificate']}, due {one['due']}")
        for one in plan["standards"]
    ]
    rows += [
        (
            "series",
            (
                f"{one['measurand']} as {'left' if one['round'] else 'found'}: {one['taken']} of {one['of']} readings"
                f"{', ' + one['verdict'] if one['verdict'] else ''}"
            ),
        )
        for one in view["series"]
    ]
    return [f"{name:<11} {text}" for name, text in rows]


def evaluation_lines(one: dict[str, Any]) -> list[str]:
    """One series judged, for people."""
    unit = "Hz" if one["measurand"].startswith("rate") else "mm"
    places = 2 if unit == "Hz" else 3

    def n(value: float | None, sign: str = "") -> str:
        return "–" if value is None else f"{value:{sign}.{places}f}"

    phase = "as left" if one["round"] else "as found"
    lines = [f"{one['measurand']} {phase}: {one['verdict'].upper()}"]
    lines.append(f"  {'set':>7} {'up':>8} {'down':>8} {'error':>8} {'hyst.':>8} {'U':>7} {'allowed':>8}  ({unit})")
    lines += [
        f"  {point['set_to']:>7g} {n(point['up']):>8} {n(point['down']):>8} {n(point['error'], '+'):>8} "
        f"{n(point['hysteresis'], '+'):>8} {n(point['uncertainty']):>7} {'±' + n(point['guarded']):>8}"
        f"{'' if point['verdict'] == 'pass' else '  ' + point['verdict']}"
        for point in one["points"]
    ]
    fit, budget = one["fit"], one["budget"]
    lines.append(
        f"  gain {fit['gain']:.6f}, offset {n(fit['offset'], '+')} {unit}, repeatability {n(one['repeatability'])}, "
        f"hysteresis {n(one['hysteresis'])}, non-linearity {n(one['non_linearity'])} {unit}"
    )
    lines.append(
        f"  U = {budget['expanded']:.{places + 1}f} {unit} (k = {budget['k']:g}), greatest error {n(one['max_error'])} {unit}"
    )
    lines += [f"  {reason}" for reason in one["reasons"]]
    lines += [f"  look at it: {warning}" for warning in one["warnings"]]
    if one["outliers"]:
        lines.append(f"  {len(one['outliers'])} readings stand out; they count, and are listed with 'show --readings'.")
    return lines


def _readings(view: dict[str, Any]) -> None:
    out = {key for one in view["evaluations"] if one["current"] for key in one["outliers"]}
    print_table(
        ("round", "measurand", "step", "set", "side", "value", "typed", "source", ""),
        [
            (
                str(one["round"]),
                one["measurand"],
                str(one["step"] + 1),
                f"{one['set_to']:g}",
                one["direction"],
                f"{one['value']:.3f}",
                one["typed"],
                one["source"],
                f"withdrawn: {one['withdrawn']}"
                if one["withdrawn"] is not None
                else "stands out"
                if one["id"] in out
                else one["remark"],
            )
            for one in view["readings"]
        ],
        "r.rr.r",
    )


def show_end(view: dict[str, Any]) -> None:
    """How it ended, or what is missing."""
    end = view["end"]
    if end is None:
        click.echo(f"open: {view['missing'] or 'everything is measured; it is to be signed.'}")
    elif end["how"] == "abandoned":
        click.echo(f"abandoned {utc_text(end['at_utc_us'])}: {end['reason']}")
    else:
        click.echo(
            f"as found {end['found']}, as left {end['left']}; signed by {end['name']} {utc_text(end['at_utc_us'])}"
        )
        click.echo(f"valid until {end['expires']} for this pen, cartridge type and firmware")
        click.echo(f"hash {end['binding_sha256']}")
