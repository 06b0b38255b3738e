"""Whether the station ran: what was pressed while its loop stood still is read late, and the record must say so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

BEAT_S: Final = 0.1
STOOD_S: Final = 0.3
"""A beat that is so much older than it should be is a standstill: clients give STOP up after that time."""
AWAKE_S: Final = 0.5
"""After a standstill what waited is read within this time, connections that must be accepted first included."""


class Pulse:
    """Call :meth:`beat` every 100 ms from the loop. ``boot_us``: µs since the start of the computer, suspension counted."""

    def __init__(self, boot_us: Callable[[], int]) -> None:
        self._boot_us = boot_us
        self._last = boot_us()
        self._stood_from = self._woke = -1

    def beat(self) -> float:
        """The loop runs. Gives for how many s it had not, 0.0 when it was in time."""
        now = self._boot_us()
        last, self._last = self._last, now
        if now - last < (BEAT_S + STOOD_S) * 1e6:
            return 0.0
        self._stood_from, self._woke = last, now
        return (now - last) / 1e6

    def behind(self) -> float:
        """What is read now may have waited for so many s, because the loop stood still; 0.0 when it runs.

        Also right before the first beat after a standstill: the loop reads its sockets before it looks at its timers.
        """
        now = self._boot_us()
        if now - self._last >= (BEAT_S + STOOD_S) * 1e6:
            return (now - self._last) / 1e6
        if self._woke >= 0 and now - self._woke < AWAKE_S * 1e6:
            return (now - self._stood_from) / 1e6
        return 0.0
