"""What a calibration is going to be: one file or one request, checked at the edge."""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from drivers.api import Capabilities

from .budget import Distribution, Source
from .decision import DEPTH_TOLERANCE, RATE_TOLERANCE, Rule, Tolerance
from .interval import MONTHS, SESSIONS, Interval
from .quantities import LEAST_POINTS, LEAST_READINGS, Measurand

Text = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]*$")]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NEEDLE_SPREAD: Final = "needle spread"
"""Name of the budget's line that a measured spread replaces."""
PARTS: Final = (0.10, 0.25, 0.50, 0.75, 1.0)
"""Set-points as parts of the range (domain notes 5.3)."""


class PlanRefused(ValueError):
    """The plan cannot be used; the text is one sentence with the next step."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Standard(_Strict):
    """A reference standard: an indicator, a microscope, a gauge block, a tachometer.

    ``mpe`` (limit of error, ±), ``resolution`` and ``uncertainty`` (U, k = 2, of its certificate) in ``unit``; what is 0 or
    left out makes no line of the budget.
    """

    name: Text
    serial: Text
    certificate: Text
    due: date
    unit: Literal["mm", "Hz"] = "mm"
    mpe: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    resolution: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    uncertainty: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0

    def sources(self) -> list[Source]:
        """Its lines of the budget."""
        origin = f"certificate {self.certificate}"
        lines = (
            ("limit of error", self.mpe, Distribution.RECTANGULAR),
            ("resolution", self.resolution, Distribution.RESOLUTION),
            ("calibration", self.uncertainty, Distribution.EXPANDED),
        )
        return [Source(f"{self.name}: {name}", value, kind, origin) for name, value, kind in lines if value]


class Effect(_Strict):
    """A further line of the budget. ``value`` in the unit of the measurand, or a fraction when ``relative``."""

    name: Text
    value: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    distribution: Distribution = Distribution.RECTANGULAR
    origin: Text = "estimate"
    relative: bool = False

    def source(self) -> Source:
        """As the budget takes it."""
        return Source(self.name, self.value, self.distribution, self.origin, self.relative)


STATIC_EFFECTS: Final = (
    Effect(name="zero on the rim, seating of the cartridge", value=0.010),
    Effect(name="contact force", value=0.005),
    Effect(name=NEEDLE_SPREAD, value=0.010),
)
"""Half-widths in mm of the example budget (domain notes 5.4); a measured needle spread replaces the last."""


class Limits(_Strict):
    """The tolerance as it is written in a plan; see :class:`~devicectl.calibration.decision.Tolerance`."""

    error: Positive
    warn: Positive
    hysteresis: Positive | None = None
    repeatability: Positive | None = None
    least_ratio: Positive = 4.0
    relative: bool = False
    source: Text = "this plan"

    @model_validator(mode="after")
    def _order(self) -> Limits:
        if self.warn > self.error:
            raise ValueError("the warning limit is above the limit of error")
        return self

    def tolerance(self) -> Tolerance:
        """As the decision takes it."""
        return Tolerance(**self.model_dump())


def _limits(tolerance: Tolerance) -> Limits:
    return Limits(**{name: getattr(tolerance, name) for name in Limits.model_fields})


class Series(_Strict):
    """One measurand at its set-points (mm or Hz). ``margin`` is how far away an approach begins; ``repeats`` count for
    each direction; the cartridge is seated anew between ``seatings`` parts of the repeats."""

    measurand: Measurand = Measurand.STATIC
    method: Text
    set_points: tuple[Positive, ...]
    repeats: int = Field(default=3, ge=LEAST_READINGS, le=20)
    seatings: int = Field(default=2, ge=1, le=20)
    order: Literal["random", "sweep"] = "random"
    margin: Positive = 0.1
    limits: Limits | None = None
    effects: tuple[Effect, ...] | None = None
    rate_hz: Positive | None = None

    @field_validator("set_points")
    @classmethod
    def _enough(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(value)) < len(value):
            raise ValueError("a set-point is named twice")
        if len(value) < LEAST_POINTS:
            raise ValueError(f"{LEAST_POINTS} set-points at least are needed")
        return tuple(sorted(value))

    @model_validator(mode="after")
    def _whole(self) -> Series:
        if self.seatings > self.repeats:
            raise ValueError("there are more seatings than repeats")
        if self.measurand is Measurand.DYNAMIC and self.rate_hz is None:
            raise ValueError("dynamic protrusion needs the stroke rate at which it is measured (rate_hz)")
        return self

    def tolerance(self) -> Tolerance:
        """The plan's own limits, else the defaults."""
        default = RATE_TOLERANCE if self.measurand.is_rate else DEPTH_TOLERANCE
        return (self.limits or _limits(default)).tolerance()

    def further_sources(self) -> list[Source]:
        """The lines of the budget that no standard stands for."""
        effects = self.effects
        if effects is None:
            effects = () if self.measurand.is_rate else STATIC_EFFECTS
        return [effect.source() for effect in effects]


class Counted(_Strict):
    """How long the calibration holds; whichever is reached first."""

    months: int = Field(default=MONTHS, ge=1, le=60)
    sessions: int | None = Field(default=SESSIONS, ge=1)
    motor_hours: Positive | None = None

    def interval(self) -> Interval:
        """As the due dates take it."""
        return Interval(**self.model_dump())


class Plan(_Strict):
    """A calibration before anything is measured. Temperature in °C, relative humidity in %."""

    pen_serial: Text
    cartridge_type: Text
    cartridge_lot: Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f]*$")] = ""
    technician: Text
    place: Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f]*$")] = ""
    temperature_c: Annotated[float, Field(ge=5, le=45)]
    humidity_pct: Annotated[float, Field(ge=0, le=100)]
    standards: tuple[Standard, ...] = Field(min_length=1)
    series: tuple[Series, ...] = Field(min_length=1)
    rule: Rule = Rule.GUARD_BAND
    seed: int = Field(default=1, ge=0)
    interval: Counted = Counted()

    @model_validator(mode="after")
    def _whole(self) -> Plan:
        kinds = [series.measurand for series in self.series]
        if len(set(kinds)) < len(kinds):
            raise ValueError("a measurand is planned twice")
        for series in self.series:
            if not any(standard.unit == series.measurand.unit for standard in self.standards):
                raise ValueError(f"no standard measures in {series.measurand.unit}")
        return self

    def sources(self, series: Series) -> list[Source]:
        """Every Type B line for this series."""
        of_standards = [
            source
            for standard in self.standards
            if standard.unit == series.measurand.unit
            for source in standard.sources()
        ]
        return of_standards + series.further_sources()

    def resolution(self, series: Series) -> float:
        """The coarsest step with which this series can be read."""
        return max(
            (standard.resolution for standard in self.standards if standard.unit == series.measurand.unit), default=0.0
        )

    def problems(self, capabilities: Capabilities, today: date, depth_limit_um: int) -> tuple[str, ...]:
        """Why this plan cannot be carried out with this pen today; empty when it can."""
        found = [
            f"{standard.name} {standard.serial} was due on {standard.due.isoformat()}; use one whose certificate is valid."
            for standard in self.standards
            if standard.due < today
        ]
        for series in self.series:
            found += _off_range(series, capabilities, depth_limit_um)
        return tuple(found)


def _off_range(series: Series, capabilities: Capabilities, depth_limit_um: int) -> list[str]:
    if series.measurand.is_rate:
        least, most, step = capabilities.rate_min_mhz, capabilities.rate_max_mhz, capabilities.rate_step_mhz
    else:
        least, step = capabilities.depth_min_um, capabilities.depth_step_um
        most = min(capabilities.depth_max_um, depth_limit_um)
    unit, found = series.measurand.unit, []
    for set_point in series.set_points:
        milli = round(set_point * 1000)
        if not least <= milli <= most:
            found.append(
                f"Set-point {set_point:g} {unit} is outside {least / 1000:g} to {most / 1000:g} {unit}; choose another."
            )
        elif abs(set_point * 1000 - milli) > 1e-6 or (step and (milli - least) % step):
            found.append(
                f"Set-point {set_point:g} {unit} is not on the pen's steps of {step / 1000:g} {unit}; choose another."
            )
    return found


def default_set_points(capabilities: Capabilities, measurand: Measurand, depth_limit_um: int) -> tuple[float, ...]:
    """10, 25, 50, 75 and 100 % of the range of protrusion up to the limit, or five rates over the pen's range; on the pen's
    steps, in mm or Hz."""
    if measurand.is_rate:
        least, most, step = capabilities.rate_min_mhz, capabilities.rate_max_mhz, capabilities.rate_step_mhz
        wanted = [least + (most - least) * part for part in (0.0, 0.25, 0.5, 0.75, 1.0)]
    else:
        least, step = capabilities.depth_min_um, capabilities.depth_step_um
        most = min(capabilities.depth_max_um, depth_limit_um)
        wanted = [most * part for part in PARTS]
    on_step = {_nearest(each, least, most, step) for each in wanted}
    return tuple(value / 1000 for value in sorted(on_step))


def _nearest(wanted: float, least: int, most: int, step: int) -> int:
    if not step:
        return max(least, min(most, round(wanted)))
    steps = max(1 if least == 0 else 0, min((most - least) // step, math.floor((wanted - least) / step + 0.5)))
    return least + steps * step


METHODS: Final = {
    Measurand.STATIC: "dial indicator on a flat anvil, needle at bottom dead centre",
    Measurand.DYNAMIC: "microscope with scale, long exposure",
    Measurand.RATE: "optical tachometer, no load",
    Measurand.RATE_LOADED: "optical tachometer, light load",
}
"""Methods that a plan gets which names none (domain notes 5.2)."""


def proposed(data: dict[str, Any], capabilities: Capabilities, depth_limit_um: int, **of_pen: str) -> dict[str, Any]:
    """``data`` with what it leaves out: what is known of the pen, the method and set-points of each series; static protrusion
    when no series is named. Nothing is checked."""
    made = {**{name: value for name, value in of_pen.items() if value}, **data}
    series = made.get("series") or [{}]
    if not isinstance(series, list):
        return made
    made["series"] = [_filled(one, capabilities, depth_limit_um) if isinstance(one, dict) else one for one in series]
    return made


def _filled(series: dict[str, Any], capabilities: Capabilities, depth_limit_um: int) -> dict[str, Any]:
    try:
        measurand = Measurand(series.get("measurand", Measurand.STATIC))
    except ValueError:
        return series
    filled = {"measurand": str(measurand), "method": METHODS[measurand], **series}
    if not filled.get("set_points"):
        filled["set_points"] = list(default_set_points(capabilities, measurand, depth_limit_um))
    if measurand.is_rate and "margin" not in filled:
        filled["margin"] = max(capabilities.rate_step_mhz, 1_000) / 1000
    if measurand is Measurand.DYNAMIC and "rate_hz" not in filled:
        filled["rate_hz"] = capabilities.rate_min_mhz / 1000
    return filled


def parse_plan(data: dict[str, Any]) -> Plan:
    """The plan in ``data``. Raises :class:`PlanRefused` with the first thing that is wrong."""
    try:
        return Plan.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "plan"
        what = first["msg"].removeprefix("Value error, ")
        raise PlanRefused(f"{where}: {what}; correct it in the plan.") from error
