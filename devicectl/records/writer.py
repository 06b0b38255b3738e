"""The one writer: jobs in, futures out that resolve after COMMIT.

A job is a function of a connection. It runs inside a transaction that the writer opened with ``BEGIN IMMEDIATE`` and
never commits by itself. After a crash the last transaction is often stored but not acknowledged: jobs are idempotent.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future as ThreadFuture
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import sqlalchemy as sa

from .engine import driver
from .errors import JournalFull, RecordError, WriterClosed, translate

T = TypeVar("T")
Job = Callable[[sa.Connection], T]

QUEUE: Final = 2_000
BATCH: Final = 200


class RecordWriter(Protocol):
    """What :class:`Writer` and :class:`InlineWriter` have in common."""

    def submit(self, job: Job[T]) -> asyncio.Future[T]:
        """Take a job in order; the future resolves on the running loop after COMMIT, or fails with `RecordError`."""

    def submit_sync(self, job: Job[T]) -> T:
        """Run a job and wait for its COMMIT; for scripts. Raises :class:`RecordError`."""

    def silent_for(self) -> float:
        """Seconds since the writer last proved alive while work was waiting; 0 when nothing waits."""

    @property
    def waiting(self) -> int:
        """Jobs taken and not yet committed."""

    def close(self) -> None:
        """Store what was taken, then end."""


@dataclass(slots=True, eq=False)
class _Item:
    job: Job[Any]
    since: float
    future: asyncio.Future[Any] | ThreadFuture[Any]
    loop: asyncio.AbstractEventLoop | None
    result: Any = None
    error: RecordError | None = None


def run_batch(connection: sa.Connection, items: list[_Item], where: str) -> None:
    """Run jobs in one transaction, each behind a savepoint; leaves ``result`` or ``error`` in each item."""
    try:
        with connection.begin():
            raw = driver(connection)
            for item in items:
                if len(items) == 1:
                    item.result = item.job(connection)
                    continue
                raw.execute("SAVEPOINT job")
                try:
                    item.result = item.job(connection)
                except Exception as error:
                    item.error = translate(error, where)
                    # SQLite itself rolls the whole transaction back on a full disk or an I/O error.
                    if not raw.in_transaction:
                        raise
                    raw.execute("ROLLBACK TO job")
                raw.execute("RELEASE job")
    except Exception as error:
        failure = translate(error, where)
        for item in items:
            if item.error is None:
                item.error = failure


class Writer:
    """A thread of its own that owns the writing connection; jobs that wait together share one COMMIT.

    An error at COMMIT means not stored: the futures fail, what waits behind is tried next, and the caller decides.
    """

    def __init__(
        self,
        engine: sa.Engine,
        *,
        where: str = "the database",
        queue: int = QUEUE,
        batch: int = BATCH,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.commits = 0
        self._where, self._limit, self._batch, self._clock = where, queue, batch, clock
        self._waiting: deque[_Item] = deque()
        self._running: list[_Item] = []
        self._alive_at = clock()
        self._closing = False
        self._wake = threading.Condition()
        self._connection = engine.connect()
        self._thread = threading.Thread(target=self._run, name="record-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job[T]) -> asyncio.Future[T]:
        """See :class:`RecordWriter`. Fails the future with `JournalFull` when the queue is full."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        refused = self._take(_Item(job, self._clock(), future, loop))
        if refused is not None:
            future.set_exception(refused)
        return future

    def submit_sync(self, job: Job[T]) -> T:
        """See :class:`RecordWriter`."""
        future: ThreadFuture[T] = ThreadFuture()
        refused = self._take(_Item(job, self._clock(), future, None))
        if refused is not None:
            raise refused
        return future.result()

    def _take(self, item: _Item) -> RecordError | None:
        with self._wake:
            if self._closing:
                return WriterClosed("The record is closed, nothing more can be stored.")
            if len(self._waiting) >= self._limit:
                return JournalFull(
                    f"The disk has not kept up, {len(self._waiting)} entries wait: nothing more is taken until it does."
                )
            self._waiting.append(item)
            self._wake.notify()
        return None

    def silent_for(self) -> float:
        """See :class:`RecordWriter`."""
        with self._wake:
            first = self._running[0] if self._running else self._waiting[0] if self._waiting else None
            return 0.0 if first is None else max(0.0, self._clock() - max(first.since, self._alive_at))

    @property
    def waiting(self) -> int:
        """See :class:`RecordWriter`."""
        with self._wake:
            return len(self._waiting) + len(self._running)

    def close(self, deadline: float = 30.0) -> None:
        """Store what was taken, then end. Raises :class:`RecordError` when the disk does not answer in ``deadline`` s."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(deadline)
        if self._thread.is_alive():
            raise RecordError(f"The disk does not answer, {self.waiting} entries could not be stored.")

    def _run(self) -> None:
        try:
            while self._step():
                pass
        finally:
            try:
                self._connection.exec_driver_sql("PRAGMA optimize")
            except Exception:
                pass
            self._connection.close()

    def _step(self) -> bool:
        with self._wake:
            while not self._waiting and not self._closing:
                self._wake.wait()
            if not self._waiting:
                return False
            self._running = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            items = self._running
        run_batch(self._connection, items, self._where)
        self.commits += 1
        with self._wake:
            self._running = []
            self._alive_at = self._clock()
        self._resolve(items)
        return True

    @staticmethod
    def _resolve(items: list[_Item]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[_Item]] = {}
        for item in items:
            if item.loop is None:
                _settle(item)
            else:
                by_loop.setdefault(item.loop, []).append(item)
        for loop, group in by_loop.items():
            try:
                loop.call_soon_threadsafe(_settle_all, group)
            except RuntimeError:  # the loop has ended; the record is stored all the same
                pass


def _settle(item: _Item) -> None:
    # A cancelled wait does not undo the job: the queue keeps its order, so a later job can correct it.
    if item.future.done():
        return
    if item.error is not None:
        item.future.set_exception(item.error)
    else:
        item.future.set_result(item.result)


def _settle_all(items: list[_Item]) -> None:
    for item in items:
        _settle(item)


class InlineWriter:
    """Runs each job at once, on the caller's thread: for virtual time, where no thread may exist."""

    def __init__(self, connection: sa.Connection, *, where: str = "the database") -> None:
        self.commits = 0
        self._connection, self._where = connection, where
        self._closed = False

    def submit(self, job: Job[T]) -> asyncio.Future[T]:
        """See :class:`RecordWriter`; the future is done when this returns."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        try:
            future.set_result(self.submit_sync(job))
        except RecordError as error:
            future.set_exception(error)
        return future

    def submit_sync(self, job: Job[T]) -> T:
        """See :class:`RecordWriter`."""
        if self._closed:
            raise WriterClosed("The record is closed, nothing more can be stored.")
        try:
            with self._connection.begin():
                result = job(self._connection)
        except Exception as error:
            raise translate(error, self._where) from error
        self.commits += 1
        return result

    def silent_for(self) -> float:
        """Always 0: nothing ever waits."""
        return 0.0

    @property
    def waiting(self) -> int:
        """Always 0."""
        return 0

    def serialize(self) -> bytes:
        """The database as bytes."""
        return driver(self._connection).serialize()

    def close(self) -> None:
        """End; the connection is closed too."""
        if not self._closed:
            self._closed = True
            self._connection.close()
