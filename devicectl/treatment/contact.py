"""Contact with the skin, inferred from the motor current where the pen has no sensor for it."""

from __future__ import annotations

from typing import Final

_BUCKET_MHZ: Final = 10_000
_STEADY: Final = 10
_SMOOTH: Final = 0.2


class CurrentContact:
    """Compares the motor current with what the same motor takes unloaded at the same rate.

    The unloaded current is told (`unloaded`) or learned as the lowest smoothed current seen at a steady rate: a pen that
    is on the skin from the first stroke on looks unloaded until it was lifted once. The answer is therefore always marked
    inferred, and there is none before the rate was steady for ten samples.
    """

    __slots__ = ("_base", "_contact", "_rate", "_smooth", "_steady")

    def __init__(self) -> None:
        self._base: dict[int, float] = {}
        self.restart()

    def restart(self) -> None:
        """The motor starts anew: forget the rate and the current of before, keep the unloaded currents."""
        self._rate = 0
        self._smooth = 0.0
        self._steady = 0
        self._contact: bool | None = None

    def unloaded(self, rate_mhz: int, current_ma: int) -> None:
        """Say what the motor takes in the air at this rate (mHz, mA)."""
        self._base[rate_mhz // _BUCKET_MHZ] = float(current_ma)

    def feed(self, rate_mhz: int, current_ma: int) -> bool | None:
        """Take one sample; True in contact, False in the air, None not known."""
        # Inrush says nothing about the skin: wait until the rate has settled.
        if abs(rate_mhz - self._rate) * 20 > rate_mhz:
            self._steady = 0
        self._rate = rate_mhz
        if self._steady == 0:
            self._smooth = float(current_ma)
        else:
            self._smooth += _SMOOTH * (current_ma - self._smooth)
        self._steady += 1
        if self._steady <= _STEADY:
            return self._contact
        bucket = rate_mhz // _BUCKET_MHZ
        base = self._base.get(bucket)
        smooth = self._smooth
        if base is None or smooth < base:
            self._base[bucket] = base = smooth
        # The skin slows the motor, perhaps below the edge of a bucket of which only loaded currents are known.
        base = min(base, self._base.get(bucket + 1, base))
        if smooth > base * 1.25 + 15:
            self._contact = True
        elif smooth < base * 1.12 + 8 or self._contact is None:
            self._contact = False
        return self._contact
