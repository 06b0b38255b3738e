"""The pen's end of a wire: bytes at the pace of a baud rate, and what can go wrong on the way, in both directions."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from .faults import CLEAN, Faults, LinkFaults

if TYPE_CHECKING:
    from .pen import SimulatedPen

BAUD: Final = 115_200
BITS_PER_BYTE: Final = 10
OUT_LIMIT: Final = 4096
"""Bytes that wait in the pen's transmit buffer at most; what does not fit is lost and counted."""
IN_LIMIT: Final = 65_536
SPLIT_GAP: Final = 0.005


class _Way:
    """One direction. Order is always kept; whole zero-terminated pieces meet the faults one by one."""

    def __init__(self, loop: asyncio.AbstractEventLoop, baud: int | None, limit: int, seed: str) -> None:
        self.faults: LinkFaults = CLEAN
        self.sink: Callable[[bytes], None] | None = None
        self.waiting = 0
        self.lost = 0
        self._loop = loop
        self._byte = BITS_PER_BYTE / baud if baud else 0.0
        self._limit = limit
        self._random = random.Random(seed)
        self._queue: deque[bytes] = deque()
        self._free = 0.0
        self._last = 0.0

    def put(self, data: bytes) -> None:
        """Send ``data`` on its way, or at once when nothing holds it up."""
        if not self._byte and not self.waiting and self.faults is CLEAN:
            if self.sink is not None:
                self.sink(data)
            return
        for piece in pieces(data):
            self._put_piece(piece)

    def _put_piece(self, piece: bytes) -> None:
        faults, chance = self.faults, self._random.random
        if self.waiting + len(piece) > self._limit:
            self.lost += len(piece)
            return
        times = 2 if faults.duplicate and chance() < faults.duplicate else 1
        for _ in range(times):
            now = self._loop.time()
            self._free = max(self._free, now) + len(piece) * self._byte
            if faults.silence or (faults.drop and chance() < faults.drop):
                self.lost += len(piece)
                continue
            at = self._free + faults.delay + (faults.jitter * chance() if faults.jitter else 0.0)
            sent = self._flip(piece) if faults.corrupt and chance() < faults.corrupt else piece
            if len(sent) > 1 and faults.split and chance() < faults.split:
                cut = self._random.randrange(1, len(sent))
                self._later(at, sent[:cut])
                at, sent = at + SPLIT_GAP, sent[cut:]
            self._later(at, sent)

    def _flip(self, piece: bytes) -> bytes:
        flipped = bytearray(piece)
        for _ in range(self._random.randint(1, 3)):
            flipped[self._random.randrange(len(flipped))] ^= 1 << self._random.randrange(8)
        return bytes(flipped)

    def _later(self, at: float, data: bytes) -> None:
        self._last = max(self._last, at)
        self.waiting += len(data)
        self._queue.append(data)
        # Timers of one instant fire in any order, so they take what is next instead of carrying their own bytes.
        self._loop.call_at(self._last, self._arrive)

    def _arrive(self) -> None:
        data = self._queue.popleft()
        self.waiting -= len(data)
        if self.sink is not None:
            self.sink(data)


def pieces(data: bytes) -> list[bytes]:
    """``data`` cut after every zero byte."""
    parts = data.split(b"\x00")
    out = [part + b"\x00" for part in parts[:-1]]
    if parts[-1]:
        out.append(parts[-1])
    return out


class Line:
    """A wire to a :class:`~simulator.pen.SimulatedPen`; satisfies :class:`drivers.links.memory.PenEnd`.

    Args:
        baud: symbols per second with 10 bits a byte in both directions, None for no pacing: then bytes pass, and are
            answered, within the same call.
        connection: True when the wire can tell the pen that the host has gone (TCP, a radio); a serial line cannot.
    """

    def __init__(
        self, pen: SimulatedPen, baud: int | None = BAUD, *, connection: bool = False, seed: int | None = None
    ) -> None:
        self._pen = pen
        self._connection = connection
        self._hang_up: Callable[[str], None] | None = None
        chance = pen.seed if seed is None else seed
        self._to_pen = _Way(pen.loop, baud, IN_LIMIT, f"to pen {chance}")
        self._from_pen = _Way(pen.loop, baud, OUT_LIMIT, f"from pen {chance}")
        self._to_pen.sink = pen.receive

    @property
    def attached(self) -> bool:
        """True while a host is there."""
        return self._hang_up is not None

    @property
    def waiting(self) -> int:
        """Bytes on their way to the pen; who reads for a paced line pauses while this is large."""
        return self._to_pen.waiting

    @property
    def lost(self) -> tuple[int, int]:
        """Bytes lost on the way to the pen and from it."""
        return self._to_pen.lost, self._from_pen.lost

    def attach(self, transmit: Callable[[bytes], None], hang_up: Callable[[str], None]) -> None:
        """The host opened its end."""
        self._hang_up = hang_up
        self._from_pen.sink = transmit
        self._pen.add_line(self)
        self.set_faults(self._pen.faults)

    def receive(self, data: bytes) -> None:
        """Bytes from the host."""
        self._to_pen.put(data)

    def detach(self) -> None:
        """The host closed its end. A serial pen does not notice; a connected one ends its lease."""
        if self._hang_up is None:
            return
        self._hang_up = self._from_pen.sink = None
        self._pen.remove_line(self)
        if self._connection:
            self._pen.link_down()

    def unplug(self, reason: str = "the cable was pulled out") -> None:
        """Take the wire away from under the host, which is told ``reason``."""
        hang_up = self._hang_up
        if hang_up is not None:
            hang_up(reason)
            self.detach()

    def send(self, data: bytes) -> None:
        """Bytes from the pen."""
        self._from_pen.put(data)

    def set_faults(self, faults: Faults) -> None:
        """Take over the wire's part of ``faults``; bytes already on their way are not touched."""
        # The very object CLEAN, so that the quick way is found by identity.
        self._to_pen.faults = faults.to_pen if faults.to_pen.any else CLEAN
        self._from_pen.faults = faults.from_pen if faults.from_pen.any else CLEAN
