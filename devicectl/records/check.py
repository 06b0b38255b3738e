"""Is the record sound? What ``devicectl db check`` and ``doctor`` say about a database."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from . import guards, schema
from . import tables as t
from .engine import reader_engine, wal_reset_bug
from .errors import NoDatabase, RecordError, translate
from .location import Location
from .lock import station_of
from .telemetry_block import BlockDamaged, decode


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One thing that was looked at. ``level`` is ok, warning or error; ``text`` one sentence."""

    name: str
    level: str
    text: str

    @property
    def ok(self) -> bool:
        """False for an error."""
        return self.level != "error"


def sqlite_item() -> CheckItem:
    """SQLite's version, with a warning when it has the WAL-reset bug."""
    version = sqlite3.sqlite_version
    if wal_reset_bug():
        return CheckItem(
            "sqlite",
            "warning",
            f"SQLite {version} has the WAL-reset bug (fixed in 3.51.3): never let two programs write to this database.",
        )
    return CheckItem("sqlite", "ok", f"SQLite {version}.")


def check_database(location: Location, *, full: bool = True) -> list[CheckItem]:
    """Check the file from outside, also while a station writes; never raises for what it finds.

    ``full`` runs SQLite's integrity_check (3 s for 226 MB) and reads every telemetry block; else quick_check only.
    """
    items = [sqlite_item(), _station(location), _space(location.path)]
    path = location.path
    if not path.exists():
        return [*items, CheckItem("file", "error", f"There is no database at {path} yet.")]
    try:
        schema.check_header(path)
        engine = reader_engine(path)
        with engine.connect() as connection:
            items.extend(_inside(connection, path, full))
    except RecordError as error:
        items.append(CheckItem("file", "error", str(error)))
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
        failure = translate(error, f"the database {path}")
        text = "It cannot be read: its folder must be writable." if isinstance(failure, NoDatabase) else str(failure)
        items.append(CheckItem("file", "error", text))
    return items


def _station(location: Location) -> CheckItem:
    station = station_of(location)
    if station is None:
        return CheckItem("station", "ok", "No station has the database open.")
    return CheckItem("station", "ok", f"A station has the database open (process {station.get('pid', 'unknown')}).")


def _space(path: Path) -> CheckItem:
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError:
        return CheckItem("space", "warning", f"The folder {path.parent} cannot be looked at.")
    level = "ok" if free >= 200_000_000 else "warning"
    return CheckItem("space", level, f"{free // 1_000_000} MB are free on the disk of the database.")


def _inside(connection: sa.Connection, path: Path, full: bool) -> Iterator[CheckItem]:
    pragma = "integrity_check(5)" if full else "quick_check(5)"
    found = [str(row[0]) for row in connection.exec_driver_sql(f"PRAGMA {pragma}")]
    if found == ["ok"]:
        yield CheckItem("integrity", "ok", "The file is sound.")
    else:
        text = f"The file is damaged ({'; '.join(found)[:200]}): {schema.remedy(path)}."
        yield CheckItem("integrity", "error", text.replace("\n", " "))
    revision = schema.revision_of(connection)
    if revision == schema.HEAD:
        yield CheckItem("schema", "ok", f"Its version is {revision}.")
    else:
        yield CheckItem("schema", "error", f"Its version is {revision}, this program writes {schema.HEAD}.")
        return
    absent = guards.missing(connection)
    if absent:
        yield CheckItem("guards", "error", f"Guards of the record are missing or altered: {', '.join(absent)[:200]}.")
    else:
        yield CheckItem("guards", "ok", f"All {len(guards.definitions())} guards of the record are in place.")
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        yield CheckItem("references", "error", f"{len(broken)} entries refer to something that is not there.")
    else:
        yield CheckItem("references", "ok", "Every reference leads somewhere.")
    if full:
        yield _blocks(connection)


def _blocks(connection: sa.Connection) -> CheckItem:
    count = damaged = 0
    query = sa.select(t.telemetry_blocks.c.data, t.telemetry_blocks.c.samples).execution_options(yield_per=100)
    for row in connection.execute(query):
        count += 1
        try:
            if len(decode(row.data).clock_ms) != row.samples:
                damaged += 1
        except BlockDamaged:
            damaged += 1
    if damaged:
        return CheckItem("telemetry", "error", f"{damaged} of {count} telemetry blocks are damaged: restore a backup.")
    return CheckItem("telemetry", "ok", f"All {count} telemetry blocks are sound.")
