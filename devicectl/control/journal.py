"""The write-ahead journal as control needs it; the records room has one in SQLite, tests and benches one in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol
from uuid import UUID

WRITER_SILENT_S: Final = 2.0
"""A record that has not answered for so long cannot be trusted with what the motor does."""


class Intent(NamedTuple):
    """A command that is about to be sent. Times in µs: host boot time and UTC."""

    id: UUID
    pen_id: UUID
    session_id: UUID | None
    boot_id: int
    cmd_id: int
    action: str
    value: int
    at_boot_us: int
    at_utc_us: int


class Settled(NamedTuple):
    """How a command ended: confirmed, rejected, not_sent, unknown or assumed_executed. Unknown may be settled later."""

    id: UUID
    outcome: str
    text: str
    applied: int
    at_utc_us: int


class Journal(Protocol):
    """Where intents are kept. Futures resolve after the commit, or fail with one sentence."""

    def intend(self, intent: Intent) -> asyncio.Future[None]:
        """Keep an intent, durably, before its bytes leave."""

    def settle(self, settled: Settled) -> asyncio.Future[None]:
        """Keep the outcome of an intent."""

    def open_commands(self, pen_id: UUID) -> asyncio.Future[Sequence[Intent]]:
        """Intents of this pen that have no final outcome, oldest first."""

    def silent_for(self) -> float:
        """Seconds since the writer last proved alive while work was waiting; 0 when nothing waits."""


class MemoryJournal:
    """A journal that forgets with the process, for one event loop: for benches, and for pens without a record."""

    def __init__(self) -> None:
        self.intents: dict[UUID, Intent] = {}
        self.outcomes: dict[UUID, Settled] = {}
        self._kept: asyncio.Future[None] | None = None

    def _done(self) -> asyncio.Future[None]:
        # Whatever is kept is kept at once, so one future answers for all; asking for the loop is a system call.
        if self._kept is None:
            self._kept = asyncio.get_running_loop().create_future()
            self._kept.set_result(None)
        return self._kept

    def intend(self, intent: Intent) -> asyncio.Future[None]:
        """Keep it in memory."""
        self.intents[intent.id] = intent
        return self._done()

    def settle(self, settled: Settled) -> asyncio.Future[None]:
        """Keep it in memory; a final outcome is not overwritten."""
        before = self.outcomes.get(settled.id)
        if before is None or before.outcome == "unknown":
            self.outcomes[settled.id] = settled
        return self._done()

    def open_commands(self, pen_id: UUID) -> asyncio.Future[Sequence[Intent]]:
        """Those without an outcome, or with ``unknown``."""
        future: asyncio.Future[Sequence[Intent]] = asyncio.get_running_loop().create_future()
        future.set_result(
            [
                intent
                for intent in self.intents.values()
                if intent.pen_id == pen_id
                and (intent.id not in self.outcomes or self.outcomes[intent.id].outcome == "unknown")
            ]
        )
        return future

    def silent_for(self) -> float:
        """Never silent."""
        return 0.0
