"""Where key files lie: a folder that only its owner may enter, or memory under virtual time."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from devicectl.records.schema import sync_folder

from .key_errors import KeysUnreadable

_OTHERS: Final = 0o077


class Vault(Protocol):
    """Small named files; a name may hold one ``/``. All raise :class:`KeysUnreadable` when the system refuses."""

    @property
    def place(self) -> str:
        """Where this is, for sentences."""

    def read(self, name: str) -> bytes | None:
        """What the file holds; None when there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Keep a new file: whole or not at all, and on the disk when this returns."""

    def destroy(self, name: str) -> None:
        """Overwrite the file and take it away; one that is not there is passed over."""

    def names(self) -> list[str]:
        """All files, sorted."""

    def exposed(self) -> list[str]:
        """What others than the owner may look into, one sentence each."""


class FolderVault:
    """A folder with mode 0700 and files with mode 0600."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def place(self) -> str:
        """See :class:`Vault`."""
        return str(self._folder)

    def read(self, name: str) -> bytes | None:
        """See :class:`Vault`."""
        try:
            return (self._folder / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._refused(error) from error

    def write(self, name: str, content: bytes) -> None:
        """See :class:`Vault`."""
        target = self._folder / name
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            self._make(target.parent)
            if target.exists():
                raise KeysUnreadable(f"The key file {target} exists already: nothing is written over it.")
            part.unlink(missing_ok=True)
            handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, target)
            sync_folder(target.parent)
        except OSError as error:
            raise self._refused(error) from error
        finally:
            with suppress(OSError):
                part.unlink()

    def _make(self, folder: Path) -> None:
        for one in (
            *reversed(folder.relative_to(self._folder.parent).parents),
            folder.relative_to(self._folder.parent),
        ):
            place = self._folder.parent / one
            if not place.exists():
                place.mkdir(mode=0o700)
                sync_folder(place.parent)

    def destroy(self, name: str) -> None:
        """See :class:`Vault`."""
        target = self._folder / name
        try:
            size = target.stat().st_size
            with target.open("rb+") as file:
                file.write(os.urandom(size))
                file.flush()
                os.fsync(file.fileno())
            target.unlink()
            sync_folder(target.parent)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._refused(error) from error

    def names(self) -> list[str]:
        """See :class:`Vault`."""
        try:
            return sorted(self._names())
        except OSError as error:
            raise self._refused(error) from error

    def _names(self) -> Iterator[str]:
        for path in self._folder.rglob("*"):
            if path.is_file() and path.suffix != ".part":
                yield path.relative_to(self._folder).as_posix()

    def exposed(self) -> list[str]:
        """See :class:`Vault`."""
        if os.name != "posix" or not self._folder.exists():
            return []
        found = []
        try:
            mode = stat.S_IMODE(self._folder.stat().st_mode)
            if mode & _OTHERS:
                found.append(
                    f"The key folder {self._folder} may be entered by others (mode {mode:o}): chmod 700 {self._folder}."
                )
            for path in sorted(self._folder.rglob("*")):
                mode = stat.S_IMODE(path.stat().st_mode)
                if mode & _OTHERS:
                    right = "700" if path.is_dir() else "600"
                    found.append(f"{path} may be read by others (mode {mode:o}): chmod {right} {path}.")
        except OSError as error:
            raise self._refused(error) from error
        return found

    def _refused(self, error: OSError) -> KeysUnreadable:
        return KeysUnreadable(
            f"The key folder {self._folder} cannot be used ({error.strerror}): it and its files must belong to the user "
            "that runs devicectl (folders with mode 700, files with mode 600)."
        )


class MemoryVault:
    """Files in memory: for a record in memory."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    place = "memory"

    def read(self, name: str) -> bytes | None:
        """See :class:`Vault`."""
        return self._files.get(name)

    def write(self, name: str, content: bytes) -> None:
        """See :class:`Vault`."""
        self._files[name] = content

    def destroy(self, name: str) -> None:
        """See :class:`Vault`."""
        self._files.pop(name, None)

    def names(self) -> list[str]:
        """See :class:`Vault`."""
        return sorted(self._files)

    def exposed(self) -> list[str]:
        """See :class:`Vault`."""
        return []
