"""A capture as a client of no station: a dashboard shows it, and nothing that is asked of it leaves this program."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final

from devicectl.control.motion import MotionMonitor
from devicectl.station.client_api import StationError
from devicectl.station.trace import Trace
from devicectl.station.views import LimitsView, LogView, PenView, RunView, View
from drivers.api import (
    Fault,
    Gap,
    Lost,
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

from .capture_file import Damage, Reader, Record
from .dissect import Dissector, Line, printable
from .replay import Clock, Item, Player

VIEW_S: Final = 0.1
LOG_SHOWN: Final = 20
NOTHING: Final = "This is a replay: nothing can be started, set or recorded; no byte leaves this computer."
_RUNNING: Final = {PenState.RUNNING: "running", PenState.PAUSED: "paused"}


class Known:
    """What is known of the captured pen at an instant of the capture."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.up: Up | None = None
        self.status: Status | None = None
        self.vitals: Vitals | None = None
        self.readback: ReadBack | None = None
        self.motion = MotionMonitor()
        self.trace = Trace()
        self.link, self.link_text = "connecting", "nothing was heard yet"
        self.running_since = 0.0
        self.lost_samples = 0

    def hear(self, item: PenInput) -> None:
        """One input of the driver."""
        match item:
            case Telemetry():
                self.motion.feed(item)
                self.trace.sample(item)
            case Status():
                was = self.status.state if self.status is not None else None
                if item.state is PenState.RUNNING and was not in _RUNNING:
                    self.running_since = item.at
                self.status = item
            case Vitals():
                self.vitals = item
            case ReadBack():
                self.readback = item
            case Gap():
                self.lost_samples += item.missing
                self.trace.gap()
            case Up():
                self.up, self.link, self.link_text = item, "up", "up"
            case Lost() | Rebooted():
                self.away(item.reason if isinstance(item, Lost) else f"the pen restarted: {item.cause}")
            case PenEvent():
                pass

    def away(self, why: str) -> None:
        """The link is gone, or the capture."""
        self.link, self.link_text = "lost", printable(why)
        self.motion.forget()
        self.status = self.readback = None
        self.trace.gap()

    def pen(self, now: float) -> PenView:
        """The pen as a screen shows it, at ``now`` of the link's clock."""
        identity = self.up.identity if self.up is not None else None
        status, vitals, back, sample = self.status, self.vitals, self.readback, self.motion.sample
        state = status.state if status is not None else None
        age = self.motion.age(now)
        return PenView(
            address=self.address,
            model=identity.model if identity else "",
            serial=identity.serial if identity else "",
            firmware=identity.firmware if identity else "",
            simulated=bool(identity and identity.simulated),
            link=self.link,
            link_text=self.link_text,
            state=state.name.lower() if state is not None else "unknown",
            latched=bool(state is not None and state.latched),
            faults=tuple(f.name.lower() for f in Fault if status is not None and status.faults >> f & 1),
            motion=self.motion.at(now).value,
            depth_set_um=back.depth_um if back else None,
            rate_set_mhz=back.rate_mhz if back else None,
            depth_um=sample.depth_um if sample else None,
            rate_mhz=sample.rate_mhz if sample else None,
            current_ma=sample.current_ma if sample else None,
            contact=sample.contact if sample else None,
            temperature_cc=vitals.temperature_cc if vitals else None,
            battery_pct=vitals.battery_pct if vitals else None,
            battery_mv=vitals.battery_mv if vitals else None,
            sample_age_s=None if age == float("inf") else round(age, 3),
            vitals_age_s=round(now - vitals.at, 3) if vitals else None,
            status_age_s=round(now - status.at, 3) if status else None,
            lease_left_ms=status.lease_left_ms if status else 0,
            lease_ms=0,
            samples=self.trace.end,
            lost_samples=self.lost_samples,
            stop_ms=None,
            limits=self._limits(),
            settling=False,
            replay=True,
        )

    def _limits(self) -> LimitsView | None:
        if self.up is None:
            return None
        caps, cartridge = self.up.capabilities, self.up.cartridge
        limit = self.readback.depth_limit_um if self.readback is not None else caps.depth_max_um
        return LimitsView(
            depth_min_um=caps.depth_min_um,
            depth_max_um=min(caps.depth_max_um, cartridge.depth_max_um or caps.depth_max_um),
            depth_step_um=caps.depth_step_um,
            depth_soft_um=limit,
            rate_min_mhz=caps.rate_min_mhz,
            rate_max_mhz=caps.rate_max_mhz,
            rate_step_mhz=caps.rate_step_mhz,
            needles=cartridge.needles,
            cartridge=cartridge.type if cartridge.present else "",
            has_contact=caps.has_contact,
        )

    def run(self, now: float) -> RunView | None:
        """A run of the captured pen, of which bytes do not tell the zone."""
        status, back = self.status, self.readback
        if status is None or status.state not in _RUNNING:
            return None
        left = back.run_max_ms / 1000 if back is not None else 0.0
        elapsed = round(now - self.running_since, 1)
        depth, rate = (back.depth_um, back.rate_mhz) if back is not None else (0, 0)
        return RunView("replay", depth, rate, _RUNNING[status.state], elapsed, round(left, 1), None)


class ReplayClient:
    """A :class:`devicectl.station.client_api.StationClient` that shows a capture at ``speed`` and refuses everything."""

    def __init__(self, reader: Reader, speed: float = 1.0) -> None:
        self._speed = speed
        self._loop = asyncio.get_running_loop()
        self._items: Iterator[Item] = iter(reader)
        self._known = Known(printable(str(reader.header.get("address", ""))))
        self._player = Player(self._known.hear)
        self._lines = Dissector()
        self._log: deque[LogView] = deque(maxlen=200)
        self._listeners: list[Callable[[View], None]] = []
        self._next: Item | None = next(self._items, None)
        self._clock = Clock()
        self._begun = self._loop.time()
        self._last: Record | None = None
        # When it was due, and when the next one is, if that was asked already.
        self._due = 0.0
        self._waiting: float | None = None
        self._serial = self._position = 0
        self._task: asyncio.Task[None] | None = None
        self.over = asyncio.Event()
        """Set when the capture has been played to its end."""

    # -- playing

    async def _play(self) -> None:
        while True:
            self._catch_up()
            self._serial += 1
            view = self._view()
            for listener in self._listeners:
                listener(view)
            await asyncio.sleep(VIEW_S)

    def _now(self) -> tuple[float, int]:
        """The instant of the capture that is shown: the link's clock in s, and UTC in ns."""
        if self._last is None:
            return 0.0, 0
        gone = (self._loop.time() - self._begun) * self._speed - self._due
        return self._last.at + gone, self._last.utc_ns + round(gone * 1e9)

    def _catch_up(self) -> None:
        while (item := self._next) is not None:
            if isinstance(item, Record) and not self._reached(item):
                return
            self._player.take(item)
            for line in self._lines.some(item):
                self._tell(line)
            if isinstance(item, Damage):
                self._say(item.text)
            self._next = next(self._items, None)
        if not self.over.is_set():
            self.over.set()
            self._known.away("the capture has ended")
            self._say("the capture has ended")

    def _reached(self, record: Record) -> bool:
        """Whether it is time for the next record."""
        if self._waiting is None:
            self._waiting = self._clock.due(record)
        if self._waiting > (self._loop.time() - self._begun) * self._speed:
            return False
        self._last, self._due, self._waiting = record, self._waiting, None
        return True

    def _tell(self, line: Line) -> None:
        if line.message == "STOP" and line.way == "out":
            self._say("STOP was sent")
        elif line.message == "CMD":
            self._say(f"{line.fields['opcode']} {line.fields['argument']} was sent")
        elif line.message == "EVENT":
            self._say(f"the pen told: {line.fields['code']}")
        elif line.message in ("OPENING", "UP", "LOST", "CLOSED", "JOINED", "GAP"):
            self._say(f"capture: {line.message.lower()} {line.fields.get('reason', '')}".strip())

    def _say(self, text: str) -> None:
        self._log.append(LogView(self._now()[1] / 1e9, printable(text)))

    def _view(self) -> View:
        now, utc_ns = self._now()
        trace, self._position = self._known.trace.since(self._position), self._known.trace.end
        return View(
            serial=self._serial,
            utc=utc_ns / 1e9,
            controller="the replay",
            you_control=False,
            pen=self._known.pen(now),
            run=self._known.run(now),
            session=None,
            alarms=(),
            gates=(),
            log=tuple(self._log)[-LOG_SHOWN:],
            trace=trace,
            zone=None,
            depth_request_um=None,
            rate_request_mhz=None,
            record_ok=True,
            silenced_s=0.0,
        )

    # -- as a client

    def on_view(self, listener: Callable[[View], None]) -> None:
        """Begin to play."""
        self._listeners.append(listener)
        if self._task is None:
            self._task = self._loop.create_task(self._play())

    def on_lost(self, listener: Callable[[str], None]) -> None:
        """Never called: there is no station to be lost."""

    def on_direct(self, listener: Callable[[str], None]) -> None:
        """Never called: there is no pen to go to."""

    async def request(self, method: str, **params: Any) -> Any:  # noqa: ARG002
        """Everything is refused, by :class:`StationError`."""
        raise StationError(NOTHING, "replay")

    def activity(self) -> None:
        """Nobody is signed in at a replay."""

    def heartbeat(self, frame: int, keys: int) -> None:
        """Keeps nothing alive."""

    def stop_now(self, source: str) -> None:
        """Harmless, from any thread: there is nothing to stop, and the log says so."""
        self._say(f"STOP ({source}): this is a replay, nothing was sent")

    async def close(self) -> None:
        """Play no further."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
