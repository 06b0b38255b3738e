"""A pen on the air that asks for its passkey, or refuses: the question, and the refusal in full."""

from __future__ import annotations

from typing import ClassVar, Final

from textual import events
from textual.binding import Binding

from tui import text
from tui.screens.base import Sheet
from tui.screens.field_sheet import FieldSheet
from tui.screens.rows import key_row
from tui.theme import BRIGHT, DIM, TEXT
from tui.widgets.line_board import BLANK, Row

DIGITS: Final = 6
PASSKEY_CODES: Final = frozenset({"no-passkey", "wrong-passkey"})
"""Refusals after which the right passkey helps."""
PAIRING_CODES: Final = PASSKEY_CODES | {
    "pairing-refused", "pairing-timeout", "bond-lost", "hung-up", "not-trusted", "pen-busy", "pen-not-found",
    "no-answer", "radio-absent", "no-bluetooth", "bluetooth-off", "no-permission", "no-dbus", "no-bluetoothd",
}  # fmt: skip
"""Refusals of a pen on the air, whose sentences are longer than the place for news."""


def with_passkey(address: str, digits: str) -> str:
    """``address`` with the passkey as its option. To be sent and neither shown nor kept."""
    return f"{address}{'&' if '?' in address else '?'}passkey={digits}"


class PasskeyScreen(FieldSheet[str]):
    """Answers six digits."""

    TITLE_TEXT = "The pen asks for its passkey"
    RESTRICT = r"[0-9]*"
    LONGEST = DIGITS
    KEYS: ClassVar = (("Enter", "pairs"), ("Esc", "leaves it"))

    def __init__(self, sentence: str) -> None:
        super().__init__()
        self.sentence = sentence

    def question(self) -> list[Row]:
        """What the pen said, and what is wanted."""
        said: list[Row] = [((line, TEXT),) for line in text.wrap(self.sentence, self.inner)]
        return [*said, BLANK, ((f"Type its {DIGITS} digits here; they are not kept. Pairing takes up to 12 s.", DIM),)]

    def typed(self, value: str) -> None:
        """All digits there?"""
        if len(value) == DIGITS:
            self.dismiss(value)
        else:
            self.tell(f"Not sent: a passkey has {DIGITS} digits, with zeros in front.")


class RefusedScreen(Sheet[None]):
    """A refusal with its next step, whole; any key closes it."""

    TITLE_TEXT = "Not possible now"
    BINDINGS: ClassVar = [Binding("enter,escape", "close", show=False)]

    def __init__(self, sentence: str) -> None:
        super().__init__()
        self.sentence = sentence

    def frame(self) -> None:
        """Show it."""
        rows: list[Row] = [((line, BRIGHT),) for line in text.wrap(self.sentence, self.inner)]
        self.show([*rows, BLANK, key_row((("any key", "closes"),), self.inner)])

    async def on_key(self, event: events.Key) -> None:
        """Any key; it does nothing else."""
        event.stop()
        self.action_close()

    def action_close(self) -> None:
        """Back."""
        if self.is_current:
            self.dismiss(None)
