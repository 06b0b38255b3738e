"""Online backups: whole, checked, readable without a WAL file, and never half there."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from .engine import file_uri
from .errors import DatabaseDamaged, RecordError, translate


def backup_file(source: Path, target: Path) -> Path:
    """Copy the database while it is being written; returns ``target``.

    All pages are copied in one step (0.1 s for 48 MB): a stepped copy starts anew at each commit of the station. The
    copy is in DELETE mode, so that it can be read from a read-only medium, and passed SQLite's integrity check.

    Raises:
        RecordError: ``target`` exists, the disk is full, or the copy is not sound.
    """
    if target.exists():
        raise RecordError(f"{target} exists already: choose another name for the backup.")
    part = target.with_name(target.name + ".part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        _copy(source, part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, target)
        mark_backup(source)
    except OSError as error:
        raise RecordError(f"The backup {target} cannot be written ({error.strerror}): choose another place.") from error
    except sqlite3.Error as error:
        raise translate(error, f"the backup {target}") from error
    finally:
        part.unlink(missing_ok=True)
        part.with_name(part.name + "-journal").unlink(missing_ok=True)
    return target


def _copy(source: Path, part: Path) -> None:
    with (
        closing(sqlite3.connect(file_uri(source, mode="ro"), uri=True, timeout=5.0)) as original,
        closing(sqlite3.connect(part)) as copy,
    ):
        original.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        found = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if found != ("ok",):
            raise DatabaseDamaged(f"The database {source} is damaged ({found[0]}), no backup was made of it.")


def _mark(path: Path) -> Path:
    return path.with_name(path.name + ".backed-up")


def mark_backup(path: Path) -> None:
    """Remember beside the database ``path`` that a copy of it was made just now, wherever that is kept."""
    try:
        _mark(path).touch(mode=0o600)
    except OSError:
        pass  # then it is told too early that a backup is old


def last_backup(path: Path) -> float | None:
    """When the newest known copy of the database ``path`` was made (UTC in s); None when none is known."""
    found: list[float] = []
    for entry in (_mark(path), newest_backup(path)):
        try:
            if entry is not None:
                found.append(entry.stat().st_mtime)
        except OSError:
            continue
    return max(found, default=None)


def newest_backup(path: Path) -> Path | None:
    """The newest ``*.bak.db`` of this database beside it."""
    try:
        found = [entry for entry in path.parent.glob("*.bak.db") if entry.name.startswith(path.stem + ".")]
        return max(found, key=lambda entry: entry.stat().st_mtime_ns, default=None)
    except OSError:
        return None
