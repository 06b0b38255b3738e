"""Where readings of a calibration come from: typed, a gauge that types, a serial gauge, a file."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import click

from .failures import Failure

if TYPE_CHECKING:
    from drivers.gauge import SerialGauge

    from .calibrate_run import Options

COMMANDS: Final = ("back", "again", "anyway", "quit", "help")
KEY_S: Final = 600.0
"""How long the key of a gauge that is not asked may take."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What came: a reading with the unit that the gauge named (empty: none), or a ``command`` with the rest in ``text``."""

    text: str
    source: str
    unit: str = ""
    command: str = ""


class Ask:
    """Lines from standard input beside a running loop: the pulse of the program must not wait for a person."""

    def __init__(self, to_stderr: bool) -> None:
        self._err = to_stderr
        self._lines: deque[str] = deque()
        self._tail = ""
        self._over = False

    async def line(self, prompt: str) -> str:
        """One line, without blanks around it. Raises :class:`Failure` at the end of the input."""
        click.echo(prompt, nl=False, err=self._err)
        (sys.stderr if self._err else sys.stdout).flush()
        while not self._lines:
            if self._over:
                raise Failure("there is nothing more to read; go on with 'devicectl calibrate resume'.", "interrupted")
            await self._more()
        text = self._lines.popleft().strip()
        if not sys.stdin.isatty():
            click.echo(text, err=self._err)
        return text

    async def _more(self) -> None:
        loop, descriptor = asyncio.get_running_loop(), sys.stdin.fileno()
        ready: asyncio.Future[None] = loop.create_future()
        try:
            loop.add_reader(descriptor, lambda: None if ready.done() else ready.set_result(None))
        except OSError:
            ready.set_result(None)  # a plain file is always ready
        try:
            await ready
        finally:
            with suppress(OSError, ValueError):
                loop.remove_reader(descriptor)
        data = os.read(descriptor, 4096)
        if not data:
            self._over = True
            if self._tail:
                self._lines.append(self._tail)
                self._tail = ""
            return
        *lines, self._tail = (self._tail + data.decode(errors="replace")).split("\n")
        self._lines.extend(lines)


class Source(Protocol):
    """Gives readings. ``unattended``: nobody is there to be asked; ``shows``: what came is not on the screen yet."""

    unattended: bool
    shows: bool

    def while_running(self, unit: str) -> bool:
        """Whether readings in this unit are taken while the motor runs, without anybody typing."""

    async def read(self, ask: Ask, prompt: str, unit: str, *, running: bool) -> Reading:
        """The reading of the step that ``prompt`` names. Raises :class:`Failure` or :class:`~drivers.gauge.GaugeError`."""

    async def close(self) -> None:
        """Let go of ports."""


class Typed:
    """Somebody at a keyboard, or a gauge that is one."""

    unattended, shows = False, False

    def __init__(self, keyboard: bool) -> None:
        self._source = "keyboard" if keyboard else "typed"

    def while_running(self, unit: str) -> bool:  # noqa: ARG002
        """Never: text and motion do not mix."""
        return False

    async def read(self, ask: Ask, prompt: str, unit: str, *, running: bool) -> Reading:  # noqa: ARG002
        """What is typed."""
        typed = await ask.line(prompt)
        word, _, rest = typed.partition(" ")
        if word.lower() in COMMANDS or not typed:
            return Reading(rest.strip(), self._source, command=word.lower() or "help")
        return Reading(typed, self._source)

    async def close(self) -> None:
        """Nothing is held."""


class FromFile:
    """A line for each step; blank lines and lines with # are passed over."""

    unattended, shows = True, True

    def __init__(self, path: str) -> None:
        try:
            text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Failure(f"{path} cannot be read ({error}); check the path.", "file-trouble") from error
        self._path = path
        self._lines = deque(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))

    def while_running(self, unit: str) -> bool:  # noqa: ARG002
        """Nobody types."""
        return True

    async def read(self, ask: Ask, prompt: str, unit: str, *, running: bool) -> Reading:  # noqa: ARG002
        """The next line."""
        if not self._lines:
            raise Failure(f"{self._path} has no more readings; go on with 'devicectl calibrate resume'.", "too-few")
        return Reading(self._lines.popleft(), "file")

    async def close(self) -> None:
        """Nothing is held."""


class Gauges:
    """Serial gauges: one for protrusion, one for rate; what has none is typed."""

    shows = True

    def __init__(
        self, depth: SerialGauge | None, rate: SerialGauge | None, typed: Typed, asked: bool, yes: bool
    ) -> None:
        self._depth, self._rate, self._typed, self._asked, self._yes = depth, rate, typed, asked, yes
        self.unattended = yes

    def _gauge(self, unit: str) -> SerialGauge | None:
        return self._rate if unit == "Hz" else self._depth

    def while_running(self, unit: str) -> bool:
        """True where there is a gauge that can be asked."""
        return self._gauge(unit) is not None and self._asked

    async def read(self, ask: Ask, prompt: str, unit: str, *, running: bool) -> Reading:
        """From the gauge, once somebody says so or at once."""
        gauge = self._gauge(unit)
        if gauge is None:
            return await self._typed.read(ask, prompt, unit, running=running)
        if self._asked and not self._yes and not running:
            typed = await self._typed.read(ask, f"{prompt}Enter reads the gauge ", unit, running=running)
            if typed.command != "help":
                return typed
        number, shown = await gauge.read() if self._asked else await gauge.read(KEY_S)
        return Reading(number, "gauge", shown)

    async def close(self) -> None:
        """Let go of the ports."""
        for gauge in (self._depth, self._rate):
            if gauge is not None:
                await gauge.close()


async def open_source(options: Options) -> Source:
    """What the options say. Raises :class:`Failure` or ``PenError``."""
    if options.readings is not None:
        if options.gauge or options.tachometer:
            raise click.UsageError("--readings and a gauge exclude each other.")
        return FromFile(options.readings)
    typed = Typed(options.keyboard)
    if not options.gauge and not options.tachometer:
        return typed
    from drivers.address import parse_address
    from drivers.gauge import ASK, SerialGauge

    opened = []
    for text in (options.gauge, options.tachometer):
        gauge = None if text is None else SerialGauge(parse_address(text), b"" if options.key else ASK)
        if gauge is not None:
            await gauge.open()
        opened.append(gauge)
    return Gauges(opened[0], opened[1], typed, not options.key, options.yes)
