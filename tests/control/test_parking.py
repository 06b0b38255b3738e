"""PARK under control, over every link: gated and leased like a start, and ended by everything that ends one."""

from __future__ import annotations

import asyncio

import pytest
from support.rig import Rig

from devicectl.control.events import ParkOver, Uncommanded
from devicectl.control.gates import Purpose
from devicectl.control.parking import Parking, ParkSheet
from drivers.api import Confirmed, NotSent, Outcome, PenState, Unknown

from .conftest import Scenario


async def offered(rig: Rig, bottom: bool = True) -> tuple[Parking, str]:
    parking = Parking(rig.control)
    sheet = parking.offer(bottom)
    assert isinstance(sheet, ParkSheet), sheet
    assert sheet.ok
    await asyncio.sleep(0.2)
    return parking, sheet.ticket


async def park(rig: Rig, bottom: bool = True) -> Outcome:
    parking, ticket = await offered(rig, bottom)
    return await parking.park(ticket)


async def on_its_way(rig: Rig) -> asyncio.Task[Outcome]:
    """A needle with most of a stroke to go, seen moving."""
    rig.sim.physics.strokes = 0.55
    task = asyncio.ensure_future(park(rig))
    await rig.until(lambda: rig.sim.truth.turning, 3)
    return task


def test_the_needle_stands_out_at_bottom_dead_centre(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.intents.set_depth(1000)
        await rig.until(lambda: not rig.sim.physics.depth_moving, 3)
        await rig.until(lambda: all(gate.passed for gate in rig.control.gates()), 3)
        rig.sim.physics.strokes = 7.6
        for bottom, strokes in ((True, 8.5), (False, 9.0), (False, 9.0)):
            assert await park(rig, bottom) == Confirmed(1000)
            assert rig.sim.truth.strokes == strokes
            assert not rig.sim.truth.driven
            assert rig.control.run is None
            await rig.until(lambda: all(gate.passed for gate in rig.control.gates()))
        assert [event.why for event in rig.seen(ParkOver)] == ["stands"] * 3
        assert not rig.seen(Uncommanded)
        assert not rig.control.latched

    scenario(play)


def test_set_points_are_measured_while_it_stands_out(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        assert isinstance(await park(rig), Confirmed)
        for depth_um in (500, 1000, 750):
            outcome, _ = await rig.intents.set_depth(depth_um)
            assert outcome == Confirmed(depth_um)
            await rig.until(lambda: not rig.sim.physics.depth_moving, 3)
            # The shipped pen's own error: gain 1.02, 15 µm.
            assert rig.sim.truth.tip_um == pytest.approx(1.02 * depth_um + 15, abs=10)

    scenario(play)


def test_stop_takes_the_current_away_and_latches(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        task = await on_its_way(rig)
        rig.control.stop("test")
        outcome = await task
        assert isinstance(outcome, (Unknown, NotSent))
        await rig.until(lambda: not rig.sim.truth.driven, 0.5)
        await rig.until(lambda: not rig.control.stop_lane.active)
        assert rig.control.latched
        assert rig.sim.truth.state is PenState.STOPPED
        assert rig.control.run is None
        assert rig.sim.truth.strokes < 1.5
        sheet = Parking(rig.control).offer(True)
        assert isinstance(sheet, ParkSheet)
        assert not sheet.ok

    scenario(play)


def test_a_client_that_is_gone_ends_it(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        rig.sim.physics.strokes = 0.55
        parking, ticket = await offered(rig)
        task = asyncio.ensure_future(parking.park(ticket))
        await rig.until(lambda: rig.sim.truth.turning, 3)
        rig.control.alive = lambda: "the controlling screen does not answer"
        assert isinstance(await task, Unknown)
        await rig.until(lambda: not rig.sim.truth.driven, 1.2)
        assert rig.control.latched
        assert rig.sim.truth.strokes < 1.5

    scenario(play)


def test_without_renewals_the_pen_ends_it_itself(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        rig.control.lease_ms = 200
        task = await on_its_way(rig)
        rig.sim.set_faults(to_pen__silence=True) if rig.wire.kind != "ble" else rig.sim.set_faults(
            radio__drop_commands=1.0
        )
        await rig.until(lambda: not rig.sim.truth.driven, 1.0)
        assert rig.sim.truth.state is PenState.LEASE_EXPIRED
        assert rig.sim.truth.strokes < 1.5
        rig.sim.clear_faults()
        assert isinstance(await task, Unknown)

    scenario(play)


def test_what_a_start_asks_for_parking_asks_for_too(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        parking = Parking(rig.control)
        sheet = parking.offer(True)
        assert isinstance(sheet, ParkSheet)
        assert await parking.park(sheet.ticket) == NotSent(
            "that was too quick to have been read; ask for parking again."
        )
        parking, ticket = await offered(rig)
        assert isinstance(await parking.park("another"), NotSent)
        assert isinstance(await parking.park(ticket), NotSent)
        parking, ticket = await offered(rig)
        rig.control.firmware_problem = lambda: "the firmware changed; check it."
        assert await parking.park(ticket) == NotSent("the firmware changed; check it.")
        rig.control.firmware_problem = lambda: None
        rig.control.purpose = Purpose.TREATMENT
        assert "bench" in str(parking.offer(True))
        rig.control.purpose = Purpose.BENCH
        parking, ticket = await offered(rig)
        rig.control.stop("test")
        assert "STOP" in str(await parking.park(ticket))
        assert rig.sim.truth.strokes == 0

    scenario(play)


def test_not_during_a_run_and_no_run_during_it(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        task = await on_its_way(rig)
        assert rig.intents.select_zone("VTX") == "The needle is being parked; wait until it stands."
        assert "A run is going on" in str(Parking(rig.control).offer(False))
        await task
        await rig.until(lambda: all(gate.passed for gate in rig.control.gates()))
        assert isinstance(await rig.start(), Confirmed)
        assert "A run is going on" in str(Parking(rig.control).offer(False))

    scenario(play)


def test_the_pens_own_button_ends_it_and_nobody_calls_that_parked(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        task = await on_its_way(rig)
        rig.sim.press_button()
        outcome = await task
        assert isinstance(outcome, Unknown)
        assert outcome.text.endswith("park it again.")
        assert not rig.control.latched
        assert isinstance(await park(rig), Confirmed)
        assert rig.sim.truth.strokes == 1.5

    scenario(play)


def test_a_needle_that_jams_is_told(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        rig.sim.set_faults(stall=True)
        outcome = await park(rig)
        assert isinstance(outcome, Unknown)
        await rig.until(lambda: not rig.sim.truth.driven)
        assert rig.control.latched
        assert rig.alarms.active("fault") or rig.alarms.active("stop-not-still")

    scenario(play)


def test_a_motor_that_runs_away_is_stopped(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        rig.sim.set_faults(run_away=True)
        task = asyncio.ensure_future(park(rig))
        await rig.until(lambda: rig.sim.truth.turning, 3)
        assert isinstance(await task, Unknown)
        await rig.until(lambda: not rig.sim.truth.driven, 3)
        assert rig.control.latched

    scenario(play)


def test_a_needle_that_turns_faster_than_parking_is_nobodys_motion(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        task = await on_its_way(rig)
        sample = rig.control.motion.sample
        assert sample is not None
        # No physics of the simulated pen does this: what is told is what counts.
        rig.control._input(sample._replace(at=rig.loop.time(), rate_mhz=20_000))
        assert isinstance(await task, Unknown)
        await rig.until(lambda: not rig.sim.truth.driven)
        assert len(rig.seen(Uncommanded)) == 1
        assert rig.alarms.active("uncommanded") or "uncommanded" in rig.alarm_codes

    scenario(play)


def test_a_pen_that_cannot_park_is_not_asked(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        assert rig.control.capabilities is not None
        assert rig.control.capabilities.can_park
        rig.sim.firmware.profile = rig.sim.firmware.profile.model_copy(update={"parks": False})
        rig.sim.reboot()
        await rig.until(lambda: rig.control.capabilities is not None and not rig.control.capabilities.can_park, 15)
        await rig.until(lambda: rig.control.readback is not None, 5)
        assert "turn it by hand" in str(Parking(rig.control).offer(True))

    scenario(play)
