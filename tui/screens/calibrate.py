"""The calibration screen: one step after the other at a pen that is clamped, keyboard only.

Nothing moves before ``Y`` was pressed; from then on each reading drives to the next step, as the row beside ``Y`` says,
until somebody pauses, STOP comes, or something is refused. Letters and digits go into the reading's field only while the pen is confirmed
still and its reading is asked for; while the motor may turn every key is STOP.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Final

from textual import events
from textual.app import ComposeResult

from tui.keys import START_KEY
from tui.screens import rows
from tui.screens.calibrate_body import body, keys
from tui.screens.calibrate_steps import CalibrationSteps
from tui.screens.calibrate_work import MOVING, PAGES, Stage
from tui.widgets.alarm_bar import AlarmBar, alarm_row
from tui.widgets.line_board import LineBoard
from tui.widgets.stop_bar import StopBar, stop_words

TALL: Final = 34
FIELD_MOST: Final = 40
GAUGE_LEAST: Final = 4
"""So many characters and Enter, faster than fingers, come from a gauge that is a keyboard."""


Chores = Callable[["CalibrateScreen", str], Awaitable[None]]
"""What is done on a sheet of its own: withdraw, anyway, adjust, sign, abandon, report."""


class CalibrateScreen(CalibrationSteps, inherit_bindings=False):
    """Measures, judges, adjusts and signs one calibration; answers nothing. The station holds everything that counts."""

    CSS_PATH = "calibrate.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (TALL, "-tall")]
    BINDINGS: ClassVar[list[Any]] = []
    HOLDS_SCANS = True
    STAYS = True

    def __init__(self, calibration: dict[str, Any], chores: Chores) -> None:
        super().__init__(calibration)
        self._chores = chores

    def compose(self) -> ComposeResult:
        """Title, alarms and STOP stand where they always stand."""
        yield LineBoard(1, id="c-title")
        yield AlarmBar()
        yield LineBoard(id="c-body")
        yield LineBoard(1, id="c-keys")
        yield StopBar()

    def on_mount(self) -> None:
        """A round that is measured already is judged first."""
        super().on_mount()
        if self.work.stage is Stage.READY and self.work.calibration["next"] is None:
            self.do(self.judge())

    # -- what the keyboard may do

    @property
    def takes_text(self) -> bool:
        """A reading is asked for, and the pen stands."""
        return self.work.stage is Stage.READING and self.live.at_rest and self.is_current

    @property
    def bound(self) -> frozenset[str]:
        """While the motor may turn only what ends a run or looks at alarms is no STOP."""
        keymap = self.live.keymap.keys
        names = ("end", "finish", "acknowledge", "alarms") if self.work.stage is Stage.RUN else ("acknowledge",)
        way_out = {"escape"} if self._deaf else set()
        return frozenset(key for name in names for key in keymap[name]) | way_out

    @property
    def _deaf(self) -> bool:
        """Nothing is heard of the pen: the screen can be left, which moves nothing."""
        live = self.live
        return live.lost is not None or not live.answering or live.pen is None or live.pen.link != "up"

    async def on_key(self, event: events.Key) -> None:
        """Every key of this screen."""
        event.stop()
        if not self.is_current:
            return
        stage, key = self.work.stage, event.key
        if not (self.takes_text and self._edited(key, event.character)):
            await self._pressed(stage, key)
        self.repaint()

    async def _pressed(self, stage: Stage, key: str) -> None:
        live, work = self.live, self.work
        command = next((name for name, bound in live.keymap.keys.items() if key in bound), "")
        if stage not in (Stage.READING,) and command in ("acknowledge", "alarms", "help"):
            await self._command(command)
        elif command in ("end", "finish"):
            if stage is Stage.RUN and live.view is not None and live.view.run is not None:
                self.do(self.end_run())
        elif key == "escape" and self._deaf:
            self.dismiss(None)
        elif not live.at_rest or stage in MOVING:
            work.told = work.told or "The pen is busy; SPACE stops it."
        elif key == "escape":
            self.dismiss(None)
        elif command == "reset" and stage is not Stage.READING:
            self.do(self.reset())
        else:
            await self._of_stage(stage, key, command)

    async def _command(self, command: str) -> None:
        treat = self.dashboard.treat
        {"acknowledge": treat.action_acknowledge, "alarms": treat.action_alarms, "help": treat.action_help}[command]()

    async def _of_stage(self, stage: Stage, key: str, command: str) -> None:
        work = self.work
        if key in ("up", "down", "pageup", "pagedown", "home", "end"):
            self.work.browse(key)
        elif key == START_KEY and stage in (Stage.READY, Stage.RESEAT):
            self.do(self.drive(reseated=stage is Stage.RESEAT))
        elif command == "go" and stage is Stage.RUN:
            self.do(self.start())
        elif key == "enter" and stage is Stage.READING:
            self._take("typed")
        elif key == "f5" and stage in (Stage.READING, Stage.RUN):
            self.do(self.drive(reseated=False))
        elif key == "f6" and stage is Stage.READING and work.refused:
            await self._chore("anyway")
        elif key == "f7" and stage in (Stage.READY, Stage.READING, Stage.JUDGED, Stage.RESEAT):
            await self._chore("withdraw")
        elif key == "f8" and stage is not Stage.OVER:
            await self._chore("abandon")
        elif stage in (Stage.JUDGED, Stage.OVER) and key == "n":
            work.series += 1
        elif stage is Stage.JUDGED and key in ("tab", "right", "left", "shift+tab"):
            work.page = (work.page + (1 if key in ("tab", "right") else -1)) % len(PAGES)
        elif stage is Stage.JUDGED and key in _JUDGED_KEYS:
            await self._chore(_JUDGED_KEYS[key])
        elif stage is Stage.OVER and key == "p":
            await self._chore("report")
        elif stage is Stage.OVER and key in ("tab", "right", "left", "shift+tab"):
            work.page = (work.page + (1 if key in ("tab", "right") else -1)) % len(PAGES)

    async def _chore(self, name: str) -> None:
        self.do(self._chores(self, name))

    # -- the field of the reading

    def _edited(self, key: str, character: str | None) -> bool:
        work = self.work
        if key == "backspace":
            work.typed = work.typed[:-1]
        elif key in ("f4", "delete"):
            work.typed = ""
        elif character is not None and character.isprintable() and len(character) == 1:
            blank = " " if character == "_" else character  # SPACE is STOP
            work.typed = (work.typed + blank)[:FIELD_MOST]
        else:
            return False
        work.told = ""
        return True

    def scanned(self, words: str) -> None:
        """A burst of keys or a paste: a gauge that types like a keyboard, which ends its reading with Enter."""
        if not self.takes_text:
            self.live.say("a gauge or scan was ignored: no reading is asked for now")
            self.repaint()
            return
        work = self.work
        body, enter, _ = words.replace("\n", "\r").replace("\t", "\r").partition("\r")
        if enter and len(body) >= GAUGE_LEAST:
            work.typed = body.strip()[:FIELD_MOST]
            self._take("keyboard")
        else:
            work.typed = (work.typed + body)[:FIELD_MOST]
            if enter:
                self._take("typed")
        self.repaint()

    def on_paste(self, event: events.Paste) -> None:
        """As a scan."""
        event.stop()
        self.scanned(event.text)

    def _take(self, source: str) -> None:
        if not self.work.typed.strip():
            self.work.told = "Type what the instrument shows, then Enter; F5 drives to this step again."
        else:
            self.do(self.send_reading(source, ""))

    # -- painting

    def frame(self) -> None:
        """Everything, and what the input thread has to know."""
        live, guard = self.live, self.dashboard.guard
        self.follow_run()
        if self.is_current:
            guard.text_focus = guard.gauge_field = self.takes_text
            guard.bound = self.bound
        width, height = self.app.size
        localtime = self.dashboard.localtime
        self._board("c-title").put(0, rows.title_row(live, "CALIBRATE", width, localtime))
        silenced = max(0.0, live.view.silenced_s - live.since) if live.view is not None else 0.0
        row, rest = alarm_row(live.alarms(), silenced, live.clock(), width, live.keymap)
        self.query_one("#alarm", LineBoard).put(0, row)
        room = height - 3 - self.dashboard.stop_rows
        self._board("c-body").fill(body(self.work, live, width, room, rest, self.dashboard.look.ascii)[:room])
        self._board("c-keys").put(0, rows.key_row(keys(self.work, live, width), width, live.pressed))
        self.query_one(StopBar).show(*stop_words(live, guard.may_turn, self.dashboard.stopped_at))

    def _board(self, name: str) -> LineBoard:
        return self.query_one(f"#{name}", LineBoard)


_JUDGED_KEYS: Final = {"s": "sign", "l": "linear", "p": "piecewise", "x": "none"}
