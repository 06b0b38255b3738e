"""Simulated instruments at a simulated pen: a dial indicator and a tachometer, with errors of their own, on a pseudo-terminal.

The indicator touches the needle tips: while the needle stands it shows where they are, while it turns the greatest
protrusion (as a drag pointer does). It speaks the protocol of :mod:`drivers.gauge`.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import termios
import tty
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from .announce import Announcement, announced

What = Literal["dial", "tachometer"]
Truth = Mapping[str, Any]
UNITS: Final[Mapping[str, float]] = {"mm": 0.001, "in": 0.001 / 25.4, "um": 1.0, "Hz": 0.001, "rpm": 0.06}
"""What µm or mHz are in the unit that is shown."""
PLACES: Final[Mapping[str, int]] = {"mm": 3, "in": 5, "um": 0, "Hz": 2, "rpm": 1}


class GaugeTrouble(ValueError):
    """There is no pen to measure; the text is one sentence with the next step."""


@dataclass(frozen=True, slots=True)
class Errors:
    """What is wrong with an instrument: ``gain`` as a part (0 is none), ``offset`` and ``noise`` (one standard deviation) in µm
    or mHz."""

    gain: float = 0.0005
    offset: float = 1.0
    noise: float = 1.5


ERRORS: Final[Mapping[What, Errors]] = {"dial": Errors(), "tachometer": Errors(0.0002, 0.0, 20.0)}
"""A good instrument of each kind."""


class Instrument:
    """Turns what is really so into what is shown. The same seed gives the same noise."""

    def __init__(self, what: What, unit: str, errors: Errors, seed: int = 0) -> None:
        self.what, self.unit, self.errors = what, unit, errors
        self._noise = random.Random(f"{what} {seed}")

    def _sees(self, truth: Truth) -> float:
        if self.what == "tachometer":
            return float(truth["rate_mhz"])
        return max(0.0, float(truth["depth_um"] if truth["turning"] else truth["tip_um"]))

    def reading(self, truth: Truth) -> float:
        """What it shows, in µm or mHz."""
        seen = self._sees(truth)
        return seen * (1 + self.errors.gain) + self.errors.offset + self._noise.gauss(0.0, self.errors.noise)

    def line(self, truth: Truth) -> str:
        """A reading as it is sent: ``+0.412``."""
        return f"{self.reading(truth) * UNITS[self.unit]:+.{PLACES[self.unit]}f}"

    def execute(self, command: str, truth: Truth) -> str:
        """The answer to one line."""
        match command.strip().upper():
            case "?" | "1" | "":
                return self.line(truth)
            case "SET":  # the error of setting the zero is one of its errors
                return self.line(truth)
            case "ID?":
                return f"devicectl simulated {self.what}"
            case "UNI?":
                return self.unit
            case _:
                return "ERR1"


def find_pen(address: str | None) -> Announcement:
    """The simulated pen that runs at ``address``, or the only one. Raises :class:`GaugeTrouble`."""
    pens = [one for one in announced() if one.truth and address in (None, one.address)]
    if len(pens) == 1:
        return pens[0]
    if address is not None:
        raise GaugeTrouble(f"No simulated pen runs at {address}; start one with 'devicectl simulate pty'.")
    if pens:
        raise GaugeTrouble(f"Several simulated pens run; name one: {', '.join(one.address for one in pens)}.")
    raise GaugeTrouble("No simulated pen runs; start one with 'devicectl simulate pty'.")


class PenTruth:
    """Asks a simulated pen in another process what is really so."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self) -> Truth:
        """What is so now. Raises :class:`GaugeTrouble` when the pen is gone."""
        try:
            if self._reader is None or self._writer is None:
                self._reader, self._writer = await asyncio.open_unix_connection(self._path)
            self._writer.write(b"\n")
            line = await self._reader.readline()
            if line:
                found: Truth = json.loads(line)
                return found
        except (OSError, ValueError):
            pass
        self._reader = self._writer = None
        raise GaugeTrouble("The simulated pen is gone; start it again, then the gauge.")


class GaugePort:
    """An instrument behind a pseudo-terminal. ``ask`` gives what is really so."""

    def __init__(self, instrument: Instrument, ask: Callable[[], Awaitable[Truth]]) -> None:
        self._instrument, self._ask = instrument, ask
        self._loop = asyncio.get_running_loop()
        self._master = self._slave = -1
        self._tail = b""
        self._work: asyncio.Queue[str] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> str:
        """Make the pseudo-terminal; gives its address. Raises ``OSError``."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        attributes = termios.tcgetattr(self._slave)
        attributes[4] = attributes[5] = termios.B9600
        termios.tcsetattr(self._slave, termios.TCSANOW, attributes)
        os.set_blocking(self._master, False)
        self._loop.add_reader(self._master, self._readable)
        self._task = self._loop.create_task(self._answer())
        return f"serial://{os.ttyname(self._slave)}"

    def _readable(self) -> None:
        try:
            data = os.read(self._master, 256)
        except BlockingIOError:
            return
        except OSError:
            self._loop.remove_reader(self._master)
            return
        *lines, self._tail = (self._tail + data.replace(b"\n", b"\r")).split(b"\r")
        self._tail = self._tail[-64:]
        for line in lines:
            self._work.put_nowait(line.decode("ascii", "replace"))

    def send(self) -> None:
        """Somebody pressed the gauge's own key: a reading unasked."""
        self._work.put_nowait("?")

    async def _answer(self) -> None:
        while True:
            command = await self._work.get()
            if not command and not self._work.empty():
                continue
            try:
                text = self._instrument.execute(command, await self._ask())
            except GaugeTrouble:
                text = "ERR2"
            try:
                os.write(self._master, f"{text}\r".encode("ascii", "replace"))
            except OSError:
                continue  # nobody reads

    async def close(self) -> None:
        """Give the pseudo-terminal back."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._master >= 0:
            self._loop.remove_reader(self._master)
            os.close(self._master)
            os.close(self._slave)
            self._master = self._slave = -1
