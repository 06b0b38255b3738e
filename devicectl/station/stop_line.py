"""A client's STOP connection: opened beforehand, written from any thread, and watched for an answer."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from drivers.address import parse_address
from drivers.api import PenError
from drivers.direct_stop import DirectStop, direct_stop
from drivers.portlock import holdings

from .paths import STOP_ACK, STOP_SOURCES

ANSWER_S: Final = 0.3
GIVE_WAY_S: Final = 0.004
"""The caller pauses so long after the byte, because what it does next (a screen repaints) would take the processor from
the station: on two cores that doubled the median time to the pen."""
_CODES: Final = {name.lower(): code for code, name in STOP_SOURCES.items()}


def stop_code(source: str) -> bytes:
    """The byte for a source in words: a key of the table, ``key …`` for an unbound key, else that of a script."""
    source = source.lower()
    return b"K" if source.startswith("key ") else _CODES.get(source, b"S")


def stop_directly() -> list[DirectStop]:
    """Write STOP straight to every port that any process of this user holds."""
    results: list[DirectStop] = []
    for holding in holdings():
        try:
            results.append(direct_stop(parse_address(holding.address)))
        except PenError as error:
            results.append(DirectStop(holding.address, False, str(error)))
    return results


def press(path: Path, code: bytes = b"L", answer_s: float = ANSWER_S) -> bool:
    """One STOP by a connection of its own; True when that station answered in time."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(answer_s)
            line.connect(str(path))
            line.sendall(code)
            return line.recv(1) == STOP_ACK
    except OSError:
        return False


class StopLine:
    """The open STOP connection of one client. ``on_direct`` is told (in the watching thread) when the station did not
    answer within 300 ms, or could not hand STOP over, and STOP was written straight to the ports."""

    def __init__(self, path: Path, on_direct: Callable[[list[DirectStop]], None] = lambda results: None) -> None:
        self._path = path
        self._on_direct = on_direct
        self._socket: socket.socket | None = None
        self._pressed: queue.SimpleQueue[tuple[float, int] | None] = queue.SimpleQueue()
        self._sending = threading.Lock()
        self._sent = self._heard = 0
        self._last = b""
        self._connect()
        self._thread = threading.Thread(target=self._watch, name="stop-line", daemon=True)
        self._thread.start()

    def _connect(self) -> None:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.connect(str(self._path))
            line.settimeout(ANSWER_S)
        except OSError:
            line.close()
            return
        self._socket = line

    def press(self, source: str) -> None:
        """STOP now. Never raises and never waits for an answer; the watching thread does. Takes 4 ms."""
        line = self._socket
        number = 0
        if line is not None:
            with self._sending:
                try:
                    line.send(stop_code(source), socket.MSG_DONTWAIT)
                    self._sent += 1
                    number = self._sent
                except OSError:
                    pass
        self._pressed.put((time.monotonic(), number))
        if number:
            time.sleep(GIVE_WAY_S)

    def _watch(self) -> None:
        while (press := self._pressed.get()) is not None:
            pressed, number = press
            if time.monotonic() - pressed > ANSWER_S and not self._pressed.empty():
                continue
            if not self._answered(number):
                self._on_direct(stop_directly())

    def _answered(self, number: int) -> bool:
        """True when the answer to press ``number`` came and said that the links took STOP."""
        line = self._socket
        if line is None or not number:
            return False
        try:
            while self._heard < number:
                data = line.recv(64)
                if not data:
                    return False
                self._heard += len(data)
                self._last = data[-1:]
        except OSError:
            return False
        return self._last == STOP_ACK

    def close(self) -> None:
        """End the thread and the connection."""
        self._pressed.put(None)
        if self._socket is not None:
            self._socket.close()
            self._socket = None
