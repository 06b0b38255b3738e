"""Numbers as a person types them: decimal point or comma, a unit behind; kept as whole multiples of a small unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from .words import BadEntry, clean, quoted

_NUMBER: Final = re.compile(r"([+\-−]?)([0-9]+(?:[.,][0-9]+)?|[.,][0-9]+)\s*([^0-9.,\s+\-−].*)?", re.DOTALL)
_THOUSANDS: Final = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}")
_CLOCK: Final = re.compile(r"([0-9]{1,3}):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Dimension:
    """What is measured. ``unit`` is shown; ``units`` gives how many kept units one typed unit is, by its folded name."""

    unit: str
    units: Mapping[str, Fraction]
    decimals: int
    shown_decimals: int = 0
    others: str = ""

    @property
    def scale(self) -> int:
        """How many kept units are one shown unit."""
        return 10**self.decimals if self.unit.casefold() not in self.units else int(self.units[self.unit.casefold()])


def _units(**by_name: int | Fraction) -> dict[str, Fraction]:
    return {name: Fraction(scale) for name, scale in by_name.items()}


# Casefolding turns the micro sign U+00B5 into the Greek letter U+03BC.
LENGTH_UM: Final = Dimension("mm", _units(mm=1000, cm=10_000, um=1, μm=1), 3, 2, "µm or cm")
RATE_MHZ: Final = Dimension("Hz", _units(hz=1000, rpm=Fraction(1000, 60)), 3, 0, "rpm")
MASS_MG: Final = Dimension("g", _units(g=1000, gram=1000, grams=1000, mg=1), 3, 0, "mg")
PERCENT_MILLI: Final = Dimension("%", {"%": Fraction(1000), "percent": Fraction(1000)}, 3)
AREA_MM2: Final = Dimension(
    "cm²",
    {"cm²": Fraction(100), "cm2": Fraction(100), "cm^2": Fraction(100), "mm²": Fraction(1), "mm2": Fraction(1)},
    2,
    0,
    "mm²",
)
MINUTES_S: Final = Dimension(
    "min",
    _units(min=60, mins=60, minute=60, minutes=60, s=1, sec=1, second=1, seconds=1, h=3600, hour=3600, hours=3600),
    0,
    0,
    "s or h",
)
SECONDS_S: Final = Dimension("s", MINUTES_S.units, 0, 0, "min or h")
PLAIN_MILLI: Final = Dimension("", {}, 3)
WHOLE: Final = Dimension("", {}, 0)
PERCENT: Final = Dimension("%", {"%": Fraction(1), "percent": Fraction(1)}, 0)
DAYS: Final = Dimension("days", _units(days=1, day=1, d=1, weeks=7, week=7, w=7), 0, 0, "weeks")


def read_number(label: str, raw: object, dimension: Dimension, least: int, most: int) -> int:
    """The number in kept units, within ``least`` and ``most``. Raises :class:`BadEntry`."""
    expected = f"{label} must be a number" + (f" in {dimension.unit}" if dimension.unit else "")
    expected += f", {_span(dimension, least, most)}"
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise BadEntry(f"{expected}.")
    try:
        text = clean(label, raw, most=40)
    except BadEntry:
        raise BadEntry(f"{expected}.") from None
    clock = _CLOCK.fullmatch(text) if dimension.units is MINUTES_S.units else None
    if clock is not None:  # as the screens write a time
        text = f"{int(clock[1]) * 60 + int(clock[2])} s"
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise BadEntry(f"{expected}; {quoted(text)} is none.")
    sign, digits, unit = found[1], found[2], (found[3] or "").strip()
    if _THOUSANDS.fullmatch(digits):
        head, tail = digits.split(",")
        raise BadEntry(
            f"{label}: {digits} could mean {head}.{tail} or {head}{tail}; write {head}.{tail} or {head}{tail}."
        )
    scale = _scale(label, unit, dimension)
    value = Fraction(digits.replace(",", ".").lstrip(".") if digits[0] not in ".," else "0." + digits[1:]) * scale
    if sign in ("-", "−"):
        value = -value
    if not least <= value <= most:
        raise BadEntry(f"{expected}; {quoted(text)} is outside.")
    if value.denominator != 1 and (not unit or unit.casefold() == dimension.unit.casefold()):
        raise BadEntry(f"{label} takes {_places(dimension)}.")
    return round(value)


def show_number(value: int, dimension: Dimension) -> str:
    """The number in the shown unit, as it may be typed again."""
    sign, value = ("-" if value < 0 else ""), abs(value)
    scale = dimension.scale
    if dimension is MINUTES_S and value % 60:
        return f"{sign}{value} s"
    whole, rest = divmod(value, scale)
    tail = f"{rest * 10**dimension.decimals // scale:0{dimension.decimals}d}" if dimension.decimals else ""
    tail = tail.rstrip("0").ljust(dimension.shown_decimals, "0")
    number = f"{sign}{whole}" + (f".{tail}" if tail else "")
    return f"{number} {dimension.unit}".rstrip()


def _scale(label: str, unit: str, dimension: Dimension) -> Fraction:
    if not unit:
        return Fraction(dimension.scale)
    scale = dimension.units.get(unit.casefold())
    if scale is None:
        if not dimension.unit:
            raise BadEntry(f"{label} takes a number without a unit.")
        others = f" (or {dimension.others})" if dimension.others else ""
        raise BadEntry(f"{label} is given in {dimension.unit}{others}, not in {quoted(unit, 12)}.")
    return scale


def _span(dimension: Dimension, least: int, most: int) -> str:
    low, high = show_number(least, dimension), show_number(most, dimension)
    return f"from {low.removesuffix(dimension.unit).strip()} to {high}"


def _places(dimension: Dimension) -> str:
    if not dimension.decimals:
        return "whole numbers only" + (f" of {dimension.unit}" if dimension.unit else "")
    return f"at most {dimension.decimals} places behind the point"
