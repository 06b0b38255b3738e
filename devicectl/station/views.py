"""What clients see: immutable view models that the station sends, and how they travel as JSON.

A view holds values and their age at the moment of sending; a screen adds the time since it arrived. Units as on the
wire: µm, mHz, mA, mV, 0.01 °C, ms; seconds where a name ends in ``_s``.
"""

from __future__ import annotations

import dataclasses
import types
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LimitsView:
    """Ranges in force: the pen's own, and the limits of this station.

    ``depth_soft_um`` is the least that holds in every zone; ``depth_operator_um`` the operator limit, if there is one.
    """

    depth_min_um: int
    depth_max_um: int
    depth_step_um: int
    depth_soft_um: int
    rate_min_mhz: int
    rate_max_mhz: int
    rate_step_mhz: int
    needles: int
    cartridge: str
    has_contact: bool
    depth_operator_um: int | None = None


@dataclass(frozen=True, slots=True)
class PenView:
    """One pen as the station knows it now. ``motion`` is still, turning or unknown; None means never heard."""

    address: str
    model: str
    serial: str
    firmware: str
    simulated: bool
    link: str  # connecting | up | lost
    link_text: str
    state: str  # PenState name in lower case, or unknown
    latched: bool
    faults: tuple[str, ...]
    motion: str
    depth_set_um: int | None
    rate_set_mhz: int | None
    depth_um: int | None
    rate_mhz: int | None
    current_ma: int | None
    contact: bool | None
    temperature_cc: int | None
    battery_pct: int | None
    battery_mv: int | None
    sample_age_s: float | None
    vitals_age_s: float | None
    status_age_s: float | None
    lease_left_ms: int
    lease_ms: int
    samples: int
    lost_samples: int
    stop_ms: float | None  # last measured stop: intent to still
    limits: LimitsView | None
    settling: bool  # a command's outcome is being checked with the pen
    stop_found_still: bool = False  # the last STOP found the pen still already
    session: str | None = None  # id of the session that is open on it
    cartridge_lot: str = ""  # as the pen reads it; empty when it does not
    cartridge_serial: str = ""
    cartridge_expiry: str = ""
    replay: bool = False  # a capture that is shown; there is no pen
    closed_s: float | None = None  # so long ago the station let go of it; all else is as it was then


@dataclass(frozen=True, slots=True)
class RunView:
    """A granted run. ``phase`` is running, paused or ending."""

    zone: str
    depth_um: int
    rate_mhz: int
    phase: str
    elapsed_s: float
    left_s: float
    pause_left_s: float | None
    planned_left_s: float | None = None  # of the time that the plan wants for the zone; below 0 when it is over


@dataclass(frozen=True, slots=True)
class ZoneView:
    """What one zone got in this session. ``density`` is estimated punctures per cm²."""

    code: str
    passes: int
    contact_s: float
    inferred: bool
    strokes: int
    density: float


@dataclass(frozen=True, slots=True)
class PassView:
    """The pass that is being recorded now."""

    seq: int
    zone: str
    elapsed_s: float
    contact_s: float
    strokes: int
    density: float


@dataclass(frozen=True, slots=True)
class SessionView:
    """The open session."""

    id: str
    purpose: str
    origin: str
    client: str
    elapsed_s: float
    zone: str | None
    passes: int
    zones: tuple[ZoneView, ...]
    current: PassView | None


@dataclass(frozen=True, slots=True)
class ZonePlanView:
    """One zone, planned and done. ``state`` is open, begun, done, over, skipped or unplanned; passes by direction.

    ``finished``: its result was entered. ``duration_s`` is how long the motor turned in it.
    """

    code: str
    state: str
    text: str
    planned: dict[str, int]
    done: dict[str, int]
    undirected: int
    depth_um: int | None
    rate_mhz: int | None
    seconds: int | None
    end_point: str | None
    duration_s: float
    finished: bool


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of a session. ``phase`` is start, before, during, after or sign; ``state`` open, done, trouble or waiting.

    ``forms`` are entered in it; a session is whole without an ``optional`` step.
    """

    name: str
    title: str
    phase: str
    state: str
    text: str
    forms: tuple[str, ...]
    optional: bool


@dataclass(frozen=True, slots=True)
class TimerView:
    """An anaesthetic that is on: ``state`` is early, ready or over; times in s, ``most_s`` None where none was given."""

    name: str
    state: str
    text: str
    on_s: int
    least_s: int
    most_s: int | None


@dataclass(frozen=True, slots=True)
class ChartView:
    """A session of treatment besides the pen. ``direction`` is that of the strokes now; ``next_step`` what to do next."""

    session: str
    client: str
    course: str
    direction: str | None
    zones: tuple[ZonePlanView, ...]
    steps: tuple[StepView, ...]
    next_step: str | None
    next_zone: str | None
    timers: tuple[TimerView, ...]
    closed: bool
    signatures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlarmView:
    """One alarm condition. ``priority`` is high, medium or low (IEC 60601-1-8)."""

    id: str
    code: str
    priority: str
    text: str
    age_s: float
    active: bool
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class GateView:
    """One interlock before START. A closed one that is ``overridable`` opens by ``gate.override`` with a reason; one that
    is ``waiting`` is about to open by itself."""

    name: str
    passed: bool
    text: str
    overridable: bool = False
    overridden: bool = False
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class LogView:
    """One line of the session log; ``at`` is UTC seconds since 1970."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class TraceView:
    """Telemetry since the last view, oldest first; equal lengths. A gap is a None in ``rate_mhz`` and ``depth_um``."""

    clock_ms: tuple[int, ...]
    depth_um: tuple[int | None, ...]
    rate_mhz: tuple[int | None, ...]
    current_ma: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class OperatorView:
    """Who is signed in at this connection. ``lock_in_s``: so long until it locks by itself; None when it will not."""

    name: str
    role: str  # practitioner | technician | administrator
    locked: bool
    lock_in_s: float | None


@dataclass(frozen=True, slots=True)
class View:
    """Everything one screen needs, sent about ten times a second and on every change that matters."""

    serial: int
    utc: float
    controller: str | None  # who holds control, in words
    you_control: bool
    pen: PenView | None
    run: RunView | None
    session: SessionView | None
    alarms: tuple[AlarmView, ...]
    gates: tuple[GateView, ...]
    log: tuple[LogView, ...]
    trace: TraceView | None
    zone: str | None
    depth_request_um: int | None
    rate_request_mhz: int | None
    record_ok: bool
    silenced_s: float
    operator: OperatorView | None = None
    chart: ChartView | None = None
    chart_same: bool = False  # the chart is that of the view before; on the wire it is then left out


@dataclass(frozen=True, slots=True)
class StartSheet:
    """What ``run.preview`` answers: what would start, and why not if it cannot.

    ``asked`` and ``applied`` differ when a limit lowered the request; ``reasons`` then says which.
    """

    ticket: str
    ok: bool
    zone: str
    depth_asked_um: int
    depth_applied_um: int
    rate_asked_mhz: int
    rate_applied_mhz: int
    reasons: tuple[str, ...]
    gates: tuple[GateView, ...]
    valid_s: float
    not_before_s: float

    @property
    def waits(self) -> bool:
        """True when all that holds the start is about to pass by itself: ask for the sheet again."""
        shut = [gate for gate in self.gates if not gate.passed]
        return not self.ok and bool(shut) and all(gate.waiting for gate in shut)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a request that acts answers. ``outcome`` is confirmed, rejected, not_sent or unknown."""

    outcome: str
    text: str


def to_json(value: Any) -> Any:
    """Plain JSON types for a view (tuples become lists when encoded)."""
    return dataclasses.asdict(value)


@cache
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cls))


def one_level(value: Any) -> dict[str, Any]:
    """The fields of a view as they are, for an encoder that asks again for each view inside: `to_json` copies all of it."""
    cls: Any = type(value)
    return {name: getattr(value, name) for name in _names(cls)}


@cache
def _plan(cls: Any) -> tuple[tuple[str, Any], ...]:
    hints = get_type_hints(cls)
    return tuple((f.name, hints[f.name]) for f in dataclasses.fields(cls))


def _convert(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    origin = get_origin(hint)
    if origin is Union or origin is types.UnionType:
        hint = next(arg for arg in get_args(hint) if arg is not type(None))
        origin = get_origin(hint)
    if origin is tuple:
        inner = get_args(hint)[0]
        if dataclasses.is_dataclass(inner):
            return tuple(_convert(inner, item) for item in value)
        return tuple(value)
    if dataclasses.is_dataclass(hint):
        return from_json(hint, value)  # type: ignore[arg-type]
    return value


def from_json(cls: type[T], data: dict[str, Any]) -> T:
    """Rebuild a view; fields this version does not know are ignored. Raises ``KeyError`` when one is missing."""
    return cls(**{name: _convert(hint, data[name]) for name, hint in _plan(cls)})  # type: ignore[arg-type]


def charted(view: View, before: ChartView | None) -> View:
    """The view with its chart, which the station leaves out while it stays the same."""
    return dataclasses.replace(view, chart=before, chart_same=False) if view.chart_same else view
