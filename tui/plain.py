"""The dashboard as lines, for screen readers, braille displays and terminals that can do no more.

One line per change, alarms first; no boxes, no drawings, nothing that moves. What each line does is here, how lines and
keys are read is in `tui.plain_terminal`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from devicectl.alarms.sound import LOW
from devicectl.station.client_api import StationClient, StationError
from devicectl.station.views import GateView, Reply, StartSheet, View, from_json
from devicectl.treatment.zones import UnknownZone, parse_zone
from tui import text
from tui.book import Book, HeldBook
from tui.entry import EntryError, parse_depth, parse_rate
from tui.model import DEAD_S, NOTICE_S, Live, replies
from tui.narrator import Narrator
from tui.plain_forms import HELP as FORM_HELP
from tui.plain_forms import PlainTreatment
from tui.screens.override import MIN_REASON
from tui.screens.pairing import DIGITS, PASSKEY_CODES, with_passkey
from tui.screens.pens import FoundPen, Looked
from tui.screens.start_sheet import AGAIN_S, ARRIVE_S, MIN_DELAY_S
from tui.sounds import Sounds
from tui.terminal import QUESTION, STOOD_S, Absence, TerminalPulse
from tui.zones import zone_name

UNHEARD_S: Final = 2.0
"""A pen that is heard at all is confirmed still sooner after STOP."""
STARTED_S: Final = 1.0
"""A start that was answered is seen in a view sooner."""
HELP: Final = (
    "Enter on an empty line: STOP. Also: stop, Ctrl+C. The emergency stop is the pen's own switch.",
    "In a terminal, while the motor may turn: every key is STOP at once; only e is END, a pause, and x ends the run.",
    "pens; which N: that pen blinks or buzzes; open N; passkey NNNNNN: what a pen on the air shows; session bench; session treatment CODE; session close; control",
    "zone CODE (FHL FRL FRR FTL FTR MID PAL PAR VTX OCC, or CUS-1 to CUS-99 for a custom patch); depth MM; rate HZ, or rate 6000 rpm",
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
ENDING_KEYS: Final = {"e": "run.pause", "x": "run.end"}
"""Keys that are not STOP while a run is on: they let it rest or end as a run should."""
STOPPING_TEXT: Final = "Any key is STOP now."
ENDING_TEXT: Final = "Any key is STOP now; only e is END, and x ends the run."


def _gate_line(gate: GateView) -> str:
    if gate.overridden:
        return f"OVERRIDDEN {gate.name}: {gate.text.removeprefix('overridden ')}"
    return f"FAILED {gate.name}: {gate.text}"


class PlainDashboard:
    """One session of line mode on a client; ``write`` gets whole lines. ``keyed``: keys are read at once where they are STOP."""

    def __init__(
        self,
        client: StationClient,
        write: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        book: Book | None = None,
        keyed: bool = False,
    ) -> None:
        self.client, self.write, self._keyed = client, write, keyed
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
        self._stopped_at: float | None = None
        """When STOP last went out; None once the motor was confirmed still."""
        self._starts_until = float("-inf")
        """Until then a run that was asked for may have begun, though no view has shown it."""
        self._told_keys = ""
        self._stopping_keys = False
        self.keys_changed: Callable[[bool], None] = lambda stop: None
        """Called when any key begins or ceases to be STOP."""
        client.on_view(self._hear)
        client.on_lost(self._lose)
        client.on_direct(write)

    def _hear(self, view: View) -> None:
        self.treatment.heard(self.live.view, view)
        self.live.hear(view)
        if view.run is not None:
            self._starts_until = float("-inf")  # from here on the views tell
        if self.live.still:
            self._stopped_at = None

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
        self._tell_keys()
        self._look_at_terminal()
        if self.sounds is not None:
            self.sounds.frame()
        if self.pulse.problem is None:
            self.client.heartbeat(self.frames, keys)

    @property
    def may_turn(self) -> bool:
        """True unless the motor is known to be still and no run is open."""
        return not self.live.at_rest and self.live.pen is not None

    @property
    def running(self) -> bool:
        """A run is granted and not at rest: the motor turns, or is about to."""
        view = self.live.view
        return view is not None and view.run is not None and view.run.phase != "paused"

    @property
    def keys_stop(self) -> bool:
        """Whether any key is STOP: this screen controls a pen that is not confirmed still.

        Where nothing is heard of it for so long after a STOP (a lost link), lines are taken again, so that one can leave.
        """
        live, stopped_at = self.live, self._stopped_at
        if not self._keyed or live.pen is None or not live.controls:
            return False
        if live.clock() < self._starts_until:
            return True
        if live.still and not self.running:
            return False
        return (
            self.running or live.pen.motion == "turning" or stopped_at is None or live.clock() - stopped_at < UNHEARD_S
        )

    def stop_went_out(self) -> None:
        """STOP was sent. May be called in the thread that reads the terminal."""
        self._stopped_at = self.live.clock()
        self._starts_until = float("-inf")

    def _tell_keys(self) -> None:
        stop = self.keys_stop
        if stop != self._stopping_keys:
            self._stopping_keys = stop
            self.keys_changed(stop)
        words = "" if not stop else ENDING_TEXT if self.running else STOPPING_TEXT
        starting = self.live.clock() < self._starts_until
        if words == self._told_keys or (words == STOPPING_TEXT and (self._told_keys or starting)):
            return
        self._told_keys = words
        self.write(words or "Lines again; an empty line is STOP.")

    async def pressed(self, key: str) -> None:
        """A key of `ENDING_KEYS`."""
        self.client.activity()
        try:
            await self._ask(ENDING_KEYS[key])
        except StationError as error:
            self.write(str(error))

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

    async def _ask(self, method: str, **params: Any) -> list[Reply]:
        try:
            answer = await self.client.request(method, **params)
        except StationError as error:
            if error.code in PASSKEY_CODES:
                self._refused = (method, params)
                self.write(f"{error} Here: passkey and its {DIGITS} digits.")
                return []
            raise
        found = replies(answer)
        self._lines(*(f"{reply.outcome}: {reply.text}" for reply in found) if found else ("done",))
        return found

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
            # A key that is pressed before a view shows the run is meant for the needles, too.
            self._starts_until, answers = float("inf"), list[Reply]()
            self._tell_keys()
            try:
                answers = await self._ask("run.start", ticket=sheet.ticket)
            finally:
                may_run = any(answer.outcome in ("confirmed", "unknown") for answer in answers)
                until = self.live.clock() + STARTED_S if may_run else float("-inf")
                self._starts_until = min(self._starts_until, until)

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
