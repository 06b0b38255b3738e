"""Lock-out and auto-lock as arithmetic."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicectl.access.lockout import FREE, LockOut, Moment, wait_text
from devicectl.access.sitting import Sitting

IDA, BO = UUID(int=1), UUID(int=2)
S = 1_000_000
DAY = 86_400 * S


def at(seconds: float, utc: float | None = None) -> Moment:
    return Moment(int((seconds if utc is None else utc) * S) + 1_000 * DAY, int(seconds * S))


def test_five_wrong_ones_lock_for_1_then_5_then_15_minutes() -> None:
    out = LockOut(at(0))
    now = 10.0
    for left in (4, 3, 2, 1):
        out.wrong(IDA, at(now))
        assert out.left_s(IDA, at(now)) == 0
        assert out.tries_left(IDA) == left
    for wait in (60, 300, 900, 900):
        out.wrong(IDA, at(now))
        assert out.left_s(IDA, at(now)) == wait
        assert out.left_s(IDA, at(now + wait - 1)) == 1
        now += wait
        assert out.left_s(IDA, at(now)) == 0
    assert out.left_s(BO, at(now)) == 0
    out.cleared(IDA)
    assert out.tries_left(IDA) == FREE


def locked(last: Moment, started: Moment | None = None) -> LockOut:
    out = LockOut(started or at(0))
    for _ in range(FREE):
        out.wrong(IDA, last)
    return out


def test_a_clock_that_is_set_gains_nothing() -> None:
    assert locked(at(100)).left_s(IDA, at(101, utc=1_000_000)) == 59


def test_after_a_restart_of_the_computer_utc_counts() -> None:
    out = locked(at(100_000), started=at(20, utc=100_030))
    assert out.left_s(IDA, at(20, utc=100_030)) == 30


def test_a_clock_that_fell_back_over_a_restart_locks_nobody_out_for_years() -> None:
    out = locked(at(100_000), started=at(20, utc=-900_000))
    assert out.left_s(IDA, at(20, utc=-900_000)) == 60
    assert out.left_s(IDA, at(80, utc=-899_940)) == 0


@given(st.integers(0, 10**15), st.integers(0, 10**12), st.integers(0, 10**15), st.integers(0, 10**12))
def test_nobody_waits_longer_than_fifteen_minutes(utc: int, boot: int, later_utc: int, later_boot: int) -> None:
    out = locked(Moment(utc, boot), started=Moment(later_utc, later_boot))
    assert 0 <= out.left_s(IDA, Moment(later_utc, later_boot)) <= 900
    assert out.left_s(IDA, Moment(later_utc, later_boot + 900 * S)) == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (59.0, "59 s"), (59.5, "1 min"), (60, "1 min"), (61, "2 min")]
)
def test_waits_are_said_rounded_up(seconds: float, text: str) -> None:
    assert wait_text(seconds) == text


def test_a_sitting_locks_after_its_time_without_a_key() -> None:
    sitting = Sitting(300, 0.0)
    assert sitting.lock_in(10) is None
    assert not sitting.tick(1_000, held=False)
    sitting.sign_in(IDA, 1_000)
    sitting.active(1_100)
    assert sitting.lock_in(1_200) == 200
    assert not sitting.tick(1_399.9, held=False)
    assert sitting.tick(1_400, held=False)
    assert sitting.locked
    assert sitting.operator == IDA
    assert not sitting.tick(1_401, held=False)


def test_a_pen_that_may_turn_holds_the_lock_off_and_the_time_begins_when_it_rests() -> None:
    sitting = Sitting(300, 0.0)
    sitting.sign_in(IDA, 0)
    for second in range(2_000):
        assert not sitting.tick(second, held=True)
    assert sitting.lock_in(1_999) == 300
    assert sitting.tick(2_299, held=False)


def test_keys_do_not_unlock() -> None:
    sitting = Sitting(300, 0.0)
    sitting.sign_in(IDA, 0)
    assert sitting.lock()
    sitting.active(1)
    assert sitting.locked
    assert not sitting.lock()
    sitting.sign_in(BO, 2)
    assert (sitting.locked, sitting.operator) == (False, BO)
    sitting.sign_out()
    assert not sitting.lock()
    assert Sitting(0, 0.0, IDA).lock_in(1e9) is None
