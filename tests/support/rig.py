"""A pen, simulated at the wire, under a real controller, on the running loop (virtual or real)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from devicectl.alarms.board import AlarmBoard
from devicectl.control.controller import Controller
from devicectl.control.envelope import StationLimits
from devicectl.control.gates import Purpose
from devicectl.control.intents import Intents, Sheet
from devicectl.control.journal import Journal, MemoryJournal
from drivers.api import Outcome, PenInput
from drivers.reconnect import KeepConnected
from simulator.pen import SimulatedPen
from simulator.virtual_time import VirtualTimeLoop

from .links import BAUD, Wire, linked


class TestSource:
    """Ids from a seed, times from the loop."""

    __test__ = False

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def uuid(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)

    def utc_us(self) -> int:
        return 1_790_000_000_000_000 + self.boot_us()

    def boot_us(self) -> int:
        return int(asyncio.get_running_loop().time() * 1e6)


class Rig:
    """One simulated pen and one controller, over a memory link paced like a serial line unless a wire is given."""

    def __init__(
        self,
        *,
        profile: str = "reference",
        seed: int = 1,
        baud: int | None = 115_200,
        journal: Journal | None = None,
        limits: StationLimits | None = None,
        sim: SimulatedPen | None = None,
        wire: Wire | None = None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.exact = isinstance(self.loop, VirtualTimeLoop)
        """True when a millisecond is one."""
        self.sim = sim or SimulatedPen(profile, seed=seed)
        self.wire = wire or Wire("memory", self.sim, baud)
        self.pen: Any = self.wire.pen()
        self.alarms = AlarmBoard(self.loop.time)
        self.journal: Any = journal or MemoryJournal()
        self.control = Controller(
            self.pen, journal=self.journal, alarms=self.alarms, source=TestSource(seed), limits=limits
        )
        self.control.bind(UUID(int=7))
        self.control.purpose = Purpose.BENCH
        self.intents = Intents(self.control)
        self.inputs: list[PenInput] = []
        self.events: list[Any] = []
        self.failures: list[str] = []
        self.alarm_codes: list[str] = []
        """Codes of all alarms that were raised, in order."""
        self.pen.subscribe(self.inputs.append)
        self.control.listen(self.events.append)
        self.alarms.subscribe(lambda c: self.alarm_codes.append(c.alarm.code) if c.kind == "raised" else None)
        self.keeper = KeepConnected(self.pen, lambda e: self.failures.append(str(e)))

    async def up(self) -> Rig:
        """Connect and wait until everything needed for a start has been heard."""
        self.keeper.start()
        await self.trusted()
        await self.until(lambda: self.pen.connected and all(g.passed for g in self.control.gates()), 5)
        return self

    async def trusted(self) -> None:
        """Wait until the pen is connected, and be one that it obeys, as the station sees to."""
        await self.until(lambda: self.pen.connected, 10)
        await self.pen.secure()

    async def until(self, true: Callable[[], bool], seconds: float = 2.0) -> float:
        """Wait in steps of a millisecond; returns how long it took. Fails the test when it does not come true."""
        begin, patience = self.loop.time(), seconds if self.exact else seconds * 5
        while not true():
            assert self.loop.time() - begin < patience, f"not true within {seconds} s"
            await asyncio.sleep(0.001)
        return self.loop.time() - begin

    def took(self, seconds: float, least: float, most: float) -> None:
        """Judge a time; in real time a slow machine may take longer, but nothing comes too early."""
        assert least <= seconds
        assert seconds <= most or not self.exact

    async def start(self, zone: str = "VTX", run_ms: int = 60_000) -> Outcome:
        """The two-step start, once needles that are on their way have arrived."""
        await self.until(lambda: not any(gate.waiting for gate in self.control.gates()), 3)
        if self.control.run is None:
            assert self.intents.select_zone(zone) is None
        sheet = self.intents.preview()
        assert isinstance(sheet, Sheet), sheet
        await asyncio.sleep(0.2)
        return await self.intents.start(sheet.ticket, run_ms)

    def seen(self, kind: type[Any]) -> list[Any]:
        """Control events of one kind."""
        return [e for e in self.events if isinstance(e, kind)]

    async def down(self) -> None:
        """Take everything apart."""
        await self.control.close()
        await self.keeper.close()
        self.sim.close()


@asynccontextmanager
async def rigged(
    *, link: str = "memory", profile: str = "reference", seed: int = 1, baud: int | None = BAUD, **options: Any
) -> AsyncIterator[Rig]:
    """A rig over a link of this kind (:data:`support.links.LINKS`), taken apart at the end."""
    sim = SimulatedPen(profile, seed=seed)
    async with linked(link, sim, baud) as wire:
        rig = Rig(sim=sim, wire=wire, seed=seed, **options)
        try:
            yield rig
        finally:
            await rig.down()
