"""The journal as a station keeps it: how a command ended is tried again until it is stored, in order."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from devicectl.control.journal import Intent, Journal, Settled
from devicectl.records import jobs
from devicectl.records.errors import JournalFull, RecordRefused, WriterClosed
from devicectl.records.writer import Job

from .outbox import LIMIT, Outbox

_Waiting = tuple[Settled, "asyncio.Future[None]"]


class KeptJournal:
    """A :class:`devicectl.control.journal.Journal` over one that stores once, and the ``submit`` of its writer.

    The future of :meth:`settle` fails at the first failed try, so that the pen is stopped at once; the settlement itself
    waits on, with all that came after it, and at most `outbox.LIMIT` of them. Intents are never tried again: nothing may be
    sent late.
    """

    def __init__(self, journal: Journal, submit: Callable[[Job[Any]], asyncio.Future[Any]]) -> None:
        self._journal = journal
        self._submit = submit
        self._outbox = Outbox(self._try)
        self._numbers = itertools.count()
        self._waiting: dict[int, _Waiting] = {}
        self._failure: BaseException | None = None
        self._hearers: list[Callable[[str], None]] = []

    def on_failure(self, hear: Callable[[str], None]) -> Callable[[], None]:
        """Call ``hear`` with the sentence of each write that failed for a reason of the record; gives what ends that."""
        self._hearers.append(hear)
        return lambda: self._hearers.remove(hear)

    @property
    def failure(self) -> str | None:
        """Why the outcomes of commands cannot be stored now, or None."""
        return None if self._failure is None else str(self._failure)

    def intend(self, intent: Intent) -> asyncio.Future[None]:
        """See :class:`Journal`."""
        future = self._journal.intend(intent)
        if future.done():
            self._intended(future)
        else:
            future.add_done_callback(self._intended)
        return future

    def _intended(self, future: asyncio.Future[None]) -> None:
        error = None if future.cancelled() else future.exception()
        if error is not None and not isinstance(error, RecordRefused | WriterClosed):
            self._tell(error)

    def _tell(self, error: BaseException) -> None:
        for hear in tuple(self._hearers):
            hear(str(error))

    def silent_for(self) -> float:
        """See :class:`Journal`."""
        return self._journal.silent_for()

    def settle(self, settled: Settled) -> asyncio.Future[None]:
        """See :class:`Journal`. Fails with :class:`JournalFull` when the settlement could not even be kept in memory."""
        stored = self._outbox.put(jobs.command_settled(settled))
        if stored.done() and not stored.cancelled():
            return stored
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if stored.cancelled():
            told.set_exception(JournalFull(f"{LIMIT} outcomes of commands wait already, this one is not kept."))
            return told
        number = next(self._numbers)
        self._waiting[number] = settled, told
        stored.add_done_callback(lambda future: self._stored(number, future))
        if self._failure is not None:
            told.set_exception(self._failure)
        return told

    def open_commands(self, pen_id: UUID) -> asyncio.Future[Sequence[Intent]]:
        """See :class:`Journal`. A command whose outcome only waits to be stored is not open."""
        known = {settled.id for settled, _ in self._waiting.values() if settled.outcome != "unknown"}
        found = self._journal.open_commands(pen_id)
        if not known:
            return found
        return asyncio.get_running_loop().create_task(_without(found, known))

    def _try(self, job: Job[Any]) -> asyncio.Future[Any]:
        future = self._submit(job)
        if future.done():
            self._tried(future)
        else:
            future.add_done_callback(self._tried)
        return future

    def _tried(self, future: asyncio.Future[Any]) -> None:
        error = None if future.cancelled() else future.exception()
        # What the record's own rules refuse says nothing of the others; `Outbox` fails the one that it is.
        self._failure = None if isinstance(error, RecordRefused | WriterClosed) else error
        if self._failure is not None:
            self._tell(self._failure)
            for _, told in self._waiting.values():
                if not told.done():
                    told.set_exception(self._failure)

    def _stored(self, number: int, stored: asyncio.Future[Any]) -> None:
        _, told = self._waiting.pop(number)
        error = None if stored.cancelled() else stored.exception()
        if told.done():
            return
        if error is None:
            told.set_result(None)
        else:
            told.set_exception(error)

    async def close(self, seconds: float) -> bool:
        """Wait until all is stored, ``seconds`` at most, then try no more; False when something was left open."""
        done = await self._outbox.drain(seconds)
        self._outbox.close()
        return done


async def _without(found: asyncio.Future[Sequence[Intent]], known: set[UUID]) -> Sequence[Intent]:
    return [intent for intent in await found if intent.id not in known]
