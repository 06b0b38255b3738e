"""Limits in depth and rate: what refuses a request, what lowers it, and why, in words a person can read.

Device range, hard limit and senseless numbers refuse. Everything else lowers, rounding down, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from drivers.api import Capabilities, Cartridge
from drivers.correction import CorrectionTable

SOFT_DEPTH_UM: Final = 1500
"""1.5 mm: above it no cleared pen was evaluated (FDA De Novo DEN160029, as quoted by a supplier)."""
HARD_DEPTH_UM: Final = 2500
"""2.5 mm: the greatest protrusion of that pen."""


@dataclass(frozen=True, slots=True)
class StationLimits:
    """This station's own limits, µm and mHz; ``zone_depth_um`` by zone code, ``operator_depth_um`` for whoever works here."""

    soft_depth_um: int = SOFT_DEPTH_UM
    hard_depth_um: int = HARD_DEPTH_UM
    operator_depth_um: int | None = None
    max_rate_mhz: int | None = None
    zone_depth_um: Mapping[str, int] = field(default_factory=dict)

    @property
    def ceiling_um(self) -> int:
        """The least of the limits that hold in every zone: what the pen is told to hold too."""
        return min(self.soft_depth_um, self.hard_depth_um, self.operator_depth_um or self.hard_depth_um)


@dataclass(frozen=True, slots=True)
class Context:
    """What a limiter may look at. ``plan_depth_um`` is the session's plan by zone code; ``correction``
    what the pen makes of a target before it tells its depth drive.

    ``depth_free_um`` is worked out: up to it every value on the pen's steps passes all limiters as it is.
    """

    capabilities: Capabilities
    cartridge: Cartridge
    limits: StationLimits
    zone: str | None
    pen_depth_limit_um: int | None = None
    plan_depth_um: Mapping[str, int] = field(default_factory=dict)
    correction: CorrectionTable | None = None
    depth_free_um: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        value = min(self.capabilities.depth_max_um, self.limits.hard_depth_um)
        for limit, _ in DEPTH_LIMITERS:
            value = limit(value, self)
        if self.correction is not None:
            # Both rise together: what is free as a target is free as it is commanded too.
            value = min(value, self.correction.actual_um(self.limits.hard_depth_um))
        object.__setattr__(self, "depth_free_um", value)


class Bound(NamedTuple):
    """A request after all limiters: ``applied`` <= ``asked``, one sentence for each lowering."""

    asked: int
    applied: int
    reasons: tuple[str, ...] = ()

    @property
    def lowered(self) -> bool:
        """True when a limit changed the request."""
        return self.applied != self.asked


@dataclass(frozen=True, slots=True)
class Refused:
    """The request is outside what may ever be asked; ``text`` names the limit."""

    text: str


Limiter = tuple[Callable[[int, Context], int], Callable[[Context], str]]
"""Value and context in, the value or a lower one out; and what limits it, asked only when it does."""


def mm(um: int) -> str:
    """Needle protrusion as people read it."""
    return f"{um / 1000:.2f} mm"


def hz(mhz: int) -> str:
    """Stroke rate as people read it."""
    return f"{mhz / 1000:.1f} Hz ({mhz * 60 // 1000} rpm)"


def _soft(value: int, c: Context) -> int:
    return min(value, c.limits.soft_depth_um)


def _operator(value: int, c: Context) -> int:
    return min(value, c.limits.operator_depth_um or value)


def _plan(value: int, c: Context) -> int:
    return min(value, c.plan_depth_um.get(c.zone or "", value))


def _cartridge(value: int, c: Context) -> int:
    return min(value, c.cartridge.depth_max_um or value)


def _pen(value: int, c: Context) -> int:
    return min(value, c.pen_depth_limit_um or value)


def _zone(value: int, c: Context) -> int:
    return min(value, c.limits.zone_depth_um.get(c.zone or "", value))


def _on_step(value: int, least: int, step: int) -> int:
    """Steps are counted from the pen's least value, as the pen counts them."""
    return value - (value - least) % step if step else value


def _depth_step(value: int, c: Context) -> int:
    return _on_step(value, c.capabilities.depth_min_um, c.capabilities.depth_step_um)


def _station_rate(value: int, c: Context) -> int:
    return min(value, c.limits.max_rate_mhz or value)


def _rate_step(value: int, c: Context) -> int:
    return _on_step(value, c.capabilities.rate_min_mhz, c.capabilities.rate_step_mhz)


DEPTH_LIMITERS: Final[tuple[Limiter, ...]] = (
    (_soft, lambda c: f"soft limit {mm(c.limits.soft_depth_um)}"),
    (_operator, lambda c: f"operator limit {mm(c.limits.operator_depth_um or 0)}"),
    (_cartridge, lambda c: f"cartridge {c.cartridge.type}"),
    (_pen, lambda c: "limit held by the pen"),
    (_zone, lambda c: f"zone {c.zone}"),
    (_plan, lambda c: f"plan for zone {c.zone}"),
    (_depth_step, lambda c: f"step of {mm(c.capabilities.depth_step_um)}"),
)
RATE_LIMITERS: Final[tuple[Limiter, ...]] = (
    (_station_rate, lambda c: "this station's rate limit"),
    (_rate_step, lambda c: f"step of {hz(c.capabilities.rate_step_mhz)}"),
)


def _lower(asked: int, limiters: Sequence[Limiter], context: Context, show: Callable[[int], str]) -> Bound:
    value, reasons = asked, []
    for limit, why in limiters:
        lowered = limit(value, context)
        if lowered < value:
            reasons.append(f"{show(value)} → {show(lowered)}: {why(context)}")
            value = lowered
    return Bound(asked, value, tuple(reasons))


def bound_depth(asked: float, context: Context) -> Bound | Refused:
    """Limit a needle protrusion in µm."""
    if not math.isfinite(asked) or asked != int(asked):
        return Refused("Depth must be a number such as 1.00 mm.")
    value, caps = int(asked), context.capabilities
    if caps.depth_min_um <= value <= context.depth_free_um and not (value - caps.depth_min_um) % (
        caps.depth_step_um or 1
    ):
        return Bound(value, value)
    if value < caps.depth_min_um:
        return Refused(f"Depth {mm(value)} is below the pen's least protrusion {mm(caps.depth_min_um)}; ask for more.")
    if value > context.limits.hard_depth_um:
        return Refused(f"Depth {mm(value)} is above the hard limit {mm(context.limits.hard_depth_um)}; ask for less.")
    if value > caps.depth_max_um:
        return Refused(
            f"Depth {mm(value)} is above the pen's greatest protrusion {mm(caps.depth_max_um)}; ask for less."
        )
    bound = _lower(value, DEPTH_LIMITERS, context, mm)
    if bound.applied < caps.depth_min_um:
        return Refused(f"Depth cannot be lowered to {mm(bound.applied)}: the pen's least is {mm(caps.depth_min_um)}.")
    if context.correction is not None:
        commanded = context.correction.commanded_um(bound.applied)
        if commanded > context.limits.hard_depth_um:
            return Refused(
                f"Depth {mm(bound.applied)} would be commanded as {mm(commanded)} by the pen's correction, above the hard "
                f"limit {mm(context.limits.hard_depth_um)}; ask for less."
            )
    return bound


def bound_rate(asked: float, context: Context) -> Bound | Refused:
    """Limit a stroke rate in mHz."""
    if not math.isfinite(asked) or asked != int(asked):
        return Refused("Rate must be a number such as 100 Hz.")
    value, caps = int(asked), context.capabilities
    if caps.rate_min_mhz == caps.rate_max_mhz and value != caps.rate_max_mhz:
        return Refused(f"This pen runs at {hz(caps.rate_max_mhz)} only; ask for that rate.")
    if value < caps.rate_min_mhz:
        return Refused(f"Rate {hz(value)} is below the pen's least rate {hz(caps.rate_min_mhz)}; ask for more.")
    if value > caps.rate_max_mhz:
        return Refused(f"Rate {hz(value)} is above the pen's greatest rate {hz(caps.rate_max_mhz)}; ask for less.")
    bound = _lower(value, RATE_LIMITERS, context, hz)
    if bound.applied < caps.rate_min_mhz:
        return Refused(f"Rate cannot be lowered to {hz(bound.applied)}: the pen's least is {hz(caps.rate_min_mhz)}.")
    return bound
