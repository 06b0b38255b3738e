"""A schedule of faults: what goes wrong, when, how long, under which condition and how likely, decided by a seed.

The names are those of :mod:`simulator.faults` and :mod:`simulator.surroundings`. The same schedule with the same seed
does the same on every link. The file format is read by :mod:`devicectl.bench.schedule_file`.
"""

from __future__ import annotations

import random
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from .faults import CALM, MOMENTS, FaultError, changed, fault_names, switched_on
from .surroundings import HAPPENINGS, STACK

_STRICT: Final = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
Link = Literal["memory", "pty", "tcp", "ble"]
LINKS: Final[tuple[Link, ...]] = ("memory", "pty", "tcp", "ble")
Condition = Literal["connected", "armed", "running", "paused", "latched", "turning", "still", "contact"]
Seconds = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Span = Seconds | tuple[Seconds, Seconds]


def names() -> list[str]:
    """Every name that an entry of a schedule may have."""
    return fault_names() + list(HAPPENINGS)


class Entry(BaseModel):
    """One ``[[fault]]``. Times in s, or two of them between which the seed chooses."""

    model_config = _STRICT

    name: str = Field(description="what goes wrong")
    value: bool | int | float | str | None = Field(None, description="how much; what the name alone means if not given")
    at: Span = Field(0.0, description="s after the beginning, or after the condition holds")
    lasts: Span | None = Field(None, alias="for", description="s; until the end if not given")
    every: Span | None = Field(None, description="again so many s after it began")
    times: int | None = Field(None, ge=1, le=1_000_000, description="how often at most")
    chance: float = Field(1.0, gt=0, le=1, description="chance that it happens, each time")
    when: Condition | None = Field(None, description="what must be so with the pen first")
    pen: int | None = Field(None, ge=0, le=63, description="which of several pens, from 0; all of them if not given")

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in names():
            raise ValueError(f"there is no fault {name!r}; 'devicectl schedules names' lists them")
        return name

    @field_validator("at", "lasts", "every")
    @classmethod
    def _ordered(cls, span: Span | None) -> Span | None:
        if isinstance(span, tuple) and span[0] > span[1]:
            raise ValueError("the first of two times is the smaller one")
        return span

    @field_validator("every", "lasts")
    @classmethod
    def _not_nothing(cls, span: Span | None) -> Span | None:
        if span is not None and (span[0] if isinstance(span, tuple) else span) < 0.001:
            raise ValueError("must be at least 0.001 s")
        return span

    @model_validator(mode="after")
    def _consistent(self) -> Entry:
        happening = HAPPENINGS.get(self.name)
        if happening is not None:
            problem = happening.problem(self.amount)
        else:
            problem = _fault_problem(self.name, self.amount)
        if problem:
            raise ValueError(f"value: {self.name} {problem}")
        if self.lasts is not None and not self.lasting:
            raise ValueError(f"for: {self.name} is a moment and cannot last")
        return self

    @property
    def amount(self) -> Any:
        """The value that it takes."""
        if self.value is not None:
            return self.value
        happening = HAPPENINGS.get(self.name)
        return happening.alone if happening is not None else switched_on(self.name)

    def concerns(self, pen: int) -> bool:
        """Whether it happens at this pen. What happens to the whole computer happens once, at the first."""
        if self.pen is not None:
            return self.pen == pen
        return pen == 0 or not self.name.startswith(("station.", "disk.", "clock."))

    @property
    def lasting(self) -> bool:
        """True when it goes on; False for a moment."""
        happening = HAPPENINGS.get(self.name)
        return happening.lasts if happening is not None else self.name not in MOMENTS


def _fault_problem(name: str, value: Any) -> str | None:
    try:
        changed(CALM, {name: value})
    except FaultError as error:
        return str(error).partition(": ")[2].rstrip(".") or str(error)
    return None


class Schedule(BaseModel):
    """A whole file. ``must`` says for people what has to happen, ``expect`` for the program (see
    :mod:`devicectl.bench.expectations`)."""

    model_config = _STRICT

    about: str = Field("", description="what it is, in one sentence")
    must: str = Field("", description="what has to happen, in one sentence")
    expect: tuple[str, ...] = Field((), description="the same, to be checked")
    links: tuple[Link, ...] = Field(LINKS, min_length=1, description="where it makes sense")
    seed: int = Field(0, description="chance, unless another seed is given")
    seconds: float = Field(20.0, gt=0, le=1e6, description="how long it takes until all of it can be seen")
    people: bool = Field(True, description="False: nobody does anything but what the schedule says")
    faults: tuple[Entry, ...] = Field((), alias="fault", max_length=100_000)

    @property
    def of_stack(self) -> str | None:
        """The first name that only a whole stack can do, or None."""
        return next((entry.name for entry in self.faults if entry.name in STACK), None)

    @property
    def of_radio(self) -> str | None:
        """The first name that only a pen on the air can do, or None."""
        return next((entry.name for entry in self.faults if entry.name.startswith("radio.")), None)


class Chance:
    """What the seed decides for one entry of a schedule; each has its own, so that one more entry changes no other."""

    def __init__(self, seed: int, index: int) -> None:
        self._random = random.Random(f"schedule {seed} {index}")

    def span(self, span: Span) -> float:
        """A time within ``span``."""
        return self._random.uniform(*span) if isinstance(span, tuple) else float(span)

    def happens(self, chance: float) -> bool:
        """Whether it happens this time."""
        return self._random.random() < chance
