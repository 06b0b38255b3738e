"""The dashboard as lines, for screen readers, braille displays and terminals that can do no more.

One line per change, alarms first; no boxes, no drawings, nothing that moves. An empty line is STOP, and so are ``stop``
and Ctrl+C: they are caught in the thread that reads the terminal, ahead of everything else.
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
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from devicectl.about import DISCLAIMER
from devicectl.alarms.sound import LOW
from devicectl.station.client_api import StationClient, StationError
from devicectl.station.views import ChartView, GateView, StartSheet, View, from_json
from devicectl.treatment.vocabulary import DIRECTIONS
from devicectl.treatment.zones import UnknownZone, parse_zone
from tui import text
from tui.book import Book, HeldBook
from tui.entry import EntryError, parse_depth, parse_rate
from tui.line_input import KeyByKey, LineEditor
from tui.model import DEAD_S, NOTICE_S, Freshness, Live, freshness, next_of, replies
from tui.multiplexer import MultiplexerWatch
from tui.plain_forms import HELP as FORM_HELP
from tui.plain_forms import PlainTreatment
from tui.screens.override import MIN_REASON
from tui.screens.pairing import DIGITS, PASSKEY_CODES, with_passkey
from tui.screens.pens import FoundPen, Looked
from tui.screens.start_sheet import AGAIN_S, ARRIVE_S, MIN_DELAY_S
from tui.sounds import Sounds
from tui.terminal import QUESTION, STOOD_S, Absence, TerminalPulse
from tui.zones import zone_name

HELP: Final = (
    "Enter on an empty line: STOP. Also: stop, Ctrl+C. The emergency stop is the pen's own switch.",
    "pens; which N: that pen blinks or buzzes; open N; passkey NNNNNN: what a pen on the air shows; session bench; session treatment CODE; session close; control",
    "zone CODE (FHL FRL FRR FTL FTR MID PAL PAR VTX OCC); depth MM; rate HZ, or rate 6000 rpm",
    "go, then yes within 10 seconds: start; end: pause; finish: end the run; reset: after STOP",
    "override CHECK REASON: open a failed check until the session ends; the reason is recorded and must name no person",
    "ack: acknowledge alarms; sound on, sound off; note DIGITS; status; help; quit",
)
PLAIN: Final = {
    "end": "run.pause",
    "finish": "run.end",
    "reset": "pen.reset",
    "control": "control.take",
    "ack": "alarm.acknowledge",
}
EVERY_S: Final = 10.0


class Narrator:
    """Turns views into lines: what changed since the last one, alarms first, values every ten seconds of a run."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self._told: dict[str, str] = {}
        self._alarms: dict[str, str] = {}
        self._values_at = -EVERY_S

    def changes(self) -> list[str]:
        """New lines since the last call."""
        now = {
            alarm.id: f"{alarm.priority.upper()} ALARM: {alarm.text}" for alarm in self.live.alarms() if alarm.active
        }
        lines = [line for key, line in now.items() if key not in self._alarms]
        lines += [f"over: {line}" for key, line in self._alarms.items() if key not in now]
        self._alarms = now
        for name, line in self._facts().items():
            if self._told.get(name) != line:
                self._told[name] = line
                lines.append(line)
        run = self.live.view.run if self.live.view is not None else None
        if run is not None and self.live.clock() - self._values_at >= EVERY_S:
            self._values_at = self.live.clock()
            lines.append(self.values())
        return lines

    def _facts(self) -> dict[str, str]:
        live, view, pen = self.live, self.live.view, self.live.pen
        if live.lost is not None:
            return {"station": f"Station lost. {live.lost}"}
        if view is None:
            return {"station": "Connecting to the station."}
        facts = {"control": "You hold control." if view.you_control else _who_holds(view)}
        if pen is None:
            return {**facts, "pen": "No pen. pens lists them."}
        kind = "SIMULATED pen" if pen.simulated else "pen" if pen.replay else "Pen"
        kind = f"REPLAY of a {kind}:" if pen.replay else kind
        facts["pen"] = f"{kind} {pen.model} {pen.serial}, link {pen.link}."
        facts["motion"] = f"Motor {pen.motion}{', STOPPED: reset leaves it' if pen.latched else ''}."
        facts["set"] = f"Set: depth {text.mm(pen.depth_set_um)} mm, rate {text.rate(pen.rate_set_mhz)}."
        facts["run"] = f"Run {view.run.phase} in {zone_name(view.run.zone)}." if view.run else "No run."
        if view.operator is not None:
            locked = ", LOCKED: sign in opens it" if view.operator.locked else ""
            facts["operator"] = f"Operator {view.operator.name}{locked}."
        if view.chart is not None:
            facts["plan"] = _plan_line(view.chart)
            for timer in view.chart.timers:
                facts[timer.name] = f"{timer.name} is on, {timer.state}."
        facts["zone"] = f"Zone: {zone_name(view.zone)}."
        session = view.session
        facts["session"] = (
            "No session." if session is None else f"Session: {session.purpose} {session.client}".strip() + "."
        )
        for zone in session.zones if session is not None else ():
            facts[zone.code] = f"{zone_name(zone.code)}: {zone.passes} passes."
        return facts

    def values(self) -> str:
        """The measured values in one line; old ones are named as old."""
        pen, age = self.live.pen, freshness(self.live.sample_age)
        if pen is None or age is Freshness.GONE:
            return "No values."
        old = "OLD: " if age is Freshness.STALE else ""
        lost = f" {text.share(self.live.loss)} of samples lost in the last minute." if self.live.loss else ""
        return (
            f"{old}Depth {text.mm(pen.depth_um)} mm, rate {text.rate(text.calm(pen.rate_mhz))}, "
            f"current {text.amps(pen.current_ma)} A, battery {pen.battery_pct if pen.battery_pct is not None else '--'} %.{lost}"
        )

    def link(self) -> str:
        """How good the link is, in one line."""
        live, rssi = self.live, self.live.rssi_at_scan
        strong = f", signal {text.bars(rssi)} of 4, {rssi} dBm at the scan" if rssi is not None else ""
        return f"Link: last heard {text.age(live.link_age)} ago, {text.share(live.loss)} of samples lost in the last minute{strong}."


def _plan_line(chart: ChartView) -> str:
    """The next step and zone, and the direction of the strokes."""
    step = next((step for step in chart.steps if step.name == next_of(chart)), None)
    words = f"Next: {step.title}, {step.text}" if step is not None else "Nothing is left to do."
    direction = f" Direction {DIRECTIONS[chart.direction].casefold()}." if chart.direction else ""
    return f"{words}{direction}"


def _gate_line(gate: GateView) -> str:
    if gate.overridden:
        return f"OVERRIDDEN {gate.name}: {gate.text.removeprefix('overridden ')}"
    return f"FAILED {gate.name}: {gate.text}"


def _who_holds(view: View) -> str:
    return f"Watching; {view.controller} holds control." if view.controller else "Nobody holds control."


class PlainDashboard:
    """One session of line mode on a client; ``write`` gets whole lines."""

    def __init__(
        self,
        client: StationClient,
        write: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        book: Book | None = None,
    ) -> None:
        self.client, self.write = client, write
        self.live = Live(clock)
        self.treatment = PlainTreatment(client, self.live, book or HeldBook(), write, self._now)
        self.narrator = Narrator(self.live)
        self.done = False
        self.pulse = TerminalPulse(clock)
        self.absence = Absence(clock)
        self.sounds: Sounds | None = None
        """There while line mode runs in a terminal with sound."""
        self.ask_terminal: Callable[[str], None] | None = None
        """Writes to a terminal that hands its answers over; None where none can be asked."""
        self._told_mute = False
        self.frames = 0
        self._sheet: tuple[float, StartSheet] | None = None
        self._pens: list[FoundPen] = []
        self._refused: tuple[str, dict[str, Any]] | None = None
        self._asked_leave = -NOTICE_S - 1
        client.on_view(self._hear)
        client.on_lost(self._lose)
        client.on_direct(write)

    def _hear(self, view: View) -> None:
        self.treatment.heard(self.live.view, view)
        self.live.hear(view)

    def _now(self) -> datetime:
        view = self.live.view
        utc = time.time() if view is None else view.utc + self.live.since
        return datetime.fromtimestamp(utc, UTC).astimezone()

    def _lose(self, sentence: str) -> None:
        self.live.lost = sentence

    def frame(self, keys: int) -> None:
        """Tell what changed, then that the dashboard is alive; ``keys`` is the input thread's counter."""
        for line in self.narrator.changes():
            self.write(line)
        self.frames += 1
        self._look_at_terminal()
        if self.sounds is not None:
            self.sounds.frame()
        if self.pulse.problem is None:
            self.client.heartbeat(self.frames, keys)

    @property
    def may_turn(self) -> bool:
        """True unless the motor is known to be still and no run is open."""
        return not self.live.at_rest and self.live.pen is not None

    def _look_at_terminal(self) -> None:
        pulse, view = self.pulse, self.live.view
        stood = pulse.stood
        if pulse.look(self.may_turn) and self.ask_terminal is not None:
            self.ask_terminal(QUESTION)
            pulse.asked()
        if pulse.mute and not self._told_mute:
            self._told_mute = True
            self.write("This terminal answers nothing: a dead connection stops the pen late.")
        running = view is not None and view.run is not None and view.you_control
        if stood > STOOD_S:
            self.write(f"The terminal took no output, or this program did not run, for {stood:.1f} s.")
        back = self.absence.look(pulse.problem, running)
        if back is not None:
            self.write(back)

    @staticmethod
    def is_stop(line: str) -> bool:
        """Whether a line means STOP: an empty one too."""
        return line.strip().lower() in ("", "stop", "s")

    async def command(self, line: str) -> None:
        """Do what one line says."""
        self.client.activity()
        word, _, rest = line.strip().partition(" ")
        word, rest = word.lower(), rest.strip()
        sheet, self._sheet = self._sheet, None
        try:
            if self.treatment.filling is not None:
                await self.treatment.answered(line.strip())
            elif word == "yes" and sheet is not None:
                await self._start(*sheet)
            elif word == "go":
                await self._preview()
            elif word in PLAIN:
                await self._ask(PLAIN[word])
            elif word == "quit":
                self._quit()
            elif word in ("help", "?"):
                self._lines(*HELP, *FORM_HELP)
            elif word == "status":
                link = (self.narrator.link(),) if self.live.pen is not None else ()
                self._lines(*self.narrator._facts().values(), self.narrator.values(), *link)
            else:
                await self._worded(word, rest)
        except (StationError, UnknownZone, EntryError) as error:
            self.write(str(error))
        except (ValueError, OverflowError):
            self.write(f"{word} needs a number: {line.strip()!r}. help lists the commands.")

    async def _worded(self, word: str, rest: str) -> None:
        if await self.treatment.command(word, rest):
            return
        if word == "zone":
            await self._ask("zone.select", zone=parse_zone(rest).code)
        elif word in ("depth", "rate"):
            wanted = {"depth_um": parse_depth(rest)} if word == "depth" else {"rate_mhz": parse_rate(rest)}
            await self._ask("setpoint", **wanted)
        elif word == "pens":
            await self._scan()
        elif word == "which" and 0 < int(rest) <= len(self._pens):
            await self._ask("pen.indicate", address=self._pens[int(rest) - 1].address)
        elif word == "open" and 0 < int(rest) <= len(self._pens):
            if self.live.pen is not None and not self.live.at_rest:
                self.write("Pens are changed only while the pen is confirmed still and no run is open: end it first.")
                return
            await self._ask("pen.open", address=self._pens[int(rest) - 1].address)
        elif word == "passkey":
            await self._pair(rest)
        elif word == "session":
            purpose, _, client = rest.partition(" ")
            if purpose == "close":
                await self._ask("session.close")
            else:
                await self._ask("session.open", purpose=purpose, client=client.strip())
        elif word == "note":
            await self._ask("note", digits=str(int(rest)))
        elif word == "sound" and self.sounds is not None:
            self.sounds.switch(rest.strip().lower() != "off")
            self.sounds.try_out(LOW)
            self.write(f"Sound is {'on' if self.sounds.on else 'off'}.")
        elif word == "override":
            await self._override(rest)
        elif self.live.controls and self.live.pen is not None and self.live.pen.motion != "still":
            # As with a key that means nothing: whoever holds a pen that may turn, and says something else, wants it still.
            self.client.stop_now("line")
            self.write(f"STOP: {word} is no command, and the motor may turn.")
        else:
            self.write(f"Not known: {word}. help lists the commands.")

    async def _scan(self) -> None:
        self.write("Listening for pens on the air too, which takes some seconds.")
        looked = Looked.of(await self.client.request("pens.scan"))
        self.live.heard_rssi.update(looked.strengths)
        self._pens = list(looked.pens)
        self._lines(*(self._pen_line(n, p) for n, p in enumerate(self._pens, 1)) if self._pens else ("No pen found.",))
        self._lines(*looked.remarks, *filter(None, (looked.others_line(),)))

    @staticmethod
    def _pen_line(number: int, pen: FoundPen) -> str:
        kind = "SIMULATED, " if pen.simulated else ""
        strong = f", signal {text.bars(pen.rssi)} of 4, {pen.rssi} dBm" if pen.rssi is not None else ""
        return f"{number}: {kind}{pen.name}, {pen.address}, {pen.why}{strong}{', ' + pen.held if pen.held else ''}"

    async def _pair(self, digits: str) -> None:
        """Let the pen go, open it with its passkey, and ask once more for what was refused."""
        view, pen, asked = self.live.view, self.live.pen, self._refused
        if asked is None or pen is None or view is None or view.session is not None:
            self.write("No pen asks for a passkey.")
        elif len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
            self.write(f"A passkey has {DIGITS} digits: passkey 012345.")
        elif not self.live.at_rest:
            self.write("Pens are paired with while the pen is confirmed still and no run is open.")
        else:
            self._refused = None
            self.write("Pairing, which takes up to 12 seconds.")
            await self.client.request("pen.close")
            await self.client.request("pen.open", address=with_passkey(pen.address, digits))
            await self._ask(asked[0], **asked[1])

    def _lines(self, *lines: str) -> None:
        for line in lines:
            self.write(line)

    async def _ask(self, method: str, **params: Any) -> None:
        try:
            answer = await self.client.request(method, **params)
        except StationError as error:
            if error.code in PASSKEY_CODES:
                self._refused = (method, params)
                self.write(f"{error} Here: passkey and its {DIGITS} digits.")
                return
            raise
        found = replies(answer)
        self._lines(*(f"{reply.outcome}: {reply.text}" for reply in found) if found else ("done",))

    async def _preview(self) -> None:
        sheet = await self._offered()
        depth, rate = text.mm(sheet.depth_applied_um), text.rate(sheet.rate_applied_mhz)
        self.write(f"Start sheet: {zone_name(sheet.zone)}, depth {depth} mm, rate {rate}.")
        self._lines(*sheet.reasons, *(_gate_line(g) for g in sheet.gates if not g.passed or g.overridden))
        if sheet.ok:
            self._sheet = (self.live.clock(), sheet)
            self.write(f"yes within {sheet.valid_s:.0f} seconds starts. Anything else cancels.")
        else:
            may = (gate.name for gate in sheet.gates if gate.overridable and not gate.passed)
            self._lines(*(f"override {name} REASON opens it until the session ends." for name in may), "Cannot start.")

    async def _offered(self) -> StartSheet:
        """The start sheet; needles that are on their way are waited for, which is told once."""
        told, until = False, self.live.clock() + ARRIVE_S
        while True:
            answer = await self.client.request("run.preview")
            sheet = from_json(StartSheet, answer) if isinstance(answer, dict) else answer
            if not sheet.waits or self.live.clock() > until:
                return sheet
            if not told:
                self._lines(*(gate.text for gate in sheet.gates if gate.waiting))
                told = True
            await asyncio.sleep(AGAIN_S)

    async def _override(self, rest: str) -> None:
        """A check's name may have two words; the station knows which checks there are."""
        names = [gate.name for gate in self.live.view.gates if gate.overridable] if self.live.view is not None else []
        gate = next((name for name in names if rest.startswith(f"{name} ")), rest.partition(" ")[0])
        reason = rest.removeprefix(gate).strip()
        if len(reason) < MIN_REASON:
            self.write(f"override needs the check and a reason: override {gate or 'battery'} runs from a supply.")
        elif not self.live.at_rest:
            self.write("Checks are opened while the pen is confirmed still and no run is open.")
        else:
            await self.client.request("gate.override", gate=gate, reason=reason)
            self.write(f"{gate} is open until the session ends; the reason is recorded. go shows the start sheet.")

    async def _start(self, shown_at: float, sheet: StartSheet) -> None:
        waited = self.live.clock() - shown_at
        if waited < max(MIN_DELAY_S, sheet.not_before_s):
            self.write("Not started: yes came too soon. go again.")
        elif waited > sheet.valid_s:
            self.write("Not started: the start sheet has closed. go again.")
        else:
            await self._ask("run.start", ticket=sheet.ticket)

    def _quit(self) -> None:
        live = self.live
        away = live.pen is not None and (live.pen.motion != "turning" or live.since > DEAD_S)
        if live.lost is None and live.controls and not live.at_rest:
            if away and live.clock() - self._asked_leave <= NOTICE_S:
                self.client.stop_now("quit")  # a pen that never comes back must not hold the user here
                self.done = True
                return
            self._asked_leave = live.clock()
            self.write(
                "Not left: the pen is not seen still. quit again sends STOP and leaves."
                if away
                else "Not left: the motor may turn. An empty line stops; finish ends the run; then quit."
            )
        else:
            self.done = True


class _LineReader(threading.Thread):
    """Reads lines; STOP is called in this thread. ``looks`` advances ten times a second while it lives."""

    def __init__(self, fd: int, dashboard: PlainDashboard, loop: asyncio.AbstractEventLoop, out: int | None) -> None:
        super().__init__(name="plain-input", daemon=True)
        self.fd, self.dashboard, self.loop = fd, dashboard, loop
        self.looks = 0
        self.lines: asyncio.Queue[str | None] = asyncio.Queue()
        self.editor = LineEditor()
        self._out = out
        """Where what is typed is shown; None when the terminal does that."""

    def run(self) -> None:
        try:
            while not self.dashboard.done:
                self.looks += 1
                if select.select([self.fd], [], [], 0.1)[0]:
                    data = os.read(self.fd, 4096)
                    if not data:
                        break
                    self._take(data)
                    if self.editor.ended:
                        break
        except OSError:
            self.dashboard.pulse.hung_up = True
        self._tell(None)

    def _take(self, data: bytes) -> None:
        answers = self.editor.answers
        for words in self.editor.feed(data):
            if self.dashboard.is_stop(words):
                self.dashboard.client.stop_now("line")
                words = "\0stop"
            self._tell(words)
        if self.editor.answers != answers:
            self.dashboard.pulse.answered()
        echo, self.editor.echo = self.editor.echo, ""
        if self.dashboard.treatment.secret:
            echo = "".join("*" if sign.isprintable() else sign for sign in echo)
        # Output that is held up (Ctrl+S) must not hold up the next STOP: then nothing is shown.
        if echo and self._out is not None and select.select([], [self._out], [], 0)[1]:
            os.write(self._out, echo.encode())

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

    dashboard = PlainDashboard(client, write, book=book)
    # A stream that is no file has no number.
    keyed = out is None and KeyByKey.possible(fd, stream.fileno())
    reader = _LineReader(fd, dashboard, asyncio.get_running_loop(), stream.fileno() if keyed else None)
    write(DISCLAIMER)
    write("Line mode. Enter on an empty line is STOP. help lists the commands.")
    async with contextlib.AsyncExitStack() as at_last:
        if threading.current_thread() is threading.main_thread():
            before = signal.signal(signal.SIGINT, lambda number, frame: client.stop_now("Ctrl+C"))
            at_last.callback(signal.signal, signal.SIGINT, before)
        if keyed:
            _key_by_key(dashboard, fd, stream, at_last)
            dashboard.sounds = Sounds(dashboard.live, lambda: _bell(stream), sound)
            at_last.callback(dashboard.sounds.close)
        at_last.push_async_callback(client.close)
        reader.start()
        await _frames(dashboard, reader, fps)
    return 0


def _bell(stream: TextIO) -> None:
    with contextlib.suppress(OSError):  # the terminal is gone, and its reader says so
        stream.write("\a")
        stream.flush()


def _key_by_key(dashboard: PlainDashboard, fd: int, stream: TextIO, at_last: contextlib.AsyncExitStack) -> None:
    """From now on the terminal can be asked whether it is there, and its multiplexer too."""
    keys, loop = KeyByKey(fd), asyncio.get_running_loop()
    keys.enter()
    at_last.callback(keys.leave)
    loop.add_signal_handler(signal.SIGCONT, keys.enter)
    at_last.callback(loop.remove_signal_handler, signal.SIGCONT)
    at_last.callback(MultiplexerWatch(dashboard.pulse, lambda: dashboard.may_turn).close)

    def ask(question: str) -> None:
        stream.write(question)
        stream.flush()

    dashboard.ask_terminal = ask


async def _frames(dashboard: PlainDashboard, reader: _LineReader, fps: float) -> None:
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


async def _obey(dashboard: PlainDashboard, reader: _LineReader) -> None:
    while not dashboard.done:
        line = await reader.lines.get()
        if line is None:
            dashboard.done = True
        elif line == "\0stop":
            dashboard.write("STOP sent.")
        else:
            await dashboard.command(line)
