"""Control's write-ahead journal in the database, by control's own types."""

from __future__ import annotations

import asyncio
import threading

import pytest

from devicectl.control.journal import Intent, Journal, Settled
from devicectl.records import errors
from devicectl.records.journal import StoreJournal


def intent(world, cmd_id: int = 1, pen=None) -> Intent:
    return Intent(
        world.ids.uuid7(), pen or world.pen, world.session, 4_000_000_000, cmd_id, "start", 9, 7, world.clock()
    )


@pytest.mark.parametrize("kind", ["world", "memory_world"])
async def test_an_intent_is_open_until_it_is_settled(kind, request):
    world = request.getfixturevalue(kind)
    journal: Journal = StoreJournal(world.store.writer, Intent)
    first, second, third = (intent(world, n) for n in (1, 2, 3))
    for each in (first, second, third):
        await journal.intend(each)
    await journal.intend(first)
    await journal.settle(Settled(first.id, "confirmed", "", 1_000, 5))
    await journal.settle(Settled(second.id, "unknown", "No answer.", 0, 5))
    assert await journal.open_commands(world.pen) == [second, third]
    await journal.settle(Settled(second.id, "assumed_executed", "", 0, 6))
    await journal.settle(Settled(third.id, "not_sent", "Too late.", 0, 6))
    assert await journal.open_commands(world.pen) == []
    assert journal.silent_for() == 0


async def test_an_intent_for_a_pen_nobody_knows_fails_with_a_sentence(world):
    journal = StoreJournal(world.store.writer, Intent)
    with pytest.raises(errors.RecordRefused):
        await journal.intend(intent(world, pen=world.ids.uuid7()))
    await journal.settle(Settled(world.ids.uuid7(), "not_sent", "", 0, 5))


async def test_an_intent_that_came_too_late_is_closed_as_not_sent(world):
    journal = StoreJournal(world.store.writer, Intent)
    go = threading.Event()
    world.store.submit(lambda _c: go.wait(5))
    late = intent(world)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(journal.intend(late), 0.05)
    assert journal.silent_for() > 0.04
    settled = journal.settle(Settled(late.id, "not_sent", "The record was too slow.", 0, 5))
    go.set()
    await settled
    assert await journal.open_commands(world.pen) == []
    assert world.do(lambda c: c.exec_driver_sql("SELECT outcome FROM commands").scalar()) == "not_sent"
