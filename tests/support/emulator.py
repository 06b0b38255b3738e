"""A terminal as people have it: draws, answers, and can be slow, stop reading, or be closed. In a thread of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pyte

ROOT = Path(__file__).parents[2]
LONG_S = 30.0


class _Screen(pyte.Screen):
    """pyte answers questions by this method."""

    answer: Callable[[bytes], None] = staticmethod(lambda data: None)

    bells = 0

    def bell(self, *_: object) -> None:
        self.bells += 1

    def write_process_input(self, data: str) -> None:
        self.answer(data.encode())

    def scroll_up(self, lines: int = 1, **_: object) -> None:
        """SU: what tmux sends and pyte does not know."""
        self._scroll(self.index, lines, at_top=False)

    def scroll_down(self, lines: int = 1, **_: object) -> None:
        """SD."""
        self._scroll(self.reverse_index, lines, at_top=True)

    def _scroll(self, move: Callable[[], None], lines: int, *, at_top: bool) -> None:
        top, bottom = self.margins or (0, self.lines - 1)
        row, self.cursor.y = self.cursor.y, top if at_top else bottom
        for _ in range(lines or 1):
            move()
        self.cursor.y = row


class _Stream(pyte.ByteStream):
    csi: ClassVar = {**pyte.ByteStream.csi, "S": "scroll_up", "T": "scroll_down"}
    events = pyte.ByteStream.events | {"scroll_up", "scroll_down"}


class Emulator:
    """Runs a program as the leader of its own session on a new pseudo-terminal.

    ``latency_s``: so long every byte takes each way. ``answers`` False: a terminal that answers no question. ``signals``
    False: it is not the program's controlling terminal, so that no signal of it arrives.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: dict[str, str],
        *,
        latency_s: float = 0.0,
        answers: bool = True,
        signals: bool = True,
        size: tuple[int, int] = (80, 24),
    ) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        env = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES", "TMUX", "STY")}
        env |= {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(
            list(arguments),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=env,
            cwd=ROOT,
            preexec_fn=_own_terminal if signals else os.setsid,
        )
        os.close(slave)
        self.screen = _Screen(*size)
        self.screen.answer = self._later  # type: ignore[method-assign]
        self._stream = _Stream(self.screen)
        self._latency, self._answers = latency_s, answers
        self._timers: list[tuple[float, Callable[[bytes], Any], bytes]] = []
        self.reading = threading.Event()
        self.reading.set()
        self._open = True
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _later(self, data: bytes) -> None:
        if self._answers:
            self.send(data)

    def send(self, data: bytes) -> None:
        """Type, or answer."""
        self._timers.append((time.monotonic() + self._latency, self._write, data))

    def _write(self, data: bytes) -> None:
        os.write(self.master, data)

    def _draw(self, data: bytes) -> None:
        with self._lock:
            self._stream.feed(data)

    def _run(self) -> None:
        while self._open:
            try:
                if not self.reading.is_set():
                    time.sleep(0.01)
                    continue
                if select.select([self.master], [], [], 0.005)[0]:
                    data = os.read(self.master, 1 << 16)
                    self._timers.append((time.monotonic() + self._latency, self._draw, data))
                while self._timers and self._timers[0][0] <= time.monotonic():
                    _, act, data = self._timers.pop(0)
                    act(data)
            except OSError:
                return

    def text(self) -> str:
        """What it shows."""
        with self._lock:
            return "\n".join(self.screen.display)

    def wait_for(self, text: str, seconds: float = LONG_S) -> None:
        """Until it shows ``text``."""
        end = time.monotonic() + seconds
        while text not in self.text():
            assert time.monotonic() < end, f"{text!r} never came:\n{self.text()}"
            assert self.process.poll() is None, f"the program ended:\n{self.text()}"
            time.sleep(0.02)

    def press_until(self, key: bytes, text: str, seconds: float = LONG_S) -> None:
        """Press ``key``, again while the screen does not heed it yet, until it shows ``text``."""
        end = time.monotonic() + seconds
        while True:
            self.send(key)
            again = time.monotonic() + 2.0
            while time.monotonic() < again:
                if text in self.text():
                    return
                time.sleep(0.02)
            assert time.monotonic() < end, f"{text!r} never came:\n{self.text()}"

    def resize(self, columns: int, lines: int) -> None:
        """The window gets another size."""
        with self._lock:
            self.screen.resize(lines, columns)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def hang_up(self) -> float:
        """The window is closed; gives when."""
        self._open = False
        self._thread.join(2)
        os.close(self.master)
        return time.monotonic()

    def close(self) -> None:
        """End the program and the terminal."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(LONG_S)
        if self._open:
            self.hang_up()


def _own_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
