"""What the pass recorder tells."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from devicectl.records.evidence import Figures
from devicectl.records.telemetry_block import Columns

from .zones import Zone


class CloseReason(StrEnum):
    """Why a pass ended."""

    ENDED = "ended"
    PAUSED = "paused"
    STOPPED = "stopped"
    ZONE_CHANGED = "zone_changed"
    LOST = "lost"
    LEASE_EXPIRED = "lease_expired"
    INTERRUPTED = "interrupted"


class PassKind(StrEnum):
    """Whether somebody had granted the motion."""

    GRANTED = "granted"
    UNCOMMANDED = "uncommanded"


@dataclass(frozen=True, slots=True)
class PassOpened:
    """The motor turns. ``at`` is loop time, ``clock_ms`` the pen's clock; depth and rate are the setpoint (µm, mHz)."""

    id: UUID
    seq: int
    kind: PassKind
    zone: Zone | None
    depth_um: int | None
    rate_mhz: int | None
    needles: int
    at: float
    clock_ms: int
    direction: str | None = None


@dataclass(frozen=True, slots=True)
class BlockUpdated:
    """The open block as it is now; ``seq`` counts from 0 within the pass."""

    pass_id: UUID
    seq: int
    columns: Columns
    at: float


@dataclass(frozen=True, slots=True)
class BlockSealed:
    """A block that will not change any more."""

    pass_id: UUID
    seq: int
    columns: Columns
    at: float


@dataclass(frozen=True, slots=True)
class PassClosed:
    """A pass with its sum. ``density_cm2`` is the estimate of punctures per cm²; ``lost_samples`` what the link dropped."""

    id: UUID
    seq: int
    kind: PassKind
    zone: Zone | None
    reason: CloseReason
    figures: Figures
    density_cm2: int
    lost_samples: int
    at: float
    clock_ms: int
    direction: str | None = None


RecorderEvent = PassOpened | BlockUpdated | BlockSealed | PassClosed


@dataclass(frozen=True, slots=True)
class PassProgress:
    """The pass that is being recorded: ms, strokes, estimated punctures per cm²; ``opened_at`` is loop time."""

    id: UUID
    seq: int
    kind: PassKind
    zone: Zone | None
    opened_at: float
    duration_ms: int
    contact_ms: int
    inferred: bool
    strokes: int
    contact_strokes: int
    density_cm2: int


@dataclass(frozen=True, slots=True)
class ZoneTotals:
    """What a zone got in the closed passes: ms, strokes, estimated punctures per cm². ``inferred``: some contact was."""

    zone: Zone
    passes: int = 0
    duration_ms: int = 0
    contact_ms: int = 0
    inferred: bool = False
    strokes: int = 0
    contact_strokes: int = 0
    density_cm2: int = 0
