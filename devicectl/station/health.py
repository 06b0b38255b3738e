"""Whether the record can be written: a desk's writes go through here, the journal's failures are told here, and what went
wrong with the last one is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from devicectl.control.journal import WRITER_SILENT_S
from devicectl.records.store import Store
from devicectl.records.writer import Job

from .kept_journal import KeptJournal

FREE_BYTES_MIN: Final = 200 * 1024 * 1024


class RecordHealth:
    """One desk's view of the record's health. ``on_failure`` gets the sentence of every write of the desk that failed;
    whoever asked ``journal`` hears of it there."""

    def __init__(self, store: Store, on_failure: Callable[[str], None], journal: KeptJournal) -> None:
        self._store = store
        self._on_failure = on_failure
        self._journal = journal
        self._unhear = journal.on_failure(self._heard)
        self._free: int | None = None
        self._looking: asyncio.Task[None] | None = None
        self.failure: str | None = None

    def submit(self, job: Job[Any]) -> asyncio.Future[Any]:
        """Hand a job to the writer; the future resolves after the commit or fails."""
        future = self._store.submit(job)
        future.add_done_callback(self._stored)
        return future

    def _stored(self, future: asyncio.Future[Any]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        self.failure = None if error is None else str(error)
        if self.failure is not None:
            self._on_failure(self.failure)

    def _heard(self, failure: str) -> None:
        """The journal could not write; whether that is over shows the next look."""
        self.failure = failure

    def problem(self) -> str | None:
        """Why nothing should be started on this record, or None."""
        if (failure := self.failure or self._journal.failure) is not None:
            return f"The record cannot be written: {failure}"
        if self._store.silent_for() > WRITER_SILENT_S:
            return "The record does not answer; check the disk."
        if self._free is not None and self._free < FREE_BYTES_MIN:
            return f"Only {self._free // 1_000_000} MB are free for the record; 200 MB are needed. Free some space."
        return None

    def tick(self) -> None:
        """Once a second: look at the disk, and after a failure try whether the trouble is over."""
        if self._store.location is not None and self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look_at_disk())
        if self.failure is not None:
            self.submit(lambda connection: None)

    async def _look_at_disk(self) -> None:
        try:
            # A disk that hangs holds up this question too, and a STOP must not wait behind it.
            self._free = await asyncio.to_thread(self._store.free_bytes)
        finally:
            self._looking = None

    def close(self) -> None:
        """Look no more."""
        self._unhear()
        if self._looking is not None:
            self._looking.cancel()
