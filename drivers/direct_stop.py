"""STOP written straight to a port, past every other process: the last resort when the station does not answer."""

from __future__ import annotations

import os
import socket
import termios
import time
from dataclasses import dataclass

from drivers.address import Address
from drivers.penlink.frame import STOP

REPEATS = 3
_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class DirectStop:
    """What became of one attempt: whether the bytes were handed over, and a sentence."""

    address: str
    sent: bool
    text: str


def direct_stop(address: Address, *, timeout_s: float = 0.5) -> DirectStop:
    """Write the STOP bytes to the port of ``address``, three times. Never raises; blocks at most about ``timeout_s``.

    A serial device is opened beside whoever holds it (POSIX allows that), a TCP pen by a second connection.
    """
    text = str(address)
    try:
        if address.scheme == "serial":
            _to_device(address.where)
        elif address.scheme == "tcp":
            _to_socket(address.where, timeout_s)
        else:
            # One computer at a time has a connection to a BLE pen, and only the program that made it can write to it.
            return DirectStop(
                text,
                False,
                f"{text}: only the program that is connected to a Bluetooth pen can stop it, and the pen stops by itself "
                "within a second when that one ends; use the pen's own switch.",
            )
    except (OSError, ValueError, termios.error) as error:
        why = getattr(error, "strerror", None) or error
        return DirectStop(text, False, f"{text}: STOP could not be written ({why}); use the pen's own switch.")
    return DirectStop(text, True, f"{text}: STOP written straight to the port.")


def _to_device(path: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
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


def _to_socket(where: str, timeout_s: float) -> None:
    host, _, port = where.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=timeout_s) as connection:
        for _ in range(REPEATS):
            connection.sendall(STOP)
            time.sleep(_PAUSE_S)
