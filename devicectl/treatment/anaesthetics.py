"""What labels and guidance say about anaesthetics on the skin, and the arithmetic of a dose. Information, never advice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Documented:
    """A documented use. Strength in thousandths of a percent; dwell in s; dose in mg of product per cm², None unknown."""

    product: str
    strength_milli: int
    dwell_min_s: int
    dwell_max_s: int | None
    mg_cm2_least: int | None
    mg_cm2_most: int | None
    source: str


DOCUMENTED: Final = (
    Documented("Lidocaine/prilocaine 2.5/2.5 %", 5_000, 3_600, 10_800, 100, 125, "label: druglib.com/druginfo/emla"),
    Documented("Lidocaine 4 %", 4_000, 1_200, 1_800, None, None, "skinspirit.com"),
    Documented("Lidocaine 20 % compound", 20_000, 1_800, None, None, None, "belislaser.com (a vendor)"),
)
"""Lidocaine/prilocaine: 2.5 g per 20 to 25 cm² for at least 1 h on a minor area (2 g per 10 cm² for at least 2 h on a larger
painful one); numbness grows to 3 h under occlusion and lasts 1 to 2 h after removal. The strength is the sum of both."""


def dose_mg_cm2(grams_mg: int, area_mm2: int) -> float:
    """Product on the skin in mg per cm², from mg and mm² (more than 0)."""
    return grams_mg * 100 / area_mm2


def active_mg(grams_mg: int, strength_milli: int) -> float:
    """Active substance in mg, from mg of product and thousandths of a percent."""
    return grams_mg * strength_milli / 100_000


def dose_text(grams_mg: int, area_mm2: int, strength_milli: int) -> str:
    """The dose in words, beside what is documented for this strength."""
    dose = dose_mg_cm2(grams_mg, area_mm2)
    text = f"{dose / 1000:.2f} g/cm², {active_mg(grams_mg, strength_milli):.0f} mg of active substance."
    for known in DOCUMENTED:
        if known.strength_milli == strength_milli and known.mg_cm2_least is not None and known.mg_cm2_most is not None:
            low, high = known.mg_cm2_least / 1000, known.mg_cm2_most / 1000
            where = "above" if dose > known.mg_cm2_most else "below" if dose < known.mg_cm2_least else "within"
            return f"{text} {where.capitalize()} the documented {low:.2f} to {high:.3g} g/cm² ({known.source})."
    return f"{text} No dose by area is documented here for this strength."


def dwell_text(strength_milli: int) -> str:
    """How long products of this strength are left on, as documented; empty when nothing is."""
    known = next((each for each in DOCUMENTED if each.strength_milli == strength_milli), None)
    if known is None:
        return ""
    least = known.dwell_min_s // 60
    span = f"{least} to {known.dwell_max_s // 60} min" if known.dwell_max_s else f"at least {least} min"
    return f"Documented: {span} ({known.source})."


@dataclass(frozen=True, slots=True)
class Dwell:
    """The timer of an anaesthetic that is on: ``text`` is one sentence, ``state`` early, ready or over."""

    on_s: int
    state: str
    text: str


def dwell(on_utc_us: int, now_utc_us: int, least_s: int, most_s: int | None) -> Dwell:
    """How far an application is: ``early`` before its least time, ``over`` after its greatest, else ``ready``."""
    on_s = max(0, (now_utc_us - on_utc_us) // 1_000_000)
    if on_s < least_s:
        left = -(-(least_s - on_s) // 60)
        return Dwell(on_s, "early", f"Anaesthetic on for {on_s // 60} min; {left} min to its least time.")
    if most_s is not None and on_s > most_s:
        return Dwell(
            on_s, "over", f"Anaesthetic on for {on_s // 60} min, longer than {most_s // 60} min; remove it now."
        )
    return Dwell(on_s, "ready", f"Anaesthetic on for {on_s // 60} min; remove it and clean the skin.")
