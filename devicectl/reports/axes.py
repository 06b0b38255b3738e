"""Axes of a picture: a range around the data with ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from devicectl.calibration.rounding import shown

STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
TICKS: Final = 8
"""At most as many intervals as an axis of 40 mm has room for."""


@dataclass(frozen=True, slots=True)
class Axis:
    """``low`` to ``high`` in the unit that ``label`` names; ``ticks`` are values with their text."""

    label: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def spec(self) -> dict[str, Any]:
        """As the templates take it."""
        return {"label": self.label, "low": self.low, "high": self.high, "ticks": [list(tick) for tick in self.ticks]}


def axis(
    label: str, values: Iterable[float], ticks: int = TICKS, margin: float = 0.04, floor: float | None = None
) -> Axis:
    """An axis that holds all ``values`` and begins and ends a ``margin`` (part of their span) away from them; at ``floor``
    where they cannot be less."""
    known = list(values)
    low, high = min(known), max(known)
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - max(0.001, abs(low) / 100), high + max(0.001, abs(high) / 100)
    room = (high - low) * margin
    low, high = low - room if floor is None else floor, high + room
    step = _step((high - low) / ticks)
    places = _places(step)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return Axis(label, low, high, tuple((round(n * step, 9), shown(n * step, places)) for n in range(first, last + 1)))


def _step(least: float) -> float:
    unit = 10.0 ** math.floor(math.log10(least))
    return next(each for each in STEPS if each * unit >= least * (1 - 1e-9)) * unit


def _places(step: float) -> int:
    return next(places for places in range(13) if abs(round(step, places) - step) < 1e-6 * step)
