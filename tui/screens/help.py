"""The help page and the note every user sees first: what the program is, and what its STOP is not."""

from __future__ import annotations

import textwrap
from typing import ClassVar

from textual.binding import Binding

from devicectl.about import DISCLAIMER, VERSION
from tui.keys import COMMANDS
from tui.screens.base import Sheet
from tui.theme import BRIGHT, DIM, KEYCAP, TEXT
from tui.widgets.line_board import BLANK, Row, width_of

STOP_TEXT = (
    "STOP  SPACE, F9, Ctrl+C or a click on the bottom bar; while the motor turns also any key "
    "that means nothing at that moment."
)
SWITCH_TEXT = "The emergency stop is the pen's own switch."


class HelpScreen(Sheet[None]):
    """Keys by group, in two columns where there is room."""

    TITLE_TEXT = "Keys"
    WIDTH = 74
    BINDINGS: ClassVar = [Binding("escape,question_mark,f1,q,enter", "close", "close", show=False)]

    def frame(self) -> None:
        """Nothing here changes, except with the size of the terminal."""
        self.show(self.rows(self.room))

    def rows(self, room: int) -> list[Row]:
        """The page for ``room`` rows."""
        groups: dict[str, list[Row]] = {}
        for command in COMMANDS:
            if command.shown and command.group != "Zone":
                row: Row = ((f" {command.shown:<6}", KEYCAP), (command.help, TEXT))
                groups.setdefault(command.group, []).append(row)
        zones = [f"{c.shown} {c.help.partition('  ')[2]}" for c in COMMANDS if c.group == "Zone" and c.help][:10]
        rows: list[Row] = [((line, BRIGHT),) for line in textwrap.wrap(STOP_TEXT, self.inner)]
        rows += [((SWITCH_TEXT, BRIGHT),), BLANK] if room > 20 else [((SWITCH_TEXT, BRIGHT),)]
        rows += [((line, DIM),) for line in textwrap.wrap("Zones  " + "   ".join(zones), self.inner)]
        for name in ("Setpoint", "Run", "Station"):
            body = groups[name]
            if room > 26:
                rows += [BLANK, ((name, DIM),), *body]
            else:
                rows += _columns(body, self.inner)
        return rows

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)


def _columns(body: list[Row], width: int) -> list[Row]:
    """Two short entries on one row."""
    out: list[Row] = []
    half = width // 2
    for row in body:
        if out and width_of(out[-1]) <= half - 1 and width_of(row) <= width - half and len(out[-1]) == 2:
            out[-1] = (*out[-1], (" " * (half - width_of(out[-1])), DIM), *row)
        else:
            out.append(row)
    return out


class AboutScreen(Sheet[None]):
    """Shown at the first run and by ``--about``: the disclaimer, in full."""

    TITLE_TEXT = "Before you begin"
    WIDTH = 64
    BINDINGS: ClassVar = [Binding("enter", "close", "close", show=False)]

    def frame(self) -> None:
        """Show the note."""
        rows: list[Row] = [((f"devicectl {VERSION}", BRIGHT),), BLANK]
        rows += [((line, TEXT),) for line in textwrap.wrap(DISCLAIMER, self.inner)]
        self.show([*rows, BLANK, (("Enter", KEYCAP), (" closes this note", DIM))])

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)
