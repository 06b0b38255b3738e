"""What people, station, disk and clock do in a stack, by the names of :mod:`simulator.surroundings`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from .oracle import Oracle
from .stack import OPEN_WAIT_S, Seat, Stack

READ_S: Final = 0.2
"""How long somebody reads the start sheet; the program takes no start sooner than 150 ms."""
HASTY_S: Final = 0.05
SHEET_S: Final = 4.0
SECOND_CLIENT: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("setpoint", {"depth_um": 500}),
    ("zone.select", {"zone": "OCC"}),
    ("run.preview", {}),
    ("run.end", {}),
    ("pen.reset", {}),
)


class Surroundings:
    """Does what the schedule of one seat says; STOP at once, everything else one after the other."""

    def __init__(self, stack: Stack, seat: Seat, oracle: Oracle) -> None:
        self._stack = stack
        self._seat = seat
        self._oracle = oracle
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._acts: dict[str, Callable[[Any], Awaitable[None]]] = {
            "client.start": self._start,
            "client.hasty": self._hasty,
            "client.end": lambda _: self._asked("run.end"),
            "client.pause": lambda _: self._asked("run.pause"),
            "client.reset": self._reset,
            "client.depth": self._depth,
            "client.rate": self._rate,
            "client.recover": self._recover,
            "client.onlooker": self._onlooker,
            "client.lock": self._lock,
            "client.gone": self._gone,
            "station.kill": self._kill,
        }

    def happen(self, name: str, value: Any, begins: bool) -> None:
        """Something begins (or happens), or is over: an :data:`simulator.player.Others`."""
        person = self._seat.person
        match name:
            case "client.stop":
                if person is not None:
                    self._oracle.stop_pressed()
                    person.client.stop_now("SPACE")
            case "station.stop":
                self._oracle.stop_pressed()
                self._stack.station.stop_all("schedule")
            case "client.freeze":
                if person is not None:
                    person.frozen = begins
            case "client.away":
                self._spawn(self._leave if begins else self._come, None)
            case "disk.locked" | "disk.silent":
                if begins:
                    self._oracle.disk_troubled()
                    self._stack.disk.begin(name.removeprefix("disk."))
                else:
                    self._stack.disk.mend()
            case "clock.set":
                self._oracle.clock_broken(abs(value) > 1.0)
                self._stack.source.jump_us += round(value * 1e6)
            case "clock.suspend":
                self._oracle.clock_broken(value > 1.0)
                self._stack.suspend(value)
            case _:
                self._spawn(self._acts[name], value)

    async def close(self) -> None:
        """Nothing is done any more."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, act: Callable[[Any], Awaitable[None]], value: Any) -> None:
        task = self._loop.create_task(self._in_turn(act, value))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._oracle.broken("crash", f"a request ended in {type(error).__name__}: {error}")

    async def _in_turn(self, act: Callable[[Any], Awaitable[None]], value: Any) -> None:
        async with self._turn:
            await act(value)

    # -- what people do

    @property
    def _desk(self) -> Any:
        return self._stack.desk(self._seat)

    async def _asked(self, method: str, **params: Any) -> None:
        if self._seat.person is not None:
            await self._seat.person.ask(method, **params)

    async def _start(self, zone: Any) -> None:
        await self._go(str(zone), hasty=False)

    async def _hasty(self, zone: Any) -> None:
        await self._go(str(zone), hasty=True)

    async def _go(self, zone: str, *, hasty: bool) -> None:
        person, oracle = self._seat.person, self._oracle
        if person is None:
            return
        await person.ask("zone.select", zone=zone)
        sheet = await person.ask("run.preview")
        end = self._loop.time() + SHEET_S
        while sheet is not None and sheet.waits and not hasty and self._loop.time() < end:
            await asyncio.sleep(0.1)
            sheet = await person.ask("run.preview")
        if sheet is None:
            return
        await asyncio.sleep(HASTY_S if hasty else READ_S)
        desk = self._desk
        if desk is None:
            return
        latched, age = desk.control.latched, desk.control.motion.age(self._loop.time())
        # A gate that is about to open is waited for.
        shut = [gate.name for gate in desk.control.gates() if not gate.passed and not gate.waiting]
        oracle.asked_to_start(zone)
        reply = await person.ask("run.start", ticket=sheet.ticket)
        if reply is None or reply.outcome != "confirmed":
            return
        oracle.started(hasty=hasty, latched=latched, age_s=age, closed=shut)

    async def _reset(self, _: Any) -> None:
        person = self._seat.person
        if person is not None:
            reply = await person.ask("pen.reset")
            if reply is not None and reply.outcome == "confirmed":
                self._oracle.reset_confirmed()

    async def _depth(self, depth_mm: Any) -> None:
        person, asked = self._seat.person, round(float(depth_mm) * 1000)
        if person is None:
            return
        answer = await person.ask("setpoint", depth_um=asked, lower=True)
        if answer and answer["depth"].outcome == "confirmed":
            self._oracle.depth_confirmed(asked)

    async def _rate(self, rate_hz: Any) -> None:
        person, asked = self._seat.person, round(float(rate_hz) * 1000)
        if person is None:
            return
        answer = await person.ask("setpoint", rate_mhz=asked)
        if answer and answer["rate"].outcome == "confirmed":
            self._oracle.rate_confirmed(asked)

    async def _recover(self, _: Any) -> None:
        """Somebody looks after everything: what hangs goes on, the pen is opened, taken, ended and reset."""
        seat, stack = self._seat, self._stack
        if seat.person is None:
            await self._come(None)
        person = seat.person
        assert person is not None
        await person.ask("pen.open", address=seat.address, wait_s=OPEN_WAIT_S)
        await person.ask("control.take")
        await person.ask("pen.accept_firmware")
        await asyncio.sleep(0.3)
        await person.ask("run.end")
        await asyncio.sleep(0.8)
        await self._reset(None)
        desk = stack.desk(seat)
        if desk is not None and desk.recording.session_id is None:
            await stack.prepare(seat)
        await stack.renew_cartridge(seat)
        # STOP may have halted the depth drive on its way.
        await self._depth(1.0)

    async def _onlooker(self, _: Any) -> None:
        """Somebody else looks on: he is obeyed in nothing, and takes control only of a pen that stands still."""
        stack, seat = self._stack, self._seat
        other = await stack.person("Ada", "onlooker")
        try:
            await other.ask("pen.open", address=seat.address, wait_s=OPEN_WAIT_S)
            if self._desk is None or other.client._connection.controls:
                return
            for method, params in SECOND_CLIENT:
                if await other.word(method, **params) is None and not other.client._connection.controls:
                    self._oracle.broken("control", f"{method} of somebody who does not hold control was obeyed")
            moving = seat.sim.truth.turning and self._desk is not None and self._desk.control.run is not None
            if await other.word("control.take") is None and moving and seat.sim.truth.turning:
                self._oracle.broken("control", "control changed hands while the pen moved")
        finally:
            self._oracle.may_be_stopped()
            await other.close()

    async def _lock(self, _: Any) -> None:
        """While a screen is locked nothing but STOP is taken from it."""
        person = self._seat.person
        if person is None or await person.word("operator.lock") is not None:
            return
        for method, params in (("run.start", {"ticket": "any"}), ("setpoint", {"depth_um": 500}), ("pen.reset", {})):
            if await person.word(method, **params) != "locked":
                self._oracle.broken("control", f"{method} of a locked screen was not refused as locked")
        await person.sign_in()

    async def _leave(self, _: Any) -> None:
        person, self._seat.person = self._seat.person, None
        if person is not None:
            self._oracle.client_left(person)
            await person.close()

    async def _come(self, _: Any) -> None:
        if self._seat.person is None:
            await self._stack.sit_down(self._seat)

    async def _gone(self, _: Any) -> None:
        await self._leave(None)
        await self._come(None)

    async def _kill(self, _: Any) -> None:
        stack = self._stack
        self._oracle.station_killed()
        await stack.kill_station()
        for seat in stack.seats:
            await stack.sit_down(seat)
            await stack.prepare(seat)
