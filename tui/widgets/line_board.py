"""LineBoard: rows of text with roles that cost nothing while they do not change."""

from __future__ import annotations

from typing import Final

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip

from tui.theme import NONE, Ink
from tui.widgets.drawn import Drawn

Part = tuple[str, Ink]
Row = tuple[Part, ...]
BLANK: Final[Row] = ()


def width_of(row: Row) -> int:
    """Cells of a row (all texts of the screens are of one-cell characters)."""
    return sum(len(text) for text, _ in row)


def spread(width: int, left: Row, right: Row) -> Row:
    """``left`` and ``right`` at the two ends of ``width`` cells."""
    gap = width - width_of(left) - width_of(right)
    return (*left, (" " * max(1, gap), NONE), *right)


class LineBoard(Drawn):
    """Rows set with `put` or `fill`; only a row that differs is painted again."""

    def __init__(self, rows: int = 0, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.rows: list[Row] = [BLANK] * rows

    def put(self, index: int, row: Row) -> bool:
        """Show ``row``; answers whether it had to be painted. Rows below the last are added."""
        while len(self.rows) <= index:
            self.rows.append(BLANK)
        if self.rows[index] == row:
            return False
        self.rows[index] = row
        self.refresh(Region(0, index, max(1, self.size.width), 1))
        return True

    def fill(self, rows: list[Row]) -> int:
        """Show ``rows`` and blank what is left of older ones; answers how many were painted."""
        longest = max(len(rows), len(self.rows))
        return sum(self.put(i, rows[i] if i < len(rows) else BLANK) for i in range(longest))

    def render_line(self, y: int) -> Strip:
        """One row."""
        width, base, look = self.size.width, self.rich_style, self.look
        if y >= len(self.rows):
            return Strip.blank(width, base)
        segments = [Segment(look.text(text), base + look.style(ink)) for text, ink in self.rows[y]]
        return Strip(segments).adjust_cell_length(width, base)
