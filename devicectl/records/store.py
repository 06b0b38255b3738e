"""The record as a station holds it: locked, checked, upgraded, recovered, and open for writing."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

import sqlalchemy as sa

from . import schema
from . import tables as t
from .backup import backup_file
from .engine import driver, memory_engine, writer_engine
from .errors import NoDatabase, RecordError, translate
from .ids import IdSource
from .location import Location, locate
from .lock import StationLock
from .recovery import Recovered, recover
from .writer import InlineWriter, Job, RecordWriter, Writer

T = TypeVar("T")

LOW_SPACE: Final = 200_000_000
"""Free bytes below which no session should be started."""


def boot_clock_us() -> int:
    """Host time since boot in µs, counting suspension where the system can tell (Linux)."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return (time.monotonic_ns() if clock is None else time.clock_gettime_ns(clock)) // 1_000


class Store:
    """An open record. Make it with :meth:`open` or :meth:`in_memory`, end it with :meth:`close`.

    Attributes:
        writer: takes jobs (`devicectl.records.jobs`).
        boot_id: key of the boot row written at the start; sessions refer to it.
        ids: where keys and UTC come from.
        notes: what was done at the start, one sentence each.
        recovered: what a crash had left open.
        lock: the station lock, None in memory.
    """

    def __init__(
        self,
        writer: RecordWriter,
        location: Location | None,
        lock: StationLock | None,
        ids: IdSource,
        boot_id: UUID,
        notes: list[str],
        recovered: Recovered,
    ) -> None:
        self.writer, self.location, self.lock, self.ids = writer, location, lock, ids
        self.boot_id, self.notes, self.recovered = boot_id, notes, recovered
        self._closed = False

    @classmethod
    def open(
        cls,
        location: Location | str | os.PathLike[str] | None = None,
        *,
        inline: bool = False,
        create: bool = True,
        ids: IdSource | None = None,
        version: str = "",
        boot_us: Callable[[], int] = boot_clock_us,
    ) -> Store:
        """Open the database for writing; blocks (about 20 ms, more when an upgrade is due).

        ``inline`` runs jobs on the caller's thread, for virtual time. With ``create`` a missing database is made.

        Raises:
            RecordError: held by another station, damaged, not ours, too new, read-only, disk full; one sentence each.
        """
        where = location if isinstance(location, Location) else locate(location)
        source = ids or IdSource()
        lock = StationLock.acquire(where)
        engine: sa.Engine | None = None
        try:
            if not where.path.exists():
                if not create:
                    raise NoDatabase(f"There is no database at {where.path}: check the path.")
                schema.create(where.path)
            schema.check_header(where.path)
            engine = writer_engine(where.path)
            with engine.connect() as connection:
                schema.quick_check(connection, where.path)
                connection.rollback()
                notes = schema.prepare(connection, where.path)
                boot_id, recovered = _start(connection, source, version, boot_us())
            name = f"the database {where.path}"
            writer: RecordWriter = InlineWriter(engine.connect(), where=name) if inline else Writer(engine, where=name)
        except BaseException as error:
            lock.release()
            if isinstance(error, sa.exc.SQLAlchemyError | sqlite3.Error):
                raise translate(error, f"the database {where.path}") from error
            raise
        return cls(writer, where, lock, source, boot_id, notes, recovered)

    @classmethod
    def in_memory(
        cls, template: bytes | None = None, *, ids: IdSource | None = None, boot_us: Callable[[], int] = lambda: 0
    ) -> Store:
        """A record that lives in memory, without a thread: a copy of ``template`` (see `schema.template`)."""
        source = ids or IdSource()
        connection = memory_engine().connect()
        driver(connection).deserialize(schema.template() if template is None else template)
        boot_id, recovered = _start(connection, source, "", boot_us())
        return cls(InlineWriter(connection), None, None, source, boot_id, [], recovered)

    def submit(self, job: Job[T]) -> asyncio.Future[T]:
        """See :meth:`RecordWriter.submit`."""
        return self.writer.submit(job)

    def submit_sync(self, job: Job[T]) -> T:
        """See :meth:`RecordWriter.submit_sync`."""
        return self.writer.submit_sync(job)

    def silent_for(self) -> float:
        """See :meth:`RecordWriter.silent_for`."""
        return self.writer.silent_for()

    def free_bytes(self) -> int | None:
        """Room left on the database's disk; None in memory or when the system does not say."""
        if self.location is None:
            return None
        try:
            return shutil.disk_usage(self.location.path.parent).free
        except OSError:
            return None

    def backup(self, target: Path) -> Path:
        """Copy the database to ``target`` while it is in use; blocks (0.1 s for 48 MB). Raises :class:`RecordError`."""
        if self.location is None:
            raise RecordError("A record in memory cannot be backed up.")
        return backup_file(self.location.path, target)

    def snapshot(self) -> bytes:
        """A record in memory as bytes: a later ``in_memory(template=...)`` goes on from here, as after a crash."""
        if self.location is not None:
            raise RecordError("Only a record in memory gives a snapshot: use backup.")
        assert isinstance(self.writer, InlineWriter)
        return self.writer.serialize()

    def close(self) -> None:
        """Store what waits, mark the boot as ended in order, give the lock free. Raises :class:`RecordError`."""
        if self._closed:
            return
        self._closed = True
        end = (
            sa.update(t.boots)
            .where(t.boots.c.id == self.boot_id, t.boots.c.ended_utc_us.is_(None))
            .values(ended_utc_us=self.ids.utc_us())
        )
        try:
            self.writer.submit_sync(lambda connection: connection.execute(end).rowcount)
        finally:
            try:
                self.writer.close()
            finally:
                if self.lock is not None:
                    self.lock.release()


_STATION = sa.select(t.stations.c.id).limit(1)


def _start(connection: sa.Connection, ids: IdSource, version: str, boot_us: int) -> tuple[UUID, Recovered]:
    """Write the boot row for real (a read-only file lets BEGIN pass) and close what a crash left open."""
    with connection.begin():
        now = ids.utc_us()
        station: UUID | None = connection.execute(_STATION).scalar()
        if station is None:
            station = ids.uuid7()
            connection.execute(t.stations.insert(), {"id": station, "name": "station", "created_utc_us": now})
        boot_id = ids.uuid7()
        row = {
            "id": boot_id,
            "station_id": station,
            "started_utc_us": now,
            "ended_utc_us": None,
            "version": version,
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "system": platform.system(),
        }
        connection.execute(t.boots.insert(), row)
        return boot_id, recover(connection, now, ids, boot_us)
