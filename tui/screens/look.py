"""The theme sheet: what is chosen is seen at once and remembered."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding

from tui.palettes import THEMES
from tui.screens.base import Sheet
from tui.screens.rows import key_row
from tui.theme import BRIGHT, CHIP, DIM, TEXT
from tui.widgets.line_board import BLANK, Row


class LookScreen(Sheet[None]):
    """Themes by digit, ASCII on and off."""

    TITLE_TEXT = "Theme and characters"
    WIDTH = 58
    BINDINGS: ClassVar = [
        *[Binding(str(n), f"theme('{name}')", show=False) for n, name in enumerate(THEMES, 1)],
        Binding("a", "ascii", show=False),
        Binding("escape,q,enter", "close", show=False),
    ]
    ALSO: ClassVar = {"theme": "close"}

    def frame(self) -> None:
        """What may be chosen, and what is."""
        chosen, look = self.dashboard.settings.theme, self.dashboard.look
        rows: list[Row] = []
        for number, palette in enumerate(THEMES.values(), 1):
            here = palette.name == chosen
            row: Row = ((f" {number} ", CHIP if here else DIM), (f" {palette.title}", BRIGHT if here else TEXT))
            rows.append((*row, ("  in use" if here and not look.palette.colourless else "", DIM)))
        if look.palette.colourless:
            rows.append(((" NO_COLOR is set: no theme shows until it is not", TEXT),))
        rows.append(BLANK)
        characters = "ASCII only" if look.ascii else "Unicode, with braille and block characters"
        rows.append(((" a ", DIM), (" characters: ", TEXT), (characters, BRIGHT)))
        rows += [BLANK, key_row((("1-3", "theme"), ("a", "ASCII or Unicode"), ("Esc", "closes")), self.inner)]
        self.show(rows)

    def action_theme(self, name: str) -> None:
        """Another palette."""
        self.dashboard.set_look(theme=name)

    def action_ascii(self) -> None:
        """Other characters."""
        self.dashboard.set_look(ascii=not self.dashboard.look.ascii)

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)
