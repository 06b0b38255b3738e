"""Turning the needle to a dead centre, so that its protrusion can be measured while it stands.

It is motion, and so granted in two steps, by the same gates, with a token and a lease, as a start is; on the bench only.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from drivers.api import Action, Command, Confirmed, NotSent, Outcome, Unknown

from .controller import Controller
from .envelope import Bound, bound_depth, mm
from .events import ParkOver, ParkStarting
from .gates import Gate, Purpose
from .grant import Grant
from .intents import COMMAND_DEADLINE_S, NOT_BEFORE_S, TICKET_S
from .lane import BUSY
from .motion import Motion

SAID_S: Final = 0.3
"""STATUS may tell that parking is over a little before the pen's event says that the needle stands."""
PARK_MAX_S: Final = 2.0
"""A pen takes 1.5 s at most (docs/penlink.md); after this it is stopped."""
STILL_MAX_S: Final = 1.0
"""How long stillness may take to be seen after the pen has said that the needle stands."""
LOOK_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class ParkSheet:
    """What would move: the needles come out by ``depth_um`` at bottom dead centre. ``ticket`` is valid once, for 10 s."""

    ticket: str
    bottom: bool
    depth_um: int
    gates: tuple[Gate, ...]
    at: float
    generation: int

    @property
    def ok(self) -> bool:
        """True when every gate is open."""
        return all(gate.passed for gate in self.gates)


class Parking:
    """PARK of one :class:`Controller`. ``new_ticket`` makes unguessable texts (injected in tests)."""

    def __init__(self, controller: Controller, new_ticket: Callable[[], str] | None = None) -> None:
        self._c = controller
        self._new_ticket = new_ticket or (lambda: secrets.token_hex(8))
        self._sheet: ParkSheet | None = None
        self.starting = False
        """True from the second step until it is answered."""

    def offer(self, bottom: bool) -> ParkSheet | str:
        """The first step: what would move, or the sentence why nothing may."""
        problem = self._problem()
        if problem is not None:
            return problem
        c = self._c
        assert c.readback is not None
        self._sheet = ParkSheet(
            self._new_ticket(), bottom, c.readback.depth_um, c.gates(), c.loop.time(), c.stop_generation
        )
        return self._sheet

    def _problem(self) -> str | None:
        c = self._c
        context = c.context()
        if context is None or c.readback is None:
            return "No pen is connected; choose one."
        if not context.capabilities.can_park:
            return "This pen cannot park its needle; turn it by hand, or measure while it runs."
        if c.purpose is not Purpose.BENCH:
            return "The needle is parked on the bench only; open a bench session."
        if c.run is not None:
            return "A run is going on; END it first."
        depth_um = c.readback.depth_um
        bound = bound_depth(depth_um, context)
        if not isinstance(bound, Bound) or bound.lowered:
            return f"The depth that is set, {mm(depth_um)}, is above a limit; set less first."
        return None

    def _take(self, ticket: str) -> ParkSheet | NotSent:
        sheet, self._sheet = self._sheet, None
        c = self._c
        now = c.loop.time()
        if sheet is None or sheet.ticket != ticket:
            return NotSent("this was not offered; ask for parking again.")
        if now - sheet.at < NOT_BEFORE_S - 1e-9:
            return NotSent("that was too quick to have been read; ask for parking again.")
        if now - sheet.at > TICKET_S:
            return NotSent("the offer is older than 10 s; ask for parking again.")
        if sheet.generation != c.stop_generation:
            return NotSent("STOP came in between; reset, then ask for parking again.")
        return sheet

    def _guard(self, sheet: ParkSheet, grant: Grant | None) -> Callable[[], str | None]:
        """Judged anew at the last instant, as for a start: writing the intent down may take 0.5 s."""
        c = self._c

        def guard() -> str | None:
            if c.stop_generation != sheet.generation:
                return "STOP came in between; nothing was sent."
            if not c.pen.connected:
                return "the link was lost in between; nothing was sent."
            if grant is None:
                return self._problem()
            if c.run is not grant:
                return "parking was taken back in between; nothing moved."
            if c.readback is None or c.readback.depth_um > sheet.depth_um:
                return "another depth was set in between; ask for parking again."
            return next((gate.text for gate in c.gates() if not gate.passed), None)

        return guard

    async def park(self, ticket: str) -> Outcome:
        """The second step. Confirmed when the needle stands; an unclear PARK is followed by STOP at once."""
        c = self._c
        sheet = self._take(ticket)
        if isinstance(sheet, NotSent):
            return sheet
        if self.starting or c.lane.busy:
            return NotSent(BUSY)
        problem = self._problem() or next((gate.text for gate in c.gates() if not gate.passed), None)
        if problem is not None:
            return NotSent(problem)
        self.starting = True
        try:
            armed = await c.lane.send(
                Command(Action.ARM, c.lease_ms), self._guard(sheet, None), deadline=COMMAND_DEADLINE_S
            )
            if not isinstance(armed, Confirmed):
                return armed
            if not armed.token:
                return NotSent("the pen gave no permission to move; try again.")
            return await self._go(sheet, armed.token)
        finally:
            self.starting = False

    async def _go(self, sheet: ParkSheet, token: int) -> Outcome:
        c = self._c
        if c.run is not None or c.stop_generation != sheet.generation or c.readback is None:
            return NotSent("something else came in between; nothing moved.")
        grant = Grant("", c.readback.depth_um, c.readback.rate_mhz, c.loop.time(), PARK_MAX_S, "parking")
        c.run = grant
        c.tell(ParkStarting(c.loop.time(), sheet.bottom))
        command = Command(Action.PARK, int(sheet.bottom), token)
        outcome = await c.lane.send(command, self._guard(sheet, grant), deadline=COMMAND_DEADLINE_S)
        if isinstance(outcome, Unknown):
            c.stop("PARK not answered")
            return outcome
        if not isinstance(outcome, Confirmed):
            if c.run is grant:
                c.run = None
                c.tell(ParkOver(c.loop.time(), "not parked"))
            return outcome
        return await self._stands(grant)

    async def _stands(self, grant: Grant) -> Outcome:
        """The pen ends it by itself, and the vigil when it does not."""
        c = self._c
        ended: asyncio.Future[str] = c.loop.create_future()

        def listen(event: object) -> None:
            if isinstance(event, ParkOver) and not ended.done():
                ended.set_result(event.why)

        if c.run is not grant:
            return Unknown(0, f"the pen took PARK and was stopped ({c.latch_cause or 'ended'}).")
        leave = c.listen(listen)
        try:
            c.lease.start(c.lease_ms / 1000)
            why = await ended
        finally:
            leave()
        await self._still()
        if why != "stands":
            return Unknown(0, f"the needle was stopped on its way ({why}).")
        if c.latched:
            return Unknown(0, f"the pen says that the needle stands, and it was stopped ({c.latch_cause}).")
        said_by = c.loop.time() + SAID_S
        while c.parked_at < grant.since and c.loop.time() < said_by:
            await asyncio.sleep(0.01)
        if c.parked_at < grant.since:
            # The button may have ended it, or the pen's word of it was lost: where the needle stands nobody knows.
            return Unknown(
                0, "the needle stands and the pen has not said that it is at the dead centre; park it again."
            )
        return Confirmed(grant.depth_um)

    async def _still(self) -> None:
        """Whatever the pen says: a needle that is not seen still is stopped."""
        c = self._c
        until = c.loop.time() + STILL_MAX_S
        while c.motion.at(c.loop.time()) is not Motion.STILL and not c.stop_lane.active:
            if c.loop.time() > until:
                c.stop("not still after parking")
                return
            await asyncio.sleep(LOOK_S)
