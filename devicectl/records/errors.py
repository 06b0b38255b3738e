"""What can be wrong with the record, each as one sentence with the next step."""

from __future__ import annotations

import sqlite3
from typing import Final


class RecordError(Exception):
    """The record cannot be read or written; the text is one sentence. ``code`` is stable for scripts."""

    code = "record-error"


class RecordRefused(RecordError):
    """The database's own rules refuse this row; nothing was stored."""

    code = "record-refused"


class DiskFull(RecordError):
    """No room for the record; what was acknowledged before is safe."""

    code = "disk-full"


class DatabaseLocked(RecordError):
    """Another program writes to the database."""

    code = "database-locked"


class ReadOnly(RecordError):
    """The database or its folder may not be written."""

    code = "read-only"


class DatabaseDamaged(RecordError):
    """The file is not a sound database of devicectl any more."""

    code = "database-damaged"


class NotOurs(RecordError):
    """The file is a database of some other program."""

    code = "not-ours"


class NoDatabase(RecordError):
    """There is no database where one is expected, or its address cannot be used."""

    code = "no-database"


class SchemaTooNew(RecordError):
    """A newer devicectl wrote this database."""

    code = "schema-too-new"


class SchemaTooOld(RecordError):
    """The database waits for its upgrade, which only a writer may do."""

    code = "schema-too-old"


class StationHeld(RecordError):
    """Another station owns this database."""

    code = "station-held"


class JournalFull(RecordError):
    """The writer's queue is full: the disk has not kept up; this job was not taken."""

    code = "journal-full"


class WriterClosed(RecordError):
    """The writer has ended; this job was not taken."""

    code = "writer-closed"


_PRIMARY: Final = 0xFF


def translate(error: BaseException, where: str = "the database") -> RecordError:
    """The :class:`RecordError` that says in one sentence what ``error`` (SQLite's or SQLAlchemy's) means."""
    if isinstance(error, RecordError):
        return error
    cause = getattr(error, "orig", None) or error
    text = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
    code = getattr(cause, "sqlite_errorcode", None)
    primary = code & _PRIMARY if isinstance(code, int) else None
    match primary:
        case sqlite3.SQLITE_FULL:
            return DiskFull(f"The disk is full, nothing more can be stored in {where}: free some space.")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return DatabaseLocked(f"Another program is writing to {where}: end it and try again.")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return ReadOnly(f"{_capital(where)} may not be written: check the rights of the file and its folder.")
        case sqlite3.SQLITE_CANTOPEN:
            return NoDatabase(f"{_capital(where)} cannot be opened: check that it exists and may be read and written.")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return DatabaseDamaged(f"{_capital(where)} is damaged ({text}): restore a backup.")
        case sqlite3.SQLITE_IOERR:
            return DiskFull(f"The disk refused to store into {where} ({text}): check its space and its health.")
        case sqlite3.SQLITE_CONSTRAINT | sqlite3.SQLITE_MISMATCH:
            return RecordRefused(f"The record refuses this entry: {text}.")
        case _:
            return RecordError(f"The record failed in {where}: {text}.")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
