"""What the pen is about to say: in order, and in one write."""

from __future__ import annotations

from collections.abc import Callable

from drivers.penlink import cobs
from drivers.penlink.frame import crc16, encode, encode_inner
from drivers.penlink.messages import PROTOCOL, Message


class Outbox:
    """Messages of one instant. ``first`` (results, HELLO) go out before STATUS if ``status`` is set, ``rest`` after it.

    Args:
        transmit: takes whole frames, one call for each :meth:`flush`.
        protocol: version put into the frames; any but Penlink's own makes frames that a host must refuse.
    """

    def __init__(self, transmit: Callable[[bytes], None], protocol: int = PROTOCOL) -> None:
        self.first: list[Message] = []
        self.rest: list[Message] = []
        self.status = False
        self.protocol = protocol
        self._transmit = transmit
        self._seq = 0

    def __bool__(self) -> bool:
        return self.status or bool(self.first or self.rest)

    def flush(self, make_status: Callable[[], Message]) -> None:
        """Send all of it; STATUS is made now, so that it tells what the messages before it have done."""
        out = self.first
        if self.status:
            out.append(make_status())
            self.status = False
        out += self.rest
        self.first, self.rest = [], []
        chunks = []
        for message in out:
            chunks.append(self.encode(message))
        self._transmit(b"".join(chunks))

    def encode(self, message: Message) -> bytes:
        """The next frame, for one that goes another way than :meth:`flush`."""
        self._seq = (self._seq + 1) & 0xFFFF
        if self.protocol == PROTOCOL:
            return encode(message, self._seq)
        body = bytes((self.protocol,)) + encode_inner(message, self._seq)[1:-2]
        return cobs.encode(body + crc16(body).to_bytes(2, "little")) + b"\x00"
