"""Whether the motor keeps the rate it was told."""

from __future__ import annotations

from typing import Final

from drivers.api import Telemetry

SHARE: Final = 0.1
"""Deviation from the set rate that counts."""
FOR_MS: Final = 2_000
"""How long it must last, by the pen's own clock: starting and a change of rate take less."""


class RateWatch:
    """Fed with every sample; ``deviates`` is the measured rate in mHz while it is too far from the target, else None."""

    __slots__ = ("_since_ms", "_target", "deviates")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Nothing is known any more."""
        self.deviates: int | None = None
        self._target: int | None = None
        self._since_ms: int | None = None

    def sample(self, sample: Telemetry, target_mhz: int | None) -> None:
        """Take one sample; without a target (no run, or a paused one) no rate is wrong."""
        near = target_mhz is None or abs(sample.rate_mhz - target_mhz) <= SHARE * target_mhz
        if near or target_mhz != self._target:
            self.deviates, self._since_ms = None, None
        self._target = target_mhz
        if near:
            return
        if self._since_ms is None:
            self._since_ms = sample.clock_ms
        if sample.clock_ms - self._since_ms > FOR_MS:
            self.deviates = sample.rate_mhz
