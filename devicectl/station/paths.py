"""Where a station's sockets, lock and log are: named after the database, so that two databases have two stations."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drivers.runtime import runtime_dir

from .client_api import StationError

SOCKET_NAME_MAX: Final = 103
"""Bytes that the path of a Unix socket may have everywhere (macOS: 104 with the final zero, Linux: 108)."""

STOP_ACK = b"\x06"
"""What the station answers on a STOP connection once the STOP bytes are with the links."""

STOP_NAK = b"\x15"
"""What it answers when a link did not take them: the client then writes STOP straight to the ports."""

COMMAND_LINE: Final = "command line"

STOP_SOURCES = {
    b" ": "SPACE",
    b"9": "F9",
    b"C": "Ctrl+C",
    b"M": "mouse",
    b"K": "unbound key",
    b"L": COMMAND_LINE,
    b"S": "script",
}
"""First byte on a STOP connection → who pressed; any other byte stops just as well."""


@dataclass(frozen=True, slots=True)
class StationPaths:
    """Files of one station in the runtime directory."""

    requests: Path
    stop: Path
    lock: Path
    log: Path


def station_paths(database_hash: str) -> StationPaths:
    """Paths for the station of one database. Raises :class:`StationError` when a socket cannot have such a long name."""
    base = runtime_dir()
    name = f"station-{database_hash}"
    if len(os.fsencode(base / f"{name}.stop")) > SOCKET_NAME_MAX:
        raise StationError(
            f"The folder {base} has too long a name for a socket; set DEVICECTL_RUNTIME_DIR to a shorter one.",
            "runtime-dir",
        )
    return StationPaths(base / f"{name}.sock", base / f"{name}.stop", base / f"{name}.lock", base / f"{name}.log")


def stop_sockets() -> list[Path]:
    """STOP sockets of every station of this user, whatever its database."""
    return sorted(runtime_dir().glob("station-*.stop"))
