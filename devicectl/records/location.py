"""Where the database is: argument, ``DEVICECTL_DATABASE``, or the user's data folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from .errors import NoDatabase

VARIABLE: Final = "DEVICECTL_DATABASE"
_SQLITE: Final = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Location:
    """A database file. ``source`` says who named it: ``argument``, ``environment`` or ``default``."""

    path: Path
    source: str

    @property
    def hash(self) -> str:
        """See :func:`database_hash`."""
        return database_hash(self.path)

    @property
    def url(self) -> str:
        """The address as a URL, ``sqlite:///...``."""
        return f"{_SQLITE}{self.path}"

    @property
    def lock_path(self) -> Path:
        """The lock file of the station that owns this database."""
        return self.path.with_name(self.path.name + ".lock")

    @property
    def keys_path(self) -> Path:
        """The folder with the keys of this record."""
        return self.path.with_name(self.path.name + ".keys")


def locate(database: str | os.PathLike[str] | None = None, environ: Mapping[str, str] | None = None) -> Location:
    """Resolve the database from an argument, the environment, or the default.

    Raises:
        NoDatabase: the address is empty, a folder, in memory, or not SQLite's.
    """
    if database is not None:
        return Location(_path(os.fspath(database)), "argument")
    named = (os.environ if environ is None else environ).get(VARIABLE, "").strip()
    if named:
        return Location(_path(named), "environment")
    from platformdirs import user_data_path

    return Location(_path(str(user_data_path("devicectl", appauthor=False) / "devicectl.db")), "default")


def _path(text: str) -> Path:
    scheme, separator, _ = text.partition("://")
    if separator:
        if scheme == "sqlite" and not text.startswith(_SQLITE):
            raise NoDatabase(f"The database's address {text} names no file: write sqlite:///PATH, with three slashes.")
        if scheme != "sqlite":
            raise NoDatabase(f"Only SQLite databases can be used for now, not {scheme}: give a path or sqlite:///PATH.")
        text = unquote(text.removeprefix(_SQLITE))
        if "?" in text:
            raise NoDatabase("Options after ? in the database's address are not supported: give sqlite:///PATH alone.")
    if not text.strip() or ":memory:" in text or "\0" in text:
        raise NoDatabase("The database's address names no file: give a path or sqlite:///PATH.")
    path = Path(text).expanduser().resolve()
    if path.is_dir():
        raise NoDatabase(f"The database's address {path} is a folder: give the path of a file.")
    return path


def database_hash(path: str | os.PathLike[str]) -> str:
    """12 hex digits of the SHA-256 of the resolved path; part of the station's socket name."""
    return hashlib.sha256(os.fsencode(Path(path).expanduser().resolve())).hexdigest()[:12]
