"""Whether the needles got where they were told: a target is confirmed at once, its arrival is measured later."""

from __future__ import annotations

from typing import Final, NamedTuple

from drivers.api import Telemetry

from .envelope import mm
from .motion import FRESH_S

TOLERANCE_UM: Final = 150
"""Depth tolerance of one cleared pen's scale, ±0.15 mm (FDA K180778, as published in its summary)."""
SETTLED_S: Final = 0.2
"""Needles that only pass the target are through its tolerance (0.3 mm) in less, at 1.5 mm/s and more."""
PATIENCE_S: Final = 2.0
"""How long the actuator may take. The slowest simulated pen needs 1.3 s over its whole range."""


class Shortfall(NamedTuple):
    """Why the needles do not count as being where they were told. ``coming``: the drive still has time to get there."""

    text: str
    coming: bool


class Arrival:
    """Follows one depth target. :meth:`sample` answers ``arrived`` or ``late`` once per target, else None."""

    __slots__ = ("_heard_at", "_near_since", "_since", "_told", "target_um")

    def __init__(self) -> None:
        self.target_um: int | None = None
        self._since = 0.0
        self._told = True
        self._near_since: float | None = None
        """Since when every sample was within the tolerance."""
        self._heard_at = 0.0

    def expect(self, target_um: int, now: float) -> None:
        """A new target was confirmed; the same again changes nothing."""
        if target_um != self.target_um:
            self.target_um, self._since, self._told = target_um, now, False
            self._near_since = None

    def _follow(self, depth_um: int, now: float) -> None:
        if self.target_um is None or abs(depth_um - self.target_um) > TOLERANCE_UM:
            self._near_since = None
        elif self._near_since is None or now - self._heard_at > FRESH_S:
            self._near_since = now
        self._heard_at = now

    def again(self, now: float) -> None:
        """The same target was confirmed once more: a drive that did not get there, or was halted by STOP, has its time
        anew."""
        if now - self._since > PATIENCE_S:
            self._since, self._told = now, False

    def shortfall(self, sample: Telemetry | None, now: float) -> Shortfall | None:
        """Why the target has not measurably arrived, judged by a fresh ``sample`` from after it was confirmed; or None."""
        if self.target_um is None:
            return Shortfall("The depth has not been read back yet; wait a second.", coming=False)
        coming = now - self._since <= PATIENCE_S
        if sample is None or sample.at < self._since or now - sample.at > FRESH_S:
            return Shortfall(f"Depth {mm(self.target_um)} is set and not measured yet; wait a second.", coming)
        near = abs(sample.depth_um - self.target_um) <= TOLERANCE_UM
        if near and self._near_since is not None and sample.at - self._near_since >= SETTLED_S - 1e-6:
            return None
        what = f"{mm(sample.depth_um)} measured, {mm(self.target_um)} set"
        if coming or near:
            return Shortfall(f"The needles are on their way: {what}; wait.", coming=True)
        return Shortfall(f"Depth {what}: set the depth anew; if that does not help, check the cartridge.", coming=False)

    def forget(self) -> None:
        """The link was lost or the pen restarted."""
        self.target_um, self._told, self._near_since = None, True, None

    def sample(self, depth_um: int, now: float) -> str | None:
        """Take a measured protrusion in µm."""
        self._follow(depth_um, now)
        if self._told or self.target_um is None:
            return None
        if self._near_since is not None:
            # Needles that only pass the target have not arrived.
            if now - self._near_since < SETTLED_S - 1e-6:
                return None
            self._told = True
            return "arrived"
        if now - self._since > PATIENCE_S:
            self._told = True
            return "late"
        return None
