"""What one START or PARK grants."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Grant:
    """The run in hand. ``phase`` is starting, running or paused; parking for PARK, which belongs to no zone."""

    zone: str
    depth_um: int
    rate_mhz: int
    since: float
    run_max_s: float
    phase: str = "starting"
    paused_at: float = 0.0
    ran_s: float = 0.0
