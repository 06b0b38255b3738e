"""A client's STOP connection: opened beforehand, written from any thread, and watched for an answer."""

from __future__ import annotations

import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from .paths import STOP_ACK, STOP_SOURCES, stop_sockets
from .stop_notes import Moment, leave_notes, this_moment
from .stop_press import ANSWER_S, Press
from .stop_ways import PortStop, stop_everywhere

GIVE_WAY_S: Final = 0.004
"""The caller pauses so long after the byte, because what it does next (a screen repaints) would take the processor from
the station: on two cores that doubled the median time to the pen."""
_CODES: Final = {name.lower(): code for code, name in STOP_SOURCES.items()}
log = logging.getLogger("devicectl.client")


def stop_code(source: str) -> bytes:
    """The byte for a source in words: a key of the table, ``key …`` for an unbound key, else that of a script."""
    source = source.lower()
    return b"K" if source.startswith("key ") else _CODES.get(source, b"S")


def stop_directly(code: bytes, silent: Path | None) -> list[PortStop]:
    """STOP past the station of the STOP socket ``silent``: straight to its ports, to those that a killed program left
    behind, and, through their own stations, to all others."""
    others = [path for path in stop_sockets() if path != silent]
    return stop_everywhere(Press(others, code), lambda station: station.taken).direct


class StopLine:
    """The open STOP connection of one client. ``on_direct`` is told (in the watching thread) when the station did not
    answer within 300 ms, or could not hand STOP over, and STOP was written straight to the ports."""

    def __init__(self, path: Path, on_direct: Callable[[list[PortStop]], None] = lambda results: None) -> None:
        self._path = path
        self._on_direct = on_direct
        self._socket: socket.socket | None = None
        self._pressed: queue.SimpleQueue[tuple[Moment, int, bytes] | None] = queue.SimpleQueue()
        self._sending = threading.Lock()
        self._sent = self._heard = 0
        self._ending = 0
        """1 once the last entry of the queue is no press but the end."""
        self._last = b""
        self._dead = False
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
        number, code = 0, stop_code(source)
        with self._sending:
            line = self._socket
            if line is not None:
                try:
                    # By the descriptor: a socket with a time limit waits for room, though told not to.
                    os.write(line.fileno(), code)
                    self._sent += 1
                    number = self._sent
                except OSError:
                    pass
        self._pressed.put((this_moment(), number, code))
        if number:
            time.sleep(GIVE_WAY_S)

    def _watch(self) -> None:
        while (press := self._pressed.get()) is not None:
            pressed, number, code = press
            newer = self._pressed.qsize() - self._ending
            if newer > 0 and time.monotonic() - pressed.monotonic > ANSWER_S:
                continue
            try:
                if not self._answered(number):
                    self._past_the_station(pressed, code)
            except Exception:  # whatever it is: the next press needs this thread too
                log.exception("STOP past the station failed")

    def _past_the_station(self, pressed: Moment, code: bytes) -> None:
        # A connection that is broken says nothing of the station that listens at its place by now.
        results = stop_directly(code, None if self._dead else self._path)
        leave_notes(results, STOP_SOURCES[code], pressed)
        self._on_direct(results)

    def _answered(self, number: int) -> bool:
        """True when the answer to press ``number`` came and said that the links took STOP."""
        line = self._socket
        if line is None or not number:
            self._dead = True
            return False
        try:
            while self._heard < number:
                data = line.recv(64)
                if not data:
                    self._dead = True
                    return False
                self._heard += len(data)
                self._last = data[-1:]
        except TimeoutError:
            return False
        except OSError:
            self._dead = True
            return False
        return self._last == STOP_ACK

    def close(self) -> None:
        """End the thread and the connection."""
        self._ending = 1
        self._pressed.put(None)
        # Not while a press writes: its descriptor may be somebody else's the next moment.
        with self._sending:
            if self._socket is not None:
                self._socket.close()
                self._socket = None
