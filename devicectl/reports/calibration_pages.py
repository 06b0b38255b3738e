"""A calibration report as the template ``calibration.typ`` takes it: sentences, rows of label and text, tables, pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

from devicectl.about import DISCLAIMER
from devicectl.calibration.decision import Rule
from devicectl.calibration.plan import Plan, Series, Standard
from devicectl.calibration.quantities import Measurand
from devicectl.calibration.rounding import shown
from devicectl.calibration.run import Phase
from devicectl.reports.series import SeriesResult
from drivers.correction import CorrectionTable

from .figures import figures
from .tables import (
    NBSP,
    aligned,
    budget_tables,
    exact,
    exact_column,
    fit_table,
    places_of,
    quantity_table,
    reading_table,
    result_table,
    rpm_table,
    table,
)

if TYPE_CHECKING:
    from .calibration import Adjustment, CalibrationReport, LookBack, Party

Row = list[str]
NOT_ACCREDITED: Final = (
    "Not issued by an accredited laboratory. The fields follow ISO/IEC 17025:2017, 7.8; nobody has assessed the competence "
    "of who issued it."
)
MEASURANDS: Final = {
    Measurand.STATIC: "Needle protrusion, static",
    Measurand.DYNAMIC: "Needle protrusion, dynamic",
    Measurand.RATE: "Stroke rate, no load",
    Measurand.RATE_LOADED: "Stroke rate, light load",
}
WHAT: Final = {
    Measurand.STATIC: "distance from the rim of the cartridge to the needle tips, needle parked at bottom dead centre",
    Measurand.DYNAMIC: "distance from the rim of the cartridge to the needle tips at bottom dead centre, motor running",
    Measurand.RATE: "strokes per second (1 Hz = 60 rpm, one stroke per revolution), nothing touching the needles",
    Measurand.RATE_LOADED: "strokes per second (1 Hz = 60 rpm, one stroke per revolution), needles lightly loaded",
}
TIMES: Final = {1: "once", 2: "twice"}
PHASES: Final = {Phase.AS_FOUND: "as found", Phase.AS_LEFT: "as left"}


def pages(data: CalibrationReport) -> dict[str, Any]:
    """Everything that is printed, in words and formatted numbers."""
    rates = all(each.series.measurand.is_rate for each in data.results)
    title = "Calibration report: " + ("stroke rate" if rates else "micro-needling pen")
    return {
        "title": title,
        "number": data.number,
        "author": data.authorised.name if data.authorised is not None else data.technician,
        "subject": f"{data.item.manufacturer} {data.item.model}, serial {data.plan.pen_serial}",
        "simulated": data.simulated,
        "draft": data.authorised is None,
        "not_accredited": NOT_ACCREDITED,
        "verdict": data.verdict.value,
        "summary": _summary(data),
        "validity": _validity(data),
        "parties": [_party("Laboratory", data.laboratory), _party("Customer", data.customer)],
        "item": _item(data),
        "dates": _dates(data),
        "conditions": _conditions(data.plan),
        "standards": _standards(data.plan, data.measured),
        "series": [_series(data.plan, each) for each in data.results],
        "adjustment": None if data.adjustment is None else _adjustment(data.adjustment),
        "look_back": _look_back(data),
        "remarks": list(data.remarks),
        "statements": _statements(data),
        "signatures": _signatures(data),
        "binding": _binding(data),
        "disclaimer": DISCLAIMER,
    }


def day(value: date) -> str:
    """``2026-11-25``."""
    return value.isoformat()


def moment(value: datetime) -> str:
    """``2026-11-25 09:14 UTC``."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _minus(sentence: str) -> str:
    """A sentence of the decision with the minus of print."""
    return re.sub(r"(?<!\S)-(?=[0-9])", "−", sentence)


def _name(result: SeriesResult) -> str:
    return f"{MEASURANDS[result.series.measurand]}, {PHASES[result.phase]}"


def _summary(data: CalibrationReport) -> dict[str, Any]:
    rows: list[Row] = []
    for each in data.results:
        unit = each.series.measurand.unit
        worst = max(each.decision.points, key=lambda point: abs(point.error) / point.limit)
        to = places_of(worst.uncertainty)
        rows.append(
            [
                MEASURANDS[each.series.measurand],
                PHASES[each.phase],
                f"({shown(worst.error, to, True)} ± {shown(worst.uncertainty, to)}) {unit}",
                f"{exact(worst.set_to)} {unit}",
                f"± {exact(worst.limit)} {unit}",
                each.decision.verdict.value.replace(" ", NBSP),
            ]
        )
    columns = list(zip(*rows, strict=True))
    heads = ("measurand", "phase", "greatest error ± U (k = 2)", "at", "tolerance", "verdict")
    return table([(head, "left", column) for head, column in zip(heads, columns, strict=True)])


def _validity(data: CalibrationReport) -> str:
    if data.binding is None:
        return "This calibration is not in force: the pen has no valid calibration from it."
    counted = data.plan.interval
    until = f"Valid until {day(data.binding.expires)}"
    limits = []
    if counted.sessions is not None:
        limits.append(f"{counted.sessions} sessions")
    if counted.motor_hours is not None:
        limits.append(f"{counted.motor_hours:g} motor hours")
    if limits:
        until += f" or until {' or '.join(limits)} after it, whichever is first"
    return f"{until} (interval set by the owner of the pen), for the pen, cartridge type and firmware named here and for no others."


def _party(role: str, party: Party) -> dict[str, Any]:
    return {"role": role, "name": party.name, "lines": list(party.lines)}


def _item(data: CalibrationReport) -> list[Row]:
    plan, item = data.plan, data.item
    about = ["test cartridge, discarded after"]
    if item.needles is not None:
        about.append(f"{item.needles} needles")
    if plan.cartridge_lot:
        about.append(f"lot {plan.cartridge_lot}")
    return [
        ["Item", "micro-needling pen with test cartridge"],
        ["Manufacturer, model", f"{item.manufacturer}, {item.model}"],
        ["Serial number", plan.pen_serial],
        ["Firmware", item.firmware],
        ["Cartridge type", plan.cartridge_type],
        ["Cartridge", "; ".join(about)],
        ["Condition on receipt", item.condition or "nothing noted"],
    ]


def _dates(data: CalibrationReport) -> list[Row]:
    first, last = data.measured
    rows = [
        ["Measured", day(first) if first == last else f"{day(first)} to {day(last)}"],
        ["Report issued", moment(data.issued)],
        ["Measured at", data.plan.place or "the laboratory"],
        ["Technician", f"{data.technician} ({data.plan.technician})"],
        ["Evaluated by", data.software],
    ]
    if data.item.received is not None:
        rows.insert(0, ["Item received", day(data.item.received)])
    if data.replaces:
        rows.append(["Replaces", data.replaces])
    return rows


def _conditions(plan: Plan) -> list[Row]:
    return [
        ["Temperature", f"{plan.temperature_c:.1f} °C"],
        ["Relative humidity", f"{plan.humidity_pct:.0f} %"],
    ]


def _standards(plan: Plan, measured: tuple[date, date]) -> dict[str, Any]:
    def stated(standard: Standard) -> str:
        parts = (
            ("U (k = 2)", standard.uncertainty),
            ("limit of error ±", standard.mpe),
            ("resolution", standard.resolution),
        )
        return "; ".join(f"{name} {value:.12g} {standard.unit}" for name, value in parts if value) or "nothing stated"

    def valid(standard: Standard) -> str:
        return day(standard.due) + (" (overdue)" if standard.due < measured[1] else "")

    each = plan.standards
    return table(
        [
            ("reference standard", "left", [standard.name for standard in each]),
            ("serial", "left", [standard.serial for standard in each]),
            ("certificate", "left", [standard.certificate for standard in each]),
            ("due", "left", [valid(standard) for standard in each]),
            ("as stated there", "left", [stated(standard) for standard in each]),
        ]
    )


def _method(plan: Plan, series: Series) -> list[Row]:
    unit = series.measurand.unit
    order = "random within each repeat" if series.order == "random" else "up through all set-points, then down"
    rows = [
        ["Measurand", WHAT[series.measurand]],
        ["Method", series.method],
        ["Set-points", ", ".join(exact_column(series.set_points)) + f" {unit}"],
        [
            "Readings",
            (
                f"{series.repeats} at each set-point from each side, approached from {series.margin:g} {unit} away; {order} "
                f"(seed {plan.seed}); cartridge seated {TIMES.get(series.seatings, f'{series.seatings} times')}"
            ),
        ],
    ]
    if series.rate_hz is not None and not series.measurand.is_rate:
        rows.append(["Stroke rate", f"{series.rate_hz:g} Hz ({series.rate_hz * 60:g} rpm)"])
    source = series.tolerance().source
    if source:
        rows.append(["Tolerance from", source])
    return rows


def _series(plan: Plan, result: SeriesResult) -> dict[str, Any]:
    fit = "mean = b · set-point" if result.series.measurand.is_rate else "mean = a + b · set-point"
    return {
        "name": _name(result),
        "method": _method(plan, result.series),
        "results": result_table(result),
        "rpm": rpm_table(result),
        "quantities": quantity_table(result),
        "fit": fit_table(result) | {"model": f"{fit}, least squares over {len(result.readings)} readings"},
        "verdict": result.decision.verdict.value,
        "reasons": [_minus(each) for each in result.decision.reasons],
        "warnings": [_minus(each) for each in result.decision.warnings],
        "remarks": list(result.remarks),
        "figures": figures(result),
        "budgets": budget_tables(result),
        "readings": reading_table(plan, result),
    }


def _adjustment(adjustment: Adjustment) -> dict[str, Any]:
    if not adjustment.changed:
        text = "The pen was not adjusted: the correction of before stays in force."
    elif adjustment.new is None:
        text = "The correction was taken away."
    else:
        kept = "written to the pen, read back and compared" if adjustment.kept_by == "pen" else "kept on the host"
        text = f"A correction of {len(adjustment.new.knots)} knots was {kept}; straight lines between the knots and beyond."
    return {
        "text": " ".join(part for part in (text, adjustment.reason) if part),
        "old": _knots(adjustment.old),
        "new": _knots(adjustment.new),
        "key": f"{adjustment.key:06X}" if adjustment.key else "none",
    }


def _knots(correction: CorrectionTable | None) -> list[list[Any]]:
    if correction is None:
        return []
    commanded = aligned([shown(knot.commanded_um / 1000, 3) for knot in correction.knots])
    actual = aligned([shown(knot.actual_um / 1000, 3) for knot in correction.knots])
    return [list(pair) for pair in zip(commanded, actual, strict=True)]


def _look_back(data: CalibrationReport) -> dict[str, Any] | None:
    bad = data.found_bad
    if not bad and data.look_back is None:
        return None
    why = ", ".join(f"{MEASURANDS[each.series.measurand]} ({each.decision.verdict})" for each in bad)
    text = f"Found out of tolerance: {why}. " if bad else ""
    if data.look_back is None:
        return {
            "text": text + "The sessions since the last good calibration have not been looked up.",
            "sessions": None,
        }
    return {"text": text + _since(data.look_back), "sessions": _sessions(data.look_back)}


def _since(back: LookBack) -> str:
    last = (
        "This pen had no good calibration before" if back.since is None else f"Last good calibration: {day(back.since)}"
    )
    count = len(back.sessions)
    return f"{last}. {count or 'No'} {'session' if count == 1 else 'sessions'} since then" + (
        "; each of them may have had another protrusion or rate than was set:" if count else "."
    )


def _sessions(back: LookBack) -> dict[str, Any] | None:
    if not back.sessions:
        return None
    each = sorted(back.sessions, key=lambda session: session.started)
    return table(
        [
            ("session", "left", [session.session for session in each]),
            ("started", "left", [moment(session.started) for session in each]),
            ("client code", "left", [session.client for session in each]),
            ("needling\nmin", "right", [shown(session.needling_s / 60, 1) for session in each]),
            (
                "deepest target\nmm",
                "right",
                ["–" if session.deepest_um is None else shown(session.deepest_um / 1000, 2) for session in each],
            ),
        ]
    )


def _statements(data: CalibrationReport) -> list[Row]:
    rule = (
        "Guard band w = U (ILAC-G8:09/2019, 4.2.3). Pass: |error| ≤ tolerance − U. Conditional pass: above that and within "
        "the tolerance. Conditional fail: above the tolerance by at most U. Fail: above that."
        if data.plan.rule is Rule.GUARD_BAND
        else "Simple acceptance (ILAC-G8:09/2019, 4.2.1). Pass: |error| ≤ tolerance. Fail: above that. U is not taken into "
        "account; a result near the limit may be wrong in up to half of all cases."
    )
    return [
        [
            "Uncertainty",
            (
                "The expanded uncertainty U is the combined standard uncertainty times k = 2, which for a normal distribution "
                "covers about 95 % (JCGM 100:2008). It holds for the time and the conditions of the measurement and says nothing "
                "of long-term stability."
            ),
        ],
        [
            "Decision rule",
            rule
            + " The worst set-point decides; hysteresis and repeatability above their limits are a fail; a tolerance of "
            "less than the stated multiple of U gives no more than a conditional pass.",
        ],
        [
            "Rounding",
            "U has two significant digits and a result stands to the same place. Verdicts were made before rounding.",
        ],
        [
            "Traceability",
            (
                "The readings trace to the SI through the reference standards and certificates listed here, as far as those do. "
                "Estimates of the budget are marked with where they come from."
            ),
        ],
        [
            "Scope",
            (
                "The results relate only to the item described, as it was when it was measured. Needle protrusion is a length in "
                "air; how deep a needle goes into skin is not measured and not stated."
            ),
        ],
        ["Copies", "This report is passed on and copied only as a whole."],
    ]


def _signatures(data: CalibrationReport) -> list[Row]:
    if data.authorised is None:
        return []
    who = data.authorised
    return [[who.meaning, who.name, moment(who.at)]]


def _binding(data: CalibrationReport) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [["Content (readings, budget, verdict), SHA-256", data.content]]
    if data.binding is None:
        return rows
    bound = data.binding
    return [
        ["Calibration", bound.calibration],
        ["Pen", bound.pen_serial],
        ["Cartridge type", bound.cartridge_type],
        ["Firmware", bound.firmware],
        ["Method", bound.method],
        ["Technician", bound.technician],
        ["Issued, expires", f"{day(bound.issued)}, {day(bound.expires)}"],
        ["Correction held by the pen", f"{bound.table_key:06X}" if bound.table_key else "none"],
        *rows,
        ["All of this block, SHA-256", bound.hash()],
    ]
