"""Requests to a pen, one after the other: ATT knows one at a time, and a cancelled one leaves its answer to the next.

Each runs in a task that nobody cancels, is raced with the loss of the connection, and has a deadline. After a missed
deadline nothing further can be asked over that connection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

REQUEST_S: Final = 5.0
"""A request that is not answered by then ends the link; the specification itself gives up after 30 s."""
WAITING_MAX: Final = 16
T = TypeVar("T")


class Gone(Exception):
    """The connection went away under a request."""


@dataclass(slots=True)
class Job:
    """One request, or a few that belong together. ``urgent`` ones go before all others that wait.

    ``done``, if there is one, gets the end of it; ``kind`` tells the owner what a failure means.
    """

    run: Callable[[], Coroutine[Any, Any, None]]
    kind: str = ""
    urgent: bool = False
    seconds: float = REQUEST_S
    done: asyncio.Future[None] | None = None

    def fail(self, error: BaseException) -> None:
        """End it with ``error``, if somebody waits."""
        if self.done is not None and not self.done.done():
            self.done.set_exception(error)


class Requests:
    """The queue of one connection. ``failed`` is told which job failed and why: :class:`Gone`, TimeoutError or other."""

    def __init__(self, failed: Callable[[Job, Exception], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._failed = failed
        self._down: asyncio.Future[None] = self._loop.create_future()
        self._urgent: deque[Job] = deque()
        self._others: deque[Job] = deque()
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._worker: asyncio.Task[None] | None = None

    @property
    def down(self) -> bool:
        """True once the connection is known to be gone."""
        return self._down.done()

    def start(self) -> None:
        """Begin with what is queued."""
        self._worker = self._loop.create_task(self._work())

    def put(self, job: Job) -> bool:
        """Queue a job; False, and the job forgotten, when too many wait already."""
        lane = self._urgent if job.urgent else self._others
        if self.down or len(lane) >= WAITING_MAX:
            return False
        lane.append(job)
        self._news.set()
        return True

    def waits(self, kind: str) -> bool:
        """True while a job of this kind is queued."""
        return any(job.kind == kind for job in (*self._urgent, *self._others))

    def take(self, kind: str | None = None) -> list[Job]:
        """What waits, of one kind or of all, taken out of the queue; what is in progress goes on."""
        taken: list[Job] = []
        for lane in (self._urgent, self._others):
            jobs = list(lane)
            lane.clear()
            for job in jobs:
                (taken if kind is None or job.kind == kind else lane).append(job)
        return taken

    async def run(self, work: Coroutine[Any, Any, T], seconds: float = REQUEST_S) -> T:
        """One procedure, to its end whatever becomes of the caller. Raises :class:`Gone`, TimeoutError, what it raises."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)
        both: set[asyncio.Future[Any]] = {task, self._down}
        await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            if task.cancelled():  # a backend may cancel what is pending when the connection goes
                raise Gone
            return task.result()
        if self.down:
            raise Gone
        raise TimeoutError("the pen did not answer a request")

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()

    async def _work(self) -> None:
        while not self.down:
            lane = self._urgent or self._others
            if not lane:
                self._news.clear()
                await self._news.wait()
                continue
            job = lane.popleft()
            try:
                await self.run(job.run(), job.seconds)
            except Exception as error:
                self._failed(job, error)
                if isinstance(error, Gone | TimeoutError):
                    return
            else:
                if job.done is not None and not job.done.done():
                    job.done.set_result(None)

    def stop(self) -> None:
        """The connection is gone or is about to be ended: nothing more is begun, and nobody waits any longer."""
        if not self._down.done():
            self._down.set_result(None)
        self._news.set()

    async def finish(self, seconds: float) -> None:
        """Wait for what was in progress, which a disconnect ends; what outlasts ``seconds`` is cancelled."""
        if self._tasks:
            _, pending = await asyncio.wait(set(self._tasks), timeout=seconds)
            for task in pending:
                task.cancel()
