"""The help page and the note every user sees first: what the program is, and what its STOP is not."""

from __future__ import annotations

from itertools import zip_longest
from typing import ClassVar

from textual.binding import Binding

from devicectl.about import DISCLAIMER, VERSION
from tui import text
from tui.keys import COMMANDS, OVERRIDE_KEY, Keymap, show_key
from tui.screens.base import Scrolled, Sheet
from tui.theme import BRIGHT, DIM, KEYCAP, TEXT
from tui.widgets.line_board import BLANK, Row, width_of
from tui.zones import ZONES

SWITCH_TEXT = "The emergency stop is the pen's own switch."


def stop_text(keymap: Keymap) -> str:
    """What is STOP, the user's own additions too."""
    added = "".join(f", {show_key(key)}" for key in keymap.added_stops)
    return (
        f"STOP  SPACE, F9, Ctrl+C{added} or a click on the bottom bar; while the motor turns also any key "
        "that means nothing at that moment."
    )


class HelpScreen(Scrolled):
    """Every key, in two columns where there is room; the keys are those of the user's keymap."""

    TITLE_TEXT = "Keys"
    WIDTH = 74
    BINDINGS: ClassVar = [
        *Scrolled.BINDINGS,
        Binding("escape,question_mark,f1,q,enter", "close", "close", show=False),
    ]
    ALSO: ClassVar = {"help": "close"}

    def content(self) -> list[Row]:
        """The page."""
        keymap, width = self.live.keymap, self.inner
        rows: list[Row] = [((line, BRIGHT),) for line in text.wrap(stop_text(keymap), width)]
        rows.append(((SWITCH_TEXT, BRIGHT),))
        zones = [f"{keymap.shown(f'zone-{zone.code.lower()}')} {zone.name}" for zone in ZONES]
        arrows = keymap.shown("zone-up", "zone-down", "zone-left", "zone-right")
        rows += [((line, DIM),) for line in text.wrap("Zones  " + "   ".join((*zones, arrows)), width)]
        columns = [_group(keymap, *names) for names in (("Setpoint", "Run"), ("Alarms", "Station"))]
        if self.room > len(rows) + 14:
            rows.append(BLANK)
        if width < 60:
            return [*rows, *columns[0], *columns[1]]
        half = width // 2
        for left, right in zip_longest(*columns, fillvalue=BLANK):
            rows.append((*left, (" " * max(1, half - width_of(left)), DIM), *right))
        return rows


def _group(keymap: Keymap, *groups: str) -> list[Row]:
    rows: list[Row] = []
    for group in groups:
        rows.append(((group, DIM),))
        for command in COMMANDS:
            if command.group == group:
                rows.append(((f" {keymap.all_shown(command.name):<5}", KEYCAP), (command.help, TEXT)))
            if command.name == "go" and group == "Run":
                rows.append(((f" {OVERRIDE_KEY:<5}", KEYCAP), ("there: a reason opens a check", TEXT)))
    return rows


class AboutScreen(Sheet[None]):
    """Shown at the first run and by ``--about``: the disclaimer, in full."""

    TITLE_TEXT = "Before you begin"
    WIDTH = 64
    BINDINGS: ClassVar = [Binding("enter", "close", "close", show=False)]

    def frame(self) -> None:
        """Show the note."""
        rows: list[Row] = [((f"devicectl {VERSION}", BRIGHT),), BLANK]
        rows += [((line, TEXT),) for line in text.wrap(DISCLAIMER, self.inner)]
        self.show([*rows, BLANK, (("Enter", KEYCAP), (" closes this note", DIM))])

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)
