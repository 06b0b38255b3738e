"""Renews a run's lease from the pen's own loop, as long as everything that must be true is true."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class LeaseKeeper:
    """One renewal each quarter of the lease. An overdue one is dropped; a forbidden one is reported instead.

    ``permit`` answers None or the reason why the lease must not be renewed; ``on_refused`` then gets that reason.
    """

    def __init__(
        self, renew: Callable[[], None], permit: Callable[[], str | None], on_refused: Callable[[str], None]
    ) -> None:
        self._renew = renew
        self._permit = permit
        self._on_refused = on_refused
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._period = 0.0
        self._due = 0.0
        self.dropped = 0

    def start(self, lease_s: float) -> None:
        """Begin; the first renewal goes out at once."""
        self.stop()
        self._period = lease_s / 4
        self._due = self._loop.time()
        self._tick()

    def stop(self) -> None:
        """No further renewals: the pen ends the run by itself when nothing else does."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        now = self._loop.time()
        overdue = now - self._due > self._period
        self._due = max(self._due + self._period, now)
        self._timer = self._loop.call_at(self._due, self._tick)
        if overdue:
            self.dropped += 1
            return
        why = self._permit()
        if why is None:
            self._renew()
        else:
            self.stop()
            self._on_refused(why)
