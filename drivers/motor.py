"""What one sample says of the stroke motor: whether it turns, and whether it has current."""

from __future__ import annotations

from typing import Final

TURNING_MHZ: Final = 5_000
"""Above this measured rate the motor turns."""
STILL_MHZ: Final = 2_000
"""At or below this measured rate it does not; between the two it goes on with what it did."""
STILL_MA: Final = 40
"""Above this current the motor is being driven, whatever its measured rate says."""


def turns(rate_mhz: int, current_ma: int, driving: bool) -> bool:
    """True when rate, or drive and current together, show motion: a rate sensor that says 0 is not believed alone."""
    return rate_mhz > TURNING_MHZ or (driving and current_ma > STILL_MA)


def contradicts_itself(rate_mhz: int, current_ma: int) -> bool:
    """True when the rate says standstill and the current says that the motor is driven: how fast it turns, if it does,
    is not known."""
    return rate_mhz <= STILL_MHZ and current_ma > STILL_MA
