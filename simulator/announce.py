"""How a running simulator is found: one small file in the runtime directory while it runs."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from drivers.runtime import read_notice, runtime_dir

_PATTERN: Final = "simulator-*.json"


@dataclass(frozen=True, slots=True)
class Announcement:
    """A simulated pen that runs now. ``kind`` is ``pty``, ``tcp`` or ``ble``; the latter is reached by ``radio``. ``truth`` is a
    socket that tells simulated instruments what is really so."""

    address: str
    model: str
    serial: str
    pid: int
    kind: str
    radio: str = ""
    truth: str = ""


@contextmanager
def announce(
    address: str, model: str, serial: str, kind: str, radio: str = "", truth: str = ""
) -> Iterator[Announcement]:
    """Be found while the block runs. Raises ``OSError`` when the runtime directory cannot be written."""
    folder, told = runtime_dir(), Announcement(address, model, serial, os.getpid(), kind, radio, truth)
    text = json.dumps(asdict(told), ensure_ascii=False)
    for number in itertools.count(1):
        path = folder / f"simulator-{told.pid}-{number}.json"
        try:
            claim = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            continue
        os.close(claim)
        break
    partial = path.with_suffix(".new")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
    try:
        yield told
    finally:
        path.unlink(missing_ok=True)


def announced() -> list[Announcement]:
    """Every simulator of this user that runs, sorted by address. What dead ones left behind is removed."""
    found = []
    for path in runtime_dir().glob(_PATTERN):
        told = _read(path)
        if told is not None:
            found.append(told)
        elif not _lives(_pid_of(path)):
            path.unlink(missing_ok=True)
    return sorted(found, key=lambda one: one.address)


def _read(path: Path) -> Announcement | None:
    try:
        found = read_notice(path)
        pid = found.pop("pid")
        # A field of another kind would be met much later, by whoever sorts or shows it.
        if type(pid) is not int or not all(isinstance(text, str) and text.isprintable() for text in found.values()):
            return None
        told = Announcement(**found, pid=pid)
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return told if told.pid == _pid_of(path) and _lives(told.pid) else None


def _pid_of(path: Path) -> int:
    number = path.stem.split("-")[1]
    return int(number) if number.isdecimal() else 0


def _lives(pid: int) -> bool:
    if not 0 < pid < 1 << 31:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
