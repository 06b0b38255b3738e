"""``devicectl --plain``: the dashboard as lines of text, for screen readers and poor terminals.

One line for each change that matters; commands are typed and ended with Enter. Enter alone, while the motor may turn,
is STOP, and so is any line that is no command.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Final

import click

from devicectl.station.client_api import StationError
from devicectl.station.views import StartSheet, View, from_json

from .exits import Exit
from .failures import Failure
from .output import hz, mm
from .pens import Seat, demand, seat

HELP: Final = (
    "scan | open ADDRESS | session bench | session CLIENT | zone VTX | depth MM | rate HZ | g (start sheet), then Y | "
    "pause | end | stop | reset | take | close | state | quit. Enter alone is STOP while the motor may turn."
)


async def talk(address: str | None) -> int:
    """Run until ``quit`` or the end of the input; leaving while the motor may turn is STOP."""
    loop = asyncio.get_running_loop()
    async with seat("plain") as place:
        talker = Talker(place)
        loop.add_signal_handler(signal.SIGINT, talker.interrupt)
        place.client.on_view(talker.hear)
        place.begin_beating()
        click.echo(HELP)
        if address is not None:
            await talker.do(f"open {address}")
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while not talker.over and not place.lost:
            line = await reader.readline()
            if not line:
                break
            await talker.do(line.decode(errors="replace").strip())
        if not talker.still:
            place.client.stop_now("command line")
        if place.lost:
            raise StationError(place.lost, "station-lost")
    return int(Exit.DONE)


class Talker:
    """Understands lines and says what changed."""

    def __init__(self, place: Seat) -> None:
        self.place = place
        self.over = False
        self.still = True
        self._said = ""
        self._log_at = 0.0
        self._sheet: StartSheet | None = None

    def interrupt(self) -> None:
        """Ctrl+C: STOP while the motor may turn, else the end."""
        self.place.client.stop_now("Ctrl+C")
        click.echo("STOP sent (Ctrl+C); quit ends the program.")

    def hear(self, view: View) -> None:
        """Say in a line what has changed since the last one."""
        self.still = view.pen is None or view.pen.motion == "still"
        for line in view.log:
            if line.at > self._log_at:
                self._log_at = line.at
                click.echo(f"  {line.text}")
        text = summary(view)
        if text != self._said:
            self._said = text
            click.echo(text)

    async def do(self, line: str) -> None:
        """One typed line; errors are said, never raised."""
        words = line.split()
        verb = words[0] if words and words[0] == "Y" else (words[0].lower() if words else "")
        act = self._acts().get((verb, len(words) - 1))
        if act is None:
            if not self.still:
                self.place.client.stop_now("unbound key")
                click.echo("STOP sent.")
            elif line:
                click.echo(HELP)
            return
        try:
            await act(*words[1:])
        except (StationError, Failure) as error:
            click.echo(f"refused: {error}")
        except ValueError:
            click.echo(f"refused: {words[-1]!r} is no number.")

    def _acts(self) -> dict[tuple[str, int], Callable[..., Awaitable[None]]]:
        return {
            ("scan", 0): self._scan,
            ("open", 1): self._open,
            ("session", 1): self._session,
            ("session", 0): lambda: self._plainly("session.close"),
            ("zone", 1): lambda zone: self._plainly("zone.select", zone=zone),
            ("depth", 1): lambda depth: self._plainly("setpoint", depth_um=float(depth) * 1000),
            ("rate", 1): lambda rate: self._plainly("setpoint", rate_mhz=float(rate) * 1000),
            ("g", 0): self._preview,
            ("Y", 0): self._start,
            ("pause", 0): lambda: self._reply("run.pause", "pause"),
            ("end", 0): lambda: self._reply("run.end", "end"),
            ("stop", 0): self._stop,
            ("reset", 0): lambda: self._reply("pen.reset", "reset"),
            ("take", 0): lambda: self._plainly("control.take"),
            ("close", 0): lambda: self._plainly("pen.close"),
            ("state", 0): self._state,
            ("help", 0): self._help,
            ("quit", 0): self._quit,
        }

    async def _scan(self) -> None:
        for row in await self.place.ask("pens.scan"):
            badge = " SIMULATED" if row["simulated"] else ""
            click.echo(f"{row['address']}  {row['name']}{badge}  {row['held'] or row['why']}")

    async def _open(self, address: str) -> None:
        await self.place.open(address, take=None)

    async def _session(self, what: str) -> None:
        if what == "bench":
            await self._plainly("session.open", purpose="bench", client=None)
        elif what == "close":
            await self._plainly("session.close")
        else:
            await self._plainly("session.open", purpose="treatment", client=what)

    async def _plainly(self, method: str, **params: object) -> None:
        answer = await self.place.ask(method, **params)
        for name, reply in answer.items() if method == "setpoint" else ():
            click.echo(f"{name}: {reply['outcome'].replace('_', ' ')} {reply['text']}".rstrip())

    async def _preview(self) -> None:
        sheet = self._sheet = from_json(StartSheet, await self.place.ask("run.preview"))
        shut = [gate.text for gate in sheet.gates if not gate.passed]
        click.echo(
            f"Start sheet: {sheet.zone}, {mm(sheet.depth_applied_um)} mm, {hz(sheet.rate_applied_mhz)} Hz."
            + "".join(f" {reason}." for reason in sheet.reasons)
        )
        click.echo(" ".join(shut) if shut else "Y starts.")

    async def _start(self) -> None:
        sheet, self._sheet = self._sheet, None
        if sheet is None:
            raise Failure("g shows the start sheet first.")
        await self._reply("run.start", "start", ticket=sheet.ticket)

    async def _reply(self, method: str, what: str, **params: object) -> None:
        demand(await self.place.reply(method, **params), what)

    async def _stop(self) -> None:
        self.place.client.stop_now("command line")
        click.echo("STOP sent.")

    async def _state(self) -> None:
        click.echo(detail(self.place.view))

    async def _help(self) -> None:
        click.echo(HELP)

    async def _quit(self) -> None:
        self.over = True


def summary(view: View) -> str:
    """What must not be missed, in one line; measured values are left to ``state``, or it would never be silent."""
    pen = view.pen
    if pen is None:
        return "No pen is open."
    parts = ["SIMULATED" if pen.simulated else "", f"{pen.model} {pen.serial}".strip() or pen.address]
    parts.append(pen.motion if pen.link == "up" else f"link {pen.link}")
    parts.append("LATCHED" if pen.latched else "")
    parts.append(f"zone {view.zone}" if view.zone else "")
    parts.append(f"run {view.run.phase}" if view.run else "")
    parts += [f"ALARM {alarm.priority}: {alarm.text}" for alarm in view.alarms if alarm.active]
    parts.append("" if view.record_ok else "RECORD NOT WRITABLE")
    return ", ".join(part for part in parts if part)


def detail(view: View | None) -> str:
    """Everything measured, in one line."""
    pen = view.pen if view is not None else None
    if view is None or pen is None:
        return "No pen is open."
    text = f"{summary(view)}; depth {mm(pen.depth_um)} of {mm(pen.depth_set_um)} mm; rate {hz(pen.rate_mhz)} of "
    text += f"{hz(pen.rate_set_mhz)} Hz; {pen.current_ma if pen.current_ma is not None else '–'} mA"
    text += f"; battery {pen.battery_pct} %" if pen.battery_pct is not None else ""
    if view.session is not None:
        text += f"; {view.session.purpose} session, {view.session.passes} passes"
    return text
