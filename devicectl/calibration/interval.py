"""When a calibration is due: by calendar, by sessions, by motor hours; and how long the next interval should be.

The suggestion is the staircase of ILAC-G24:2022 (method 1); its factors and the start values are devicectl's own.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

MONTHS: Final = 6
SESSIONS: Final = 200
LONGER: Final = 1.5
SHORTER: Final = 0.5
INSIDE: Final = 0.8
"""An as-found error up to this part of the tolerance counts as well inside."""
IN_A_ROW: Final = 2
MONTHS_MAX: Final = 24
SOON: Final = 0.9
"""From this part of an interval on it is due soon."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Whichever is reached first; None is not counted."""

    months: int = MONTHS
    sessions: int | None = SESSIONS
    motor_hours: float | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """What the pen has done since the calibration of ``since``."""

    since: date
    sessions: int = 0
    motor_hours: float = 0.0


@dataclass(frozen=True, slots=True)
class Due:
    """``on`` is the calendar date; ``reasons`` say what is over or, when ``soon`` only, nearly over."""

    on: date
    overdue: bool
    soon: bool
    reasons: tuple[str, ...]


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def due(interval: Interval, use: Use, today: date) -> Due:
    """Whether a calibration is due today, and why. The last day of the interval still belongs to it."""
    on = add_months(use.since, interval.months)
    over, near = [], []
    if today > on:
        over.append(f"{interval.months} months were over on {on.isoformat()}")
    elif (today - use.since).days >= SOON * (on - use.since).days:
        near.append(f"due on {on.isoformat()}")
    counted = (
        ("sessions", float(use.sessions), interval.sessions),
        ("motor hours", use.motor_hours, interval.motor_hours),
    )
    for name, value, most in counted:
        if most is None:
            continue
        if value >= most:
            over.append(f"{value:g} of {most:g} {name} are used up")
        elif value >= SOON * most:
            near.append(f"{value:g} of {most:g} {name} are used")
    return Due(on, bool(over), bool(over or near), tuple(over or near))


@dataclass(frozen=True, slots=True)
class AsFound:
    """How a pen was found: greatest error as a part of the tolerance (1.0 is just at it), and whether it failed for any
    other reason."""

    part: float
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The next interval and one sentence why."""

    interval: Interval
    why: str


def staircase(interval: Interval, history: Sequence[AsFound]) -> Suggestion:
    """The next interval from the as-found results under the present one, oldest first."""
    if not history:
        return Suggestion(interval, "There is no as-found result yet: the interval stays.")
    last = history[-1]
    if last.failed or last.part > 1:
        return Suggestion(_scaled(interval, SHORTER), "The pen was found out of tolerance: half the interval.")
    recent = history[-IN_A_ROW:]
    if len(recent) == IN_A_ROW and all(not each.failed and each.part <= INSIDE for each in recent):
        longer = _scaled(interval, LONGER)
        if longer.months == interval.months:
            return Suggestion(interval, f"An interval is made no longer than {MONTHS_MAX} months: it stays.")
        return Suggestion(
            longer,
            f"Found within {INSIDE:.0%} of the tolerance {IN_A_ROW} times in a row: {LONGER:g} times the interval.",
        )
    return Suggestion(
        interval, f"Not yet found within {INSIDE:.0%} of the tolerance {IN_A_ROW} times in a row: it stays."
    )


def _scaled(interval: Interval, factor: float) -> Interval:
    months = max(1, int(interval.months * factor))
    if factor > 1:
        # Whoever chose more than the longest keeps it.
        months = max(interval.months, min(months, MONTHS_MAX))
    sessions = None if interval.sessions is None else max(1, int(interval.sessions * factor))
    hours = None if interval.motor_hours is None else interval.motor_hours * factor
    return Interval(months, sessions, hours)
