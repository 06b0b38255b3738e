"""What one START grants."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Planned:
    """How long a plan wants a zone to be needled, and whether the pen itself is to say when that is over."""

    seconds: float
    indicate: bool = False


@dataclass(slots=True)
class Grant:
    """The run in hand. ``phase`` is starting, running or paused."""

    zone: str
    depth_um: int
    rate_mhz: int
    since: float
    run_max_s: float
    phase: str = "starting"
    paused_at: float = 0.0
    ran_s: float = 0.0
    planned_s: float | None = None
    """``ran_s`` at which the planned time of the zone is over; None without a plan."""
    indicate: bool = False
    planned_told: bool = False

    def plan(self, planned: Planned | None) -> None:
        """From now on this is what the plan wants."""
        self.planned_s = None if planned is None else self.ran_s + planned.seconds
        self.indicate, self.planned_told = planned is not None and planned.indicate, False
