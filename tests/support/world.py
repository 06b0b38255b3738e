"""A whole station in virtual time: simulated pen, memory link, record in memory, clients in the same loop."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

from devicectl.access.sitting import LOCK_AFTER_S
from devicectl.control.envelope import StationLimits
from devicectl.records.ids import IdSource
from devicectl.records.store import Store
from devicectl.station.client_api import StationError
from devicectl.station.local import LocalClient
from devicectl.station.runtime import virtual_station
from devicectl.station.source import SeededSource
from devicectl.station.views import View
from devicectl.treatment.rehearsal import before
from simulator.pen import SimulatedPen

from .links import Wire

ADDRESS = "tcp://127.0.0.1:7001"
OPERATORS = {"Ada": "administrator", "Pia": "practitioner", "Tom": "technician"}
"""Who works in a world, each with :data:`PIN`."""
PIN = "480917"


class Screen:
    """A client with a pulse: beats at 10 Hz and keeps the last view, as a dashboard does."""

    def __init__(self, client: LocalClient) -> None:
        self.client = client
        self.view: View | None = None
        self.frozen = False
        self._beats = 0
        client.on_view(self._view)
        self._task = asyncio.get_running_loop().create_task(self._beat())

    def _view(self, view: View) -> None:
        self.view = view

    async def _beat(self) -> None:
        while True:
            if not self.frozen:
                self._beats += 1
                self.client.heartbeat(self._beats, self._beats)
            await asyncio.sleep(0.1)

    async def ask(self, method: str, **params: Any) -> Any:
        return await self.client.request(method, **params)

    async def start(self, zone: str = "VTX", **more: Any) -> Any:
        """Zone, sheet, the wait of a reader, start."""
        view = self.view
        if view is None or view.run is None:
            await self.ask("zone.select", zone=zone)
        while (sheet := await self.ask("run.preview")).waits:
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.2)
        return await self.ask("run.start", ticket=sheet.ticket, **more)

    async def close(self) -> None:
        self._task.cancel()
        await self.client.close()


class World:
    """Everything of one workstation on the running loop; the pen is on a memory link unless an open ``wire`` is given."""

    def __init__(
        self,
        *,
        profile: str = "reference",
        seed: int = 1,
        baud: int | None = 115_200,
        template: bytes | None = None,
        limits: StationLimits | None = None,
        store: Store | None = None,
        hand: bool = True,
        wire: Wire | None = None,
        lock_after_s: float = LOCK_AFTER_S,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.source = SeededSource(seed)
        self.store = store or Store.in_memory(
            template, ids=IdSource(self.source.utc_us, random.Random(seed)), boot_us=self.source.boot_us
        )
        self.wire = wire or Wire("memory", SimulatedPen(profile, seed=seed, hand=hand), baud)
        self.pen = self.wire.pen(ADDRESS)
        self.station = virtual_station(self.store, self.source, {ADDRESS: self.pen}, limits, lock_after_s)
        self.screens: list[Screen] = []

    @property
    def sim(self) -> SimulatedPen:
        """The pen at the other end; another one may be put there."""
        return self.wire.sim

    @sim.setter
    def sim(self, sim: SimulatedPen) -> None:
        self.wire.sim = sim

    async def screen(self, name: str = "dashboard") -> Screen:
        """One more client."""
        screen = Screen(await LocalClient(self.station, name).hello())
        self.screens.append(screen)
        return screen

    async def sign_in(self, screen: Screen, name: str = "Pia") -> Screen:
        """Somebody of :data:`OPERATORS` signs in, after all of them were added if need be."""
        if not await screen.ask("operator.list"):
            clerk = await self.screen("clerk")
            for one, role in OPERATORS.items():
                await clerk.ask("operator.add", name=one, role=role, pin=PIN)
                if role == "administrator":
                    await clerk.ask("operator.sign_in", name=one, pin=PIN)
            await clerk.ask("operator.sign_out")
            self.screens.remove(clerk)
            await clerk.close()
        await screen.ask("operator.sign_in", name=name, pin=PIN)
        return screen

    async def ready(self, purpose: str = "bench", client: str | None = None) -> Screen:
        """A screen with the pen open, a session open, and every gate open; for a treatment a practitioner is signed in."""
        screen = await self.screen()
        if purpose == "treatment":
            await self.sign_in(screen)
        await screen.ask("pen.open", address=ADDRESS)
        await self.until(lambda: self.desk.confirmed_still)
        await screen.ask("session.open", purpose=purpose, client=client)
        if purpose == "treatment":
            await self.prepare(screen)
        await self.until(lambda: all(g.passed for g in self.desk.control.gates()), 5)
        return screen

    async def prepare(self, screen: Screen) -> None:
        """Everything that is entered before the needles touch."""
        cartridge = self.desk.control.cartridge
        for form, values in before(cartridge.lot, cartridge.serial).items():
            await screen.ask("form.submit", form=form, values=values)

    @property
    def desk(self) -> Any:
        """The only desk."""
        return self.station.desks[0]

    async def until(self, true: Callable[[], bool], seconds: float = 2.0) -> float:
        """Wait in steps of a millisecond; returns how long it took."""
        begin = self.loop.time()
        while not true():
            assert self.loop.time() - begin < seconds, f"not true within {seconds} s"
            await asyncio.sleep(0.001)
        return self.loop.time() - begin

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What the database holds."""

        def job(connection: Any) -> list[dict[str, Any]]:
            import sqlalchemy as sa

            return [dict(row) for row in connection.execute(sa.text(query)).mappings()]

        return self.store.submit_sync(job)

    async def down(self) -> None:
        """Take everything apart."""
        for screen in self.screens:
            await screen.close()
        await self.station.close("end of test")
        await self.wire.close()
        self.sim.close()
        self.store.close()


async def word(screen: Screen, method: str, **params: Any) -> str | None:
    """The stable word with which a request is refused; None when it is answered."""
    try:
        await screen.ask(method, **params)
    except StationError as error:
        return error.code
    return None


async def refused(work: Any) -> str:
    """The sentence with which a request is refused; fails when it is not."""
    try:
        await work
    except StationError as error:
        return str(error)
    raise AssertionError("was not refused")
