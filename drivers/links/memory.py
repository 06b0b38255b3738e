"""A link inside one event loop: what the host writes, a callable takes, and the other way round.

Used under virtual time, where no file descriptor and no thread may exist.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from drivers.api import LinkRefused
from drivers.link import OnData, OnLost
from drivers.tap import STREAM, Tap, Way


class PenEnd(Protocol):
    """The pen's end of a memory link."""

    def attach(self, transmit: Callable[[bytes], None], hang_up: Callable[[str], None]) -> None:
        """The host opened: send bytes with ``transmit``; call ``hang_up`` with a sentence to drop the link."""

    def receive(self, data: bytes) -> None:
        """Bytes from the host."""

    def detach(self) -> None:
        """The host closed."""


class MemoryLink:
    """A :class:`drivers.link.Link` to a :class:`PenEnd`; delivery takes one turn of the loop each way."""

    def __init__(self, pen_end: PenEnd | None, address: str = "memory://pen") -> None:
        self.address = address
        self.tap: Tap | None = None
        self._stopping = False
        self._pen = pen_end
        self._on_data: OnData | None = None
        self._on_lost: OnLost | None = None

    async def open(self, on_data: OnData, on_lost: OnLost) -> None:
        """Attach to the pen end. Raises :class:`LinkRefused` when there is none."""
        if self._pen is None:
            raise LinkRefused(f"{self.address}: nothing is there; start a simulated pen first.")
        self._loop = asyncio.get_running_loop()
        self._on_data, self._on_lost = on_data, on_lost
        self._pen.attach(self._from_pen, self._hang_up)

    def _from_pen(self, data: bytes) -> None:
        self._loop.call_soon(self._deliver, data)

    def _deliver(self, data: bytes) -> None:
        if self._on_data is not None:
            if self.tap is not None:
                self.tap.passed(Way.IN, STREAM, data)
            self._on_data(data)

    def _hang_up(self, reason: str) -> None:
        if self._on_lost is not None:
            on_lost, self._on_lost, self._on_data = self._on_lost, None, None
            if self._pen is not None:
                self._pen.detach()
            self._loop.call_soon(on_lost, reason)

    def write(self, data: bytes) -> None:
        """Hand bytes to the pen end in the next turn of the loop."""
        if self._on_lost is not None and self._pen is not None:
            self._loop.call_soon(self._pen.receive, data)
            if self.tap is not None:
                self.tap.passed(Way.OUT, STREAM, data, self._stopping)

    def write_stop(self, data: bytes) -> bool:
        """As :meth:`write`: this link has no queue to drop."""
        if self._on_lost is None:
            return False
        self._stopping = True
        self.write(data)
        self._stopping = False
        return True

    @property
    def idle(self) -> bool:
        """Always true: nothing waits here."""
        return True

    async def close(self) -> None:
        """Detach; bytes already on their way from the pen are dropped."""
        if self._on_lost is not None:
            self._on_lost = self._on_data = None
            if self._pen is not None:
                self._pen.detach()
