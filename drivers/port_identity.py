"""Which device stands behind a port's name: names are given anew, to another device too, once one is unplugged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

SYSTEM: Final = Path("/sys/class/tty")
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
    folder = Path(os.path.realpath(f"{system or SYSTEM}/{os.path.basename(path)}/device"))
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
