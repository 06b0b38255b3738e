"""Faults that can be switched on in a simulated pen and its wire, and the text language for them.

``--fault`` texts: ``drop=0.05``, ``to_pen.delay=0.2``, ``stall``, ``stall@5s``, ``silence@5s+2s`` (from the fifth
second of the simulation on, for two seconds). A schedule (:mod:`simulator.schedule`) uses the same names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

_STRICT: Final = ConfigDict(frozen=True, extra="forbid")


class FaultError(ValueError):
    """A fault text says nothing usable; the message is one sentence with what is possible."""


class LinkFaults(BaseModel):
    """What one direction of the wire does to bytes. Chances are per zero-terminated piece, 0 … 1; times in s."""

    model_config = _STRICT

    drop: float = Field(0.0, ge=0, le=1, description="chance that a frame is lost")
    delay: float = Field(0.0, ge=0, le=60, description="seconds that every byte comes later")
    jitter: float = Field(0.0, ge=0, le=60, description="up to so many seconds more, order is kept")
    duplicate: float = Field(0.0, ge=0, le=1, description="chance that a frame comes twice")
    corrupt: float = Field(0.0, ge=0, le=1, description="chance that one to three bits of a frame flip")
    split: float = Field(0.0, ge=0, le=1, description="chance that a frame comes in two parts, 5 ms apart")
    reorder: float = Field(0.0, ge=0, le=1, description="chance that the frame after it overtakes a frame")
    pressure: int = Field(
        0, ge=0, le=100_000, description="back-pressure: bytes a second that still get through, 0 all"
    )
    queue: int = Field(0, ge=0, le=65_536, description="bytes that may wait on the way, what is more is lost; 0 many")
    silence: bool = Field(False, description="nothing at all gets through")

    @property
    def any(self) -> bool:
        """True when this direction is not simply clean."""
        return self != CLEAN


CLEAN: Final = LinkFaults()


class RadioFaults(BaseModel):
    """What can be wrong with a pen's radio and its bonds. Chances 0 … 1, times in s, signal in dBm."""

    model_config = _STRICT

    rssi: int = Field(-50, ge=-127, le=0, description="signal; packets are lost below -85 dBm, all of them below -95")
    fading: float = Field(0.0, ge=0, le=100, description="dB that the signal falls each second from now on")
    out_of_range: bool = Field(False, description="nothing gets through; the link dies at its supervision timeout")
    loss: float = Field(0.0, ge=0, lt=1, description="chance that a packet must be sent again at the next interval")
    delay: float = Field(0.0, ge=0, le=60, description="seconds that every packet comes later")
    drop_notifications: float = Field(0.0, ge=0, le=1, description="chance that the pen does not send a notification")
    drop_commands: float = Field(0.0, ge=0, le=1, description="chance that a write without response is lost")
    cut: bool = Field(False, description="the connection breaks at the moment this is switched on")
    forget: bool = Field(False, description="the pen forgets its bonds at the moment this is switched on")
    refuse_pairing: bool = Field(False, description="the pen pairs with nobody")
    bonded_elsewhere: bool = Field(False, description="the pen is bonded to another host and pairs with no other")
    grabbed: bool = Field(False, description="another host is connected, so the pen is not on the air")
    mtu: int = Field(517, ge=23, le=517, description="largest ATT MTU granted to who connects from now on")


QUIET: Final = RadioFaults()


class Faults(BaseModel):
    """Everything that can be wrong with a simulated pen; all off by default."""

    model_config = _STRICT

    to_pen: LinkFaults = CLEAN
    from_pen: LinkFaults = CLEAN
    radio: RadioFaults = QUIET
    reboot: bool = Field(False, description="the pen starts anew at the moment this is switched on")
    nvm_damage: bool = Field(False, description="boot counter, bonds and correction are destroyed at this moment")
    forget_limit: bool = Field(False, description="the pen forgets the depth limit it was told at this moment")
    brown_out: bool = Field(False, description="the supply breaks down and the pen restarts when the motor runs up")
    clock_drift: float = Field(0.0, ge=-0.05, le=0.05, description="part by which the pen's clock is fast")
    stall: bool = Field(False, description="the needle jams: full current, no motion")
    no_start: bool = Field(False, description="START is accepted, the motor gets no current")
    run_away: bool = Field(False, description="the motor keeps turning after END and lease expiry; STOP cuts it")
    stop_ignored: bool = Field(False, description="the motor keeps turning after STOP too")
    stuck_actuator: bool = Field(False, description="the depth actuator does not move")
    lying_sensor: int = Field(0, ge=-5000, le=5000, description="µm by which the reported depth is wrong")
    lying_rate: bool = Field(False, description="the reported stroke rate is always 0")
    lying_current: bool = Field(False, description="the reported motor current is always 0")
    lying_counter: bool = Field(False, description="the reported stroke counter does not count")
    frozen_sensor: bool = Field(False, description="reported depth, rate and current stay as they were")
    flat_battery: bool = Field(False, description="the battery is at 1 %")
    hot: bool = Field(False, description="the motor is at 75 °C")
    protocol: int = Field(1, ge=1, le=255, description="protocol version in the pen's frames")

    @property
    def moments(self) -> list[str]:
        """Those of :data:`MOMENTS` that are switched on."""
        return [name for name in MOMENTS if getattr(self.radio if "." in name else self, name.rpartition(".")[2])]

    @property
    def lasting(self) -> Faults:
        """The same without what happens only once."""
        return changed(self, dict.fromkeys(self.moments, False)) if self.moments else self


CALM: Final = Faults()
_PARTS: Final[dict[str, type[BaseModel]]] = {"to_pen": LinkFaults, "from_pen": LinkFaults, "radio": RadioFaults}
MOMENTS: Final = ("reboot", "nvm_damage", "forget_limit", "radio.cut", "radio.forget")
"""Faults that happen once, when they are switched on."""
_SWITCHED_ON: Final = {"lying_sensor": 400, "drop": 0.05, "delay": 0.2, "jitter": 0.1, "duplicate": 0.05,
                       "corrupt": 0.05, "split": 0.5, "protocol": 2, "rssi": -90, "fading": 5, "loss": 0.2,
                       "drop_notifications": 0.1, "drop_commands": 0.1, "reorder": 0.1, "pressure": 2000,
                       "queue": 64, "mtu": 23, "clock_drift": 0.01}  # fmt: skip
"""Value that a fault takes when only its name is given."""


class TimedFault(NamedTuple):
    """A change of :class:`Faults`: ``values`` by dotted field name, from ``start`` s of the simulation on."""

    start: float
    duration: float | None
    values: dict[str, Any]


class FaultPlan(NamedTuple):
    """Faults that are there from the beginning, and those that come and go."""

    always: Faults = CALM
    timed: tuple[TimedFault, ...] = ()

    @property
    def of_radio(self) -> str | None:
        """The first fault that only a pen on the air can have, or None."""
        values = self.always.radio.model_dump()
        named = [f"radio.{name}" for name, value in values.items() if value != getattr(QUIET, name)]
        named += [name for fault in self.timed for name in fault.values if name.startswith("radio.")]
        return named[0] if named else None


_TEXT = re.compile(
    r"(?P<name>[a-z_]+(?:\.[a-z_]+)?)(?:=(?P<value>[^@]+))?(?:@(?P<start>[^+]+?)s?(?:\+(?P<for>.+?)s?)?)?"
)


def fault_names() -> list[str]:
    """Every name that a fault text may begin with, both-directions names of the wire included."""
    wire = list(LinkFaults.model_fields)
    pen = [name for name in Faults.model_fields if name not in _PARTS]
    return pen + wire + [f"{part}.{name}" for part, model in _PARTS.items() for name in model.model_fields]


def fault_help() -> list[tuple[str, str]]:
    """Every fault with its values and what it does, for people."""
    pen = {name: field for name, field in Faults.model_fields.items() if name not in _PARTS}
    rows = [_help(name, field) for name, field in pen.items()]
    rows += [
        _help(name, field, "; both ways, or to_pen. or from_pen. before it")
        for name, field in LinkFaults.model_fields.items()
    ]
    return rows + [_help(f"radio.{name}", field, "; ble only") for name, field in RadioFaults.model_fields.items()]


def _help(name: str, field: FieldInfo, more: str = "") -> tuple[str, str]:
    if field.annotation is bool:
        return name, f"{field.description}{more}"
    bounds = {
        kind: value
        for one in field.metadata
        for kind in ("ge", "le", "lt")
        if (value := getattr(one, kind, None)) is not None
    }
    most = f"{bounds['le']:g}" if "le" in bounds else f"below {bounds['lt']:g}"
    alone = _SWITCHED_ON[name.rpartition(".")[2]]
    return f"{name}=N", f"{field.description}{more}; {bounds['ge']:g} … {most}, alone {alone:g}"


def changed(faults: Faults, values: dict[str, Any]) -> Faults:
    """``faults`` with dotted names replaced: ``{"stall": True, "to_pen.drop": 0.1, "silence": True}``.

    Raises :class:`FaultError` for an unknown name or a value out of range.
    """
    data = faults.model_dump()
    for name, value in values.items():
        way, _, leaf = name.rpartition(".")
        if way in _PARTS and leaf in _PARTS[way].model_fields:
            data[way][leaf] = value
        elif not way and leaf in LinkFaults.model_fields:
            data["to_pen"][leaf] = data["from_pen"][leaf] = value
        elif not way and leaf in Faults.model_fields:
            data[leaf] = value
        else:
            raise FaultError(f"There is no fault {name!r}; known are {', '.join(fault_names())}.")
    try:
        return Faults.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise FaultError(f"Fault {place}: {first['msg']}, not {first['input']!r}.") from None


def switched_on(name: str) -> Any:
    """The value that a fault takes when only its name is given."""
    return _SWITCHED_ON.get(name.rpartition(".")[2], True)


def parse_fault(text: str) -> TimedFault:
    """One ``--fault`` text. Raises :class:`FaultError`."""
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise FaultError(f"{text!r} is no fault; write NAME, NAME=VALUE, NAME@5s or NAME=VALUE@5s+2s.")
    name, raw = match["name"], match["value"]
    value: Any = raw.strip() if raw is not None else switched_on(name)
    try:
        start = float(match["start"] or 0)
        duration = None if match["for"] is None else float(match["for"])
    except ValueError:
        raise FaultError(f"{text!r}: a time is written in seconds, as in {name}@5s or {name}@5s+2.5s.") from None
    if not 0 <= start < 1e9 or (duration is not None and not 0 < duration < 1e9):
        raise FaultError(f"{text!r}: a fault begins at 0 s or later and lasts longer than 0 s.")
    changed(CALM, {name: value})
    return TimedFault(start, duration, {name: value})


def parse_faults(texts: Iterable[str]) -> FaultPlan:
    """Several ``--fault`` texts as one plan. Raises :class:`FaultError` for the first bad one."""
    always, timed = CALM, []
    for text in texts:
        fault = parse_fault(text)
        if fault.start == 0 and fault.duration is None:
            always = changed(always, fault.values)
        else:
            timed.append(fault)
    return FaultPlan(always, tuple(sorted(timed, key=lambda fault: fault.start)))
