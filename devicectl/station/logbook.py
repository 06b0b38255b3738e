"""What happened at a desk beside the passes: alarms, events and stops, each a row of the record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from devicectl.alarms.board import AlarmChange
from devicectl.control.events import StopRequested
from devicectl.records.rows import AlarmRow, EventRow, StopRow
from devicectl.records.writer import Job

from .source import SeededSource, SystemSource
from .unwritten import AlarmMark, Entry, StopStill, job_of


class Logbook:
    """Writes through ``put``; ``whose`` answers the keys of the session and the pen at that moment."""

    def __init__(
        self,
        put: Callable[[Job[Any]], asyncio.Future[Any]],
        source: SystemSource | SeededSource,
        whose: Callable[[], tuple[UUID | None, UUID | None]],
    ) -> None:
        self._put = put
        self._source = source
        self._whose = whose
        self._alarm_ids: dict[str, UUID] = {}
        self._stop: UUID | None = None
        self._waiting: dict[asyncio.Future[Any], Entry] = {}

    @property
    def waiting(self) -> list[Entry]:
        """Everything that is not stored yet, in order."""
        return list(self._waiting.values())

    def _keep(self, entry: Entry) -> None:
        future = self._put(job_of(entry))
        if not future.done():
            self._waiting[future] = entry
            future.add_done_callback(self._waiting.pop)

    def event_row(self, code: str, text: str, data: dict[str, Any] | None = None) -> EventRow:
        """A row for something that happens now."""
        source = self._source
        more = json.dumps(data or {})
        return EventRow(source.uuid(), *self._whose(), code, text, source.utc_us(), source.boot_us(), more)

    def event(self, code: str, text: str, data: dict[str, Any] | None = None) -> None:
        """Something worth a line."""
        self._keep(self.event_row(code, text, data))

    def stop_requested(self, stop: StopRequested) -> None:
        """Every intent is written at once, also for a pen that the record does not know yet; the first is the one whose
        stillness is measured."""
        session, pen = self._whose()
        source = self._source
        key = source.uuid()
        if self._stop is None:
            self._stop = key
        sent_us = round(stop.bytes_ms * 1000) if stop.sent else None
        self._keep(StopRow(key, session, pen, stop.source, source.utc_us(), source.boot_us(), sent_us, None, False))

    def stop_done(self, still_ms: float) -> None:
        """The pen is latched and was seen still, so long after the first intent."""
        key, self._stop = self._stop, None
        if key is not None:
            self._keep(StopStill(key, round(still_ms * 1000)))

    def alarm(self, change: AlarmChange) -> None:
        """Raised, cleared, acknowledged."""
        alarm, source = change.alarm, self._source
        if change.kind == "raised":
            key = self._alarm_ids[alarm.code] = source.uuid()
            priority = alarm.priority.name.lower()
            utc_us, boot_us = source.utc_us(), source.boot_us()
            self._keep(AlarmRow(key, *self._whose(), alarm.code, priority, alarm.text, utc_us, boot_us))
        elif (known := self._alarm_ids.get(alarm.code)) is not None:
            self._keep(AlarmMark(known, change.kind, source.utc_us()))
