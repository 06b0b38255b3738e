"""A capture: a pcapng file whose packets say what passed on a link, each with a checksum of its own.

A file is only ever appended to, so one that was cut is good up to the cut. A packet holds a record: 24 bytes of
:data:`_HEAD`, then data. docs/testing.md describes it for other programs.
"""

from __future__ import annotations

import errno
import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, NamedTuple

from drivers.tap import STREAM, Mark, Way

from . import pcapng

FORMAT: Final = 1
RECORD_MAX: Final = 1 << 17
"""Longest block that is believed to be one of ours, in bytes."""
_TITLE: Final = "devicectl capture"
_HEAD: Final = struct.Struct("<BBBBBxxxIIq")
"""Format, kind, way (0 none), channel, flags (bit 0 STOP), number, check, link clock in ns."""
_CHECK_AT: Final = pcapng.PACKET_DATA_AT + 12
_STOP: Final = 1
_WINDOW: Final = 1 << 16


class Kind(IntEnum):
    """What a record holds."""

    HEADER = 0
    """JSON: address, pen, origin, program. The first record."""
    BYTES = 1
    """Bytes as they passed."""
    KNOWN = 2
    """A frame that the pen had said before the capture began."""
    MARK = 3
    """JSON: what became of the link (:class:`drivers.tap.Mark`)."""
    GAP = 4
    """JSON: how much was not kept here."""
    END = 5
    """JSON: why the capture ended. The last record of a whole file."""


class CaptureError(Exception):
    """A capture cannot be read or written; the text is one sentence with the next step."""

    def __init__(self, text: str, code: str = "bad-capture") -> None:
        super().__init__(text)
        self.code = code


class Record(NamedTuple):
    """One record. ``at``: the link's clock in s; ``utc_ns``: ns since 1970."""

    number: int
    kind: Kind
    at: float
    utc_ns: int
    data: bytes
    way: Way | None = None
    channel: int = STREAM
    stop: bool = False

    def facts(self) -> dict[str, Any]:
        """The JSON of a record that is no bytes; empty when it is none."""
        try:
            found = json.loads(self.data)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def mark(self) -> Mark | None:
        """What a MARK says; None for one that this version does not know."""
        try:
            return Mark[str(self.facts().get("mark"))]
        except KeyError:
            return None


class Damage(NamedTuple):
    """A place at which the file is not as it was written."""

    kind: Literal["cut", "edited", "unfinished"]
    offset: int
    after: int
    """Number of the last good record before it, -1 for none."""
    text: str


def _encode(record: Record, seed: int, comment: str) -> bytes:
    head = _HEAD.pack(
        FORMAT,
        record.kind,
        record.way or 0,
        record.channel,
        _STOP if record.stop else 0,
        record.number & 0xFFFFFFFF,
        0,
        round(record.at * 1e9),
    )
    direction = {Way.IN: pcapng.INBOUND, Way.OUT: pcapng.OUTBOUND, None: 0}[record.way]
    block = bytearray(pcapng.packet(head + record.data, record.utc_ns, direction, comment))
    struct.pack_into("<I", block, _CHECK_AT, zlib.crc32(block, seed))
    return bytes(block)


def _decode(block: bytes, seed: int) -> Record | None:
    """The record of a block; None when it is not exactly what was written."""
    opened = pcapng.opened(block)
    if opened is None or len(opened[1]) < _HEAD.size:
        return None
    utc_ns, packet = opened
    version, kind, way, channel, flags, number, check, clock_ns = _HEAD.unpack_from(packet)
    blank = bytearray(block)
    struct.pack_into("<I", blank, _CHECK_AT, 0)
    if zlib.crc32(blank, seed) != check or version != FORMAT or kind not in set(Kind) or way > Way.OUT:
        return None
    data = packet[_HEAD.size :]
    return Record(
        number, Kind(kind), clock_ns / 1e9, utc_ns, data, Way(way) if way else None, channel, bool(flags & _STOP)
    )


def _beginning(header: Mapping[str, Any], utc_ns: int) -> bytes:
    program = f"devicectl {header.get('program', '')}".strip()
    # The time makes it unlike every other beginning: no record of another capture passes for one of this.
    title = f"{_TITLE} {FORMAT}, begun {utc_ns}"
    return pcapng.section(program, title) + pcapng.interface(str(header.get("address", "")), "Penlink")


class Writer:
    """Appends records to a new file. Raises :class:`CaptureError` when that cannot be written."""

    def __init__(self, path: Path, header: Mapping[str, Any], at: float, utc_ns: int) -> None:
        self.path = path
        self.records = 0
        self.size = 0
        self._buffer = bytearray(_beginning(header, utc_ns))
        self._seed = zlib.crc32(self._buffer)
        try:
            self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        except FileExistsError:
            raise CaptureError(f"{path} exists already; choose another name.", "file-exists") from None
        except OSError as error:
            raise self._trouble(error) from error
        self.add(Kind.HEADER, at, utc_ns, json.dumps(header, ensure_ascii=False).encode())
        self.flush()

    def _trouble(self, error: OSError) -> CaptureError:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "make room" if full else "check the path and its rights"
        return CaptureError(
            f"{self.path} cannot be written ({os.strerror(error.errno or errno.EIO)}); {advice}.", "file-trouble"
        )

    def add(
        self,
        kind: Kind,
        at: float,
        utc_ns: int,
        data: bytes,
        way: Way | None = None,
        channel: int = STREAM,
        stop: bool = False,
    ) -> None:
        """Put one record behind the others; it is in the file after the next :meth:`flush`."""
        record = Record(self.records, kind, at, utc_ns, data, way, channel, stop)
        self._buffer += _encode(record, self._seed, "STOP" if stop else "")
        self.records += 1

    def flush(self, *, durable: bool = False) -> None:
        """Hand everything to the system, and with ``durable`` to the disk."""
        try:
            while self._buffer:
                sent = os.write(self._file, self._buffer)
                self.size += sent
                del self._buffer[:sent]
            if durable:
                os.fsync(self._file)
        except OSError as error:
            raise self._trouble(error) from error

    def close(self, why: str, at: float, utc_ns: int) -> None:
        """Write why it ended, and close the file."""
        try:
            self.add(Kind.END, at, utc_ns, json.dumps({"why": why}, ensure_ascii=False).encode())
            self.flush(durable=True)
        finally:
            os.close(self._file)


class Reader:
    """Reads a capture. ``header`` is what its first record says.

    Iterating gives every record that is exactly as it was written, and a :class:`Damage` for each place that is not.
    Raises :class:`CaptureError` when the file cannot be read, or its beginning is not that of a capture.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise CaptureError(f"{path} cannot be read ({error.strerror}); check the path.", "file-trouble") from error
        try:
            self._begin()
        except BaseException:
            self._file.close()
            raise

    def _begin(self) -> None:
        section, kept = self._block(0), b""
        if section is None or pcapng.head(section)[0] != pcapng.SECTION or _TITLE.encode() not in section:
            whole = "; it ends before its first record" if self._starts_like_one() else ""
            raise CaptureError(f"{self.path} is not a capture{whole}; 'devicectl capture ADDRESS FILE' makes one.")
        interface = self._block(len(section))
        if interface is not None:
            kept = section + interface
        self._seed, self._first = zlib.crc32(kept), len(kept)
        block = self._block(self._first) if kept else None
        record = _decode(block, self._seed) if block is not None else None
        if record is None or record.kind is not Kind.HEADER:
            where = f"at byte {self._first}" if kept else "at its beginning"
            raise CaptureError(
                f"{self.path} was cut or edited {where}, before its first record; nothing in it can be read."
            )
        self.header = record.facts()

    def _starts_like_one(self) -> bool:
        self._file.seek(0)
        begin = self._file.read(4)
        return bool(begin) and struct.pack("<I", pcapng.SECTION).startswith(begin)

    def _block(self, offset: int) -> bytes | None:
        """The block there; None when none is whole."""
        self._file.seek(offset)
        begin = self._file.read(8)
        if len(begin) < 8:
            return None
        size = pcapng.head(begin)[1]
        if not 12 <= size <= RECORD_MAX or size % 4:
            return None
        block = begin + self._file.read(size - 8)
        return block if len(block) == size and pcapng.closed(block) else None

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Record | Damage]:
        offset, number, ended = self._first, -1, False
        while True:
            block = self._block(offset)
            record = _decode(block, self._seed) if block is not None else None
            if record is None:
                if self._rest(offset) == 0:
                    break
                found = self._next(offset)
                yield self._damage(offset, number, found)
                if found is None:
                    return
                offset = found
                # Told already: whatever is missing here is part of this damage.
                number = -2
                continue
            assert block is not None
            if number != -2 and record.number != (number + 1) & 0xFFFFFFFF:
                text = f"after record {number} at byte {offset}: records were taken out, put in or moved"
                yield Damage("edited", offset, number, f"{self.path} was edited {text}.")
            number, ended = record.number, record.kind is Kind.END
            yield record
            offset += len(block)
        if not ended:
            text = f"after record {number} at byte {offset}: the capture was not ended, or cut there"
            yield Damage("unfinished", offset, number, f"{self.path} stops {text}.")

    def _rest(self, offset: int) -> int:
        return self._file.seek(0, os.SEEK_END) - offset

    def _damage(self, offset: int, number: int, found: int | None) -> Damage:
        place = f"after record {number} at byte {offset}" if number >= 0 else f"at byte {offset}"
        if found is None:
            # Nothing follows: an edit of the last record, or a cut in its middle.
            block = self._block(offset)
            if block is None:
                return Damage("cut", offset, number, f"{self.path} is cut {place}; what stands before is whole.")
            found = offset + len(block)
        text = f"{self.path} was edited {place}; {found - offset} bytes are left out."
        return Damage("edited", offset, number, text)

    def _next(self, offset: int) -> int | None:
        """Where the next good record begins behind a bad one."""
        begin = struct.pack("<I", pcapng.PACKET)
        at = offset + 1
        while True:
            self._file.seek(at)
            window = self._file.read(_WINDOW)
            if len(window) < 4:
                return None
            place = 0
            while (place := window.find(begin, place)) >= 0:
                block = self._block(at + place)
                if block is not None and _decode(block, self._seed) is not None:
                    return at + place
                place += 1
            at += len(window) - 3
