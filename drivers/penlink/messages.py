"""Every Penlink message as one table: the codec, the documentation and the schema hash are made from it.

Little-endian throughout. Depth in µm, rate in mHz, times in ms of the pen's clock unless the unit says otherwise.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, NamedTuple

PROTOCOL: Final = 1
PAGE_COUNT: Final = 5
SMALL_PAYLOAD: Final = 13
"""Payload of every message but HELLO: 13 + 7 bytes of frame = 20, the smallest ATT payload."""


class Opcode(IntEnum):
    """What a CMD asks for; CARTRIDGE is reserved and answered UNSUPPORTED by a v1 pen."""

    SET_DEPTH = 1
    SET_RATE = 2
    ARM = 3
    START = 4
    END = 5
    RESET = 6
    PARK = 7
    INDICATE = 8
    SELF_TEST = 9
    CALIBRATION = 10
    CARTRIDGE = 11
    LIMIT_DEPTH = 12


class Query(IntEnum):
    """What a QUERY asks for."""

    STATUS = 1
    READBACK = 2
    VITALS = 3
    CORRECTION = 4
    TABLE = 5


class Page(IntEnum):
    """Pages of HELLO."""

    SESSION = 0
    MODEL = 1
    UNIT = 2
    CAPABILITIES = 3
    CARTRIDGE = 4


class Field(NamedTuple):
    """One field of a message: ``kind`` is u8 u16 u32 i16 or str (a length byte and UTF-8)."""

    name: str
    kind: str
    unit: str
    text: str


class HelloRequest(NamedTuple):
    page: int
    nonce: int
    protocol: int


class Cmd(NamedTuple):
    cmd_id: int
    opcode: int
    not_after: int
    argument: int


class Lease(NamedTuple):
    boot_id: int
    counter: int


class QueryRequest(NamedTuple):
    what: int


class HelloSession(NamedTuple):
    page: int
    nonce: int
    page_count: int
    boot_id: int
    clock: int
    last_cmd_id: int
    schema_hash: int
    flags: int
    frame_max: int


class HelloModel(NamedTuple):
    page: int
    nonce: int
    manufacturer: str
    model: str


class HelloUnit(NamedTuple):
    page: int
    nonce: int
    serial: str
    firmware: str
    hardware: str


class HelloCapabilities(NamedTuple):
    page: int
    nonce: int
    depth_min: int
    depth_max: int
    depth_step: int
    depth_evaluated: int
    rate_min: int
    rate_max: int
    rate_step: int
    lease_min: int
    lease_max: int
    run_max: int
    pause_max: int
    telemetry_hz: int
    features: int


class HelloCartridge(NamedTuple):
    page: int
    nonce: int
    flags: int
    needles: int
    depth_max: int
    expiry: int
    type: str
    serial: str
    lot: str


class ResultMessage(NamedTuple):
    cmd_id: int
    opcode: int
    result: int
    reason: int
    applied: int
    token: int


class StatusMessage(NamedTuple):
    boot_id: int
    last_cmd_id: int
    state_result: int
    faults: int
    lease_left: int
    clock_low: int


class ReadBackMessage(NamedTuple):
    depth: int
    rate: int
    depth_limit: int
    run_max: int


class TelemetryMessage(NamedTuple):
    counter: int
    clock: int
    depth: int
    rate_current: int
    flags: int


class VitalsMessage(NamedTuple):
    clock: int
    temperature: int
    battery_mv: int
    battery_pct: int
    strokes: int


class CorrectionMessage(NamedTuple):
    crc: int
    knots: int
    cartridge: int
    flags: int
    depth: int
    commanded: int


class KnotMessage(NamedTuple):
    slot: int
    commanded: int
    actual: int


class EventMessage(NamedTuple):
    counter: int
    code: int
    clock: int
    argument: int


Message = (
    HelloRequest
    | Cmd
    | Lease
    | QueryRequest
    | HelloSession
    | HelloModel
    | HelloUnit
    | HelloCapabilities
    | HelloCartridge
    | ResultMessage
    | StatusMessage
    | ReadBackMessage
    | TelemetryMessage
    | VitalsMessage
    | EventMessage
    | CorrectionMessage
    | KnotMessage
)

FLAG_SIMULATED: Final = 0x01
FEATURE_CONTACT, FEATURE_BUTTON, FEATURE_FOOTSWITCH, FEATURE_PARK, FEATURE_CORRECTION = 0x01, 0x02, 0x04, 0x08, 0x10
CORRECTION_APPLIES: Final = 0x01
CARTRIDGE_PRESENT, CARTRIDGE_USED = 0x01, 0x02
SAMPLE_CONTACT_KNOWN, SAMPLE_CONTACT, SAMPLE_DRIVING = 0x01, 0x02, 0x04
RATE_BITS: Final = 20
RATE_MASK: Final = (1 << RATE_BITS) - 1
CURRENT_MAX_MA: Final = 0xFFF
NO_EXPIRY: Final = 0
"""``not_after`` of the commands that may never be late (END): they only ever lessen motion."""

_STRUCT = {"u8": "B", "u16": "H", "u32": "I", "i16": "h"}


class PayloadError(ValueError):
    """A payload is too short, too long, or holds a value that its field cannot."""


@dataclass(frozen=True)
class Layout:
    """One message type on the wire."""

    code: int
    page: int | None
    name: str
    to_pen: bool
    cls: type[Any]
    fields: tuple[Field, ...]
    text: str

    def __post_init__(self) -> None:
        if tuple(f.name for f in self.fields) != self.cls._fields:
            raise TypeError(f"{self.name}: table and class differ")
        numbers = [f for f in self.fields if f.kind != "str"]
        packing = struct.Struct("<" + "".join(_STRUCT[f.kind] for f in numbers))
        object.__setattr__(self, "packing", packing)
        object.__setattr__(self, "strings", len(self.fields) - len(numbers))

    packing: struct.Struct = None  # type: ignore[assignment]
    strings: int = 0

    @property
    def size(self) -> int:
        """Bytes of the fixed part (all of it when the message has no strings)."""
        return self.packing.size

    def pack(self, message: Message) -> bytes:
        """Encode the payload. Raises :class:`PayloadError` when a value does not fit its field."""
        try:
            if not self.strings:
                return self.packing.pack(*message)
            fixed = len(message) - self.strings
            out = self.packing.pack(*message[:fixed])
            for value in message[fixed:]:
                raw = str(value).encode()
                out += bytes((len(raw),)) + raw
        except (struct.error, ValueError) as error:
            raise PayloadError(f"{self.name}: {error}") from error
        return out

    def unpack(self, payload: bytes) -> Message:
        """Decode a payload of exactly this layout. Raises :class:`PayloadError`."""
        if not self.strings:
            try:
                # As _make does, whose check of the length the table has done once for all.
                return tuple.__new__(self.cls, self.packing.unpack(payload))  # type: ignore[no-any-return]
            except struct.error as error:
                raise PayloadError(f"{self.name}: {len(payload)} bytes for {self.packing.size}") from error
        try:
            values: list[Any] = list(self.packing.unpack_from(payload))
            at = self.packing.size
            for _ in range(self.strings):
                end = at + 1 + payload[at]
                if end > len(payload):
                    raise PayloadError(f"{self.name}: string past the end")
                values.append(payload[at + 1 : end].decode())
                at = end
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise PayloadError(f"{self.name}: {error}") from error
        if at != len(payload):
            raise PayloadError(f"{self.name}: {len(payload) - at} bytes too many")
        return self.cls._make(values)  # type: ignore[no-any-return]


def _f(spec: str, text: str) -> Field:
    name, kind, unit = ([*spec.split(":"), ""])[:3]
    return Field(name, kind, unit, text)


_PAGE = _f("page:u8", "page number")
_NONCE = _f("nonce:u16", "echo of the request; 0 when the pen speaks unasked (after boot)")

LAYOUTS: Final[tuple[Layout, ...]] = (
    Layout(
        0x01,
        None,
        "HELLO_REQUEST",
        True,
        HelloRequest,
        (
            _f("page:u8", "page wanted; page 0 opens a session and ends any lease"),
            _f("nonce:u16", "any number; the answer carries it"),
            _f("protocol:u8", "version the host speaks"),
        ),
        "Ask for one page of HELLO.",
    ),
    Layout(
        0x02,
        None,
        "CMD",
        True,
        Cmd,
        (
            _f("cmd_id:u32", "rises within a boot; equal returns the stored result, lower is STALE_ID"),
            _f("opcode:u8", "see Opcodes"),
            _f("not_after:u32:ms", "pen clock after which the command is refused EXPIRED; 0 only for END"),
            _f("argument:u32", "see Opcodes"),
        ),
        "Ask the pen to do something once.",
    ),
    Layout(
        0x03,
        None,
        "LEASE",
        True,
        Lease,
        (
            _f("boot_id:u32", "must be the pen's own, else ignored"),
            _f("counter:u16", "rises by one per renewal"),
        ),
        "Renew the running lease; no effect in any state but RUNNING and PAUSED.",
    ),
    Layout(
        0x04,
        None,
        "QUERY",
        True,
        QueryRequest,
        (_f("what:u8", "1 STATUS, 2 READBACK, 3 VITALS, 4 CORRECTION, 5 CORRECTION and every KNOT"),),
        "Ask for a message now. Never changes anything.",
    ),
    Layout(
        0x81,
        0,
        "HELLO page 0 (session)",
        False,
        HelloSession,
        (
            _PAGE,
            _NONCE,
            _f("page_count:u8", "pages 0 … page_count - 1 exist"),
            _f("boot_id:u32", "NVM boot counter (high 16 bits) and random bits (low 16)"),
            _f("clock:u32:ms", "pen clock, ms since boot"),
            _f("last_cmd_id:u32", "last CMD accepted or refused in this boot, 0 for none"),
            _f("schema_hash:u32", "CRC-32 of the canonical message table"),
            _f("flags:u8", "bit 0: simulated pen"),
            _f("frame_max:u8", "longest inner frame the pen takes, >= 20"),
        ),
        "Opens the session.",
    ),
    Layout(
        0x81,
        1,
        "HELLO page 1 (model)",
        False,
        HelloModel,
        (
            _PAGE,
            _NONCE,
            _f("manufacturer:str", "<= 24 bytes"),
            _f("model:str", "<= 24 bytes"),
        ),
        "Who made it and what it is.",
    ),
    Layout(
        0x81,
        2,
        "HELLO page 2 (unit)",
        False,
        HelloUnit,
        (
            _PAGE,
            _NONCE,
            _f("serial:str", "<= 16 bytes, unique per manufacturer and model"),
            _f("firmware:str", "<= 16 bytes"),
            _f("hardware:str", "<= 16 bytes"),
        ),
        "Which one it is and what runs on it.",
    ),
    Layout(
        0x81,
        3,
        "HELLO page 3 (capabilities)",
        False,
        HelloCapabilities,
        (
            _PAGE,
            _NONCE,
            _f("depth_min:u16:µm", "least needle protrusion"),
            _f("depth_max:u16:µm", "greatest needle protrusion"),
            _f("depth_step:u16:µm", "increment; a target off the step is refused OFF_STEP"),
            _f("depth_evaluated:u16:µm", "greatest protrusion evaluated by the maker"),
            _f("rate_min:u32:mHz", "least stroke rate"),
            _f("rate_max:u32:mHz", "greatest stroke rate"),
            _f("rate_step:u32:mHz", "increment, 0 for a fixed-rate pen"),
            _f("lease_min:u16:ms", "shortest lease granted"),
            _f("lease_max:u16:ms", "longest lease granted"),
            _f("run_max:u32:ms", "longest run granted by one START"),
            _f("pause_max:u32:ms", "longest pause that a run survives"),
            _f("telemetry_hz:u8:Hz", "rate of TELEMETRY"),
            _f(
                "features:u8",
                "bit 0 contact sensor, bit 1 button, bit 2 footswitch, bit 3 PARK, bit 4 correction table",
            ),
        ),
        "Ranges that the pen enforces by itself.",
    ),
    Layout(
        0x81,
        4,
        "HELLO page 4 (cartridge)",
        False,
        HelloCartridge,
        (
            _PAGE,
            _NONCE,
            _f("flags:u8", "bit 0 present, bit 1 used before"),
            _f("needles:u8", "needle count"),
            _f("depth_max:u16:µm", "greatest protrusion of this cartridge, 0 for no limit of its own"),
            _f("expiry:u32", "yyyymmdd as a number, 0 unknown"),
            _f("type:str", "<= 12 bytes"),
            _f("serial:str", "<= 12 bytes"),
            _f("lot:str", "<= 12 bytes"),
        ),
        "What is plugged in.",
    ),
    Layout(
        0x82,
        None,
        "RESULT",
        False,
        ResultMessage,
        (
            _f("cmd_id:u32", "of the CMD answered"),
            _f("opcode:u8", "of the CMD answered"),
            _f("result:u8", "see Results"),
            _f("reason:u8", "see Reasons"),
            _f("applied:u32", "the value taken (µm, mHz, ms), 0 if none"),
            _f("token:u16", "ARM: one-use token for START, never 0; else 0"),
        ),
        "Answer to a CMD; STATUS follows at once, and READBACK after it for SET_DEPTH, SET_RATE and LIMIT_DEPTH.",
    ),
    Layout(
        0x83,
        None,
        "STATUS",
        False,
        StatusMessage,
        (
            _f("boot_id:u32", "as in HELLO"),
            _f("last_cmd_id:u32", "last CMD accepted or refused in this boot"),
            _f("state_result:u8", "low nibble state, high nibble result of last_cmd_id"),
            _f("faults:u8", "bit mask, see Faults"),
            _f("lease_left:u8:10 ms", "0 when no lease runs, 255 for 2.55 s or more"),
            _f("clock_low:u16:ms", "low 16 bits of the pen clock"),
        ),
        "Sent at 5 Hz, after each RESULT, after STOP, and on every change of state.",
    ),
    Layout(
        0x84,
        None,
        "READBACK",
        False,
        ReadBackMessage,
        (
            _f("depth:u16:µm", "target protrusion"),
            _f("rate:u32:mHz", "target stroke rate"),
            _f("depth_limit:u16:µm", "limit now in force in the pen, cartridge included"),
            _f("run_max:u16:100 ms", "run time left of the grant, else the longest grantable (capped at 65535)"),
        ),
        "What the pen holds, read from where the motor control reads it.",
    ),
    Layout(
        0x85,
        None,
        "TELEMETRY",
        False,
        TelemetryMessage,
        (
            _f("counter:u16", "rises by one per sample, wraps"),
            _f("clock:u32:ms", "when the sample was taken"),
            _f("depth:u16:µm", "measured protrusion"),
            _f("rate_current:u32", "bits 0–19 measured stroke rate in mHz, bits 20–31 motor current in mA"),
            _f("flags:u8", "bit 0 contact known, bit 1 contact, bit 2 motor driven"),
        ),
        "The fast stream. Loss is normal and counted.",
    ),
    Layout(
        0x86,
        None,
        "VITALS",
        False,
        VitalsMessage,
        (
            _f("clock:u32:ms", "when the sample was taken"),
            _f("temperature:i16:0.01 °C", "motor"),
            _f("battery_mv:u16:mV", "battery under load"),
            _f("battery_pct:u8:%", "state of charge"),
            _f("strokes:u32", "strokes since boot"),
        ),
        "The slow stream, 2 Hz.",
    ),
    Layout(
        0x87,
        None,
        "EVENT",
        False,
        EventMessage,
        (
            _f("counter:u8", "rises by one per event, wraps"),
            _f("code:u8", "see Events"),
            _f("clock:u32:ms", "when it happened"),
            _f("argument:u32", "by code: a fault's bit number, else 0"),
        ),
        "Something happened on the pen.",
    ),
    Layout(
        0x89,
        None,
        "CORRECTION",
        False,
        CorrectionMessage,
        (
            _f("crc:u16", "CRC-16 of the table held, see Correction; 0 without one"),
            _f("knots:u8", "how many it has, 0 for no table"),
            _f("cartridge:u16", "cartridge type that it is for, see Correction; 0 for any"),
            _f("flags:u8", "bit 0: the table applies to what is plugged in"),
            _f("depth:u16:µm", "target protrusion, as in READBACK"),
            _f("commanded:u16:µm", "what the depth drive is told for it"),
        ),
        "What the pen's correction makes of the target. Follows the READBACK of SET_DEPTH in a pen that holds a table.",
    ),
    Layout(
        0x8A,
        None,
        "KNOT",
        False,
        KnotMessage,
        (
            _f("slot:u8", "0 … knots - 1"),
            _f("commanded:u16:µm", "commanding this"),
            _f("actual:u16:µm", "gives this protrusion"),
        ),
        "One knot of the table, read from where it is kept without power.",
    ),
)

RESERVED_TYPES: Final = {
    0x05: "BULK to the pen",
    0x88: "BULK from the pen",
    0x06: "CALIBRATION in bulk",
    0x07: "CARTRIDGE",
}
HELLO: Final = 0x81
BY_CLASS: Final[dict[type[Any], Layout]] = {layout.cls: layout for layout in LAYOUTS}
BY_TYPE: Final[dict[int, Layout]] = {layout.code: layout for layout in LAYOUTS if layout.page is None}
HELLO_PAGES: Final[dict[int, Layout]] = {layout.page: layout for layout in LAYOUTS if layout.page is not None}


def canonical_table() -> str:
    """The table as text, one message per line; the schema hash is its CRC-32."""
    return "\n".join(
        f"{layout.code:02x}.{'-' if layout.page is None else layout.page} "
        + " ".join(f"{f.name}:{f.kind}:{f.unit}" for f in layout.fields)
        for layout in LAYOUTS
    )


SCHEMA_HASH: Final = zlib.crc32(canonical_table().encode())
