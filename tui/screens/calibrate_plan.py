"""The plan of a calibration as a form, from what is known: the pen, the last calibration's standards, the defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from fractions import Fraction
from typing import Annotated, Any, Final

from devicectl.calibration.decision import Rule, default_tolerance
from devicectl.calibration.plan import METHODS
from devicectl.calibration.quantities import Measurand
from devicectl.treatment.forms import Form, Record, Rows
from devicectl.treatment.forms.entries import Choice, Day, Number, Text
from devicectl.treatment.forms.numbers import PERCENT, Dimension
from devicectl.treatment.forms.words import BadEntry
from tui import text
from tui.screens.calibrate_rows import NAMES, is_rate, places_of, tolerance_of
from tui.theme import BRIGHT, DIM, TEXT
from tui.widgets.line_board import BLANK, Row

MICRO: Final = Dimension("", {}, 6)
"""mm or Hz as typed, kept in millionths: certificates have more digits than the pen."""
CELSIUS_MILLI: Final = Dimension("°C", {"°c": Fraction(1000), "c": Fraction(1000)}, 3)
_ORDERS: Final = {"random": "By chance", "sweep": "One after the other"}
_RULES: Final = {str(Rule.GUARD_BAND): "Guard band w = U (ILAC-G8)", str(Rule.SIMPLE): "Simple acceptance"}


def _usual(name: str) -> str:
    """What an empty limit means, and where that comes from."""
    depth, rate = default_tolerance(Measurand.STATIC), default_tolerance(Measurand.RATE)
    of_depth, of_rate = getattr(depth, name), getattr(rate, name)
    words = f"mm; empty: {of_depth:g} ({depth.source})."
    return words if of_rate is None else f"{words} Of a rate in %; empty: {of_rate * 100:g}."


def _limit(label: str, help: str) -> Number:
    return Number(label=label, dimension=MICRO, least=1, most=100_000_000, help=help)


class StandardRow(Record):
    """A reference standard."""

    name: Annotated[str, Text(label="Name", most=80, example="Dial indicator")]
    serial: Annotated[str, Text(label="Serial", most=80)]
    certificate: Annotated[str, Text(label="Certificate", most=80, help="Number of its calibration certificate.")]
    due: Annotated[date, Day(label="Due", help="When it is to be calibrated again itself.")]
    mpe: Annotated[
        int | None,
        Number(label="Limit of error ±", dimension=MICRO, most=10_000_000, help="mm or Hz; of its data sheet."),
    ] = None
    resolution: Annotated[
        int | None, Number(label="Resolution", dimension=MICRO, most=10_000_000, help="mm or Hz: its last digit.")
    ] = None
    uncertainty: Annotated[
        int | None, Number(label="U (k = 2)", dimension=MICRO, most=10_000_000, help="mm or Hz, of its certificate.")
    ] = None


class PlanEntry(Record):
    """One measurand; a plan with several is a file for the command line."""

    measurand: Annotated[str, Choice(label="What is measured", of=NAMES, prefill="protrusion-static")]
    cartridge_type: Annotated[str, Text(label="Test cartridge", most=80, help="Its type; it is discarded afterwards.")]
    cartridge_lot: Annotated[str, Text(label="Lot", most=80)] = ""
    temperature: Annotated[
        int,
        Number(
            label="Temperature", dimension=CELSIUS_MILLI, least=5_000, most=45_000, help="At the bench, 5 to 45 °C."
        ),
    ]
    humidity: Annotated[int, Number(label="Humidity", dimension=PERCENT, most=100, help="Relative.")]
    place: Annotated[str, Text(label="Place", most=80, example="Workshop 2, bench 4")] = ""
    standards: Annotated[
        tuple[StandardRow, ...],
        Rows(label="Standards", row=StandardRow, least=1, most=6, word="Standard", title_of="name", start=({},)),
    ]
    set_points: Annotated[
        str,
        Text(
            label="Set-points", most=120, example="0,25 0,5 1 1,5 2",
            help="mm or Hz, five at least, a blank (_) between; empty: over the range.",
        ),
    ] = ""  # fmt: skip
    repeats: Annotated[int, Number(label="Repeats", least=2, most=20, prefill="3", help="From each side.")]
    seatings: Annotated[
        int, Number(label="Seatings", least=1, most=20, prefill="2", help="The cartridge is seated anew in between.")
    ]
    order: Annotated[str, Choice(label="Order", of=_ORDERS, prefill="random")]
    rate: Annotated[
        int | None,
        Number(
            label="Rate, dynamic",
            dimension=MICRO,
            least=1_000_000,
            most=300_000_000,
            help="Hz; only for dynamic protrusion.",
        ),
    ] = None
    method: Annotated[str, Text(label="Method", most=80, help="As the report says it; empty: the usual one.")] = ""
    error: Annotated[int | None, _limit("Tolerance ±", _usual("error"))] = None
    warn: Annotated[int | None, _limit("Warned from", _usual("warn"))] = None
    hysteresis: Annotated[int | None, _limit("Hysteresis to", _usual("hysteresis"))] = None
    repeatability: Annotated[int | None, _limit("Repeatability to", _usual("repeatability"))] = None
    rule: Annotated[str, Choice(label="Decision", of=_RULES, prefill=str(Rule.GUARD_BAND))]
    months: Annotated[
        int, Number(label="Holds for months", least=1, most=60, prefill="6", help="devicectl's own default.")
    ]
    sessions: Annotated[
        int | None,
        Number(
            label="or treatments",
            least=1,
            most=100_000,
            prefill="200",
            help="Whichever comes first; devicectl's own default.",
        ),
    ] = None
    motor_hours: Annotated[int | None, Number(label="or motor hours", least=1, most=100_000)] = None

    def problems(self, now: datetime) -> Mapping[str, str]:
        """Set-points that can be read; seatings that fit."""
        del now
        found: dict[str, str] = {}
        try:
            set_points(self.set_points)
        except BadEntry as bad:
            found["set_points"] = str(bad)
        if self.seatings > self.repeats:
            found["seatings"] = "There are more seatings than repeats; make it as many at most."
        if self.measurand == "protrusion-dynamic" and self.rate is None:
            found["rate"] = "Dynamic protrusion needs the rate at which it is measured, in Hz."
        return found


PLAN: Final = Form(
    "calibration_plan", "Plan of a calibration", PlanEntry, subject="pen", permission="CALIBRATE",
    help="Each reading is driven to, read and taken down. The last row shows the plan whole.",
)  # fmt: skip


def set_points(words: str) -> list[float]:
    """Numbers with blanks or semicolons between; a comma is a decimal comma. Raises :class:`BadEntry`."""
    parts = [part for part in re.split(r"[\s;/]+", words.strip()) if part]
    found = []
    for part in parts:
        try:
            found.append(float(part.replace(",", ".")))
        except ValueError:
            raise BadEntry(f"Set-points: {part[:20]!r} is no number; write 0.25 0.5 1 1.5 2.") from None
    if found and len(set(found)) < 5:
        raise BadEntry("Set-points: five different ones at least are needed; or leave it empty.")
    return found


def plan_of(record: PlanEntry) -> dict[str, Any]:
    """What was entered as the station takes it."""

    def real(value: int | None, scale: float = 1e6) -> float | None:
        return None if value is None else round(value / scale, 9)

    measurand = record.measurand
    unit = "Hz" if is_rate(measurand) else "mm"
    standards = [
        {
            "name": one.name,
            "serial": one.serial,
            "certificate": one.certificate,
            "due": one.due.isoformat(),
            "unit": unit,
            **{name: real(getattr(one, name)) for name in ("mpe", "resolution", "uncertainty") if getattr(one, name)},
        }
        for one in record.standards
    ]
    series: dict[str, Any] = {
        "measurand": measurand,
        "repeats": record.repeats,
        "seatings": record.seatings,
        "order": record.order,
    }
    if points := set_points(record.set_points):
        series["set_points"] = points
    if record.method:
        series["method"] = record.method
    if record.rate is not None and measurand == "protrusion-dynamic":
        series["rate_hz"] = real(record.rate)
    if any(getattr(record, name) is not None for name in ("error", "warn", "hysteresis", "repeatability")):
        series["limits"] = _limits(record)
    return {
        "cartridge_type": record.cartridge_type,
        "cartridge_lot": record.cartridge_lot,
        "temperature_c": real(record.temperature, 1e3),
        "humidity_pct": record.humidity,
        "place": record.place,
        "standards": standards,
        "series": [series],
        "rule": record.rule,
        "interval": {"months": record.months, "sessions": record.sessions, "motor_hours": record.motor_hours},
    }


def _limits(record: PlanEntry) -> dict[str, Any]:
    default = default_tolerance(Measurand(record.measurand))
    scale = 1e8 if default.relative else 1e6  # a rate's limits are typed in %

    def limit(name: str) -> float | None:
        value = getattr(record, name)
        usual: float | None = getattr(default, name)
        return usual if value is None else value / scale

    error = limit("error")
    warn = limit("warn")
    if record.warn is None and error is not None and warn is not None:
        warn = min(warn, error)
    return {
        "error": error, "warn": warn, "hysteresis": limit("hysteresis"), "repeatability": limit("repeatability"),
        "least_ratio": default.least_ratio, "relative": default.relative,
    }  # fmt: skip


def known_of(before: Mapping[str, Any] | None, cartridge: str, lot: str) -> dict[str, object]:
    """What the form can be filled with: the cartridge that is in, and standards, place and ambient of the plan before."""
    found: dict[str, object] = {}
    if cartridge:
        found["cartridge_type"] = cartridge
    if lot:
        found["cartridge_lot"] = lot
    if before is None:
        return found
    found["place"] = before.get("place", "")
    found["standards"] = [
        {
            name: one[name] if not isinstance(one[name], float) else f"{one[name]:.6f}".rstrip("0").rstrip(".")
            for name in ("name", "serial", "certificate", "due", "mpe", "resolution", "uncertainty")
            if one.get(name)
        }
        for one in before["standards"]
    ]
    return found


def plan_rows(answer: Mapping[str, Any], width: int) -> list[Row]:
    """A whole plan as a technician reads it once more before it begins, with the source of each limit."""
    plan = answer["plan"]
    lot = f", lot {plan['cartridge_lot']}" if plan["cartridge_lot"] else ""
    told: list[tuple[str, str]] = [
        ("Pen", f"{plan['pen_serial']} with test cartridge {plan['cartridge_type']}{lot}, discarded afterwards"),
        ("Ambient", f"{plan['temperature_c']:g} °C, {plan['humidity_pct']:g} % {plan['place']}".rstrip()),
    ]
    for one in plan["standards"]:
        parts = [f"±{one['mpe']:g}" if one["mpe"] else "", f"U {one['uncertainty']:g}" if one["uncertainty"] else ""]
        figures = ", ".join(filter(None, parts))
        told.append(
            (
                "Standard",
                f"{one['name']} {one['serial']}, certificate {one['certificate']}, due {one['due']}, {figures} {one['unit']}",
            )
        )
    for one in plan["series"]:
        told += _series(one)
    interval = plan["interval"]
    counted = [f"{interval['months']} months"]
    counted += [f"{interval['sessions']} treatments"] if interval["sessions"] else []
    counted += [f"{interval['motor_hours']:g} motor hours"] if interval["motor_hours"] else []
    told += [("Decision", plan["rule"]), ("Holds", f"{', '.join(counted)}, whichever comes first")]
    told.append(("Readings", f"{answer['readings']} for each round"))
    rows: list[Row] = []
    for name, words in told:
        first, *more = text.wrap(words, width - 12)
        rows.append(((f"{name:<12}", DIM), (first, TEXT)))
        rows += [((" " * 12, DIM), (line, TEXT)) for line in more]
    rows.append(BLANK)
    for problem in answer["problems"]:
        rows += [((line, BRIGHT),) for line in text.within(f"✖ {problem}", width, 2)]
    return rows


def _series(one: Mapping[str, Any]) -> list[tuple[str, str]]:
    unit = "Hz" if is_rate(one["measurand"]) else "mm"
    points = ", ".join(f"{value:g}" for value in one["set_points"])
    limits = tolerance_of(one)
    places = places_of(one["measurand"]) - 1
    scale, sign = (100, "%") if limits.relative else (1, unit)
    allowed = f"±{limits.error * scale:.{places}f} {sign}, warned from {limits.warn * scale:.{places}f}"
    for name, value in (("hysteresis", limits.hysteresis), ("repeatability", limits.repeatability)):
        allowed += "" if value is None else f"; {name} {value * scale:.{places}f}"
    order = "in an order by chance" if one["order"] == "random" else "one after the other"
    method = one["method"] or METHODS[Measurand(one["measurand"])]
    return [
        (NAMES[one["measurand"]].split(",")[0].split()[-1].capitalize(), f"{NAMES[one['measurand']]}: {method}"),
        (
            "Set-points",
            f"{points} {unit}, {order}, from below and above, {one['repeats']} repeats, {one['seatings']} seatings",
        ),
        ("Tolerance", f"{allowed}  ({limits.source})"),
    ]
