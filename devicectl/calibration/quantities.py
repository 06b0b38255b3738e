"""What a series of readings says: error, repeatability, hysteresis, non-linearity, needle spread.

The terms are those of ISO 230-2: at each set-point the readings approached upward and those approached downward have
their own means; the error is that of the mean of both, the hysteresis (reversal value) their difference.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

LEAST_POINTS: Final = 5
"""Set-points that a calibration needs (domain notes 5.3)."""
LEAST_READINGS: Final = 2
"""Readings in each direction at a set-point: with one there is no repeatability."""


class TooFew(ValueError):
    """There are too few readings to say anything; the text is one sentence with the next step."""


class Direction(StrEnum):
    """From which side a set-point was approached: from below or from above."""

    UP = "up"
    DOWN = "down"


class Measurand(StrEnum):
    """What is measured. Static and dynamic protrusion are two quantities: a membrane behaves differently in motion."""

    STATIC = "protrusion-static"
    DYNAMIC = "protrusion-dynamic"
    RATE = "rate-no-load"
    RATE_LOADED = "rate-light-load"

    @property
    def is_rate(self) -> bool:
        """True for a stroke rate."""
        return self in (Measurand.RATE, Measurand.RATE_LOADED)

    @property
    def unit(self) -> str:
        """Unit of every value of this measurand."""
        return "Hz" if self.is_rate else "mm"

    @property
    def needs_motor(self) -> bool:
        """True when the pen must run while it is measured."""
        return self is not Measurand.STATIC


class Measured(NamedTuple):
    """One reading that counts: what was set, from which side, what the instrument showed."""

    set_to: float
    direction: Direction
    value: float


@dataclass(frozen=True, slots=True)
class Point:
    """One set-point. ``up`` and ``down`` are means, None where that side was not approached."""

    set_to: float
    up: float | None
    down: float | None
    count: int

    @property
    def mean(self) -> float:
        """Mean of both directions, each with the same weight."""
        sides = [side for side in (self.up, self.down) if side is not None]
        return sum(sides) / len(sides)

    @property
    def error(self) -> float:
        """Mean minus what was set."""
        return self.mean - self.set_to

    @property
    def hysteresis(self) -> float | None:
        """Mean downward minus mean upward; positive where the drive has lost motion."""
        return None if self.up is None or self.down is None else self.down - self.up


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A whole series. ``repeatability`` is the standard deviation within set-point and direction, pooled over all of
    them, with ``dof`` degrees of freedom."""

    points: tuple[Point, ...]
    repeatability: float
    dof: int

    @property
    def worst(self) -> Point:
        """The set-point with the greatest error."""
        return max(self.points, key=lambda point: abs(point.error))

    @property
    def max_error(self) -> float:
        """Greatest error, without its sign."""
        return abs(self.worst.error)

    @property
    def hysteresis(self) -> float | None:
        """Greatest hysteresis without its sign; None when no set-point was approached from both sides."""
        both = [abs(point.hysteresis) for point in self.points if point.hysteresis is not None]
        return max(both) if both else None

    @property
    def backlash(self) -> float | None:
        """What the drive loses at a reversal: the mean hysteresis, with its sign."""
        both = [point.hysteresis for point in self.points if point.hysteresis is not None]
        return sum(both) / len(both) if both else None

    @property
    def least_count(self) -> int:
        """Readings at the set-point that has the fewest."""
        return min(point.count for point in self.points)

    def non_linearity(self, model: Callable[[float], float]) -> float:
        """Greatest distance of a set-point's mean from ``model``."""
        return max(abs(point.mean - model(point.set_to)) for point in self.points)


def evaluate(readings: Iterable[Measured]) -> Evaluation:
    """The quantities of one series. Raises :class:`TooFew`."""
    cells: dict[float, dict[Direction, list[float]]] = defaultdict(lambda: defaultdict(list))
    for reading in readings:
        cells[reading.set_to][reading.direction].append(reading.value)
    if len(cells) < LEAST_POINTS:
        raise TooFew(
            f"There are readings at {len(cells)} set-points and {LEAST_POINTS} are needed; measure at more set-points."
        )
    points, squares, dof = [], 0.0, 0
    for set_to in sorted(cells):
        means: dict[Direction, float] = {}
        for direction, values in cells[set_to].items():
            if len(values) < LEAST_READINGS:
                raise TooFew(
                    f"Set-point {set_to:g} has {len(values)} reading {direction} and {LEAST_READINGS} are needed; "
                    "measure it again."
                )
            mean = means[direction] = math.fsum(values) / len(values)
            squares += math.fsum((value - mean) ** 2 for value in values)
            dof += len(values) - 1
        count = sum(map(len, cells[set_to].values()))
        points.append(Point(set_to, means.get(Direction.UP), means.get(Direction.DOWN), count))
    return Evaluation(tuple(points), math.sqrt(squares / dof), dof)


@dataclass(frozen=True, slots=True)
class NeedleSpread:
    """The needles of one cartridge, measured one by one at the same set-point."""

    mean: float
    least: float
    greatest: float

    @property
    def half_width(self) -> float:
        """Half of the range: the ± of the budget's line."""
        return (self.greatest - self.least) / 2


def needle_spread(protrusions_mm: Sequence[float]) -> NeedleSpread:
    """Needle-to-needle spread in mm. Raises :class:`TooFew`."""
    if len(protrusions_mm) < 2:
        raise TooFew("Needle spread needs at least 2 needles; measure more of them.")
    return NeedleSpread(math.fsum(protrusions_mm) / len(protrusions_mm), min(protrusions_mm), max(protrusions_mm))
