"""A whole station with a pen on the virtual radio, in virtual time: what is true over a wire is true over the air."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from bench.row_c import run_down_ms
from support import air
from support.ble import BleRig, number
from support.calibrating import Gauge, begun, whole_round
from support.world import PIN, World, refused

from devicectl.control.motion import Motion
from devicectl.station.runtime import virtual_station
from drivers.api import PenState
from simulator.radio.options import RadioOptions
from simulator.virtual_time import run_virtual


class AirWorld(World):
    """A workstation whose only pen is on the air."""

    def __init__(self, rig: BleRig) -> None:
        super().__init__()
        self.sim.close()
        self.sim, self.rig, self.pen = rig.pen, rig, rig.host_pen
        self.station = virtual_station(self.store, self.source, {rig.address: rig.host_pen})

    async def open(self) -> Any:
        """A screen with the pen open."""
        screen = await self.screen()
        await screen.ask("pen.open", address=self.rig.address)
        await self.until(lambda: self.desk.confirmed_still)
        return screen

    async def session(self) -> Any:
        """A screen with the pen open, paired, and every gate open."""
        screen = await self.open()
        await screen.ask("session.open", purpose="bench")
        await self.until(lambda: all(g.passed for g in self.desk.control.gates()), 5)
        return screen


def on_air(scenario: Callable[[AirWorld], Awaitable[Any]], **more: Any) -> None:
    passkey = more.pop("passkey", None)

    async def main() -> None:
        async with air.rig(interval=more.pop("interval", 0.03), **more) as on:
            rig = BleRig(on, None, passkey)
            world = AirWorld(rig)
            try:
                await scenario(world)
            finally:
                await world.station.close("end of test")
                for screen in world.screens:
                    await screen.close()
                world.store.close()
            await rig.still(3.0)

    run_virtual(main())


def test_looking_at_a_pen_pairs_with_nobody_and_writes_no_command() -> None:
    async def scenario(world: AirWorld) -> None:
        screen = await world.open()
        await asyncio.sleep(3)
        assert screen.view.pen.link == "up"
        assert screen.view.pen.battery_pct is not None
        assert not world.rig.on_air.bonds.held
        assert world.rows("SELECT * FROM commands") == []
        assert world.sim.firmware.last_cmd_id == 0

    on_air(scenario)


def test_a_session_pairs_and_then_everything_is_as_over_a_wire() -> None:
    async def scenario(world: AirWorld) -> None:
        screen = await world.session()
        assert len(world.rig.on_air.bonds.held) == 1
        assert world.desk.control.lease_ms == 1000
        answers = await screen.ask("setpoint", depth_um=1000, rate_mhz=100_000)
        assert {name: reply.outcome for name, reply in answers.items()} == {"depth": "confirmed", "rate": "confirmed"}
        assert (await screen.start()).outcome == "confirmed"
        assert screen.view.pen.lease_ms == 1000
        await asyncio.sleep(10)
        assert world.sim.truth.state is PenState.RUNNING
        assert (await screen.ask("run.end")).outcome == "confirmed"
        await world.until(lambda: world.desk.confirmed_still)
        await screen.ask("session.close")
        assert len(world.rows("SELECT * FROM passes")) == 1

    on_air(scenario)


def test_stop_from_the_screen_reaches_the_pen_within_one_interval() -> None:
    async def scenario(world: AirWorld) -> None:
        screen = await world.session()
        await screen.ask("setpoint", depth_um=1000, rate_mhz=100_000)
        assert (await screen.start()).outcome == "confirmed"
        await asyncio.sleep(1)
        begun = world.loop.time()
        screen.client.stop_now("SPACE")
        await world.until(lambda: world.sim.truth.state is PenState.STOPPED, 0.1)
        assert world.loop.time() - begun <= 0.03 + 0.01
        await world.until(lambda: world.desk.confirmed_still)
        assert world.desk.control.last_stop_ms is not None
        assert not world.desk.alarms.active("stop-not-still")

    on_air(scenario)


def test_a_dead_screen_stops_the_pen_over_the_air_too() -> None:
    async def scenario(world: AirWorld) -> None:
        screen = await world.session()
        await screen.ask("setpoint", depth_um=1000, rate_mhz=100_000)
        assert (await screen.start()).outcome == "confirmed"
        screen.frozen = True
        took = await world.until(lambda: world.sim.truth.state is PenState.STOPPED, 1.0)
        assert took < 0.65

    on_air(scenario)


def test_complaint_7_after_a_lost_link_nothing_moves_by_itself() -> None:
    async def scenario(world: AirWorld) -> None:
        screen = await world.session()
        await screen.ask("setpoint", depth_um=1000, rate_mhz=100_000)
        assert (await screen.start()).outcome == "confirmed"
        await asyncio.sleep(1)
        world.sim.set_faults(**{"radio.out_of_range": True})
        await world.until(lambda: not world.pen.connected, 10)
        assert world.desk.control.run is None
        await world.until(lambda: not world.sim.truth.turning, 2)
        world.sim.clear_faults()
        await world.until(lambda: world.pen.connected, 20)
        await world.until(lambda: world.desk.control.motion.at(world.loop.time()) is Motion.STILL, 5)
        await asyncio.sleep(5)
        assert not world.sim.truth.turning
        assert world.sim.truth.state.latched
        assert (await screen.ask("pen.reset")).outcome == "confirmed"
        await world.until(lambda: all(g.passed for g in world.desk.control.gates()), 5)
        assert (await screen.start()).outcome == "confirmed"

    on_air(scenario)


def test_complaint_23_changed_firmware_is_read_only_until_accepted_over_the_air_too() -> None:
    async def scenario(world: AirWorld) -> None:
        screen = await world.session()
        await screen.ask("session.close")
        await screen.ask("pen.close")
        world.sim.firmware.profile = world.sim.profile.model_copy(update={"firmware": "1.1.0"})
        await screen.ask("pen.open", address=world.rig.address)
        await world.until(lambda: world.desk.confirmed_still)
        await screen.ask("session.open", purpose="bench")
        await world.until(lambda: [g.name for g in world.desk.control.gates() if not g.passed] == ["firmware"], 5)
        answer = await screen.start()
        assert answer.outcome == "not_sent"
        assert "firmware changed from 1.0.0 to 1.1.0" in answer.text
        await screen.ask("pen.accept_firmware")
        assert (await screen.start()).outcome == "confirmed"

    on_air(scenario)


def test_a_pen_that_refuses_to_pair_can_be_read_and_stopped_but_has_no_session() -> None:
    async def scenario(world: AirWorld) -> None:
        screen = await world.open()
        assert "the pen refused to pair" in await refused(screen.ask("session.open", purpose="bench"))
        assert "the pen refused to pair" in await refused(screen.ask("setpoint", depth_um=1000))
        assert screen.view.session is None
        assert screen.view.pen.link == "up"
        screen.client.stop_now("SPACE")
        await world.until(lambda: world.sim.truth.state is PenState.STOPPED)
        await world.until(lambda: not world.desk.control.stop_lane.active)
        assert "the pen refused to pair" in await refused(screen.ask("pen.reset"))

    on_air(scenario, options=RadioOptions(pairing="refuse"))


def test_a_passkey_of_the_address_pairs() -> None:
    async def scenario(world: AirWorld) -> None:
        screen = await world.session()
        assert (await screen.ask("setpoint", depth_um=1000))["depth"].outcome == "confirmed"

    on_air(scenario, options=RadioOptions(pairing="passkey", passkey=42), passkey=number(42))


def test_stop_by_another_name_of_a_pen_on_the_air_stops_it() -> None:
    async def scenario(world: AirWorld) -> None:
        screen = await world.open()
        for address in ("ble://Some%20other%20name", world.rig.address + "?radio=unix:/x"):
            answer = await screen.ask("pen.stop", address=address)
            assert answer["sent"]
            assert answer["pens"] == [world.rig.address]
        assert "does not hold that pen" in await refused(screen.ask("pen.stop", address="tcp://127.0.0.1:1"))

    on_air(scenario)


def test_the_answer_to_a_stop_does_not_repeat_the_passkey() -> None:
    async def main() -> None:
        world = World()
        screen = await world.screen()
        text = await refused(screen.ask("pen.stop", address="ble://pen?passkey=271828"))
        assert text == "ble://pen: this station does not hold that pen."
        await world.station.close("end of test")
        await screen.close()
        world.store.close()

    run_virtual(main())


def test_complaint_17_nobody_listens_on_the_air_while_a_pen_there_may_turn() -> None:
    async def scenario(world: AirWorld) -> None:
        asked: list[str | None] = []

        async def scan(
            probe: tuple[str, ...], held: tuple[str, ...], radio: str | None, ports: bool
        ) -> list[dict[str, Any]]:
            asked.append(radio)
            return []

        world.station.ports.scan = scan
        screen = await world.session()
        assert await screen.ask("pens.scan") == []
        assert await screen.ask("pens.scan", radio="unix:/x") == []
        assert await screen.ask("pens.scan", bluetooth=False) == []
        await screen.ask("setpoint", depth_um=1000, rate_mhz=100_000)
        assert (await screen.start()).outcome == "confirmed"
        (row,) = await screen.ask("pens.scan")
        assert row["address"] == ""
        assert not row["matched"]
        assert "look again when it stands still" in row["why"]
        assert asked == ["", "unix:/x", None, None]

    on_air(scenario)


def test_one_pen_by_its_name_and_by_its_address_is_one_desk() -> None:
    async def scenario(world: AirWorld) -> None:
        screen = await world.open()
        other = await world.screen("other")
        answer = await other.ask("pen.open", address=f"ble://{world.rig.on_air.name}")
        assert answer["pen"].address == world.rig.address
        assert not answer["you_control"]
        assert len(world.station.desks) == 1
        await world.until(lambda: screen.view.pen is not None and screen.view.pen.link == "up")
        elsewhere = f"ble://{world.rig.on_air.name}?radio=unix:/x"
        assert "there is no such pen" in await refused(other.ask("pen.open", address=elsewhere))
        answer = await other.ask("pen.stop", address=f"ble://{world.rig.on_air.name}")
        assert answer["pens"] == [world.rig.address]

    on_air(scenario)


@pytest.mark.parametrize("moment", [0.4, 0.9, 1.3, 2.2])
def test_from_the_key_to_a_still_motor_takes_at_most_250_ms_and_the_run_down(moment: float) -> None:
    async def scenario(world: AirWorld) -> None:
        screen = await world.session()
        await screen.ask("setpoint", depth_um=1000, rate_mhz=150_000)
        assert (await screen.start()).outcome == "confirmed"
        await asyncio.sleep(moment)
        own_ms = run_down_ms(world.sim.physics)
        screen.client.stop_now("SPACE")
        await world.until(lambda: world.desk.control.last_stop_ms is not None)
        # The truth, and what the samples that come back over the air show.
        assert world.sim.still_since is not None
        assert world.desk.control.last_stop_ms <= 250 + own_ms

    on_air(scenario)


# -- what is asked for while a pen is open or running


def test_a_passkey_that_comes_after_the_pen_was_opened_is_used() -> None:
    async def scenario(world: AirWorld) -> None:
        told = BleRig(world.rig, None, number(4711))
        closed = world.station.ports.open_pen
        world.station.ports.open_pen = lambda a: told.host_pen if "passkey" in a.options else closed(a)
        screen = await world.open()
        assert "passkey" in await refused(screen.ask("session.open", purpose="bench"))
        await screen.ask("pen.open", address=f"{world.rig.address}?passkey=004711")
        await screen.ask("session.open", purpose="bench")
        assert world.desk.pen is told.host_pen
        assert world.desk.pen.obeys
        # Once it obeys nobody needs a passkey, and nothing is opened anew.
        await screen.ask("pen.open", address=f"{world.rig.address}?passkey=000001")
        assert world.desk.recording.session_id is not None

    on_air(scenario, options=RadioOptions(pairing="passkey", passkey=4711))


def test_a_passkey_does_not_take_a_pen_away_from_who_looks_at_it() -> None:
    async def scenario(world: AirWorld) -> None:
        await world.open()
        other = await world.screen("somebody else")
        await other.ask("pen.open", address=world.rig.address)
        text = await refused(other.ask("pen.open", address=f"{world.rig.address}?passkey=004711"))
        assert "close it first" in text
        assert "4711" not in text
        assert world.desk.pen.connected

    on_air(scenario, options=RadioOptions(pairing="passkey", passkey=4711))


def test_a_scan_ends_its_listening_when_a_pen_is_started() -> None:
    async def scenario(world: AirWorld) -> None:
        screen = await world.session()
        listening: list[bool] = []

        async def scan(_probe: Any, _held: Any, radio: str | None, _ports: bool) -> list[dict[str, Any]]:
            if radio is None:
                return []
            listening.append(True)
            try:
                await asyncio.sleep(6)
            finally:
                listening.append(False)
            return []

        world.station.ports.scan = scan
        rows = asyncio.ensure_future(screen.ask("pens.scan"))
        await asyncio.sleep(0.5)
        assert listening == [True]
        assert (await screen.start()).outcome == "confirmed"
        assert listening == [True, False]
        (told,) = await rows
        assert "Listening ended" in told["why"]
        assert world.sim.truth.turning

    on_air(scenario)


def test_another_pen_is_not_looked_for_while_one_runs() -> None:
    async def scenario(world: AirWorld) -> None:
        screen = await world.session()
        assert (await screen.start()).outcome == "confirmed"
        other = await world.screen("somebody else")
        begun = world.loop.time()
        assert "END or STOP first" in await refused(other.ask("pen.open", address="ble://F0:00:00:00:00:09"))
        assert world.loop.time() - begun < 0.1
        assert world.sim.truth.turning
        await other.ask("pen.open", address=world.rig.address)

    on_air(scenario)


def test_a_pause_counts_as_running_for_who_looks_for_another_pen() -> None:
    async def scenario(world: AirWorld) -> None:
        screen = await world.session()
        assert (await screen.start()).outcome == "confirmed"
        assert (await screen.ask("run.pause")).outcome == "confirmed"
        await asyncio.sleep(2)
        assert "END or STOP first" in await refused(screen.ask("pen.open", address="ble://F0:00:00:00:00:09"))

    on_air(scenario)


@pytest.mark.slow
def test_a_pen_is_calibrated_and_adjusted() -> None:
    async def scenario(w: AirWorld) -> None:
        s = await w.sign_in(await w.open(), "Tom")
        await w.until(lambda: w.desk.recording.calibrated.known, 10)
        await begun(w, s, series=[{"repeats": 2, "seatings": 1, "order": "sweep"}])
        gauge = Gauge(w)
        found = await whole_round(w, s, gauge.depth)
        assert (await s.ask("calibration.correct", kind="linear"))["reply"].outcome == "confirmed"
        left = await whole_round(w, s, gauge.depth)
        assert left["verdict"] == "pass"
        errors = [one["calibration"]["evaluations"][-1]["max_error"] for one in (found, left)]
        assert errors[1] < errors[0]
        done = await s.ask("calibration.finish", pin=PIN)
        assert done["calibration"]["end"]["how"] == "finished"
        assert w.desk.recording.calibrated.reasons() == ()

    on_air(scenario)
