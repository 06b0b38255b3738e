"""Line mode in a terminal, or on a pipe: what reads it, how STOP is caught, and the frames.

While the motor may turn, a terminal hands over each key at once and any key is STOP; two keys end a run as it should end. At
rest whole lines are typed, and an empty one is STOP. Where keys do not come at once (a pipe, a terminal without escape
sequences) only lines are read.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import select
import signal
import sys
import threading
from typing import Final, TextIO

from devicectl.about import DISCLAIMER
from devicectl.station.client_api import StationClient
from tui.book import Book
from tui.line_input import KeyByKey, LineEditor
from tui.multiplexer import MultiplexerWatch
from tui.plain import ENDING_KEYS, PlainDashboard
from tui.sounds import Sounds

LOOK_S: Final = 0.1
_STOP: Final = "\0stop"
"""Words with a NUL can be typed by nobody."""
_KEY: Final = "\0"


class _Reader(threading.Thread):
    """Reads lines and keys; STOP is called in this thread. ``looks`` advances ten times a second while it lives."""

    def __init__(self, fd: int, dashboard: PlainDashboard, loop: asyncio.AbstractEventLoop, out: int | None) -> None:
        super().__init__(name="plain-input", daemon=True)
        self.fd, self.dashboard, self.loop = fd, dashboard, loop
        self.looks = 0
        self.lines: asyncio.Queue[str | None] = asyncio.Queue()
        self.editor = LineEditor()
        self._out = out
        """Where what is typed is shown; None when the terminal does that, and hands over whole lines only."""

    def run(self) -> None:
        try:
            while not self.dashboard.done:
                self.looks += 1
                if select.select([self.fd], [], [], LOOK_S)[0]:
                    data = os.read(self.fd, 4096)
                    if not data:
                        break
                    self._take(data)
                    if self.editor.ended:
                        break
                elif self.editor.give_up() and self._keyed:
                    self._press("escape")  # what begins a sequence and goes on no more was the key Esc
        except OSError:
            self.dashboard.pulse.hung_up = True
        self._tell(None)

    @property
    def _keyed(self) -> bool:
        return self._out is not None and self.dashboard.keys_stop

    def _take(self, data: bytes) -> None:
        answers = self.editor.answers
        if self._keyed:
            for key in self.editor.keys(data):
                self._press(key)
        else:
            for words in self.editor.feed(data):
                if self.dashboard.is_stop(words):
                    self._send_stop("line")
                else:
                    self._tell(words)
        if self.editor.answers != answers:
            self.dashboard.pulse.answered()
        echo, self.editor.echo = self.editor.echo, ""
        if self.dashboard.treatment.secret:
            echo = "".join("*" if sign.isprintable() else sign for sign in echo)
        # Output that is held up (Ctrl+S) must not hold up the next STOP: then nothing is shown.
        if echo and self._out is not None and select.select([], [self._out], [], 0)[1]:
            os.write(self._out, echo.encode())

    def _press(self, key: str) -> None:
        if key in ENDING_KEYS and self.dashboard.running:
            self._tell(f"{_KEY}{key}")
        else:
            self._send_stop(f"key {key}" if key.isprintable() else "key")

    def _send_stop(self, source: str) -> None:
        self.dashboard.client.stop_now(source)
        self.dashboard.stop_went_out()
        self._tell(_STOP)

    def _tell(self, line: str | None) -> None:
        try:
            self.loop.call_soon_threadsafe(self.lines.put_nowait, line)
        except RuntimeError:
            pass  # the loop has closed


async def show_plain(
    client: StationClient,
    *,
    out: TextIO | None = None,
    fd: int = 0,
    fps: float = 10,
    sound: bool = False,
    book: Book | None = None,
) -> int:
    """Run line mode on the running loop until ``quit`` or the end of the input; answers the exit code."""
    stream = out or sys.stdout

    def write(line: str) -> None:
        print(line, file=stream, flush=True)

    number = _number(stream)
    keyed = number is not None and KeyByKey.possible(fd, number)
    dashboard = PlainDashboard(client, write, book=book, keyed=keyed)
    ended_by: list[int] = []
    reader = _Reader(fd, dashboard, asyncio.get_running_loop(), number if keyed else None)
    write(DISCLAIMER)
    how = "while the motor may turn any key is STOP, else " if keyed else ""
    write(f"Line mode: {how}Enter on an empty line is STOP. help lists the commands.")
    async with contextlib.AsyncExitStack() as at_last:
        if threading.current_thread() is threading.main_thread():
            before = signal.signal(signal.SIGINT, lambda number, frame: client.stop_now("Ctrl+C"))
            at_last.callback(signal.signal, signal.SIGINT, before)
            _end_by_signal(dashboard, ended_by, at_last)
        if keyed:
            _key_by_key(dashboard, fd, stream, at_last)
            dashboard.sounds = Sounds(dashboard.live, lambda: _bell(stream), sound)
            at_last.callback(dashboard.sounds.close)
        at_last.push_async_callback(client.close)
        reader.start()
        # Whoever reads the terminal next must not lose a key to this thread.
        at_last.callback(reader.join, 5 * LOOK_S)
        await _frames(dashboard, reader, fps)
    return 128 + ended_by[0] if ended_by else 0


def _end_by_signal(dashboard: PlainDashboard, ended_by: list[int], at_last: contextlib.AsyncExitStack) -> None:
    """Who is told to end leaves the terminal as it was; the station stops a pen whose screen goes."""
    loop = asyncio.get_running_loop()

    def end(number: int) -> None:
        ended_by.append(number)
        dashboard.done = True

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, end, number)
            at_last.callback(loop.remove_signal_handler, number)


def _number(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except OSError:
        return None  # a stream that is no file has no number


def _bell(stream: TextIO) -> None:
    with contextlib.suppress(OSError):  # the terminal is gone, and its reader says so
        stream.write("\a")
        stream.flush()


def _key_by_key(dashboard: PlainDashboard, fd: int, stream: TextIO, at_last: contextlib.AsyncExitStack) -> None:
    """From now on the terminal can be asked whether it is there, and its multiplexer too."""
    keys, loop = KeyByKey(fd), asyncio.get_running_loop()
    keys.enter()
    dashboard.keys_changed = keys.all_keys
    at_last.callback(keys.leave)
    loop.add_signal_handler(signal.SIGCONT, keys.enter)
    at_last.callback(loop.remove_signal_handler, signal.SIGCONT)
    at_last.callback(MultiplexerWatch(dashboard.pulse, lambda: dashboard.may_turn).close)

    def ask(question: str) -> None:
        stream.write(question)
        stream.flush()

    dashboard.ask_terminal = ask


async def _frames(dashboard: PlainDashboard, reader: _Reader, fps: float) -> None:
    commands = asyncio.ensure_future(_obey(dashboard, reader))
    try:
        while not dashboard.done:
            if commands.done():
                commands.result()  # a fault ends the program, and with it the lease
            dashboard.frame(reader.looks)
            await asyncio.sleep(1 / fps)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        dashboard.pulse.hung_up = True  # there is nobody left to write to
    finally:
        dashboard.done = True
        commands.cancel()


async def _obey(dashboard: PlainDashboard, reader: _Reader) -> None:
    while not dashboard.done:
        line = await reader.lines.get()
        if line is None:
            dashboard.done = True
        elif line == _STOP:
            dashboard.write("STOP sent.")
        elif line.startswith(_KEY):
            await dashboard.pressed(line[len(_KEY) :])
        else:
            await dashboard.command(line)
