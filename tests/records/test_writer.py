"""The one writer: order, durability, bounded queue, and what happens when the disk fails."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time

import pytest

from devicectl.records import errors
from devicectl.records.engine import writer_engine
from devicectl.records.writer import InlineWriter, Writer


@pytest.fixture
def table(tmp_path):
    """A database with one table, and its writing engine."""
    path = tmp_path / "w.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE w (id INTEGER PRIMARY KEY, filler BLOB) STRICT")
    connection.close()
    return path, writer_engine(path, busy_s=0.2)


def insert(number, filler=b""):
    return lambda c: c.exec_driver_sql("INSERT INTO w VALUES (?, ?)", (number, filler)).rowcount


def count(path) -> int:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT count(*) FROM w").fetchone()[0]
    finally:
        connection.close()


class Blocker:
    """A job that holds the writer until it is let go."""

    def __init__(self) -> None:
        self.started, self.go = threading.Event(), threading.Event()

    def __call__(self, _connection) -> None:
        self.started.set()
        assert self.go.wait(10)


async def test_the_future_resolves_only_when_another_connection_sees_the_row(table):
    path, engine = table
    writer = Writer(engine)
    assert await writer.submit(insert(7)) == 1
    assert count(path) == 1
    assert writer.silent_for() == 0
    writer.close()


async def test_jobs_that_wait_together_share_one_commit_and_a_bad_one_fails_alone(table):
    path, engine = table
    writer = Writer(engine)
    gate = Blocker()
    held = writer.submit(gate)
    assert gate.started.wait(5)
    numbers = (1, 2, 2, 3)
    futures = [writer.submit(insert(n)) for n in numbers]
    futures.insert(2, writer.submit(lambda c: c.exec_driver_sql("SELECT * FROM nowhere")))
    gate.go.set()
    await held
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert [isinstance(result, errors.RecordError) for result in results] == [False, False, True, True, False]
    assert isinstance(results[3], errors.RecordRefused)
    assert count(path) == 3
    assert writer.commits == 2
    writer.close()


async def test_order_is_kept_so_that_a_late_intent_is_still_closed_by_its_outcome(table):
    _, engine = table
    writer = Writer(engine)
    gate = Blocker()
    writer.submit(gate)
    late = writer.submit(insert(1))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(late, 0.02)
    closing = writer.submit(lambda c: c.exec_driver_sql("UPDATE w SET filler = x'01' WHERE id = 1").rowcount)
    gate.go.set()
    assert await closing == 1
    writer.close()


async def test_a_full_queue_refuses_at_once(table):
    _, engine = table
    writer = Writer(engine, queue=3)
    gate = Blocker()
    writer.submit(gate)
    assert gate.started.wait(5)
    taken = [writer.submit(insert(n)) for n in range(3)]
    with pytest.raises(errors.JournalFull):
        await writer.submit(insert(9))
    with pytest.raises(errors.JournalFull):
        writer.submit_sync(insert(9))
    gate.go.set()
    await asyncio.gather(*taken)
    assert await writer.submit(insert(10)) == 1
    writer.close()


async def test_silence_is_counted_from_the_moment_work_waits(table):
    _, engine = table
    writer = Writer(engine)
    await asyncio.sleep(0.1)
    assert writer.silent_for() == 0
    gate = Blocker()
    future = writer.submit(gate)
    assert gate.started.wait(5)
    await asyncio.sleep(0.15)
    assert 0.1 < writer.silent_for() < 5
    assert writer.waiting == 1
    gate.go.set()
    await future
    assert writer.silent_for() == 0
    writer.close()


def test_close_stores_what_was_taken(table):
    path, engine = table

    async def fill() -> Writer:
        writer = Writer(engine)
        for number in range(500):
            writer.submit(insert(number))
        writer.close()
        return writer

    writer = asyncio.run(fill())
    assert count(path) == 500
    with pytest.raises(errors.WriterClosed):
        writer.submit_sync(insert(1_000))


async def test_a_disk_that_fills_up_loses_nothing_acknowledged_and_recovers(table):
    path, engine = table
    writer = Writer(engine)
    await writer.submit(insert(0))
    pages = await writer.submit(lambda c: c.exec_driver_sql("PRAGMA page_count").scalar())
    await writer.submit(lambda c: c.exec_driver_sql(f"PRAGMA max_page_count = {pages + 20}").scalar())
    stored, failure = 1, None
    while failure is None:
        try:
            stored += await writer.submit(insert(stored, bytes(4_000)))
        except errors.RecordError as error:
            failure = error
    assert isinstance(failure, errors.DiskFull)
    assert "free some space" in str(failure)
    gate = Blocker()
    writer.submit(gate)
    batch = [writer.submit(insert(1_000 + n, bytes(9_000))) for n in range(10)]
    gate.go.set()
    results = await asyncio.gather(*batch, return_exceptions=True)
    stored += sum(result == 1 for result in results)
    assert any(isinstance(result, errors.DiskFull) for result in results)
    assert count(path) == stored
    await writer.submit(lambda c: c.exec_driver_sql("PRAGMA max_page_count = 1000000").scalar())
    assert await writer.submit(insert(5_000, bytes(9_000))) == 1
    writer.close()


async def test_a_database_locked_by_a_stranger_fails_within_its_wait_and_recovers(table):
    path, engine = table
    writer = Writer(engine)
    stranger = sqlite3.connect(path, isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    start = time.monotonic()
    with pytest.raises(errors.DatabaseLocked, match="Another program"):
        await writer.submit(insert(1))
    assert time.monotonic() - start < 2
    stranger.execute("ROLLBACK")
    stranger.close()
    assert await writer.submit(insert(1)) == 1
    writer.close()


async def test_the_inline_writer_is_done_when_submit_returns(table):
    path, engine = table
    writer = InlineWriter(engine.connect())
    before = threading.active_count()
    future = writer.submit(insert(1))
    assert future.done()
    assert threading.active_count() == before
    assert await future == 1
    assert count(path) == 1
    failed = writer.submit(insert(1))
    with pytest.raises(errors.RecordRefused):
        await failed
    assert await writer.submit(insert(2)) == 1
    writer.close()
    with pytest.raises(errors.WriterClosed):
        writer.submit_sync(insert(3))


async def test_a_loop_that_ended_does_not_kill_the_writer(table):
    path, engine = table
    writer = Writer(engine)
    gate = Blocker()

    def other_loop() -> None:
        loop = asyncio.new_event_loop()

        async def hand_in() -> None:
            writer.submit(gate)
            writer.submit(insert(1))

        loop.run_until_complete(hand_in())
        loop.close()

    await asyncio.to_thread(other_loop)
    gate.go.set()
    assert await writer.submit(insert(2)) == 1
    assert count(path) == 2
    writer.close()
