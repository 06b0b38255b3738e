"""The zones as the screens use them: the catalogue's ten by place, mirror image and name, and the custom patches of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from devicectl.treatment.zones import ZONES

if TYPE_CHECKING:
    from devicectl.station.views import View

__all__ = ["CUSTOM", "INDEX", "MIRROR", "SHAPES", "ZONES", "Patch", "patches_of", "zone_name"]

CUSTOM: Final = "CUS-"
"""How the code of a custom patch begins."""

_OTHER_SIDE: Final = {"L": "R", "R": "L"}

INDEX: Final = {zone.code: index for index, zone in enumerate(ZONES)}
SIDED: Final = frozenset({"FRL", "FRR", "FTL", "FTR", "PAL", "PAR"})
MIRROR: Final = tuple(
    INDEX[zone.code[:-1] + _OTHER_SIDE[zone.code[-1]]] if zone.code in SIDED else index
    for index, zone in enumerate(ZONES)
)
"""The zone on the other side of the head, by index; a zone on the midline is its own."""


def zone_name(code: str | None) -> str:
    """``3 Frontal right`` for FRR; ``CUS-1 custom patch``."""
    if code is None:
        return "no zone"
    index = INDEX.get(code)
    if index is None and code.startswith(CUSTOM):
        return f"{code} custom patch"
    return code if index is None else f"{ZONES[index].key} {ZONES[index].name}"


@dataclass(frozen=True, slots=True)
class Patch:
    """A custom patch of the open session: passes done and planned (None: not in the plan), seconds in contact."""

    code: str
    done: int
    planned: int | None
    contact_s: float
    state: str
    active: bool

    @property
    def count(self) -> str:
        """As the map writes a zone: ``2/4+``, ``3×``."""
        sign = {"over": "!", "done": "+"}.get(self.state, "")
        if self.state == "skipped":
            return "skip"
        return f"{self.done}/{self.planned}{sign}" if self.planned else f"{self.done}×{sign}"

    @property
    def words(self) -> str:
        """The same for a list."""
        plan = (
            "not in the plan"
            if self.planned is None
            else f"{self.done} of {self.planned} passes"
            if self.planned
            else "planned"
        )
        return f"{plan}, {self.state}" if self.planned is not None else f"{self.done} passes, {plan}"


def patches_of(view: View | None) -> list[Patch]:
    """Custom patches that the plan has, that were needled, or that are chosen, by number."""
    if view is None or view.session is None:
        return []
    done = {zone.code: zone for zone in view.session.zones if zone.code.startswith(CUSTOM)}
    plan = (
        {zone.code: zone for zone in view.chart.zones if zone.code.startswith(CUSTOM)} if view.chart is not None else {}
    )
    current = view.session.current
    codes = {*done, *plan, *([view.zone] if view.zone is not None and view.zone.startswith(CUSTOM) else [])}
    found = []
    for code in sorted(codes, key=lambda code: int(code.removeprefix(CUSTOM))):
        zone, planned = done.get(code), plan.get(code)
        here = current is not None and current.zone == code
        passes = zone.passes if zone is not None else 0
        seconds = zone.contact_s if zone is not None else 0.0
        number = None
        if planned is not None:
            passes = sum(planned.done.values()) + planned.undirected
            number = None if planned.state == "unplanned" else sum(planned.planned.values())
        state = planned.state if planned is not None else ""
        found.append(Patch(code, passes, number, seconds, state, here))
    return found


SHAPES: Final = {
    "horizontal": "--",
    "vertical": "||",
    "diagonal_left": "\\\\",
    "diagonal_right": "//",
    "circular": "()",
    "stamp": "::",
}
"""How the strokes run, in two characters."""
