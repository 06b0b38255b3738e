"""A Hypothesis state machine over clients, station, control, session, simulated firmware and faults, in virtual time.

Hypothesis draws what people, pen and link do; the invariants are the safety rules, judged by the simulated pen's physics.
A failure prints the steps; the same steps fail again the same way, because time, chance and ids are all injected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from schedules.judges import PenJudge
from support.links import Wire
from support.world import ADDRESS, PIN, Screen, World, word

from devicectl.bench.stack import Disk
from devicectl.records import schema
from devicectl.records.recovery import recover
from devicectl.station.client_api import StationError
from devicectl.station.runtime import virtual_station
from simulator.pen import SimulatedPen
from simulator.radio.air import SUPERVISION_TIMEOUT
from simulator.virtual_time import VirtualTimeLoop

HEARTBEAT_S = 0.4
SLACK_S = 0.06
LOOK_S = 0.02
SOFT_LIMIT_UM = 1500
HANG_S = 30.0
MODEL_TIME_S = 20.0
SLOW_S = 0.4
"""Longer than a command may be on its way."""
SIGNED_OUT = ("no-operator", "locked")
LINK_FAULTS = (
    {"to_pen__drop": 0.2},
    {"from_pen__drop": 0.2},
    {"drop": 0.1},
    {"to_pen__delay": 0.15},
    {"to_pen__delay": SLOW_S},
    {"from_pen__delay": 0.15},
    {"delay": 0.05, "jitter": 0.05},
    {"duplicate": 0.3},
    {"corrupt": 0.2},
    {"split": 0.8},
    {"silence": True},
    {"to_pen__silence": True},
    {"from_pen__silence": True},
)
PEN_FAULTS = (
    {"stall": True},
    {"no_start": True},
    {"run_away": True},
    {"stuck_actuator": True},
    {"lying_rate": True},
    {"frozen_sensor": True},
    {"flat_battery": True},
)
RADIO_FAULTS = (
    {"radio__out_of_range": True},
    {"radio__fading": 30.0},
    {"radio__loss": 0.3},
    {"radio__delay": 0.15},
    {"radio__drop_commands": 0.4},
    {"radio__drop_notifications": 0.3},
    {"radio__cut": True},
    {"radio__forget": True},
    {"radio__refuse_pairing": True},
)
MAX_DELAY_S = {"memory": 0.2, "ble": 0.2 + SUPERVISION_TIMEOUT}
"""The longest that bytes may be on their way by a fault: a radio keeps them until its connection counts as lost."""
RECORD_S = 3.5
"""A record in trouble is noticed at the next write or, when it is silent, after 2 s; the look comes each second."""
OPEN_S = {"memory": 1.0, "ble": 6.0}
_TEMPLATE: list[bytes] = []


def template() -> bytes:
    """A migrated, empty database as bytes, made once a process."""
    if not _TEMPLATE:
        _TEMPLATE.append(schema.template())
    return _TEMPLATE[0]


class Watch:
    """What the physics showed, compared with what people and rules allowed."""

    def __init__(self, machine: SafetyMachine) -> None:
        self.machine = machine
        self.broken: list[str] = []

    def motion(self, at: float, turning: bool) -> None:
        """The motor began to turn, or came to rest."""
        m = self.machine
        if not turning or m.pen_faults & {"run_away"}:
            return
        if m.world.sim.truth.driven and not m.may_start:
            self.broken.append(f"the motor started at {at:.3f} without a granted run")


class SafetyMachine(RuleBasedStateMachine):
    """See the module's docstring. ``SEED`` is the seed of physics, links and ids, ``LINK`` the kind of link, ``SESSION``
    the purpose and the client of the session."""

    SEED = 0
    LINK = "memory"
    SESSION: tuple[str, ...] = ("treatment", "TRAIN-1")

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualTimeLoop()
        self.pen_faults: set[str] = set()
        self.ever_faults: set[str] = set()
        self.checked = {"1.0.0"}
        """Firmware that somebody has looked at, or that was there first."""
        self.screen: Screen | None = None
        self.tried_start_at = float("-inf")
        self.stop_at: float | None = None
        self.alive_at = float("-inf")
        self.granted_at = float("-inf")
        self.link_clean_since = 0.0
        self.began = self.loop.time()
        self.run(self._begin())

    # -- running

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something; nothing may wait for ever."""
        return self.loop.run_until_complete(asyncio.wait_for(work, HANG_S))

    async def _begin(self) -> None:
        wire = await Wire(self.LINK, SimulatedPen(seed=self.SEED)).open()
        self.world = World(seed=self.SEED, template=template(), wire=wire)
        self.delay_s, self.open_s = MAX_DELAY_S[self.LINK], OPEN_S[self.LINK]
        self.lease_s = self.world.pen.lease_ms / 1000
        self.way_s = LOOK_S + wire.way_s
        self.watch = Watch(self)
        self.judge, self.record = PenJudge(self.world), Disk(self.world.store)
        self.world.sim.on_motion = self.watch.motion
        self.screen = await self.world.ready(*self.SESSION)
        self._alive = self.loop.create_task(self._note_alive())

    async def _note_alive(self) -> None:
        while True:
            screen = self.screen
            if screen is not None and not screen.frozen:
                self.alive_at = self.loop.time()
            desk = self.desk
            if desk is not None and desk.control.run is not None:
                self.granted_at = self.loop.time()
            await asyncio.sleep(LOOK_S)

    @property
    def desk(self) -> Any:
        desks = self.world.station.desks
        return desks[0] if desks else None

    @property
    def may_start(self) -> bool:
        """True while somebody has asked for motion and nothing has taken it back.

        A button that is pressed while STOP is still on the wire resumes a paused run for as long as the wire takes; when
        STOP does not come through, or nobody was there to say it, for as long as the pen's own lease allows.
        """
        desk = self.desk
        if desk is not None and desk.control.run is not None:
            return True
        clean = desk is not None and self.link_clean_since <= self.granted_at - self.delay_s and not self.pen_faults
        return self.loop.time() - self.granted_at <= (self.way_s if clean else self._bound_s)

    @property
    def time_left(self) -> bool:
        """Schedules end after 20 s of model time."""
        return self.loop.time() - self.began < MODEL_TIME_S

    async def _ask(self, method: str, **params: Any) -> Any:
        if self.screen is None:
            return None
        for _ in (1, 2):
            try:
                return await self.screen.ask(method, **params)
            except StationError as error:
                if error.code not in SIGNED_OUT:
                    return None
            await self._sign_in(self.screen)
        return None

    async def _sign_in(self, screen: Screen, name: str = "Pia") -> None:
        """As a person does; a record in trouble takes no sign-in. On the bench nobody signs in."""
        if self.SESSION[0] != "treatment":
            return
        try:
            await screen.ask("operator.sign_in", name=name, pin=PIN)
        except StationError as error:
            if not self.record.kind:
                raise AssertionError("a sign-in was refused") from error

    # -- what people do

    @initialize(running=st.sampled_from((True, True, True, False)), seconds=st.sampled_from((0.1, 1.0)))
    def begin_running(self, running: bool, seconds: float) -> None:
        """Most schedules begin in the middle of a pass: that is where it can go wrong."""
        if running:
            self.start("VTX", False)
            self.run(asyncio.sleep(seconds))
            assert self.world.sim.truth.driven

    @precondition(lambda self: self.time_left)
    @rule(seconds=st.sampled_from((0.02, 0.1, 0.3, 0.7, 1.5)))
    def wait(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    @precondition(lambda self: self.time_left)
    @rule(seconds=st.sampled_from((0.3, 1.5, 3.0)))
    def wait_longer(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    @precondition(lambda self: self.time_left)
    @rule(zone=st.sampled_from(("FHL", "MID")))
    def all_is_well_again(self, zone: str) -> None:
        """Faults end, somebody looks after the pen, takes control, resets, and starts anew."""

        async def play() -> None:
            self.world.sim.clear_faults()
            self.record.mend()
            if self.screen is None or not self.screen.client:
                return
            self.screen.frozen = False
            await asyncio.sleep(1.5)
            await self._ask("pen.open", address=ADDRESS, wait_s=self.open_s)
            await self._ask("control.take")
            if await self._ask("pen.accept_firmware") is not None:
                self.checked = {self.world.sim.firmware.profile.firmware}
            await asyncio.sleep(0.3)
            await self._ask("run.end")
            await asyncio.sleep(0.8)
            reply = await self._ask("pen.reset")
            if reply is not None and reply.outcome == "confirmed":
                self.stop_at = None
            # STOP may have halted the depth drive on its way.
            await self._ask("setpoint", depth_um=1000)

        self.run(play())
        self.pen_faults.clear()
        self.link_clean_since = self.loop.time()
        self.start(zone, False)

    @rule(zone=st.sampled_from(("FHL", "MID", "VTX", "CUS-1")), impatient=st.booleans())
    def start(self, zone: str, impatient: bool) -> None:
        async def play() -> Any:
            await self._ask("zone.select", zone=zone)
            sheet = await self._ask("run.preview")
            while sheet is not None and sheet.waits and not impatient:
                await asyncio.sleep(0.1)
                sheet = await self._ask("run.preview")
            if sheet is None:
                return None
            await asyncio.sleep(0.05 if impatient else 0.2)
            latched = self.desk.control.latched
            unchecked = self.world.sim.firmware.profile.firmware not in self.checked
            reply = await self._ask("run.start", ticket=sheet.ticket)
            assert not (impatient and reply and reply.outcome == "confirmed"), "started sooner than 150 ms"
            assert not (latched and reply and reply.outcome == "confirmed"), "started while latched"
            assert not (unchecked and reply and reply.outcome == "confirmed"), "started with unchecked firmware"
            return reply

        reply = self.run(play())
        if reply is not None and reply.outcome == "confirmed" and not self.ever_faults:
            assert self.world.sim.truth.turning or self.desk.control.run is None

    @rule(depth=st.sampled_from((500, 1000, 1500, 1550, 3000)), lower=st.booleans())
    def depth(self, depth: int, lower: bool) -> None:
        answer = self.run(self._ask("setpoint", depth_um=depth, lower=lower))
        if answer and answer["depth"].outcome == "confirmed":
            assert self.world.sim.firmware.depth <= min(depth, SOFT_LIMIT_UM)
            assert lower or self.world.sim.firmware.depth == depth

    @rule(rate=st.sampled_from((60_000, 100_000, 150_000, 151_000)))
    def rate(self, rate: int) -> None:
        answer = self.run(self._ask("setpoint", rate_mhz=rate))
        if answer and answer["rate"].outcome == "confirmed":
            assert self.world.sim.firmware.rate == rate

    @rule()
    def pause(self) -> None:
        self.run(self._ask("run.pause"))

    @rule()
    def end(self) -> None:
        self.run(self._ask("run.end"))

    @rule(gate=st.sampled_from(("battery", "link", "latch")))
    def override(self, gate: str) -> None:
        """Whatever somebody overrides, the invariants hold."""
        self.run(self._ask("gate.override", gate=gate, reason="somebody is sure"))

    @rule(who=st.sampled_from(("key", "request", "station")))
    def stop(self, who: str) -> None:
        async def play() -> None:
            if who == "key" and self.screen is not None:
                self.screen.client.stop_now("SPACE")
            elif who == "request" and self.screen is not None:
                await self._ask("pen.stop")
            else:
                self.world.station.stop_all("test")

        self.run(play())
        if self.desk is not None:
            self.stop_at = self.loop.time()

    @rule()
    def reset(self) -> None:
        reply = self.run(self._ask("pen.reset"))
        if reply is not None and reply.outcome == "confirmed":
            assert not self.world.sim.truth.driven or "run_away" in self.ever_faults
            self.stop_at = None

    @precondition(lambda self: self.time_left)
    @rule(seconds=st.sampled_from((0.2, 0.5, 2.0)))
    def freeze_or_thaw(self, seconds: float) -> None:
        if self.screen is not None:
            self.screen.frozen = not self.screen.frozen
        self.run(asyncio.sleep(seconds))

    @rule()
    def kill_client_and_return(self) -> None:
        async def play() -> None:
            screen, self.screen = self.screen, None
            if screen is not None:
                self.world.screens.remove(screen)
                await screen.close()
                if self.desk is not None and self.desk.may_turn:
                    self.stop_at = self.loop.time()
            self.screen = await self.world.screen("dashboard again")
            await self._sign_in(self.screen)
            await self._ask("pen.open", address=ADDRESS, wait_s=self.open_s)
            await self._ask("control.take")

        self.run(play())

    @rule(stop=st.booleans())
    def lock_and_unlock(self, stop: bool) -> None:
        """While a screen is locked nothing but STOP is taken from it."""

        async def play() -> None:
            screen = self.screen
            if screen is None:
                return
            if await word(screen, "operator.lock") in ("running", "no-operator"):
                return
            assert await word(screen, "run.start", ticket="any") == "locked"
            assert await word(screen, "setpoint", depth_um=500) == "locked"
            assert await word(screen, "pen.reset") == "locked"
            if stop:
                await screen.ask("pen.stop")
                self.stop_at = self.loop.time()
            await self._sign_in(screen)

        self.run(play())

    @rule(act=st.sampled_from(("setpoint", "zone.select", "run.preview", "run.end", "pen.reset", "take", "stop")))
    def second_client(self, act: str) -> None:
        """Somebody else looks on: he is obeyed in nothing but STOP, and takes control only of a pen that stands still."""

        async def play() -> None:
            w = self.world
            other = await w.screen("somebody else")
            try:
                await self._sign_in(other, "Ada")
                await other.ask("pen.open", address=ADDRESS, wait_s=self.open_s)
                desk = self.desk
                if desk is None or other.client._connection.controls:
                    return
                if act == "stop":
                    await other.ask("pen.stop")
                    self.stop_at = self.loop.time()
                elif act == "take":
                    moving = w.sim.truth.turning or desk.control.run is not None
                    await other.ask("control.take")
                    assert not moving, "control changed hands while the pen moved"
                else:
                    given = {"setpoint": {"depth_um": 500}, "zone.select": {"zone": "OCC"}}
                    await other.ask(act, **given.get(act, {}))
                    raise AssertionError(f"{act} of somebody who does not hold control was obeyed")
            except StationError:
                return
            finally:
                await other.close()
                w.screens.remove(other)
                if self.desk is not None and self.desk.control.stop_lane.active:
                    self.stop_at = self.loop.time()

        self.run(play())

    @rule()
    def station_killed(self) -> None:
        """As by kill -9: nobody says stop; another station opens the same record."""

        async def play() -> None:
            w = self.world
            self.record.mend()
            for desk in list(w.station.desks):
                desk.recording._timer.cancel()
                desk.recording.binding.close()
                await desk.control.close()
                await desk.keeper.close()
            for timer in (w.station._view_timer, w.station._clock_timer, w.station._soon_timer):
                if timer is not None:
                    timer.cancel()
            for screen in w.screens:
                screen._task.cancel()
            w.screens.clear()
            w.store.submit_sync(lambda c: recover(c, w.source.utc_us(), w.store.ids, w.source.boot_us()))
            w.pen = w.wire.pen(ADDRESS)
            w.station = virtual_station(w.store, w.source, {ADDRESS: w.pen})
            self.screen = await w.screen("dashboard after the crash")
            await self._sign_in(self.screen)
            await self._ask("pen.open", address=ADDRESS, wait_s=self.open_s)
            if self.SESSION[0] == "treatment":
                # What was entered before the crash counts: nothing that was acknowledged is asked again.
                await self._ask("session.open", purpose="treatment", resumes="last")
            else:
                await self._ask("session.open", purpose=self.SESSION[0])

        self.run(play())
        self.stop_at = None

    # -- what the pen and the link do

    @rule()
    def button(self) -> None:
        self.run(self._now(self.world.sim.press_button))

    @rule(down=st.booleans())
    def footswitch(self, down: bool) -> None:
        self.run(self._now(lambda: self.world.sim.footswitch(down)))

    @rule()
    def reboot(self) -> None:
        self.run(self._now(self.world.sim.reboot))

    @precondition(lambda self: self.time_left)
    @rule()
    def firmware_changed(self) -> None:
        """An update, from elsewhere, and the restart that goes with it."""

        async def play() -> None:
            firmware = self.world.sim.firmware
            other = "2.0.0" if firmware.profile.firmware == "1.0.0" else "1.0.0"
            firmware.profile = firmware.profile.model_copy(update={"firmware": other})
            self.world.sim.reboot()
            await asyncio.sleep(1.0)

        self.run(play())

    @precondition(lambda self: self.time_left)
    @rule(kind=st.sampled_from(("locked", "silent")), seconds=st.sampled_from((0.0, 0.5, 6.0)))
    def record_trouble(self, kind: str, seconds: float) -> None:
        self.ever_faults.add("record")
        self.record.begin(kind)
        self.run(asyncio.sleep(seconds))

    @rule()
    def record_mended(self) -> None:
        self.run(self._now(self.record.mend))

    @rule()
    def cartridge_out_and_in(self) -> None:
        async def play() -> None:
            cartridge = self.world.sim.remove_cartridge()
            await asyncio.sleep(0.05)
            self.world.sim.insert_cartridge(cartridge)

        self.run(play())

    @rule(fault=st.sampled_from(LINK_FAULTS))
    def link_fault(self, fault: dict[str, Any]) -> None:
        self._fault(fault)

    @rule(fault=st.sampled_from(PEN_FAULTS))
    def pen_fault(self, fault: dict[str, Any]) -> None:
        self._fault(fault)

    def _fault(self, fault: dict[str, Any]) -> None:
        if SLOW_S in fault.values():
            self.delay_s = MAX_DELAY_S[self.LINK] + SLOW_S
        self.pen_faults |= set(fault)
        self.ever_faults |= set(fault)
        self.run(self._now(lambda: self.world.sim.set_faults(**fault)))

    @precondition(lambda self: self.LINK == "ble")
    @rule(fault=st.sampled_from(RADIO_FAULTS))
    def radio_fault(self, fault: dict[str, Any]) -> None:
        self._fault(fault)

    @rule()
    def faults_end(self) -> None:
        self.run(self._now(self.world.sim.clear_faults))
        self.pen_faults.clear()
        self.link_clean_since = self.loop.time()

    @precondition(lambda self: self.time_left)
    @rule()
    def clock_set(self) -> None:
        """Nobody knows any more when anything was: stopped, latched, and nobody holds control."""

        async def play() -> None:
            desks = self.world.station.desks
            self.world.source.jump_us += 3_000_000
            await asyncio.sleep(1.1)
            for desk in desks:
                assert desk.control.latched, "the clock was set and the pen is not latched"
                assert desk.holder is None, "the clock was set and somebody still holds control"

        self.run(play())

    async def _now(self, act: Any) -> None:
        act()

    # -- the rules

    @property
    def _bound_s(self) -> float:
        """How long after permission ends the pen's own lease may keep it turning, with delays on the way."""
        return self.lease_s + self.delay_s + SLACK_S

    @invariant()
    def no_motion_that_nobody_granted(self) -> None:
        if hasattr(self, "watch"):
            assert not self.watch.broken, self.watch.broken[0]

    @invariant()
    def every_command_is_written_down_fresh_and_once(self) -> None:
        if hasattr(self, "judge"):
            assert not self.judge.broken, self.judge.broken[0]

    @invariant()
    def no_motor_turns_unrecorded(self) -> None:
        if not hasattr(self, "record") or self.ever_faults & {"run_away"}:
            return
        trouble = self.loop.time() - self.record.since
        if trouble > RECORD_S + self._bound_s:
            assert not self.world.sim.truth.driven, f"driven {trouble:.1f} s into trouble with the record"

    @invariant()
    def stop_stops(self) -> None:
        if self.stop_at is None or self.ever_faults & {"run_away"}:
            return
        since = self.loop.time() - self.stop_at
        clean = self.link_clean_since <= self.stop_at - self.delay_s and not self.pen_faults
        if since > (0.07 + self.way_s if clean else self._bound_s):
            assert not self.world.sim.truth.driven, f"still driven {since:.3f} s after STOP (clean link: {clean})"

    @invariant()
    def a_dead_client_cannot_keep_the_motor_on(self) -> None:
        if self.ever_faults & {"run_away"}:
            return
        silent = self.loop.time() - self.alive_at
        if silent > HEARTBEAT_S + self.lease_s / 4 + self._bound_s:
            assert not self.world.sim.truth.driven, f"driven although no client was alive for {silent:.3f} s"

    @invariant()
    def the_pens_limit_is_never_passed(self) -> None:
        assert self.world.sim.firmware.depth <= SOFT_LIMIT_UM

    @invariant()
    def latched_means_no_drive(self) -> None:
        if self.ever_faults & {"run_away"}:
            return
        if self.world.sim.truth.state.latched:
            assert not self.world.sim.truth.driven

    # -- the end

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.run(self._finish())
        finally:
            self.loop.run_until_complete(self._down())
            self.loop.close()

    async def _finish(self) -> None:
        w = self.world
        w.sim.clear_faults()
        self.record.mend()
        self.pen_faults.clear()
        w.station.stop_all("end of schedule")
        for _ in range(80):
            await asyncio.sleep(0.1)
            desk = self.desk
            if desk is None or (desk.confirmed_still and desk.pen.connected and not self._commanding(desk)):
                break
        await asyncio.sleep(0.5)
        for _ in range(100):
            # The station's own commands come when they must; the record is looked at between two of them.
            if self.desk is None or not self.desk.control.lane.busy:
                break
            await asyncio.sleep(0.01)
        assert not w.sim.truth.driven
        assert not w.sim.truth.turning
        desk = self.desk
        if desk is not None and desk.pen.connected:
            assert not desk.control.lane.unsettled, "a command is still open although the pen answers"
        self._check_record()

    @staticmethod
    def _commanding(desk: Any) -> bool:
        return bool(desk.control.lane.unsettled or desk.control.lane.busy)

    async def _down(self) -> None:
        self._alive.cancel()
        await self.world.down()

    def _check_record(self) -> None:
        w = self.world
        trouble = [r["text"] for r in w.rows("select text from alarms where code = 'record'")]
        assert not trouble or "record" in self.ever_faults, trouble
        open_rows = w.rows("select action, outcome from commands where outcome is null or outcome = 'unknown'")
        desk = self.desk
        if desk is not None and desk.pen.connected:
            assert not open_rows, open_rows
        for row in w.rows("select * from passes where ended_utc_us is not null"):
            assert row["duration_ms"] >= 0
            assert 0 <= row["contact_ms"] + row["unknown_ms"] <= row["duration_ms"]
            assert row["ended_clock_ms"] - row["opened_clock_ms"] == row["duration_ms"]
            if row["kind"] == "uncommanded":
                assert self.ever_faults or row["session_id"] is None, "an uncommanded pass without any fault"
        strokes = sum(r["strokes"] for r in w.rows("select strokes from passes where strokes is not null"))
        assert (
            strokes <= w.sim.truth.strokes * 1.03 + 5
            or self.ever_faults & {"lying_rate", "frozen_sensor"}
            or self._rebooted()
        )

    def _rebooted(self) -> bool:
        return self.world.pen.statistics.reboots > 0
