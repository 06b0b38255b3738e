"""The links over which one behaviour is tested: the same play, from memory in virtual time to real ports in real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from drivers.address import parse_address
from drivers.ble.link import BleLink, Target
from drivers.driver import open_pen
from drivers.links.memory import MemoryLink
from drivers.penlink.pen import BLE, PenlinkPen
from simulator.pen import SimulatedPen
from simulator.pty import PtyPort
from simulator.radio.air import Air
from simulator.radio.host import VirtualRadio
from simulator.radio.pen import RadioPen
from simulator.tcp import TcpPort
from simulator.virtual_time import run_virtual

BAUD = 115_200
STALL_S = 0.1
TRIES = 3
REAL = ("pty", "tcp")
VIRTUAL = ("memory", "ble")
LINKS = (*VIRTUAL, *REAL)


INTERVAL_S = 0.03
"""Connection interval of the air in tests that do not say another: usual for a phone or a laptop."""


class Wire:
    """One kind of link to one simulated pen. ``pen()`` gives a fresh pen object, as another process would make."""

    def __init__(self, kind: str, sim: SimulatedPen, baud: int | None = BAUD) -> None:
        self.kind = kind
        self.sim = sim
        self.baud = baud
        self.address = "memory://pen"
        self._close: list[Callable[[], Any]] = []
        self.host: VirtualRadio | None = None

    async def open(self) -> Wire:
        """Put the pen's end in place."""
        sim, paced = self.sim, self.baud is not None
        match self.kind:
            case "memory":
                pass
            case "pty":
                terminal = PtyPort(sim, paced=paced)
                self.address = terminal.open()
                self._close.append(terminal.close)
            case "tcp":
                port = TcpPort(sim, paced=paced)
                self.address = await port.open()
                self._close.append(port.close)
            case "ble":
                self.air = Air(interval=INTERVAL_S, seed=sim.seed)
                self.on_air = await RadioPen(self.air, sim).start()
                self._close.append(self.on_air.close)
                self.host = await VirtualRadio.on(self.air)
                self._close.append(self.host.close)
                self.address = f"ble://{self.on_air.address}"
            case _:
                raise ValueError(self.kind)
        return self

    def pen(self, address: str | None = None) -> PenlinkPen:
        """A fresh pen object; ``address`` is what it calls itself."""
        name = address or self.address
        match self.kind:
            case "memory":
                return PenlinkPen(name, lambda: MemoryLink(self.sim.line(self.baud), name))
            case "ble":
                target = Target(self.on_air.address)
                return PenlinkPen(name, lambda: BleLink(name, target, radio=self.host), BLE)
            case _:
                made = open_pen(parse_address(self.address))
                assert isinstance(made, PenlinkPen)
                return made

    @property
    def way_s(self) -> float:
        """The longest that a write takes to the pen on an idle, sound link."""
        return INTERVAL_S + 0.01 if self.kind == "ble" else 0.01

    async def close(self) -> None:
        """Take the pen's end away."""
        while self._close:
            done = self._close.pop()()
            if done is not None:
                await done


@asynccontextmanager
async def linked(kind: str, sim: SimulatedPen, baud: int | None = BAUD) -> AsyncIterator[Wire]:
    """A link of this kind to ``sim``, closed at the end."""
    wire = await Wire(kind, sim, baud).open()
    try:
        yield wire
    finally:
        await wire.close()


class Stalls:
    """The longest time for which the running loop stood still: then the machine is judged, not the program."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._loop = asyncio.get_running_loop()
        self._at = self._loop.time()
        self._timer = self._loop.call_later(0.01, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        self.longest = max(self.longest, now - self._at - 0.01)
        self._at = now
        self._timer = self._loop.call_later(0.01, self._tick)

    def close(self) -> None:
        self._timer.cancel()


def run_over(kind: str, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run ``main`` in the time that the link needs.

    In real time a play that failed while the machine stood still is tried again, up to three times.
    """
    if kind in VIRTUAL:
        run_virtual(main())
        return

    async def watched() -> tuple[float, BaseException | None]:
        stalls = Stalls()
        try:
            await main()
        except (AssertionError, TimeoutError) as error:
            return stalls.longest, error
        finally:
            stalls.close()
        return stalls.longest, None

    for turn in range(TRIES):
        longest, error = asyncio.run(watched())
        if error is None:
            return
        if longest < STALL_S or turn == TRIES - 1:
            raise error
