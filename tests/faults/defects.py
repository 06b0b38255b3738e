"""Defects to be planted in host and firmware. Each says by which rules it must be noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from devicectl.control.controller import Controller
from devicectl.control.depth_limit import DepthLimit
from devicectl.control.envelope import Bound
from devicectl.control.intents import Intents
from devicectl.control.lane import CommandLane
from devicectl.control.lease import LeaseKeeper
from devicectl.control.motion import MotionMonitor
from devicectl.control.stop_lane import StopLane
from devicectl.records import evidence
from devicectl.records.evidence import Evidence
from devicectl.station.connection import Connection
from devicectl.station.desk import Desk, Holder
from devicectl.station.recording import Recording
from devicectl.station.station import Station
from devicectl.treatment.pass_recorder import PassRecorder
from drivers.api import Action, Confirmed, NotSent, PenState
from drivers.penlink.messages import Cmd, Lease, Opcode
from drivers.penlink.pen import PenlinkPen
from simulator import commands
from simulator.firmware import Firmware
from simulator.machine import LEASE, Machine
from simulator.physics import Physics

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Defect:
    """One thing that is wrong. ``rules``: of the oracle, any of which finds it. ``pens``: how many it takes."""

    plant: Callable[[Patch], None]
    rules: tuple[str, ...]
    pens: int = 1


DEFECTS: dict[str, Defect] = {}


def defect(*rules: str, pens: int = 1) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    def keep(plant: Callable[[Patch], None]) -> Callable[[Patch], None]:
        DEFECTS[plant.__name__] = Defect(plant, rules, pens)
        return plant

    return keep


# -- the host: commands


@defect("written")
def no_journal(patch: Patch) -> None:
    async def nothing(self: CommandLane, intent: object) -> None:
        return None

    patch.setattr(CommandLane, "_write_ahead", nothing)


@defect("settled")
def open_commands_are_forgotten(patch: Patch) -> None:
    patch.setattr(CommandLane, "_judge", lambda self, o, status: None)


@defect("confirmed")
def dedup_on_value(patch: Patch) -> None:
    send = Intents._send

    async def lazy(self: Intents, action: Action, value: int = 0, *args: Any, **more: Any) -> Any:
        done = self.__dict__.setdefault("_done", {})
        if action in (Action.SET_DEPTH, Action.SET_RATE) and done.get(action) == value:
            return Confirmed()
        outcome = await send(self, action, value, *args, **more)
        if isinstance(outcome, Confirmed):
            done[action] = value
        return outcome

    patch.setattr(Intents, "_send", lazy)


@defect("confirmed", "settled")
def a_late_answer_is_matched_to_the_next_command(patch: Patch) -> None:
    on_result = PenlinkPen._on_result

    def careless(self: PenlinkPen, message: Any) -> None:
        if self._pending is not None and message.cmd_id != self._pending.cmd_id:
            self._pending.settle(Confirmed())
            return
        on_result(self, message)

    patch.setattr(PenlinkPen, "_on_result", careless)
    patch.setattr(CommandLane, "unsettled", property(lambda self: False))


@defect("confirmed", "start")
def silence_is_taken_for_consent(patch: Patch) -> None:
    patch.setattr("drivers.penlink.pen._Pending.unanswered", lambda self: self.settle(Confirmed()))


@defect("start")
def a_start_is_taken_at_once(patch: Patch) -> None:
    patch.setattr("devicectl.control.intents.NOT_BEFORE_S", 0.0)


@defect("confirmed", "limit")
def a_limit_is_rounded_up(patch: Patch) -> None:
    from devicectl.control import intents

    bound = intents.bound_depth

    def up(asked: int, context: Any) -> Any:
        found = bound(asked, context)
        step = context.capabilities.depth_step_um
        if isinstance(found, Bound) and found.applied < found.asked:
            return found._replace(applied=found.applied + step)
        return found

    patch.setattr("devicectl.control.intents.bound_depth", up)


@defect("limit", "confirmed")
def no_limit_is_applied(patch: Patch) -> None:
    patch.setattr("devicectl.control.intents.bound_depth", lambda asked, context: Bound(int(asked), int(asked)))
    patch.setattr(DepthLimit, "problem", lambda self: None)


# -- the host: stop and lease


@defect("stop")
def stop_is_queued(patch: Patch) -> None:
    send = StopLane._send

    def later(self: StopLane) -> bool:
        asyncio.get_running_loop().call_later(0.5, send, self)
        return True

    patch.setattr(StopLane, "_send", later)


@defect("stop", "lease", "client")
def stop_sends_nothing(patch: Patch) -> None:
    patch.setattr(StopLane, "_send", lambda self: True)


@defect("stop", "renewal", pens=2)
def stop_is_for_the_first_pen_only(patch: Patch) -> None:
    def first(self: Station, source: str) -> bool:
        return all(desk.stop(source) for desk in self.desks[:1])

    patch.setattr(Station, "stop_all", first)


@defect("renewal")
def the_lease_goes_on_after_stop(patch: Patch) -> None:
    patch.setattr(LeaseKeeper, "stop", lambda self: None)
    patch.setattr(Controller, "permit", lambda self: None)


@defect("renewal", "client")
def the_lease_is_renewed_without_a_live_client(patch: Patch) -> None:
    patch.setattr(Holder, "alive", lambda self, now: True)


@defect("stop", "renewal")
def a_client_that_leaves_stops_nothing(patch: Patch) -> None:
    def gone(self: Desk, why: str) -> None:
        self.holder = None
        self._changed(self)

    patch.setattr(Desk, "holder_gone", gone)
    patch.setattr(Desk, "_holder_problem", lambda self: None)


@defect("stale", "renewal", "lease")
def stale_data_are_taken_as_fresh(patch: Patch) -> None:
    patch.setattr(MotionMonitor, "age", lambda self, now: 0.0)


@defect("record")
def a_silent_record_is_overlooked(patch: Patch) -> None:
    patch.setattr(Controller, "journal_trouble", lambda self, text: None)
    patch.setattr("devicectl.control.controller.WRITER_SILENT_S", 1e9)


@defect("clock")
def a_set_clock_is_overlooked(patch: Patch) -> None:
    patch.setattr(Station, "_suspended", lambda self, seconds: None)


@defect("control")
def onlookers_are_obeyed(patch: Patch) -> None:
    patch.setattr(Connection, "need_control", Connection.need_desk)


# -- the host: the record


@defect("strokes")
def strokes_are_one_percent_off(patch: Patch) -> None:
    patch.setattr(evidence, "_HALF_STROKES", 1_980_000)


@defect("contact")
def every_stroke_is_in_contact(patch: Patch) -> None:
    feed = Evidence.feed

    def touching(self: Evidence, clock: int, depth: int, rate: int, current: int, contact: int, flags: int) -> None:
        feed(self, clock, depth, rate, current, 1 if contact == 0 else contact, flags)

    patch.setattr(Evidence, "feed", touching)


@defect("measured", "strokes")
def gaps_are_called_measured(patch: Patch) -> None:
    patch.setattr(evidence, "GAP_MS", 1 << 40)
    patch.setattr(PassRecorder, "gap", lambda self, gap: None)


@defect("measured")
def contradictions_are_called_measured(patch: Patch) -> None:
    patch.setattr(PassRecorder, "doubted", property(lambda self: False, lambda self, value: None), raising=False)
    patch.setattr(evidence, "contradicts_itself", lambda rate, current: False)


@defect("invented")
def the_set_depth_is_recorded_as_measured(patch: Patch) -> None:
    columns = PassRecorder._columns

    def pretty(self: PassRecorder, current: Any) -> Any:
        found = columns(self, current)
        return found._replace(depth_um=tuple(self._depth or 0 for _ in found.depth_um))

    patch.setattr(PassRecorder, "_columns", pretty)


@defect("setpoint")
def another_depth_is_recorded_as_set(patch: Patch) -> None:
    set_zone = Recording._set_zone

    def off(self: Recording, code: str, depth_um: int | None, rate_mhz: int | None, at: float) -> None:
        set_zone(self, code, None if depth_um is None else depth_um + 100, rate_mhz, at)

    patch.setattr(Recording, "_set_zone", off)


@defect("lost")
def one_zone_is_not_recorded(patch: Patch) -> None:
    telemetry = PassRecorder.telemetry

    def forgetful(self: PassRecorder, sample: Any) -> None:
        if self._zone is None or self._zone.code != "MID":
            telemetry(self, sample)

    patch.setattr(PassRecorder, "telemetry", forgetful)


# -- the firmware


@defect("latch")
def stop_does_not_latch(patch: Patch) -> None:
    def stop(self: Firmware) -> None:
        self.physics.cut()
        self.end()
        self._flush()

    patch.setattr(Firmware, "stop", stop)


@defect("stop", "latch")
def stop_leaves_the_current_on(patch: Patch) -> None:
    patch.setattr(Physics, "cut", lambda self: None)


@defect("lease", "client")
def the_lease_never_runs_out(patch: Patch) -> None:
    patch.setattr(Firmware, "_on_lease", lambda self: None)
    patch.setattr("simulator.firmware._TIMERS", _without_lease())


def _without_lease() -> tuple[Any, ...]:
    from simulator import firmware

    timers = list(firmware._TIMERS)
    timers[LEASE] = lambda self: None
    return tuple(timers)


@defect("latch", "granted", "stop", "lease")
def a_late_renewal_revives_the_run(patch: Patch) -> None:
    renew = Firmware._renew

    def revive(self: Firmware, lease: Lease) -> None:
        if self.state is PenState.LEASE_EXPIRED and lease.boot_id == self.boot_id:
            self.state = PenState.RUNNING
            self.physics.drive(self.rate)
            self.at[LEASE] = self.now + self.lease_ms
        renew(self, lease)

    patch.setattr(Firmware, "_renew", revive)


@defect("token")
def any_token_starts(patch: Patch) -> None:
    start = commands._HANDLERS[Opcode.START]

    def lax(pen: Machine, argument: int) -> Any:
        pen.token = argument >> 16
        return start(pen, argument)

    patch.setitem(commands._HANDLERS, Opcode.START, lax)
    patch.setattr(Intents, "_take_ticket", lambda self, ticket: self._sheet or NotSent("none"))
    send = Intents._send

    async def forgetful(self: Intents, action: Action, value: int = 0, token: int = 0, **more: Any) -> Any:
        return await send(self, action, value, token ^ 1, **more)

    patch.setattr(Intents, "_send", forgetful)


@defect("late")
def late_commands_are_obeyed(patch: Patch) -> None:
    patch.setattr(commands, "expired", lambda clock, not_after: False)


@defect("ids")
def a_command_that_comes_twice_is_done_twice(patch: Patch) -> None:
    command = Firmware._command

    def again(self: Firmware, cmd: Cmd) -> None:
        if self.last is not None and cmd.cmd_id == self.last_cmd_id:
            self.last_cmd_id -= 1
        command(self, cmd)

    patch.setattr(Firmware, "_command", again)


@defect("lease", "granted", "latch", "stop", "client")
def a_restart_leaves_the_motor_on(patch: Patch) -> None:
    restart = Machine.restart

    def careless(self: Machine, *args: Any) -> None:
        rate = int(self.physics._drive)
        restart(self, *args)
        if rate:
            self.physics.drive(rate)

    patch.setattr(Machine, "restart", careless)


@defect("latch", "granted")
def the_button_starts_the_pen(patch: Patch) -> None:
    def press(self: Firmware, now: int) -> None:
        self.tick(now)
        self.physics.drive(100_000)

    patch.setattr(Firmware, "press_button", press)
