"""What a hostile reading of control and of the drivers found: each test fails without its mend."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from support.rig import Rig, rigged

from devicectl.alarms.board import AlarmBoard
from devicectl.control.envelope import StationLimits
from devicectl.control.events import (
    CartridgeRead,
    CommandDone,
    RunPaused,
    SetpointApplied,
    StopDone,
    StopRequested,
    Uncommanded,
)
from devicectl.control.gates import Purpose
from devicectl.control.intents import Sheet
from devicectl.control.journal import Intent, MemoryJournal
from devicectl.control.lease import LeaseKeeper
from devicectl.control.motion import MotionMonitor
from devicectl.control.stop_lane import StopLane
from drivers.api import (
    Action,
    Command,
    Confirmed,
    LinkStatistics,
    NotSent,
    PenError,
    PenState,
    Reason,
    Rejected,
    Result,
    Status,
    Telemetry,
    Unknown,
)
from drivers.links.serial import SerialLink
from drivers.penlink.frame import STOP
from drivers.reconnect import KeepConnected
from simulator.profile import profile_names
from simulator.virtual_time import run_virtual


def scenario(play: Callable[[Rig], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        rig = Rig(**options)
        await rig.up()
        try:
            await play(rig)
        finally:
            await rig.down()

    run_virtual(main())


def explode(*_: object) -> None:
    raise RuntimeError("this listener is broken")


class SlowJournal(MemoryJournal):
    """A disk that takes ``wait`` seconds for the intents named in ``slow``."""

    def __init__(self, *slow: str, wait: float = 0.45) -> None:
        super().__init__()
        self.slow, self.wait = slow, wait

    def intend(self, intent: Intent) -> asyncio.Future[None]:
        done = super().intend(intent)
        if intent.action not in self.slow:
            return done
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        loop.call_later(self.wait, lambda: None if future.done() else future.set_result(None))
        return future


# -- rule 5: STOP


def test_stop_on_a_serial_link_that_just_died_does_not_raise() -> None:
    """An exception there would keep every later pen of the station from its STOP."""

    async def main() -> None:
        master, slave = os.openpty()
        link = SerialLink("test", os.ttyname(slave))
        lost: list[str] = []
        await link.open(lambda data: None, lost.append)
        asyncio.get_running_loop().remove_reader(link._fd)
        os.close(slave)
        os.close(master)
        assert link.write_stop(STOP) is False
        assert len(lost) == 1

    asyncio.run(main())


def test_a_driver_that_fails_at_stop_is_asked_again_and_stop_is_told() -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        real = rig.pen.stop
        rig.pen.stop = explode  # type: ignore[method-assign,assignment]
        assert rig.control.stop("test") is False
        assert rig.seen(StopRequested)
        rig.pen.stop = real  # type: ignore[method-assign]
        assert await rig.until(lambda: not rig.sim.truth.driven) <= 0.1

    scenario(play)


def test_a_broken_alarm_listener_does_not_keep_uncommanded_motion_from_its_stop() -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        await asyncio.sleep(1)
        rig.alarms.subscribe(explode)
        rig.control.listen(explode)
        rig.sim.set_faults(run_away=True)
        await rig.intents.end()
        await rig.until(lambda: bool(rig.seen(StopRequested)), 3)
        await rig.until(lambda: not rig.sim.truth.turning, 3)

    scenario(play)


def test_listeners_after_a_broken_one_hear_the_stop() -> None:
    async def play(rig: Rig) -> None:
        rig.control._listeners.insert(0, explode)
        await rig.start()
        rig.control.stop("test")
        assert rig.seen(StopRequested)
        await rig.until(lambda: bool(rig.seen(StopDone)))

    scenario(play)


def test_control_that_fails_at_an_input_stops_the_pen() -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        rig.control.arrival = SimpleNamespace(sample=explode, expect=explode, forget=lambda: None)  # type: ignore[assignment]
        assert await rig.until(lambda: not rig.sim.truth.driven) <= 0.1

    scenario(play)


def test_motion_in_a_pause_is_stopped() -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        await asyncio.sleep(1)
        rig.sim.set_faults(run_away=True)
        await rig.intents.pause()
        await rig.until(lambda: bool(rig.seen(RunPaused)))
        await rig.until(lambda: bool(rig.seen(Uncommanded)), 2)
        await rig.until(lambda: not rig.sim.truth.turning, 2)
        assert rig.control.latched

    scenario(play)


def test_a_resume_by_button_whose_status_is_late_is_no_uncommanded_motion() -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        await rig.intents.pause()
        await asyncio.sleep(2)
        rig.sim.press_button()
        await asyncio.sleep(3)
        assert rig.sim.truth.turning
        assert not rig.seen(Uncommanded)

    scenario(play)


def test_stop_while_reset_is_answered_stays_latched() -> None:
    async def play(rig: Rig) -> None:
        rig.control.stop("test")
        await rig.until(lambda: bool(rig.seen(StopDone)))
        await asyncio.sleep(0.2)
        rig.sim.set_faults(from_pen__delay=0.1)
        await asyncio.sleep(0.3)
        reset = asyncio.ensure_future(rig.intents.reset())
        await asyncio.sleep(0.05)
        rig.sim.set_faults(to_pen__silence=True)
        rig.control.stop("again")
        assert not isinstance(await reset, Confirmed)
        assert rig.control.latched

    scenario(play)


def test_a_latch_from_before_a_restart_is_no_proof() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()

        class Deaf:
            statistics = LinkStatistics()

            def stop(self) -> bool:
                return True

        motion = MotionMonitor()
        done: list[str] = []
        lane = StopLane(Deaf(), motion, AlarmBoard(loop.time), lambda s, ms: done.append(s))  # type: ignore[arg-type]
        lane.begin("test")
        await asyncio.sleep(0.01)
        lane.status(Status(loop.time(), 1, 1, 0, Result.ACCEPTED, PenState.STOPPED, 0, 0))
        lane.connected()
        for number in range(20):
            await asyncio.sleep(0.02)
            motion.feed(Telemetry(loop.time(), number, number * 20, 500, 0, 0, None, False))
            lane.check()
        assert not done
        lane.status(Status(loop.time(), 2, 9, 0, Result.ACCEPTED, PenState.STOPPED, 0, 0))
        assert done == ["test"]
        lane.close()

    run_virtual(main())


# -- rules 6 and 11: the last instant before START


def test_gates_are_judged_again_when_start_has_been_written_down() -> None:
    async def play(rig: Rig) -> None:
        task = asyncio.ensure_future(rig.start())
        await rig.until(lambda: rig.control.run is not None)
        rig.control.alive = lambda: "the controlling screen does not answer"
        outcome = await task
        assert isinstance(outcome, NotSent)
        assert rig.control.run is None
        assert not rig.sim.truth.turning

    scenario(play, journal=SlowJournal("start"))


def test_a_run_that_was_taken_back_while_start_was_written_down_does_not_start() -> None:
    async def play(rig: Rig) -> None:
        task = asyncio.ensure_future(rig.start())
        await rig.until(lambda: rig.control.run is not None)
        rig.control.end_run("fault")
        assert isinstance(await task, NotSent)
        assert not rig.sim.truth.turning

    scenario(play, journal=SlowJournal("start"))


def test_a_second_start_and_another_zone_wait_for_the_first() -> None:
    async def play(rig: Rig) -> None:
        rig.intents.select_zone("VTX")
        first = rig.intents.preview()
        assert isinstance(first, Sheet)
        await asyncio.sleep(0.2)
        task = asyncio.ensure_future(rig.intents.start(first.ticket))
        await asyncio.sleep(0.05)
        assert rig.intents.starting
        assert rig.intents.select_zone("MID") is not None
        assert rig.control.zone == "VTX"
        assert isinstance(await task, Confirmed)

    scenario(play, journal=SlowJournal("arm"))


def test_an_old_battery_reading_opens_no_gate() -> None:
    async def play(rig: Rig) -> None:
        assert rig.control.vitals is not None
        rig.control.vitals = rig.control.vitals._replace(at=rig.loop.time() - 60)
        battery = next(g for g in rig.control.gates() if g.name == "battery")
        assert not battery.passed

    scenario(play)


# -- rules 1, 3 and 4: the lane


def test_the_pens_clock_from_before_a_restart_is_no_deadline() -> None:
    async def play(rig: Rig) -> None:
        await asyncio.sleep(30)
        assert rig.control.lane.clock_ms > 25_000
        rig.sim.reboot()
        await rig.until(lambda: not rig.pen.connected, 2)
        assert rig.control.lane.clock_ms < 1_000
        await rig.until(lambda: rig.pen.connected, 5)
        assert rig.control.lane.clock_ms < 5_000

    scenario(play)


def test_nothing_is_asked_for_ever_after_the_pen_was_let_go() -> None:
    async def play(rig: Rig) -> None:
        task = asyncio.ensure_future(rig.intents.set_depth(1000))
        await asyncio.sleep(0.001)
        await rig.control.close()
        await rig.keeper.close()
        await task
        assert rig.control.lane.unsettled
        assert rig.control.lane._asking is None
        outcome = await rig.control.lane.send(Command(Action.SET_DEPTH, 500), lambda: None, deadline=0.1)
        assert isinstance(outcome, NotSent)

    scenario(play)


def test_a_command_in_flight_is_not_taken_for_one_that_a_crash_left_open() -> None:
    async def play(rig: Rig) -> None:
        rig.sim.set_faults(from_pen__delay=0.15)
        await asyncio.sleep(0.3)
        task = asyncio.ensure_future(rig.intents.set_depth(1000))
        await asyncio.sleep(0.01)
        rig.control.adopt_open()
        await asyncio.sleep(0.01)
        assert not rig.control.lane.unsettled
        await task

    scenario(play)


def test_a_pen_that_will_not_hold_the_limit_does_not_fill_the_record() -> None:
    async def play(rig: Rig) -> None:
        rejected = Rejected(Result.UNSUPPORTED, Reason.UNKNOWN_OPCODE, "no.")
        real = rig.pen.command

        async def refusing(command: Command, **more: Any) -> Any:
            return rejected if command.action is Action.LIMIT_DEPTH else await real(command, **more)

        rig.pen.command = refusing  # type: ignore[method-assign]
        rig.sim.reboot()
        await asyncio.sleep(60)
        tries = [i for i in rig.journal.intents.values() if i.action == "limit_depth"]
        assert len(tries) <= 20
        assert not all(g.passed for g in rig.control.gates())

    scenario(play)


# -- drivers


def test_a_broken_listener_costs_neither_frames_nor_an_outcome() -> None:
    async def play(rig: Rig) -> None:
        rig.pen._listeners = (explode, *rig.pen._listeners)
        before = rig.control.motion.sample
        outcome, _ = await rig.intents.set_depth(1000)
        assert outcome == Confirmed(1000)
        await asyncio.sleep(0.1)
        assert before is not None
        assert rig.control.motion.sample is not None
        assert rig.control.motion.sample.counter - before.counter >= 4

    scenario(play)


def test_a_refused_target_that_equals_the_one_held_is_not_confirmed() -> None:
    """RESULT is lost, STATUS says refused, and the read-back shows the asked value because it was there before."""

    async def play(rig: Rig) -> None:
        assert (await rig.intents.set_depth(1000))[0] == Confirmed(1000)
        rig.control.stop("test")
        await rig.until(lambda: bool(rig.seen(StopDone)))
        assert rig.pen._session is not None
        rig.pen._session._on_result = lambda message: None
        outcome = await rig.pen.command(Command(Action.SET_DEPTH, 1000), deadline=0.3)
        assert isinstance(outcome, Rejected)

    scenario(play)


@pytest.mark.parametrize("error", [RuntimeError("odd"), PenError("nothing there.")])
def test_reconnecting_survives_whatever_a_driver_raises(error: Exception) -> None:
    async def main() -> None:
        tries: list[float] = []
        failures: list[PenError] = []

        class Odd:
            statistics = LinkStatistics()

            def subscribe(self, listener: object) -> Callable[[], None]:
                return lambda: None

            async def connect(self) -> None:
                tries.append(asyncio.get_running_loop().time())
                raise error

            async def close(self) -> None: ...

        keeper = KeepConnected(Odd(), failures.append)  # type: ignore[arg-type]
        keeper.start()
        await asyncio.sleep(20)
        assert len(tries) > 3
        assert all(isinstance(failure, PenError) for failure in failures)
        await keeper.close()

    run_virtual(main())


def test_a_changed_cartridge_is_told() -> None:
    async def play(rig: Rig) -> None:
        rig.sim.remove_cartridge()
        await asyncio.sleep(0.2)
        rig.sim.insert_cartridge()
        await rig.until(lambda: any(e.cartridge.present for e in rig.seen(CartridgeRead)))

    scenario(play)


def test_no_loop_waits_for_a_serial_port_to_close() -> None:
    """The system may take 30 s for it while bytes wait in the port, and a STOP of another pen would wait too."""

    async def main() -> None:
        master, slave = os.openpty()
        link = SerialLink("test", os.ttyname(slave))
        await link.open(lambda data: None, lambda reason: None)
        closed_in: list[str] = []
        real = link._port.close
        link._port.close = lambda: (closed_in.append(threading.current_thread().name), real())
        await link.close()
        assert closed_in != [threading.main_thread().name]
        assert len(closed_in) == 1
        os.close(slave)
        os.close(master)

    asyncio.run(main())


def test_a_tcp_peer_that_vanishes_is_noticed_by_the_system() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            link = SerialLink("test", f"socket://127.0.0.1:{server.getsockname()[1]}")
            await link.open(lambda data: None, lambda reason: None)
            assert link._port.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            await link.close()

    asyncio.run(main())


def test_an_intent_that_is_not_durable_in_half_a_second_is_not_sent_and_closed_as_such() -> None:
    async def play(rig: Rig) -> None:
        began, before = rig.loop.time(), rig.sim.firmware.last_cmd_id
        outcome, _ = await rig.intents.set_depth(1000)
        assert isinstance(outcome, NotSent)
        assert rig.loop.time() - began == pytest.approx(0.5, abs=0.01)
        await asyncio.sleep(1)
        assert rig.sim.firmware.last_cmd_id == before
        [intent] = [i for i in rig.journal.intents.values() if i.action == "set_depth"]
        assert rig.journal.outcomes[intent.id].outcome == "not_sent"

    scenario(play, journal=SlowJournal("set_depth", wait=0.7))


def test_an_overdue_renewal_is_dropped() -> None:
    async def main() -> None:
        renewed: list[float] = []
        loop = asyncio.get_running_loop()
        keeper = LeaseKeeper(lambda: renewed.append(loop.time()), lambda: None, explode)
        keeper.start(0.5)
        assert len(renewed) == 1
        keeper._due -= 0.3
        keeper._tick()
        assert len(renewed) == 1
        assert keeper.dropped == 1
        keeper.stop()

    run_virtual(main())


# -- rule 8: limits hold at the instant at which the bytes leave


def test_a_start_sheet_from_before_a_limit_starts_nothing_above_it() -> None:
    async def play(rig: Rig) -> None:
        await rig.intents.set_depth(1000)
        rig.intents.select_zone("VTX")
        sheet = rig.intents.preview()
        assert isinstance(sheet, Sheet)
        rig.control.begin_session(UUID(int=9), Purpose.BENCH, None, {"VTX": 500})
        rig.intents.select_zone("VTX")
        await asyncio.sleep(0.8)
        outcome = await rig.intents.start(sheet.ticket)
        assert isinstance(outcome, NotSent)
        assert "plan for zone VTX" in outcome.text
        assert rig.control.run is None
        assert not rig.sim.truth.driven

    scenario(play)


def test_a_limit_that_comes_while_start_is_written_down_holds() -> None:
    async def play(rig: Rig) -> None:
        await rig.intents.set_depth(1000)
        starting = asyncio.ensure_future(rig.start())
        await rig.until(lambda: rig.control.run is not None)
        rig.control.cartridge = replace(rig.control.cartridge, depth_max_um=500)
        outcome = await starting
        assert isinstance(outcome, NotSent)
        assert "cartridge" in outcome.text
        assert not rig.sim.truth.driven

    scenario(play, journal=SlowJournal("start"))


def test_a_limit_that_comes_while_a_depth_is_written_down_holds() -> None:
    async def play(rig: Rig) -> None:
        deeper = asyncio.ensure_future(rig.intents.set_depth(1000))
        await asyncio.sleep(0.1)
        assert rig.intents.select_zone("FHL") is None
        outcome, _ = await deeper
        assert isinstance(outcome, NotSent)
        assert "zone FHL" in outcome.text
        assert rig.control.readback is not None
        assert rig.control.readback.depth_um == 0

    limits = StationLimits(zone_depth_um={"FHL": 500})
    scenario(play, journal=SlowJournal("set_depth"), limits=limits)


def test_a_zone_is_not_chosen_while_a_depth_that_it_does_not_allow_is_on_its_way() -> None:
    async def play(rig: Rig) -> None:
        await rig.intents.set_depth(400)
        await rig.start("VTX")
        rig.sim.set_faults(from_pen__silence=True)
        deeper = asyncio.ensure_future(rig.intents.set_depth(1000))
        await asyncio.sleep(0.1)
        problem = rig.intents.select_zone("FHL")
        assert problem is not None
        assert "1.00 mm" in problem
        await deeper

    scenario(play, limits=StationLimits(zone_depth_um={"FHL": 500}))


def test_a_depth_whose_answer_was_lost_is_the_runs_once_the_pen_says_so() -> None:
    async def play(rig: Rig) -> None:
        await rig.intents.set_depth(400)
        await rig.start("VTX")
        run = rig.control.run
        assert run is not None
        rig.sim.set_faults(from_pen__silence=True)
        deeper = asyncio.ensure_future(rig.intents.set_depth(1000))
        await rig.until(lambda: rig.sim.firmware.depth == 1000)
        await asyncio.sleep(0.02)
        rig.sim.clear_faults()
        rig.events.clear()
        outcome, _ = await deeper
        assert isinstance(outcome, Unknown)
        await rig.until(lambda: not rig.control.lane.unsettled)
        await rig.until(lambda: run.depth_um == 1000)
        assert [event.depth_um for event in rig.seen(SetpointApplied)] == [1000]
        problem = rig.intents.select_zone("FHL")
        assert problem is not None
        assert "1.00 mm" in problem

    scenario(play, limits=StationLimits(zone_depth_um={"FHL": 500}))


def test_a_start_sheet_that_does_not_show_the_override_starts_nothing() -> None:
    async def play(rig: Rig) -> None:
        rig.sim.physics.charge = 0.08
        await rig.until(lambda: any(gate.name == "battery" and not gate.passed for gate in rig.control.gates()))
        rig.intents.select_zone("VTX")
        sheet = rig.intents.preview()
        assert isinstance(sheet, Sheet)
        await asyncio.sleep(0.2)
        assert rig.control.override("battery", "runs from a supply") is None
        outcome = await rig.intents.start(sheet.ticket)
        assert isinstance(outcome, NotSent)
        assert "start sheet" in outcome.text
        assert isinstance(await rig.start(), Confirmed)

    scenario(play)


# -- rule 4: what an earlier process left open


class AskedJournal(MemoryJournal):
    """Answers what is open when the test says so: ``trouble`` fails every question, else each waits in ``asked``."""

    def __init__(self) -> None:
        super().__init__()
        self.trouble = False
        self.hold = False
        self.asked: list[asyncio.Future[Sequence[Intent]]] = []

    def open_commands(self, pen_id: UUID) -> asyncio.Future[Sequence[Intent]]:
        if not (self.trouble or self.hold):
            return super().open_commands(pen_id)
        future: asyncio.Future[Sequence[Intent]] = asyncio.get_running_loop().create_future()
        self.asked.append(future)
        if self.trouble:
            future.set_exception(OSError("The disk is full."))
        return future


def left_open(rig: Rig) -> Intent:
    lane = rig.control.lane
    assert lane.pen_id is not None
    return Intent(UUID(int=8), lane.pen_id, None, lane.boot_id, rig.pen.next_id(), "set_rate", 90_000, 1, 1)


def test_nothing_starts_until_a_record_that_stumbled_has_told_what_is_open() -> None:
    async def play(rig: Rig) -> None:
        await rig.journal.intend(left_open(rig))
        rig.journal.trouble = True
        rig.control.adopt_open()
        await asyncio.sleep(0.1)
        rig.journal.trouble = False
        assert isinstance(await rig.start(), NotSent)
        assert not rig.sim.truth.driven
        await rig.until(lambda: not rig.control.lane.unsettled, 5)
        assert rig.journal.outcomes[UUID(int=8)].outcome == "not_sent"
        assert isinstance(await rig.start(), Confirmed)

    scenario(play, journal=AskedJournal())


def test_what_one_pen_left_open_is_not_judged_by_another() -> None:
    async def play(rig: Rig) -> None:
        rig.journal.hold = True
        rig.control.adopt_open()
        await asyncio.sleep(0)
        rig.control.lane.other_pen()
        rig.journal.hold = False
        rig.control.bind(UUID(int=6))
        rig.journal.asked[0].set_result([Intent(UUID(int=8), UUID(int=7), None, 1, 1, "set_rate", 90_000, 1, 1)])
        await asyncio.sleep(1)
        assert UUID(int=8) not in rig.journal.outcomes
        assert not rig.control.lane.unsettled

    scenario(play, journal=AskedJournal())


def test_a_command_settled_while_the_record_is_asked_is_not_judged_again() -> None:
    async def play(rig: Rig) -> None:
        rig.sim.set_faults(from_pen__silence=True)
        setting = asyncio.ensure_future(rig.intents.set_depth(700))
        await rig.until(lambda: rig.sim.firmware.depth == 700)
        outcome, _ = await setting
        assert isinstance(outcome, Unknown)
        (intent,) = [one for one in rig.journal.intents.values() if one.value == 700]
        rig.journal.hold = True
        rig.control.adopt_open()
        rig.sim.clear_faults()
        await rig.until(lambda: rig.journal.outcomes[intent.id].outcome == "confirmed")
        rig.journal.hold = False
        rig.journal.asked[0].set_result([intent])
        await rig.until(lambda: not rig.control.lane.unsettled)
        told = [done for done in rig.seen(CommandDone) if done.value == 700]
        assert [done.outcome for done in told] == ["unknown", "confirmed"]

    scenario(play, journal=AskedJournal())


# -- a motor that is driven on after its run


LINKS_AND_TROUBLES: dict[str, tuple[str, dict[str, Any]]] = {
    "memory": ("memory", {}),
    "delay": ("memory", {"from_pen__delay": 0.2, "to_pen__delay": 0.05}),
    "jitter": ("memory", {"from_pen__jitter": 0.2}),
    "drop": ("memory", {"from_pen__drop": 0.2}),
    "ble": ("ble", {}),
    "ble-60": ("ble-60", {}),
}


def over(kind: str, play: Callable[[Rig], Awaitable[None]], **options: Any) -> None:
    """``play`` over a link; ``ble-60`` is one with a connection interval of 60 ms."""

    async def main() -> None:
        async with rigged(link=kind.partition("-")[0], **options) as rig:
            if kind == "ble-60":
                rig.wire.air.interval = 0.06
            await rig.up()
            await play(rig)

    run_virtual(main())


@pytest.mark.parametrize("keep", [False, True], ids=["end", "pause"])
@pytest.mark.parametrize("profile", profile_names())
@pytest.mark.parametrize("link", LINKS_AND_TROUBLES)
def test_a_motor_that_runs_down_is_not_called_driven(link: str, profile: str, keep: bool) -> None:
    kind, trouble = LINKS_AND_TROUBLES[link]

    async def play(rig: Rig) -> None:
        caps = rig.control.capabilities
        assert caps is not None
        rig.sim.set_faults(**trouble)
        await asyncio.sleep(0.5)
        for load in (None, 0.0, 1.0):
            rig.sim.press(load)
            for rate in {caps.rate_min_mhz, caps.rate_max_mhz}:
                if rig.control.latched:
                    # Over a bad link a START or an END may go unanswered, and then the pen is stopped.
                    await rig.until(lambda: not rig.control.stop_lane.active, 5)
                    await asyncio.sleep(1)
                    await rig.intents.reset()
                await rig.intents.set_rate(rate)
                await asyncio.sleep(0.5)
                await rig.start()
                await asyncio.sleep(1)
                await (rig.intents.pause() if keep else rig.intents.end())
                await asyncio.sleep(1.5)
                await rig.intents.end()
                await asyncio.sleep(0.5)
        assert not rig.seen(Uncommanded)
        assert "uncommanded" not in rig.alarm_codes

    over(kind, play, profile=profile)


@pytest.mark.parametrize("keep", [False, True], ids=["end", "pause"])
@pytest.mark.parametrize("profile", profile_names())
@pytest.mark.parametrize("link", ["memory", "delay", "ble", "ble-60"])
def test_a_motor_that_is_driven_after_its_end_is_stopped_at_once(link: str, profile: str, keep: bool) -> None:
    kind, trouble = LINKS_AND_TROUBLES[link]

    async def play(rig: Rig) -> None:
        caps = rig.control.capabilities
        assert caps is not None
        await rig.intents.set_rate(caps.rate_min_mhz)
        await rig.start()
        await asyncio.sleep(1)
        rig.sim.set_faults(run_away=True, **trouble)
        await asyncio.sleep(0.5)
        await (rig.intents.pause() if keep else rig.intents.end())
        delay = sum(trouble.values())
        # Answered and heard of while it still turns; then 0.3 s of the pen's own time, and one way of the link.
        assert await rig.until(lambda: bool(rig.seen(Uncommanded)), 3) <= 0.3 + delay + 0.15
        assert rig.alarms.active("uncommanded")
        await rig.until(lambda: not rig.sim.truth.turning, 2)

    over(kind, play, profile=profile)


@pytest.mark.parametrize("profile", profile_names())
def test_a_run_resumed_by_hand_right_after_its_pause_is_nobodys_alarm(profile: str) -> None:
    async def play(rig: Rig) -> None:
        for wait in (0.02, 0.06, 0.1, 0.3, 0.6, 1.2):
            await rig.start()
            await asyncio.sleep(1)
            await rig.intents.pause()
            await asyncio.sleep(wait)
            if rig.sim.profile.button:
                rig.sim.press_button()
            else:
                rig.sim.footswitch(True)
            rig.sim.set_faults(from_pen__delay=0.2)
            await asyncio.sleep(1.5)
            assert rig.sim.truth.turning
            rig.sim.clear_faults()
            await asyncio.sleep(0.3)
            await rig.intents.end()
            await asyncio.sleep(1)
        assert not rig.seen(Uncommanded)

    scenario(play, profile=profile)


def test_a_lease_that_ran_out_over_a_motor_that_is_driven_on_is_stopped() -> None:
    async def play(rig: Rig) -> None:
        await rig.start()
        await asyncio.sleep(1)
        rig.sim.set_faults(run_away=True)
        rig.control.lease.stop()
        await rig.until(lambda: rig.control.latched, 2)
        rig.took(await rig.until(lambda: bool(rig.seen(Uncommanded)), 2), 0.25, 0.4)

    scenario(play)
