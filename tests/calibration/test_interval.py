"""Due dates and the staircase."""

from datetime import date

import pytest

from devicectl.calibration.interval import AsFound, Interval, Use, add_months, due, staircase

SINCE = date(2026, 8, 31)


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
        (date(2026, 1, 15), 12, date(2027, 1, 15)),
    ],
)
def test_months_end_where_the_calendar_lets_them(day: date, months: int, later: date) -> None:
    assert add_months(day, months) == later


@pytest.mark.parametrize(
    ("use", "today", "overdue", "soon", "words"),
    [
        (Use(SINCE), date(2026, 9, 1), False, False, ""),
        (Use(SINCE), date(2027, 2, 15), False, True, "due on 2027-02-28"),
        (Use(SINCE), date(2027, 2, 28), False, True, "due on 2027-02-28"),
        (Use(SINCE), date(2027, 3, 1), True, True, "6 months were over"),
        (Use(SINCE, sessions=179), date(2026, 9, 1), False, False, ""),
        (Use(SINCE, sessions=180), date(2026, 9, 1), False, True, "180 of 200 sessions"),
        (Use(SINCE, sessions=200), date(2026, 9, 1), True, True, "200 of 200 sessions are used up"),
        (Use(SINCE, motor_hours=50.0), date(2026, 9, 1), True, True, "50 of 50 motor hours"),
    ],
)
def test_whichever_comes_first(use: Use, today: date, overdue: bool, soon: bool, words: str) -> None:
    got = due(Interval(motor_hours=50.0), use, today)
    assert (got.overdue, got.soon) == (overdue, soon)
    assert words in " ".join(got.reasons)
    assert got.on == date(2027, 2, 28)


@pytest.mark.parametrize(
    ("history", "months", "sessions", "words"),
    [
        ([], 6, 200, "no as-found result"),
        ([AsFound(0.5)], 6, 200, "it stays"),
        ([AsFound(0.5), AsFound(0.8)], 9, 300, "2 times in a row: 1.5 times"),
        ([AsFound(0.5), AsFound(0.81)], 6, 200, "it stays"),
        ([AsFound(1.2), AsFound(0.5)], 6, 200, "it stays"),
        ([AsFound(0.5), AsFound(0.5), AsFound(1.01)], 3, 100, "half the interval"),
        ([AsFound(0.5), AsFound(0.5, failed=True)], 3, 100, "half the interval"),
        ([AsFound(1.0), AsFound(1.0)], 6, 200, "it stays"),
    ],
)
def test_the_staircase(history: list[AsFound], months: int, sessions: int, words: str) -> None:
    got = staircase(Interval(), history)
    assert (got.interval.months, got.interval.sessions) == (months, sessions)
    assert words in got.why


def test_the_staircase_ends_above_and_below() -> None:
    good, bad = [AsFound(0.1), AsFound(0.1)], [AsFound(2.0)]
    assert staircase(Interval(months=20), good).interval.months == 24
    assert "no longer than 24" in staircase(Interval(months=24), good).why
    assert staircase(Interval(months=1, sessions=1), bad).interval == Interval(months=1, sessions=1)
    assert staircase(Interval(months=36), good).interval.months == 36
    assert staircase(Interval(sessions=None, motor_hours=40.0), bad).interval == Interval(3, None, 20.0)
