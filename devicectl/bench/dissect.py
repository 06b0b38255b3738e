"""Captured bytes in the words of the protocol: frames, STOP, what was no frame, and where reading could begin anew.

What counts as a frame is decided by the same rules as in :class:`drivers.penlink.frame.Decoder`; that one counts what it
drops, this one shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from drivers.api import EventCode, Fault, PenState, Reason, Result
from drivers.penlink import cobs
from drivers.penlink.frame import MAX_INNER, STOP, Frame, FrameError, decode_inner
from drivers.penlink.gatt import CHANNELS, PROBE
from drivers.penlink.messages import (
    BY_CLASS,
    BY_TYPE,
    HELLO,
    RATE_BITS,
    RATE_MASK,
    Cmd,
    EventMessage,
    Opcode,
    Query,
    QueryRequest,
    ResultMessage,
    StatusMessage,
    TelemetryMessage,
)
from drivers.tap import STREAM, Way

from .capture_file import Damage, Kind, Record

LONGEST: Final = MAX_INNER + 2
"""Bytes without a zero after which a receiver gives up until the next zero."""
_STOP_BODY: Final = STOP.strip(b"\x00")
CHANNEL_NAMES: Final = {STREAM: "", **{number: kind.name for kind, number in CHANNELS.items()}}
STOP_CHANNEL: Final = next(number for kind, number in CHANNELS.items() if kind.name == "STOP")
Found = Literal["frame", "stop", "bad", "part"]


class Piece(NamedTuple):
    """What stands between two zeros. ``raw`` is as it passed, without the zeros."""

    found: Found
    raw: bytes
    frame: Frame | None = None
    inner: bytes = b""
    error: str = ""
    """For ``bad``: cobs, length, crc, version, type, payload, or overrun (too long to be a frame)."""
    dropped: int = 0
    """Bytes behind ``raw`` that are not shown: of what is too long to be a frame only the beginning is."""


class Stream:
    """Bytes of one direction in, pieces out."""

    def __init__(self) -> None:
        self._tail = b""
        self._begun = b""
        self._dropped = 0

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Every piece that ends in ``data``."""
        *parts, self._tail = (self._tail + data).split(b"\x00")
        for part in parts:
            begun, self._begun = self._begun, b""
            if begun:
                yield Piece("bad", begun, error="overrun", dropped=self._dropped + len(part))
            elif part == _STOP_BODY:
                yield Piece("stop", STOP)
            elif part:
                yield _piece(part)
        # As the receiver: it gives up at the end of what it was handed, not within it.
        if len(self._tail) > LONGEST:
            if not self._begun:
                self._begun, self._tail, self._dropped = self._tail[:LONGEST], self._tail[LONGEST:], 0
            self._dropped += len(self._tail)
            self._tail = b""

    def lose(self) -> bytes:
        """Bytes are missing here: what had begun is given up and answered."""
        rest, self._tail, self._begun = self._begun or self._tail, b"", b""
        return rest


def _piece(part: bytes) -> Piece:
    try:
        inner = cobs.decode(part)
    except cobs.CobsError:
        return Piece("bad", part, error="cobs")
    return value_piece(inner, part)


def value_piece(inner: bytes, raw: bytes) -> Piece:
    """One inner frame, which is what a characteristic carries."""
    try:
        return Piece("frame", raw, decode_inner(inner), inner)
    except FrameError as error:
        return Piece("bad", raw, None, inner, error.kind)


def printable(text: str) -> str:
    """``text`` with what could command a terminal written out: a file may hold whatever somebody put there."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def name_of(frame: Frame) -> str:
    """``STATUS``, ``HELLO page 1 (model)``."""
    return BY_CLASS[type(frame.message)].name


def _looks_like(inner: bytes) -> str:
    if len(inner) < 2:
        return ""
    if inner[1] == HELLO:
        return "HELLO"
    layout = BY_TYPE.get(inner[1])
    return layout.name if layout is not None else ""


def fields_of(frame: Frame) -> dict[str, Any]:
    """The fields of a message as numbers and texts; numbers that have names are given by them."""
    message = frame.message
    fields: dict[str, Any] = dict(message._asdict())
    match message:
        case Cmd():
            fields["opcode"] = _name(Opcode, message.opcode)
        case QueryRequest():
            fields["what"] = _name(Query, message.what)
        case ResultMessage():
            fields |= {
                "opcode": _name(Opcode, message.opcode),
                "result": _name(Result, message.result),
                "reason": _name(Reason, message.reason),
            }
        case StatusMessage():
            del fields["state_result"]
            fields["state"] = _name(PenState, message.state_result & 0x0F)
            fields["last_result"] = _name(Result, message.state_result >> 4)
            fields["faults"] = [fault.name for fault in Fault if message.faults >> fault & 1]
        case TelemetryMessage():
            del fields["rate_current"]
            fields["rate"], fields["current"] = message.rate_current & RATE_MASK, message.rate_current >> RATE_BITS
        case EventMessage():
            fields["code"] = _name(EventCode, message.code)
        case _:
            pass
    return fields


def _name(names: Any, number: int) -> str | int:
    try:
        return str(names(number).name)
    except ValueError:
        return number


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a capture, decoded. ``crc``: ok, wrong, or empty where there is none to judge."""

    record: int
    at: float
    utc_ns: int
    way: str
    """``in``, ``out`` or empty."""
    channel: str
    message: str
    fields: dict[str, Any] = field(default_factory=dict)
    crc: str = ""
    note: str = ""
    raw: bytes = b""
    inner: bytes = b""
    """Of a frame: without COBS."""

    @property
    def good(self) -> bool:
        """False for what was no frame and for what is missing."""
        return self.message not in ("BAD", "DAMAGE", "GAP", "PART")


_ERRORS: Final = {
    "cobs": "not COBS",
    "length": "wrong length",
    "crc": "wrong CRC",
    "version": "another protocol version",
    "type": "unknown type",
    "payload": "impossible payload",
    "overrun": "too long for a frame",
}


class Dissector:
    """Records in, lines out."""

    def __init__(self) -> None:
        self._streams = {Way.IN: Stream(), Way.OUT: Stream()}
        self._lost = {Way.IN: 0, Way.OUT: 0}
        self._last: Record | None = None

    def lines(self, items: Iterable[Record | Damage]) -> Iterator[Line]:
        """Every line, in order; what had begun and not ended comes last."""
        for item in items:
            yield from self.some(item)
        yield from self._broken()

    def some(self, item: Record | Damage) -> Iterator[Line]:
        """The lines of one more item."""
        if isinstance(item, Damage):
            last = self._last
            yield Line(
                item.after, last.at if last else 0.0, last.utc_ns if last else 0, "", "", "DAMAGE", note=item.text
            )
            yield from self._broken()
        else:
            self._last = item
            yield from self._record(item)

    def _broken(self) -> Iterator[Line]:
        for way, stream in self._streams.items():
            rest = stream.lose()
            if rest and self._last is not None:
                note = f"{len(rest)} bytes of a frame whose end is not here"
                yield self._line(self._last, "PART", way=way, note=note, raw=rest)

    def _record(self, record: Record) -> Iterator[Line]:
        match record.kind:
            case Kind.BYTES if record.way is not None:
                yield from self._bytes(record, record.way)
            case Kind.KNOWN:
                for piece in Stream().feed(record.data):
                    yield self._of(record, piece, Way.IN, note="said before the capture began")
            case Kind.GAP:
                yield self._line(record, "GAP", record.facts(), note="not kept: the capture could not keep up")
                yield from self._broken()
            case Kind.HEADER | Kind.MARK | Kind.END:
                facts = record.facts()
                name = str(facts.pop("mark", record.kind.name))
                yield self._line(record, name, facts)
                if record.kind is Kind.MARK and name in ("OPENING", "LOST", "CLOSED"):
                    yield from self._broken()

    def _bytes(self, record: Record, way: Way) -> Iterator[Line]:
        if record.channel != STREAM:
            if record.channel == STOP_CHANNEL:
                yield self._of(record, Piece("stop", record.data), way)
            elif way is Way.OUT and record.data == PROBE:
                yield self._line(record, "PROBE", note="asks whether the pen trusts this computer", raw=PROBE)
            else:
                yield self._of(record, value_piece(record.data, record.data), way)
            return
        for piece in self._streams[way].feed(record.data):
            if piece.found == "bad":
                self._lost[way] += len(piece.raw) + piece.dropped + 1
                yield self._of(record, piece, way)
                continue
            lost, self._lost[way] = self._lost[way], 0
            yield self._of(record, piece, way, f"resynchronised after {lost} bytes" if lost else "")

    def _of(self, record: Record, piece: Piece, way: Way | None, note: str = "") -> Line:
        if piece.frame is not None:
            frame = piece.frame
            fields = {"seq": frame.seq, **fields_of(frame)}
            return self._line(record, name_of(frame), fields, "ok", note, piece.raw, way, piece.inner)
        if piece.found == "stop":
            return self._line(record, "STOP", {}, "", note, piece.raw, way)
        like = _looks_like(piece.inner) if piece.error != "cobs" else ""
        text = _ERRORS.get(piece.error, piece.error) + (f", looks like {like}" if like else "")
        return self._line(record, "BAD", {}, "wrong" if piece.error == "crc" else "", text, piece.raw, way)

    def _line(
        self,
        record: Record,
        message: str,
        fields: dict[str, Any] | None = None,
        crc: str = "",
        note: str = "",
        raw: bytes = b"",
        way: Way | None = None,
        inner: bytes = b"",
    ) -> Line:
        shown = record.way if way is None else way
        return Line(
            record.number,
            record.at,
            record.utc_ns,
            "" if shown is None else shown.name.lower(),
            CHANNEL_NAMES.get(record.channel, str(record.channel)),
            message,
            fields or {},
            crc,
            note,
            raw,
            inner,
        )
