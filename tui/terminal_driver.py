"""Puts a pulse into a Textual driver: what it writes is watched, and may wait without holding anything up for good."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import Any, Final

from textual.driver import Driver
from textual.geometry import Size

from tui.terminal import TerminalPulse

CHUNK: Final = 512
SIZE_S: Final = 1.0
"""So often the terminal's size is looked at: the signal that tells of a new one can be lost, above all while we start."""
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


class SizeWatch:
    """Looks at the size of the terminal that ``driver`` writes to. ``clock`` counts seconds."""

    def __init__(self, driver: Driver, clock: Callable[[], float]) -> None:
        self._fd: int = getattr(driver, "_file").fileno()  # noqa: B009  (not every driver class declares it)
        self._clock = clock
        self._due = clock() + SIZE_S

    def look(self, size: Size) -> Size | None:
        """The terminal's size when it is time to look and it is not ``size``."""
        if self._clock() < self._due:
            return None
        self._due = self._clock() + SIZE_S
        try:
            found = Size(*os.get_terminal_size(self._fd))
        except OSError:
            return None
        return found if found != size and found.area else None


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

    resume = driver.resume_application_mode

    def wake() -> None:
        # SIGCONT also comes to a process that SIGSTOP halted, and to one whose terminal hangs up. Textual would start a
        # second pair of threads then: two read the keys, and the first is never asked to end.
        if not os.isatty(watched.fileno()):
            return
        reading = getattr(driver, "_key_thread", None)
        if reading is not None and reading.is_alive():
            driver.suspend_application_mode()
        watched.abandoned = False
        resume()

    driver.close = leave  # type: ignore[method-assign]
    driver.resume_application_mode = wake  # type: ignore[method-assign]
    return True
