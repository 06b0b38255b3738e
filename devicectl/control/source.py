"""Where ids, wall clock and boot clock come from: injected, so that a run can be repeated exactly."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID


class Source(Protocol):
    """Ids and times that logic must not fetch by itself."""

    def uuid(self) -> UUID:
        """A fresh UUIDv7."""

    def utc_us(self) -> int:
        """UTC in µs since 1970."""

    def boot_us(self) -> int:
        """µs since this computer started, counting suspended time."""
