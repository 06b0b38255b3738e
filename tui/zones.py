"""How the ten zones of the scalp are called on the screen, and the digit that selects each.

Order runs front to back, so the digits can be learned once. Codes are the catalogue's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ZoneLabel:
    """One zone on the screen: ``short`` has at most 6 cells and stands on the map."""

    key: str
    code: str
    short: str
    name: str


ZONES: Final = (
    ZoneLabel("1", "FHL", "Hairln", "Frontal hairline"),
    ZoneLabel("2", "FRL", "Fr L", "Frontal left"),
    ZoneLabel("3", "FRR", "Fr R", "Frontal right"),
    ZoneLabel("4", "FTL", "Tp L", "Temple left"),
    ZoneLabel("5", "FTR", "Tp R", "Temple right"),
    ZoneLabel("6", "MID", "Mid", "Mid-scalp"),
    ZoneLabel("7", "PAL", "Pa L", "Parietal left"),
    ZoneLabel("8", "PAR", "Pa R", "Parietal right"),
    ZoneLabel("9", "VTX", "Crown", "Crown"),
    ZoneLabel("0", "OCC", "Occip", "Occipital"),
)
INDEX: Final = {zone.code: index for index, zone in enumerate(ZONES)}
MIRROR: Final = (0, 2, 1, 4, 3, 5, 7, 6, 8, 9)
"""The zone on the other side of the head, by index."""


def zone_name(code: str | None) -> str:
    """``3 Frontal right`` for FRR; a custom patch keeps its code."""
    if code is None:
        return "no zone"
    index = INDEX.get(code)
    return code if index is None else f"{ZONES[index].key} {ZONES[index].name}"
