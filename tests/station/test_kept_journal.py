"""How a command ended reaches the record in the end, whatever the record does meanwhile."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from support.world import World

from devicectl.control.events import StopRequested
from devicectl.control.journal import Intent, Settled
from devicectl.records import jobs
from devicectl.records.errors import DatabaseLocked, JournalFull, RecordRefused
from devicectl.records.ids import IdSource
from devicectl.records.journal import StoreJournal
from devicectl.records.location import Location
from devicectl.records.rows import PenRow
from devicectl.records.store import Store
from devicectl.station import outbox
from devicectl.station.kept_journal import KeptJournal
from devicectl.station.source import SeededSource
from simulator.virtual_time import run_virtual

PEN = UUID(int=1 << 64 | 7 << 76)


class Disk:
    """A record on a real file with one pen, and a stranger who may lock it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "record.db"
        self.store = Store.open(Location(self.path, "argument"), ids=IdSource())
        pen = PenRow(PEN, "m", "n", "s", "1", "1", "simulated", 1)
        self.store.submit_sync(jobs.pen_seen(pen))
        self.journal = KeptJournal(StoreJournal(self.store.writer, Intent), self.store.submit)
        self._stranger = sqlite3.connect(self.path, isolation_level=None, timeout=10)
        self._ids = IdSource()

    def lock(self) -> None:
        self._stranger.execute("BEGIN IMMEDIATE")

    def unlock(self) -> None:
        self._stranger.execute("ROLLBACK")

    async def intent(self, cmd_id: int) -> Intent:
        made = Intent(self._ids.uuid7(), PEN, None, 4_000_000_000, cmd_id, "set_depth", 9, 7, 8)
        await self.journal.intend(made)
        return made

    def outcomes(self) -> list[tuple[int, str | None, str | None]]:
        rows = self._stranger.execute("SELECT cmd_id, outcome, outcome_text FROM commands ORDER BY cmd_id")
        return rows.fetchall()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not true():
                await asyncio.sleep(0.01)

    def close(self) -> None:
        self._stranger.close()
        self.store.close()


def on_disk(folder: Path, play: Callable[[Disk], Awaitable[None]]) -> None:
    async def scene() -> None:
        disk = Disk(folder)
        try:
            await play(disk)
        finally:
            disk.close()

    asyncio.run(scene())


def settled(intent: Intent, outcome: str, text: str = "") -> Settled:
    return Settled(intent.id, outcome, text, 0, 9)


def test_a_settlement_that_failed_is_told_at_once_and_stored_later_in_order(tmp_path: Path) -> None:
    async def play(disk: Disk) -> None:
        first, second = await disk.intent(1), await disk.intent(2)
        disk.lock()
        told = disk.journal.settle(settled(first, "unknown", "No answer."))
        after = [
            disk.journal.settle(settled(first, "confirmed", "Its own memory.")),
            disk.journal.settle(settled(first, "rejected", "Too late to say so.")),
            disk.journal.settle(settled(second, "confirmed")),
        ]
        with pytest.raises(DatabaseLocked):
            await told
        for one in after:
            with pytest.raises(DatabaseLocked):
                await one
        # While it fails whoever settles is told without waiting for a try.
        again = disk.journal.settle(settled(second, "rejected"))
        assert isinstance(again.exception(), DatabaseLocked)
        disk.unlock()
        assert disk.outcomes() == [(1, None, None), (2, None, None)]
        await disk.until(lambda: disk.outcomes()[1][1] is not None)
        # The unknown may be settled again, a final outcome may not: so the order shows.
        assert disk.outcomes() == [(1, "confirmed", "Its own memory."), (2, "confirmed", "")]
        assert await disk.journal.close(5)

    on_disk(tmp_path, play)


def test_a_command_whose_outcome_only_waits_is_not_judged_again(tmp_path: Path) -> None:
    async def play(disk: Disk) -> None:
        first, second, third = [await disk.intent(number) for number in (1, 2, 3)]
        disk.lock()
        tries = [
            disk.journal.settle(settled(first, "confirmed")),
            disk.journal.settle(settled(second, "unknown")),
        ]
        await asyncio.wait(tries)
        for one in tries:
            one.exception()
        asked = disk.journal.open_commands(PEN)
        disk.unlock()
        assert await asked == [second, third]
        await disk.until(lambda: disk.outcomes()[1][1] is not None)
        assert await disk.journal.open_commands(PEN) == [second, third]

    on_disk(tmp_path, play)


def test_a_settlement_that_the_record_refuses_does_not_fail_the_next(tmp_path: Path) -> None:
    async def play(disk: Disk) -> None:
        first, second = await disk.intent(1), await disk.intent(2)
        with pytest.raises(RecordRefused):
            await disk.journal.settle(settled(first, "nonsense"))
        await disk.journal.settle(settled(second, "confirmed"))
        assert [outcome for _, outcome, _ in disk.outcomes()] == [None, "confirmed"]

    on_disk(tmp_path, play)


def test_what_waits_is_bounded_and_what_does_not_fit_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "LIMIT", 3)

    async def play(disk: Disk) -> None:
        intents = [await disk.intent(number) for number in range(1, 7)]
        disk.lock()
        tries = [disk.journal.settle(settled(intent, "confirmed")) for intent in intents]
        await asyncio.wait(tries)
        disk.unlock()
        kinds = [type(one.exception()) for one in tries]
        # One flies, three wait.
        assert kinds == [DatabaseLocked] * 4 + [JournalFull] * 2
        await disk.until(lambda: disk.outcomes()[3][1] is not None)
        assert await disk.journal.close(5)
        assert [outcome for _, outcome, _ in disk.outcomes()] == ["confirmed"] * 4 + [None] * 2

    on_disk(tmp_path, play)


def test_a_command_settled_while_the_database_is_locked_is_closed_without_a_reconnect(tmp_path: Path) -> None:
    """The lock comes between the bytes and the answer, and goes a moment later; the pen stays connected."""

    async def play() -> None:
        source = SeededSource(1)
        where = Location(tmp_path / "record.db", "argument")
        ids = IdSource(source.utc_us, random.Random(1))
        w = World(store=Store.open(where, inline=True, ids=ids, boot_us=source.boot_us))
        w.store.location = None  # else its free space is asked for, in a thread
        stranger = sqlite3.connect(where.path, isolation_level=None, timeout=10)
        s = await w.ready()
        assert (await s.start()).outcome == "confirmed"
        events: list[Any] = []
        w.desk.control.listen(events.append)
        command = w.pen.command

        async def locked(*arguments: Any, **more: Any) -> Any:
            outcome = await command(*arguments, **more)
            stranger.execute("BEGIN IMMEDIATE")
            return outcome

        w.pen.command = locked  # type: ignore[method-assign]
        await s.ask("setpoint", depth_um=700)
        w.pen.command = command  # type: ignore[method-assign]
        # The record fails while the motor turns: the pen is stopped at once, whatever becomes of the row.
        assert any(type(event) is StopRequested for event in events)
        stranger.execute("ROLLBACK")
        (row,) = w.rows("select outcome from commands where action = 'set_depth' and value = 700")
        assert row["outcome"] is None
        await w.until(
            lambda: w.rows("select outcome from commands where value = 700 and outcome = 'confirmed'") != [], 5
        )
        assert not w.rows("select * from events where code = 'link-lost'")
        stranger.close()
        await w.down()

    run_virtual(play())
