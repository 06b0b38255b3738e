"""What a pen remembers without power."""

from __future__ import annotations

import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any, Final, NamedTuple

from drivers.correction import KNOTS_MAX, Knot

_HEAD: Final = struct.Struct("<IBH")
_KNOT: Final = struct.Struct("<HH")
_CRC: Final = struct.Struct("<I")


class Held(NamedTuple):
    """A correction as it stands in memory: no knots for none. The one with the highest ``number`` holds."""

    number: int = 0
    cartridge: int = 0
    knots: tuple[Knot, ...] = ()

    def pack(self) -> bytes:
        """The bytes of a slot, CRC-32 last."""
        body = _HEAD.pack(self.number, len(self.knots), self.cartridge)
        body += b"".join(_KNOT.pack(*knot) for knot in self.knots)
        return body + _CRC.pack(zlib.crc32(body))

    @classmethod
    def unpack(cls, data: bytes) -> Held | None:
        """The reverse; None for a slot that was never written, or not to its end."""
        if len(data) < _HEAD.size + _CRC.size:
            return None
        number, count, cartridge = _HEAD.unpack_from(data)
        end = _HEAD.size + count * _KNOT.size
        if count > KNOTS_MAX or len(data) < end + _CRC.size or _CRC.unpack_from(data, end)[0] != zlib.crc32(data[:end]):
            return None
        return cls(number, cartridge, tuple(Knot(*pair) for pair in _KNOT.iter_unpack(data[_HEAD.size : end])))


class Nvm:
    """The boot counter, the bonds and the correction, in memory or in a file that two runs of a simulator share.

    ``bonds`` maps the identity address of a host to its keys, as plain data. ``slots`` are two places for a correction:
    a new one goes where the one in force does not stand, so that a write that is cut off leaves that whole. A file that
    cannot be read counts as an empty memory, as worn-out flash would.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.boots = 0
        self.bonds: dict[str, dict[str, Any]] = {}
        self.slots = [b"", b""]
        if path is not None:
            self._load(path)

    def _load(self, path: Path) -> None:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(data, int):  # only the counter
                data = {"boots": data}
            boots, bonds = int(data["boots"]) & 0xFFFF, dict(data.get("bonds", {}))
            first, second = (bytes.fromhex(slot) for slot in data.get("slots", ("", "")))
        except (OSError, ValueError, TypeError, LookupError, OverflowError, RecursionError):
            return
        self.boots, self.bonds, self.slots = boots, bonds, [first, second]

    def next_boot(self) -> int:
        """Count one boot and give its number, 1 … 65535, wrapping past 0."""
        self.boots = (self.boots & 0xFFFF) + 1 if self.boots < 0xFFFF else 1
        self.save()
        return self.boots

    def held(self) -> Held:
        """The correction in force: the newest that was written whole."""
        whole = [held for held in map(Held.unpack, self.slots) if held is not None]
        return max(whole, default=Held())

    def write(self, cartridge: int, knots: tuple[Knot, ...], part: float = 1.0) -> None:
        """Write a correction, or only the first ``part`` of its bytes, which leaves the old one in force."""
        old = self.held()
        data = Held(old.number + 1, cartridge, knots).pack()
        where = 1 if Held.unpack(self.slots[0]) == old else 0
        # What was erased reads as FF.
        self.slots[where] = data[: int(len(data) * part)].ljust(len(data), b"\xff")
        self.save()

    def damage(self) -> None:
        """Worn-out flash: the boot counter begins anew, bonds are gone, and no slot of the correction is whole."""
        self.boots = 0
        self.bonds.clear()
        self.slots = [bytes(byte ^ 0x55 for byte in slot) for slot in self.slots]
        self.save()

    def save(self) -> None:
        """Make all of it outlast the power; called after every change."""
        if self._path is not None:
            partial = self._path.with_suffix(".new")
            held = {"boots": self.boots, "bonds": self.bonds, "slots": [slot.hex() for slot in self.slots]}
            partial.write_text(json.dumps(held), encoding="utf-8")
            os.replace(partial, self._path)
