"""Opening a failed check with a reason: a field that exists only while the pen is confirmed still."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input

from devicectl.station.client_api import StationError
from devicectl.station.views import GateView
from tui import text
from tui.screens.base import Sheet
from tui.screens.rows import key_row
from tui.stop_guard import SCAN_GAP_S
from tui.theme import BRIGHT, DIM, TEXT
from tui.widgets.line_board import BLANK, LineBoard, Row

MIN_REASON: Final = 3
"""Characters; the station asks for as many."""
MAX_REASON: Final = 200
WARNING: Final = "The reason is recorded with the session and stands on every start sheet. It must name no person."


class OverrideScreen(Sheet[bool]):
    """Sends ``gate.override`` for one check; answers True when the check is open. Starts nothing.

    The field has the focus only while the pen is confirmed still and no run is open. SPACE is STOP here too, so ``_``
    makes a blank. Enter right behind a character comes from a scanner and sends nothing.
    """

    TITLE_TEXT = "Open a check with a reason"
    BINDINGS: ClassVar = [Binding("escape", "close", show=False)]

    def __init__(self, gate: GateView) -> None:
        super().__init__()
        self.gate = gate
        self.told = ""
        self.typed_at = -1.0
        self.sending = False

    def extra(self) -> ComposeResult:
        """The field, then what the station said and the keys."""
        field = Input(max_length=MAX_REASON, restrict=r"[^\x00-\x1f]*", id="reason", select_on_focus=False)
        field.cursor_blink = False
        field.can_focus = False
        yield field
        yield LineBoard(id="answer")

    def frame(self) -> None:
        """Follow the pen: the field loses the focus as soon as the pen is not confirmed still."""
        field, allowed = self.query_one("#reason", Input), self.live.at_rest
        if field.can_focus != allowed:
            field.can_focus = allowed
            self.set_focus(field if allowed else None)
            self.dashboard.guard.text_focus = allowed
        answer = self.query_one("#answer", LineBoard)
        rows = self._answer()
        if answer.styles.height is None or answer.styles.height.value != len(rows):
            answer.styles.height = len(rows)
        answer.fill(rows)
        self.show(self._question()[: max(1, self.room - 1 - len(rows))])

    def _question(self) -> list[Row]:
        first, *more = text.wrap(self.gate.text, self.inner - 17)
        rows: list[Row] = [((" ✖ ", BRIGHT), (self.gate.name.ljust(14), BRIGHT), (first, BRIGHT))]
        rows += [((" " * 17, BRIGHT), (line, BRIGHT)) for line in more]
        rows += [BLANK, *(((line, TEXT),) for line in text.wrap(WARNING, self.inner))]
        return [*rows, ((f"Reason, at least {MIN_REASON} letters; _ makes a blank, SPACE is STOP here too:", DIM),)]

    def _answer(self) -> list[Row]:
        rows: list[Row] = []
        if not self.live.at_rest:
            rows.append((("waiting until the pen is confirmed still and no run is open", BRIGHT),))
        rows += [((line, BRIGHT),) for line in (text.wrap(self.told, self.inner) if self.told else ())]
        return [BLANK, *rows, key_row((("Enter", "opens the check"), ("Esc", "leaves it closed")), self.inner)]

    def on_input_changed(self, event: Input.Changed) -> None:
        """A low line becomes a blank; when the last character came."""
        self.typed_at = self.live.clock()
        if "_" in event.value:
            at = event.input.cursor_position
            event.input.value = event.value.replace("_", " ")
            event.input.cursor_position = at

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Send the reason."""
        reason = event.value.replace("_", " ").strip()
        if self.sending or not self.live.at_rest:
            return
        if 0 <= self.live.clock() - self.typed_at < SCAN_GAP_S:
            self._tell("Not sent: that came as fast as a scan. Enter sends it.")
        elif len(reason) < MIN_REASON:
            self._tell(f"Not sent: a reason has at least {MIN_REASON} letters.")
        else:
            self.sending = True
            self.run_worker(self._send(reason), group="requests")

    async def _send(self, reason: str) -> None:
        name = self.gate.name
        try:
            await self.dashboard.client.request("gate.override", gate=name, reason=reason)
        except StationError as error:
            self._tell(str(error))
        except (OSError, TimeoutError) as error:
            self._tell(f"the station did not answer: {str(error) or type(error).__name__}")
        else:
            self.live.say(f"{name} is open until the session ends; the reason is recorded")
            if self.is_current:
                self.dismiss(True)
        finally:
            self.sending = False

    def _tell(self, sentence: str) -> None:
        self.told = sentence
        self.live.say(sentence)
        self.repaint()

    def on_unmount(self) -> None:
        """No text field is left."""
        self.dashboard.guard.text_focus = False

    def action_close(self) -> None:
        """Back; the check stays closed."""
        self.dismiss(False)
