"""The start sheet: what would start, what was asked and lowered, and every interlock. Only ``Y`` starts."""

from __future__ import annotations

import enum
from typing import ClassVar, Final

from textual import events
from textual.binding import Binding

from devicectl.station.views import GateView, StartSheet, from_json
from tui import text
from tui.keys import OVERRIDE_KEY, START_KEY
from tui.screens.base import Sheet
from tui.screens.rows import gate_rows, key_row
from tui.theme import BRIGHT, DIM, TEXT
from tui.widgets.line_board import BLANK, Row, width_of
from tui.zones import zone_name

MIN_DELAY_S: Final = 0.15
"""``Y`` sooner than this after the sheet appeared is a bounce, a repeat or a scan, not a decision."""

AGAIN_S: Final = 0.2
"""How often the sheet is asked for anew while the needles are on their way."""
ARRIVE_S: Final = 4.0
"""How long line mode waits for them."""


class Decision(enum.Enum):
    """What came of a start sheet."""

    START = "start"
    OVERRIDE = "override"
    NOT = "not"


class StartSheetScreen(Sheet[Decision]):
    """Answers START when ``Y`` was pressed in time, OVERRIDE when a failed check is to be opened with a reason, and NOT
    to anything else, and after ten seconds. While needles are on their way to the set depth it waits, and starts nothing;
    the sheet that may start is a fresh one, with its own time to be read."""

    TITLE_TEXT = "Start needling?"
    BINDINGS: ClassVar = [
        Binding(START_KEY, "confirm", "start", show=False),
        Binding(OVERRIDE_KEY, "override", "open a check with a reason", show=False),
    ]

    def __init__(self, sheet: StartSheet, resume: bool = False) -> None:
        super().__init__()
        self.sheet, self.resume = sheet, resume
        self.shown_at: float | None = None
        self._asked_at: float | None = None

    def on_mount(self) -> None:
        """The clock runs from the moment the sheet can be seen."""
        self._begin()

    def _begin(self) -> None:
        title = (
            "Start needling?" if self.sheet.ok else "Waiting for the needles" if self.sheet.waits else "Cannot start"
        )
        self.query_one("#box").border_title = "Resume needling?" if self.resume and self.sheet.ok else title
        self.shown_at = self._asked_at = self.live.clock()

    async def _ask_again(self) -> None:
        answer = await self.dashboard.ask("run.preview")
        if answer is None:
            self._close("not started")
        elif self.is_current:
            self.sheet = from_json(StartSheet, answer) if isinstance(answer, dict) else answer
            self._begin()
            self.repaint()

    @property
    def left_s(self) -> float:
        """Seconds until it closes by itself."""
        if self.shown_at is None:
            return self.sheet.valid_s
        return self.sheet.valid_s - (self.live.clock() - self.shown_at)

    def frame(self) -> None:
        """Count down; close when it is over or when the ground under it moved."""
        if not self.is_current:
            return
        live = self.live
        if self.left_s <= 0:
            self._close(f"the start sheet closed: {live.key('go')} opens it again")
        elif live.lost is not None or not live.controls:
            self._close("not started: control or station was lost")
        elif live.view is not None and live.pen is not None and live.pen.motion != "still":
            self._close("not started: the pen is not still")
        else:
            if self.sheet.waits and self._asked_at is not None and live.clock() - self._asked_at >= AGAIN_S:
                self._asked_at = None
                self.run_worker(self._ask_again(), group="requests")
            self.show(self._rows())

    def _rows(self) -> list[Row]:
        sheet, width = self.sheet, self.inner
        rows: list[Row] = [
            (("Zone   ", DIM), (zone_name(sheet.zone), BRIGHT)),
            self._value("Depth  ", f"{text.mm(sheet.depth_asked_um)} mm", f"{text.mm(sheet.depth_applied_um)} mm"),
            self._value("Rate   ", text.rate(sheet.rate_asked_mhz), text.rate(sheet.rate_applied_mhz), self._needles()),
        ]
        for reason in sheet.reasons:
            rows += [(("       ", DIM), (line, TEXT)) for line in text.wrap(reason, width - 7)]
        if not self.whole:
            return [*rows[: self.room - 1], (("Too small to start from: 60x16.", BRIGHT),)]
        foot = self._foot(width)
        room = self.room - len(rows) - len(foot)
        gates = gate_rows(sheet.gates, width)
        blanks = min(2, max(0, room - len(gates)))
        if len(gates) > room:
            gates = self._short_gates(width)[:room]
        return [*rows, *[BLANK] * (blanks > 0), *gates, *[BLANK] * (blanks > 1), *foot]

    def _short_gates(self, width: int) -> list[Row]:
        """Failed and overridden gates in full, the others by name."""
        told = gate_rows(tuple(gate for gate in self.sheet.gates if not gate.passed or gate.overridden), width)
        passed = ", ".join(gate.name for gate in self.sheet.gates if gate.passed and not gate.overridden)
        first, *more = text.wrap(passed, width - 3)
        return [*told, ((" ✓ ", DIM), (first, DIM)), *((("   ", DIM), (words, DIM)) for words in more)]

    @property
    def whole(self) -> bool:
        """Whether zone, depth, rate, every reason, every override and the keys can be read: nothing starts from a sheet
        that is cut."""
        reasons = sum(len(text.wrap(reason, self.inner - 7)) for reason in self.sheet.reasons)
        opened = len(gate_rows(tuple(gate for gate in self.sheet.gates if gate.overridden), self.inner))
        return self.room >= 3 + reasons + opened + 1 + len(self._foot(self.inner)) and self.inner >= 44

    @property
    def overridable(self) -> tuple[GateView, ...]:
        """Failed checks that a person may open with a reason."""
        return tuple(gate for gate in self.sheet.gates if not gate.passed and gate.overridable)

    def _foot(self, width: int) -> list[Row]:
        """What ``Y`` would do, and how long."""
        left: Row = ((f"closes in {max(0, self.left_s):.0f} s", DIM),)
        if self.sheet.waits:
            words = "Waiting; then Y can start. Any other key cancels."
            return [((words, BRIGHT),)]
        if not self.sheet.ok:
            if self.overridable:
                names = " or ".join(gate.name for gate in self.overridable)
                keys = ((OVERRIDE_KEY, f"opens {names} with a reason."), ("any other key", "closes."))
                return [(("A failed check holds the start.  ", BRIGHT), *left), key_row(keys, width)]
            words = "A failed check holds the start. Any key closes.  "
            return [((words, BRIGHT), *left)] if width >= 64 else [((words, BRIGHT),), left]
        keys = (("Y", "resumes." if self.resume else "starts."), ("any other key", "cancels."))
        row = key_row(keys, width)
        return [(*row, *left)] if width_of(row) + 16 <= width else [row, left]

    def _needles(self) -> str:
        """Punctures a second with the cartridge that is in."""
        limits = self.live.pen.limits if self.live.pen is not None else None
        if limits is None:
            return ""
        return f", {text.punctures(self.sheet.rate_applied_mhz, limits.needles)} with {limits.needles} needles"

    def _value(self, label: str, asked: str, applied: str, more: str = "") -> Row:
        row: Row = ((label, DIM), (applied, BRIGHT))
        if asked != applied:
            row = ((label, DIM), (f"{asked} → ", DIM), (applied, BRIGHT), ("  lowered", TEXT))
        return (*row, (more, DIM)) if width_of(row) + len(more) <= self.inner else row

    def action_confirm(self) -> None:
        """``Y``: start, unless the sheet refuses or the key came too soon; while it waits the key means nothing."""
        if self.sheet.waits:
            return
        delay = max(MIN_DELAY_S, self.sheet.not_before_s)
        if not self.sheet.ok:
            self._close("not started: a check failed")
        elif not self.whole:
            self._close("not started: this terminal is too small for the start sheet; 60x16 is enough")
        elif self.shown_at is None or self.live.clock() - self.shown_at < delay:
            self._close(f"not started: Y came too soon; press {self.live.key('go')} again")
        else:
            self.dismiss(Decision.START)

    def action_override(self) -> None:
        """``o``: ask for the reason, if there is a check that may be opened; else a key like any other."""
        if not self.overridable:
            self._close("not started")
        elif not self.live.at_rest:
            self._close("checks are opened while the pen is still and no run is open")
        else:
            self.dismiss(Decision.OVERRIDE)

    async def on_key(self, event: events.Key) -> None:
        """Any key that is not bound cancels."""
        if event.key not in (START_KEY, OVERRIDE_KEY):
            event.stop()
            self._close("not started")

    def _close(self, why: str) -> None:
        self.live.say(why)
        self.dismiss(Decision.NOT)
