"""SQLite by the project's recipe: one writing connection, read-only readers, explicit BEGIN."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.pool import NullPool

APPLICATION_ID: Final = 0x44435231
"""``DCR1``, in the header of every database of ours."""

BUSY_S: Final = 1.0
"""How long a writer waits for a stranger's lock; below the 2 s after which a silent writer stops the pen."""

WRITER_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "secure_delete=ON",
    "wal_autocheckpoint=1000",
    "journal_size_limit=67108864",
    "recursive_triggers=ON",
)
READER_PRAGMAS: Final = ("query_only=ON", "foreign_keys=ON", "trusted_schema=OFF", "cache_size=-16000")
MEMORY_PRAGMAS: Final = ("foreign_keys=ON", "trusted_schema=OFF", "recursive_triggers=ON")

_WAL_RESET_FIXED: Final = {(3, 44): 6, (3, 50): 7}


def wal_reset_bug(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> bool:
    """True when this SQLite has the WAL-reset bug (sqlite.org/wal.html#walresetbug), which needs two writers to bite."""
    if version >= (3, 51, 3):
        return version == (3, 52, 0)
    fixed = _WAL_RESET_FIXED.get(version[:2])
    return fixed is None or version[2] < fixed


def file_uri(path: Path, **options: str) -> str:
    """A ``file:`` URI for sqlite3 in which no character of the path is taken for an option."""
    query = "&".join(f"{key}={value}" for key, value in options.items())
    return f"file:{quote(str(path))}" + (f"?{query}" if query else "")


def _engine(pragmas: Iterable[str], begin: str, **options: Any) -> sa.Engine:
    engine = sa.create_engine("sqlite://", poolclass=NullPool, **options)
    statements = [f"PRAGMA {pragma}" for pragma in pragmas]

    # SQLAlchemy, not sqlite3, opens transactions; otherwise DDL is not transactional and BEGIN is never IMMEDIATE.
    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        for statement in statements:
            connection.execute(statement)

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def writer_engine(path: Path, busy_s: float = BUSY_S) -> sa.Engine:
    """For the one writing connection: WAL, synchronous=FULL, ``BEGIN IMMEDIATE``."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(file_uri(path, mode="rw"), uri=True, timeout=busy_s, check_same_thread=False)

    return _engine(WRITER_PRAGMAS, "BEGIN IMMEDIATE", creator=connect)


def reader_engine(path: Path, busy_s: float = 2.0) -> sa.Engine:
    """Read-only connections: they can neither write nor checkpoint."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(file_uri(path, mode="ro"), uri=True, timeout=busy_s, check_same_thread=False)

    return _engine(READER_PRAGMAS, "BEGIN", creator=connect)


@lru_cache(maxsize=1)
def memory_engine() -> sa.Engine:
    """One engine for all databases in memory, so that statements are compiled once; each connect is a new database."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(":memory:", check_same_thread=False)

    return _engine(MEMORY_PRAGMAS, "BEGIN IMMEDIATE", creator=connect)


def driver(connection: sa.Connection) -> sqlite3.Connection:
    """The sqlite3 connection below ``connection``."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw
