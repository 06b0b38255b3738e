"""BigNumber: digits of five by seven half-block pixels, four rows tall, readable from across a room."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from rich.segment import Segment
from textual.strip import Strip

from tui.theme import BRIGHT, Ink
from tui.widgets.drawn import Drawn

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


_SEGMENTS: Final = {
    "0": " _ | ||_|", "1": "     |  |", "2": " _  _||_ ", "3": " _  _| _|", "4": "   |_|  |", "5": " _ |_  _|",
    "6": " _ |_ |_|", "7": " _   |  |", "8": " _ |_||_|", "9": " _ |_| _|", "-": "    _    ", "?": " _  _||  ", " ": " " * 9,
}  # fmt: skip


@lru_cache(maxsize=256)
def segment_rows(text: str) -> tuple[str, ...]:
    """``text`` as a seven-segment display in ASCII, four rows of equal length (the first is blank)."""
    rows = [""] * 3
    for char in text:
        glyph = "    ." if char == "." else _SEGMENTS.get(char, _SEGMENTS[" "])
        width = 1 if char == "." else 3
        for y in range(3):
            rows[y] += f"{glyph[y * 2 : y * 2 + 1] if char == '.' else glyph[y * 3 : y * 3 + 3]:<{width}} "
    return (" " * len(rows[0]), *rows)


class BigNumber(Drawn):
    """One big number; `show` repaints only when it differs."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.value = ""
        self.ink = BRIGHT

    def show(self, value: str, ink: Ink = BRIGHT) -> None:
        """Show ``value`` (digits, point, minus, question mark, blank)."""
        if value != self.value or ink is not self.ink:
            self.value, self.ink = value, ink
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row."""
        width, base, look = self.size.width, self.rich_style, self.look
        rows = segment_rows(self.value) if look.ascii else big_rows(self.value)
        if y >= len(rows):
            return Strip.blank(width, base)
        return Strip([Segment(rows[y], base + look.style(self.ink))]).adjust_cell_length(width, base)
