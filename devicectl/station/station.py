"""The station: desks, clients, views ten times a second, and one STOP for all of it. Knows no sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from devicectl.access.operators import Operators
from devicectl.access.roster import Operator
from devicectl.access.sitting import LOCK_AFTER_S
from devicectl.alarms.board import Priority
from devicectl.control.envelope import StationLimits
from devicectl.control.journal import Journal
from devicectl.records.writer import Job
from drivers.address import Address
from drivers.api import Pen, PenError, Up

from .client_api import StationError
from .desk import Desk, Holder
from .held import Held, answers_to
from .paths import COMMAND_LINE
from .ports import Lock, Ports
from .presence import Presence
from .pulse import BEAT_S, Pulse
from .recording import Recording
from .source import SeededSource, SystemSource
from .treatments import Treatments
from .unwritten import Unwritten
from .viewing import build_view, pen_view
from .views import PenView

VIEW_S: Final = BEAT_S
WATCH_S: Final = 1.0
SUSPEND_S: Final = 1.0
"""A difference between the clocks above this is "suspended or clock set"."""
CLOSED_S: Final = 3.0
"""How long a pen that was closed is remembered as it was."""
BACKGROUND_S: Final = 1.0
"""How long the station's end waits for sign-outs to be stored."""
CLOSED_KEPT: Final = 16
LOST_KEPT_S: Final = 30.0
"""How long a pen whose link is lost is kept while nobody looks at it."""
SOON_S: Final = 0.02
RECORD_S: Final = 5.0
"""How long a pen that is opened waits until the record knows it."""
log = logging.getLogger("devicectl.station")
T = TypeVar("T")


@dataclass(slots=True)
class Record:
    """The record as the station uses it: the journal, a recording for each desk, and what takes forms.

    ``submit`` hands a job to the writer.
    """

    journal: Journal
    recording: Callable[[Desk], Recording]
    unwritten: Unwritten
    treatments: Treatments
    submit: Callable[[Job[Any]], asyncio.Future[Any]]
    database_hash: str = ""


class Client(Protocol):
    """One connected client, as the station sees it."""

    name: str
    desk: Desk | None

    @property
    def presence(self) -> Presence:
        """Who is signed in there."""

    def push(self) -> None:
        """Send a view if this client wants views."""


class Station:
    """Owns every pen and the writing connection of one workstation."""

    def __init__(
        self,
        record: Record,
        ports: Ports,
        source: SystemSource | SeededSource,
        *,
        operators: Operators,
        limits: StationLimits | None = None,
        lock_after_s: float = LOCK_AFTER_S,
    ) -> None:
        self.record = record
        self.operators = operators
        self.lock_after_s = lock_after_s
        self.ports = ports
        self.source = source
        self.limits = limits or StationLimits()
        self.loop = asyncio.get_running_loop()
        self.clients: list[Client] = []
        self.quiet_since = self.loop.time()
        self.woke = asyncio.Event()
        """Set after a standstill, for who looks for what others did meanwhile."""
        self.conditions: dict[str, str] = {}
        """What is wrong with the workstation, low in priority: sentences by the code of their alarm, in every pen's alarms."""
        self._conditions_told: set[str] = set()
        self.closing = False
        """True from the beginning of :meth:`close`: nothing but STOP is taken any more."""
        self._held: dict[str, Held] = {}
        """By the address as it was opened: where a link leads may change."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening = asyncio.Lock()
        """Held from the look whether a pen is open until it is."""
        self._leaving: dict[Desk, asyncio.Task[None]] = {}
        """Being closed, which may wait for the record: nobody's desk any more, and still to be stopped."""
        self._closed: list[tuple[float, PenView]] = []
        self._background: set[asyncio.Task[Any]] = set()
        self._view_serial = 0
        self._soon: set[Desk] = set()
        self._soon_timer: asyncio.TimerHandle | None = None
        self._pulse = Pulse(source.boot_us)
        self._view_timer = self.loop.call_later(VIEW_S, self._views)
        self._clock_timer = self.loop.call_later(WATCH_S, self._clocks)
        self._last_clocks = self._read_clocks()

    # -- desks

    @property
    def desks(self) -> list[Desk]:
        """Every desk, in the order they were opened."""
        return [held.desk for held in self._held.values()]

    def desk_at(self, address: Address) -> Desk | None:
        """The desk of a port, if the station holds it; a pen on the air may be called by its address or by its name."""
        key = address.port_key
        return next((d for d in self.desks if d.address.port_key == key or answers_to(d, address)), None)

    def turns_on_air(self) -> bool:
        """True while a run of a pen on the air is granted or about to be, or one is seen turning."""
        return any(desk.turns for desk in self.desks if desk.address.scheme == "ble")

    async def open_desk(
        self,
        address: Address,
        wait_s: float,
        opener: Holder | None = None,
        prepare: Callable[[Desk], None] = lambda desk: None,
    ) -> Desk:
        """The desk of an address, opened if need be, and then ``prepare``d before its pen is connected.

        ``opener``: the control that the asking client has of some desk. A pen that this station has lost at another
        address moves here. Raises :class:`PenError` when nothing answers as a pen in time, or when another client controls
        the pen at the other address.
        """
        async with self._opening:
            known = self.desk_at(address)
            held = None if known is not None else await self._held_anew(address, opener)
        if held is None:
            assert known is not None
            if not known.first_up.done():
                # Another client has just opened it.
                await self._first(known, wait_s)
            if not known.pen.connected:
                # The link of a pen that restarts is up, and the pen has yet to say who it is.
                waits = known.link_text == "up"
                why = "the pen is starting anew; try again in a moment." if waits else known.link_text
                raise PenError(f"{address}: {why}", "link-lost")
            return known
        desk = held.desk
        try:
            prepare(desk)
            desk.keeper.start()
            await self._first(desk, wait_s)
            await self._known_to_record(desk)
        except BaseException:
            await self.close_desk(desk, "not opened")
            raise
        finally:
            held.opener = None
        return desk

    async def _held_anew(self, address: Address, opener: Holder | None) -> Held:
        # The pen object touches nothing, and an address that nobody opens must not leave a lock behind.
        pen = self.ports.open_pen(address)
        lock = await self.ports.take(address)
        if self.closing:
            if lock is not None:
                lock.release(used=False)
            raise StationError("The station is ending; start devicectl again.", "station-ends")
        return self._hold(address, pen, lock, opener)

    def _hold(self, address: Address, pen: Pen, lock: Lock | None, opener: Holder | None) -> Held:
        desk = Desk(
            address,
            pen,
            journal=self.record.journal,
            recording=self.record.recording,
            source=self.source,
            limits=self.limits,
            changed=self._desk_changed,
            absent=self.ports.absent,
            aside=self.ports.aside,
        )
        desk.control.stood = self._pulse.behind
        held = self._held[str(address)] = Held(desk, lock, opener=opener)
        desk.on_up = lambda up: self._pen_up(held, up)
        return held

    async def _first(self, desk: Desk, wait_s: float) -> None:
        try:
            await asyncio.wait_for(asyncio.shield(desk.first_up), wait_s)
        except TimeoutError:
            text = f"{desk.address}: no pen answered within {wait_s:.0f} s; check it and try again."
            raise PenError(text, "no-pen") from None

    async def _known_to_record(self, desk: Desk) -> None:
        """Raises :class:`StationError` when the record does not take the pen in time."""
        first = desk.recording.binding.first
        await asyncio.wait((first,), timeout=RECORD_S)
        if not first.done():
            text = f"{desk.address}: the record did not take the pen within {RECORD_S:.0f} s; check the disk, then open it again."
            raise StationError(text, "record")
        first.result()

    def _pen_up(self, held: Held, up: Up) -> None:
        serial = up.identity.serial
        if serial != held.serial:
            self._move_here(held, serial)
            lock = self.ports.lock_serial(held.desk.address, serial)
            before, held.pen, held.serial = held.pen, lock, serial
            if before is not None:
                before.release()
        try:
            held.note()
        except OSError as error:
            log.warning("%s: what the port is could not be noted: %s", held.desk.address, error)
        held.desk.recording.pen_up(up)

    def _move_here(self, held: Held, serial: str) -> None:
        """The pen may be one that we have lost at another address: that desk is closed, unless somebody else controls it.

        Raises :class:`PenError` then, and when the pen is still connected there.
        """
        desk = held.desk
        old = next((one for one in self._held.values() if one is not held and one.serial == serial), None)
        if old is None or not serial:
            return
        if old.desk.lost_at is None:
            raise PenError(f"{desk.address}: pen {serial} is open at {old.desk.address}; use that.", "port-busy")
        holder = old.desk.holder
        if holder is not None and holder is not held.opener:
            raise PenError(
                f"{desk.address}: pen {serial} was lost at {old.desk.address}, and {holder.name} still has control of it "
                "there; close the pen there, then open it here.",
                "port-busy",
            )
        if old.pen is not None:
            old.pen.release()
        old.pen, old.serial, old.moved = None, "", True
        text = f"pen {serial} came back at {desk.address}; what was open at {old.desk.address} is closed"
        old.desk.recording.abandon(f"The link was lost, and the {text}.")
        self._spawn(self.close_desk(old.desk, text))
        desk.moved_from = str(old.desk.address)
        desk.say(text)

    async def close_desk(self, desk: Desk, why: str) -> None:
        """Stop that pen if it may turn, close its session, let go of the port.

        Once begun it is finished, though the one who asked may be gone: else nobody could stop or open that pen.
        """
        held = next((one for one in self._held.values() if one.desk is desk), None)
        if held is not None:
            del self._held[str(desk.address)]
        for client in self.clients:
            if client.desk is desk:
                client.desk = None
        if held is None and desk not in self._leaving:
            # Somebody else has closed it while the one who asks was waiting for it to be opened.
            return
        if desk not in self._leaving:
            self._leaving[desk] = self.loop.create_task(self._let_go(desk, held, why))
        await asyncio.shield(self._leaving[desk])

    async def _let_go(self, desk: Desk, held: Held | None, why: str) -> None:
        try:
            await desk.close(why, lambda: self._remember(desk))
        finally:
            try:
                if held is not None:
                    await self.ports.aside(partial(held.release, unconfirmed=held.unconfirmed))
            finally:
                del self._leaving[desk]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _give_up_lost(self) -> None:
        """Close what nobody looks at and what has been lost for a while: each STOP would try in vain to reach it."""
        now = self.loop.time()
        watched = {client.desk for client in self.clients}
        for held in list(self._held.values()):
            desk = held.desk
            # Until the record knows the pen somebody waits for it to be opened.
            if desk.lost_at is None or desk in watched or not desk.recording.binding.first.done():
                held.alone_since = None
            elif held.alone_since is None:
                held.alone_since = now
            elif now - held.alone_since >= LOST_KEPT_S:
                text = f"The link was lost, and nobody has looked at this pen for {LOST_KEPT_S:.0f} s."
                desk.recording.abandon(text)
                self._spawn(self.close_desk(desk, "link lost"))

    def closed_pens(self) -> list[PenView]:
        """Pens that are being closed, and those closed within the last 3 s as they were then: whoever pressed STOP right
        before must still be told whether they stand still."""
        now = self.loop.time()
        closed = [(at, pen) for at, pen in reversed(self._closed) if now - at <= CLOSED_S]
        known = {str(desk.address) for desk in self.desks} | {pen.address for _, pen in closed}
        leaving = [replace(pen_view(d), closed_s=0.0) for d in self._leaving if str(d.address) not in known]
        open_again = {str(desk.address) for desk in self.desks}
        return leaving + [
            replace(pen, closed_s=round(now - at, 3)) for at, pen in closed if pen.address not in open_again
        ]

    def _remember(self, desk: Desk) -> None:
        if desk.control.identity is not None:
            self._closed = [*self._closed[1 - CLOSED_KEPT :], (self.loop.time(), pen_view(desk))]

    # -- STOP

    def stop_all(self, source: str) -> bool:
        """STOP every pen; True when every link took the bytes (and when there is no pen)."""
        done, begun = True, []
        for desk in (*self.desks, *self._leaving):
            try:
                begun.append((desk, desk.control.begin_stop(source)))
            except Exception:  # whatever it is: the pens behind this one get their STOP
                log.exception("STOP failed for %s", desk.address)
                done = False
        # The bytes of the last pen do not wait for the bookkeeping of those before it.
        for desk, finish in begun:
            try:
                done = finish() and done
            except Exception:
                log.exception("STOP of %s was sent, and could not be followed up", desk.address)
                done = False
        return done

    def pressed(self, source: str, desk: Desk | None = None, *, line: bool = False) -> bool:
        """Somebody outside pressed STOP, for one desk or for all; True when every link took the bytes.

        ``line``: over a STOP connection, whose other end tells the record of what it does past this station itself. What was pressed while the station stood still is read late: that is written beside it, after the bytes have left.
        """
        desks = self.desks if desk is None else [desk]
        sent = self.stop_all(source) if desk is None else desk.stop(source)
        behind = self._pulse.behind()
        if desk is None:
            # It goes to the same ports, and one press is one entry: always from the command line, else when we fail it.
            past = line and (source == COMMAND_LINE or not sent or behind > 0)
            try:
                self.ports.stop_left(source, not past)
            except Exception:  # whatever it is: told by the answer, so that whoever pressed goes to those ports itself
                log.exception("STOP could not be sent to what was left behind")
                sent = False
        if behind:
            text = f"STOP ({source}) was read after the station had not run for {behind:.1f} s; it was pressed within that time."
            for one in desks:
                one.remark("stop-read-late", text, {"source": source, "not_run_ms": round(behind * 1000)})
        return sent

    # -- views

    def _desk_changed(self, desk: Desk) -> None:
        self._soon.add(desk)
        if self._soon_timer is None:
            self._soon_timer = self.loop.call_later(SOON_S, self._push_soon)

    def _push_soon(self) -> None:
        self._soon_timer = None
        desks, self._soon = self._soon, set()
        for client in list(self.clients):
            if client.desk in desks:
                client.push()

    def _views(self) -> None:
        self._view_timer = self.loop.call_later(VIEW_S, self._views)
        stood = self._pulse.beat()
        if stood:
            self.woke.set()
            for desk in self.desks:
                desk.remark("stood-still", f"The station did not run for {stood:.1f} s.", {"ms": round(stood * 1000)})
        for client in list(self.clients):
            client.presence.beat()
            client.push()

    def view_for(self, client: Client, you_control: bool, position: int) -> tuple[Any, int]:
        """A view for one client and the trace position it has now seen."""
        self._view_serial += 1
        desk = client.desk
        trace = desk.trace.since(position) if desk is not None else None
        view = build_view(desk, self._view_serial, self.source.utc_us() / 1e6, you_control, trace, client.presence.view)
        return view, desk.trace.end if desk is not None else 0

    # -- operators

    def in_background(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Work that is finished whoever asked for it is gone; the station's end waits for it."""
        task = self.loop.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def operator_changed(self, operator: Operator) -> None:
        """Whoever does not work here any more is signed out everywhere."""
        for client in list(self.clients):
            if not operator.active and client.presence.sitting.operator == operator.id:
                await client.presence.sign_out("retired")
            client.push()

    # -- clocks

    def _read_clocks(self) -> tuple[float, float, float]:
        return self.loop.time(), self.source.boot_us() / 1e6, self.source.utc_us() / 1e6

    def _clocks(self) -> None:
        self._clock_timer = self.loop.call_later(WATCH_S, self._clocks)
        now = self._read_clocks()
        steps = [b - a for a, b in zip(self._last_clocks, now, strict=True)]
        self._last_clocks = now
        if max(steps) - min(steps) > SUSPEND_S:
            self._suspended(max(steps) - min(steps))
        if steps[1] - steps[0] > SUSPEND_S:
            for client in self.clients:
                client.presence.sitting.slept(steps[1] - steps[0])
        self._give_up_lost()
        self._tell_conditions()

    def _tell_conditions(self) -> None:
        for desk in self.desks:
            for code in self._conditions_told - self.conditions.keys():
                desk.alarms.clear(code)
            for code, text in self.conditions.items():
                desk.alarms.raise_(code, Priority.LOW, text)
        self._conditions_told = set(self.conditions)

    def _suspended(self, seconds: float) -> None:
        self.stop_all("suspended or clock set")
        text = f"The computer was suspended or its clock set ({seconds:.0f} s). Check the pen, then take control again."
        for desk in self.desks:
            at_rest = desk.control.stop_found_still
            desk.alarms.raise_("clock", Priority.LOW if at_rest else Priority.HIGH, text)
            desk.recording.clock_broken()
            desk.holder = None

    # -- end

    async def close(self, why: str) -> None:
        """Stop every pen that may turn, close every session, let go of everything."""
        self.closing = True
        for desk in self.desks:
            if desk.may_turn and not desk.control.stop_lane.active:
                desk.stop(why)
        self._view_timer.cancel()
        self._clock_timer.cancel()
        if self._soon_timer is not None:
            self._soon_timer.cancel()
        for desk in self.desks:
            await self.close_desk(desk, why)
        await asyncio.gather(*self._leaving.values(), return_exceptions=True)
        for client in self.clients:
            client.presence.gone()
        if self._background:
            # A record that does not answer must not keep the station from ending.
            await asyncio.wait(self._background, timeout=BACKGROUND_S)
