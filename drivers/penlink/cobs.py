"""Consistent Overhead Byte Stuffing: bytes in, the same bytes without any zero out.

The C package that exists is an sdist (it needs a compiler), and a frame is 22 bytes: 25 lines do.
"""

from __future__ import annotations


class CobsError(ValueError):
    """The bytes are not a COBS encoding."""


_CODES = tuple(bytes((size + 1,)) for size in range(254))
"""Code byte of a block of so many bytes."""


def encode(data: bytes) -> bytes:
    """Encode without the closing zero; at most ``len(data) // 254 + 1`` bytes longer."""
    if len(data) < 254:
        return b"".join([_CODES[len(block)] + block for block in data.split(b"\x00")])
    out = bytearray()
    start = size = 0
    for block in data.split(b"\x00"):
        start, size = 0, len(block)
        while size - start >= 254:
            out.append(0xFF)
            out += block[start : start + 254]
            start += 254
        out.append(size - start + 1)
        out += block[start:]
    if start and start == size:
        # The last block ended with a full group, which needs no further code to say that no zero follows.
        out.pop()
    return bytes(out)


def decode(data: bytes) -> bytes:
    """Decode one block that holds no zero. Raises :class:`CobsError` on a zero, an overrun or no bytes at all."""
    size = len(data)
    if not size:
        raise CobsError("empty")
    if 0 in data:
        raise CobsError("a zero inside")
    if size < 0xFF:
        return _decode_short(data, size)
    out = bytearray()
    at = 0
    while at < size:
        code = data[at]
        end = at + code
        if end > size:
            raise CobsError(f"code {code} at {at} of {size}")
        out += data[at + 1 : end]
        if end < size and code != 0xFF:
            out.append(0)
        at = end
    return bytes(out)


def _decode_short(data: bytes, size: int) -> bytes:
    """Turn each code byte into the zero it stands for, in place; the first one stands for none."""
    out = bytearray(data)
    at = 0
    while at < size:
        code = out[at]
        out[at] = 0
        at += code
    if at != size:
        raise CobsError(f"code {code} at {at - code} of {size}")
    return bytes(out[1:])
