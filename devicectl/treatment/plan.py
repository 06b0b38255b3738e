"""Plan against done: by zone and direction, what is next, and what goes over the plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from .vocabulary import DIRECTIONS
from .zones import ZONES

COUNTED_ENDS: Final = frozenset({"ended", "paused", "zone_changed"})
"""How a pass ends that counts as one. What STOP, a lost link or a crash cut off is a part: its time counts, it does not."""

State = Literal["open", "begun", "done", "over", "skipped", "unplanned"]


@dataclass(frozen=True, slots=True)
class PlannedZone:
    """What a session plans for one zone; None or no passes where the plan says nothing."""

    zone: str
    depth_um: int | None = None
    rate_mhz: int | None = None
    passes: Mapping[str, int] = field(default_factory=dict)
    end_point: str | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class DonePass:
    """One recorded pass or part: its zone, direction (None not chosen), how it ended, and for how long the motor turned."""

    zone: str
    direction: str | None
    end_reason: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class ZoneProgress:
    """One zone, planned and done. ``undirected``: passes without a direction; ``finished``: its result was entered."""

    zone: str
    plan: PlannedZone | None
    done: Mapping[str, int]
    undirected: int
    parts: int
    duration_ms: int
    finished: bool
    skipped: bool

    @property
    def passes_planned(self) -> int:
        """All directions together."""
        return sum(self.plan.passes.values()) if self.plan is not None else 0

    @property
    def passes_done(self) -> int:
        """All directions together, and those without one."""
        return sum(self.done.values()) + self.undirected

    @property
    def over(self) -> tuple[str, ...]:
        """Directions with more passes than planned; ``total`` when all together are more."""
        if self.plan is None or not self.plan.passes:
            return ()
        found = tuple(word for word, number in self.done.items() if number > self.plan.passes.get(word, 0))
        return (*found, "total") if self.passes_done > self.passes_planned else found

    @property
    def time_reached(self) -> bool:
        """The planned seconds are over."""
        return self.plan is not None and self.plan.seconds is not None and self.duration_ms >= self.plan.seconds * 1000

    @property
    def complete(self) -> bool:
        """Every planned pass was done; a plan without numbers of passes is never complete by itself."""
        if self.plan is None or not self.plan.passes:
            return False
        return next_direction(self) is None and self.passes_done >= self.passes_planned

    @property
    def state(self) -> State:
        """What the map shows."""
        if self.skipped:
            return "skipped"
        if self.plan is None:
            return "unplanned"
        if self.over:
            return "over"
        # A result says that a zone is done when its pass is short of the plan, not when the needles never were in it.
        if self.complete or (self.finished and self.duration_ms):
            return "done"
        return "begun" if self.duration_ms or self.passes_done else "open"

    def text(self) -> str:
        """One sentence, as short as a row allows."""
        if self.skipped:
            return "Skipped."
        if self.plan is None:
            return f"{_passes(self.passes_done)} done, not in the plan."
        if not self.plan.passes:
            return f"{_passes(self.passes_done)} done, none planned by number."
        by_direction = ", ".join(
            f"{DIRECTIONS[word].casefold()} {self.done.get(word, 0)} of {number}"
            for word, number in self.plan.passes.items()
        )
        loose = f", {self.undirected} without direction" if self.undirected else ""
        return f"{self.passes_done} of {_passes(self.passes_planned)}: {by_direction}{loose}."


def _passes(number: int) -> str:
    return "1 pass" if number == 1 else f"{number} passes"


def next_direction(progress: ZoneProgress) -> str | None:
    """The first direction of the plan that lacks passes; None when none does or none is planned.

    A pass without a direction stands for one of the direction that was next when it was made.
    """
    if progress.plan is None:
        return None
    loose = progress.undirected
    for word in DIRECTIONS:
        lacking = progress.plan.passes.get(word, 0) - progress.done.get(word, 0)
        if lacking > loose:
            return word
        loose -= max(0, lacking)
    return None


def progress(
    plan: Iterable[PlannedZone],
    passes: Iterable[DonePass],
    *,
    finished: Iterable[str] = (),
    skipped: Iterable[str] = (),
) -> tuple[ZoneProgress, ...]:
    """Every zone of the plan in its order, then those that were done without a plan.

    ``finished`` and ``skipped`` are zones whose result was entered (the newest result counts).
    """
    planned = {each.zone: each for each in plan}
    recorded: dict[str, list[DonePass]] = {}
    for each in passes:
        recorded.setdefault(each.zone, []).append(each)
    done_zones, left_out = set(finished), set(skipped)
    codes = [*planned, *sorted((set(recorded) | done_zones | left_out) - set(planned), key=_order)]
    found = []
    for code in codes:
        counted = [each for each in recorded.get(code, ()) if each.end_reason in COUNTED_ENDS]
        done = {word: sum(each.direction == word for each in counted) for word in DIRECTIONS}
        found.append(
            ZoneProgress(
                zone=code,
                plan=planned.get(code),
                done={word: number for word, number in done.items() if number},
                undirected=sum(each.direction is None for each in counted),
                parts=len(recorded.get(code, ())) - len(counted),
                duration_ms=sum(each.duration_ms for each in recorded.get(code, ())),
                finished=code in done_zones,
                skipped=code in left_out,
            )
        )
    return tuple(found)


_ORDER: Final = {zone.code: at for at, zone in enumerate(ZONES)}


def _order(code: str) -> tuple[int, int, str]:
    number = code.removeprefix("CUS-")
    return (_ORDER.get(code, len(_ORDER)), int(number) if number.isdigit() else 0, code)


def next_zone(zones: Iterable[ZoneProgress]) -> str | None:
    """The first zone of the plan that has no result, is not skipped and is not complete."""
    return next((each.zone for each in zones if each.state in ("open", "begun")), None)
