"""One series judged: all that its readings say, in one object and in one table of plain values that the record keeps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drivers.correction import CorrectionTable

from .budget import Budget, budget
from .correction import NoCorrection, linear, piecewise
from .decision import Decision, decide
from .fit import Fit, fit_line, fit_quadratic, fit_through_origin
from .process import Process
from .quantities import Evaluation, evaluate
from .readings import outliers, suspicious

PLACES = 9
"""Figures are kept to this many decimal places of mm or Hz: far below any instrument, and the same on every machine."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """A series after its last reading. ``budget`` is that of the set-point with the greatest error; ``outliers`` and
    ``readings`` are ids."""

    evaluation: Evaluation
    fit: Fit
    budget: Budget
    decision: Decision
    non_linearity: float
    bend: float
    outliers: tuple[str, ...]
    suspicious: tuple[str, ...]
    readings: tuple[str, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Everything that a person should look at and that is no reason of the verdict."""
        weak = self.budget.problem()
        return (*self.decision.warnings, *self.suspicious, *((weak,) if weak is not None else ()))


def assess(process: Process, measurand: str, round: int) -> Assessment:
    """Judge a series. Raises :class:`~devicectl.calibration.quantities.TooFew` or
    :class:`~devicectl.calibration.fit.NoFit`. Loads NumPy: not on a loop that drives a pen."""
    series = next(one for one in process.plan.series if one.measurand == measurand)
    counted, measured = process.counted(series, round), process.measured(series, round)
    sources = process.plan.sources(series)
    evaluation = evaluate(measured)
    x, y = [one.set_to for one in measured], [one.value for one in measured]
    fit = fit_through_origin(x, y) if series.measurand.is_rate else fit_line(x, y)
    return Assessment(
        evaluation,
        fit,
        budget(evaluation, sources, evaluation.worst.set_to),
        decide(evaluation, sources, series.tolerance(), series.measurand, process.plan.rule),
        evaluation.non_linearity(fit),
        fit_quadratic(x, y).coefficients[-1],
        tuple(str(counted[index].id) for index in outliers(measured, process.plan.resolution(series))),
        suspicious(measured, series.measurand),
        tuple(str(one.id) for one in counted),
    )


def corrected(assessment: Assessment, kind: str, held: CorrectionTable | None) -> CorrectionTable:
    """The table that takes the error away; ``held`` is what the pen applied while it was measured.

    What was set then went through that table, so the new one starts from what the drive was really told. Raises
    :class:`~devicectl.calibration.correction.NoCorrection`.
    """
    made = linear(assessment.fit, assessment.evaluation) if kind == "linear" else piecewise(assessment.evaluation)
    if held is None:
        return made
    from drivers.correction import BadTable, Knot

    try:
        return CorrectionTable(
            tuple(Knot(max(0, held.commanded_um(knot.commanded_um)), knot.actual_um) for knot in made.knots)
        )
    except BadTable as error:
        raise NoCorrection(str(error)) from error


def detail(assessment: Assessment) -> dict[str, Any]:
    """All figures as plain values, in the unit of the measurand."""
    a = assessment
    points = {one.set_to: one for one in a.decision.points}
    return {
        "points": [
            {
                "set_to": point.set_to,
                "up": _number(point.up),
                "down": _number(point.down),
                "mean": _number(point.mean),
                "error": _number(point.error),
                "hysteresis": _number(point.hysteresis),
                "count": point.count,
                "fitted": _number(a.fit(point.set_to)),
                "uncertainty": _number(points[point.set_to].uncertainty),
                "limit": _number(points[point.set_to].limit),
                "guarded": _number(points[point.set_to].guarded),
                "verdict": str(points[point.set_to].verdict),
            }
            for point in a.evaluation.points
        ],
        "repeatability": _number(a.evaluation.repeatability),
        "dof": a.evaluation.dof,
        "max_error": _number(a.evaluation.max_error),
        "hysteresis": _number(a.evaluation.hysteresis),
        "backlash": _number(a.evaluation.backlash),
        "non_linearity": _number(a.non_linearity),
        "bend": _number(a.bend),
        "fit": {
            "gain": _number(a.fit.gain),
            "offset": _number(a.fit.offset),
            "gain_error": _number(a.fit.gain_error),
            "offset_error": _number(a.fit.offset_error),
            "residual_s": _number(a.fit.residual_s),
            "r2": _number(a.fit.r2),
            "dof": a.fit.dof,
        },
        "budget": {
            "set_to": a.evaluation.worst.set_to,
            "lines": [
                {
                    "name": line.name,
                    "evaluated": line.evaluated,
                    "value": _number(line.value),
                    "distribution": str(line.distribution),
                    "divisor": _number(line.distribution.divisor),
                    "u": _number(line.u),
                    "share": _number(a.budget.share(line)),
                    "dof": None if math.isinf(line.dof) else line.dof,
                    "origin": line.origin,
                }
                for line in a.budget.lines
            ],
            "combined": _number(a.budget.combined),
            "k": a.budget.k,
            "expanded": _number(a.budget.expanded),
            "dof": None if math.isinf(a.budget.dof) else _number(a.budget.dof),
        },
        "verdict": str(a.decision.verdict),
        "reasons": list(a.decision.reasons),
        "warnings": list(a.warnings),
        "outliers": list(a.outliers),
        "readings": list(a.readings),
    }


def differences(kept: Mapping[str, Any], again: Mapping[str, Any], where: str = "") -> list[str]:
    """What of an evaluation in the record does not come out again; empty when all does."""
    found: list[str] = []
    for name in sorted(kept.keys() | again.keys()):
        one, other, path = kept.get(name), again.get(name), f"{where}{name}"
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            found += differences(one, other, f"{path}.")
        elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            for place, (a, b) in enumerate(zip(one, other, strict=True)):
                if isinstance(a, Mapping) and isinstance(b, Mapping):
                    found += differences(a, b, f"{path}.{place}.")
                elif a != b:
                    found.append(f"{path}.{place}")
        elif isinstance(one, float) and isinstance(other, float | int):
            if abs(one - other) > 2 * 10.0**-PLACES * max(1.0, abs(one)):
                found.append(path)
        elif one != other:
            found.append(path)
    return found


def _number(value: float | None) -> float | None:
    return None if value is None else round(float(value), PLACES)
