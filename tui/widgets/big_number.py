"""BigNumber: digits of five by seven half-block pixels, four rows tall, readable from across a room."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from tui.theme import BRIGHT

_FONT: Final = {
    "0": ".###. ##.## ##.## ##.## ##.## ##.## .###.",
    "1": "..##. .###. ..##. ..##. ..##. ..##. .####",
    "2": ".###. ##.## ...## ..##. .##.. ##... #####",
    "3": "####. ...## ...## .###. ...## ...## ####.",
    "4": "...## ..### .#.## ##.## ##### ...## ...##",
    "5": "##### ##... ####. ...## ...## ##.## .###.",
    "6": ".###. ##... ####. ##.## ##.## ##.## .###.",
    "7": "##### ...## ..##. ..##. .##.. .##.. .##..",
    "8": ".###. ##.## ##.## .###. ##.## ##.## .###.",
    "9": ".###. ##.## ##.## .#### ...## ...## .###.",
    ".": ".. .. .. .. .. ## ##",
    "-": "..... ..... ..... ##### ..... ..... .....",
    "?": ".###. ##.## ...## ..##. ..##. ..... ..##.",
    " ": "..... ..... ..... ..... ..... ..... .....",
}
ROWS: Final = 4


@lru_cache(maxsize=256)
def big_rows(text: str) -> tuple[str, ...]:
    """``text`` in half blocks, four rows of equal length; unknown characters are blank."""
    glyphs = [_FONT.get(char, _FONT[" "]).split() for char in text]
    rows = []
    for y in range(ROWS):
        line = []
        for glyph in glyphs:
            top = glyph[2 * y]
            low = glyph[2 * y + 1] if 2 * y + 1 < len(glyph) else "." * len(top)
            line.append("".join(" ▀▄█"[(a == "#") + 2 * (b == "#")] for a, b in zip(top, low, strict=True)))
        rows.append(" ".join(line))
    return tuple(rows)


class BigNumber(Widget):
    """One big number; `show` repaints only when it differs."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.value = ""
        self.style = BRIGHT

    def show(self, value: str, style: Style = BRIGHT) -> None:
        """Show ``value`` (digits, point, minus, question mark, blank)."""
        if value != self.value or style is not self.style:
            self.value, self.style = value, style
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row."""
        width, base = self.size.width, self.rich_style
        rows = big_rows(self.value)
        if y >= len(rows):
            return Strip.blank(width, base)
        return Strip([Segment(rows[y], base + self.style)]).adjust_cell_length(width, base)
