"""Who holds which port: one lock file a port in the runtime directory, so that anyone can find every pen to stop it.

pyserial's own lock is advisory and per file; ours is by port name and by pen serial, and says who holds it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from drivers.address import Address
from drivers.api import PenError
from drivers.runtime import runtime_dir


class PortHeld(PenError):
    """Another process holds the port or the pen."""

    code = "port-busy"


@dataclass(frozen=True, slots=True)
class Holding:
    """What a lock file says: the address held, by which process and what that process is."""

    address: str
    pid: int
    owner: str


class PortLock:
    """A held lock. Release it with :meth:`release`; the system releases it when the process dies."""

    def __init__(self, key: str, holding: Holding) -> None:
        """Take the lock for ``key`` (a port key or ``pen:SERIAL``). Raises :class:`PortHeld`."""
        self._path = runtime_dir() / f"port-{hashlib.sha256(key.encode()).hexdigest()[:16]}.lock"
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            other = _read(self._path)
            os.close(fd)
            who = f"{other.owner} (process {other.pid})" if other else "another program"
            raise PortHeld(
                f"{holding.address}: held by {who}; 'devicectl stop' still stops that pen, close that program to use it."
            ) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(asdict(holding)).encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Give the port back; safe to call twice."""
        if self._fd >= 0:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = -1


def lock_port(address: Address, owner: str) -> PortLock:
    """Hold the port of an address for this process. Raises :class:`PortHeld`.

    A serial port is locked by the device that its name leads to now, so that a link beside it is no way around.
    """
    key = f"serial://{os.path.realpath(address.where)}" if address.where.startswith("/dev/") else address.port_key
    return PortLock(key, Holding(str(address), os.getpid(), owner))


def lock_serial(address: Address, serial: str, owner: str) -> PortLock:
    """Hold a pen by its serial number, so that two ports to one pen are not driven by two stations."""
    return PortLock(f"pen:{serial}", Holding(str(address), os.getpid(), owner))


def _read(path: Path) -> Holding | None:
    try:
        data = json.loads(path.read_text())
        return Holding(str(data["address"]), int(data["pid"]), str(data["owner"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def holdings() -> list[Holding]:
    """Every port that some process holds now, each address once."""
    found: dict[str, Holding] = {}
    for path in sorted(runtime_dir().glob("port-*.lock")):
        holding = _read(path)
        if holding is None:
            continue
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            found[holding.address] = holding
        finally:
            os.close(fd)
    return list(found.values())
