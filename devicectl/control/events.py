"""What control tells its listeners, beside the pen's own inputs: runs, stops, zones, setpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from drivers.api import Cartridge


@dataclass(frozen=True, slots=True)
class RunStarting:
    """START is about to be sent: motion from now on belongs to this run."""

    at: float
    zone: str
    depth_um: int
    rate_mhz: int


@dataclass(frozen=True, slots=True)
class RunGranted:
    """A START was confirmed by motion, at loop time ``at``. µm and mHz as applied by the pen."""

    at: float
    zone: str
    depth_um: int
    rate_mhz: int


@dataclass(frozen=True, slots=True)
class RunPaused:
    """END, button or footswitch: the grant lives on for a while."""

    at: float


@dataclass(frozen=True, slots=True)
class RunResumed:
    """The same grant runs again."""

    at: float


@dataclass(frozen=True, slots=True)
class RunOver:
    """The grant is gone; ``why`` is a short reason (ended, stopped, lease expired, run time over, link lost, fault)."""

    at: float
    why: str


@dataclass(frozen=True, slots=True)
class ZoneChosen:
    """The zone that motion belongs to from now on."""

    at: float
    zone: str


class SetpointApplied(NamedTuple):
    """The pen took new targets (µm, mHz)."""

    at: float
    depth_um: int
    rate_mhz: int


@dataclass(frozen=True, slots=True)
class DepthArrived:
    """The measured protrusion has reached its target within ±0.15 mm (µm)."""

    at: float
    target_um: int
    measured_um: int


@dataclass(frozen=True, slots=True)
class StopRequested:
    """Somebody, or a rule, asked for STOP; ``sent``: the link took the bytes at once, ``bytes_ms`` after the call."""

    at: float
    source: str
    sent: bool
    bytes_ms: float


@dataclass(frozen=True, slots=True)
class StopDone:
    """The pen is latched and was seen still; times in ms from the intent to the first still sample.

    ``already``: it was still before the intent, so that nothing was measured.
    """

    at: float
    source: str
    still_ms: float
    already: bool = False


@dataclass(frozen=True, slots=True)
class StoppedElsewhere:
    """The pen says that it was stopped, and it was not stopped from here."""

    at: float


@dataclass(frozen=True, slots=True)
class Uncommanded:
    """The motor turned although no run was granted."""

    at: float


@dataclass(frozen=True, slots=True)
class PlannedTime:
    """The zone has been needled as long as its plan wants; ``indicate``: the pen itself is to say so."""

    at: float
    zone: str
    indicate: bool


@dataclass(frozen=True, slots=True)
class CartridgeRead:
    """The pen was asked what is plugged in now."""

    at: float
    cartridge: Cartridge


@dataclass(frozen=True, slots=True)
class GateOverridden:
    """Somebody opened a gate for the rest of the session, and said why."""

    at: float
    gate: str
    reason: str


class CommandDone(NamedTuple):
    """One command's outcome, for the log."""

    at: float
    action: str
    value: int
    outcome: str
    text: str


ControlEvent = (
    RunStarting
    | RunGranted
    | RunPaused
    | RunResumed
    | RunOver
    | ZoneChosen
    | SetpointApplied
    | DepthArrived
    | StopRequested
    | StopDone
    | StoppedElsewhere
    | Uncommanded
    | PlannedTime
    | CartridgeRead
    | GateOverridden
    | CommandDone
)
