"""STOP written straight to a port, past every other process: the last resort when the station does not answer."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from drivers.address import Address, parse_address
from drivers.api import PenError
from drivers.penlink.frame import STOP
from drivers.port_identity import identity_of, port_identity

REPEATS = 3
SWITCH: Final = "use the pen's own switch"
ANOTHER: Final = "another device has that port's name by now and got nothing, so the pen could not be reached"
_PAUSE_S = 0.02
_HANGS_S: Final = 1.0
_BAUD: Final = "115200"
_GONE: Final = frozenset({errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.ECONNREFUSED})


@dataclass(frozen=True, slots=True)
class DirectStop:
    """What became of one attempt: whether the bytes were handed over, and a sentence.

    ``gone``: there is no such port; ``another``: another device has the port's name by now, and got nothing.
    """

    address: str
    sent: bool
    text: str
    gone: bool = False
    another: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Where STOP is to go. ``alone``: nobody holds the port; ``device``: what the port was (`port_identity`) when a pen
    was heard there, empty when that is not known."""

    address: str
    alone: bool = False
    device: str = ""


class AnotherDevice(OSError):
    """The port's name was given to another device."""


def direct_stop(address: Address, *, timeout_s: float = 0.5, alone: bool = False, device: str = "") -> DirectStop:
    """Write the STOP bytes to the port of ``address``, three times. Never raises; blocks at most about ``timeout_s``.

    A serial device is opened beside whoever holds it (POSIX allows that) and left as that program has set it; a TCP pen
    gets a second connection. ``alone``: nobody holds the port, so that it is set to the address's baud rate, and DTR and
    RTS as its options say, before the bytes leave. Without these options they are as the system sets them at opening.
    ``device``: nothing is written when the port is another device by now. A TCP port has no such identity.
    """
    text = str(address)
    try:
        if address.scheme == "serial":
            _to_device(address.where, address.options if alone else None, device)
        elif address.scheme == "tcp":
            _to_socket(address.where, timeout_s)
        else:
            # One computer at a time has a connection to a BLE pen, and only the program that made it can write to it.
            return DirectStop(
                text,
                False,
                f"{text}: only the program that is connected to a Bluetooth pen can stop it, and the pen stops by itself "
                f"within a second when that one ends; {SWITCH}.",
            )
    except AnotherDevice:
        return DirectStop(text, False, f"{text}: {ANOTHER}; {SWITCH}.", another=True)
    except (OSError, ValueError, termios.error) as error:
        why = getattr(error, "strerror", None) or error
        gone = getattr(error, "errno", None) in _GONE
        return DirectStop(text, False, f"{text}: STOP could not be written ({why}); {SWITCH}.", gone)
    return DirectStop(text, True, f"{text}: STOP written straight to the port.")


class DirectStops:
    """STOP straight to many ports at the same time, because one that hangs must not delay the others."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self._targets = list(targets)
        self._results: dict[int, DirectStop] = {}
        self._threads = [
            threading.Thread(target=self._one, args=(number, target), daemon=True)
            for number, target in enumerate(self._targets)
        ]
        for thread in self._threads:
            thread.start()
        self._end = time.monotonic() + _HANGS_S

    def _one(self, number: int, target: Target) -> None:
        try:
            address = parse_address(target.address)
        except PenError as error:
            self._results[number] = DirectStop(target.address, False, str(error))
        else:
            self._results[number] = direct_stop(address, alone=target.alone, device=target.device)

    def wait(self) -> list[DirectStop]:
        """What became of them, in the order of the targets; waits 1 s at most from the beginning."""
        for thread in self._threads:
            thread.join(max(0.0, self._end - time.monotonic()))
        return [
            self._results.get(number)
            or DirectStop(target.address, False, f"{target.address}: the port does not take STOP; {SWITCH}.")
            for number, target in enumerate(self._targets)
        ]


def _to_device(path: str, options: Mapping[str, str] | None, device: str) -> None:
    # Looked at before it is opened, which may reset a board that has nothing to do with it, and once more when nobody can
    # be given its name any more.
    if device and os.path.exists(path) and port_identity(path) != device:
        raise AnotherDevice
    fd = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if device and identity_of(fd) != device:
            raise AnotherDevice
        if options is not None:
            try:
                _prepare(fd, options)
            except (OSError, termios.error):
                pass  # what cannot be set may be set already: STOP is tried all the same
        for _ in range(REPEATS):
            try:
                whole = os.write(fd, STOP) == len(STOP)
            except BlockingIOError:
                whole = False
            if not whole:
                # What waits there is of no use to a pen that is to stand still.
                termios.tcflush(fd, termios.TCOFLUSH)
                os.write(fd, STOP)
            time.sleep(_PAUSE_S)
    finally:
        os.close(fd)


def _prepare(fd: int, options: Mapping[str, str]) -> None:
    """Raw bytes at the address's rate, without flow control. The lines come first: a board may reset by them."""
    for name, line in (("dtr", termios.TIOCM_DTR), ("rts", termios.TIOCM_RTS)):
        if name in options:
            request = termios.TIOCMBIS if options[name] == "1" else termios.TIOCMBIC
            try:
                fcntl.ioctl(fd, request, struct.pack("I", line))
            except OSError:
                continue  # a pseudo-terminal has no such lines
    attributes: list[Any] = termios.tcgetattr(fd)
    speed = getattr(termios, f"B{options.get('baud', _BAUD)}", attributes[4])
    attributes[0] = attributes[1] = attributes[3] = 0
    attributes[2] = termios.CS8 | termios.CREAD | termios.CLOCAL | (attributes[2] & termios.HUPCL)
    attributes[4] = attributes[5] = speed
    termios.tcsetattr(fd, termios.TCSANOW, attributes)


def _to_socket(where: str, timeout_s: float) -> None:
    host, _, port = where.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=timeout_s) as connection:
        for _ in range(REPEATS):
            connection.sendall(STOP)
            time.sleep(_PAUSE_S)
