"""What must reach the record: kept in order, stored together, and tried again while the record cannot be written."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from devicectl.records.errors import RecordRefused, WriterClosed
from devicectl.records.writer import Job

AGAIN_S: Final = 0.5
BUNDLE: Final = 100
LIMIT: Final = 2_000
"""Jobs that wait at most; the pen stops at the first that cannot be stored, so that little comes after it."""

_Entry = tuple[Job[Any], "asyncio.Future[Any]"]


class Outbox:
    """Hands jobs to the writer, one bundle at a time: a later job is never stored without those before it.

    ``submit`` takes a job and gives a future (`RecordWriter.submit`). A job that the record's own rules refuse is given
    up, its future fails; every other failure is temporary.
    """

    def __init__(self, submit: Callable[[Job[Any]], asyncio.Future[Any]]) -> None:
        self._submit = submit
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Entry] = deque()
        self._flying: list[_Entry] = []
        self._alone = 0
        self._timer: asyncio.TimerHandle | None = None
        self.dropped = 0

    def put(self, job: Job[Any]) -> asyncio.Future[Any]:
        """Take a job; the future resolves once it is stored, however long that takes."""
        future: asyncio.Future[Any] = self._loop.create_future()
        if len(self._waiting) >= LIMIT:
            self.dropped += 1
            future.cancel()
            return future
        self._waiting.append((job, future))
        if not self._flying and self._timer is None:
            self._send()
        return future

    @property
    def empty(self) -> bool:
        """True when everything taken is stored or given up."""
        return not self._waiting and not self._flying

    def _send(self) -> None:
        self._timer = None
        while self._waiting and not self._flying and self._timer is None:
            count = 1 if self._alone else min(BUNDLE, len(self._waiting))
            self._alone = max(0, self._alone - 1)
            self._flying = [self._waiting.popleft() for _ in range(count)]
            jobs = [job for job, _ in self._flying]
            future = self._submit(lambda connection, jobs=jobs: [job(connection) for job in jobs])  # type: ignore[misc]
            if not future.done():
                future.add_done_callback(self._landed)
                return
            self._land(future)

    def _landed(self, future: asyncio.Future[Any]) -> None:
        self._land(future)
        if self._timer is None:
            self._send()

    def _land(self, future: asyncio.Future[Any]) -> None:
        entries, self._flying = self._flying, []
        error = None if future.cancelled() else future.exception()
        if error is None:
            for (_, waiting), result in zip(entries, future.result(), strict=True):
                if not waiting.done():
                    waiting.set_result(result)
        elif isinstance(error, RecordRefused | WriterClosed) and len(entries) == 1:
            waiting = entries[0][1]
            if not waiting.done():
                waiting.set_exception(error)
                waiting.exception()
        else:
            self._waiting.extendleft(reversed(entries))
            if isinstance(error, RecordRefused | WriterClosed):
                # One of them is refused: each for itself, so that the others are stored.
                self._alone = len(entries)
            else:
                self._timer = self._loop.call_later(AGAIN_S, self._send)

    async def drain(self, seconds: float) -> bool:
        """Wait until all is stored; False when it was not within ``seconds``."""
        end = self._loop.time() + seconds
        while not self.empty and self._loop.time() < end:
            await asyncio.sleep(0.01)
        return self.empty

    def go_on(self, submit: Callable[[Job[Any]], asyncio.Future[Any]]) -> None:
        """Whoever took the jobs is gone: from here on they go out by ``submit``."""
        self._submit = submit

    def close(self) -> None:
        """Try no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
