"""The tables of one series: numbers as they are printed, each with its unit in the head of its column.

A result stands to the place of its U, which has two significant digits; budget lines and coefficients, with which a reader
recomputes, have more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from devicectl.calibration.decision import Judged
from devicectl.calibration.plan import Plan
from devicectl.calibration.quantities import Direction
from devicectl.calibration.rounding import places, shown
from devicectl.reports.series import SeriesResult

Table = dict[str, Any]
RPM: Final = 60
NBSP: Final = "\u00a0"
MORE: Final = 2
"""Places that a line of the budget has more than U, so that the sum can be checked."""
PLACES_MAX: Final = 6
DUST: Final = 1e-9
DOF_SHOWN: Final = 1000
"""More effective degrees of freedom than this differ from infinitely many in nothing that is printed."""


def number(text: str, pad: int = 0) -> Any:
    """A cell; ``pad`` digits of room behind it keep the decimal points of a column below each other."""
    return {"text": text, "pad": pad} if pad else text


def aligned(texts: Sequence[str]) -> list[Any]:
    """A column of numbers with their decimal points below each other."""
    behind = [len(text.partition(".")[2]) + ("." in text) for text in texts]
    return [number(text, max(behind) - each) for text, each in zip(texts, behind, strict=True)]


def table(columns: Sequence[tuple[str, str, Sequence[str]]]) -> Table:
    """From columns (head, alignment, texts): right-aligned ones are numbers."""
    cells = [aligned(texts) if align == "right" else list(texts) for _, align, texts in columns]
    return {
        "head": [head.split("\n") for head, _, _ in columns],
        "align": [align for _, align, _ in columns],
        "rows": [list(row) for row in zip(*cells, strict=True)],
    }


def places_of(uncertainty: float) -> int:
    """Places of a result with this U; 3 when U is 0 but for what floats leave of it."""
    return places(uncertainty) if uncertainty > DUST else 3


def result_table(result: SeriesResult) -> Table:
    """Set-points with their results. U and limits at each set-point are its own."""
    unit = result.series.measurand.unit
    rows = list(zip(result.evaluation.points, result.decision.points, strict=True))

    def column(pick: Any, factor: float = 1.0, sign: bool = False) -> list[str]:
        return [_at_place(pick(point, judged), judged, factor, sign) for point, judged in rows]

    columns: list[tuple[str, str, Sequence[str]]] = [
        (f"set-point\n{unit}", "right", exact_column([point.set_to for point, _ in rows])),
        ("n", "right", [str(point.count) for point, _ in rows]),
        (f"mean, upward\n{unit}", "right", column(lambda point, _: point.up)),
        (f"mean, downward\n{unit}", "right", column(lambda point, _: point.down)),
        (f"mean\n{unit}", "right", column(lambda point, _: point.mean)),
        (f"error\n{unit}", "right", column(lambda point, _: point.error, sign=True)),
        (f"hysteresis\n{unit}", "right", column(lambda point, _: point.hysteresis, sign=True)),
        (f"U (k = 2)\n{unit}", "right", column(lambda _, judged: judged.uncertainty)),
        (f"tolerance\n± {unit}", "right", exact_column([judged.limit for _, judged in rows])),
        (f"passes up to\n± {unit}", "right", column(lambda _, judged: max(judged.guarded, 0.0))),
        ("verdict", "left", [judged.verdict.value.replace(" ", NBSP) for _, judged in rows]),
    ]
    return table(columns)


def rpm_table(result: SeriesResult) -> Table | None:
    """A stroke rate once more in rpm and per cent; None for a protrusion."""
    if not result.series.measurand.is_rate:
        return None
    rows = list(zip(result.evaluation.points, result.decision.points, strict=True))
    return table(
        [
            ("set-point\nHz", "right", exact_column([point.set_to for point, _ in rows])),
            ("set-point\nrpm", "right", exact_column([point.set_to * RPM for point, _ in rows])),
            ("mean\nrpm", "right", [_at_place(point.mean, judged, RPM) for point, judged in rows]),
            ("error\nrpm", "right", [_at_place(point.error, judged, RPM, True) for point, judged in rows]),
            ("U (k = 2)\nrpm", "right", [_at_place(judged.uncertainty, judged, RPM) for _, judged in rows]),
            (
                "error\n%",
                "right",
                [_at_place(point.error, judged, 100 / point.set_to, True) for point, judged in rows],
            ),
            (
                "U (k = 2)\n%",
                "right",
                [_at_place(judged.uncertainty, judged, 100 / point.set_to) for point, judged in rows],
            ),
            ("tolerance\n± %", "right", exact_column([100 * judged.limit / point.set_to for point, judged in rows])),
        ]
    )


def quantity_table(result: SeriesResult) -> Table:
    """What is said once for the series, each with the limit that holds for it."""
    evaluation, tolerance = result.evaluation, result.series.tolerance()
    unit = result.series.measurand.unit
    worst = max(result.decision.points, key=lambda point: abs(point.error) / point.limit)
    to = places_of(worst.uncertainty)
    least = min(abs(point.set_to) for point in evaluation.points)

    def limit(value: float | None, sign: str) -> str:
        return "not judged" if value is None else f"{sign} {exact(tolerance.at(value, least))} {unit}"

    fit = result.fit
    rows = [
        (
            "greatest error",
            f"{shown(worst.error, to, True)} {unit} at {exact(worst.set_to)} {unit}",
            f"± {exact(worst.limit)} {unit}",
        ),
        (
            "greatest hysteresis",
            "measured in one direction only"
            if evaluation.hysteresis is None
            else f"{shown(evaluation.hysteresis, to)} {unit}",
            limit(tolerance.hysteresis, "≤"),
        ),
        (
            "repeatability s, pooled",
            f"{shown(evaluation.repeatability, places_of(evaluation.repeatability))} {unit} ({evaluation.dof} degrees of freedom)",
            limit(tolerance.repeatability, "≤"),
        ),
        (
            "non-linearity",
            f"{shown(evaluation.non_linearity(fit), places_of(evaluation.non_linearity(fit)))} {unit}",
            "not judged",
        ),
        (
            "tolerance / U",
            f"{min(point.limit / point.uncertainty for point in result.decision.points):.1f}"
            if all(point.uncertainty > DUST for point in result.decision.points)
            else "U is 0",
            f"≥ {tolerance.least_ratio:g}",
        ),
    ]
    if result.needles is not None:
        spread = result.needles.spread
        rows.append(
            (
                "needle spread",
                (
                    f"{shown(spread.least, 3)} to {shown(spread.greatest, 3)} mm, {len(result.needles.protrusions)} needles "
                    f"at {exact(result.needles.set_to)} mm"
                ),
                "in the budget",
            )
        )
    columns = list(zip(*rows, strict=True))
    return table([("quantity", "left", columns[0]), ("result", "left", columns[1]), ("limit", "left", columns[2])])


def fit_table(result: SeriesResult) -> Table:
    """The coefficients with their standard errors, to the places with which the fit can be recomputed."""
    fit, unit = result.fit, result.series.measurand.unit
    names = {0: ("offset a", unit), 1: ("gain b", "1"), 2: ("curvature c", f"1/{unit}")}
    return table(
        [
            ("coefficient", "left", [names[power][0] for power in fit.powers]),
            ("value", "right", [shown(each, PLACES_MAX) for each in fit.coefficients]),
            ("standard error", "right", [shown(each, PLACES_MAX) for each in fit.errors]),
            ("unit", "left", [names[power][1] for power in fit.powers]),
        ]
    )


def budget_table(result: SeriesResult, set_to: float) -> Table:
    """The budget at one set-point, line by line, with u_c, k, U and the degrees of freedom below."""
    made = result.budget_at(set_to)
    unit = result.series.measurand.unit
    to = places_of(made.expanded) + MORE
    lines = made.lines
    found = table(
        [
            ("source", "left", [line.name for line in lines]),
            ("type", "left", [line.evaluated for line in lines]),
            (f"value\n{unit}", "right", [shown(line.value, to) for line in lines]),
            ("distribution", "left", [line.distribution.value for line in lines]),
            ("divisor", "right", [f"{line.distribution.divisor:.3f}" for line in lines]),
            (f"u\n{unit}", "right", [shown(line.u, to) for line in lines]),
            ("share of\nvariance, %", "right", [shown(100 * made.share(line), 1) for line in lines]),
            ("from", "left", [line.origin for line in lines]),
        ]
    )
    found["sums"] = {
        "combined": f"{shown(made.combined, to - 1)} {unit}",
        "dof": f"> {DOF_SHOWN}" if made.dof > DOF_SHOWN else str(math.floor(made.dof)),
        "k": f"{made.k:g}",
        "expanded": f"{shown(made.expanded, to - MORE)} {unit}",
    }
    found["at"] = f"{exact(set_to)} {unit}"
    found["problem"] = made.problem() or ""
    return found


def budget_tables(result: SeriesResult) -> list[Table]:
    """One for all set-points, or those of the least and the greatest where a source depends on the set value."""
    points = result.evaluation.points
    if not any(source.relative for source in result.sources):
        return [budget_table(result, points[-1].set_to) | {"at": ""}]
    return [budget_table(result, points[0].set_to), budget_table(result, points[-1].set_to)]


def reading_table(plan: Plan, result: SeriesResult) -> Table:
    """Every reading in the order in which it was taken, withdrawn ones and outliers with a mark and a note."""
    unit = result.series.measurand.unit
    to = _reading_places(plan, result)
    notes: list[str] = []
    marks: list[str] = []
    for order, taken in enumerate(result.run.taken, 1):
        if taken.withdrawn is not None:
            notes.append(f"No. {order} withdrawn, does not count: {taken.withdrawn}")
            marks.append("withdrawn")
        elif taken.step in result.outliers:
            notes.append(f"No. {order} stands out from the others of its set-point and direction; it counts.")
            marks.append("outlier")
        else:
            marks.append("")
    steps = [result.run.steps[taken.step] for taken in result.run.taken]
    arrow = {Direction.UP: "▲ up", Direction.DOWN: "▽ down"}
    found = table(
        [
            ("no.", "right", [str(order) for order in range(1, len(steps) + 1)]),
            (f"set-point\n{unit}", "right", exact_column([step.set_to for step in steps])),
            ("approach", "left", [arrow[step.direction] for step in steps]),
            ("seating", "right", [str(step.seating) for step in steps]),
            (f"reading\n{unit}", "right", [shown(taken.value, to) for taken in result.run.taken]),
            ("mark", "left", marks),
        ]
    )
    found["notes"] = notes
    found["struck"] = [mark == "withdrawn" for mark in marks]
    return found


def _reading_places(plan: Plan, result: SeriesResult) -> int:
    """Places of the instrument's step, or of the readings where they have more (they may have been in another unit)."""
    values = [plan.resolution(result.series), *(taken.value for taken in result.run.taken)]
    return max(map(_places_needed, values))


def _at_place(value: float | None, judged: Judged, factor: float = 1.0, sign: bool = False) -> str:
    if value is None:
        return "–"
    return shown(value * factor, places_of(judged.uncertainty * factor), sign)


def exact(value: float) -> str:
    """A set value or a limit as it was chosen."""
    return exact_column([value])[0]


def exact_column(values: Sequence[float]) -> list[str]:
    """Set values or limits, all with the places that the longest of them needs."""
    to = max(_places_needed(value) for value in values)
    return [shown(value, to) for value in values]


def _places_needed(value: float) -> int:
    return next(n for n in range(PLACES_MAX + 1) if n == PLACES_MAX or abs(round(value, n) - value) < 1e-9)
