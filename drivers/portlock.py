"""Who holds which port: one lock file a port in the runtime directory, so that anyone can find every pen to stop it.

pyserial's own lock is advisory and per file; ours is by port name and by pen serial, and says who holds it. A file that
is not empty and not locked was left behind by a process that was killed: it names a port that may need a STOP.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from drivers.address import Address, parse_address
from drivers.api import PenError
from drivers.port_identity import port_identity
from drivers.runtime import read_notice, runtime_dir

LEFT_S: Final = 12 * 3600.0
"""How long a file left behind is of use, counted from its holder's last sign of life: a pen that runs away does so until
its battery is empty or somebody hears it, which is hours and never the next day; the port's name is by then somebody
else's."""
SIGN_S: Final = 60.0
"""How often a holder should call :func:`sign_of_life`."""
_TRIES: Final = 5
_TRY_AGAIN_S: Final = 0.0002
"""A station takes the lock of a pen's serial number on its loop, because a pen is taken or refused in the moment in which it
says who it is, and notes its port there, and takes and gives back the lock of a port that a scan asks: measured on two
cores and ext4 at 0.09 ms, 0.03 ms and 0.1 ms (p99 0.3 ms each). With all tries it stays under 1.1 ms. What it does else
with these files it does in threads."""


class PortHeld(PenError):
    """Another process holds the port or the pen."""

    code = "port-busy"


@dataclass(frozen=True, slots=True)
class Holding:
    """What a lock file says: the address held, by which process and what that process is.

    ``serial`` is the pen's, empty when it is not known; ``device`` what the port was (`port_identity`) when the pen was
    last heard there; ``record`` the hash of the database into which the holder writes, empty when it keeps none;
    ``let_go``: its holder lives and let go of the pen while its link was lost and its last STOP not confirmed.
    """

    address: str
    pid: int
    owner: str
    serial: str = ""
    device: str = ""
    record: str = ""
    let_go: bool = False


class PortLock:
    """A held lock. Release it with :meth:`release`; the system releases it when the process dies.

    ``before`` is what a killed holder had left in the file, or None.
    """

    def __init__(self, key: str, holding: Holding) -> None:
        """Take the lock for ``key`` (a port key or ``pen:SERIAL``).

        Raises :class:`PortHeld`, and :class:`drivers.api.PenError` when the file cannot be written.
        """
        path = _path(key)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _no_lock(holding, error) from error
        if not _flock(fd):
            other = _read(path)
            os.close(fd)
            who = f"{other.owner} (process {other.pid})" if other else "another program"
            raise PortHeld(
                f"{holding.address}: held by {who}; 'devicectl stop' still stops that pen, close that program to use it."
            )
        self.before = _read(path)
        self._before_ns = os.fstat(fd).st_mtime_ns
        self._fd = fd
        self._holding = holding
        try:
            self._write(holding)
        except OSError as error:
            os.close(fd)
            raise _no_lock(holding, error) from error

    def _write(self, holding: Holding | None) -> None:
        if holding is None:
            os.ftruncate(self._fd, 0)
            return
        # In one piece over what was there, blanks to its end: who reads meanwhile finds the one or the other, and a full
        # disk takes nothing away.
        data = json.dumps(asdict(holding)).encode()
        os.pwrite(self._fd, data.ljust(os.fstat(self._fd).st_size), 0)

    def note(self) -> None:
        """The pen is heard at the port as it is now: what has the port's name later is compared with this.

        Raises ``OSError`` when the file cannot be written.
        """
        now = port_identity(parse_address(self._holding.address).where)
        if self._fd >= 0 and now != self._holding.device:
            self._holding = replace(self._holding, device=now)
            self._write(self._holding)

    def leave(self) -> None:
        """Give the port back, and leave it to the next STOP: the pen was not seen still before its link was lost."""
        if self._fd < 0:
            return
        try:
            self._write(replace(self._holding, let_go=True))
        except OSError:
            pass  # the disk is full: what is written there names the port all the same
        os.close(self._fd)
        self._fd = -1

    def release(self, *, used: bool = True) -> None:
        """Give the port back; safe to call twice. ``used`` False: no pen answered there, so what a killed holder had left
        is left again, because its pen may still turn."""
        if self._fd < 0:
            return
        before = None if used else self.before
        self._write(before)
        if before is not None:
            os.utime(self._fd, ns=(self._before_ns, self._before_ns))
        os.close(self._fd)
        self._fd = -1
        if used and self.before is not None:
            self._forget_before(self.before)

    @staticmethod
    def _forget_before(before: Holding) -> None:
        """The pen that was left at this port is not there any more, or is this one."""
        for path, holding in _files():
            if (holding.address, holding.pid) == (before.address, before.pid):
                _empty(path, before.pid)


def _no_lock(holding: Holding, error: OSError) -> PenError:
    """Without its file a pen could not be found by a STOP, so it is not opened at all."""
    return PenError(
        f"{holding.address}: its lock file cannot be written ({error.strerror}); free some space in {runtime_dir()}, or set "
        "DEVICECTL_RUNTIME_DIR to a folder that can be written.",
        "no-lock",
    )


def _flock(fd: int) -> bool:
    """Who only looks whether a file is locked holds it for some µs, and must not pass for its owner."""
    for attempt in range(_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt + 1 < _TRIES:
                time.sleep(_TRY_AGAIN_S)
        else:
            return True
    return False


def _path(key: str) -> Path:
    return runtime_dir() / f"port-{hashlib.sha256(key.encode()).hexdigest()[:16]}.lock"


def _port_path(address: Address) -> Path:
    return _path(address.port_key)


def _port_path_of(text: str) -> Path | None:
    try:
        return _port_path(parse_address(text))
    except PenError:
        return None


def lock_port(address: Address, owner: str, record: str = "") -> PortLock:
    """Hold the port of an address for this process. Raises as :class:`PortLock` does."""
    device = port_identity(address.where)
    return PortLock(address.port_key, Holding(str(address), os.getpid(), owner, device=device, record=record))


def lock_serial(address: Address, serial: str, owner: str, record: str = "") -> PortLock:
    """Hold a pen by its serial number, so that two ports to one pen are not driven by two stations.

    What a killed holder of this pen left at another port is cleaned: the pen is no longer there.
    """
    device = port_identity(address.where)
    lock = PortLock(f"pen:{serial}", Holding(str(address), os.getpid(), owner, serial, device, record))
    before = lock.before
    if before is not None and before.address != str(address) and (path := _port_path_of(before.address)) is not None:
        _empty(path, before.pid)
    return lock


def _read(path: Path) -> Holding | None:
    try:
        data = read_notice(path)
        serial, device, record = (str(data.get(name, "")) for name in ("serial", "device", "record"))
        let_go = data.get("let_go") is True
        return Holding(str(data["address"]), int(data["pid"]), str(data["owner"]), serial, device, record, let_go)
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None


def _locked(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _files() -> Iterator[tuple[Path, Holding]]:
    for path in sorted(runtime_dir().glob("port-*.lock")):
        holding = _read(path)
        if holding is not None:
            yield path, holding


def holdings() -> list[Holding]:
    """Every port that some process holds now, each address once, with the pen's serial where it is known."""
    found: dict[str, Holding] = {}
    for path, holding in _files():
        known = found.get(holding.address)
        if (known is None or not known.serial) and _locked(path):
            found[holding.address] = holding
    return list(found.values())


def holder_of(address: Address) -> Holding | None:
    """Who holds the port of an address now, under whatever name."""
    path = _port_path(address)
    if _locked(path):
        return _read(path)
    # A link may lead elsewhere by now than when the port was held by it: its pen came back under another name.
    return next((one for one in holdings() if _port_path_of(one.address) == path), None)


# ---- what killed processes left behind


@dataclass(frozen=True, slots=True)
class Left:
    """A port whose holder was killed. ``alive_at`` is the holder's last sign of life, s since 1970."""

    holding: Holding
    alive_at: float
    files: tuple[Path, ...]

    @property
    def another_device(self) -> bool:
        """True when something else than the device that was held now goes by the port's name."""
        before, where = self.holding.device, parse_address(self.holding.address).where
        return bool(before) and os.path.exists(where) and port_identity(where) != before


def left_behind(now: float | None = None) -> list[Left]:
    """Every port that a killed process had held and nobody holds now, each once; none older than :data:`LEFT_S`.

    ``now``: s since 1970, for tests.
    """
    return [left for left in _all_left() if not _too_old(left, now)]


def left_at(address: Address, now: float | None = None) -> Left | None:
    """What a killed process left at the port of an address, under whatever name."""
    path = _port_path(address)
    return next((left for left in left_behind(now) if _port_path_of(left.holding.address) == path), None)


def _too_old(left: Left, now: float | None) -> bool:
    return (time.time() if now is None else now) - left.alive_at > LEFT_S


def _all_left() -> list[Left]:
    by_port: dict[Path, list[tuple[float, Path, Holding]]] = {}
    for path, holding in _files():
        port = _port_path_of(holding.address)
        if port is None or _locked(path) or _locked(port):
            continue
        try:
            by_port.setdefault(port, []).append((path.stat().st_mtime, path, holding))
        except OSError:
            continue
    found: list[Left] = []
    for entries in by_port.values():
        entries.sort(key=lambda entry: (entry[0], bool(entry[2].serial)))
        newest = entries[-1][2]
        named = next((h for _, _, h in reversed(entries) if h.serial and h.pid == newest.pid), newest)
        found.append(Left(named, entries[-1][0], tuple(path for _, path, _ in entries)))
    return found


def sign_of_life() -> None:
    """This process is alive and holds its ports: call it every :data:`SIGN_S`; it touches files, so not on a loop."""
    for path, holding in _files():
        # After a restart a file that was left behind may name the number that is ours now.
        if holding.pid == os.getpid() and _locked(path):
            try:
                os.utime(path)
            except OSError:
                continue


def forget(left: Left) -> None:
    """Clean what is of no use any more; a file that somebody has taken meanwhile is left alone."""
    for path in left.files:
        _empty(path, None)


def tidy(now: float | None = None) -> None:
    """Clean what was left behind too long ago; ``now`` in s since 1970, for tests."""
    for left in _all_left():
        if _too_old(left, now):
            forget(left)


def _empty(path: Path, pid: int | None) -> None:
    """Emptied and not removed: two processes could else hold two files of one name."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        holding = _read(path)
        if holding is not None and pid in (None, holding.pid):
            os.ftruncate(fd, 0)
    except BlockingIOError:
        pass
    finally:
        os.close(fd)
