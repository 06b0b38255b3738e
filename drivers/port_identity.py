"""Which device stands behind a port's name: names are given anew, to another device too, once one is unplugged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

SYSTEM: Final = Path("/sys/class/tty")
_BY_NUMBER: Final = "/sys/dev/char"
_PSEUDO_TERMINALS: Final = range(136, 144)
"""Their major numbers on Linux."""
_PARENTS: Final = 6
"""The USB device is at most so many folders above its terminal (serial port, interface, device)."""


def port_identity(where: str, system: Path | None = None) -> str:
    """A text that changes when another device takes the port's name; empty when the system does not tell.

    USB devices: vendor, product and serial number. A pseudo-terminal: when it was made, because its number is soon given
    to another. ``system`` is Linux' folder of terminals, for tests.
    """
    path = os.path.realpath(where)
    if not path.startswith("/dev/"):
        return ""
    try:
        if path.startswith("/dev/pts/"):
            return f"pts {os.stat(path).st_ctime_ns}"
    except OSError:
        return ""
    return _usb(f"{system or SYSTEM}/{os.path.basename(path)}/device")


def identity_of(fd: int) -> str:
    """As :func:`port_identity`, of a port that is open: as long as it is, nobody else can be given its name."""
    about = os.fstat(fd)
    major, minor = os.major(about.st_rdev), os.minor(about.st_rdev)
    if major in _PSEUDO_TERMINALS:
        return f"pts {about.st_ctime_ns}"
    return _usb(f"{_BY_NUMBER}/{major}:{minor}/device")


def _usb(terminal: str) -> str:
    folder = Path(os.path.realpath(terminal))
    for _ in range(_PARENTS):
        vendor = _text(folder / "idVendor")
        if vendor:
            return f"usb {vendor}:{_text(folder / 'idProduct')} {_text(folder / 'serial')}".rstrip()
        folder = folder.parent
    return ""


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()[:80]
    except OSError:
        return ""
