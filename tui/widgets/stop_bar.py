"""The bar on the last rows: STOP, dull red while the motor may turn and grey otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.widgets.drawn import Drawn

if TYPE_CHECKING:
    from tui.model import Live

TURNING = "■  STOP    press SPACE or F9, or click here"
NO_PEN = "□  no pen on this screen    SPACE, F9 or a click here still send STOP"
STILL = "□  motor still    SPACE, F9 or a click here still send STOP"
UNKNOWN = "■  STOP    motor state unknown: SPACE, F9 or click here"
SENT = "■  STOP SENT    the pen's own switch is the emergency stop"
SENT_S: Final = 1.5
"""So long the bar says that STOP went out."""


def stop_words(live: Live, may_turn: bool, sent_at: float | None) -> tuple[str, bool]:
    """What the bar says now, and whether it is lit; ``sent_at`` is when STOP went out (s of the screen's clock)."""
    if sent_at is not None and live.clock() - sent_at < SENT_S:
        return SENT, may_turn
    if not may_turn:
        return STILL if live.pen is not None else NO_PEN, may_turn
    turning = live.pen is not None and live.pen.motion == "turning" and live.answering
    return TURNING if turning else UNKNOWN, may_turn


class StopBar(Drawn):
    """Press anywhere on it: the guard in the input thread sees the row before Textual does."""

    def __init__(self) -> None:
        super().__init__(id="stop")
        self.text = UNKNOWN

    def show(self, text: str, may_turn: bool) -> None:
        """Show one of the texts of this module."""
        if text != self.text or self.has_class("-on") != may_turn:
            self.text = text
            self.set_class(may_turn, "-on")
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row; the text stands in the middle one."""
        width, base, look = self.size.width, self.rich_style, self.look
        if look.palette.colourless and self.has_class("-on"):
            base = base + Style(reverse=True)
        if y != self.size.height // 2:
            return Strip.blank(width, base)
        return Strip([Segment(look.text(self.text.center(width)), base)]).adjust_cell_length(width, base)
