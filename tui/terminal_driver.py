"""Puts a pulse into a Textual driver: what it writes is watched, and may wait without holding anything up for good."""

from __future__ import annotations

import os
import select
import threading
from typing import Any, Final

from textual.driver import Driver

from tui.terminal import TerminalPulse

CHUNK: Final = 512
LEAVE_S: Final = 0.5
"""At the end a terminal has so long to take the last bytes, which restore it."""


class WatchedFile:
    """The terminal as the driver's writing thread sees it. No Python buffer: whoever leaves must not wait for its lock."""

    def __init__(self, file: Any, pulse: TerminalPulse) -> None:
        self._fd: int = file.fileno()
        self._pulse = pulse
        self._encoding = file.encoding or "utf-8"
        self._left = bytearray()
        self.abandoned = False

    def fileno(self) -> int:
        """The terminal's file number."""
        return self._fd

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._fd)

    def write(self, text: str) -> None:
        """Keep ``text`` for the next flush."""
        self._left += text.encode(self._encoding, "backslashreplace")

    def flush(self) -> None:
        """Write what is kept, as fast as the terminal takes it. A terminal that is gone takes nothing."""
        left, self._left = self._left, bytearray()
        pulse = self._pulse
        while left and not pulse.hung_up:
            pulse.write_began()
            try:
                while not select.select([], [self._fd], [], 0.1)[1]:
                    if self.abandoned:
                        return
                del left[: os.write(self._fd, left[:CHUNK])]
            except OSError:
                pulse.hung_up = True
            finally:
                pulse.write_ended()


def watch(driver: Driver, pulse: TerminalPulse) -> bool:
    """Watch what ``driver`` writes; whether it is one that writes to a terminal of this process."""
    file = getattr(driver, "_file", None)
    if file is None or not getattr(driver, "input_tty", False):
        return False
    watched = WatchedFile(file, pulse)
    setattr(driver, "_file", watched)  # noqa: B010  (not every driver class declares it)
    close = driver.close

    def leave() -> None:
        # Textual's own close waits for the writing thread, and that may wait for a terminal that takes nothing any more.
        closing = threading.Thread(target=close, name="terminal-close", daemon=True)
        closing.start()
        closing.join(LEAVE_S)
        watched.abandoned = True
        closing.join(LEAVE_S)

    driver.close = leave  # type: ignore[method-assign]
    return True
