"""Inner frames and their serial form: header, payload, CRC, COBS, the STOP pattern, and a decoder for a byte stream."""

from __future__ import annotations

import struct
from binascii import crc_hqx
from collections.abc import Callable
from typing import Final, NamedTuple

from . import cobs
from .messages import BY_CLASS, BY_TYPE, HELLO, HELLO_PAGES, PROTOCOL, Layout, Message, PayloadError

STOP: Final = b"\x00\xffSTOP!\x00"
"""The STOP bytes. A COBS code FF promises 254 more bytes, so no frame encodes to what stands between the zeros;
the leading zero closes a half frame that would otherwise swallow it."""

OVERHEAD: Final = 7
MAX_PAYLOAD: Final = 56
MAX_INNER: Final = OVERHEAD + MAX_PAYLOAD
_HEADER = struct.Struct("<BBHB")
_CRC = struct.Struct("<H")
_MAX_ENCODED = MAX_INNER + 2
_STOP_BODY = STOP.strip(b"\x00")


def _whole(layout: Layout, tail: str) -> struct.Struct:
    """Header, payload and ``tail`` of a message without strings, as one piece."""
    return struct.Struct(_HEADER.format + layout.packing.format.lstrip("<") + tail)


# Messages of fixed size are packed and unpacked in one call, everything else field by field.
_TO_PACK = {
    cls: (_whole(layout, ""), layout.code, layout.size) for cls, layout in BY_CLASS.items() if not layout.strings
}
_TO_UNPACK = {
    code: (_whole(layout, "H"), layout.size, layout.cls) for code, layout in BY_TYPE.items() if not layout.strings
}
_FIXED_SIZES = frozenset(size + OVERHEAD + 1 for _, size, _ in _TO_UNPACK.values())
"""Sizes of such frames on a serial line: COBS makes anything this short longer by one byte."""
_new = tuple.__new__


class FrameError(ValueError):
    """Bytes between two zeros are not a frame; ``kind`` is cobs, length, crc, version, type or payload."""

    def __init__(self, kind: str, text: str = "") -> None:
        super().__init__(text or kind)
        self.kind = kind


class Frame(NamedTuple):
    """One message with its sender's sequence number."""

    seq: int
    message: Message


def crc16(data: bytes) -> int:
    """CRC-16/IBM-3740 (CCITT-FALSE): polynomial 1021, init FFFF, no reflection; "123456789" gives 29B1."""
    return crc_hqx(data, 0xFFFF)


def encode_inner(message: Message, seq: int) -> bytes:
    """Header, payload and CRC: what one BLE value carries, and what COBS wraps on a serial line."""
    fixed = _TO_PACK.get(type(message))
    if fixed is not None:
        whole, code, size = fixed
        try:
            body = whole.pack(PROTOCOL, code, seq & 0xFFFF, size, *message)
        except struct.error:
            pass  # said in words below
        else:
            return body + _CRC.pack(crc_hqx(body, 0xFFFF))
    layout = BY_CLASS[type(message)]
    payload = layout.pack(message)
    if len(payload) > MAX_PAYLOAD:
        raise PayloadError(f"{layout.name}: {len(payload)} bytes, at most {MAX_PAYLOAD}")
    body = _HEADER.pack(PROTOCOL, layout.code, seq & 0xFFFF, len(payload)) + payload
    return body + _CRC.pack(crc_hqx(body, 0xFFFF))


def decode_inner(data: bytes) -> Frame:
    """The reverse of :func:`encode_inner`. Raises :class:`FrameError`; the CRC is checked before anything is believed."""
    size = len(data)
    if not OVERHEAD <= size <= MAX_INNER:
        raise FrameError("length", f"{size} bytes")
    if crc_hqx(data[:-2], 0xFFFF) != data[-2] | data[-1] << 8:
        raise FrameError("crc")
    version, kind, seq, length = _HEADER.unpack_from(data)
    if version != PROTOCOL:
        raise FrameError("version", f"protocol {version}")
    if length != size - OVERHEAD:
        raise FrameError("length", f"says {length}, has {size - OVERHEAD}")
    payload = data[5:-2]
    layout = BY_TYPE.get(kind)
    if layout is None and (kind != HELLO or not payload or (layout := HELLO_PAGES.get(payload[0])) is None):
        raise FrameError("type", f"type {kind:#04x}")
    try:
        return Frame(seq, layout.unpack(payload))
    except PayloadError as error:
        raise FrameError("payload", str(error)) from error


def encode(message: Message, seq: int) -> bytes:
    """One frame for a serial line: COBS of the inner frame and the closing zero."""
    return cobs.encode(encode_inner(message, seq)) + b"\x00"


def _decode_fixed(part: bytes) -> Frame | None:
    """What :func:`decode_inner` of ``part`` without its COBS gives if that is a faultless message of fixed size; None
    for everything else, which is then looked at closely. ``part`` holds no zero."""
    size = len(part)
    if size not in _FIXED_SIZES:
        return None
    # Each code byte becomes the zero it stands for, in place; the first one stands for none and stays in front.
    out = bytearray(part)
    at = 0
    while at < size:
        code = out[at]
        out[at] = 0
        at += code
    fixed = _TO_UNPACK.get(out[2])
    if at != size or fixed is None or size != fixed[1] + OVERHEAD + 1:
        return None
    values = fixed[0].unpack_from(out, 1)  # version, type, sequence, length, the fields, CRC
    if values[-1] != crc_hqx(out[1:-2], 0xFFFF) or values[0] != PROTOCOL or values[3] != fixed[1]:
        return None
    return _new(Frame, (values[2], _new(fixed[2], values[4:-1])))


class Decoder:
    """A byte stream in, frames out; what is not a frame is counted by kind and dropped.

    ``bytes``, ``frames`` and ``errors`` (a count per :class:`FrameError` kind) only rise. Memory is bounded: more than
    one frame's worth of bytes without a zero is dropped up to the next zero.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self.frames = 0
        self.errors: dict[str, int] = {}
        self._tail = b""
        self._overrun = False

    def feed(self, data: bytes, deliver: Callable[[Frame], None]) -> None:
        """Take bytes and call ``deliver`` for every whole frame, in order."""
        self.bytes += len(data)
        parts = (self._tail + data).split(b"\x00")
        self._tail = parts.pop()
        for part in parts:
            if self._overrun:
                self._overrun = False
                continue
            if not part or part == _STOP_BODY:
                continue
            frame = _decode_fixed(part) or self._decode(part)
            if frame is not None:
                self.frames += 1
                deliver(frame)
        if len(self._tail) > _MAX_ENCODED:
            self._tail = b""
            if not self._overrun:
                self._overrun = True
                self._count("overrun")

    @property
    def unfinished(self) -> tuple[bytes, bool]:
        """The bytes since the last zero, and whether the rest up to the next zero is dropped."""
        return self._tail, self._overrun

    def resume(self, tail: bytes, overrun: bool) -> None:
        """Go on where another decoder was (its :attr:`unfinished`)."""
        self._tail, self._overrun = tail, overrun

    def _decode(self, part: bytes) -> Frame | None:
        try:
            return decode_inner(cobs.decode(part))
        except cobs.CobsError:
            self._count("cobs")
        except FrameError as error:
            self._count(error.kind)
        return None

    def _count(self, kind: str) -> None:
        self.errors[kind] = self.errors.get(kind, 0) + 1


class StopMatcher:
    """Finds the STOP pattern in raw bytes, before any de-framing, across any split."""

    def __init__(self) -> None:
        self._tail = b""

    def feed(self, data: bytes) -> bool:
        """True when the pattern ends inside ``data`` (once or more)."""
        window = self._tail + data
        self._tail = window[-(len(STOP) - 1) :]
        return STOP in window
