"""The pen's own watch over its motor: what is bad for how long before it is a fault."""

from __future__ import annotations

from typing import Final

from drivers.api import Fault

from .physics import Physics, Reading
from .profile import Profile

STALL_MS: Final = 300
OVERCURRENT_MS: Final = 100
STUCK_MS: Final = 500
FLAT: Final = 0.02
"""State of charge at which a run ends in a fault."""


class Watch:
    """Looks at every sample, ``period`` ms apart."""

    def __init__(self, profile: Profile, period: int) -> None:
        self._profile = profile
        self._period = period
        self._stalled = self._hungry = self._stuck = 0

    def begin_run(self) -> None:
        """Forget what was seen of the motor before."""
        self._stalled = self._hungry = 0

    def faults(self, reading: Reading, body: Physics, target: int) -> list[Fault]:
        """Faults to raise now. ``target`` is the rate asked of the motor in mHz, 0 when it should stand."""
        motor, period = self._profile.motor, self._period
        stalled = target and reading.rate < target // 4 and reading.current > motor.stall_ma / 2
        hungry = target and reading.current > motor.overcurrent_ma
        self._stalled = self._stalled + period if stalled else 0
        self._hungry = self._hungry + period if hungry else 0
        self._stuck = self._stuck + period if body.depth_stuck else 0
        found = []
        if self._stalled > STALL_MS:
            found.append(Fault.STALL)
        if self._hungry > OVERCURRENT_MS:
            found.append(Fault.OVERCURRENT)
        if self._stuck > STUCK_MS:
            found.append(Fault.DEPTH_ACTUATOR)
        if body.temperature > self._profile.heat.limit:
            found.append(Fault.OVERTEMPERATURE)
        if target and body.charge < FLAT:
            found.append(Fault.BATTERY)
        return found
