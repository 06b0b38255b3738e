"""What may listen on a link: every byte that passes, and what became of the link. Nothing here changes a byte."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final, Protocol, runtime_checkable

STREAM: Final = 0
"""Channel of a link without channels: a serial line, a socket, memory. Over BLE the channels are characteristics."""


class Way(IntEnum):
    """Which way bytes went."""

    IN = 1
    """From the pen."""
    OUT = 2
    """To the pen."""


class Mark(IntEnum):
    """What became of the link, in the order of the bytes around it."""

    OPENING = 1
    """A link is being opened; what follows belongs to it."""
    UP = 2
    """The pen has said who it is."""
    LOST = 3
    """The link is gone; ``reason`` says why."""
    CLOSED = 4
    """The host let go of the link."""
    JOINED = 5
    """The tap was set on a link that was open already: what its driver remembers at this instant, and whether it was up."""


class Tap(Protocol):
    """Hears what passes. Called on the loop, for STOP only after its bytes have left; must not block and must not raise."""

    def passed(self, way: Way, channel: int, data: bytes, stop: bool = False) -> None:
        """These bytes were handed to the system, or came from it. ``stop``: they went out as STOP."""

    def marked(self, mark: Mark, facts: Mapping[str, Any]) -> None:
        """Something became of the link. ``facts`` are plain JSON values."""

    def known(self, data: bytes) -> None:
        """A frame (COBS, closing zero) that the pen had said before the tap was set, and that the driver goes by."""


@runtime_checkable
class Tapped(Protocol):
    """A pen whose links can be listened to."""

    def set_tap(self, tap: Tap | None) -> None:
        """Listen on this link and every later one, instead of who listened before; None ends it."""
