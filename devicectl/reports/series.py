"""One series in one phase with everything that a report prints of it.

All of it follows from the plan and the readings, so it can be made anew from the record at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from devicectl.calibration.budget import Budget, Distribution, Source, budget
from devicectl.calibration.decision import Decision, decide
from devicectl.calibration.fit import Fit, fit_line, fit_through_origin
from devicectl.calibration.plan import NEEDLE_SPREAD, Plan, Series
from devicectl.calibration.quantities import Evaluation, Measured, NeedleSpread, evaluate, needle_spread
from devicectl.calibration.readings import outliers, suspicious
from devicectl.calibration.run import Phase, Run


@dataclass(frozen=True, slots=True)
class Needles:
    """The needles of the test cartridge one by one, in mm, all measured at the set-point ``set_to`` (mm)."""

    set_to: float
    protrusions: tuple[float, ...]

    @property
    def spread(self) -> NeedleSpread:
        """Raises :class:`~devicectl.calibration.quantities.TooFew`."""
        return needle_spread(self.protrusions)


@dataclass(frozen=True, slots=True)
class SeriesResult:
    """``outliers`` are indices of steps; their readings count. ``remarks`` say what the readings look like as a whole."""

    phase: Phase
    series: Series
    run: Run
    sources: tuple[Source, ...]
    readings: tuple[Measured, ...]
    evaluation: Evaluation
    fit: Fit
    decision: Decision
    outliers: frozenset[int]
    remarks: tuple[str, ...]
    needles: Needles | None = None

    def budget_at(self, set_to: float) -> Budget:
        """The uncertainty budget at a set-point; they differ only where a source is relative."""
        return budget(self.evaluation, self.sources, set_to)

    @property
    def part(self) -> float:
        """Greatest error as a part of its limit: 1 is just at the tolerance
        (:class:`~devicectl.calibration.interval.AsFound`)."""
        return max(abs(point.error) / point.limit for point in self.decision.points)


def series_result(plan: Plan, series: Series, phase: Phase, run: Run, needles: Needles | None = None) -> SeriesResult:
    """Evaluate what has been taken of ``series``. Measured ``needles`` replace the plan's estimate of their spread.

    Raises :class:`~devicectl.calibration.quantities.TooFew` or :class:`~devicectl.calibration.fit.NoFit`.
    """
    readings = run.measured()
    evaluation = evaluate(readings)
    fit = fit_through_origin if series.measurand.is_rate else fit_line
    sources = plan.sources(series)
    if needles is not None:
        sources = _with_spread(sources, needles)
    counting = {each.step for each in run.taken if each.withdrawn is None}
    steps = [step.index for step in run.steps if step.index in counting]
    return SeriesResult(
        phase,
        series,
        run,
        tuple(sources),
        readings,
        evaluation,
        fit([reading.set_to for reading in readings], [reading.value for reading in readings]),
        decide(evaluation, sources, series.tolerance(), series.measurand, plan.rule),
        frozenset(steps[index] for index in outliers(readings, plan.resolution(series))),
        suspicious(readings, series.measurand),
        needles,
    )


def _with_spread(sources: Sequence[Source], needles: Needles) -> list[Source]:
    measured = Source(
        NEEDLE_SPREAD,
        needles.spread.half_width,
        Distribution.RECTANGULAR,
        f"{len(needles.protrusions)} needles measured at {needles.set_to:g} mm",
    )
    if any(source.name == NEEDLE_SPREAD for source in sources):
        return [measured if source.name == NEEDLE_SPREAD else source for source in sources]
    return [*sources, measured]
