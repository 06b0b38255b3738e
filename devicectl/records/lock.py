"""The lock file beside the database: one station per database, and who it is."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

from .errors import NoDatabase, StationHeld
from .location import Location

_RETRY_S: Final = 0.2


class StationLock:
    """Held from :meth:`acquire` until :meth:`release` or the end of the process, however it ends."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle: int | None = handle

    @classmethod
    def acquire(cls, location: Location) -> StationLock:
        """Take the lock and write this process's id into it.

        Raises:
            StationHeld: another station owns the database.
            NoDatabase: the lock file cannot be made.
        """
        path = location.lock_path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise NoDatabase(f"No record can be kept in {path.parent} ({error.strerror}): check its rights.") from error
        # Somebody who only looks whether the lock is held holds it for an instant.
        deadline = time.monotonic() + _RETRY_S
        while not _try_lock(handle):
            if time.monotonic() > deadline:
                os.close(handle)
                holder = _read(path)
                who = f" (process {holder['pid']})" if holder and "pid" in holder else ""
                raise StationHeld(
                    f"Another station{who} owns the database {location.path}: use that one, or end it first."
                )
            time.sleep(0.01)
        lock = cls(path, handle)
        lock.describe()
        return lock

    def describe(self, **more: Any) -> None:
        """Replace what the lock file says: this process's id and ``more`` (JSON), such as the ports it holds."""
        if self._handle is None:
            return
        text = json.dumps({"pid": os.getpid(), **more}).encode()
        os.lseek(self._handle, 0, os.SEEK_SET)
        # One write, then cut: a reader sees valid JSON followed at worst by blanks.
        size = os.fstat(self._handle).st_size
        os.write(self._handle, text.ljust(size))
        os.ftruncate(self._handle, len(text))

    def release(self) -> None:
        """Give the database free. The file stays: taking it away could give two stations a lock each."""
        if self._handle is not None:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = None


def station_of(location: Location) -> dict[str, Any] | None:
    """What the station that owns the database wrote into its lock file; None when there is no such station."""
    try:
        handle = os.open(location.lock_path, os.O_RDWR)
    except OSError:
        return None
    try:
        if _try_lock(handle):
            return None
    finally:
        os.close(handle)
    return _read(location.lock_path) or {}


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        # Far behind the text, because Windows bars others from reading what is locked.
        os.lseek(handle, 1 << 30, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
