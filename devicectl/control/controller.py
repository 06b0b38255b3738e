"""One pen under control: hears everything, grants one run at a time, and stops it for every reason there is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final
from uuid import UUID

from devicectl.alarms.board import AlarmBoard, Priority
from drivers.api import (
    Capabilities,
    Cartridge,
    CorrectionState,
    EventCode,
    Fault,
    Gap,
    Identity,
    Lost,
    Pen,
    PenError,
    PenEvent,
    PenInput,
    PenState,
    ReadBack,
    Rebooted,
    Status,
    Telemetry,
    Up,
    Vitals,
)
from drivers.correction import CorrectionTable
from drivers.motor import DRIVEN_MS, TURNING_MHZ

from .arrival import Arrival
from .depth_limit import DepthLimit
from .envelope import Context, StationLimits, mm
from .events import (
    CartridgeRead,
    CommandDone,
    ControlEvent,
    DepthArrived,
    GateOverridden,
    ParkOver,
    RunOver,
    RunPaused,
    RunResumed,
    SetpointApplied,
    StopDone,
    StoppedElsewhere,
    StopRequested,
    Uncommanded,
)
from .facts import facts
from .gates import OVERRIDABLE, Gate, Purpose, about, evaluate
from .grant import Grant, Planned
from .journal import WRITER_SILENT_S, Intent, Journal
from .lane import CommandLane
from .lease import LeaseKeeper
from .motion import FRESH_S, RUN_DOWN_S, Motion, MotionMonitor
from .rate_watch import RateWatch
from .sensors import SensorWatch
from .source import Source
from .stop_lane import StopLane
from .vigil import Vigil

RUN_MAX_MS: Final = 180_000
_MAY_DRIVE: Final = frozenset({PenState.RUNNING, PenState.PARKING, PenState.BOOT, PenState.UPDATING})
"""States in which current is what the pen said, or of which nothing is known."""
log = logging.getLogger("devicectl.control")
LATCH_TEXT: Final = {
    PenState.STOPPED: "stopped",
    PenState.LEASE_EXPIRED: "lease expired",
    PenState.FAULT: "fault",
}


def _always() -> str | None:
    return None


def _unit(identity: Identity) -> tuple[str, str, str]:
    """Which pen it is, whatever firmware runs on it."""
    return identity.manufacturer, identity.model, identity.serial


class Controller:
    """The rules of section 3 of the design for one pen.

    What an operator asks for is in :mod:`devicectl.control.intents`; this class holds the state, hears the pen,
    and owns the stop. ``alive`` answers why the controlling client must count as gone (None while it is alive);
    ``firmware_problem`` answers why the firmware is not trusted; ``more_gates`` judges what control knows nothing of; ``stood`` answers for how many seconds this process
    itself did not run until just now (0.0: it ran); all are set by the station.
    """

    def __init__(
        self,
        pen: Pen,
        *,
        journal: Journal,
        alarms: AlarmBoard,
        source: Source,
        limits: StationLimits | None = None,
        lease_ms: int | None = None,
    ) -> None:
        self.pen = pen
        self.journal = journal
        self.alarms = alarms
        self.limits = limits or StationLimits()
        self.lease_ms = pen.lease_ms if lease_ms is None else lease_ms
        self.loop = asyncio.get_running_loop()
        self.motion = MotionMonitor()
        self.arrival = Arrival()
        self.sensors = SensorWatch()
        self.rate_watch = RateWatch()
        self.alive: Callable[[], str | None] = _always
        self.firmware_problem: Callable[[], str | None] = _always
        self.record_problem: Callable[[], str | None] = _always
        self.stood: Callable[[], float] = lambda: 0.0
        self.more_gates: Callable[[], tuple[Gate, ...]] = tuple
        self.planned: Callable[[str], Planned | None] = lambda zone: None
        """What the plan wants of a zone in this run; set by whoever knows the plan."""
        self.purpose: Purpose | None = None
        self.client_training: bool | None = None
        self.plan_depth_um: Mapping[str, int] = {}
        self.overrides: Mapping[str, str] = {}
        self.overridden_about: Mapping[str, str] = {}
        """What each gate was about when it was opened; it shuts again when it is about something else."""

        self.identity: Identity | None = None
        self.capabilities: Capabilities | None = None
        self.cartridge = Cartridge(False)
        self.status: Status | None = None
        self.vitals: Vitals | None = None
        self.readback: ReadBack | None = None
        self.correction: CorrectionState | None = None
        self.correction_table: CorrectionTable | None = None
        """The correction that the pen applies, as it was read back; set by whoever reads it."""
        self.run: Grant | None = None
        self.zone: str | None = None
        self.latched = False
        self.latch_cause = ""
        self.last_stop_ms: float | None = None
        self.stop_found_still = False
        """The last STOP found the pen still already: it measured nothing."""
        self.stop_generation = 0
        self.up_at: float | None = None
        self.parked_at = float("-inf")
        """When the pen last said that its needle has come to a dead centre."""
        self.quiet_until = float("-inf")
        """Until then motion is the motor running down."""
        self.motion_seen: asyncio.Future[None] | None = None

        # A tuple, replaced when it changes: a listener may leave while it is being called.
        self._listeners: tuple[Callable[[ControlEvent], None], ...] = ()
        self._uncommanded = False
        self._stop_is_ours = False
        """STOP was sent since the pen was last heard to be not stopped."""
        self._cartridge_generation = 0
        self._context: Context | None = None
        self._context_of: tuple[object, ...] = ()
        self._pause_motion_at: float | None = None
        self._state_since_ms = 0
        """The pen's time of the first STATUS with the state of the newest one."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self.lane = CommandLane(pen, journal, source, self._outcome, self.journal_trouble)
        self.depth_limit = DepthLimit(self.lane, self.limits, lambda: self.readback, lambda: pen.connected)
        self.stop_lane = StopLane(pen, self.motion, alarms, self._stopped)
        self.lease = LeaseKeeper(pen.renew_lease, self.permit, self.lease_refused)
        self._takers: dict[type[PenInput], Callable[[Any], None]] = {
            Telemetry: self._sample,
            Status: self._status,
            ReadBack: self._read_back,
            CorrectionState: self._corrected,
            Vitals: self._vitals,
            PenEvent: self._event,
            Gap: self._gap,
            Up: self._up,
            Rebooted: self._rebooted,
            Lost: self._lost,
        }
        self._unsubscribe = pen.subscribe(self._input)
        self._vigil = Vigil(self)

    # -- listeners

    def listen(self, listener: Callable[[ControlEvent], None]) -> Callable[[], None]:
        """Call ``listener`` synchronously for every control event; returns the function that ends it."""
        self._listeners = (*self._listeners, listener)

        def leave() -> None:
            self._listeners = tuple(other for other in self._listeners if other is not listener)

        return leave

    def tell(self, event: ControlEvent) -> None:
        """Tell all listeners."""
        for listener in self._listeners:
            # What comes after an event may be a stop: a listener that fails must not keep it from coming.
            try:
                listener(event)
            except Exception:
                log.exception("a listener failed at %s", type(event).__name__)

    def _outcome(self, intent: Intent, outcome: str, text: str) -> None:
        self.tell(CommandDone(self.loop.time(), intent.action, intent.value, outcome, text))

    def journal_trouble(self, text: str) -> None:
        """The record failed: shown, and the pen stops if it may be turning."""
        if self.run is not None:
            self.stop("record failed")
        self.alarms.raise_("record", Priority.HIGH, f"The record cannot be written: {text}"[:160])

    # -- inputs from the pen

    def _input(self, item: PenInput) -> None:
        try:
            self._takers[type(item)](item)
        except Exception:
            # Control that does not know what it heard must not leave a motor running.
            log.exception("control failed at %s", type(item).__name__)
            if self.run is not None or self.motion.turning:
                self.stop("control failed")

    def _read_back(self, item: ReadBack) -> None:
        self.readback = item
        self.arrival.expect(item.depth_um, item.at)
        run = self.run
        # While a command is on its way, whoever sent it tells what came of it.
        if run is not None and not self.lane.busy and (run.depth_um, run.rate_mhz) != (item.depth_um, item.rate_mhz):
            run.depth_um, run.rate_mhz = item.depth_um, item.rate_mhz
            self.tell(SetpointApplied(item.at, item.depth_um, item.rate_mhz))

    def _corrected(self, item: CorrectionState) -> None:
        self.correction = item

    def _vitals(self, item: Vitals) -> None:
        self.vitals = item
        self.sensors.vitals(item)

    def _gap(self, item: Gap) -> None:  # noqa: ARG002
        self.sensors.gap()

    def _sample(self, sample: Telemetry) -> None:
        self.lane.clock_ms = sample.clock_ms
        motion = self.motion
        motion.feed(sample)
        self.sensors.sample(sample)
        going = self.run
        self.rate_watch.sample(sample, going.rate_mhz if going is not None and going.phase == "running" else None)
        if self.stop_lane.active:
            self.stop_lane.check()
        if (verdict := self.arrival.sample(sample.depth_um, sample.at)) is not None:
            self._arrived(verdict, sample)
        if motion.turning:
            run = self.run
            if run is None:
                self._turning_without_run(sample)
            elif run.phase == "starting":
                seen = self.motion_seen
                if seen is not None and not seen.done():
                    seen.set_result(None)
            elif run.phase == "paused":
                self._turning_in_pause(sample)
            elif run.phase == "parking" and sample.rate_mhz > TURNING_MHZ:
                self._turning_without_run(sample)
        else:
            self._uncommanded = False
            self._pause_motion_at = None

    def _arrived(self, verdict: str, sample: Telemetry) -> None:
        target = self.arrival.target_um or 0
        if verdict == "arrived":
            self.alarms.clear("depth")
            self.tell(DepthArrived(sample.at, target, sample.depth_um))
        else:
            text = f"Depth {mm(sample.depth_um)} measured, {mm(target)} set. Lift the pen and check the cartridge."
            self.alarms.raise_("depth", Priority.MEDIUM, text)

    def _turning_without_run(self, sample: Telemetry) -> None:
        if self.stop_lane.active or self._uncommanded:
            return
        if sample.at < self.quiet_until and not self._driven_on(sample):
            return
        self._uncommanded = True
        self.stop("uncommanded motion")
        text = "The motor turns although nobody started it. Lift the pen; switch it off if it goes on."
        self.alarms.raise_("uncommanded", Priority.HIGH, text)
        self.tell(Uncommanded(sample.at))

    def _turning_in_pause(self, sample: Telemetry) -> None:
        """Button or footswitch may have resumed the run, and then a STATUS says so before the motor is up to speed."""
        if self._driven_on(sample):
            self._turning_without_run(sample)
            return
        if sample.at < self.quiet_until:
            return
        if self._pause_motion_at is None:
            self._pause_motion_at = sample.at
        status = self.status
        told = status is not None and status.state is PenState.PAUSED and status.at > self._pause_motion_at
        if told or sample.at - self._pause_motion_at > RUN_DOWN_S:
            self._turning_without_run(sample)

    def _driven_on(self, sample: Telemetry) -> bool:
        """The motor has current although the pen itself said, long enough ago by its own clock, that no run goes on.

        In a pause only current that never ceased counts: a button may have resumed the run.
        """
        since, status = self.motion.powered_since_ms, self.status
        if since is None or status is None or status.state in _MAY_DRIVE:
            return False
        told = self._state_since_ms
        if status.state is PenState.PAUSED and since > told:
            return False
        return sample.clock_ms - max(since, told) >= DRIVEN_MS

    def _status(self, status: Status) -> None:
        before = self.status.state if self.status is not None else None
        if before is not status.state:
            self._state_since_ms = status.clock_ms
        self.status = status
        self.lane.boot_id = status.boot_id
        if status.clock_ms > self.lane.clock_ms:
            self.lane.clock_ms = status.clock_ms
        self.lane.status(status)
        self.stop_lane.status(status)
        state, run = status.state, self.run
        if state is not PenState.STOPPED and before in (None, PenState.STOPPED) and not self.stop_lane.active:
            self._stop_is_ours = False
        if state.latched:
            # What it was stopped by before it was connected is not known, and not news.
            if state is PenState.STOPPED and before not in (None, state) and not self._stop_is_ours:
                self.tell(StoppedElsewhere(status.at))
            self._latch(state)
        elif run is not None:
            if state is PenState.PAUSED and run.phase == "running":
                self._pause(run, status.at)
            elif state is PenState.RUNNING and run.phase == "paused":
                run.phase = "running"
                self.tell(RunResumed(status.at))
            elif state is PenState.IDLE and run.phase != "starting" and not self.lane.busy:
                self.end_run("stands" if run.phase == "parking" else "ended")

    def _pause(self, run: Grant, at: float) -> None:
        run.phase, run.paused_at = "paused", at
        self.quiet_until = at + RUN_DOWN_S
        self._pause_motion_at = None
        self.tell(RunPaused(at))

    def _latch(self, state: PenState) -> None:
        cause = LATCH_TEXT.get(state, state.name.lower())
        if not self.latched or self.latch_cause != cause:
            self.latched, self.latch_cause = True, cause
            if state is PenState.LEASE_EXPIRED:
                stood = self.stood()
                why = f", because the station did not run for {stood:.1f} s" if stood else ""
                text = f"The pen stopped itself: its lease ran out{why}. Reset to go on."
                self.alarms.raise_("lease", Priority.MEDIUM, text)
        if state is PenState.FAULT:
            self._fault()
        if self.run is not None:
            self.end_run(cause)

    def _fault(self) -> None:
        """A pen that is only too warm has stopped in time; any other fault may have hurt."""
        warm = self.status is not None and self.status.faults == 1 << Fault.OVERTEMPERATURE
        if warm:
            self.alarms.raise_("fault", Priority.MEDIUM, "The pen is too warm and stopped. Let it cool, then reset.")
        else:
            names = ", ".join(self.fault_names()) or "unnamed"
            self.alarms.raise_("fault", Priority.HIGH, f"Pen fault: {names}. Lift the pen, look, then reset.")

    def _event(self, event: PenEvent) -> None:
        if event.code is EventCode.RUN_TIME_OVER and self.run is not None:
            self.end_run("run time over")
        elif event.code is EventCode.PAUSE_OVER and self.run is not None:
            self.end_run("pause over")
        elif event.code is EventCode.PARKED:
            self.parked_at = event.at
        elif event.code is EventCode.CARTRIDGE_CHANGED:
            self._cartridge_generation += 1
            self.cartridge = Cartridge(False)
            if self.run is not None:
                self.stop("cartridge changed")
            self._spawn(self._read_cartridge(self._cartridge_generation))

    def _up(self, up: Up) -> None:
        before = self.identity
        if before is not None and _unit(before) != _unit(up.identity):
            self.lane.other_pen()
            self.end_session()
        self.identity, self.capabilities, self.cartridge = up.identity, up.capabilities, up.cartridge
        self._cartridge_generation += 1
        self.lane.boot_id = up.identity.boot_id
        self.alarms.clear("link")
        self.up_at = up.at
        self.stop_lane.connected()
        if self.lane.pen_id is not None:
            self.adopt_open()

    def bind(self, pen_id: UUID) -> None:
        """The record knows this pen as ``pen_id``: commands may be journalled, and open ones are taken up."""
        self.lane.pen_id = pen_id
        self.adopt_open()

    # -- the session

    def begin_session(self, session_id: UUID, purpose: Purpose, training: bool | None, plan: Mapping[str, int]) -> None:
        """A session is open: its purpose decides the gates, its plan (µm by zone code) limits depth.

        ``training`` tells of its client (None without one).
        """
        self.end_session()
        self.lane.session_id = session_id
        self.purpose, self.client_training, self.plan_depth_um = purpose, training, plan

    def end_session(self) -> None:
        """No session is open; nothing that was said for it is left."""
        self.lane.session_id = None
        self.purpose = self.client_training = self.zone = None
        self.plan_depth_um, self.overrides, self.overridden_about = {}, {}, {}

    def override(self, gate: str, reason: str) -> str | None:
        """Open a gate until the session ends; the sentence why not, or None. ``reason`` is in the record already."""
        shut = self.may_override(gate)
        if isinstance(shut, str):
            return shut
        self.overrides = {**self.overrides, gate: reason}
        self.overridden_about = {**self.overridden_about, gate: about(shut)}
        self.tell(GateOverridden(self.loop.time(), gate, reason))
        return None

    def may_override(self, gate: str) -> Gate | str:
        """The shut gate of this name that somebody may open now, or the sentence why not."""
        if self.purpose is None:
            return "No session is open; open one first."
        may = OVERRIDABLE[self.purpose].union(one.name for one in self.more_gates() if one.overridable)
        if gate not in may:
            names = ", ".join(sorted(may))
            return f"The gate '{gate}' cannot be overridden; in a {self.purpose.value} session only: {names}."
        if self.motion.at(self.loop.time()) is not Motion.STILL or self.run is not None:
            return "The pen is not confirmed still; END or STOP first."
        shut = next((one for one in self.gates() if one.name == gate and (not one.passed or one.overridden)), None)
        if shut is None:
            return f"The gate '{gate}' is open; there is nothing to override."
        return f"The gate '{gate}' was opened with a reason already." if shut.overridden else shut

    def adopt_open(self) -> None:
        """Take up commands that are still open in the record, then give the pen this station's depth limit."""
        self.lane.expect_adoption()
        self._spawn(self._adopt())

    async def _adopt(self) -> None:
        await self.lane.adopt_open()
        await self.depth_limit.push()

    def push_limit(self) -> None:
        """Give the pen this station's depth limit, which it does not hold."""
        if self.lane.pen_id is not None and not self.lane.unsettled:
            self._spawn(self.depth_limit.push())

    async def _read_cartridge(self, generation: int) -> None:
        try:
            cartridge = await self.pen.refresh_cartridge()
        except PenError:
            # Which one it is nobody knows: not the one before. The next connection reads it again.
            cartridge = Cartridge(False)
        if generation != self._cartridge_generation:
            return
        self.cartridge = cartridge
        self.pen.query()
        self.tell(CartridgeRead(self.loop.time(), self.cartridge))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        if self._closed:
            work.close()  # the record may tell late what pen this was; there is nobody left to ask it anything
            return
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _forget(self) -> None:
        self.motion.forget()
        self.arrival.forget()
        self.sensors.forget()
        self.rate_watch.forget()
        self.status = self.vitals = self.readback = self.correction = self.correction_table = None
        self.lane.clock_ms = 0

    def _rebooted(self, item: Rebooted) -> None:
        self._forget()
        self.lane.rebooted()
        self.alarms.raise_("reboot", Priority.MEDIUM, f"The pen restarted ({item.cause}). Check it before you go on.")
        if self.run is not None:
            self.stop("pen restarted")

    def _lost(self, item: Lost) -> None:
        moving = self.run is not None or self.motion.turning
        self._forget()
        self.alarms.raise_("link", Priority.HIGH if moving else Priority.LOW, item.reason)
        if moving:
            self.stop("link lost")

    # -- the stop

    def stop(self, source: str) -> bool:
        """STOP: bytes first, then everything else. True when the link took them. Legal at any time, from anywhere."""
        return self.begin_stop(source)()

    def begin_stop(self, source: str) -> Callable[[], bool]:
        """The bytes of :meth:`stop`; to be followed at once by a call of what is returned, which does everything else.

        Who stops many pens lets the bytes of all of them go before the rest of the first.
        """
        began, stopping = self.loop.time(), self.stop_lane.active
        sent = self.stop_lane.begin(source)
        now = self.loop.time()
        return lambda: self._stop_sent(source, sent, began, now, stopping)

    def _stop_sent(self, source: str, sent: bool, began: float, now: float, stopping: bool) -> bool:
        if not stopping:
            self.stop_found_still = self.run is None and self.motion.at(began) is Motion.STILL
        self.stop_generation += 1
        self._stop_is_ours = True
        self.lease.stop()
        self.latched, self.latch_cause = True, f"stopped: {source}"
        if self.run is not None:
            self.end_run("stopped")
        if self.motion_seen is not None and not self.motion_seen.done():
            self.motion_seen.cancel()
        self.tell(StopRequested(began, source, sent, (now - began) * 1000))
        return sent

    def _stopped(self, source: str, still_ms: float) -> None:
        if not self.stop_found_still:
            self.last_stop_ms = still_ms
        self.tell(StopDone(self.loop.time(), source, still_ms, self.stop_found_still))

    def end_run(self, why: str) -> None:
        """The grant is gone; the motor may still run down for a moment."""
        self.lease.stop()
        now = self.loop.time()
        self.quiet_until = now + RUN_DOWN_S
        run, self.run = self.run, None
        if run is not None:
            self.tell(ParkOver(now, why) if run.phase == "parking" else RunOver(now, why))

    # -- what a run lives by

    def permit(self) -> str | None:
        """Why the lease must not be renewed now; None when it may."""
        if self.latched or self.run is None:
            return "stopped"
        if (gone := self.alive()) is not None:
            return gone
        if self.motion.age(self.loop.time()) > FRESH_S:
            return "no data from the pen"
        if self.journal.silent_for() > WRITER_SILENT_S:
            return "the record is silent"
        return None

    def lease_refused(self, why: str) -> None:
        """The lease is not renewed any more, and STOP does not wait for it to run out.

        After a standstill of this process every silence is its own, and nobody else is blamed for it.
        """
        if self.run is not None:
            if stood := self.stood():
                why = f"the station did not run for {stood:.1f} s"
            self.stop(why)
            self.alarms.raise_("lease-refused", Priority.HIGH, f"Stopped: {why}. Lift the pen.")

    # -- what others look at

    def fault_names(self) -> tuple[str, ...]:
        """The pen's faults in words."""
        mask = self.status.faults if self.status is not None else 0
        return tuple(f.name.lower().replace("_", " ") for f in Fault if mask >> f & 1)

    def context(self, zone: str | None = None) -> Context | None:
        """What limits look at; None before the pen has said who it is."""
        if self.capabilities is None:
            return None
        held = self.readback.depth_limit_um if self.readback is not None else None
        what = (
            self.capabilities,
            self.cartridge,
            self.limits,
            zone or self.zone,
            held,
            self.plan_depth_um,
            self.correction_table,
        )
        if self._context_of != what:
            self._context_of, self._context = what, Context(*what)
        return self._context

    def gates(self, *, depth_follows: bool = False) -> tuple[Gate, ...]:
        """Every gate, judged now; ``depth_follows`` for what sets another depth and waits for it before it starts."""
        return evaluate(facts(self, depth_follows), self.more_gates())

    async def close(self) -> None:
        """End timers and subscriptions. Does not stop the pen: see :meth:`stop`."""
        self._closed = True
        self._unsubscribe()
        self._vigil.close()
        self.lease.stop()
        self.stop_lane.close()
        self.lane.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
