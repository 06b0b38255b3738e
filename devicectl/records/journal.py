"""Control's write-ahead journal, kept in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa

from . import jobs
from .rows import IntentFields, SettledFields
from .writer import RecordWriter

I = TypeVar("I")  # noqa: E741


class StoreJournal(Generic[I]):
    """Satisfies control's ``Journal`` by its shape. ``make`` builds control's own intent from its nine fields.

    Order is kept: an outcome handed in after an intent that came too late still closes it.
    """

    def __init__(
        self, writer: RecordWriter, make: Callable[[UUID, UUID, UUID | None, int, int, str, int, int, int], I]
    ):
        self._writer, self._make = writer, make

    def intend(self, intent: IntentFields) -> asyncio.Future[None]:
        """Resolves when the intent is durable; fails with :class:`RecordError`."""
        return self._writer.submit(jobs.command_intended(intent))

    def settle(self, settled: SettledFields) -> asyncio.Future[None]:
        """Resolves when the outcome is durable; fails with :class:`RecordError`."""
        return self._writer.submit(jobs.command_settled(settled))

    def open_commands(self, pen_id: UUID) -> asyncio.Future[Sequence[I]]:
        """Intents of this pen without a final outcome, oldest first, behind everything handed in before."""
        query, make = jobs.open_commands(pen_id), self._make

        def job(connection: sa.Connection) -> Sequence[I]:
            return [
                make(c.id, c.pen_id, c.session_id, c.boot_id, c.cmd_id, c.action, c.value, c.at_boot_us, c.at_utc_us)
                for c in query(connection)
            ]

        return self._writer.submit(job)

    def silent_for(self) -> float:
        """Seconds since the writer last proved alive while work was waiting; 0 when nothing waits."""
        return self._writer.silent_for()
