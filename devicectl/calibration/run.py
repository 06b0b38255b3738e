"""The procedure, without pen and gauge: which step comes next, what has been taken, what is left after an interruption.

The order of the steps is a function of the plan alone, so that a run can be taken up from its readings at any point.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from .plan import Series
from .quantities import Direction, Measured

DUST: Final = 1e-9


class Phase(StrEnum):
    """AS_FOUND before anything is adjusted, AS_LEFT after it."""

    AS_FOUND = "as-found"
    AS_LEFT = "as-left"


@dataclass(frozen=True, slots=True)
class Step:
    """Go to ``via`` first, then to ``set_to`` (mm or Hz), so that it is approached in ``direction``; stand; read.

    ``seating`` counts from 1: when it rises, the cartridge is taken out and seated anew before this step.
    """

    index: int
    set_to: float
    direction: Direction
    via: float
    repeat: int
    seating: int


class Taken(NamedTuple):
    """A reading of one step. A ``withdrawn`` one stays in the record with its reason and does not count."""

    step: int
    value: float
    withdrawn: str | None = None


class OutOfStep(ValueError):
    """This reading does not belong here; the text is one sentence with the next step."""


def steps(series: Series, phase: Phase, seed: int, least: float, most: float) -> tuple[Step, ...]:
    """All steps of a series in their order.

    ``least`` and ``most`` are what the pen can be set to (mm or Hz). At a set-point with no room below or above it there is
    no approach from that side. Random order mixes set-points and directions within a repeat; a sweep goes up through
    all set-points and down again.
    """
    chance = random.Random(f"{seed} {phase} {series.measurand}")
    result: list[Step] = []
    for repeat in range(1, series.repeats + 1):
        seating = (repeat - 1) * series.seatings // series.repeats + 1
        visits = [
            (set_to, direction, via)
            for direction in Direction
            for set_to in (series.set_points if direction is Direction.UP else reversed(series.set_points))
            if (via := _via(set_to, direction, series.margin, least, most)) is not None
        ]
        if series.order == "random":
            chance.shuffle(visits)
        for set_to, direction, via in visits:
            result.append(Step(len(result), set_to, direction, via, repeat, seating))
    return tuple(result)


def _via(set_to: float, direction: Direction, margin: float, least: float, most: float) -> float | None:
    via = max(least, set_to - margin) if direction is Direction.UP else min(most, set_to + margin)
    return None if abs(via - set_to) < min(margin, most - least) / 2 - DUST else round(via, 6)


@dataclass(slots=True)
class Run:
    """One series in one phase. ``taken`` is what the record holds of it, in the order it was written."""

    steps: tuple[Step, ...]
    taken: list[Taken]

    def __init__(self, steps: Sequence[Step], taken: Iterable[Taken] = ()) -> None:
        self.steps = tuple(steps)
        self.taken = []
        for each in taken:
            self._check(each.step)
            self.taken.append(each)

    def _check(self, step: int) -> None:
        if not 0 <= step < len(self.steps):
            raise OutOfStep(f"This series has {len(self.steps)} steps and no step {step + 1}; read the plan again.")

    def _valid(self) -> dict[int, float]:
        return {each.step: each.value for each in self.taken if each.withdrawn is None}

    @property
    def next(self) -> Step | None:
        """The first step without a reading that counts; None when the series is complete."""
        valid = self._valid()
        return next((step for step in self.steps if step.index not in valid), None)

    @property
    def complete(self) -> bool:
        """True when every step has its reading."""
        return self.next is None

    @property
    def reseat(self) -> bool:
        """True when the cartridge must be seated anew before the next step."""
        step = self.next
        valid = self._valid()
        return (
            step is not None
            and step.seating > 1
            and not any(self.steps[index].seating == step.seating for index in valid)
        )

    def take(self, step: int, value: float) -> Taken:
        """The reading of the next step. Raises :class:`OutOfStep` for any other."""
        self._check(step)
        expected = self.next
        if expected is None or expected.index != step:
            where = "complete" if expected is None else f"at step {expected.index + 1}"
            raise OutOfStep(
                f"The series is {where} and this is a reading of step {step + 1}; withdraw the old one first."
            )
        taken = Taken(step, value)
        self.taken.append(taken)
        return taken

    def withdraw(self, step: int, reason: str) -> Taken:
        """Take back the reading of a step, which is then to be measured again. Raises :class:`OutOfStep`."""
        self._check(step)
        if not reason.strip():
            raise OutOfStep("A reading is withdrawn with a reason; write one.")
        for place in reversed(range(len(self.taken))):
            each = self.taken[place]
            if each.step == step and each.withdrawn is None:
                self.taken[place] = each._replace(withdrawn=reason.strip())
                return self.taken[place]
        raise OutOfStep(f"Step {step + 1} has no reading to withdraw; look at the list of readings.")

    def measured(self) -> tuple[Measured, ...]:
        """The readings that count, in the order of the steps."""
        valid = self._valid()
        return tuple(
            Measured(step.set_to, step.direction, valid[step.index]) for step in self.steps if step.index in valid
        )
