"""The zones of the scalp: codes, digit keys, names, areas.

The areas are estimates: SALT's weights (top 0.40, back 0.24, each side 0.18) × a scalp of 600 cm², split over the zones of
each region by proportion (domain notes, 3.1). Whoever measures a zone passes its area instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final


class UnknownZone(ValueError):
    """No zone is called that; the text is one sentence with the codes there are."""


@dataclass(frozen=True, slots=True)
class Zone:
    """One zone. ``key`` is its digit (empty for a custom patch); ``short`` has at most 6 cells.

    ``area_mm2`` is an estimate unless somebody measured it. ``depth_limit_um`` lowers the needle protrusion in this zone;
    None sets no limit of its own: no source good enough to ship was found.
    """

    code: str
    key: str
    name: str
    short: str
    area_mm2: int
    area_estimated: bool = True
    depth_limit_um: int | None = None

    @property
    def area_cm2(self) -> float:
        """Area in cm²."""
        return self.area_mm2 / 100

    def measured(self, area_mm2: int) -> Zone:
        """This zone with a measured area. Raises ``ValueError`` when it is not positive."""
        if area_mm2 <= 0:
            raise ValueError("the area of a zone must be positive")
        return replace(self, area_mm2=area_mm2, area_estimated=False)


ZONES: Final = (
    Zone("FHL", "1", "Frontal hairline", "Hairln", 3_000),
    Zone("FRL", "2", "Frontal left", "Fr L", 5_000),
    Zone("FRR", "3", "Frontal right", "Fr R", 5_000),
    Zone("FTL", "4", "Temple left", "Tp L", 2_800),
    Zone("FTR", "5", "Temple right", "Tp R", 2_800),
    Zone("MID", "6", "Mid-scalp", "Mid", 6_000),
    Zone("PAL", "7", "Parietal left", "Pa L", 8_000),
    Zone("PAR", "8", "Parietal right", "Pa R", 8_000),
    Zone("VTX", "9", "Crown", "Crown", 5_000),
    Zone("OCC", "0", "Occipital", "Occip", 14_400),
)
"""The ten zones, in the order of the digit keys from 1 to 0."""

BY_CODE: Final = {zone.code: zone for zone in ZONES}
BY_KEY: Final = {zone.key: zone for zone in ZONES}

CUSTOM_AREA_MM2: Final = 1_000
"""Area taken for a custom patch until somebody measures it."""
CUSTOM_MAX: Final = 99

_CUSTOM: Final = re.compile(r"CUS-([1-9][0-9]?)")


def parse_zone(text: str) -> Zone:
    """The zone with this code, in upper or lower case; ``CUS-1`` to ``CUS-99`` are custom patches.

    Raises:
        UnknownZone: with the codes there are.
    """
    code = text.strip().upper()
    zone = BY_CODE.get(code)
    if zone is not None:
        return zone
    custom = _CUSTOM.fullmatch(code)
    if custom is not None and code.isascii():
        return Zone(code, "", f"Custom patch {custom[1]}", code, CUSTOM_AREA_MM2)
    raise UnknownZone(
        f"There is no zone {text.strip()[:20]!r}: use one of {', '.join(BY_CODE)} or CUS-1 to CUS-{CUSTOM_MAX}."
    )
