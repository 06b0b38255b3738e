"""Whether the motor turns, judged from measured rate and current, never from what was commanded."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from drivers.api import Telemetry
from drivers.motor import STILL_MA, STILL_MHZ, Power

FRESH_S: Final = 0.3
"""A sample older than this says nothing about now."""
STILL_S: Final = 0.1
"""Rate and current must agree for this long before the pen counts as still."""
RUN_DOWN_S: Final = 1.0
"""Motion this soon after an end is the motor running down, unless it is still driven."""


class Motion(StrEnum):
    """What is known of the motor."""

    STILL = "still"
    TURNING = "turning"
    UNKNOWN = "unknown"


class MotionMonitor:
    """Fed with every sample; answers for any loop time."""

    __slots__ = ("_power", "_still_since", "_turning", "sample")

    def __init__(self) -> None:
        self.sample: Telemetry | None = None
        self._power = Power()
        self._still_since: float | None = None
        self._turning = False

    def forget(self) -> None:
        """The link was lost or the pen restarted: nothing is known any more."""
        self.sample = None
        self._power = Power()
        self._still_since = None
        self._turning = False

    def feed(self, sample: Telemetry) -> None:
        """Take one sample. A hole in the stream longer than :data:`FRESH_S` starts the judgement anew."""
        last = self.sample
        if last is not None and sample.at - last.at > FRESH_S:
            self._still_since = None
        self._power.feed(sample.clock_ms, sample.current_ma, sample.driving)
        self.sample = sample
        quiet = sample.rate_mhz <= STILL_MHZ and sample.current_ma <= STILL_MA and not sample.driving
        self._turning = self._power.turns(sample.rate_mhz, sample.current_ma, sample.driving)
        if not quiet:
            self._still_since = None
        elif self._still_since is None:
            self._still_since = sample.at

    @property
    def powered_since_ms(self) -> int | None:
        """The pen's time of the first sample from which on its motor had current without a break; None without."""
        return self._power.since_ms

    @property
    def still_since(self) -> float | None:
        """Arrival of the first sample of the present stillness; None while moving or unknown."""
        return self._still_since

    @property
    def turning(self) -> bool:
        """True when the latest sample shows motion, however old it is."""
        return self._turning

    def age(self, now: float) -> float:
        """Seconds since the latest sample, infinite before the first."""
        return float("inf") if self.sample is None else now - self.sample.at

    def at(self, now: float) -> Motion:
        """What is known at loop time ``now``."""
        sample = self.sample
        if sample is None or now - sample.at > FRESH_S:
            return Motion.UNKNOWN
        if self._still_since is not None and sample.at - self._still_since >= STILL_S - 1e-6:
            return Motion.STILL
        return Motion.TURNING if self._turning else Motion.UNKNOWN

    def still_after(self, instant: float) -> bool:
        """True when the pen was seen still for :data:`STILL_S` by samples that all came after ``instant``."""
        sample = self.sample
        return (
            sample is not None
            and self._still_since is not None
            and sample.at - max(self._still_since, instant) >= STILL_S - 1e-6
        )
