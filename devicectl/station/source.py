"""The one place where ids, the wall clock, the boot clock and chance come from; tests put seeded ones in."""

from __future__ import annotations

import asyncio
import random
import time
from uuid import UUID

from devicectl.records.ids import IdSource

_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemSource:
    """The computer's own clocks and randomness."""

    def __init__(self) -> None:
        # Keys must not repeat, they need not be unguessable; the system's own randomness seeds the generator.
        self._ids = IdSource(random=random.Random())

    def uuid(self) -> UUID:
        """A fresh UUIDv7."""
        return self._ids.uuid7()

    def utc_us(self) -> int:
        """UTC in µs since 1970."""
        return time.time_ns() // 1000

    def boot_us(self) -> int:
        """µs since this computer started, suspended time included where the system can tell."""
        return time.clock_gettime_ns(_BOOT_CLOCK) // 1000

    def ticket(self) -> str:
        """An unguessable text."""
        return f"{random.SystemRandom().getrandbits(64):016x}"


class SeededSource:
    """Ids from a seed, all clocks from the running loop: the same run gives the same record."""

    EPOCH_US = 1_790_000_000_000_000

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._loop = asyncio.get_running_loop()
        self._ids = IdSource(self.utc_us, self._random)
        self.jump_us = 0
        self.suspended_us = 0

    def uuid(self) -> UUID:
        """A UUIDv7 from the loop's clock and the seed."""
        return self._ids.uuid7()

    def utc_us(self) -> int:
        """The loop's time after a fixed instant, plus ``jump_us`` (a clock that was set)."""
        return self.EPOCH_US + self.boot_us() + self.jump_us

    def boot_us(self) -> int:
        """The loop's time, plus ``suspended_us`` (for which the computer slept, and the loop with it)."""
        return int(self._loop.time() * 1e6) + self.suspended_us

    def ticket(self) -> str:
        """A seeded text."""
        return f"{self._random.getrandbits(64):016x}"
