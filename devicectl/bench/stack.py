"""A whole workstation on the running loop: simulated pens, their links, the station, its record, and people."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, Protocol

import sqlalchemy as sa

from devicectl.records import schema
from devicectl.records.errors import DatabaseLocked
from devicectl.records.ids import IdSource
from devicectl.records.recovery import recover
from devicectl.records.store import Store
from devicectl.station.client_api import StationError
from devicectl.station.local import LocalClient
from devicectl.station.runtime import virtual_station
from devicectl.station.source import SeededSource
from devicectl.treatment.rehearsal import before
from drivers.address import parse_address
from drivers.links.memory import MemoryLink
from drivers.penlink.pen import PenlinkPen
from simulator.line import BAUD
from simulator.pen import SimulatedPen

BEAT_S: Final = 0.1
PIN: Final = "480917"
OPERATORS: Final = {"Ada": "administrator", "Pia": "practitioner"}
READY_S: Final = 8.0
OPEN_WAIT_S: Final = 6.0
CARTRIDGE_S: Final = 0.5
"""How long the station may take to read a cartridge."""
_SIGNED_OUT: Final = ("no-operator", "locked")


class Wire(Protocol):
    """One link to one simulated pen."""

    sim: SimulatedPen
    kind: str

    def pen(self, address: str | None = None) -> PenlinkPen:
        """A fresh pen object, as another process would make it."""

    @property
    def way_s(self) -> float:
        """s; the longest that a write takes on an idle, sound link."""


class MemoryWire:
    """A link in memory, as fast as a serial line."""

    kind = "memory"
    way_s = 0.01

    def __init__(self, sim: SimulatedPen) -> None:
        self.sim = sim

    def pen(self, address: str | None = None) -> PenlinkPen:
        """See :class:`Wire`."""
        name = address or "memory://pen"
        return PenlinkPen(name, lambda: MemoryLink(self.sim.line(BAUD), name))


@cache
def template() -> bytes:
    """A migrated, empty record, made once a process."""
    return schema.template()


class Person:
    """Somebody at a client with a pulse, who is refused politely: :meth:`ask` then answers None."""

    def __init__(self, client: LocalClient, name: str, signs_in: bool) -> None:
        self.client = client
        self.name = name
        self.frozen = False
        self.alive_at = float("-inf")
        """Loop time of the last beat."""
        self._signs_in = signs_in
        self._beats = 0
        self._loop = asyncio.get_running_loop()
        client.on_view(lambda view: None)
        self._task = self._loop.create_task(self._beat())

    async def _beat(self) -> None:
        while True:
            if not self.frozen:
                self._beats += 1
                self.alive_at = self._loop.time()
                self.client.heartbeat(self._beats, self._beats)
            await asyncio.sleep(BEAT_S)

    async def ask(self, method: str, **params: Any) -> Any:
        """The answer, or None when it was refused; who was signed out signs in and asks once more."""
        for _ in (1, 2):
            try:
                return await self.client.request(method, **params)
            except StationError as error:
                if error.code not in _SIGNED_OUT:
                    return None
            if await self.sign_in() is not None:
                return None
        return None

    async def word(self, method: str, **params: Any) -> str | None:
        """The stable word with which it is refused; None when it is obeyed."""
        try:
            await self.client.request(method, **params)
        except StationError as error:
            return error.code
        return None

    async def sign_in(self) -> str | None:
        """The word with which that is refused, None when it is done."""
        return await self.word("operator.sign_in", name=self.name, pin=PIN) if self._signs_in else "nobody"

    def vanish(self) -> None:
        """As a killed process: no beat any more, and nothing is said."""
        self._task.cancel()

    async def close(self) -> None:
        """Go, as a client does whose connection ends."""
        self._task.cancel()
        await self.client.close()


class Disk:
    """The record's disk: it refuses (``locked``), does not answer (``silent``), or is well (empty)."""

    def __init__(self, store: Store) -> None:
        self._loop = asyncio.get_running_loop()
        self._submit = store.writer.submit
        self._held: list[tuple[Any, asyncio.Future[Any]]] = []
        self.kind = ""
        self.since = float("inf")
        """Loop time since which there is trouble."""
        writer: Any = store.writer
        writer.submit, writer.silent_for = self._take, self._silent_for

    def begin(self, kind: str) -> None:
        """Trouble from now on; whatever trouble there is goes on."""
        if not self.kind:
            self.kind, self.since = kind, self._loop.time()

    def _take(self, job: Any) -> asyncio.Future[Any]:
        if not self.kind:
            return self._submit(job)
        future: asyncio.Future[Any] = self._loop.create_future()
        if self.kind == "locked":
            future.set_exception(DatabaseLocked("the database is locked by another program."))
        else:
            self._held.append((job, future))
        return future

    def _silent_for(self) -> float:
        return self._loop.time() - self.since if self._held else 0.0

    def mend(self) -> None:
        """What waited is stored, in order, as a writer does that was held up by its disk."""
        self.kind, self.since = "", float("inf")
        held, self._held = self._held, []
        for job, future in held:
            done = self._submit(job)
            if future.done():
                continue
            if (error := done.exception()) is not None:
                future.set_exception(error)
            else:
                future.set_result(done.result())


class Seat:
    """One pen, its link, and who works with it."""

    def __init__(self, index: int, wire: Wire) -> None:
        self.index = index
        self.wire = wire
        self.sim = wire.sim
        self.address = f"tcp://127.0.0.1:{7001 + index}"
        self.parsed = parse_address(self.address)
        self.client = f"TRAIN-{index + 1}"
        self.pen = wire.pen(self.address)
        self.person: Person | None = None
        self.session: str | None = None
        """The session that was opened last."""

    def fresh_pen(self) -> PenlinkPen:
        """Another process's view of the same pen."""
        self.pen = self.wire.pen(self.address)
        return self.pen


class Stack:
    """Everything together; :meth:`begin` first, :meth:`close` at the end. ``purpose`` is bench or treatment."""

    def __init__(self, wires: Sequence[Wire], *, seed: int, purpose: str = "bench") -> None:
        self.loop = asyncio.get_running_loop()
        self.purpose = purpose
        self.source = SeededSource(seed)
        ids = IdSource(self.source.utc_us, random.Random(seed))
        self.store = Store.in_memory(template(), ids=ids, boot_us=self.source.boot_us)
        self.disk = Disk(self.store)
        self.seats = [Seat(index, wire) for index, wire in enumerate(wires)]
        self._slept: list[tuple[int, int]] = []
        self.on_new_pens: Callable[[], None] = lambda: None
        """Called when the station that holds the pens is another one."""
        self._new_station()

    def _new_station(self) -> None:
        self.station = virtual_station(
            self.store, self.source, {str(seat.address): seat.fresh_pen() for seat in self.seats}
        )
        self.on_new_pens()

    def desk(self, seat: Seat) -> Any:
        """The desk of a seat's pen, None while the station does not hold it."""
        return next((desk for desk in self.station.desks if desk.address == seat.parsed), None)

    async def begin(self) -> None:
        """Operators are entered, every pen is open, every session too, and every gate that can open is open."""
        if self.purpose == "treatment":
            await self._enter_operators()
        for seat in self.seats:
            await self.sit_down(seat)
            await self.prepare(seat)

    async def _enter_operators(self) -> None:
        clerk = await LocalClient(self.station, "clerk").hello()
        for name, role in OPERATORS.items():
            await clerk.request("operator.add", name=name, role=role, pin=PIN)
            if role == "administrator":
                await clerk.request("operator.sign_in", name=name, pin=PIN)
        await clerk.request("operator.sign_out")
        await clerk.close()

    async def person(self, name: str = "Pia", client: str = "dashboard") -> Person:
        """Somebody with a client, signed in where that is asked."""
        person = Person(await LocalClient(self.station, client).hello(), name, self.purpose == "treatment")
        await person.sign_in()
        return person

    async def sit_down(self, seat: Seat) -> Person:
        """Somebody comes to the seat, opens its pen and takes control if that is free."""
        person = seat.person = await self.person()
        await person.ask("pen.open", address=seat.address, wait_s=OPEN_WAIT_S)
        await person.ask("control.take")
        return person

    async def prepare(self, seat: Seat) -> None:
        """A session: the one that was interrupted here goes on, else a new one, with all that is entered before a
        treatment."""
        person = seat.person
        if person is None:
            return
        await self.until(lambda: (desk := self.desk(seat)) is not None and desk.confirmed_still)
        if self.purpose == "treatment":
            await self._treat(seat, person)
        else:
            await person.ask("session.open", purpose="bench", client=None)
        desk = self.desk(seat)
        seat.session = desk.recording.session_id if desk is not None else None
        await self.until(
            lambda: (desk := self.desk(seat)) is not None and all(g.passed or g.waiting for g in desk.control.gates())
        )

    async def _treat(self, seat: Seat, person: Person) -> None:
        if seat.session is not None:
            resumed = await person.ask("session.open", purpose="treatment", resumes=seat.session)
            seat.session = None
            if resumed is not None:
                return
            # No cartridge serves two sessions.
            seat.sim.insert_cartridge()
            await asyncio.sleep(CARTRIDGE_S)
        await person.ask("session.open", purpose="treatment", client=seat.client)
        desk = self.desk(seat)
        cartridge = desk.control.cartridge if desk is not None else None
        if cartridge is not None:
            for form, values in before(cartridge.lot, cartridge.serial).items():
                await person.ask("form.submit", form=form, values=values)

    async def renew_cartridge(self, seat: Seat) -> None:
        """Put a fresh cartridge in and register it when the one that is in may not be used in this session."""
        person, desk = seat.person, self.desk(seat)
        if person is None or desk is None or self.purpose != "treatment":
            return
        if all(gate.passed or not gate.name.startswith("cartridge") for gate in desk.control.gates()):
            return
        seat.sim.insert_cartridge()
        await asyncio.sleep(CARTRIDGE_S)
        cartridge = desk.control.cartridge
        if cartridge is not None:
            values = before(cartridge.lot, cartridge.serial)["cartridge"]
            await person.ask("form.submit", form="cartridge", values=values)

    def suspend(self, seconds: float) -> None:
        """The computer slept for so long, and nothing on it noticed."""
        self._slept.append((self.source.boot_us(), self.source.suspended_us))
        self.source.suspended_us += round(seconds * 1e6)

    def loop_time(self, boot_us: int) -> float:
        """The loop's time at which the computer's boot clock said ``boot_us``."""
        slept = next((before for until, before in self._slept if boot_us <= until), self.source.suspended_us)
        return (boot_us - slept) / 1e6

    async def until(self, true: Callable[[], bool], seconds: float = READY_S) -> bool:
        """Wait in steps of 5 ms; False when it did not come true in time."""
        end = self.loop.time() + seconds
        while not true():
            if self.loop.time() >= end:
                return False
            await asyncio.sleep(0.005)
        return True

    async def kill_station(self) -> None:
        """As kill -9: nobody says stop. Another station opens the same record."""
        self.disk.mend()
        old = self.station
        for seat in self.seats:
            if seat.person is not None:
                seat.person.vanish()
                seat.person = None
        for desk in list(old.desks):
            desk.recording._timer.cancel()
            desk.recording.binding.close()
            await desk.control.close()
            await desk.keeper.close()
        for timer in (old._view_timer, old._clock_timer, old._soon_timer):
            if timer is not None:
                timer.cancel()
        self.store.submit_sync(lambda c: recover(c, self.source.utc_us(), self.store.ids, self.source.boot_us()))
        self._new_station()

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """What the record holds."""

        def job(connection: sa.Connection) -> list[dict[str, Any]]:
            return [dict(row) for row in connection.execute(sa.text(query), values).mappings()]

        return self.store.submit_sync(job)

    async def close(self) -> None:
        """Take everything apart."""
        for seat in self.seats:
            if seat.person is not None:
                await seat.person.close()
                seat.person = None
        await self.station.close("end of the run")
        for seat in self.seats:
            seat.sim.close()
        self.store.close()


def written_for(store: Store, cmd_id: int) -> set[int]:
    """Boots of a pen for which the record holds a command of this id."""
    query = sa.text("select pen_boot_id from commands where cmd_id = :id")
    return store.submit_sync(lambda c: set(c.execute(query, {"id": cmd_id}).scalars()))
