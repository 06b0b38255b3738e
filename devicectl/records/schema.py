"""The database's version: created, upgraded in one transaction behind a backup, never downgraded."""

from __future__ import annotations

import glob
import os
import sqlite3
from functools import lru_cache
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from . import guards
from .backup import backup_file, newest_backup
from .engine import APPLICATION_ID, driver, memory_engine, writer_engine
from .errors import DatabaseDamaged, NoDatabase, NotOurs, RecordError, SchemaTooNew, translate

HEAD: Final = "0003"
"""Revision that this program writes; a test holds it equal to Alembic's head."""

_MAGIC: Final = b"SQLite format 3\0"


def revision_of(connection: sa.Connection) -> str | None:
    """The revision of the database, or None when it never had one."""
    if not connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").first():
        return None
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return None if row is None else str(row[0])


def _upgrade(connection: sa.Connection) -> None:
    # Alembic costs 370 ms to import: only when there is something to do.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "migrations:")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def known_revisions() -> tuple[str, ...]:
    """Every revision this program knows, newest first."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "migrations:")
    config.set_main_option("path_separator", "os")
    return tuple(script.revision for script in ScriptDirectory.from_config(config).walk_revisions())


def build(connection: sa.Connection) -> None:
    """Make or upgrade the schema on a connection that is in no transaction; all or nothing."""
    raw = driver(connection)
    # A table can only be rebuilt with foreign keys off, and the switch works only outside a transaction.
    raw.execute("PRAGMA foreign_keys=OFF")
    try:
        with connection.begin():
            guards.remove(connection)
            _upgrade(connection)
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise RecordError(f"The upgrade would break {len(broken)} references; the database was left as it was.")
            guards.install(connection)
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    finally:
        raw.execute("PRAGMA foreign_keys=ON")


@lru_cache(maxsize=1)
def template() -> bytes:
    """An empty database of the newest schema, as bytes; made by the migrations themselves."""
    with memory_engine().connect() as connection:
        build(connection)
        return driver(connection).serialize()


def create(path: Path) -> None:
    """Put a new, complete database at ``path``: it appears whole or not at all.

    Raises:
        RecordError: the folder cannot be written, or the disk is full.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    leftovers = [part, *(part.with_name(part.name + end) for end in ("-wal", "-shm", "-journal"))]
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The caller holds the station lock: whatever is there was left by a station that was killed.
        for stale in path.parent.glob(f"{glob.escape(path.name)}.*.part*"):
            stale.unlink(missing_ok=True)
        part.touch(mode=0o600)
        engine = writer_engine(part)
        with engine.connect() as connection:
            build(connection)
        os.replace(part, path)
        sync_folder(path.parent)
    except OSError as error:
        raise NoDatabase(f"No database can be made at {path} ({error.strerror}): check the folder's rights.") from error
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
        raise translate(error, str(path)) from error
    finally:
        for leftover in leftovers:
            leftover.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` last through a power cut (POSIX; elsewhere the file system does it)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_header(path: Path) -> None:
    """Refuse what is not a database of ours, before SQLite touches it.

    Raises:
        NoDatabase: it does not exist or cannot be read.
        DatabaseDamaged: it is empty, or its header is damaged.
        NotOurs: another program's database.
    """
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError as error:
        raise NoDatabase(f"The database {path} cannot be read ({error.strerror}): check the path.") from error
    if not header:
        raise DatabaseDamaged(f"The database {path} is empty (0 bytes), its content is lost: {remedy(path)}.")
    if len(header) < 100 or not header.startswith(_MAGIC):
        raise DatabaseDamaged(f"{path} is no sound database, its header is damaged: {remedy(path)}.")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise NotOurs(f"{path} belongs to another program: give devicectl a file of its own.")


def remedy(path: Path) -> str:
    """What to do about a damaged database, naming the newest backup beside it."""
    backup = newest_backup(path)
    return "restore a backup, none lies beside it" if backup is None else f"restore the backup {backup}"


def quick_check(connection: sa.Connection, path: Path) -> None:
    """Raise :class:`DatabaseDamaged` when SQLite finds the file unsound (0.8 s per 226 MB)."""
    try:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    except sa.exc.DatabaseError as error:
        failure = translate(error, f"the database {path}")
        if isinstance(failure, DatabaseDamaged):
            found = str(error.orig)
        else:
            raise failure from error
    if found != "ok":
        first = str(found).splitlines()[-1]
        raise DatabaseDamaged(f"The database {path} is damaged ({first}): {remedy(path)}.")


def prepare(connection: sa.Connection, path: Path) -> list[str]:
    """Bring a sound database to :data:`HEAD`; returns what was done, one sentence each.

    Raises:
        SchemaTooNew: a newer devicectl wrote it.
        RecordError: the upgrade failed; the database is as it was.
    """
    revision = revision_of(connection)
    connection.rollback()
    if revision == HEAD:
        absent = guards.missing(connection)
        connection.rollback()
        if not absent:
            return []
        with connection.begin():
            guards.install(connection)
        return [f"Guards of the record were missing or altered and were put back: {', '.join(absent)}."]
    if revision is not None and revision not in known_revisions():
        raise SchemaTooNew(
            f"The database {path} was written by a newer devicectl (its version is {revision}, this program knows up to "
            f"{HEAD}): update devicectl."
        )
    saved = backup_file(path, _backup_name(path))
    try:
        build(connection)
    except RecordError:
        raise
    except Exception as error:
        raise RecordError(
            f"The upgrade of {path} failed and was undone ({type(error).__name__}: {str(error).splitlines()[0]}); "
            f"a backup is at {saved}."
        ) from error
    return [f"The database was upgraded from {revision} to {HEAD}; the backup is {saved}."]


def _backup_name(path: Path) -> Path:
    """A name that is free: an upgrade that was killed has left its backup, perhaps within this very second."""
    import time

    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    names = (f"{path.stem}.before-{HEAD}.{stamp}{again}.bak.db" for again in ("", *(f"-{n}" for n in range(2, 100))))
    return next(found for name in names if not (found := path.with_name(name)).exists())
