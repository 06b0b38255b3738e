"""Conditions of the alarm table that need no treatment: rate, battery, heat. In virtual time, at the wire."""

from __future__ import annotations

import asyncio

import pytest
from support.rig import Rig

from devicectl.alarms.board import Priority
from devicectl.control import vigil
from devicectl.control.motion import Motion, MotionMonitor
from devicectl.control.rate_watch import RateWatch
from drivers.api import Confirmed, Telemetry, Vitals
from simulator.virtual_time import run_virtual


def sample(clock_ms: int, rate_mhz: int) -> Telemetry:
    return Telemetry(
        at=clock_ms / 1000, counter=0, clock_ms=clock_ms, depth_um=1000, rate_mhz=rate_mhz, current_ma=300, contact=True,
        driving=True,
    )  # fmt: skip


def watched(rates: list[int], target_mhz: int | None = 100_000) -> list[int | None]:
    watch, out = RateWatch(), []
    for index, rate in enumerate(rates):
        watch.sample(sample(index * 20, rate), target_mhz)
        out.append(watch.deviates)
    return out


def test_a_rate_that_is_off_for_more_than_two_seconds() -> None:
    found = watched([100_000] * 10 + [89_000] * 110 + [91_000])
    assert found[10 + 100] is None
    assert found[10 + 101] == 89_000
    assert found[-1] is None, "it is near again"


@pytest.mark.parametrize("rate", [90_000, 110_000])
def test_ten_percent_are_allowed(rate: int) -> None:
    assert set(watched([rate] * 200)) == {None}


def test_too_fast_counts_as_well_and_no_target_is_never_wrong() -> None:
    assert watched([111_000] * 200)[-1] == 111_000
    assert set(watched([111_000] * 200, None)) == {None}


def test_a_new_target_begins_anew() -> None:
    watch = RateWatch()
    for index in range(99):
        watch.sample(sample(index * 20, 50_000), 100_000)
    watch.sample(sample(99 * 20, 50_000), 90_000)
    watch.sample(sample(102 * 20, 50_000), 90_000)
    assert watch.deviates is None


def test_a_slow_motor_under_load_is_told_and_the_run_goes_on() -> None:
    async def play() -> None:
        rig = await Rig().up()
        try:
            assert isinstance(await rig.start(), Confirmed)
            await asyncio.sleep(3)
            assert "rate" not in rig.alarm_codes
            assert rig.control.run is not None
            rig.control.run.rate_mhz = int(rig.control.run.rate_mhz * 1.3)
            await asyncio.sleep(1.9)
            assert "rate" not in rig.alarm_codes
            await asyncio.sleep(0.4)
            assert rig.alarms.priority("rate") is Priority.MEDIUM
            assert rig.control.run is not None
            await rig.intents.end()
            await asyncio.sleep(1)
            assert not rig.alarms.active("rate")
        finally:
            await rig.down()

    run_virtual(play())


def test_the_battery_is_low_below_20_and_medium_below_10_percent() -> None:
    async def play() -> None:
        rig = await Rig().up()
        try:
            vitals = rig.control.vitals
            assert vitals is not None
            rig.control._takers[Vitals] = lambda item: None  # the pen's own battery is another
            seen = []
            for percent in (20, 19, 21, 22, 15, 10, 9, 11, 12, 22):
                rig.control.vitals = vitals._replace(battery_pct=percent)
                await asyncio.sleep(vigil.WATCH_S * 1.5)
                seen.append(rig.alarms.priority("battery"))
            low, medium = Priority.LOW, Priority.MEDIUM
            assert seen == [None, low, low, None, low, low, medium, medium, low, None]
        finally:
            await rig.down()

    run_virtual(play())


@pytest.mark.parametrize(("fault", "priority"), [("hot", Priority.MEDIUM), ("stall", Priority.HIGH)])
def test_a_stall_is_high_and_heat_is_medium(fault: str, priority: Priority) -> None:
    async def play() -> None:
        rig = await Rig().up()
        try:
            assert isinstance(await rig.start(), Confirmed)
            await asyncio.sleep(1)
            rig.sim.set_faults(**{fault: True})
            await rig.until(lambda: rig.alarms.active("fault"), 20)
            assert rig.alarms.priority("fault") is priority
            assert rig.control.run is None
        finally:
            await rig.down()

    run_virtual(play())


# -- is it motion?


def judged(samples: list[tuple[int, int, bool]], step_ms: int = 20) -> list[bool]:
    """``samples`` of rate (mHz), current (mA) and drive flag."""
    motion, out = MotionMonitor(), []
    for index, (rate, current, driving) in enumerate(samples):
        clock_ms = 1_000 + index * step_ms
        motion.feed(Telemetry(clock_ms / 1000, index, clock_ms, 1_000, rate, current, None, driving))
        out.append(motion.turning)
    return out


def test_current_that_lasts_is_motion_though_rate_and_drive_flag_say_no() -> None:
    found = judged([(0, 250, False)] * 40)
    assert found.index(True) * 20 == 300
    assert all(found[15:])


def test_one_sample_of_current_without_drive_is_no_motion_and_no_stillness() -> None:
    quiet, noisy = (0, 0, False), (0, 250, False)
    assert not any(judged([quiet, noisy, quiet] * 20))
    motion = MotionMonitor()
    for index in range(10):
        motion.feed(Telemetry(1 + index / 50, index, index * 20, 1_000, 0, 250 if index == 7 else 0, None, False))
    assert motion.at(1.2) is not Motion.STILL


def test_what_a_hole_hides_and_what_a_clock_that_began_anew_says_is_not_counted() -> None:
    assert not any(judged([(0, 250, False)] * 40, step_ms=101))
    motion = MotionMonitor()
    for index, clock_ms in enumerate((9_000, 9_020, 9_040, 20, 40, 60)):
        motion.feed(Telemetry(1 + index / 50, index, clock_ms, 1_000, 0, 250, None, False))
    assert motion.powered_since_ms == 20
    assert not motion.turning
