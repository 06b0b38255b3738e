"""Lock-out after wrong PINs: how long an operator has to wait, from what the record holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

FREE: Final = 5
"""So many wrong PINs in a row lock the operator out."""
WAITS_S: Final = (60.0, 300.0, 900.0)
"""For how long: after the fifth, the sixth, and each that follows."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant in both clocks, in µs: UTC, and since the computer started."""

    utc_us: int
    boot_us: int


@dataclass(slots=True)
class _Tally:
    count: int
    last: Moment


@dataclass(slots=True)
class LockOut:
    """Wrong PINs of each operator since the last right one. ``started``: when this station began to count."""

    started: Moment
    _tallies: dict[UUID, _Tally] = field(default_factory=dict)

    def wrong(self, operator: UUID, at: Moment) -> None:
        """One more."""
        before = self._tallies.get(operator)
        self._tallies[operator] = _Tally(before.count + 1 if before else 1, at)

    def cleared(self, operator: UUID) -> None:
        """The right PIN, a new PIN, or an administrator."""
        self._tallies.pop(operator, None)

    def left_s(self, operator: UUID, now: Moment) -> float:
        """How much longer this operator has to wait; 0 when a PIN may be tried."""
        tally = self._tallies.get(operator)
        if tally is None or tally.count < FREE:
            return 0.0
        wait = WAITS_S[min(tally.count - FREE, len(WAITS_S) - 1)]
        return max(0.0, wait - self._since_s(tally.last, now))

    def tries_left(self, operator: UUID) -> int:
        """How many wrong PINs are left before the next lock-out; 0 when each one locks out."""
        tally = self._tallies.get(operator)
        return max(0, FREE - tally.count) if tally else FREE

    def _since_s(self, last: Moment, now: Moment) -> float:
        # Whoever can set the clock must not gain by it. The boot clock cannot be set; only after a restart of the
        # computer it says nothing, and a UTC that went back meanwhile must not lock anybody out for years.
        if now.boot_us >= last.boot_us:
            return (now.boot_us - last.boot_us) / 1e6
        return max(now.utc_us - last.utc_us, now.boot_us - self.started.boot_us) / 1e6


def wait_text(seconds: float) -> str:
    """``45 s`` or ``5 min``, rounded up."""
    whole = max(1, int(-(-seconds // 1)))
    return f"{whole} s" if whole < 60 else f"{-(-whole // 60)} min"
