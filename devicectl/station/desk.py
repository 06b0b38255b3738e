"""One pen and everything that belongs to it while the station holds it: control, recording, its controlling client."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeVar

from devicectl.access.roster import Operator
from devicectl.alarms.board import AlarmBoard, AlarmChange, Priority
from devicectl.control.controller import Controller
from devicectl.control.envelope import StationLimits, hz, mm
from devicectl.control.events import (
    CommandDone,
    ControlEvent,
    GateOverridden,
    ParkOver,
    PlannedTime,
    RunGranted,
    RunOver,
    RunPaused,
    RunResumed,
    StopDone,
    StoppedElsewhere,
    StopRequested,
    Uncommanded,
)
from devicectl.control.intents import Intents
from devicectl.control.journal import Journal
from devicectl.control.motion import Motion
from devicectl.control.parking import Parking
from drivers.address import Address
from drivers.api import Gap, Lost, Outcome, Pen, PenError, PenInput, Telemetry, Up
from drivers.reconnect import KeepConnected

from .capturing import Capture
from .recording import STOPPED_ELSEWHERE, Recording
from .source import SeededSource, SystemSource
from .trace import Trace
from .views import LogView

HEARTBEAT_LOST_S: Final = 0.4
LOG_LINES: Final = 200
SEEN_LATE_MS: Final = 1_000
"""No motor runs down for so long: the pen was only heard again."""
log = logging.getLogger("devicectl.station")
T = TypeVar("T")


async def _inline(call: Callable[[], Any]) -> Any:
    return call()


class Holder:
    """The controlling client's pulse: alive while both its counters advance at least every 400 ms.

    ``operator`` answers who is signed in there.
    """

    def __init__(self, name: str, now: float, operator: Callable[[], Operator | None] = lambda: None) -> None:
        self.name = name
        self.operator = operator
        self._frame = -1
        self._keys = -1
        self._beat_at = now
        self.beaten = False

    def beat(self, frame: int, keys: int, now: float) -> None:
        """Take a heartbeat; it counts only when both counters rose since the one that counted last."""
        if frame > self._frame and keys > self._keys:
            self._frame, self._keys, self._beat_at = frame, keys, now
            self.beaten = True

    def alive(self, now: float) -> bool:
        """True while the last counting beat is younger than 400 ms."""
        return self.beaten and now - self._beat_at <= HEARTBEAT_LOST_S


class Desk:
    """Holds one pen. Made by the station; ``changed`` is called when something worth a fresh view happened."""

    def __init__(
        self,
        address: Address,
        pen: Pen,
        *,
        journal: Journal,
        recording: Callable[[Desk], Recording],
        source: SystemSource | SeededSource,
        limits: StationLimits,
        changed: Callable[[Desk], None],
        absent: Callable[[Address], Awaitable[str | None]] | None = None,
        aside: Callable[[Callable[[], Any]], Awaitable[Any]] = _inline,
    ) -> None:
        self.address = address
        self.aside = aside
        """Calls what takes long beside the loop."""
        self.pen = pen
        self.source = source
        self.loop = asyncio.get_running_loop()
        self.alarms = AlarmBoard(self.loop.time)
        self.control = Controller(pen, journal=journal, alarms=self.alarms, source=source, limits=limits)
        self.intents = Intents(self.control, source.ticket)
        self.parking = Parking(self.control, source.ticket)
        self.trace = Trace()
        self.log: deque[LogView] = deque(maxlen=LOG_LINES)
        self.holder: Holder | None = None
        self.capture: Capture | None = None
        self.link_text = "connecting"
        self.lost_at: float | None = None
        """Since when the link is lost, in loop time; None before the first connection and while it is up."""
        self.moved_from = ""
        """The address at which the same pen was lost before."""
        self._unrecorded = ""
        self._blinking: asyncio.Task[Outcome] | None = None
        self._changed = changed
        self.recording = recording(self)
        self.control.alive = self._holder_problem
        self.control.record_problem = self.recording.problem
        self.control.firmware_problem = self.recording.firmware_problem
        self.control.more_gates = self.recording.gates
        self.control.planned = self.recording.charting.planned
        self.control.listen(self._event)
        self.alarms.subscribe(self._alarm)
        pen.subscribe(self._input)
        self.first_up: asyncio.Future[str] = self.loop.create_future()
        self.on_up: Callable[[Up], None] = lambda up: None
        self.keeper = KeepConnected(pen, self._failed, partial(absent, address) if absent is not None else None)

    # -- inputs

    def _failed(self, error: PenError) -> None:
        self.link_text = str(error)
        if not self.first_up.done():
            self.first_up.set_exception(error)
        self._changed(self)

    def _input(self, item: PenInput) -> None:
        kind = type(item)
        if kind is Telemetry:
            self.trace.sample(item)  # type: ignore[arg-type]
        elif kind is Gap:
            self.trace.gap()
        elif isinstance(item, Up):
            self.link_text = "up"
            self.lost_at = None
            self.say(f"pen {item.identity.serial} connected")
            self.on_up(item)
            if not self.first_up.done():
                self.first_up.set_result(item.identity.serial)
        elif isinstance(item, Lost):
            self.link_text = item.reason
            self.lost_at = item.at
            self.trace.gap()
            self.say("link lost")
        self._record(self.recording.input, item)

    def _event(self, event: ControlEvent) -> None:
        self._record(self.recording.event, event)
        if isinstance(event, PlannedTime) and event.indicate:
            self._blinking = self.loop.create_task(self.intents.indicate())
        text = _TEXTS.get(type(event))
        if text is not None and (line := text(event)):
            self.say(line)
        self._changed(self)

    def _alarm(self, change: AlarmChange) -> None:
        self._record(self.recording.log.alarm, change)
        if change.kind == "raised":
            self.say(f"alarm: {change.alarm.text}")
        self._changed(self)

    def _record(self, write: Callable[[T], None], item: T) -> None:
        """What cannot be recorded is trouble of the record: told, and the pen stands still."""
        try:
            write(item)
        except Exception as error:
            text = f"{type(item).__name__} could not be recorded ({error}); see the log."
            if text != self._unrecorded:
                # Samples come 50 times a second: the log has each trouble once.
                self._unrecorded = text
                log.exception("recording failed")
            self.control.journal_trouble(text)

    def say(self, text: str) -> None:
        """Add a line to the session log."""
        self.log.append(LogView(self.source.utc_us() / 1e6, text))

    def remark(self, code: str, text: str, data: dict[str, Any]) -> None:
        """Something that the record should say beside what happened, and the session log too."""
        self._record(lambda row: self.recording.log.event(*row), (code, text, data))
        self.say(text)

    def stopped_directly(self, text: str, source: str) -> None:
        """STOP went around this station, straight to the pen: that is what stopped it, whatever was thought until now."""
        self.say(text)
        if self.alarms.active("lease-refused"):
            why = f"Stopped: STOP ({source}) went straight to the pen, past this station. Lift the pen."
            self.alarms.raise_("lease-refused", Priority.HIGH, why)
            self._changed(self)

    # -- control

    def _holder_problem(self) -> str | None:
        holder = self.holder
        if holder is None:
            return "nobody holds control"
        return None if holder.alive(self.loop.time()) else "the controlling screen does not answer"

    @property
    def confirmed_still(self) -> bool:
        """True when no run is granted or about to be, and the pen is seen still."""
        idle = self.control.run is None and not self.intents.starting and not self.parking.starting
        return idle and self.control.motion.at(self.loop.time()) is Motion.STILL

    @property
    def may_turn(self) -> bool:
        """True unless the pen is known to be still."""
        return self.control.run is not None or (self.pen.connected and not self.confirmed_still)

    @property
    def turns(self) -> bool:
        """True while a run is granted or about to be, or the motor is seen turning."""
        return self.control.run is not None or self.intents.starting or self.control.motion.turning

    def stop(self, source: str) -> bool:
        """STOP this pen; True when the link took the bytes."""
        return self.control.stop(source)

    def holder_gone(self, why: str) -> None:
        """The controlling client is gone: the pen stops if it may turn, and control is free."""
        if self.may_turn:
            self.stop(why)
        self.holder = None
        self._changed(self)

    async def close(self, why: str, at_last: Callable[[], None] = lambda: None) -> None:
        """Stop the pen if it may turn, wait up to half a second for stillness, close the record, let go.

        ``at_last`` is called when nothing is left to do but to let go: what is known of the pen then is the last there is.
        """
        if self.may_turn and self.pen.connected:
            if not self.control.stop_lane.active:
                self.stop(why)
            for _ in range(50):
                if self.confirmed_still:
                    break
                await asyncio.sleep(0.01)
        if self._blinking is not None:
            self._blinking.cancel()
        await self.recording.close(why)
        at_last()
        await self.control.close()
        await self.keeper.close()
        if self.capture is not None:
            self.capture.end("the pen was closed")
        if self.first_up.done() and not self.first_up.cancelled():
            self.first_up.exception()


_STEPS: Final = {"arm", "start", "limit_depth", "indicate", "park", "calibrate"}
"""Commands that only matter to a reader when they fail: what they lead to has a line of its own."""


def _command(event: CommandDone) -> str:
    """What a command did, or an empty line when another line says it already."""
    names = {
        "set_depth": f"depth {mm(event.value)}",
        "set_rate": f"rate {hz(event.value)}",
        "end": "END, run kept" if event.value else "END",
        "limit_depth": f"depth limit {mm(event.value)} for the pen",
    }
    name = names.get(event.action, event.action.replace("_", " "))
    if event.outcome == "confirmed":
        return "" if event.action in _STEPS else f"{name}, confirmed"
    return f"{name}: {event.outcome.replace('_', ' ')}{': ' + event.text if event.text else ''}"


def _still(event: StopDone) -> str:
    """How long a STOP took. After a lost link it is when the pen was seen again, not when it stood still."""
    if event.already:
        return "was still already"
    if event.still_ms >= SEEN_LATE_MS:
        return f"seen still {event.still_ms / 1000:.1f} s after STOP"
    return f"still, {event.still_ms:.0f} ms after STOP"


_TEXTS: Final[dict[type[Any], Callable[[Any], str]]] = {
    RunGranted: lambda e: f"{e.zone}: started at {mm(e.depth_um)}, {hz(e.rate_mhz)}",
    RunPaused: lambda e: "paused",
    RunResumed: lambda e: "resumed",
    RunOver: lambda e: f"run over: {e.why}",
    ParkOver: lambda e: f"parking over: {e.why}",
    StopRequested: lambda e: f"STOP ({e.source})" + ("" if e.sent else ", the link did not take it"),
    StopDone: _still,
    StoppedElsewhere: lambda e: STOPPED_ELSEWHERE,
    GateOverridden: lambda e: f"gate {e.gate} overridden with a reason",
    PlannedTime: lambda e: f"{e.zone}: planned time reached",
    Uncommanded: lambda e: "motor turned without a run",
    CommandDone: _command,
}
