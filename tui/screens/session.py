"""Opening and closing a session, and notes in digits."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input

from devicectl.treatment.phrases import PHRASES
from tui import text
from tui.screens.base import Sheet
from tui.screens.rows import key_row
from tui.theme import BRIGHT, DIM, TEXT
from tui.widgets.line_board import BLANK, Row

Choice = dict[str, Any]
CODE: Final = r"[A-Za-z0-9._-]*"


class SessionScreen(Sheet[Choice | None]):
    """Answers ``{"method": …, "params": …}`` for the station, or None.

    The field for the client code has the focus only while the pen is confirmed still,
    and takes no blank: SPACE is STOP here too.
    """

    TITLE_TEXT = "Session"
    ALSO: ClassVar = {"session": "close"}
    BINDINGS: ClassVar = [
        Binding("b", "bench", show=False),
        Binding("t", "treatment", show=False),
        Binding("k", "finish", show=False),
        Binding("escape,q", "close", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.typing = False

    def extra(self) -> ComposeResult:
        """The field for the client code."""
        field = Input(placeholder="client code", max_length=40, restrict=CODE, id="client", select_on_focus=False)
        field.cursor_blink = False
        field.display = False
        field.can_focus = False
        yield field

    def frame(self) -> None:
        """Follow the pen: the field loses the focus as soon as the pen is not confirmed still."""
        field = self.query_one("#client", Input)
        allowed = self.typing and self.live.at_rest
        if field.can_focus != allowed:
            field.can_focus = allowed
            self.set_focus(field if allowed else None)
            self.dashboard.guard.text_focus = allowed
        self.show(self._rows())

    def _rows(self) -> list[Row]:
        session = self.live.view.session if self.live.view is not None else None
        if session is not None:
            what = f"{text.PURPOSES.get(session.purpose, session.purpose)}  {session.client}  {session.passes} passes"
            return [
                (("Open: ", DIM), (what, BRIGHT)),
                BLANK,
                key_row((("k", "close this session"), ("Esc", "back")), self.inner),
            ]
        rows: list[Row] = [
            (*key_row((("b", "bench"),), 12), ("no client; pen unloaded or simulated", DIM)),
            (*key_row((("t", "treatment"),), 16), ("client code; a training client if simulated", DIM)),
            BLANK,
        ]
        if self.typing:
            word = (
                "type it, Enter opens, Esc goes back"
                if self.live.at_rest
                else "waiting until the pen is confirmed still"
            )
            rows.append((("Client code  ", DIM), (word, TEXT)))
        else:
            rows.append(key_row((("Esc", "back"),), self.inner))
        return rows

    def action_bench(self) -> None:
        """Open a bench session."""
        if self._none_open():
            self.dismiss({"method": "session.open", "params": {"purpose": "bench", "client": ""}})

    def action_treatment(self) -> None:
        """Ask for the client's code."""
        if self._none_open():
            self.typing = True
            self.query_one("#client", Input).display = True
            self.repaint()

    def _none_open(self) -> bool:
        return self.live.at_rest and self.live.view is not None and self.live.view.session is None

    def action_finish(self) -> None:
        """Close the open session."""
        if self.live.at_rest and not self._none_open():
            self.dismiss({"method": "session.close", "params": {}})

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Open a treatment session for the code."""
        code = event.value.strip()
        if code and self._none_open():
            self.dismiss({"method": "session.open", "params": {"purpose": "treatment", "client": code}})

    def scanned(self, words: str) -> None:
        """A scanner or a paste gave the code."""
        if not self.typing:
            super().scanned(words)
            return
        code = words.strip()
        good = re.fullmatch(CODE, code) is not None
        self.query_one("#client", Input).value = code[:40] if good else ""
        if not good:
            self.live.say("that is no client code: letters, digits, . - and _ only, no blank")

    def on_unmount(self) -> None:
        """No text field is left."""
        self.dashboard.guard.text_focus = False

    def action_close(self) -> None:
        """Back without a change."""
        self.dismiss(None)


class NoteScreen(Sheet[str | None]):
    """A note as a digit phrase, allowed while the motor turns because no letter can be mistaken for a command."""

    TITLE_TEXT = "Note"
    ALSO: ClassVar = {"note": "close"}
    WIDTH = 52
    BINDINGS: ClassVar = [
        *[Binding(str(n), f"digit({n})", show=False) for n in range(10)],
        Binding("backspace", "rub", show=False),
        Binding("enter", "send", show=False),
        Binding("escape", "close", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.digits = ""

    def on_mount(self) -> None:
        """Digits are a note from here on, however fast."""
        self.dashboard.guard.note_open = True

    def on_unmount(self) -> None:
        """And no longer."""
        self.dashboard.guard.note_open = False

    def frame(self) -> None:
        """What was typed, and the phrases that begin so."""
        keys = (("Enter", "notes it"), ("Esc", "back"))
        fitting = [phrase for phrase in PHRASES if phrase.digits.startswith(self.digits)]
        rows: list[Row] = [((f"{self.digits}_", BRIGHT),)]
        for phrase in fitting[: max(1, self.room - 3)]:
            ink = BRIGHT if phrase.digits == self.digits else DIM
            rows.append(((f" {phrase.digits}  {phrase.text}", ink),))
        self.show([*rows, key_row(keys, self.inner)])

    def action_digit(self, digit: int) -> None:
        """Add a digit, at most 4."""
        self.digits = (self.digits + str(digit))[:4]
        self.repaint()

    def action_rub(self) -> None:
        """Take the last digit away."""
        self.digits = self.digits[:-1]
        self.repaint()

    def action_send(self) -> None:
        """Done."""
        self.dismiss(self.digits or None)

    def action_close(self) -> None:
        """Back without a note."""
        self.dismiss(None)
