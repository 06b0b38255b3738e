"""The links over which one behaviour is tested: the same play, from memory in virtual time to real ports in real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from drivers.address import parse_address
from drivers.api import Pen
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


@asynccontextmanager
async def linked(kind: str, sim: SimulatedPen, baud: int | None = BAUD) -> AsyncIterator[Pen]:
    """A pen object that reaches ``sim`` over a link of this kind; the pen's port is closed at the end."""
    match kind:
        case "memory":
            yield PenlinkPen("memory://pen", lambda: MemoryLink(sim.line(baud)))
        case "pty":
            terminal = PtyPort(sim, paced=baud is not None)
            try:
                yield open_pen(parse_address(terminal.open()))
            finally:
                terminal.close()
        case "tcp":
            port = TcpPort(sim, paced=baud is not None)
            try:
                yield open_pen(parse_address(await port.open()))
            finally:
                await port.close()
        case "ble":
            async with _on_air(sim) as pen:
                yield pen
        case _:
            raise ValueError(kind)


INTERVAL_S = 0.03
"""Connection interval of the air in tests that do not say another: usual for a phone or a laptop."""


@asynccontextmanager
async def _on_air(sim: SimulatedPen) -> AsyncIterator[Pen]:
    air = Air(interval=INTERVAL_S, seed=sim.seed)
    on_air = await RadioPen(air, sim).start()
    host = await VirtualRadio.on(air)
    address, target = f"ble://{on_air.address}", Target(on_air.address)
    try:
        yield PenlinkPen(address, lambda: BleLink(address, target, radio=host), BLE)
    finally:
        await host.close()
        await on_air.close()


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
