"""The catalogue's ten zones as the screens use them: by place in it, by mirror image, by name."""

from __future__ import annotations

from typing import Final

from devicectl.treatment.zones import ZONES

_OTHER_SIDE: Final = {"L": "R", "R": "L"}

INDEX: Final = {zone.code: index for index, zone in enumerate(ZONES)}
SIDED: Final = frozenset({"FRL", "FRR", "FTL", "FTR", "PAL", "PAR"})
MIRROR: Final = tuple(
    INDEX[zone.code[:-1] + _OTHER_SIDE[zone.code[-1]]] if zone.code in SIDED else index
    for index, zone in enumerate(ZONES)
)
"""The zone on the other side of the head, by index; a zone on the midline is its own."""


def zone_name(code: str | None) -> str:
    """``3 Frontal right`` for FRR; a custom patch keeps its code."""
    if code is None:
        return "no zone"
    index = INDEX.get(code)
    return code if index is None else f"{ZONES[index].key} {ZONES[index].name}"


__all__ = ["INDEX", "MIRROR", "ZONES", "zone_name"]

SHAPES: Final = {
    "horizontal": "--",
    "vertical": "||",
    "diagonal_left": "\\\\",
    "diagonal_right": "//",
    "circular": "()",
    "stamp": "::",
}
"""How the strokes run, in two characters."""
