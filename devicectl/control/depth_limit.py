"""The station's depth limit, held by the pen too: pushed at every connection, read back, and pushed again if forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from drivers.api import Action, Command, ReadBack, Rejected

from .envelope import StationLimits, mm
from .lane import CommandLane

DEADLINE_S: Final = 0.3
AGAIN_S: Final = 0.2
SELDOM_S: Final = 5.0
HEAR_S: Final = 0.02
"""How often the pen's clock is looked for while it has not been heard."""


class DepthLimit:
    """Pushes LIMIT_DEPTH through the lane until the pen reads back as holding it; until then a gate is shut.

    ``readback`` answers what the pen read back last, ``connected`` whether its link is up.
    """

    def __init__(
        self,
        lane: CommandLane,
        limits: StationLimits,
        readback: Callable[[], ReadBack | None],
        connected: Callable[[], bool],
    ) -> None:
        self._lane = lane
        self._limits = limits
        self._readback = readback
        self._connected = connected
        self._generation = 0
        self.pushing = False
        """True while the pen is being asked."""

    @property
    def to_hold_um(self) -> int:
        """The greatest protrusion that the pen may be asked for, whoever asks."""
        return self._limits.ceiling_um

    def problem(self) -> str | None:
        """Why the pen cannot be trusted to hold the limit, or None."""
        back = self._readback()
        if back is None:
            return "The pen's limits have not been read back yet; wait a second."
        if back.depth_limit_um > self.to_hold_um:
            return f"The pen does not hold the depth limit {mm(self.to_hold_um)} yet; wait a second."
        return None

    async def push(self) -> None:
        """Ask the pen until it holds the limit, the link is lost, or a later push takes over."""
        self._generation += 1
        generation, self.pushing = self._generation, True
        try:
            await self._push(generation)
        finally:
            if generation == self._generation:
                self.pushing = False

    async def _push(self, generation: int) -> None:
        pause = AGAIN_S
        while self._connected() and generation == self._generation and self.problem() is not None:
            if self._lane.clock_ms:
                command = Command(Action.LIMIT_DEPTH, self.to_hold_um)
                outcome = await self._lane.send(command, lambda: None, deadline=DEADLINE_S)
                if isinstance(outcome, Rejected):
                    # Every try is a row of the record: a pen that will not have it is asked less and less often.
                    pause = min(pause * 2, SELDOM_S)
            if self.problem() is not None:
                await asyncio.sleep(pause if self._lane.clock_ms else HEAR_S)
