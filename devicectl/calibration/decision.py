"""Does it pass? Tolerance, guard band and four verdicts (ILAC-G8:09/2019, 4.2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .budget import Source, budget
from .quantities import Evaluation, Measurand, Point

DEPTH_SOURCE: Final = "±0.15 mm as cleared for the Exceed pen; the other figures are devicectl's own"
DUST: Final = 1e-9
RATE_SOURCE: Final = "devicectl's own: no published figure was found"


class Verdict(StrEnum):
    """From best to worst."""

    PASS = "pass"
    CONDITIONAL_PASS = "conditional pass"
    CONDITIONAL_FAIL = "conditional fail"
    FAIL = "fail"

    @property
    def rank(self) -> int:
        """0 is best."""
        return list(Verdict).index(self)

    @property
    def usable(self) -> bool:
        """True when the pen may be used on this verdict."""
        return self in (Verdict.PASS, Verdict.CONDITIONAL_PASS)


class Rule(StrEnum):
    """GUARD_BAND keeps the uncertainty U away from the limit on both sides; SIMPLE looks at the limit alone."""

    GUARD_BAND = "guard band w = U"
    SIMPLE = "simple acceptance"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """``error`` and ``warn`` in the unit of the measurand, or as fractions of the set value when ``relative``, as are
    ``hysteresis`` and ``repeatability`` (None: not judged). ``error`` / U must be at least ``least_ratio``."""

    error: float
    warn: float
    hysteresis: float | None = None
    repeatability: float | None = None
    least_ratio: float = 4.0
    relative: bool = False
    source: str = ""

    def at(self, value: float, set_to: float) -> float:
        """One of the limits at a set-point, in the unit of the measurand."""
        return value * abs(set_to) if self.relative else value


DEPTH_TOLERANCE: Final = Tolerance(0.15, 0.10, 0.05, 0.02, source=DEPTH_SOURCE)
RATE_TOLERANCE: Final = Tolerance(0.10, 0.05, relative=True, source=RATE_SOURCE)


def default_tolerance(measurand: Measurand) -> Tolerance:
    """The tolerance that holds unless the plan says otherwise (domain notes 5.5)."""
    return RATE_TOLERANCE if measurand.is_rate else DEPTH_TOLERANCE


@dataclass(frozen=True, slots=True)
class Judged:
    """One set-point against its limits; ``guard`` is w, 0 under simple acceptance."""

    set_to: float
    error: float
    uncertainty: float
    limit: float
    guard: float
    verdict: Verdict

    @property
    def guarded(self) -> float:
        """Greatest error that passes."""
        return self.limit - self.guard


@dataclass(frozen=True, slots=True)
class Decision:
    """``reasons`` say what kept it from a pass; ``warnings`` do not change the verdict."""

    verdict: Verdict
    points: tuple[Judged, ...]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]


def judge(error: float, uncertainty: float, limit: float, rule: Rule) -> Verdict:
    """One error against ± ``limit``, all in the same unit."""
    guard = uncertainty if rule is Rule.GUARD_BAND else 0.0
    # A mean that lies at the limit to the last digit that was read belongs to the better side, whatever floats make of it.
    size = abs(error) - DUST
    if size <= limit - guard:
        return Verdict.PASS
    if size <= limit:
        return Verdict.CONDITIONAL_PASS
    return Verdict.CONDITIONAL_FAIL if size <= limit + guard and guard else Verdict.FAIL


def decide(
    evaluation: Evaluation,
    sources: Sequence[Source],
    tolerance: Tolerance,
    measurand: Measurand,
    rule: Rule = Rule.GUARD_BAND,
) -> Decision:
    """The verdict on one series: the worst of all set-points and of the limits on hysteresis and repeatability.

    A measurement whose U is too great for the tolerance cannot give more than a conditional pass.
    """
    points = tuple(
        _judged(point, budget(evaluation, sources, point.set_to).expanded, tolerance, rule)
        for point in evaluation.points
    )
    worst = max((point.verdict for point in points), key=lambda verdict: verdict.rank)
    places = 2 if measurand.is_rate else 3

    def shown(value: float, sign: str = "") -> str:
        return f"{value:{sign}.{places}f} {measurand.unit}"

    reasons, warnings = [], []
    for point in sorted(points, key=lambda point: abs(point.error) / point.limit, reverse=True):
        where = f"at {point.set_to:g} {measurand.unit} the error is {shown(point.error, '+')}"
        warn = tolerance.at(tolerance.warn, point.set_to)
        if point.verdict is not Verdict.PASS:
            reasons.append(f"{point.verdict}: {where}, allowed is ±{shown(point.guarded)}")
        elif abs(point.error) > warn:
            warnings.append(f"{where}, over the warning limit ±{shown(warn)}")
    for name, value, allowed in _limited(evaluation, tolerance):
        if value > allowed:
            worst = Verdict.FAIL
            reasons.append(f"fail: {name} is {shown(value)}, allowed is {shown(allowed)}")
    if any(point.uncertainty * tolerance.least_ratio > point.limit for point in points):
        worst = max(worst, Verdict.CONDITIONAL_PASS, key=lambda verdict: verdict.rank)
        reasons.append(
            f"no more than {Verdict.CONDITIONAL_PASS}: the tolerance is less than {tolerance.least_ratio:g} times U; "
            "measure with a better instrument"
        )
    return Decision(worst, points, tuple(reasons), tuple(warnings))


def _judged(point: Point, uncertainty: float, tolerance: Tolerance, rule: Rule) -> Judged:
    limit = tolerance.at(tolerance.error, point.set_to)
    guard = uncertainty if rule is Rule.GUARD_BAND else 0.0
    return Judged(point.set_to, point.error, uncertainty, limit, guard, judge(point.error, uncertainty, limit, rule))


def _limited(evaluation: Evaluation, tolerance: Tolerance) -> list[tuple[str, float, float]]:
    """Name, value and limit of what is judged once for the series; relative limits hold at the least set-point."""
    least = min(abs(point.set_to) for point in evaluation.points)
    rows = []
    if tolerance.hysteresis is not None and evaluation.hysteresis is not None:
        rows.append(("hysteresis", evaluation.hysteresis, tolerance.at(tolerance.hysteresis, least)))
    if tolerance.repeatability is not None:
        rows.append(("repeatability", evaluation.repeatability, tolerance.at(tolerance.repeatability, least)))
    return rows
