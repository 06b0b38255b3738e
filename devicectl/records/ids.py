"""UUIDv7 keys (RFC 9562) from one injected source of time and chance."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from uuid import UUID


def _utc_us() -> int:
    return time.time_ns() // 1_000


class IdSource:
    """Makes keys that rise within the process, also when the clock stands still or steps back.

    ``utc_us`` gives UTC in µs since 1970; ``random`` the chance (a seeded one makes runs repeatable). Not for use by
    several threads at once.
    """

    __slots__ = ("_counter", "_last_ms", "random", "utc_us")

    def __init__(self, utc_us: Callable[[], int] = _utc_us, random: random.Random | None = None) -> None:
        self.utc_us = utc_us
        self.random = random or _system_random()
        self._last_ms = -1
        self._counter = 0

    def uuid7(self) -> UUID:
        """The next key."""
        ms = self.utc_us() // 1_000
        if ms > self._last_ms:
            self._last_ms, self._counter = ms, self.random.getrandbits(11)
        else:
            self._counter += 1
            if self._counter > 0xFFF:
                self._last_ms, self._counter = self._last_ms + 1, 0
        high = (self._last_ms << 16) | (7 << 12) | self._counter
        return UUID(int=(high << 64) | (2 << 62) | self.random.getrandbits(62))


def _system_random() -> random.Random:
    # Keys must differ, not be secret: the system is asked for chance once, not for every key.
    return random.Random(os.urandom(32))
