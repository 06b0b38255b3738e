"""What a desk writes into the record: its pen, its session and their passes; and what it shows of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import sqlalchemy as sa

from devicectl.control.events import (
    CartridgeRead,
    ControlEvent,
    ParkOver,
    ParkStarting,
    RunOver,
    RunPaused,
    RunResumed,
    RunStarting,
    SetpointApplied,
    StopDone,
    StoppedElsewhere,
    StopRequested,
    Uncommanded,
    ZoneChosen,
)
from devicectl.control.gates import Gate, Purpose
from devicectl.control.motion import RUN_DOWN_S
from devicectl.records import jobs
from devicectl.records.calibrations import Unit
from devicectl.records.errors import RecordError, RecordRefused
from devicectl.records.pass_operators import PASS_OPERATOR
from devicectl.records.rows import EventRow
from devicectl.records.store import Store
from devicectl.treatment.opening import Asked, Opened
from devicectl.treatment.pass_events import CloseReason, PassClosed, PassKind, PassOpened, RecorderEvent
from devicectl.treatment.pass_recorder import PassRecorder
from devicectl.treatment.pass_writer import PassWriter
from devicectl.treatment.zones import parse_zone
from drivers.api import Cartridge, CorrectionState, Gap, Lost, PenEvent, PenInput, Rebooted, Telemetry, Up, Vitals

from .binding import PenBinding
from .calibrated import Calibrated
from .calibrating import Calibrating
from .charting import Charting
from .client_api import StationError
from .health import RecordHealth
from .kept_journal import KeptJournal
from .logbook import Logbook
from .outbox import Outbox
from .treatments import Treatments
from .unwritten import Unwritten
from .views import PassView, SessionView, ZoneView

if TYPE_CHECKING:
    from .desk import Desk

TICK_S: Final = 1.0
CLOSE_S: Final = 3.0
"""How long the end of a session waits for a record that cannot be written."""
EARLY_EVENTS: Final = 100
"""Events kept while the record does not know the pen yet (motion at the moment of connecting)."""
CLOSED: Final = "closed"
INTERRUPTED: Final = "interrupted"
ABANDONED: Final = "abandoned"
STOPPED_ELSEWHERE: Final = "The pen was stopped at the pen or by another connection, not by this station."
"""Of a STOP of which only the pen tells."""

_REASONS: Final = {
    "ended": CloseReason.ENDED,
    "run time over": CloseReason.ENDED,
    "pause over": CloseReason.PAUSED,
    "lease expired": CloseReason.LEASE_EXPIRED,
    "link lost": CloseReason.LOST,
    "not started": CloseReason.ENDED,
}


class Recording:
    """One desk's side of the record."""

    def __init__(
        self, desk: Desk, store: Store, unwritten: Unwritten, journal: KeptJournal, treatments: Treatments
    ) -> None:
        self._desk = desk
        self._treatments = treatments
        self.charting = Charting(desk, treatments)
        self._store = store
        self._unwritten = unwritten
        self._loop = asyncio.get_running_loop()
        self.health = RecordHealth(store, desk.control.journal_trouble, journal)
        self._submit = self.health.submit
        self.calibrated = Calibrated(desk, treatments, self._submit)
        self.calibrating = Calibrating(desk, treatments, self._submit)
        self._outbox = Outbox(self._submit)
        self.binding = PenBinding(self._submit, desk.source, self._bound_anew)
        self.log = Logbook(self._outbox.put, desk.source, lambda: (self._session, self.binding.pen_id))
        self._closed = False
        self._session: UUID | None = None
        self._opening: asyncio.Task[str] | None = None
        self._purpose = Purpose.BENCH
        self._opened_at = 0.0
        self._passes = 0
        self._writer: PassWriter | None = None
        self._early: list[RecorderEvent] = []
        self._recorder = self._new_recorder()
        self._timer = self._loop.call_later(TICK_S, self._tick)
        self._setpoint: tuple[int | None, int | None] = (None, None)

    def _new_recorder(self) -> PassRecorder:
        return PassRecorder(self._pass_event, self._desk.source.uuid)

    @property
    def unit(self) -> Unit | None:
        """The pen as the record knows it, whatever firmware runs on it; None before that."""
        identity = self._desk.control.identity
        if identity is None or self.binding.pen_id is None:
            return None
        return Unit(identity.manufacturer, identity.model, identity.serial, self.binding.origin)

    def gates(self) -> tuple[Gate, ...]:
        """What the record knows against a start of a treatment."""
        limits = self._treatments.limits.gates() if self._desk.control.purpose is Purpose.TREATMENT else ()
        return (*self.charting.gates(), *self.calibrated.gates(), *limits)

    def problem(self) -> str | None:
        """Why nothing should be started on this record, or None."""
        problem = self.health.problem()
        if problem is None and not self.binding.known:
            return "The record does not know this pen yet; wait a second."
        return problem

    def _tick(self) -> None:
        self._timer = self._loop.call_later(TICK_S, self._tick)
        self._recorder.tick(self._loop.time())
        self.health.tick()
        if self.health.failure is None:
            self.binding.again()

    # -- the pen

    def pen_up(self, up: Up) -> None:
        """The pen has said who it is: make it and its cartridge known to the record.

        Another pen than before, or other firmware, ends the session: what it does must not be written down as done by the
        first.
        """
        if change := self.binding.change(up):
            self._end_session(change)
            self._writer = None
            self._desk.intents.depth_request_um = self._desk.intents.rate_request_mhz = None
        self.binding.pen_up(up)

    def _bound_anew(self) -> None:
        pen_id = self.binding.pen_id
        assert pen_id is not None
        self._recorder.needles = self.binding.needles
        self._remake_writer()
        self._desk.control.bind(pen_id)
        self.calibrated.refresh()

    def _cartridge_changed(self, cartridge: Cartridge) -> None:
        """What was done until now was done with the one before; nothing starts until the record knows the new one."""
        control = self._desk.control
        if control.identity is None or control.capabilities is None:
            return
        self.binding.cartridge_changed(control.identity, control.capabilities, cartridge)
        self._recorder.needles = cartridge.needles
        self._remake_writer()

    def firmware_problem(self) -> str | None:
        """Why the firmware is not trusted, or None."""
        return self.binding.firmware_problem(str(self._desk.address))

    async def accept_firmware(self) -> None:
        """Somebody has checked the pen with its new firmware."""
        await self.binding.accept_firmware(self.log)

    def _remake_writer(self) -> None:
        pen_id = self.binding.pen_id
        if pen_id is None:
            return
        self._writer = PassWriter(
            self._outbox.put,
            session_id=self._session,
            pen_id=pen_id,
            cartridge_id=self.binding.cartridge_id,
            utc_us=self._desk.source.utc_us,
            boot_us=self._desk.source.boot_us,
            failed=lambda error: None,
            by=self._begun_by,
        )
        early, self._early = self._early, []
        for event in early:
            self._writer(event)

    def _begun_by(self, opened: PassOpened) -> EventRow | None:
        """Who holds control while a pass begins; until its end nobody else can take it."""
        operator = self._desk.holder.operator() if self._desk.holder is not None else None
        if operator is None or opened.kind is not PassKind.GRANTED:
            return None
        data = {"pass": str(opened.id), "operator": str(operator.id), "name": operator.name}
        return self.log.event_row(PASS_OPERATOR, f"pass {opened.seq}: {operator.name}", data)

    # -- sessions

    async def open_session(self, asked: Asked, depths: Mapping[str, int] | None = None) -> str:
        """Open a session; ``depths`` limits depth (µm by zone code), beside its plan. Raises :class:`StationError` when one
        is open or the record refuses.

        Once begun it is finished, though the one who asked may be gone: else the record had an open session that
        nobody here knows of.
        """
        if self._session is not None or self._opening is not None:
            raise StationError("A session is open already; close it first.", "session-open")
        pen_id = self.binding.pen_id
        if pen_id is None or not self.binding.known:
            raise StationError("The record does not know this pen yet; wait a second.", "record")
        self._opening = self._loop.create_task(self._open_session(pen_id, asked, depths or {}))
        self._opening.add_done_callback(self._opened)
        return await asyncio.shield(self._opening)

    def _opened(self, task: asyncio.Task[str]) -> None:
        self._opening = None
        if not task.cancelled():
            task.exception()

    async def _open_session(self, pen_id: UUID, asked: Asked, depths: Mapping[str, int]) -> str:
        source = self._desk.source
        try:
            job = self._treatments.opener.opened(asked, pen_id, self._store.boot_id, source.utc_us(), source.boot_us())
            opened: Opened = await self._submit(job)
        except StationError:
            raise
        except RecordRefused as error:
            raise StationError(str(error), error.code) from error
        except Exception as error:
            raise StationError(f"The session could not be opened: {error}", "record") from error
        if pen_id != self.binding.pen_id:
            how = INTERRUPTED if asked.purpose == Purpose.TREATMENT.value else CLOSED
            self._outbox.put(jobs.session_closed(opened.id, source.utc_us(), how))
            raise StationError("Another pen was connected meanwhile; open the session again.", "another-pen")
        self._recorder.close(self._loop.time())
        self._session, self._purpose = opened.id, Purpose(asked.purpose)
        self._opened_at = self._loop.time()
        self._passes = 0
        self.charting.begin(opened)
        chart = self.charting.chart
        plan = {**(chart.depths_um if chart is not None else {}), **depths}
        training = None if chart is None else asked.training
        self._desk.control.begin_session(opened.id, self._purpose, training, plan)
        self._begin_anew()
        self._desk.log.clear()
        self._desk.say(f"session opened ({asked.purpose}{', client ' + opened.code if opened.code else ''})")
        return str(opened.id)

    async def close_session(self, reason: str) -> None:
        """End the open session; returns when that is stored. Does nothing when none is open. ``reason`` is ``closed`` when
        somebody closes it."""
        future = self._end_session(reason)
        if future is None:
            return
        await asyncio.wait((future,), timeout=CLOSE_S)
        if not future.done():
            text = "The record cannot be written now; the session is closed in it as soon as it can."
            raise StationError(text, "record")
        if not future.cancelled() and (error := future.exception()) is not None:
            raise StationError(f"The session could not be closed in the record: {error}", "record")

    def abandon(self, why: str) -> None:
        """Nobody came back to the open session: it is over. The record calls that interrupted, and an event says why."""
        if self._session is not None:
            self.log.event("session-abandoned", why)
            self._end_session(ABANDONED)

    def _end_session(self, reason: str) -> asyncio.Future[Any] | None:
        """The session is over from here on; the future resolves once that is stored.

        A treatment is closed by whoever treats, and by nobody else: ended by anything else it is interrupted, and can be
        resumed as after a crash.
        """
        key = self._session
        self._recorder.close(self._loop.time(), CloseReason.ENDED)
        if key is None:
            return None
        how = self._how(reason)
        if reason not in (CLOSED, ABANDONED):
            self.log.event(f"session-{how}", reason)
        future = self._outbox.put(jobs.session_closed(key, self._desk.source.utc_us(), how))
        self._session = None
        self.charting.end()
        self._desk.control.end_session()
        self._begin_anew()
        self.calibrated.refresh()
        self._desk.say("session closed" if how == CLOSED else "session interrupted, it can be resumed")
        return future

    def _how(self, reason: str) -> str:
        if reason == CLOSED:
            return CLOSED
        return INTERRUPTED if reason == ABANDONED or self._purpose is Purpose.TREATMENT else CLOSED

    def _begin_anew(self) -> None:
        """From here on passes are counted from one, and belong to the session there is now, or to none."""
        self._remake_writer()
        needles = self._recorder.needles
        self._recorder = self._new_recorder()
        self._recorder.needles = needles

    # -- what happens

    def input(self, item: PenInput) -> None:
        """Everything the pen says."""
        if self._closed:
            return
        kind = type(item)
        if kind is Telemetry:
            # Control has heard the sample already.
            self._recorder.doubted = self._desk.control.sensors.problem is not None
            self._recorder.telemetry(item)  # type: ignore[arg-type]
        elif isinstance(item, Vitals):
            self._recorder.vitals(item)
        elif isinstance(item, CorrectionState):
            self.calibrated.corrected(item)
        elif isinstance(item, Gap):
            self._recorder.gap(item)
        elif isinstance(item, Lost):
            self._recorder.lost(item.at)
            self.log.event("link-lost", item.reason)
        elif isinstance(item, Rebooted):
            self._recorder.rebooted(item.at)
            self.log.event("rebooted", item.cause)
        elif isinstance(item, PenEvent):
            self.log.event(f"pen-{item.code.name.lower().replace('_', '-')}", f"argument {item.argument}")

    def event(self, event: ControlEvent) -> None:
        """Everything control decides."""
        recorder = self._recorder
        match event:
            case RunStarting():
                self._set_zone(event.zone, event.depth_um, event.rate_mhz, event.at)
                recorder.run(True, event.at)
            case ZoneChosen():
                self._set_zone(event.zone, *self._setpoint, event.at)
                self.choose_direction(self.charting.next_direction(event.zone))
            case SetpointApplied():
                zone = self._desk.control.zone
                if zone is not None:
                    self._set_zone(zone, event.depth_um, event.rate_mhz, event.at)
                self._setpoint = (event.depth_um, event.rate_mhz)
            case RunPaused():
                recorder.ending(CloseReason.PAUSED)
            case RunResumed():
                recorder.run(True, event.at)
            case RunOver():
                # After a START that was refused there is nothing to run down: motion is nobody's.
                over = event.at - (2 * RUN_DOWN_S if event.why == "not started" else 0.0)
                recorder.run(False, over, _REASONS.get(event.why, CloseReason.STOPPED))
                self.log.event("run-over", event.why)
            case ParkStarting():
                recorder.parking(True, event.at)
            case ParkOver():
                recorder.parking(False, event.at)
                self.log.event("park-over", event.why)
            case Uncommanded():
                recorder.uncommanded()
            case StopRequested():
                self.log.stop_requested(event)
            case StopDone():
                self.log.stop_done(event.still_ms)
            case StoppedElsewhere():
                self.log.event("stop-elsewhere", STOPPED_ELSEWHERE)
            case CartridgeRead():
                self._cartridge_changed(event.cartridge)
            case _:
                pass

    def overriding(self, gate: str, reason: str, by: UUID | None) -> asyncio.Future[Any]:
        """Store that a gate is opened, and why; the future resolves once that is stored, or fails.

        In a treatment the reason may speak of the client: it stands in the record as a sealed note only.
        """
        session = self._session
        if self.charting.chart is None or session is None:
            return self._submit(jobs.event_logged(self.log.event_row("gate-overridden", f"{gate}: {reason}")))
        source = self._desk.source
        row = self.log.event_row("gate-overridden", f"{gate}: with a reason")
        text = f"{gate} opened: {reason}"
        noted = self._treatments.noted(session, text, by, source.utc_us(), source.uuid, "gate-overridden")

        def both(connection: sa.Connection) -> None:
            jobs.event_logged(row)(connection)
            noted(connection)

        return self._submit(both)

    def _set_zone(self, code: str, depth_um: int | None, rate_mhz: int | None, at: float) -> None:
        self._setpoint = (depth_um, rate_mhz)
        self._recorder.zone(parse_zone(code), depth_um, rate_mhz, at)

    def choose_direction(self, direction: str | None) -> None:
        """The direction of the strokes from here on; while the motor turns the next pass begins with it."""
        self.charting.direction = direction
        self._recorder.direction(direction, self._loop.time())

    def _count(self, closed: PassClosed) -> None:
        """A pass has ended: the plan has one less, and unless the motor turns the next direction is chosen."""
        self.charting.count(closed)
        zone = self._desk.control.zone
        if zone is not None and self.charting.chart is not None and self._recorder.current() is None:
            self.choose_direction(self.charting.next_direction(zone))

    def _pass_event(self, event: RecorderEvent) -> None:
        stored: asyncio.Future[Any] | None = None
        if self._writer is not None:
            stored = self._writer(event)
        elif len(self._early) < EARLY_EVENTS:
            self._early.append(event)
        if isinstance(event, PassOpened):
            self._passes += 1
            if self._writer is not None:
                self._outbox.put(jobs.pass_set(self.calibrated.setting(event.id, event.depth_um)))
        elif isinstance(event, PassClosed):
            self._count(event)
            figures, zone = event.figures, event.zone.code if event.zone else "no zone"
            text = (
                f"{zone}: pass {event.seq} {event.reason.value.replace('_', ' ')}, {figures.duration_ms / 1000:.1f} s"
            )
            if stored is not None:
                # Only what is stored is called done; when it cannot be stored, the alarm tells.
                stored.add_done_callback(partial(self._pass_stored, self._session, text))

    def _pass_stored(self, session: UUID | None, text: str, stored: asyncio.Future[Any]) -> None:
        failed = stored.cancelled() or stored.exception() is not None
        if not failed and self._session in (session, None):
            self._desk.say(text)

    async def note(self, digits: str) -> None:
        """A digit phrase pressed while needling; returns when it is stored. Raises :class:`StationError`."""
        try:
            await self._submit(jobs.event_logged(self.log.event_row("note", digits)))
        except RecordError as error:
            raise StationError(f"The note could not be stored: {error}", "record") from error

    def clock_broken(self) -> None:
        """The computer was suspended or its clock set: whatever is open ends here, marked."""
        self._recorder.lost(self._loop.time())
        self.log.event("clock-broken", "suspended or clock set")

    # -- what is seen of it

    def session_view(self) -> SessionView | None:
        """The open session with its zones and the pass that is being recorded."""
        if self._session is None:
            return None
        current, totals = self._recorder.current(), self._recorder.totals
        return SessionView(
            id=str(self._session),
            purpose=self._purpose.value,
            origin=self.binding.origin,
            client=self.charting.chart.code if self.charting.chart is not None else "",
            elapsed_s=round(self._loop.time() - self._opened_at, 1),
            zone=self._desk.control.zone,
            passes=self._passes,
            zones=tuple(
                ZoneView(z.zone.code, z.passes, z.contact_ms / 1000, z.inferred, z.strokes, float(z.density_cm2))
                for z in totals.values()
                if self.charting.has(z.zone.code)
            ),
            current=PassView(
                current.seq,
                current.zone.code if current.zone else "",
                current.duration_ms / 1000,
                current.contact_ms / 1000,
                current.strokes,
                float(current.density_cm2),
            )
            if current is not None
            else None,
        )

    @property
    def written(self) -> bool:
        """True when everything that happened is stored."""
        return self._outbox.empty

    @property
    def session_id(self) -> str | None:
        """The id of the open session."""
        return None if self._session is None else str(self._session)

    async def close(self, why: str) -> None:
        """Close the session and what is open; returns when it is stored, or could not be."""
        self._timer.cancel()
        self.calibrated.close()
        self.health.close()
        self.binding.close()
        if self._opening is not None:
            await asyncio.wait((self._opening,))
        try:
            await self.close_session(why)
        except StationError:
            pass  # the alarm has told; there is nobody left to tell
        self._closed = True
        if await self._outbox.drain(CLOSE_S):
            self._outbox.close()
        else:
            # The pen goes, what happened to it stays to be written.
            self._unwritten.take(self._outbox, lambda: self.log.waiting)


def recorder_for(
    store: Store, unwritten: Unwritten, journal: KeptJournal, treatments: Treatments
) -> Callable[[Desk], Recording]:
    """What makes a desk's recording on a store; what it leaves unwritten at its end goes to ``unwritten``. ``journal``
    tells of its failures."""
    return lambda desk: Recording(desk, store, unwritten, journal, treatments)
