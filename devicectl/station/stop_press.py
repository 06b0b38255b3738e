"""The STOP byte to every station at once. Imports next to nothing, because the byte must leave before anything else."""

from __future__ import annotations

import select
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .paths import STOP_ACK

ANSWER_S: Final = 0.3


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
