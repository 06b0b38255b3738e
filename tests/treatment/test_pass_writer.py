"""Telemetry in, passes in the database: the same figures, also after a crash in the middle."""

from __future__ import annotations

import random
from uuid import UUID

from devicectl.records import jobs, rows
from devicectl.records.ids import IdSource
from devicectl.records.reader import show_session, telemetry_of
from devicectl.records.store import Store
from devicectl.treatment.pass_events import CloseReason, PassClosed
from devicectl.treatment.pass_recorder import PassRecorder
from devicectl.treatment.pass_writer import PassWriter
from devicectl.treatment.zones import parse_zone
from drivers.api import Gap, Telemetry


class Desk:
    """A session recorded into a store in memory."""

    def __init__(self) -> None:
        self.utc = 1_790_000_000_000_000
        self.ids = IdSource(self.tick, random.Random(3))
        self.store = Store.in_memory(ids=self.ids)
        self.failures: list[BaseException] = []
        self.told: list = []
        do = self.store.submit_sync
        pen = do(jobs.pen_seen(rows.PenRow(self.ids.uuid7(), "O", "R", "S", "1", "A", "simulated", 1)))
        client = do(jobs.client_known(self.ids.uuid7(), "T-1", True, 1))
        self.session = self.ids.uuid7()
        do(jobs.session_opened(rows.SessionRow(self.session, self.store.boot_id, pen, client, "treatment", 1, 1)))
        self.writer = PassWriter(
            self.store.submit,
            session_id=self.session,
            pen_id=pen,
            cartridge_id=None,
            utc_us=self.tick,
            boot_us=lambda: 1,
            failed=self.failures.append,
        )
        self.recorder = PassRecorder(self.hear, self.ids.uuid7, needles=14)
        self.clock, self.now = 10_000, 50.0

    def tick(self) -> int:
        self.utc += 1_000
        return self.utc

    def hear(self, event) -> None:
        self.told.append(event)
        self.writer(event)

    def turn(self, count: int, contact: bool | None = True, rate: int = 100_000, current: int = 250) -> None:
        current = current if rate else 0
        for number in range(count):
            self.clock += 20
            self.now += 0.02
            sample = Telemetry(self.now, 0, self.clock, 1_000 + number % 5, rate, current, contact, rate > 0)
            self.recorder.telemetry(sample)

    def treat(self) -> None:
        self.recorder.zone(parse_zone("CUS-3"), 1_000, 100_000, self.now)
        self.recorder.run(True, self.now)
        self.turn(700)
        self.turn(100, contact=False)
        self.recorder.gap(Gap(self.now, 4))
        self.clock += 80
        self.turn(150, contact=None, current=120)
        self.turn(150, contact=None, current=300)


async def test_what_was_recorded_is_what_the_database_holds():
    desk = Desk()
    desk.treat()
    desk.recorder.run(False, desk.now, CloseReason.ENDED)
    desk.turn(5, rate=0)
    (closed,) = [event for event in desk.told if isinstance(event, PassClosed)]
    detail = desk.store.submit_sync(lambda c: show_session(c, desk.session))
    (done,) = detail.passes
    assert (done.zone, done.area_mm2, done.end_reason, done.lost_samples) == ("CUS-3", 1_000, "ended", 4)
    assert done.segments == closed.figures.segments
    assert {segment.kind for segment in done.segments} == {"measured", "inferred", "unknown"}
    for name in ("duration_ms", "contact_ms", "contact_kind", "unknown_ms", "strokes", "contact_strokes", "samples"):
        assert getattr(done, name) == getattr(closed.figures, name), name
    assert done.density_cm2 == closed.density_cm2 > 0
    samples = desk.store.submit_sync(lambda c: telemetry_of(c, done.id))
    assert len(samples.clock_ms) == done.samples
    assert desk.failures == []


async def test_a_crash_in_the_middle_loses_at_most_the_last_second():
    desk = Desk()
    desk.treat()
    progress = desk.recorder.current()
    assert progress is not None
    after = Store.in_memory(desk.store.snapshot(), ids=desk.ids)
    detail = after.submit_sync(lambda c: show_session(c, desk.session))
    (done,) = detail.passes
    assert done.end_reason == "interrupted"
    assert done.duration_ms is not None
    assert progress.duration_ms - 1_000 <= done.duration_ms <= progress.duration_ms
    assert {segment.kind for segment in done.segments} == {"measured", "inferred", "unknown"}
    # What was recorded live up to that moment is what recovery finds.
    desk.recorder.close(desk.now)
    (live,) = [event for event in desk.told if isinstance(event, PassClosed)]
    for mine, theirs in zip(live.figures.segments[:-1], done.segments[:-1], strict=False):
        assert mine == theirs


async def test_what_cannot_be_stored_is_told():
    desk = Desk()
    desk.treat()
    desk.store.close()
    desk.recorder.close(desk.now)
    import asyncio

    await asyncio.sleep(0)
    assert len(desk.failures) == 2
    assert isinstance(desk.session, UUID)
