"""The state machine on the bench, where the needle is parked too: a machine of its own, so that the other's search stays
what it is."""

from __future__ import annotations

import asyncio

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from schedules.machine import SafetyMachine

from drivers.api import Confirmed

CUTS = (None, None, None, "stop", "end", "button", "freeze")


class ParkingMachine(SafetyMachine):
    """Everything that :class:`SafetyMachine` does, and PARK, of which somebody may think better on the way."""

    SESSION = ("bench",)

    @initialize(running=st.sampled_from((True, False, False, False)), seconds=st.sampled_from((0.1, 1.0)))
    def begin_running(self, running: bool, seconds: float) -> None:
        """Most of these begin with a pen that stands: only then it can be parked."""
        if running:
            self.start("VTX", False)
            self.run(asyncio.sleep(seconds))

    @precondition(lambda self: self.time_left)
    @rule(bottom=st.booleans(), impatient=st.booleans(), cut=st.sampled_from(CUTS))
    def park(self, bottom: bool, impatient: bool, cut: str | None) -> None:
        async def play() -> None:
            desk = self.desk
            sheet = desk.parking.offer(bottom) if desk is not None else ""
            if isinstance(sheet, str):
                return
            await asyncio.sleep(0.05 if impatient else 0.2)
            latched = desk.control.latched
            unchecked = self.world.sim.firmware.profile.firmware not in self.checked
            going = asyncio.ensure_future(desk.parking.park(sheet.ticket))
            if cut is not None:
                await asyncio.sleep(0.1)
                await self._cut(cut)
            outcome = await going
            confirmed = isinstance(outcome, Confirmed)
            assert not (confirmed and impatient), "parked sooner than 150 ms"
            assert not (confirmed and latched), "parked while latched"
            assert not (confirmed and unchecked), "parked with unchecked firmware"
            if confirmed and not self.ever_faults:
                assert self.world.sim.truth.strokes % 1 == (0.5 if bottom else 0.0)

        self.run(play())

    async def _cut(self, how: str) -> None:
        match how:
            case "stop":
                self.world.station.stop_all("test")
                self.stop_at = self.loop.time()
            case "end":
                await self._ask("run.end")
            case "button":
                self.world.sim.press_button()
            case "freeze" if self.screen is not None:
                self.screen.frozen = True
