"""The station: desks, clients, views ten times a second, and one STOP for all of it. Knows no sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from devicectl.alarms.board import Priority
from devicectl.control.envelope import StationLimits
from devicectl.control.journal import Journal
from drivers.address import Address
from drivers.api import Pen, PenError, Up

from .client_api import StationError
from .desk import Desk
from .pulse import BEAT_S, Pulse
from .recording import Recording
from .source import SeededSource, SystemSource
from .unwritten import Unwritten
from .viewing import build_view, pen_view
from .views import PenView

VIEW_S: Final = BEAT_S
WATCH_S: Final = 1.0
SUSPEND_S: Final = 1.0
"""A difference between the clocks above this is "suspended or clock set"."""
CLOSED_S: Final = 3.0
"""How long a pen that was closed is remembered as it was."""
CLOSED_KEPT: Final = 16
SOON_S: Final = 0.02
RECORD_S: Final = 5.0
"""How long a pen that is opened waits until the record knows it."""
log = logging.getLogger("devicectl.station")


def no_bluetooth(why: str) -> dict[str, Any]:
    """The row of a scan that says why nothing was heard on the air. It has no address."""
    return {
        "address": "",
        "name": "Bluetooth",
        "simulated": False,
        "matched": False,
        "why": why,
        "held": "",
        "rssi": None,
    }


class Lock(Protocol):
    """A held port or pen."""

    def release(self, *, used: bool = True) -> None:
        """Give it back; ``used`` False: no pen answered there."""


@dataclass(slots=True)
class Ports:
    """What the station needs from the world, so that tests can run it without files and threads."""

    open_pen: Callable[[Address], Pen]
    lock_port: Callable[[Address], Lock | None]
    lock_serial: Callable[[Address, str], Lock | None]
    scan: Callable[[tuple[str, ...], tuple[str, ...], str | None, bool], Awaitable[list[dict[str, Any]]]]
    """What there is: addresses that may be asked, addresses that are held, the radio to listen on (None: none), and
    whether this machine's ports are wanted."""
    absent: Callable[[Address], Awaitable[str | None]] | None = None
    """Why there is nothing at an address that could be connected to, or None; asked before each attempt."""
    stop_left: Callable[[str], None] = lambda source: None
    """STOP to the ports that killed programs left behind, with who pressed; returns at once."""


@dataclass(slots=True)
class Record:
    """The record as the station uses it: the journal, and a recording for each desk."""

    journal: Journal
    recording: Callable[[Desk], Recording]
    unwritten: Unwritten
    database_hash: str = ""


class Client(Protocol):
    """One connected client, as the station sees it."""

    name: str
    desk: Desk | None

    def push(self) -> None:
        """Send a view if this client wants views."""


@dataclass(slots=True)
class _Held:
    desk: Desk
    port: Lock | None
    pen: Lock | None = None
    serial: str = ""

    def release(self) -> None:
        for lock in (self.port, self.pen):
            if lock is not None:
                lock.release(used=bool(self.serial))


def _answers_to(desk: Desk, address: Address) -> bool:
    """Whether the pen of this desk is on the same air and was found to be called so."""
    same_air = desk.address.options.get("radio", "") == address.options.get("radio", "")
    return address.scheme == "ble" and same_air and address.where in desk.pen.names


class Station:
    """Owns every pen and the writing connection of one workstation."""

    def __init__(
        self,
        record: Record,
        ports: Ports,
        source: SystemSource | SeededSource,
        *,
        limits: StationLimits | None = None,
    ) -> None:
        self.record = record
        self.ports = ports
        self.source = source
        self.limits = limits or StationLimits()
        self.loop = asyncio.get_running_loop()
        self.clients: list[Client] = []
        self.quiet_since = self.loop.time()
        self.woke = asyncio.Event()
        """Set after a standstill, for who looks for what others did meanwhile."""
        self.closing = False
        """True from the beginning of :meth:`close`: nothing but STOP is taken any more."""
        self._held: dict[str, _Held] = {}
        """By the address as it was opened: where a link leads may change."""
        self._leaving: dict[Desk, asyncio.Task[None]] = {}
        """Being closed, which may wait for the record: nobody's desk any more, and still to be stopped."""
        self._closed: list[tuple[float, PenView]] = []
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
        return next((d for d in self.desks if d.address.port_key == key or _answers_to(d, address)), None)

    def turns_on_air(self) -> bool:
        """True while a run of a pen on the air is granted or about to be, or one is seen turning."""
        return any(desk.turns for desk in self.desks if desk.address.scheme == "ble")

    async def open_desk(self, address: Address, wait_s: float) -> Desk:
        """The desk of an address, opened if need be. Raises :class:`PenError` when nothing answers as a pen in time."""
        known = self.desk_at(address)
        if known is not None:
            if not known.pen.connected:
                raise PenError(f"{address}: {known.link_text}", "link-lost")
            return known
        # The pen object touches nothing, and an address that nobody opens must not leave a lock behind.
        pen = self.ports.open_pen(address)
        lock = self.ports.lock_port(address)
        desk = Desk(
            address,
            pen,
            journal=self.record.journal,
            recording=self.record.recording,
            source=self.source,
            limits=self.limits,
            changed=self._desk_changed,
            absent=self.ports.absent,
        )
        desk.control.stood = self._pulse.behind
        held = _Held(desk, lock)
        self._held[str(address)] = held
        desk.on_up = lambda up: self._pen_up(held, up)
        desk.keeper.start()
        try:
            await asyncio.wait_for(asyncio.shield(desk.first_up), wait_s)
            await self._known_to_record(desk)
        except BaseException as error:
            await self.close_desk(desk, "not opened")
            if isinstance(error, TimeoutError):
                raise PenError(
                    f"{address}: no pen answered within {wait_s:.0f} s; check it and try again.", "no-pen"
                ) from None
            raise
        return desk

    async def _known_to_record(self, desk: Desk) -> None:
        """Raises :class:`StationError` when the record does not take the pen in time."""
        first = desk.recording.binding.first
        await asyncio.wait((first,), timeout=RECORD_S)
        if not first.done():
            text = f"{desk.address}: the record did not take the pen within {RECORD_S:.0f} s; check the disk, then open it again."
            raise StationError(text, "record")
        first.result()

    def _pen_up(self, held: _Held, up: Up) -> None:
        serial = up.identity.serial
        if serial != held.serial:
            lock = self.ports.lock_serial(held.desk.address, serial)
            before, held.pen, held.serial = held.pen, lock, serial
            if before is not None:
                before.release()
        held.desk.recording.pen_up(up)

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
        if desk not in self._leaving:
            self._leaving[desk] = self.loop.create_task(self._let_go(desk, held, why))
        await asyncio.shield(self._leaving[desk])

    async def _let_go(self, desk: Desk, held: _Held | None, why: str) -> None:
        try:
            await desk.close(why, lambda: self._remember(desk))
        finally:
            del self._leaving[desk]
            if held is not None:
                held.release()

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
        done = True
        for desk in (*self.desks, *self._leaving):
            try:
                done = desk.stop(source) and done
            except Exception:  # whatever it is: the pens behind this one get their STOP
                log.exception("STOP failed for %s", desk.address)
                done = False
        return done

    def pressed(self, source: str, desk: Desk | None = None) -> bool:
        """Somebody outside pressed STOP, for one desk or for all; True when every link took the bytes.

        What was pressed while the station stood still is read late: that is written beside it, after the bytes have left.
        """
        desks = self.desks if desk is None else [desk]
        sent = self.stop_all(source) if desk is None else desk.stop(source)
        if desk is None:
            try:
                self.ports.stop_left(source)
            except Exception:  # whatever it is: told by the answer, so that whoever pressed goes to those ports itself
                log.exception("STOP could not be sent to what was left behind")
                sent = False
        behind = self._pulse.behind()
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
            client.push()

    def view_for(self, client: Client, you_control: bool, position: int) -> tuple[Any, int]:
        """A view for one client and the trace position it has now seen."""
        self._view_serial += 1
        desk = client.desk
        trace = desk.trace.since(position) if desk is not None else None
        view = build_view(desk, self._view_serial, self.source.utc_us() / 1e6, you_control, trace)
        return view, desk.trace.end if desk is not None else 0

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

    def _suspended(self, seconds: float) -> None:
        self.stop_all("suspended or clock set")
        text = f"The computer was suspended or its clock set ({seconds:.0f} s). Check the pen, then take control again."
        for desk in self.desks:
            desk.alarms.raise_("clock", Priority.HIGH, text)
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
