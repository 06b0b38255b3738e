"""The safety rules of one pen under control, against the simulated firmware, over every link."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from support.rig import Rig

from devicectl.control.envelope import StationLimits
from devicectl.control.events import (
    DepthArrived,
    GateOverridden,
    RunGranted,
    RunOver,
    RunPaused,
    RunResumed,
    StopDone,
    Uncommanded,
)
from devicectl.control.gates import Gate, Purpose
from devicectl.control.intents import Sheet
from drivers.api import Action, Command, Confirmed, Lost, NotSent, PenState, Rebooted, Rejected, Unknown

from .conftest import Scenario


def test_setpoint_is_confirmed_by_the_pens_own_read_back(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        outcome, bound = await rig.intents.set_depth(1000)
        assert outcome == Confirmed(1000)
        assert bound is not None
        assert not bound.lowered
        assert rig.control.readback is not None
        assert rig.control.readback.depth_um == 1000
        assert not rig.sim.truth.turning

    scenario(play)


def test_start_is_confirmed_by_motion_and_end_gives_the_run_back(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        assert isinstance(await rig.start(), Confirmed)
        assert rig.sim.truth.turning
        assert len(rig.seen(RunGranted)) == 1
        await asyncio.sleep(5)
        assert rig.control.run is not None
        assert rig.sim.truth.state is PenState.RUNNING
        assert isinstance(await rig.intents.end(), Confirmed)
        await rig.until(lambda: not rig.sim.truth.turning)
        assert rig.control.run is None
        assert not rig.control.latched
        assert [e.why for e in rig.seen(RunOver)] == ["ended"]
        assert not rig.seen(Uncommanded)

    scenario(play)


def test_stop_is_latched_until_reset_and_a_fresh_start_is_needed(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        await asyncio.sleep(1)
        rig.control.stop("test")
        await rig.until(lambda: bool(rig.seen(StopDone)))
        assert not rig.sim.truth.turning
        assert rig.sim.truth.state is PenState.STOPPED
        assert isinstance(await rig.start(), NotSent)
        assert isinstance(await rig.intents.reset(), Confirmed)
        assert rig.sim.truth.state is PenState.IDLE
        await asyncio.sleep(1)
        assert not rig.sim.truth.turning
        assert isinstance(await rig.start(), Confirmed)

    scenario(play)


def test_a_stop_of_a_pen_that_is_still_measures_nothing(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        await asyncio.sleep(1)
        rig.control.stop("test")
        await rig.until(lambda: len(rig.seen(StopDone)) == 1)
        measured = rig.control.last_stop_ms
        assert measured is not None
        assert measured > 0
        await asyncio.sleep(0.3)
        rig.control.stop("again")
        await rig.until(lambda: len(rig.seen(StopDone)) == 2)
        assert rig.control.last_stop_ms == measured
        assert [done.already for done in rig.seen(StopDone)] == [False, True]

    scenario(play)


def test_stop_to_still_takes_at_most_100_ms_and_the_run_down(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        await asyncio.sleep(2)
        intent = rig.loop.time()
        rig.control.stop("test")
        await rig.until(lambda: not rig.sim.truth.driven)
        rig.took(rig.loop.time() - intent, 0.0, rig.wire.way_s)
        await rig.until(lambda: bool(rig.seen(StopDone)))
        # Beside the way there and back and 100 ms of stillness: the motor's own run-down.
        rig.took(rig.seen(StopDone)[0].still_ms, 0, 350 + 2000 * rig.wire.way_s)

    scenario(play)


def test_pause_and_resume_need_the_two_steps_again(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        await asyncio.sleep(1)
        assert isinstance(await rig.intents.pause(), Confirmed)
        await rig.until(lambda: bool(rig.seen(RunPaused)))
        await asyncio.sleep(1)
        assert not rig.sim.truth.turning
        assert rig.control.run is not None
        assert isinstance(await rig.start(), Confirmed)
        assert rig.sim.truth.turning
        assert rig.seen(RunResumed)
        assert len(rig.seen(RunGranted)) == 1

    scenario(play)


def test_button_pauses_and_resumes_only_within_a_granted_run(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        rig.sim.press_button()
        await asyncio.sleep(1)
        assert not rig.sim.truth.turning
        await rig.start()
        await asyncio.sleep(1)
        rig.sim.press_button()
        await rig.until(lambda: bool(rig.seen(RunPaused)))
        await asyncio.sleep(1)
        assert not rig.sim.truth.turning
        rig.sim.press_button()
        await rig.until(lambda: bool(rig.seen(RunResumed)))
        await asyncio.sleep(0.5)
        assert rig.sim.truth.turning
        assert not rig.seen(Uncommanded)

    scenario(play)


@pytest.mark.exact
def test_a_pause_ends_by_itself(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        await rig.intents.pause()
        await asyncio.sleep(62)
        assert rig.control.run is None
        assert not rig.sim.truth.turning
        rig.sim.press_button()
        await asyncio.sleep(1)
        assert not rig.sim.truth.turning

    scenario(play)


def test_lease_ends_the_run_when_the_host_falls_silent(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        await asyncio.sleep(1)
        rig.control.lease.stop()
        took = await rig.until(lambda: not rig.sim.truth.driven)
        lease_s = rig.control.lease_ms / 1000
        rig.took(took, lease_s * 0.6, lease_s + 0.02)
        await asyncio.sleep(0.1)
        assert rig.control.run is None
        assert rig.control.latched

    scenario(play)


def test_a_client_that_is_not_alive_stops_the_pen(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        rig.control.alive = lambda: "the operator's screen does not answer"
        took = await rig.until(lambda: not rig.sim.truth.driven)
        rig.took(took, 0.0, 0.2)

    scenario(play)


def test_an_unknown_start_is_followed_by_stop_and_settled(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        assert rig.intents.select_zone("VTX") is None
        sheet = rig.intents.preview()
        assert isinstance(sheet, Sheet)
        await asyncio.sleep(0.2)
        task = asyncio.ensure_future(rig.intents.start(sheet.ticket))
        await rig.until(lambda: rig.control.run is not None)
        rig.sim.set_faults(from_pen__silence=True)
        outcome = await task
        assert isinstance(outcome, Unknown | NotSent)
        rig.sim.clear_faults()
        await rig.until(lambda: not rig.sim.truth.turning and not rig.control.lane.unsettled, 5)
        assert rig.control.latched
        assert all(o.outcome != "unknown" for o in rig.journal.outcomes.values())

    scenario(play)


def test_limits_lower_with_reasons_and_refuse_beyond_the_hard_limit(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        outcome, bound = await rig.intents.set_depth(2000)
        assert isinstance(outcome, NotSent)
        assert "soft limit 1.50 mm" in outcome.text
        outcome, bound = await rig.intents.set_depth(2000, lower=True)
        assert outcome == Confirmed(1500)
        assert bound is not None
        assert bound.reasons == ("2.00 mm → 1.50 mm: soft limit 1.50 mm",)
        outcome, _ = await rig.intents.set_depth(2600, lower=True)
        assert isinstance(outcome, NotSent)
        assert "hard limit" in outcome.text
        outcome, _ = await rig.intents.set_depth(float("nan"), lower=True)
        assert isinstance(outcome, NotSent)

    scenario(play)


def test_zone_limit_refuses_a_zone_key_while_turning(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.intents.set_depth(1500)
        await rig.start("VTX")
        assert rig.intents.select_zone("FHL") is not None
        assert rig.control.zone == "VTX"
        assert rig.intents.select_zone("MID") is None

    scenario(play, limits=StationLimits(zone_depth_um={"FHL": 1000}))


def test_an_operator_limit_and_a_plan_lower_with_their_names(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        rig.control.begin_session(UUID(int=9), Purpose.BENCH, None, {"FHL": 500})
        outcome, bound = await rig.intents.set_depth(1400, lower=True)
        assert outcome == Confirmed(1200)
        assert bound is not None
        assert bound.reasons == ("1.40 mm → 1.20 mm: operator limit 1.20 mm",)
        rig.intents.select_zone("FHL")
        outcome, bound = await rig.intents.set_depth(1100)
        assert isinstance(outcome, NotSent)
        assert "plan for zone FHL" in outcome.text
        rig.control.end_session()
        rig.intents.select_zone("FHL")
        assert (await rig.intents.set_depth(1100))[0] == Confirmed(1100)

    scenario(play, limits=StationLimits(operator_depth_um=1200))


def test_the_pen_holds_the_operator_limit_too(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        direct = await rig.pen.command(Command(Action.SET_DEPTH, 1300), deadline=0.3)
        assert isinstance(direct, Rejected)
        assert "limit" in direct.text

    scenario(play, limits=StationLimits(operator_depth_um=1200))


def test_a_plan_refuses_a_zone_key_while_turning(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        rig.control.begin_session(UUID(int=9), Purpose.BENCH, None, {"FHL": 500})
        await rig.intents.set_depth(1000)
        await rig.start("VTX")
        problem = rig.intents.select_zone("FHL")
        assert problem is not None
        assert "0.50 mm" in problem

    scenario(play)


def test_a_gate_is_overridden_with_a_reason_until_the_session_ends(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        def battery() -> Gate:
            return next(gate for gate in rig.control.gates() if gate.name == "battery")

        rig.sim.physics.charge = 0.08
        await rig.until(lambda: not battery().passed)
        assert battery().overridable
        closed = await rig.start()
        assert isinstance(closed, NotSent)
        assert "Battery" in closed.text
        assert rig.control.override("battery", "runs from a supply") is None
        assert battery().overridden
        assert "runs from a supply" in battery().text
        assert isinstance(await rig.start(), Confirmed)
        assert [(e.gate, e.reason) for e in rig.seen(GateOverridden)] == [("battery", "runs from a supply")]
        turning = rig.control.override("cartridge", "cannot be read")
        assert turning is not None
        assert "still" in turning
        await rig.intents.end()
        await rig.until(lambda: not rig.sim.truth.turning)
        rig.control.begin_session(UUID(int=9), Purpose.BENCH, None, {})
        assert not battery().passed

    scenario(play)


@pytest.mark.parametrize("gate", ["link", "latch", "record", "firmware", "nothing"])
def test_gates_that_keep_the_pen_honest_cannot_be_overridden(scenario: Scenario, gate: str) -> None:
    async def play(rig: Rig) -> None:
        problem = rig.control.override(gate, "because I say so")
        assert problem is not None
        assert "battery, cartridge" in problem
        assert not rig.seen(GateOverridden)

    scenario(play)


def test_a_frozen_sensor_is_told_and_the_telling_ends_when_it_is_mended(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        await asyncio.sleep(3)
        assert not rig.alarms.active("sensor")
        rig.sim.set_faults(frozen_sensor=True)
        rig.took(await rig.until(lambda: rig.alarms.active("sensor")), 0.9, 1.5)
        assert "repeats one reading" in rig.control.sensors.problem  # type: ignore[operator]
        rig.sim.clear_faults()
        await rig.until(lambda: not rig.alarms.active("sensor"), 3)

    scenario(play)


def test_a_rate_that_the_stroke_counter_contradicts_is_told(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        await asyncio.sleep(3)
        rig.sim.set_faults(lying_rate=True)
        await rig.until(lambda: rig.alarms.active("sensor"), 2.5)
        assert "disagree" in rig.control.sensors.problem  # type: ignore[operator]

    scenario(play)


@pytest.mark.exact
@pytest.mark.parametrize("profile", ["reference", "fixed-117", "vary-150"])
@pytest.mark.parametrize("seed", range(4))
def test_a_sound_pen_is_never_called_wrong(scenario: Scenario, profile: str, seed: int) -> None:
    async def play(rig: Rig) -> None:
        caps = rig.control.capabilities
        assert caps is not None
        for rate in (caps.rate_min_mhz, caps.rate_max_mhz):
            await rig.intents.set_rate(rate)
            await rig.intents.set_depth(caps.depth_step_um * 4)
            assert isinstance(await rig.start(), Confirmed)
            await asyncio.sleep(20)
            await rig.intents.end()
            await rig.until(lambda: not rig.sim.truth.turning)
            await asyncio.sleep(2)
        assert rig.alarm_codes == []

    scenario(play, profile=profile, seed=seed)


@pytest.mark.exact
def test_samples_that_get_lost_are_not_called_a_wrong_sensor(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        rig.sim.set_faults(from_pen__drop=0.2)
        await asyncio.sleep(10)
        assert "sensor" not in rig.alarm_codes

    scenario(play)


def test_uncommanded_motion_is_stopped_with_a_high_alarm(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        await asyncio.sleep(1)
        rig.sim.set_faults(run_away=True)
        await rig.intents.end()
        await rig.until(lambda: bool(rig.seen(Uncommanded)), 3)
        assert any(a.code == "uncommanded" for a in rig.alarms.standing())
        await rig.until(lambda: not rig.sim.truth.turning, 3)

    scenario(play)


def test_a_pen_that_ignores_stop_raises_the_high_alarm_after_300_ms(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        await asyncio.sleep(1)
        rig.sim.set_faults(stop_ignored=True)
        rig.control.stop("test")
        took = await rig.until(lambda: rig.alarms.active("stop-not-still"))
        rig.took(took, 0.29, 0.36)
        assert "Switch the pen off" in rig.alarms.standing()[0].text

    scenario(play)


def test_start_that_does_not_turn_is_stopped(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        rig.sim.set_faults(no_start=True)
        outcome = await rig.start()
        assert isinstance(outcome, Unknown)
        assert rig.control.latched

    scenario(play)


def test_reboot_while_running_ends_everything_and_nothing_resumes(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        await asyncio.sleep(1)
        rig.sim.reboot()
        await rig.until(lambda: rig.control.run is None)
        await rig.until(lambda: any(isinstance(item, Rebooted | Lost) for item in rig.inputs))
        await rig.trusted()
        await asyncio.sleep(2)
        assert not rig.sim.truth.turning
        assert rig.control.latched
        assert isinstance(await rig.intents.reset(), Confirmed)
        assert isinstance(await rig.start(), Confirmed)

    scenario(play)


@pytest.mark.exact
def test_ticket_is_one_use_not_too_quick_and_not_too_old(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        rig.intents.select_zone("VTX")
        sheet = rig.intents.preview()
        assert isinstance(sheet, Sheet)
        await asyncio.sleep(0.1)
        assert isinstance(await rig.intents.start(sheet.ticket), NotSent)
        sheet = rig.intents.preview()
        assert isinstance(sheet, Sheet)
        await asyncio.sleep(10.1)
        assert isinstance(await rig.intents.start(sheet.ticket), NotSent)
        assert isinstance(await rig.intents.start("guess"), NotSent)
        assert not rig.sim.truth.turning

    scenario(play)


def test_run_time_is_bounded_by_the_pen(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.start(run_ms=2000)
        took = await rig.until(lambda: not rig.sim.truth.driven, 3)
        rig.took(took, 1.5, 2.1)
        await asyncio.sleep(0.3)
        assert rig.control.run is None
        assert not rig.control.latched

    scenario(play)


def test_pen_refuses_by_itself_what_the_host_did_not(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:

        outcome = await rig.pen.command(Command(Action.SET_DEPTH, 9000), deadline=0.3)
        assert isinstance(outcome, Rejected)
        assert "above the pen's maximum" in outcome.text

    scenario(play)


def test_arrival_of_the_needles_is_measured_and_a_stuck_actuator_is_told(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.intents.set_depth(1000)
        await rig.until(lambda: any(e.target_um == 1000 for e in rig.seen(DepthArrived)), 2)
        rig.sim.set_faults(stuck_actuator=True)
        outcome, _ = await rig.intents.set_depth(300)
        assert isinstance(outcome, Confirmed)
        await rig.until(lambda: rig.alarms.active("depth"), 3)
        assert any("0.30 mm set" in a.text for a in rig.alarms.standing())
        rig.sim.clear_faults()
        assert isinstance(await rig.intents.reset(), Confirmed)
        await rig.intents.set_depth(500)
        await rig.until(lambda: not rig.alarms.active("depth"), 3)

    scenario(play)


def test_a_setpoint_waits_for_the_stations_own_housekeeping_and_for_nothing_else(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        push = asyncio.ensure_future(
            rig.control.lane.send(Command(Action.LIMIT_DEPTH, 1500), lambda: None, deadline=0.3)
        )
        await asyncio.sleep(0)
        first = asyncio.ensure_future(rig.intents.set_depth(700))
        await asyncio.sleep(0.001)
        assert isinstance((await first)[0], Confirmed)
        assert isinstance(await push, Confirmed)
        slow = asyncio.ensure_future(rig.intents.set_depth(800))
        await asyncio.sleep(0)
        outcome, _ = await rig.intents.set_depth(900)
        assert isinstance(outcome, NotSent)
        assert isinstance((await slow)[0], Confirmed)

    scenario(play)


def test_a_pen_that_says_nothing_is_told_although_its_link_is_open(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        rig.sim.set_faults(from_pen__silence=True)
        took = await rig.until(lambda: rig.alarms.active("silent"), 3)
        rig.took(took, 0.9, 1.3)
        assert rig.pen.connected
        rig.sim.clear_faults()
        await rig.until(lambda: not rig.alarms.active("silent"))

    scenario(play)


def test_nothing_starts_before_the_needles_are_where_they_were_told(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        assert rig.intents.select_zone("VTX") is None
        assert isinstance((await rig.intents.set_depth(1500))[0], Confirmed)
        sheet = rig.intents.preview()
        assert isinstance(sheet, Sheet)
        shut = [gate for gate in sheet.gates if not gate.passed]
        assert [gate.name for gate in shut] == ["arrived"]
        assert shut[0].waiting
        assert "1.50 mm set" in shut[0].text or "not measured yet" in shut[0].text
        await asyncio.sleep(0.16)
        outcome = await rig.intents.start(sheet.ticket)
        assert isinstance(outcome, NotSent)
        assert "on their way" in outcome.text
        await rig.until(lambda: all(gate.passed for gate in rig.control.gates()), 2)
        assert abs(rig.sim.truth.depth_um - 1500) <= 250
        assert isinstance(await rig.start(), Confirmed)

    scenario(play)


def test_a_start_that_sets_another_depth_waits_for_the_needles(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.intents.set_depth(1500)
        await rig.until(lambda: bool(rig.seen(DepthArrived)), 3)
        rig.sim.reboot()
        await rig.until(lambda: rig.control.readback is None, 2)
        await rig.until(lambda: rig.control.readback is not None and rig.pen.connected, 5)
        await rig.trusted()
        rig.intents.depth_request_um = 300
        await rig.until(lambda: all(g.passed for g in rig.control.gates(depth_follows=True)), 5)
        assert isinstance(await rig.start(), Confirmed)
        assert abs(rig.sim.truth.depth_um - 300) <= 250

    scenario(play)


def test_a_drive_that_stop_halted_on_its_way_lets_nothing_start_until_it_is_set_anew(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        await rig.intents.set_depth(1500)
        await asyncio.sleep(0.1)
        rig.control.stop("test")
        await rig.until(lambda: bool(rig.seen(StopDone)))
        assert isinstance(await rig.intents.reset(), Confirmed)
        await asyncio.sleep(2.5)
        outcome = await rig.start()
        assert isinstance(outcome, NotSent)
        assert "set the depth anew" in outcome.text
        assert isinstance((await rig.intents.set_depth(1500))[0], Confirmed)
        assert [g.waiting for g in rig.control.gates() if not g.passed] == [True]
        await rig.until(lambda: all(gate.passed for gate in rig.control.gates()), 2)
        assert not rig.alarms.active("depth")
        assert isinstance(await rig.start(), Confirmed)

    scenario(play)


def test_needles_that_only_pass_the_set_depth_have_not_arrived(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        rig.sim.set_faults(lying_sensor=400)
        await rig.intents.set_depth(1500)
        begun = rig.loop.time()
        while rig.loop.time() - begun < 2.5:
            assert not all(gate.passed for gate in rig.control.gates())
            await asyncio.sleep(0.005)
        outcome = await rig.start()
        assert isinstance(outcome, NotSent)
        assert "1.90 mm measured, 1.50 mm set" in outcome.text

    scenario(play)
