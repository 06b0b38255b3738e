"""Opening a failed check with a reason."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.widgets import Input

from devicectl.station.client_api import StationError
from devicectl.station.views import GateView
from tui import text
from tui.screens.field_sheet import FieldSheet
from tui.screens.rows import gate_row
from tui.theme import BRIGHT, DIM, TEXT
from tui.widgets.line_board import BLANK, Row

MIN_REASON: Final = 3
"""Characters; the station asks for as many."""
WARNING: Final = "The reason is recorded with the session and stands on every start sheet. It must name no person."


class OverrideScreen(FieldSheet[bool]):
    """Sends ``gate.override`` for one check; answers True when the check is open. Starts nothing.

    SPACE is STOP here too, so ``_`` makes a blank.
    """

    TITLE_TEXT = "Open a check with a reason"
    RESTRICT = r"[^\x00-\x1f]*"
    LONGEST = 200
    KEYS: ClassVar = (("Enter", "opens the check"), ("Esc", "leaves it closed"))

    def __init__(self, gate: GateView) -> None:
        super().__init__()
        self.gate = gate
        self.sending = False

    def question(self) -> list[Row]:
        """The check, what becomes of the reason, and how it is typed."""
        rows = gate_row(self.gate.name, self.gate.text, " ✖ ", BRIGHT, self.inner)
        rows += [BLANK, *(((line, TEXT),) for line in text.wrap(WARNING, self.inner))]
        return [*rows, ((f"Reason, at least {MIN_REASON} letters; _ makes a blank, SPACE is STOP here too:", DIM),)]

    def on_input_changed(self, event: Input.Changed) -> None:
        """A low line becomes a blank."""
        super().on_input_changed(event)
        if "_" in event.value:
            at = event.input.cursor_position
            event.input.value = event.value.replace("_", " ")
            event.input.cursor_position = at

    def typed(self, value: str) -> None:
        """Send the reason."""
        reason = value.replace("_", " ").strip()
        if len(reason) < MIN_REASON:
            self.tell(f"Not sent: a reason has at least {MIN_REASON} letters.")
        elif not self.sending:
            self.sending = True
            self.run_worker(self._send(reason), group="requests")

    async def _send(self, reason: str) -> None:
        name = self.gate.name
        try:
            await self.dashboard.client.request("gate.override", gate=name, reason=reason)
        except StationError as error:
            self.tell(str(error))
        except (OSError, TimeoutError) as error:
            self.tell(f"the station did not answer: {str(error) or type(error).__name__}")
        else:
            self.live.say(f"{name} is open until the session ends; the reason is recorded")
            if self.is_current:
                self.dismiss(True)
        finally:
            self.sending = False
