"""Turns what the pass recorder tells into jobs for the record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from devicectl.records import jobs
from devicectl.records.pass_operators import pass_opened_by
from devicectl.records.rows import BlockRow, EventRow, PassEnd, PassRow, SegmentRow
from devicectl.records.writer import Job

from .pass_events import BlockSealed, BlockUpdated, PassClosed, PassOpened, RecorderEvent


class PassWriter:
    """One per session (``session_id`` None: motion outside any session). Call it with every recorder event.

    ``submit`` takes a job (`RecordWriter.submit`); ``utc_us`` and ``boot_us`` tell the time in µs. ``failed`` is called
    with the exception when something could not be stored; the caller decides what that means. ``by`` gives the event that
    says who held control when a pass was begun.
    """

    def __init__(
        self,
        submit: Callable[[Job[Any]], asyncio.Future[Any]],
        *,
        session_id: UUID | None,
        pen_id: UUID,
        cartridge_id: UUID | None,
        utc_us: Callable[[], int],
        boot_us: Callable[[], int],
        failed: Callable[[BaseException], None],
        by: Callable[[PassOpened], EventRow | None] = lambda opened: None,
    ) -> None:
        self.session_id, self.pen_id, self.cartridge_id = session_id, pen_id, cartridge_id
        self._submit, self._utc_us, self._boot_us, self._failed = submit, utc_us, boot_us, failed
        self._by = by

    def __call__(self, event: RecorderEvent) -> asyncio.Future[Any]:
        """Hand the event to the record; the future resolves once it is stored."""
        future = self._submit(self._job(event))
        future.add_done_callback(self._done)
        return future

    def _done(self, future: asyncio.Future[Any]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            self._failed(error)

    def _job(self, event: RecorderEvent) -> Job[None]:
        match event:
            case BlockUpdated() | BlockSealed():
                sealed = isinstance(event, BlockSealed)
                return jobs.telemetry_block(BlockRow(event.pass_id, event.seq, sealed, event.columns, self._utc_us()))
            case PassOpened():
                return pass_opened_by(self._opened(event), self._by(event))
            case PassClosed():
                return jobs.pass_closed(*self._closed(event))

    def _opened(self, event: PassOpened) -> PassRow:
        return PassRow(
            id=event.id,
            session_id=self.session_id,
            pen_id=self.pen_id,
            cartridge_id=self.cartridge_id,
            seq=event.seq,
            kind=event.kind,
            zone=event.zone.code if event.zone else None,
            depth_set_um=event.depth_um,
            rate_set_mhz=event.rate_mhz,
            needles=event.needles,
            area_mm2=event.zone.area_mm2 if event.zone else 0,
            opened_utc_us=self._utc_us(),
            opened_boot_us=self._boot_us(),
            opened_clock_ms=event.clock_ms,
            direction=event.direction,
        )

    def _closed(self, event: PassClosed) -> tuple[PassEnd, list[SegmentRow]]:
        figures = event.figures
        end = PassEnd(
            id=event.id,
            ended_utc_us=self._utc_us(),
            ended_clock_ms=event.clock_ms,
            end_reason=event.reason,
            duration_ms=figures.duration_ms,
            contact_ms=figures.contact_ms,
            contact_kind=figures.contact_kind,
            unknown_ms=figures.unknown_ms,
            strokes=figures.strokes,
            contact_strokes=figures.contact_strokes,
            density_cm2=event.density_cm2,
            depth_min_um=figures.depth_min_um,
            depth_mean_um=figures.depth_mean_um,
            depth_max_um=figures.depth_max_um,
            current_max_ma=figures.current_max_ma,
            samples=figures.samples,
            lost_samples=event.lost_samples,
        )
        return end, [SegmentRow(event.id, number, *segment) for number, segment in enumerate(figures.segments)]
