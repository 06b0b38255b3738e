"""The few blocks of pcapng (IETF draft-ietf-opsawg-pcapng) that captures and their exports are made of. Little-endian."""

from __future__ import annotations

import struct
from typing import Final

SECTION: Final = 0x0A0D0D0A
INTERFACE: Final = 1
PACKET: Final = 6
"""Block types: Section Header, Interface Description, Enhanced Packet."""

MAGIC: Final = 0x1A2B3C4D
LINK_TYPE: Final = 147
"""LINKTYPE_USER0: what is inside is said by the capture itself."""
INBOUND: Final = 1
OUTBOUND: Final = 2
"""Directions in the flags word of a packet."""

_END, _COMMENT = 0, 1
_USER_APPLICATION = 4
_NAME, _DESCRIPTION, _RESOLUTION = 2, 3, 9
_FLAGS = 2
_NANOSECONDS: Final = 9
_BLOCK = struct.Struct("<II")
_LENGTH = struct.Struct("<I")
_OPTION = struct.Struct("<HH")
_PACKET = struct.Struct("<IIIII")
PACKET_DATA_AT: Final = _BLOCK.size + _PACKET.size
"""Where the data of a packet begin in its block."""


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _options(*options: tuple[int, bytes]) -> bytes:
    present = [_OPTION.pack(code, len(value)) + _padded(value) for code, value in options if value]
    return b"".join(present) + _OPTION.pack(_END, 0) if present else b""


def _block(kind: int, body: bytes) -> bytes:
    size = _BLOCK.size + len(body) + _LENGTH.size
    return _BLOCK.pack(kind, size) + body + _LENGTH.pack(size)


def section(program: str, comment: str) -> bytes:
    """The block that begins a file."""
    body = struct.pack("<IHHq", MAGIC, 1, 0, -1)
    return _block(SECTION, body + _options((_COMMENT, comment.encode()), (_USER_APPLICATION, program.encode())))


def interface(name: str, description: str) -> bytes:
    """The one interface of a file; times are in ns."""
    body = struct.pack("<HHI", LINK_TYPE, 0, 0)
    return _block(
        INTERFACE,
        body
        + _options((_NAME, name.encode()), (_DESCRIPTION, description.encode()), (_RESOLUTION, bytes((_NANOSECONDS,)))),
    )


def packet(data: bytes, utc_ns: int, direction: int = 0, comment: str = "") -> bytes:
    """One packet. ``direction`` is 0 for what has none."""
    body = _PACKET.pack(0, utc_ns >> 32 & 0xFFFFFFFF, utc_ns & 0xFFFFFFFF, len(data), len(data)) + _padded(data)
    flags = _LENGTH.pack(direction) if direction else b""
    return _block(PACKET, body + _options((_COMMENT, comment.encode()), (_FLAGS, flags)))


def head(data: bytes) -> tuple[int, int]:
    """Type and size that the first eight bytes of a block claim."""
    kind, size = _BLOCK.unpack_from(data)
    return kind, size


def closed(block: bytes) -> bool:
    """Whether a block ends with the size it begins with."""
    return len(block) >= 12 and _LENGTH.unpack(block[-4:])[0] == len(block)


def opened(block: bytes) -> tuple[int, bytes] | None:
    """Time in ns and data of a packet block; None when its sizes contradict each other."""
    if len(block) < PACKET_DATA_AT + 4:
        return None
    _, high, low, size, full = _PACKET.unpack_from(block, _BLOCK.size)
    if size != full or PACKET_DATA_AT + size + 4 > len(block):
        return None
    return high << 32 | low, block[PACKET_DATA_AT : PACKET_DATA_AT + size]
