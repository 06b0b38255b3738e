"""The control chart of the daily check: individuals and moving range, with the Western Electric rules.

Constants for moving ranges of two (d2 = 1.128, D4 = 3.267) and the four rules as in the Western Electric handbook
(1956); "beyond" is strict, both sides apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Final

D2: Final = 1.128
D4: Final = 3.267
LEARN_LEAST: Final = 8
LEARN: Final = 12
"""Points before limits mean anything (domain notes 5.5: 8 to 12)."""


class RuleNumber(IntEnum):
    """The rules by their usual numbers; 0 is the moving range over its limit."""

    RANGE = 0
    BEYOND_3_SIGMA = 1
    TWO_OF_THREE = 2
    FOUR_OF_FIVE = 3
    EIGHT_ON_ONE_SIDE = 4

    @property
    def text(self) -> str:
        """What happened, for a person."""
        return _TEXTS[self]


_TEXTS: Final = {
    RuleNumber.RANGE: "jump from the check before",
    RuleNumber.BEYOND_3_SIGMA: "1 point beyond 3 sigma",
    RuleNumber.TWO_OF_THREE: "2 of 3 points beyond 2 sigma on one side",
    RuleNumber.FOUR_OF_FIVE: "4 of 5 points beyond 1 sigma on one side",
    RuleNumber.EIGHT_ON_ONE_SIDE: "8 points on one side of the centre",
}
_RUNS: Final = (
    (RuleNumber.BEYOND_3_SIGMA, 1, 1, 3.0),
    (RuleNumber.TWO_OF_THREE, 2, 3, 2.0),
    (RuleNumber.FOUR_OF_FIVE, 4, 5, 1.0),
    (RuleNumber.EIGHT_ON_ONE_SIDE, 8, 8, 0.0),
)


@dataclass(frozen=True, slots=True, order=True)
class Signal:
    """A rule is broken at the point with this index (the last one of its run). ``side`` is +1 above, -1 below."""

    index: int
    rule: RuleNumber
    side: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Centre and sigma of the individuals, mean moving range; all in the unit of the values."""

    centre: float
    sigma: float
    mean_range: float

    @property
    def upper(self) -> float:
        """Centre + 3 sigma, that is + 2.66 · mean moving range."""
        return self.centre + 3 * self.sigma

    @property
    def lower(self) -> float:
        """Centre - 3 sigma."""
        return self.centre - 3 * self.sigma

    @property
    def range_upper(self) -> float:
        """Upper limit of the moving range; the lower one is 0."""
        return D4 * self.mean_range


@dataclass(frozen=True, slots=True)
class Chart:
    """``limits`` is None while the chart is learning; ``signals`` in the order of the points."""

    values: tuple[float, ...]
    ranges: tuple[float, ...]
    limits: Limits | None
    signals: tuple[Signal, ...]
    needed: int

    @property
    def learning(self) -> bool:
        """True before there are enough points for limits."""
        return self.limits is None

    @property
    def still_needed(self) -> int:
        """Points until there are limits."""
        return max(0, self.needed - len(self.values))


def control_chart(values: Sequence[float], learn: int = LEARN) -> Chart:
    """The chart of these checks, oldest first. The first ``learn`` points (8 at least) make the limits of all."""
    learn = max(learn, LEARN_LEAST)
    ranges = tuple(abs(b - a) for a, b in pairwise(values))
    if len(values) < learn:
        return Chart(tuple(values), ranges, None, (), learn)
    limits = limits_of(values[:learn])
    found = western_electric(values, limits.centre, limits.sigma)
    found += [
        Signal(index, RuleNumber.RANGE, 1 if values[index] > values[index - 1] else -1)
        for index, width in enumerate(ranges, 1)
        if width > limits.range_upper
    ]
    return Chart(tuple(values), ranges, limits, tuple(sorted(found)), learn)


def limits_of(values: Sequence[float]) -> Limits:
    """Limits from the points themselves, two at least."""
    ranges = [abs(b - a) for a, b in pairwise(values)]
    mean_range = sum(ranges) / len(ranges)
    return Limits(sum(values) / len(values), mean_range / D2, mean_range)


def western_electric(values: Sequence[float], centre: float, sigma: float) -> list[Signal]:
    """Where the rules 1 to 4 are broken. A signal stands at the last point of its run, which itself lies beyond."""
    signals = []
    for index, value in enumerate(values):
        side = 1 if value > centre else -1
        for rule, least, of, width in _RUNS:
            far = width * sigma
            if side * (value - centre) <= far:
                continue
            run = values[max(0, index + 1 - of) : index + 1]
            if sum(side * (each - centre) > far for each in run) >= least:
                signals.append(Signal(index, rule, side))
    return signals
