"""What the journal could not write shuts the gate as any other failure of the record does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.world import ADDRESS, World, refused

from devicectl.bench.stack import Disk
from devicectl.records.errors import DatabaseLocked
from devicectl.station.client_api import StationError
from simulator.virtual_time import run_virtual


def scenario(play: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        world = World()
        try:
            await play(world)
        finally:
            await world.down()

    run_virtual(main())


def record_gate(w: World) -> Any:
    return next(gate for gate in w.desk.control.gates() if gate.name == "record")


class Locked:
    """A database that is locked for what the journal writes by one of its calls, and for nothing else."""

    def __init__(self, w: World, owner: Any, name: str) -> None:
        self._submit, self._call = w.store.writer.submit, getattr(owner, name)
        self._on, self._loop = False, w.loop
        w.store.writer.submit = self.submit  # type: ignore[method-assign]
        setattr(owner, name, self.call)
        self.mend = lambda: setattr(owner, name, self._call)

    def submit(self, job: Any) -> asyncio.Future[Any]:
        if not self._on:
            return self._submit(job)
        future: asyncio.Future[Any] = self._loop.create_future()
        future.set_exception(DatabaseLocked("the database is locked by another program."))
        return future

    def call(self, item: Any) -> Any:
        self._on = True
        try:
            return self._call(item)
        finally:
            self._on = False


def test_an_outcome_that_cannot_be_stored_shuts_the_gate_until_it_is() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        locked = Locked(w, w.station.record.journal, "settle")
        assert record_gate(w).passed
        await s.ask("setpoint", depth_um=800)
        assert not record_gate(w).passed
        assert "locked" in record_gate(w).text
        await asyncio.sleep(0.3)
        assert w.desk.alarms.active("record"), "an alarm that goes out at once was not seen"
        locked.mend()
        await w.until(lambda: record_gate(w).passed, 3)

    scenario(play)


def test_an_intent_that_cannot_be_written_is_trouble_of_the_record_for_every_desk() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        journal: Any = w.station.record.journal
        heard: list[str] = []
        unhear = journal.on_failure(heard.append)
        Locked(w, journal._journal, "intend")
        assert "locked" in (await s.ask("setpoint", depth_um=800))["depth"].text
        assert len(heard) == 1
        assert "locked" in heard[0]
        unhear()
        await s.ask("setpoint", depth_um=900)
        assert len(heard) == 1

    scenario(play)


def test_a_record_that_does_not_answer_holds_up_the_opening_of_a_pen_for_some_seconds_only() -> None:
    async def play(w: World) -> None:
        screen = await w.screen()
        trouble = Disk(w.store)
        trouble.begin("silent")
        begin = w.loop.time()
        with pytest.raises(StationError, match="record did not take the pen within 5 s") as caught:
            await screen.ask("pen.open", address=ADDRESS)
        assert caught.value.code == "record"
        assert w.loop.time() - begin <= 12
        assert not w.station.desks
        trouble.mend()
        await screen.ask("pen.open", address=ADDRESS)
        assert "holds" not in await refused(screen.ask("run.preview"))

    scenario(play)


@pytest.mark.parametrize("kind", ["locked", "silent"])
@pytest.mark.parametrize("purpose", ["bench", "treatment"])
def test_a_gate_opens_only_once_its_reason_is_stored(kind: str, purpose: str) -> None:
    """Write-ahead: what an answer says was opened stands in the record, and what the record did not take stays shut."""

    async def play(w: World) -> None:
        s = await w.ready(purpose, None if purpose == "bench" else "T-1")
        w.sim.physics.charge = 0.08
        await w.until(lambda: not battery_gate(w).passed)
        trouble = Disk(w.store)
        trouble.begin(kind)
        begin = w.loop.time()
        with pytest.raises(StationError, match="was not opened") as caught:
            await s.ask("gate.override", gate="battery", reason="runs from a supply")
        assert caught.value.code == "record"
        assert w.loop.time() - begin < 1
        assert not battery_gate(w).passed
        assert w.rows("select * from events where code = 'gate-overridden'") == []
        trouble.mend()
        await w.until(lambda: record_gate(w).passed, 5)
        await asyncio.sleep(0.1)
        assert not battery_gate(w).passed, "what came into the record late opens nothing"
        late = w.rows("select text from events where code = 'gate-not-opened'")
        assert len(late) == len(w.rows("select * from events where code = 'gate-overridden'")) == (kind == "silent")
        await s.ask("gate.override", gate="battery", reason="runs from a supply")
        assert battery_gate(w).passed
        stored = w.rows("select session_id, text from events where code = 'gate-overridden' order by id")[-1]
        assert (stored["session_id"] is not None, stored["text"].startswith("battery: ")) == (True, True)
        notes = w.rows("select operator_id from notes")
        assert len(notes) == (0 if purpose == "bench" else 1 + (kind == "silent"))
        assert all(row["operator_id"] is not None for row in notes)

    scenario(play)


def battery_gate(w: World) -> Any:
    return next(gate for gate in w.desk.control.gates() if gate.name == "battery")
