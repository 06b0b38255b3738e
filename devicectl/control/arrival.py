"""Whether the needles got where they were told: a target is confirmed at once, its arrival is measured later."""

from __future__ import annotations

from typing import Final

TOLERANCE_UM: Final = 150
"""Depth tolerance of one cleared pen's scale, ±0.15 mm (FDA K180778, as published in its summary)."""
PATIENCE_S: Final = 2.0
"""How long the actuator may take. The slowest simulated pen needs 1.3 s over its whole range."""


class Arrival:
    """Follows one depth target. :meth:`sample` answers ``arrived`` or ``late`` once per target, else None."""

    __slots__ = ("_since", "_told", "target_um")

    def __init__(self) -> None:
        self.target_um: int | None = None
        self._since = 0.0
        self._told = True

    def expect(self, target_um: int, now: float) -> None:
        """A new target was confirmed; the same again changes nothing."""
        if target_um != self.target_um:
            self.target_um, self._since, self._told = target_um, now, False

    def forget(self) -> None:
        """The link was lost or the pen restarted."""
        self.target_um, self._told = None, True

    def sample(self, depth_um: int, now: float) -> str | None:
        """Take a measured protrusion in µm."""
        if self._told or self.target_um is None:
            return None
        if abs(depth_um - self.target_um) <= TOLERANCE_UM:
            self._told = True
            return "arrived"
        if now - self._since > PATIENCE_S:
            self._told = True
            return "late"
        return None
