"""Seeded noise that looks like Penlink: whole frames with wild fields, and whole frames that were damaged on the way."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from drivers.penlink import cobs
from drivers.penlink.frame import STOP, FrameError, crc16, decode_inner, encode_inner
from drivers.penlink.messages import LAYOUTS, Layout, Message

EDGES = {
    "u8": (0, 1, 0x7F, 0x80, 0xFF),
    "u16": (0, 1, 0x7FFF, 0x8000, 0xFFFF),
    "u32": (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF),
    "i16": (-0x8000, -1, 0, 1, 0x7FFF),
}
WIDTH = {"u8": 0xFF, "u16": 0xFFFF, "u32": 0xFFFFFFFF, "i16": 0xFFFF}
WORDS = ("", "A", "\0", "µm", "⚠", "../..", "%s%n", "\u202e", "x" * 12, "\x1b[2J")
STRANGER = (b"\0", b"\0\0\0", b"\xff" * 9, STOP, STOP[:5], b"STOP!", b"AT\r\n", b"\x02\x03", b"\x7f" * 300)
TO_PEN = tuple(layout for layout in LAYOUTS if layout.to_pen)
FROM_PEN = tuple(layout for layout in LAYOUTS if not layout.to_pen)
ALL = (*TO_PEN, *FROM_PEN)


class Noise:
    """An endless stream of pieces, the same for the same seed.

    ``usual`` layouts come four times out of five, every layout in the rest. ``passes`` refuses messages that may not be
    given whole; another one is made then.
    """

    def __init__(
        self,
        seed: int | str,
        usual: tuple[Layout, ...] = ALL,
        passes: Callable[[Message], bool] = lambda message: True,
    ) -> None:
        self.chance = random.Random(seed)
        self.frames = 0
        self._usual = usual
        self._passes = passes

    def pieces(self, frames: int) -> Iterator[bytes]:
        """Pieces of a serial line that hold ``frames`` more frames and begun frames; some pieces hold a part of one."""
        chance, end = self.chance.random, self.frames + frames
        kept = b""
        while self.frames < end:
            self.frames += 1
            data = kept + self.damaged(cobs.encode(self.inner()) + b"\0")
            kept = b""
            if chance() < 0.2:
                at = int(chance() * (len(data) + 1))
                data, kept = data[:at], data[at:]
            yield data
        yield kept

    def value(self) -> bytes:
        """One value of a characteristic: an inner frame without COBS, whole or damaged."""
        self.frames += 1
        return self.damaged(self.inner())

    def inner(self) -> bytes:
        """An inner frame with a right CRC; in one of ten, what stands before it was changed."""
        inner = encode_inner(self.message(), self.frames & 0xFF)
        if self.chance.random() < 0.9:
            return inner
        body = bytearray(inner[:-2])
        for _ in range(1 + int(self.chance.random() * 3)):
            # The header as often as all the rest.
            at = int(self.chance.random() * (5 if self.chance.random() < 0.5 else len(body)))
            body[at] = int(self.chance.random() * 256)
        sealed = bytes(body) + crc16(bytes(body)).to_bytes(2, "little")
        try:
            return sealed if self._passes(decode_inner(sealed).message) else inner
        except FrameError:
            return sealed

    def message(self) -> Message:
        """A message of the table with wild fields."""
        while True:
            layouts = self._usual if self.chance.random() < 0.8 else ALL
            message = self._of(layouts[int(self.chance.random() * len(layouts))])
            if self._passes(message):
                return message

    def _of(self, layout: Layout) -> Message:
        chance = self.chance.random
        values: list[int | str] = []
        for field in layout.fields:
            kind, draw = field.kind, chance()
            if kind == "str":
                values.append(WORDS[int(chance() * len(WORDS))][: int(draw * 13)])
            elif draw < 0.4:
                edges = EDGES[kind]
                values.append(edges[int(draw * 2.5 * len(edges))])
            else:
                # Small numbers are opcodes, pages and states more often than not.
                wild = int(chance() * 20) if draw < 0.7 else self.chance.getrandbits(32) & WIDTH[kind]
                values.append(wild - 0x8000 if kind == "i16" and wild > 0x7FFF else wild)
        if layout.page is not None:
            values[0] = layout.page
        message: Message = layout.cls(*values)
        return message

    def damaged(self, frame: bytes) -> bytes:
        """The frame as it is, or with something done to it."""
        chance = self.chance
        draw = chance.random() * 12
        kind = int(draw)
        if kind < 5:
            return frame
        if kind == 5:
            return frame[: int((draw - 5) * len(frame))]
        if kind == 6:
            return frame[int((draw - 6) * len(frame)) :]
        if kind == 7:
            return frame + frame
        if kind == 8:
            at = int((draw - 8) * (len(frame) + 1))
            return frame[:at] + chance.choice(STRANGER) + frame[at:]
        if kind == 9:
            return chance.randbytes(1 + int((draw - 9) * 79))
        raw = bytearray(frame)
        for _ in range(1 + int(chance.random() * 4)):
            raw[int(chance.random() * len(raw))] ^= 1 << int(chance.random() * 8)
        return bytes(raw)


DEEP = "[" * 100_000
ODD = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**70, 1e400, float("nan"), 0.5, 123.0, "", "x", "\0", "\x1b[2J", "\ud800",
    "../../etc", "9" * 5000, [], {}, [[]], {"a": None}, ["x"] * 50,
)  # fmt: skip
"""What may stand in JSON where something else is meant."""


def edited(chance: random.Random, value: object) -> object:
    """Plain JSON data with one or a few places changed; the original is left as it is."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        copy = dict(value)
        key = chance.choice(list(copy))
        draw = chance.random()
        if draw < 0.15:
            del copy[key]
        elif draw < 0.25:
            copy[chance.choice(WORDS)] = chance.choice(ODD)
        else:
            copy[key] = edited(chance, copy[key])
        return copy
    if isinstance(value, list) and value and chance.random() < 0.9:
        copied = list(value)
        copied[chance.randrange(len(copied))] = edited(chance, chance.choice(copied))
        return copied
    return chance.choice(ODD)


def bent(chance: random.Random, text: bytes) -> bytes:
    """Bytes with a cut, a flip, a stranger or nothing wrong."""
    draw = chance.random()
    if draw < 0.5 or not text:
        return text
    if draw < 0.6:
        return text[: chance.randrange(len(text))]
    if draw < 0.7:
        at = chance.randrange(len(text) + 1)
        return text[:at] + chance.choice((b"\xff", b"\0", b"{", b'"', b"\\u", b"\xc3", b"NaN", b"1e999")) + text[at:]
    if draw < 0.702:
        return DEEP.encode()
    raw = bytearray(text)
    for _ in range(chance.randint(1, 4)):
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    return bytes(raw)
