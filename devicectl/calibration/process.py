"""A calibration on its way: plan, readings, evaluations, corrections; what comes next, and what is still missing.

Made from the record at any time (`devicectl.calibration.book`), so that an interrupted one goes on where it was. *Round* 0 is
as found; each correction that came into force begins the next one, whose readings are as left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from drivers.correction import CorrectionTable

from .decision import Verdict
from .plan import Plan, Series
from .quantities import Direction, Measurand, Measured
from .run import DUST, OutOfStep, Phase, Run, Step, Taken, steps


@dataclass(frozen=True, slots=True)
class Span:
    """What the pen could be set to when the calibration began; the steps hang on it.

    ``depth_limit_um`` holds for what is commanded too, so that ``depth_most_um``, what could be asked for, may be less.
    """

    depth_least_um: int
    depth_most_um: int
    depth_limit_um: int
    depth_step_um: int
    rate_least_mhz: int
    rate_most_mhz: int

    def of(self, measurand: Measurand) -> tuple[float, float]:
        """Least and most, in mm or Hz."""
        if measurand.is_rate:
            return self.rate_least_mhz / 1000, self.rate_most_mhz / 1000
        return self.depth_least_um / 1000, self.depth_most_um / 1000

    def through(self, table: CorrectionTable | None) -> Span:
        """With another correction in force: what can be asked for with it."""
        return replace(
            self, depth_most_um=reach_um(table, self.depth_limit_um, self.depth_least_um, self.depth_step_um)
        )


def reach_um(table: CorrectionTable | None, limit_um: int, least_um: int, step_um: int) -> int:
    """The greatest target on the pen's steps for which neither it nor what is commanded for it is above the limit."""
    most = limit_um
    if table is not None:
        most = min(limit_um, table.actual_um(limit_um))
        while most > least_um and table.commanded_um(most) > limit_um:
            most -= 1
    return max(least_um, most - (most - least_um) % step_um if step_um else most)


def within(set_points: Sequence[float], most: float, step: float) -> tuple[float, ...]:
    """As many set-points up to ``most``: those beyond it give way to ``most`` and to the middles of the widest gaps."""
    kept = [one for one in set_points if one <= most + DUST]
    if len(kept) < len(set_points) and most - DUST > (kept[-1] if kept else 0.0):
        kept.append(most)
    while 0 < len(kept) < len(set_points):
        ends = [0.0, *kept]
        low, high = max(pairwise(ends), key=lambda pair: pair[1] - pair[0])
        middle = low + (high - low) / 2
        middle = round(middle / step) * step if step else middle
        if not low + DUST < middle < high - DUST:
            break  # there is no room for as many
        kept = sorted([*kept, round(middle, 6)])
    return tuple(kept)


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading as the record holds it; ``value`` and ``set_to`` in mm or Hz. ``withdrawn`` is the reason, None while it counts.

    ``commanded_um`` is what the depth drive had been told, ``read_back_um`` the target that the pen read back.
    """

    id: UUID
    seq: int
    round: int
    measurand: Measurand
    step: int
    set_to: float
    direction: Direction
    value: float
    typed: str
    source: str
    commanded_um: int | None = None
    read_back_um: int | None = None
    remark: str = ""
    withdrawn: str | None = None
    at_utc_us: int = 0


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A series that was judged. ``detail`` holds all figures (`devicectl.calibration.assessment`)."""

    id: UUID
    seq: int
    round: int
    measurand: Measurand
    verdict: Verdict
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """A correction. ``outcome`` is None while nobody knows what came of it; ``kind`` linear, piecewise or none."""

    id: UUID
    seq: int
    kind: str
    cartridge_key: int
    table_key: int
    table: CorrectionTable | None
    outcome: str | None = None
    text: str = ""

    @property
    def settled(self) -> bool:
        """True when it is known whether the pen holds it."""
        return self.outcome not in (None, "unknown")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a calibration ended. A finished one has all that a binding is made of."""

    how: str
    reason: str
    at_utc_us: int
    found: Verdict | None = None
    left: Verdict | None = None
    method: str = ""
    issued: date | None = None
    expires: date | None = None
    table_key: int = 0
    content: str = ""
    binding: str = ""
    name: str = ""


class Place(NamedTuple):
    """Where a calibration is: the series, its run and the next step."""

    series: Series
    run: Run
    step: Step


@dataclass(slots=True)
class Process:
    """One calibration. ``origin`` and the pen's names are those of its pen; lists are in order of entry.

    ``found_key`` and ``found`` are the correction that was in force when it began (0 and None: none).
    """

    id: UUID
    plan: Plan
    span: Span
    manufacturer: str
    model: str
    firmware: str
    origin: str
    begun_utc_us: int
    found_key: int = 0
    found: CorrectionTable | None = None
    readings: list[Reading] = field(default_factory=list)
    evaluations: list[Evaluated] = field(default_factory=list)
    corrections: list[Written] = field(default_factory=list)
    end: Ended | None = None

    @property
    def round(self) -> int:
        """Corrections that came into force."""
        return sum(one.outcome == "confirmed" for one in self.corrections)

    @property
    def phase(self) -> Phase:
        """Before or after the first correction."""
        return Phase.AS_LEFT if self.round else Phase.AS_FOUND

    @property
    def open_correction(self) -> Written | None:
        """A correction of which nobody knows whether the pen holds it."""
        return next((one for one in self.corrections if not one.settled), None)

    def in_force(self, round: int) -> CorrectionTable | None:
        """The correction with which a round is measured."""
        confirmed = [one for one in self.corrections if one.outcome == "confirmed"]
        return self.found if not round else confirmed[round - 1].table

    def span_of(self, round: int) -> Span:
        """What can be asked for in a round."""
        return self.span.through(self.in_force(round)) if round else self.span

    def series_of(self, round: int) -> tuple[Series, ...]:
        """What is measured in a round: everything as found; after a correction of depth no rate."""
        return tuple(one for one in self.plan.series if not round or not one.measurand.is_rate)

    def series_named(self, measurand: Measurand) -> Series:
        """The plan of one measurand. Raises ``StopIteration`` for one that is not planned."""
        return next(one for one in self.plan.series if one.measurand is measurand)

    def steps(self, series: Series, round: int) -> tuple[Step, ...]:
        """The steps of a series in a round: always the same."""
        phase, span = (Phase.AS_LEFT if round else Phase.AS_FOUND), self.span_of(round)
        least, most = span.of(series.measurand)
        if round and not series.measurand.is_rate:
            points = within(series.set_points, most, span.depth_step_um / 1000)
            series = series.model_copy(update={"set_points": points})
        return steps(series, phase, self.plan.seed + max(0, round - 1), least, most)

    def of(self, measurand: Measurand, round: int) -> list[Reading]:
        """Readings of a series in a round, withdrawn ones too."""
        return [one for one in self.readings if one.measurand is measurand and one.round == round]

    def run(self, series: Series, round: int) -> Run:
        """A series in a round with what was taken."""
        taken = (Taken(one.step, one.value, one.withdrawn) for one in self.of(series.measurand, round))
        return Run(self.steps(series, round), taken)

    def place(self) -> Place | None:
        """The first step of this round that has no reading; None when all have."""
        for series in self.series_of(self.round):
            run = self.run(series, self.round)
            if (step := run.next) is not None:
                return Place(series, run, step)
        return None

    def counted(self, series: Series, round: int) -> list[Reading]:
        """The readings that count, in the order of the steps."""
        valid = [one for one in self.of(series.measurand, round) if one.withdrawn is None]
        return sorted(valid, key=lambda one: one.step)

    def measured(self, series: Series, round: int) -> list[Measured]:
        """As the evaluation takes them."""
        return [Measured(one.set_to, one.direction, one.value) for one in self.counted(series, round)]

    def evaluated(self, measurand: Measurand, round: int) -> Evaluated | None:
        """The newest evaluation of a series, unless a reading came or went since."""
        of = [one for one in self.evaluations if one.measurand is measurand and one.round == round]
        if not of:
            return None
        now = [str(one.id) for one in self.counted(self.series_named(measurand), round)]
        return of[-1] if list(of[-1].detail.get("readings", ())) == now else None

    def verdict(self, round: int) -> Verdict | None:
        """The worst of a round; rates keep what was found. None while a series is not evaluated."""
        found = [self.evaluated(one.measurand, 0 if one.measurand.is_rate else round) for one in self.plan.series]
        if any(one is None for one in found):
            return None
        return max((one.verdict for one in found if one is not None), key=lambda verdict: verdict.rank)

    def missing(self) -> str | None:
        """Why it cannot be finished now, as one sentence; None when it can."""
        if self.end is not None:
            return f"This calibration is {self.end.how}; begin a new one."
        if self.open_correction is not None:
            return "It is not known whether the pen holds the correction; connect it and read the correction back."
        place = self.place()
        if place is not None:
            left = len(place.run.steps) - len(place.run.measured())
            return f"{left} readings of {place.series.measurand} ({self.phase}) are missing; take them, or abandon it."
        if self.verdict(0) is None or self.verdict(self.round) is None:
            return "Not every series is evaluated; evaluate it first."
        return None

    # -- what was stored

    def took(self, reading: Reading) -> None:
        """A reading is in the record."""
        self.readings.append(reading)

    def withdrew(self, reading: UUID, reason: str) -> None:
        """A reading was withdrawn in the record."""
        self.readings = [replace(one, withdrawn=reason) if one.id == reading else one for one in self.readings]

    def settled(self, correction: UUID, outcome: str, text: str) -> None:
        """What came of a correction is in the record."""
        self.corrections = [
            replace(one, outcome=outcome, text=text) if one.id == correction else one for one in self.corrections
        ]

    def newest(self, measurand: Measurand, step: int) -> Reading:
        """The reading of a step that counts in this round. Raises :class:`OutOfStep`."""
        for one in reversed(self.of(measurand, self.round)):
            if one.step == step and one.withdrawn is None:
                return one
        raise OutOfStep(f"Step {step + 1} has no reading to withdraw; look at the list of readings.")
