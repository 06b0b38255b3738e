"""Every way by which STOP reaches a pen from outside: the stations' sockets, and past them straight to the ports.

Plain sockets and threads, no event loop: it serves the command line, and a client whose station does not answer.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drivers.address import Address, parse_address
from drivers.direct_stop import SWITCH, DirectStop, DirectStops, direct_stop
from drivers.portlock import Holding, Left, forget, holdings, left_behind, tidy

from .paths import STOP_ACK

ANSWER_S: Final = 0.3
LOOK: Final = "look whether the pen stands still"


@dataclass(slots=True)
class Pressed:
    """One station that got the STOP byte; ``pid`` 0 when the system does not tell, ``answer`` empty when none came."""

    requests: Path
    pid: int
    answer: bytes = b""

    @property
    def answered(self) -> bool:
        """It lives, whatever its links."""
        return bool(self.answer)

    @property
    def taken(self) -> bool:
        """Its links took STOP."""
        return self.answer == STOP_ACK


@dataclass(slots=True)
class PortStop:
    """STOP past a station at one port. ``left``: the holder was killed; ``holding`` None when nobody held it."""

    address: str
    sent: bool
    text: str
    holding: Holding | None = None
    left: bool = False


class Press:
    """One byte to every station at once; dead sockets are left out. :meth:`wait` gives what came of it."""

    def __init__(self, paths: Sequence[Path], code: bytes) -> None:
        self._lines: dict[socket.socket, Pressed] = {}
        for path in paths:
            line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            line.settimeout(ANSWER_S)
            requests = path.with_suffix(".sock")
            try:
                line.connect(str(path))
                line.sendall(code)
            except TimeoutError:
                self._lines[line] = Pressed(requests, 0)
            except OSError:
                line.close()
            else:
                self._lines[line] = Pressed(requests, peer_of(line))
        self._deadline = time.monotonic() + ANSWER_S

    @property
    def pids(self) -> set[int]:
        """The stations that got the byte."""
        return {pressed.pid for pressed in self._lines.values()} - {0}

    def wait(self) -> list[Pressed]:
        """Wait until all have answered, 300 ms after the byte at most, and close the connections."""
        waiting = set(self._lines)
        while waiting and (left := self._deadline - time.monotonic()) > 0:
            for line in select.select(list(waiting), [], [], left)[0]:
                waiting.discard(line)
                try:
                    self._lines[line].answer = line.recv(1)
                except OSError:
                    continue
        for line in self._lines:
            line.close()
        return list(self._lines.values())


def peer_of(line: socket.socket) -> int:
    """The process at the other end; 0 when the system does not tell."""
    credentials = getattr(socket, "SO_PEERCRED", None)
    try:
        if credentials is not None:
            return int.from_bytes(line.getsockopt(socket.SOL_SOCKET, credentials, 12)[:4], sys.byteorder)
        # SOL_LOCAL and LOCAL_PEERPID of macOS' <sys/un.h>
        return int.from_bytes(line.getsockopt(0, 2, 4), sys.byteorder)
    except OSError:
        pass
    return 0


@dataclass(slots=True)
class Round:
    """STOP everywhere: what the stations answered, what was written straight to ports, and who held what."""

    pressed: list[Pressed]
    direct: list[PortStop]
    held: list[Holding]


def stop_everywhere(paths: Sequence[Path], code: bytes, enough: Callable[[Pressed], bool]) -> Round:
    """STOP every pen that this user's programs hold, or held when they were killed.

    Each station of ``paths`` is asked first, all at once. The ports of a station whose answer is not ``enough``, of every
    other program that holds one, and those that killed programs left behind get the STOP bytes themselves; a port that
    somebody else holds by now is that holder's to stop.
    """
    press = Press(paths, code)
    # As soon after STOP as can be: a command that was stopped lets go of its pen before we can ask about it.
    held = holdings()
    asked = press.pids
    others = AtPorts([one for one in held if one.pid not in asked], left_behind())
    pressed = press.wait()
    silent = asked - {one.pid for one in pressed if enough(one)}
    hung = AtPorts([one for one in held if one.pid in silent], [])
    direct = others.wait() + hung.wait()
    tidy()
    return Round(pressed, direct, held)


class AtPorts:
    """STOP on its way to ports: beside their living holders, and to those whose holder was killed."""

    def __init__(self, held: Sequence[Holding], left: Sequence[Left]) -> None:
        self._held, self._left = held, left
        self._same = [one for one in left if not one.another_device]
        targets = [(one.address, False) for one in held] + [(one.holding.address, True) for one in self._same]
        self._stops = DirectStops(targets)

    def wait(self) -> list[PortStop]:
        """What was done. Files left behind that are of no more use are cleaned."""
        results = self._stops.wait()
        beside = [at_held(one, result) for one, result in zip(self._held, results[: len(self._held)], strict=True)]
        by_port = dict(zip((id(one) for one in self._same), results[len(self._held) :], strict=True))
        return beside + [_at_left(one, by_port.get(id(one))) for one in self._left]


def at_held(holding: Holding, result: DirectStop) -> PortStop:
    """What was done beside a living holder, in a sentence."""
    text = f"{result.address}: STOP was written straight to the port; {LOOK}." if result.sent else result.text
    return PortStop(result.address, result.sent, text, holding)


def _at_left(left: Left, result: DirectStop | None) -> PortStop:
    holding = left.holding
    pen = f" (pen {holding.serial})" if holding.serial else ""
    start = f"{holding.address}{pen}: {holding.owner} (process {holding.pid}) that held it is gone"
    if result is not None and result.sent:
        return PortStop(
            holding.address, True, f"{start}; STOP was written straight to the port; {LOOK}.", holding, True
        )
    if result is None:
        text = f"{start}, and so is its port: another device has that name now and got nothing; {SWITCH}."
    elif result.gone:
        text = f"{start}, and so is its port; {SWITCH}."
    else:
        text = f"{start}; {result.text.partition(': ')[2]}"
    if result is None or result.gone:
        forget(left)
    return PortStop(holding.address, False, text, holding, True)


def stop_at(text: str, holding: Holding | None, left: Left | None) -> PortStop:
    """STOP straight to the one port that was named, whoever holds it. Raises :class:`drivers.api.PenError`.

    ``holding``: who holds it now and did not answer; ``left``: what a killed holder left of it. The recorded options of
    the address count where ``text`` says nothing else, so that a board is not reset by DTR.
    """
    address = parse_address(text)
    if holding is not None:
        return at_held(holding, direct_stop(address))
    if left is not None and left.another_device:
        forget(left)
    elif left is not None:
        before = parse_address(left.holding.address)
        whole = Address(address.scheme, address.where, {**before.options, **address.options})
        return _at_left(left, direct_stop(whole, alone=True))
    result = direct_stop(address, alone=True)
    done = f"{address}: no program here holds it; STOP was written straight to the port; {LOOK}."
    return PortStop(result.address, result.sent, done if result.sent else result.text)
