"""What one sample says of the stroke motor: whether it turns, and whether it has current."""

from __future__ import annotations

from typing import Final

TURNING_MHZ: Final = 5_000
"""Above this measured rate the motor turns."""
STILL_MHZ: Final = 2_000
"""At or below this measured rate it does not; between the two it goes on with what it did."""
STILL_MA: Final = 40
"""Above this current the motor is being driven, whatever its measured rate says."""


DRIVEN_MS: Final = 300
"""A motor that has current for so long without a break is driven, though rate and drive flag say otherwise. In the pen's
own time, so that a link that delays changes nothing; long enough that one bad sample is no motion."""
HOLE_MS: Final = 100
"""What a longer hole between two samples hides is not guessed."""


class Power:
    """How long the motor has had current, told by every sample."""

    __slots__ = ("_last_ms", "since_ms")

    def __init__(self) -> None:
        self.since_ms: int | None = None
        """The pen's time of the first sample from which on the motor had current without a break; None without."""
        self._last_ms = 0

    def feed(self, clock_ms: int, current_ma: int, driving: bool) -> None:
        """Take one sample; ``clock_ms`` is the pen's own time."""
        if not (driving or current_ma > STILL_MA):
            self.since_ms = None
        elif self.since_ms is None or not 0 <= clock_ms - self._last_ms <= HOLE_MS:
            self.since_ms = clock_ms
        self._last_ms = clock_ms

    def turns(self, rate_mhz: int, current_ma: int, driving: bool) -> bool:
        """True when the sample that was fed last shows motion: by its rate, by drive and current together, or by current
        that lasts. Neither a rate sensor that says 0 nor a flag that says "not driven" is believed alone."""
        if rate_mhz > TURNING_MHZ:
            return True
        if current_ma <= STILL_MA:
            return False
        return driving or (self.since_ms is not None and self._last_ms - self.since_ms >= DRIVEN_MS)


def contradicts_itself(rate_mhz: int, current_ma: int) -> bool:
    """True when the rate says standstill and the current says that the motor is driven: how fast it turns, if it does,
    is not known."""
    return rate_mhz <= STILL_MHZ and current_ma > STILL_MA
