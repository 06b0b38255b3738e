"""What goes into the record: one frozen dataclass per kind of row, fields named as the columns (units in the names).

Keys are made by the caller (`devicectl.records.ids`), so that the same row can be handed in twice. The origin of a row is
that of its pen and is filled in by the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from .telemetry_block import Columns


@dataclass(frozen=True, slots=True)
class PenRow:
    """A pen as it said who it is; another firmware is another row. ``origin``: hardware, simulated or replay."""

    id: UUID
    manufacturer: str
    model: str
    serial: str
    firmware: str
    hardware: str
    origin: str
    first_seen_utc_us: int


@dataclass(frozen=True, slots=True)
class CartridgeRow:
    """A cartridge as the pen read it; ``expiry`` is ISO 8601 or empty."""

    id: UUID
    type: str
    serial: str
    lot: str
    expiry: str
    needles: int
    origin: str
    first_seen_utc_us: int


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session at its opening. ``boot_id`` is the station's boot row; ``purpose`` bench (no client) or treatment.

    ``resumes_id``: the interrupted session of the same client that goes on in this one.
    """

    id: UUID
    boot_id: UUID
    pen_id: UUID
    client_id: UUID | None
    purpose: str
    opened_utc_us: int
    opened_boot_us: int
    course_id: UUID | None = None
    operator_id: UUID | None = None
    resumes_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PassRow:
    """A pass at its opening. ``kind``: granted, or uncommanded (then session and zone may be unknown)."""

    id: UUID
    session_id: UUID | None
    pen_id: UUID
    cartridge_id: UUID | None
    seq: int
    kind: str
    zone: str | None
    depth_set_um: int | None
    rate_set_mhz: int | None
    needles: int
    area_mm2: int
    opened_utc_us: int
    opened_boot_us: int
    opened_clock_ms: int
    direction: str | None = None


@dataclass(frozen=True, slots=True)
class PassSettingRow:
    """What depth a pass was asked for, what the depth drive was told for it, what the pen read back, and by which valid
    calibration (None: there is none)."""

    pass_id: UUID
    calibration_id: UUID | None
    depth_target_um: int | None
    depth_commanded_um: int | None
    depth_read_back_um: int | None


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A stretch of a pass on the pen's clock; ``contact`` is None exactly when ``kind`` is unknown."""

    pass_id: UUID
    seq: int
    kind: str
    contact: bool | None
    from_clock_ms: int
    to_clock_ms: int


@dataclass(frozen=True, slots=True)
class PassEnd:
    """What closes a pass; see `devicectl.records.evidence.Figures` for the figures."""

    id: UUID
    ended_utc_us: int
    ended_clock_ms: int
    end_reason: str
    duration_ms: int
    contact_ms: int
    contact_kind: str
    unknown_ms: int
    strokes: int
    contact_strokes: int
    density_cm2: int
    depth_min_um: int | None
    depth_mean_um: int | None
    depth_max_um: int | None
    current_max_ma: int | None
    samples: int
    lost_samples: int | None


@dataclass(frozen=True, slots=True)
class BlockRow:
    """Telemetry of a pass since the last sealed block; stored anew each second until it is ``sealed``."""

    pass_id: UUID
    seq: int
    sealed: bool
    columns: Columns
    stored_utc_us: int


class IntentFields(Protocol):
    """A command about to be sent, as control describes it; times in µs."""

    @property
    def id(self) -> UUID:
        """Key of the intent."""

    @property
    def pen_id(self) -> UUID:
        """Row of the pen."""

    @property
    def session_id(self) -> UUID | None:
        """Row of the session, if any."""

    @property
    def boot_id(self) -> int:
        """The pen's boot id."""

    @property
    def cmd_id(self) -> int:
        """The command's id within that boot."""

    @property
    def action(self) -> str:
        """What is asked."""

    @property
    def value(self) -> int:
        """With what value."""

    @property
    def at_boot_us(self) -> int:
        """Host boot time."""

    @property
    def at_utc_us(self) -> int:
        """UTC."""


class SettledFields(Protocol):
    """How a command ended, as control describes it."""

    @property
    def id(self) -> UUID:
        """Key of the intent."""

    @property
    def outcome(self) -> str:
        """confirmed, rejected, not_sent, unknown or assumed_executed."""

    @property
    def text(self) -> str:
        """One sentence, or empty."""

    @property
    def applied(self) -> int:
        """The value the pen took."""

    @property
    def at_utc_us(self) -> int:
        """UTC, µs."""


@dataclass(frozen=True, slots=True)
class OpenCommand:
    """An intent without a final outcome. ``boot_id`` is the pen's; times in µs."""

    id: UUID
    pen_id: UUID
    session_id: UUID | None
    boot_id: int
    cmd_id: int
    action: str
    value: int
    at_boot_us: int
    at_utc_us: int


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An alarm when it is raised; ``priority`` is high, medium or low."""

    id: UUID
    session_id: UUID | None
    pen_id: UUID | None
    code: str
    priority: str
    text: str
    raised_utc_us: int
    raised_boot_us: int


@dataclass(frozen=True, slots=True)
class EventRow:
    """Something worth a line in the session's log; ``data`` is JSON text."""

    id: UUID
    session_id: UUID | None
    pen_id: UUID | None
    code: str
    text: str
    at_utc_us: int
    at_boot_us: int
    data: str = "{}"


@dataclass(frozen=True, slots=True)
class StopRow:
    """A stop intent with what was measured of it: key → STOP bytes and intent → pen seen still, µs; None if never."""

    id: UUID
    session_id: UUID | None
    pen_id: UUID | None
    source: str
    at_utc_us: int
    at_boot_us: int
    key_to_bytes_us: int | None
    intent_to_still_us: int | None
    still: bool
