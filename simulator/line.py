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
HOLD_S: Final = 0.05
"""How long the beginning of a frame waits for its end, and an overtaken frame for the one that overtakes it."""
_DICE: Final = 7
"""Numbers drawn for each frame, whatever they decide: the same frames meet the same fate on every link."""


class _Way:
    """One direction. Whole zero-terminated frames meet the faults one by one, however their bytes are cut on the way."""

    def __init__(self, loop: asyncio.AbstractEventLoop, baud: int | None, limit: int, seed: str) -> None:
        self.sink: Callable[[bytes], None] | None = None
        self.waiting = 0
        self.lost = 0
        self._faults: LinkFaults = CLEAN
        self._loop = loop
        self._byte = BITS_PER_BYTE / baud if baud else 0.0
        self._limit = limit
        self._random = random.Random(seed)
        self._queue: deque[bytes] = deque()
        self._free = 0.0
        self._last = 0.0
        self._begun = b""
        self._overtaken = b""
        self._hold: asyncio.TimerHandle | None = None

    @property
    def faults(self) -> LinkFaults:
        """What goes wrong from now on; CLEAN itself when nothing does."""
        return self._faults

    @faults.setter
    def faults(self, faults: LinkFaults) -> None:
        if faults is not self._faults:
            self._let_go()
            self._faults = faults

    def put(self, data: bytes) -> None:
        """Send ``data`` on its way, or at once when nothing holds it up."""
        if self._faults is not CLEAN:
            self._meet_faults(data)
            return
        if not self._byte and not self.waiting:
            if self.sink is not None:
                self.sink(data)
            return
        for piece in pieces(data):
            if self._fits(piece, self._limit):
                self._later(self._paced(piece, self._byte), piece)

    # -- what can go wrong

    def _meet_faults(self, data: bytes) -> None:
        """Frame by frame: the beginning of one is kept until its end has come."""
        for piece in pieces(self._begun + data):
            if piece.endswith(b"\x00"):
                self._begun = b""
                self._frame(piece)
            else:
                self._begun = piece
        self._wait_no_longer()

    def _wait_no_longer(self) -> None:
        if (self._begun or self._overtaken) and self._hold is None:
            self._hold = self._loop.call_later(HOLD_S, self._let_go)

    def _let_go(self) -> None:
        """What is held back goes on as it is."""
        if self._hold is not None:
            self._hold.cancel()
            self._hold = None
        overtaken, self._overtaken = self._overtaken, b""
        begun, self._begun = self._begun, b""
        for piece in filter(None, (overtaken, begun)):
            self._send(piece, piece, 0.0, 0.0)

    def _frame(self, frame: bytes) -> None:
        faults = self._faults
        twice, lost, late, bent, cut, order, chance = (self._random.random() for _ in range(_DICE))
        if faults.silence or lost < faults.drop:
            self.lost += len(frame)
            return
        dice = random.Random(chance)
        sent = _flip(frame, dice) if bent < faults.corrupt else frame
        split = cut / faults.split if cut < faults.split else 0.0
        if order < faults.reorder and not self._overtaken and len(frame) > 1:
            self._overtaken = sent
            return
        for _ in range(2 if twice < faults.duplicate else 1):
            self._send(frame, sent, late, split)
        if self._overtaken:
            overtaken, self._overtaken = self._overtaken, b""
            self._send(overtaken, overtaken, late, 0.0)

    def _send(self, frame: bytes, sent: bytes, late: float, split: float) -> None:
        faults = self._faults
        if not self._fits(frame, min(self._limit, faults.queue or self._limit)):
            return
        byte = max(self._byte, 1.0 / faults.pressure if faults.pressure else 0.0)
        at = self._paced(frame, byte) + faults.delay + faults.jitter * late
        if split and len(sent) > 1:
            cut = 1 + int(split * (len(sent) - 1))
            self._later(at, sent[:cut])
            at, sent = at + SPLIT_GAP, sent[cut:]
        self._later(at, sent)

    # -- on the way

    def _fits(self, piece: bytes, limit: int) -> bool:
        if self.waiting + len(piece) > limit:
            self.lost += len(piece)
            return False
        return True

    def _paced(self, piece: bytes, byte: float) -> float:
        """When the last byte of ``piece`` has left."""
        self._free = max(self._free, self._loop.time()) + len(piece) * byte
        return self._free

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


def _flip(frame: bytes, dice: random.Random) -> bytes:
    """One to three bits flipped."""
    flipped = bytearray(frame)
    for _ in range(dice.randint(1, 3)):
        flipped[dice.randrange(len(flipped))] ^= 1 << dice.randrange(8)
    return bytes(flipped)


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
