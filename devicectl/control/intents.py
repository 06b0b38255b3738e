"""What an operator can ask of a pen: setpoint, zone, the two-step start, END, reset. STOP is the controller's own."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.api import Action, Command, Confirmed, NotSent, Outcome, Reason, Rejected, Result, Unknown

from .controller import RUN_MAX_MS, Controller
from .envelope import Bound, Context, Refused, bound_depth, bound_rate, mm
from .events import RunGranted, RunOver, RunResumed, RunStarting, SetpointApplied, ZoneChosen
from .gates import Gate
from .grant import Grant
from .lane import BUSY
from .motion import Motion

COMMAND_DEADLINE_S: Final = 0.3
MOTION_DEADLINE_S: Final = 0.6
"""How long after an accepted START the motor may take to be seen turning."""
TICKET_S: Final = 10.0
NOT_BEFORE_S: Final = 0.15
LOOK_S: Final = 0.01
"""How often the needles are looked for while a start waits for them."""
NO_RUN: Final = "no run is going on."
"""Why END was not sent when there was nothing to end."""

Limit = Callable[[float, Context], Bound | Refused]


def _not_as_asked(bound: Bound | Refused) -> str | None:
    """The sentence why a value that was allowed once is not now; None when it still is."""
    if isinstance(bound, Refused):
        return bound.text
    return f"{'; '.join(bound.reasons)}. This limit came after it was asked for; ask again." if bound.lowered else None


def _why_not(bound: Bound | Refused, lower: bool) -> str | None:
    """The sentence why a request does not pass the limits, or None; with ``lower`` it may be lowered."""
    if isinstance(bound, Refused):
        return bound.text
    if bound.lowered and not lower:
        return f"{'; '.join(bound.reasons)}. Ask for that value, or allow lowering (--lower)."
    return None


def _overridden(gates: Sequence[Gate]) -> set[str]:
    return {gate.name for gate in gates if gate.overridden}


@dataclass(frozen=True, slots=True)
class Sheet:
    """What would start, after limits, and whether every gate is open. ``ticket`` is valid once, for 10 s."""

    ticket: str
    zone: str
    depth: Bound
    rate: Bound
    gates: tuple[Gate, ...]
    resumes: bool
    at: float
    generation: int

    @property
    def ok(self) -> bool:
        """True when every gate is open."""
        return all(gate.passed for gate in self.gates)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why depth and rate were lowered, one sentence each."""
        return self.depth.reasons + self.rate.reasons


class Intents:
    """The operator's side of one :class:`Controller`. ``new_ticket`` makes unguessable texts (injected in tests)."""

    def __init__(self, controller: Controller, new_ticket: Callable[[], str] | None = None) -> None:
        self._c = controller
        self._new_ticket = new_ticket or (lambda: secrets.token_hex(8))
        self._sheet: Sheet | None = None
        self.starting = False
        """True from the second step of a start until it is answered."""
        self.depth_request_um: int | None = None
        self.rate_request_mhz: int | None = None
        self._depths_asked_um: list[int] = []
        """Asked of the pen and not answered yet."""

    def _guard(self, generation: int) -> Callable[[], str | None]:
        c = self._c

        def guard() -> str | None:
            if c.stop_generation != generation:
                return "STOP came in between; nothing was sent."
            return None if c.pen.connected else "the link was lost in between; nothing was sent."

        return guard

    def _start_guard(self, sheet: Sheet, grant: Grant) -> Callable[[], str | None]:
        """Writing START down may take 0.5 s, and the sheet may be older: gates and limits are judged anew at the last
        instant."""
        c, common = self._c, self._guard(sheet.generation)

        def guard() -> str | None:
            if (problem := common()) is not None:
                return problem
            if c.run is not grant:
                return "the run was taken back in between; nothing was started, open the start sheet again."
            closed = next((gate.text for gate in c.gates() if not gate.passed), None)
            return closed or self._above_limits(grant)

        return guard

    def _above_limits(self, grant: Grant) -> str | None:
        """Why the setpoint of ``grant`` may not run now, or None."""
        context = self._c.context(grant.zone)
        if context is None:
            return "no pen is connected; choose one."
        depth, rate = bound_depth(grant.depth_um, context), bound_rate(grant.rate_mhz, context)
        return _not_as_asked(depth) or _not_as_asked(rate)

    def _set_guard(self, limit: Limit, applied: int, context: Context, generation: int) -> Callable[[], str | None]:
        """Writing a setpoint down may take 0.5 s: a zone, a cartridge or a plan that came meanwhile limits it too."""
        c, common = self._c, self._guard(generation)

        def guard() -> str | None:
            if (problem := common()) is not None:
                return problem
            now = c.context()
            return None if now is None or now is context else _not_as_asked(limit(applied, now))

        return guard

    async def _send(
        self,
        action: Action,
        value: int = 0,
        token: int = 0,
        *,
        generation: int,
        guard: Callable[[], str | None] | None = None,
    ) -> Outcome:
        return await self._c.lane.send(
            Command(action, value, token), guard or self._guard(generation), deadline=COMMAND_DEADLINE_S
        )

    # -- setpoint and zone

    async def set_depth(self, um: float, *, lower: bool = False) -> tuple[Outcome, Bound | None]:
        """Ask for a needle protrusion in µm; with ``lower`` a limit may lower it, else it then refuses."""
        return await self._set(Action.SET_DEPTH, um, bound_depth, lower)

    async def set_rate(self, mhz: float, *, lower: bool = False) -> tuple[Outcome, Bound | None]:
        """Ask for a stroke rate in mHz; ``lower`` as in :meth:`set_depth`."""
        return await self._set(Action.SET_RATE, mhz, bound_rate, lower)

    def refusal(self, action: Action, asked: float, lower: bool) -> str | None:
        """Why a depth (µm) or rate (mHz) would be refused by the limits now, or None. Sends nothing."""
        context = self._c.context()
        if context is None:
            return None
        return _why_not((bound_depth if action is Action.SET_DEPTH else bound_rate)(asked, context), lower)

    async def _set(self, action: Action, asked: float, limit: Limit, lower: bool) -> tuple[Outcome, Bound | None]:
        c = self._c
        context = c.context()
        if context is None:
            return NotSent("no pen is connected; choose one."), None
        bound = limit(asked, context)
        if (why := _why_not(bound, lower)) is not None:
            return NotSent(why), None if isinstance(bound, Refused) else bound
        assert isinstance(bound, Bound)
        if (problem := c.firmware_problem()) is not None:
            return NotSent(problem), bound
        guard = self._set_guard(limit, bound.applied, context, c.stop_generation)
        depth = action is Action.SET_DEPTH
        if depth:
            self._depths_asked_um.append(bound.applied)
        try:
            outcome = await self._send(action, bound.applied, generation=c.stop_generation, guard=guard)
        finally:
            if depth:
                self._depths_asked_um.remove(bound.applied)
        if isinstance(outcome, Confirmed):
            if depth:
                self.depth_request_um = outcome.applied
                c.arrival.again(c.loop.time())
            else:
                self.rate_request_mhz = outcome.applied
            self._applied(action, outcome.applied)
        return outcome, bound

    def _applied(self, action: Action, value: int) -> None:
        c = self._c
        run = c.run
        if run is not None:
            if action is Action.SET_DEPTH:
                run.depth_um = value
            else:
                run.rate_mhz = value
        if c.readback is not None:
            c.tell(SetpointApplied(c.loop.time(), c.readback.depth_um, c.readback.rate_mhz))

    def select_zone(self, zone: str) -> str | None:
        """Choose the zone that motion belongs to; the sentence why not, or None.

        While the motor turns it is refused unless the running setpoint lies within the new zone's limits.
        """
        c = self._c
        context = c.context(zone)
        run = c.run
        if self.starting and run is None:
            return "A start is on its way; wait until it is answered."
        if run is not None and run.phase == "parking":
            return "The needle is being parked; wait until it stands."
        if run is not None and run.phase == "paused":
            return "A run is paused for another zone; resume it, or end it first."
        if run is not None and c.lane.unsettled:
            return "An earlier command is still being checked with the pen; wait for it."
        if run is not None and context is not None:
            depth_um = max(run.depth_um, *self._depths_asked_um, 0)
            bound = bound_depth(depth_um, context)
            if isinstance(bound, Refused) or bound.lowered:
                limit = mm(bound.applied) if isinstance(bound, Bound) else "its limit"
                return f"The running depth {mm(depth_um)} is above {limit} of zone {zone}; END first."
            if run.zone != zone:
                run.plan(c.planned(zone))
            run.zone = zone
        elif c.motion.at(c.loop.time()) is not Motion.STILL and c.motion.turning:
            return "The motor still turns; wait until it is still."
        c.zone = zone
        c.tell(ZoneChosen(c.loop.time(), zone))
        return None

    # -- the two-step start

    def preview(self) -> Sheet | str:
        """The start sheet for the chosen zone and setpoint, or the sentence what is missing."""
        c = self._c
        context = c.context()
        if context is None or c.readback is None:
            return "No pen is connected; choose one."
        if c.zone is None:
            return "No zone is chosen; press a digit."
        depth = bound_depth(
            self.depth_request_um if self.depth_request_um is not None else c.readback.depth_um, context
        )
        rate = bound_rate(self.rate_request_mhz if self.rate_request_mhz is not None else c.readback.rate_mhz, context)
        for bound in (depth, rate):
            if isinstance(bound, Refused):
                return bound.text
        assert isinstance(depth, Bound)
        assert isinstance(rate, Bound)
        if c.run is not None and c.run.phase != "paused":
            return "A run is going on; END it first."
        gates = c.gates(depth_follows=self._depth_follows(depth))
        self._sheet = Sheet(
            self._new_ticket(), c.zone, depth, rate, gates, c.run is not None, c.loop.time(), c.stop_generation
        )
        return self._sheet

    def _depth_follows(self, depth: Bound) -> bool:
        """Whether a start would set another depth than the pen holds."""
        back = self._c.readback
        return back is not None and back.depth_um != depth.applied

    def _take_ticket(self, ticket: str) -> Sheet | NotSent:
        sheet, self._sheet = self._sheet, None
        now = self._c.loop.time()
        if sheet is None or sheet.ticket != ticket:
            return NotSent("this start was not offered; open the start sheet again.")
        if now - sheet.at < NOT_BEFORE_S - 1e-9:
            return NotSent("that was too quick to have been read; open the start sheet again.")
        if now - sheet.at > TICKET_S:
            return NotSent("the start sheet is older than 10 s; open it again.")
        if sheet.generation != self._c.stop_generation:
            return NotSent("STOP came in between; reset, then start again.")
        if sheet.zone != self._c.zone:
            return NotSent("another zone was chosen meanwhile; open the start sheet again.")
        return sheet

    async def start(self, ticket: str, run_ms: int = RUN_MAX_MS) -> Outcome:
        """The second step. Confirmed when telemetry shows motion; an unclear START is followed by STOP at once."""
        c = self._c
        sheet = self._take_ticket(ticket)
        if isinstance(sheet, NotSent):
            return sheet
        if self.starting or c.lane.busy:
            return NotSent(BUSY)
        if sheet.resumes and (c.run is None or c.run.phase != "paused"):
            return NotSent("the paused run is over; open the start sheet again.")
        gates = c.gates(depth_follows=self._depth_follows(sheet.depth))
        closed = [gate.text for gate in gates if not gate.passed]
        if closed:
            return NotSent(closed[0])
        if _overridden(gates) - _overridden(sheet.gates):
            return NotSent("a gate was overridden meanwhile; open the start sheet again, it says so.")
        self.starting = True
        try:
            outcome = await self._prepare(sheet)
            if not isinstance(outcome, Confirmed):
                return outcome
            assert c.capabilities is not None
            run_ms = max(100, min(run_ms, RUN_MAX_MS, c.capabilities.run_max_ms))
            return await self._go(sheet, outcome.token, run_ms)
        finally:
            self.starting = False

    async def _prepare(self, sheet: Sheet) -> Outcome:
        c = self._c
        back = c.readback
        for action, value, held in (
            (Action.SET_DEPTH, sheet.depth.applied, back.depth_um if back else None),
            (Action.SET_RATE, sheet.rate.applied, back.rate_mhz if back else None),
        ):
            if value != held:
                outcome = await self._send(action, value, generation=sheet.generation)
                if not isinstance(outcome, Confirmed):
                    return outcome
                if outcome.applied != value:
                    return NotSent("the pen took another value than was shown; open the start sheet again.")
        if (problem := await self._not_arrived(sheet)) is not None:
            return NotSent(problem)
        self.depth_request_um, self.rate_request_mhz = sheet.depth.applied, sheet.rate.applied
        armed = await self._send(Action.ARM, c.lease_ms, generation=sheet.generation)
        if isinstance(armed, Confirmed) and not armed.token:
            return NotSent("the pen gave no permission to start; try again.")
        return armed

    async def _not_arrived(self, sheet: Sheet) -> str | None:
        """Wait until the needles are where the sheet says, as long as the drive may take; the sentence why not, or None."""
        c, guard = self._c, self._guard(sheet.generation)
        if any(gate.name == "arrived" and gate.overridden for gate in sheet.gates):
            return None
        while (short := c.arrival.shortfall(c.motion.sample, c.loop.time())) is not None:
            if (problem := guard()) is not None:
                return problem
            if not short.coming:
                return short.text
            await asyncio.sleep(LOOK_S)
        return None

    async def _go(self, sheet: Sheet, token: int, run_ms: int) -> Outcome:
        c = self._c
        if c.stop_generation != sheet.generation:
            return NotSent("STOP came in between; nothing was started.")
        if c.run is not None and not sheet.resumes:
            return NotSent("a run is going on; END it first.")
        grant = Grant(sheet.zone, sheet.depth.applied, sheet.rate.applied, c.loop.time(), run_ms / 1000)
        if sheet.resumes and c.run is not None:
            grant.ran_s, grant.since = c.run.ran_s, c.run.since
            grant.planned_s, grant.indicate, grant.planned_told = c.run.planned_s, c.run.indicate, c.run.planned_told
        else:
            grant.plan(c.planned(grant.zone))
        previous, c.run = c.run, grant
        c.zone = grant.zone
        c.tell(RunStarting(c.loop.time(), grant.zone, grant.depth_um, grant.rate_mhz))
        c.motion_seen = c.loop.create_future()
        try:
            guard = self._start_guard(sheet, grant)
            outcome = await self._send(Action.START, run_ms, token, generation=sheet.generation, guard=guard)
            if isinstance(outcome, Unknown):
                c.stop("START not answered")
                return outcome
            if not isinstance(outcome, Confirmed):
                if c.run is grant:
                    c.run = previous
                    if previous is None:
                        c.tell(RunOver(c.loop.time(), "not started"))
                return outcome
            return await self._seen_turning(sheet, grant)
        finally:
            c.motion_seen = None

    async def _seen_turning(self, sheet: Sheet, grant: Grant) -> Outcome:
        c = self._c
        seen = c.motion_seen
        assert seen is not None
        if not seen.done():
            await asyncio.wait((seen,), timeout=MOTION_DEADLINE_S)
        if c.stop_generation != sheet.generation or c.run is not grant:
            why = c.latch_cause or "the pen ended the run"
            return Unknown(0, f"the pen took START and was stopped before it was seen turning ({why}).")
        if not seen.done() or seen.cancelled():
            c.stop("no motion after START")
            return Unknown(0, "the pen took START but is not seen turning; it was stopped. Check the cartridge.")
        grant.phase = "running"
        c.lease.start(c.lease_ms / 1000)
        now = c.loop.time()
        if sheet.resumes:
            c.tell(RunResumed(now))
        else:
            c.tell(RunGranted(now, grant.zone, grant.depth_um, grant.rate_mhz))
        return Confirmed()

    # -- ending

    async def pause(self) -> Outcome:
        """END of a pass: the motor stops, the run lives on for the pen's pause time."""
        return await self._end(1)

    async def end(self) -> Outcome:
        """END of the run: the motor stops and the grant is given back."""
        return await self._end(0)

    async def _end(self, keep: int) -> Outcome:
        c = self._c
        if c.run is None:
            return NotSent(NO_RUN)
        outcome = await self._send(Action.END, keep, generation=c.stop_generation)
        if isinstance(outcome, Unknown):
            c.stop("END not answered")
        elif isinstance(outcome, Confirmed) and not keep and c.run is not None:
            c.end_run("ended")
        return outcome

    async def indicate(self) -> Outcome:
        """Let the pen blink or buzz: which one is it? Gives way to everything else, and moves nothing."""
        c = self._c
        if self.starting or c.lane.busy or c.stop_lane.active:
            return NotSent("the pen is busy with something else; ask again in a moment.")
        return await self._send(Action.INDICATE, generation=c.stop_generation)

    async def reset(self) -> Outcome:
        """Leave the STOP latch: only while confirmed still and not stopping. Starts nothing."""
        c = self._c
        if c.stop_lane.active:
            return NotSent("the pen is still being stopped; wait until it is confirmed still.")
        if c.motion.at(c.loop.time()) is not Motion.STILL:
            return NotSent("the pen is not confirmed still; wait, or switch it off.")
        generation = c.stop_generation
        outcome = await self._send(Action.RESET, generation=generation)
        if isinstance(outcome, Confirmed):
            if c.stop_generation != generation:
                return Rejected(Result.CANCELLED, Reason.LATCHED, "STOP came in between; the pen stays latched.")
            if c.status is not None and c.status.state.latched:
                return Rejected(Result.FAILED, Reason.LATCHED, "the pen stays latched; look at its alarms.")
            c.latched, c.latch_cause = False, ""
        return outcome
