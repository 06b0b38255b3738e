"""Who sits at one connection: signed in or not, locked or not, and when it locks by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

LOCK_AFTER_S: Final = 300.0
"""Default of the time without a key after which a connection locks."""


@dataclass(slots=True)
class Sitting:
    """Times are those of the caller's clock, in s. ``lock_after_s`` 0: never locks by itself."""

    lock_after_s: float
    active_at: float
    operator: UUID | None = None
    locked: bool = False

    def sign_in(self, operator: UUID, now: float) -> None:
        """Somebody is here, with the right PIN."""
        self.operator, self.locked, self.active_at = operator, False, now

    def sign_out(self) -> None:
        """Nobody is here."""
        self.operator, self.locked = None, False

    def lock(self) -> bool:
        """Lock; False when nobody is signed in or it is locked already."""
        if self.operator is None or self.locked:
            return False
        self.locked = True
        return True

    def active(self, now: float) -> None:
        """A key was pressed, or something was asked for."""
        if not self.locked:
            self.active_at = now

    def slept(self, seconds: float) -> None:
        """The computer was suspended, and the caller's clock stood still: nobody was at the keys."""
        self.active_at -= seconds

    def tick(self, now: float, held: bool) -> bool:
        """To be called now and then; True when it has locked by itself just now.

        ``held``: the pen may turn, so hands and eyes are there and not at the keys. The time begins when it rests.
        """
        if held:
            self.active(now)
            return False
        left = self.lock_in(now)
        return left is not None and left <= 0 and self.lock()

    def lock_in(self, now: float) -> float | None:
        """Seconds until it locks if nothing happens; None when it will not."""
        if self.operator is None or self.locked or not self.lock_after_s:
            return None
        return max(0.0, self.active_at + self.lock_after_s - now)
