"""From a calibration to what the pen is told: a table made of the readings, and the limits on both of its sides."""

from __future__ import annotations

import math
from dataclasses import dataclass

from devicectl.control.envelope import mm
from drivers.correction import KNOTS_MAX, BadTable, CorrectionTable, Knot

from .fit import Fit
from .quantities import Evaluation


class NoCorrection(ValueError):
    """These readings make no correction; the text is one sentence with the next step."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What is sent for a target. ``estimated_um`` is the protrusion expected of it; ``extrapolated`` says that the target
    lies outside of what was measured."""

    target_um: int
    commanded_um: int
    estimated_um: int
    extrapolated: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """A limit stands in the way; ``text`` names it and the greatest target that it allows."""

    text: str


def linear(fit: Fit, evaluation: Evaluation) -> CorrectionTable:
    """The straight line, as a table of its two ends. Raises :class:`NoCorrection`."""
    ends = (evaluation.points[0].set_to, evaluation.points[-1].set_to)
    return _table([(end, fit(end)) for end in ends])


def piecewise(evaluation: Evaluation) -> CorrectionTable:
    """Straight lines from set-point to set-point; for a pen that a single one does not describe.

    Raises :class:`NoCorrection`, also when the means do not rise from each set-point to the next.
    """
    if len(evaluation.points) > KNOTS_MAX:
        raise NoCorrection(
            f"A piecewise correction takes at most {KNOTS_MAX} set-points and there are {len(evaluation.points)}; "
            "use the linear one."
        )
    return _table([(point.set_to, point.mean) for point in evaluation.points])


def _table(pairs: list[tuple[float, float]]) -> CorrectionTable:
    # The protrusion is rounded up, so that what is commanded for a target is rather less than more. 1e-6 µm are dust.
    knots = tuple(Knot(round(set_to * 1000), math.ceil(protrusion * 1000 - 1e-6)) for set_to, protrusion in pairs)
    try:
        return CorrectionTable(knots)
    except BadTable as error:
        raise NoCorrection(str(error)) from error


def correct(
    table: CorrectionTable, target_um: int, *, least_um: int, step_um: int, limit_um: int, limit: str
) -> Correction | Refused:
    """The value to command for ``target_um``, down to the pen's steps.

    ``limit_um`` (named ``limit``) holds for the target and for what is commanded. ``least_um`` and ``step_um`` are the
    pen's.
    """
    if target_um > limit_um:
        return Refused(f"Depth {mm(target_um)} is above the {limit} {mm(limit_um)}; ask for less.")
    commanded = _on_step(table.commanded_um(target_um), least_um, step_um)
    if commanded > limit_um:
        most = table.actual_um(_on_step(limit_um, least_um, step_um))
        return Refused(
            f"Depth {mm(target_um)} would have to be commanded as {mm(commanded)}, above the {limit} {mm(limit_um)}; "
            f"ask for at most {mm(most // 10 * 10)}."
        )
    if commanded < least_um:
        return Refused(
            f"Depth {mm(target_um)} would have to be commanded as {mm(commanded)}, below the pen's least {mm(least_um)}; "
            "ask for more."
        )
    measured = table.knots[0].actual_um <= target_um <= table.knots[-1].actual_um
    return Correction(target_um, commanded, table.actual_um(commanded), not measured)


def _on_step(value: int, least: int, step: int) -> int:
    return value - (value - least) % step if step else value
