"""Simulated pens for a test: on the running loop, or in a thread of their own behind a port that any program can open."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

from drivers.links.memory import MemoryLink
from drivers.penlink.pen import PenlinkPen
from simulator.faults import parse_faults
from simulator.pen import SimulatedPen, Truth
from simulator.profile import Profile

T = TypeVar("T")
ANSWER_S = 10.0


class Bench:
    """A simulated pen and devicectl's driver on the two ends of a memory link, on the running loop.

    Args:
        profile: a profile or the name of a shipped one.
        seed: decides everything that is chance in the pen.
        faults: texts as for ``devicectl simulate --fault``.
        baud: pace of the link in symbols per second; None for none.

    Raises :class:`simulator.profile.ProfileError` and :class:`simulator.faults.FaultError`.
    """

    def __init__(
        self,
        profile: Profile | str = "reference",
        *,
        seed: int = 0,
        faults: Iterable[str] = (),
        baud: int | None = 115_200,
    ) -> None:
        self.sim = SimulatedPen(profile, seed=seed, faults=parse_faults(faults))
        self.pen = PenlinkPen("memory://pen", lambda: MemoryLink(self.sim.line(baud)))

    async def close(self) -> None:
        """Let go of the link and switch the pen off."""
        await self.pen.close()
        self.sim.close()

    def drop(self) -> None:
        """The same when the loop has gone already."""
        if not self.sim.loop.is_closed():
            self.sim.close()


class ThreadedSim:
    """A simulated pen behind a pseudo-terminal. A context manager: it lives in a thread while the block runs.

    Arguments as for :class:`Bench`. Entering raises :class:`drivers.api.LinkRefused` when the system gives no port.
    """

    def __init__(self, profile: Profile | str = "reference", *, seed: int = 0, faults: Iterable[str] = ()) -> None:
        self._profile, self._seed, self._plan = profile, seed, parse_faults(faults)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="simulated pen", daemon=True)
        self._open = AsyncExitStack()
        self.address = ""
        """The pen for devicectl."""

    @property
    def path(self) -> str:
        """The terminal, as other programs open it."""
        return self.address.removeprefix("serial://")

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result(ANSWER_S)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            asyncio.run_coroutine_threadsafe(self._open.aclose(), self._loop).result(ANSWER_S)
        finally:
            self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_S)
        self._loop.close()

    async def _begin(self) -> None:
        self._sim = SimulatedPen(self._profile, seed=self._seed, faults=self._plan)
        self._open.callback(self._sim.close)
        await self._connect(self._sim, self._open)

    async def _connect(self, sim: SimulatedPen, stack: AsyncExitStack) -> None:
        from simulator.serve import open_pty

        self.address = open_pty(sim, stack)

    def ask(self, question: Callable[[SimulatedPen], T]) -> T:
        """What ``question`` of the pen answers, asked in the pen's own thread."""

        async def answer() -> T:
            return question(self._sim)

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result(ANSWER_S)

    @property
    def truth(self) -> Truth:
        """What is really so now, whatever the pen reports."""
        return self.ask(lambda sim: sim.truth)

    @property
    def serial(self) -> str:
        """Its serial number."""
        return self.ask(lambda sim: sim.serial)

    def set_faults(self, **values: Any) -> None:
        """Change single faults by name, as :meth:`simulator.pen.SimulatedPen.set_faults`."""
        self.ask(lambda sim: sim.set_faults(**values))

    def clear_faults(self) -> None:
        """Mend everything."""
        self.ask(SimulatedPen.clear_faults)

    def press(self, load: float | None) -> None:
        """Press it on something: 0 air, 1 usual skin, None gives it back to the seeded hand."""
        self.ask(lambda sim: sim.press(load))

    def press_button(self) -> None:
        """Press its button briefly."""
        self.ask(SimulatedPen.press_button)

    def reboot(self) -> None:
        """Take its power away for a moment."""
        self.ask(SimulatedPen.reboot)


class AirborneSim(ThreadedSim):
    """The same on a virtual radio. ``address`` names the radio too. Raises ``ImportError`` without the virtual radio."""

    radio = ""

    @property
    def path(self) -> str:
        """The pen's address on the air, ``F0:50:…``."""
        return self.address.removeprefix("ble://").partition("?")[0]

    async def _connect(self, sim: SimulatedPen, stack: AsyncExitStack) -> None:
        from simulator.radio.options import AirOptions
        from simulator.radio.server import RadioPort

        port = RadioPort(sim, AirOptions())
        stack.push_async_callback(port.close)
        pen, self.radio = await port.open()
        self.address = f"{pen}?radio={self.radio}"
