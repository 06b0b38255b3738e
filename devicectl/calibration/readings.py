"""A reading as a person or a gauge writes it: number, unit, and whether it can be meant.

Nothing is corrected silently: a value that looks like another unit is refused with the way to write it.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from .quantities import Direction, Measurand, Measured

INCH_MM: Final = 25.4
DEPTH_BAND_MM: Final = 0.5
"""Further off the set value a reading is no error of a pen (domain notes 5.1: 0.2 to 0.5 mm were reported)."""
RATE_BAND: Final = 0.3
OUTLIER: Final = 3.5
"""Modified z-score from which a reading is shown as an outlier (Iglewicz and Hoaglin 1993)."""
SWAPPED_MOST: Final = 0.8
"""Part of the set-points that must be the wrong way round before a swap is suspected."""

UNITS: Final[Mapping[str, tuple[bool, float]]] = {
    "mm": (False, 1.0),
    "µm": (False, 0.001),
    "μm": (False, 0.001),
    "um": (False, 0.001),
    "in": (False, INCH_MM),
    "inch": (False, INCH_MM),
    '"': (False, INCH_MM),
    "mil": (False, INCH_MM / 1000),
    "hz": (True, 1.0),
    "rpm": (True, 1 / 60),
    "1/min": (True, 1 / 60),
}
"""Unit → whether it is one of rate, and what it is in mm or Hz."""

_READING: Final = re.compile(r"([+-]?)([0-9]*)(?:([.,])([0-9]*))?\s*([^\s0-9.,+-]\S*)?")


class ReadingRefused(ValueError):
    """The reading cannot be used as it is; the text is one sentence with the next step."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """``value`` in the unit of the measurand, ``number`` as it was written; ``step`` is the place value of its last digit."""

    value: float
    number: float
    step: float
    text: str


def parse_reading(text: str, measurand: Measurand, gauge_unit: str | None = None) -> Parsed:
    """One reading: ``0.94``, ``0,94``, ``.94 mm``, ``940 µm``, ``0.0370 in``, ``6000 rpm``.

    A number without a unit is in ``gauge_unit`` (None: in that of the measurand). Raises :class:`ReadingRefused`.
    """
    written = text.strip()
    if "," in written and "." in written:
        raise ReadingRefused(
            f"{_short(written)} has a comma and a point; write one of them and no thousands separator."
        )
    match = _READING.fullmatch(written)
    if match is None or not (match[2] or match[4]):
        raise ReadingRefused(f"{_short(written)} is no reading; write a number such as {_example(measurand)}.")
    sign, whole, _, decimals, unit = match.groups()
    known = UNITS.get((unit or gauge_unit or measurand.unit).lower())
    if known is None or known[0] is not measurand.is_rate:
        usable = "Hz or rpm" if measurand.is_rate else "mm, µm, in or mil"
        raise ReadingRefused(f"{unit or gauge_unit} is no unit of this reading; write it in {usable}.")
    if sign == "-":
        raise ReadingRefused(f"{_short(written)} is negative; set the zero of the instrument and read again.")
    number = float(f"{whole or '0'}.{decimals or '0'}")
    return Parsed(number * known[1], number, 10.0 ** -len(decimals or "") * known[1], written)


def implausible(reading: Parsed, set_to: float, measurand: Measurand) -> str | None:
    """Why this reading cannot be meant at this set-point, with the way to write it; None when it can."""
    if _close(reading.value, set_to, measurand):
        return None
    shown = f"{reading.value:g} {measurand.unit} at {set_to:g} {measurand.unit}"
    match = re.match(r"[+-]?[0-9.,]+", reading.text)
    typed = match[0] if match else reading.text
    for unit in ("Hz", "rpm") if measurand.is_rate else ("mm", "in", "mil", "µm"):
        if _close(reading.number * UNITS[unit.lower()][1], set_to, measurand):
            return f"{shown} looks like a reading in {unit}; if it is one, write {typed} {unit}."
    if "." not in typed and "," not in typed:
        for places in (1, 2, 3):
            if _close(reading.value / 10**places, set_to, measurand):
                return f"{shown} looks as if the decimal point were missing; write it with the point."
    return f"{shown} cannot be: check that the pen stands at the set-point and that the instrument is zeroed, and read again."


def _close(value: float, set_to: float, measurand: Measurand) -> bool:
    band = RATE_BAND * set_to if measurand.is_rate else min(DEPTH_BAND_MM, max(0.1, 0.75 * set_to))
    return abs(value - set_to) <= band


def _short(text: str) -> str:
    return repr(text[:20])


def _example(measurand: Measurand) -> str:
    return "100.2 or 6012 rpm" if measurand.is_rate else "0.94 or 940 µm"


def outliers(readings: Sequence[Measured], step: float) -> tuple[int, ...]:
    """Indices of readings that stand out from those of the same set-point and direction. They are shown, never dropped.

    ``step`` is the instrument's resolution: what differs by at most two steps is none.
    """
    cells: dict[tuple[float, Direction], list[int]] = defaultdict(list)
    for index, reading in enumerate(readings):
        cells[reading.set_to, reading.direction].append(index)
    off = [0.0] * len(readings)
    for members in cells.values():
        middle = median(readings[index].value for index in members)
        for index in members:
            off[index] = readings[index].value - middle
    # Half of three readings are their own median: only what differs from it tells how much readings scatter.
    widths = [abs(each) for each in off if each]
    spread = median(widths) / 0.6745 if widths else 0.0
    least = max(OUTLIER * spread, 2 * step * (1 + 1e-9))
    return tuple(index for index, each in enumerate(off) if abs(each) > least)


def suspicious(readings: Sequence[Measured], measurand: Measurand) -> tuple[str, ...]:
    """What a whole series looks like although each reading can be meant: stuck, or up and down swapped."""
    found: list[str] = []
    cells: dict[float, dict[Direction, list[float]]] = defaultdict(lambda: defaultdict(list))
    for reading in readings:
        cells[reading.set_to][reading.direction].append(reading.value)
    groups = [values for sides in cells.values() for values in sides.values()]
    if len(groups) > 1 and len({value for values in groups for value in values}) == 1:
        return (
            "All readings are the same at every set-point: the instrument is held or stuck; release it and measure again.",
        )
    if sum(map(len, groups)) > len(groups) and all(len(set(values)) == 1 for values in groups):
        found.append(
            "The repeats are identical at every set-point: the instrument is too coarse or readings were copied; "
            "repeatability is not known from them."
        )
    both = [sides for sides in cells.values() if len(sides) == 2]
    swapped = [
        sides for sides in both if min(sides[Direction.UP]) > max(sides[Direction.DOWN]) and not measurand.is_rate
    ]
    if len(both) >= 3 and len(swapped) >= math.ceil(SWAPPED_MOST * len(both)):
        found.append(
            "Readings approached upward are greater than those approached downward at nearly every set-point, and lost "
            "motion makes them smaller: up and down look swapped; check before the evaluation."
        )
    return tuple(found)
