"""A sheet with one text field, which exists for the keyboard only while the pen is confirmed still."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input

from tui import text
from tui.screens.base import Sheet
from tui.screens.rows import key_row
from tui.stop_guard import SCAN_GAP_S
from tui.theme import BRIGHT
from tui.widgets.line_board import BLANK, LineBoard, Row

Answer = TypeVar("Answer")


class FieldSheet(Sheet[Answer | None]):
    """Asks `question`, hands what was typed to `typed`, and answers None at Esc.

    The field has the focus only while the pen is confirmed still and no run is open. Enter right behind a character
    comes from a scanner and sends nothing.
    """

    BINDINGS: ClassVar = [Binding("escape", "close", show=False)]
    RESTRICT: ClassVar[str] = ""
    """What may be typed, as a regular expression for the whole field."""
    LONGEST: ClassVar[int] = 40
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        self.told = ""
        self.typed_at = -1.0

    def extra(self) -> ComposeResult:
        """The field, then what there is to say about it, and the keys."""
        field = Input(
            max_length=self.LONGEST, restrict=self.RESTRICT, id="field", classes="long", select_on_focus=False
        )
        field.cursor_blink = False
        field.can_focus = False
        yield field
        yield LineBoard(id="answer")

    def frame(self) -> None:
        """Follow the pen: the field loses the focus as soon as the pen is not confirmed still."""
        field, allowed = self.query_one("#field", Input), self.live.at_rest
        if field.can_focus != allowed:
            field.can_focus = allowed
            self.set_focus(field if allowed else None)
            self.dashboard.guard.text_focus = allowed
        answer = self.query_one("#answer", LineBoard)
        rows: list[Row] = [BLANK]
        if not allowed:
            rows.append((("waiting until the pen is confirmed still and no run is open", BRIGHT),))
        rows += [((line, BRIGHT),) for line in (text.wrap(self.told, self.inner) if self.told else ())]
        rows.append(key_row(self.KEYS, self.inner))
        if answer.styles.height is None or answer.styles.height.value != len(rows):
            answer.styles.height = len(rows)
        answer.fill(rows)
        self.show(self.question()[: max(1, self.room - 1 - len(rows))])

    def question(self) -> list[Row]:
        """What is asked, above the field."""
        return []

    def typed(self, value: str) -> None:
        """Enter: ``value`` is what the field holds."""

    def on_input_changed(self, event: Input.Changed) -> None:  # noqa: ARG002
        """When the last character came."""
        self.typed_at = self.live.clock()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter, unless the pen may turn or a scanner pressed it."""
        if not self.live.at_rest:
            return
        if 0 <= self.live.clock() - self.typed_at < SCAN_GAP_S:
            self.tell("Not sent: that came as fast as a scan. Enter sends it.")
        else:
            self.typed(event.value)

    def tell(self, sentence: str) -> None:
        """A sentence under the field, and among the news."""
        self.told = sentence
        self.live.say(sentence)
        self.repaint()

    def on_unmount(self) -> None:
        """No text field is left."""
        self.dashboard.guard.text_focus = False

    def action_close(self) -> None:
        """Back; nothing was sent that was not answered."""
        self.dismiss(None)
