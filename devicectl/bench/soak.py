"""One run of a soak: a whole stack in virtual time under a schedule, judged all the while."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

from drivers.tap import Tap
from simulator.pen import SimulatedPen
from simulator.player import Player
from simulator.schedule import Entry, Schedule
from simulator.virtual_time import VirtualTimeLoop

from .expectations import unmet
from .happenings import Surroundings
from .oracle import Oracle, Violation
from .script import scripted
from .stack import MemoryWire, Stack, Wire
from .truth import Ledger, PassTruth

CHECK_S: Final = 20.0
"""How often the record is compared with the physics while it goes on."""
CALM_S: Final = 1.5
SETTLE_S: Final = 10.0
PROFILES: Final = ("reference", "reference", "vary-150")
LinkKind = Literal["memory", "ble"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run is: its seed decides everything that the rest leaves open. ``seconds`` of model time."""

    seed: int
    seconds: float = 120.0
    pens: int = 1
    link: LinkKind = "memory"
    schedule: Schedule | None = None
    purpose: str = ""
    profile: str = ""
    tapped: int = 0
    """The pen whose link a tap hears."""

    def script(self) -> Schedule:
        """What happens: the schedule, people at work beside it unless it forbids that, or what the seed draws."""
        on_air = self.link == "ble"
        if self.schedule is None:
            return scripted(self.seed, self.seconds, self.pens, on_air=on_air)
        if not self.schedule.people:
            return self.schedule
        people = scripted(self.seed, self.seconds, self.pens, trouble=False)
        return self.schedule.model_copy(update={"faults": (*self.schedule.faults, *people.faults)})


START_AT_S: Final = 1.0


def rehearsal(schedule: Schedule, link: LinkKind = "memory", seed: int | None = None) -> Plan:
    """A run that shows what a schedule does: somebody starts a run after a second and does nothing else."""
    faults = schedule.faults
    if schedule.people:
        faults = (*faults, Entry(name="client.start", value="VTX", at=START_AT_S, pen=0))
    alone = schedule.model_copy(update={"people": False, "faults": faults})
    chance = schedule.seed if seed is None else seed
    return Plan(chance, schedule.seconds, link=link, schedule=alone, purpose="bench", profile="reference")


@dataclass(slots=True)
class Result:
    """What became of a run. ``played`` is all that happened, at the times at which it did; ``wall_s`` real seconds."""

    plan: Plan
    violations: list[Violation] = field(default_factory=list)
    passes: list[PassTruth] = field(default_factory=list)
    played: tuple[Entry, ...] = ()
    unmet: list[str] = field(default_factory=list)
    model_s: float = 0.0
    wall_s: float = 0.0


def run(
    plan: Plan, *, stop_at_first: bool = True, tick: Callable[[float], None] | None = None, tap: Tap | None = None
) -> Result:
    """One run in virtual time of its own; the same plan gives the same result.

    ``tick`` hears model seconds now and then; ``tap`` listens on the link of the pen that breaks a rule, or of the first.
    """
    loop = VirtualTimeLoop()
    began = time.perf_counter()
    try:
        result = loop.run_until_complete(_Run(plan, stop_at_first, tick, tap).play())
        _clear(loop)
    finally:
        loop.close()
    result.wall_s = time.perf_counter() - began
    return result


@contextmanager
def quiet() -> Iterator[None]:
    """The program's own log says nothing: trouble is what a soak is made of."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _clear(loop: asyncio.AbstractEventLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))


class _Run:
    def __init__(self, plan: Plan, stop_at_first: bool, tick: Callable[[float], None] | None, tap: Tap | None) -> None:
        self.plan = plan
        self.result = Result(plan)
        self._stop_at_first = stop_at_first
        self._tick = tick
        self._tap = tap
        self._over = asyncio.Event()

    async def play(self) -> Result:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._crashed)
        wires, close = await wired(self.plan)
        stack = Stack(wires, seed=self.plan.seed, purpose=self.plan.purpose or _purpose(self.plan.seed))
        await stack.begin()
        oracles = [Oracle(stack, seat, self._broken) for seat in stack.seats]
        for oracle in oracles:
            oracle.all_of = lambda: oracles
        ledgers = [Ledger(stack, seat, oracle.broken) for seat, oracle in zip(stack.seats, oracles, strict=True)]

        def listen() -> None:
            for oracle, ledger in zip(oracles, ledgers, strict=True):
                oracle.listen()
                ledger.listen()
            if self._tap is not None:
                stack.seats[self.plan.tapped].pen.set_tap(self._tap)

        stack.on_new_pens = listen
        if self._tap is not None:
            stack.seats[self.plan.tapped].pen.set_tap(self._tap)
        began = loop.time()
        await self._play(stack, oracles, ledgers)
        self.result.model_s = loop.time() - began
        for oracle in oracles:
            oracle.close()
        await stack.close()
        await close()
        return self.result

    async def _play(self, stack: Stack, oracles: Sequence[Oracle], ledgers: Sequence[Ledger]) -> None:
        loop, plan = asyncio.get_running_loop(), self.plan
        script, began = plan.script(), loop.time()
        around = [Surroundings(stack, seat, oracle) for seat, oracle in zip(stack.seats, oracles, strict=True)]
        players = [
            Player(seat.sim, script, plan.seed, one.happen, seat.index)
            for seat, one in zip(stack.seats, around, strict=True)
        ]
        while (now := loop.time() - began) < plan.seconds - 1e-3 and not self._over.is_set():
            try:
                await asyncio.wait_for(self._over.wait(), min(CHECK_S, plan.seconds - now))
            except TimeoutError:
                pass
            for ledger in ledgers:
                ledger.check()
            if self._tick is not None:
                self._tick(loop.time() - began)
        self.result.played = played(players, began)
        expected = plan.schedule.expect if plan.schedule is not None and not self._over.is_set() else ()
        later = tuple(phrase for phrase in expected if "record " in phrase)
        self.result.unmet = unmet(tuple(phrase for phrase in expected if phrase not in later), oracles[0])
        for player in players:
            player.close()
        if not self._over.is_set():
            await self._settle(stack, oracles)
            for ledger in ledgers:
                ledger.check()
                ledger.judge_sums()
            self.result.unmet += unmet(later, oracles[0])
        for one in around:
            await one.close()
        self.result.passes = [found for ledger in ledgers for found in ledger.passes]

    async def _settle(self, stack: Stack, oracles: Sequence[Oracle]) -> None:
        """Faults end and everybody stops; then nothing may be open any more."""
        stack.disk.mend()
        for oracle in oracles:
            oracle.seat.sim.clear_faults()
        await asyncio.sleep(CALM_S)
        stack.station.stop_all("end of the run")

        def quiet() -> bool:
            return all(
                (desk := stack.desk(seat)) is None
                or (desk.confirmed_still and desk.pen.connected and not desk.control.lane.busy
                    and not desk.control.lane.unsettled)
                for seat in stack.seats
            )  # fmt: skip

        await stack.until(quiet, SETTLE_S)
        await asyncio.sleep(0.5)
        await stack.until(quiet, 1.0)
        for oracle in oracles:
            oracle.settle()

    def _broken(self, violation: Violation) -> None:
        self.result.violations.append(violation)
        if self._stop_at_first:
            self._over.set()

    def _crashed(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        text = f"{type(error).__name__}: {error}" if error is not None else str(context.get("message"))
        self._broken(Violation(loop.time(), 0, "crash", text))


def _purpose(seed: int) -> str:
    """Every other run treats a training client."""
    return "treatment" if seed % 2 else "bench"


async def wired(plan: Plan) -> tuple[list[Wire], Callable[[], Awaitable[None]]]:
    """The pens of a run on their links, and what takes the links away."""
    names = [plan.profile or PROFILES[(plan.seed + pen) % len(PROFILES)] for pen in range(plan.pens)]
    sims = [SimulatedPen(name, seed=plan.seed * 64 + pen) for pen, name in enumerate(names)]
    if plan.link == "memory":
        return [MemoryWire(sim) for sim in sims], _nothing
    from .air import AirWires

    air = await AirWires.open(sims, plan.seed)
    return list(air.wires), air.close


async def _nothing() -> None:
    """A link in memory has no other end to take away."""


def played(players: Sequence[Player], began: float) -> tuple[Entry, ...]:
    """All that happened, as entries at fixed times: the same again, whatever chance and conditions decided."""
    entries: list[Entry] = []
    for number, player in enumerate(players):
        rows = list(player.played)
        for index, (at, name, value, begins) in enumerate(rows):
            if not begins:
                continue
            ends = next((end for end, other, _, more in rows[index + 1 :] if other == name and not more), None)
            single = Entry(name=name, value=value)
            lasts = max(0.001, round(ends - at, 6)) if ends is not None and single.lasting else None
            entries.append(Entry(name=name, value=value, at=round(at - began, 6), lasts=lasts, pen=number))
    return tuple(sorted(entries, key=lambda entry: float(entry.at)))  # type: ignore[arg-type]
