"""The uncertainty budget, line by line (JCGM 100, the GUM): each line's standard uncertainty, u_c, U = k · u_c.

Every line acts on the result directly, so all sensitivity coefficients are 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .quantities import Evaluation

COVERAGE_K: Final = 2.0
"""Coverage factor: about 95 % for a result that is close to normally distributed (JCGM 100, 6.3.3)."""
DOF_FOR_K: Final = 30
"""With fewer effective degrees of freedom k = 2 covers noticeably less than 95 % (JCGM 100, G.6)."""


class Distribution(StrEnum):
    """What is known about a quantity, and so what its stated value is divided by to get a standard uncertainty."""

    NORMAL = "normal"
    EXPANDED = "normal, k = 2"
    RECTANGULAR = "rectangular"
    TRIANGULAR = "triangular"
    U_SHAPED = "U-shaped"
    RESOLUTION = "resolution"

    @property
    def divisor(self) -> float:
        """NORMAL states a standard uncertainty, EXPANDED U (k = 2), RESOLUTION a whole step, the others a ± half-width
        (JCGM 100, 4.3)."""
        return _DIVISORS[self]


_DIVISORS: Final = {
    Distribution.NORMAL: 1.0,
    Distribution.EXPANDED: 2.0,
    Distribution.RECTANGULAR: math.sqrt(3),
    Distribution.TRIANGULAR: math.sqrt(6),
    Distribution.U_SHAPED: math.sqrt(2),
    Distribution.RESOLUTION: math.sqrt(12),
}


@dataclass(frozen=True, slots=True)
class Source:
    """A source of uncertainty that is known from elsewhere (Type B). ``value`` in the unit of the measurand, or as a
    fraction of the set value when ``relative``; ``origin`` says where it is from."""

    name: str
    value: float
    distribution: Distribution
    origin: str = ""
    relative: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line: ``value`` / divisor of ``distribution`` = ``u``. ``evaluated`` is A (from these readings) or B."""

    name: str
    evaluated: str
    value: float
    distribution: Distribution
    dof: float = math.inf
    origin: str = ""

    @property
    def u(self) -> float:
        """Standard uncertainty."""
        return self.value / self.distribution.divisor


@dataclass(frozen=True, slots=True)
class Budget:
    """All lines and what they make together."""

    lines: tuple[Line, ...]
    k: float = COVERAGE_K

    @property
    def combined(self) -> float:
        """u_c: root of the sum of squares."""
        return math.sqrt(sum(line.u**2 for line in self.lines))

    @property
    def expanded(self) -> float:
        """U = k · u_c."""
        return self.k * self.combined

    @property
    def dof(self) -> float:
        """Effective degrees of freedom (Welch-Satterthwaite, JCGM 100 G.4)."""
        parts = sum(line.u**4 / line.dof for line in self.lines)
        return self.combined**4 / parts if parts else math.inf

    def share(self, line: Line) -> float:
        """This line's part of the variance, 0 to 1."""
        return line.u**2 / self.combined**2 if self.combined else 0.0

    def problem(self) -> str | None:
        """Why k does not mean what it is said to mean, or None."""
        if self.dof >= DOF_FOR_K:
            return None
        return (
            f"Only {self.dof:.0f} effective degrees of freedom: U with k = {self.k:g} covers less than 95 %; "
            "take more readings at each set-point."
        )


def budget(evaluation: Evaluation, sources: Sequence[Source], set_to: float = 0.0, k: float = COVERAGE_K) -> Budget:
    """The budget of the mean of both directions at the set-point ``set_to``.

    Repeatability is that of the mean of the readings at one set-point (fewest readings count). Half of the greatest
    hysteresis is a rectangular ± around the mean: nobody knows from which side a setting will be approached.
    """
    lines = [
        Line(
            "repeatability of the mean",
            "A",
            evaluation.repeatability / math.sqrt(evaluation.least_count),
            Distribution.NORMAL,
            evaluation.dof,
            f"{evaluation.dof} degrees of freedom, {evaluation.least_count} readings at a set-point",
        )
    ]
    if evaluation.hysteresis is not None:
        lines.append(
            Line(
                "half of the hysteresis", "B", evaluation.hysteresis / 2, Distribution.RECTANGULAR, origin="this series"
            )
        )
    lines += [
        Line(
            source.name,
            "B",
            source.value * abs(set_to) if source.relative else source.value,
            source.distribution,
            origin=source.origin,
        )
        for source in sources
    ]
    return Budget(tuple(lines), k)
