"""A record with a pen, a client and a session in it, on a real file."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest

from devicectl.records import jobs, rows
from devicectl.records.ids import IdSource
from devicectl.records.store import Store
from devicectl.records.telemetry_block import Columns

START_US = 1_790_000_000_000_000


@dataclass
class Clock:
    """UTC in µs that moves only when it is told to, a millisecond per look."""

    us: int = START_US

    def __call__(self) -> int:
        self.us += 1_000
        return self.us


@dataclass
class World:
    """A store and the rows that most tests need."""

    store: Store
    ids: IdSource
    clock: Clock
    pen: UUID = field(init=False)
    client: UUID = field(init=False)
    session: UUID = field(init=False)
    seq: int = 0

    def do(self, job):
        """Run a job and wait for its commit."""
        return self.store.submit_sync(job)

    def add_pen(self, origin: str = "simulated", serial: str = "S1", firmware: str = "1.0.0") -> UUID:
        row = rows.PenRow(self.ids.uuid7(), "Open", "Reference", serial, firmware, "A", origin, self.clock())
        return self.do(jobs.pen_seen(row))

    def add_client(self, code: str = "T-1", training: bool = True) -> UUID:
        return self.do(jobs.client_known(self.ids.uuid7(), code, training, self.clock()))

    def session_row(self, pen: UUID, client: UUID | None, purpose: str = "treatment") -> rows.SessionRow:
        return rows.SessionRow(self.ids.uuid7(), self.store.boot_id, pen, client, purpose, self.clock(), 5)

    def add_session(self) -> UUID:
        row = self.session_row(self.pen, self.client)
        self.do(jobs.session_opened(row))
        return row.id

    def pass_row(self, session: UUID | None = None, **change) -> rows.PassRow:
        self.seq += 1
        values = {
            "id": self.ids.uuid7(),
            "session_id": session or self.session,
            "pen_id": self.pen,
            "cartridge_id": None,
            "seq": self.seq,
            "kind": "granted",
            "zone": "VTX",
            "depth_set_um": 1_000,
            "rate_set_mhz": 100_000,
            "needles": 14,
            "area_mm2": 5_000,
            "opened_utc_us": self.clock(),
            "opened_boot_us": 7,
            "opened_clock_ms": 1_000,
        }
        return rows.PassRow(**{**values, **change})

    def add_pass(self, **change) -> UUID:
        row = self.pass_row(**change)
        self.do(jobs.pass_opened(row))
        return row.id

    def block(self, key: UUID, seq: int = 0, sealed: bool = False, count: int = 50, first_ms: int = 1_000):
        return jobs.telemetry_block(rows.BlockRow(key, seq, sealed, columns(count, first_ms), self.clock()))

    def end_pass(self, key: UUID, duration_ms: int = 980) -> None:
        end = rows.PassEnd(
            key, self.clock(), 1_000 + duration_ms, "ended", duration_ms, duration_ms, "measured", 0, 98, 98, 27,
            1_000, 1_000, 1_000, 300, 50, 0,
        )  # fmt: skip
        segment = rows.SegmentRow(key, 0, "measured", True, 1_000, 1_000 + duration_ms)
        self.do(jobs.pass_closed(end, [segment]))

    def intent(self, cmd_id: int = 1, pen: UUID | None = None) -> rows.OpenCommand:
        return rows.OpenCommand(
            self.ids.uuid7(), pen or self.pen, None, 4_000_000_000, cmd_id, "start", 180_000, 9, self.clock()
        )


def columns(count: int, first_ms: int = 1_000, rate: int = 100_000) -> Columns:
    """Samples at 50 Hz in contact."""
    return Columns(
        [first_ms + 20 * n for n in range(count)],
        [1_000] * count,
        [rate] * count,
        [250] * count,
        [3_100] * count,
        [3_900] * count,
        [1] * count,
        [1] * count,
    )


@dataclass(frozen=True, slots=True)
class Settled:
    """How a command ended."""

    id: UUID
    outcome: str
    text: str
    applied: int
    at_utc_us: int


def furnish(store: Store, clock: Clock) -> World:
    """Put a simulated pen, a training client and an open session into the record."""
    world = World(store, store.ids, clock)
    world.pen = world.add_pen()
    world.client = world.add_client()
    world.session = world.add_session()
    return world


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ids(clock: Clock) -> IdSource:
    return IdSource(clock, random.Random(7))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record" / "devicectl.db"


@pytest.fixture
def opened(path: Path, ids: IdSource) -> Iterator[Callable[..., Store]]:
    """Opens the record at ``path``; closes it at the end of the test."""
    stores: list[Store] = []

    def make(where: Path | None = None, **options) -> Store:
        store = Store.open(where or path, ids=ids, **options)
        stores.append(store)
        return store

    yield make
    for store in stores:
        try:
            store.close()
        except Exception:
            pass


@pytest.fixture
def world(opened: Callable[..., Store], clock: Clock) -> World:
    return furnish(opened(), clock)


@pytest.fixture
def memory_world(ids: IdSource, clock: Clock) -> Iterator[World]:
    store = Store.in_memory(ids=ids)
    yield furnish(store, clock)
    store.close()
