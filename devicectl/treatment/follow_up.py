"""Which follow-ups a session lays down, and when the next session is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Due:
    """One follow-up: its kind (a word of the vocabulary) and the last day on which it is in time."""

    kind: str
    due: date


def laid_down(session: date, *, course_start: date, min_days: int | None, sessions_left: int) -> tuple[Due, ...]:
    """Contact by day 3 and on day 7, the next session, and the assessments of the course in weeks 12 and 24.

    The rule is this project's, from the end points of trials (weeks 12 and 24; PMC8423195: months 3 and 6) and from
    effects that pass within 7 days (Chu 2021). Assessments before the session are left out.
    """
    found = [Due("day1-3", session + timedelta(days=3)), Due("day7", session + timedelta(days=7))]
    if min_days is not None and sessions_left > 0:
        found.append(Due("next-session", session + timedelta(days=min_days)))
    for kind, weeks in (("week12", 12), ("week24", 24)):
        day = course_start + timedelta(weeks=weeks)
        if day > session:
            found.append(Due(kind, day))
    return tuple(sorted(found, key=lambda due: due.due))


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a course stands: days since the last session, earliest next day, days overdue (0 when not)."""

    days_since: int | None
    earliest: date | None
    overdue_days: int


def interval(last: date | None, today: date, min_days: int, sessions_left: int, *, grace_days: int = 7) -> Interval:
    """When the next session may be. Overdue is what is later than the earliest day plus ``grace_days``."""
    if last is None:
        return Interval(None, None, 0)
    earliest = last + timedelta(days=min_days)
    late = (today - earliest).days - grace_days
    return Interval((today - last).days, earliest, max(0, late) if sessions_left > 0 else 0)
