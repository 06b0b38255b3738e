"""The record of a session, read-only: signature, passes, everything that was entered, and what was amended with the old value."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar, Final

from tui import text
from tui.book import SessionRecord
from tui.record_lines import RecordLine, record_lines
from tui.screens.listed import ListSheet
from tui.theme import BRIGHT, DIM, TEXT
from tui.widgets.line_board import Row

LABEL: Final = 26


class SessionRecordScreen(ListSheet[RecordLine]):
    """Answers the line that is to be amended, or None at Esc. Nothing here changes the record."""

    TITLE_TEXT = "Record of the session (read only)"
    ABOUT: ClassVar = 2
    HOLDS_SCANS = False

    def __init__(self, record: SessionRecord, at: int = 0) -> None:
        super().__init__()
        self.record = record
        self.cursor = at
        self._lines: list[RecordLine] = []

    def on_mount(self) -> None:
        """Write the lines in the time zone of the place."""
        zone = self.dashboard.now().tzinfo
        assert zone is not None
        self._lines = record_lines(self.record, self._moment, zone)

    def _moment(self, utc_us: int) -> str:
        return time.strftime("%Y-%m-%d %H:%M", self.dashboard.localtime(utc_us / 1e6))

    @property
    def signed(self) -> bool:
        """Whether it is signed as performed: only then is it amended, before it is entered anew."""
        return any(one["meaning"] == "performed" for one in self.record.signatures)

    @property
    def items(self) -> Sequence[RecordLine]:
        """See `ListSheet`."""
        return self._lines

    def line(self, item: RecordLine, here: bool, width: int) -> Row:
        """A heading, or label and value with what stood there before."""
        point = "›" if here else " "
        if not item.label:
            return ((point, BRIGHT), (f" {text.cut(item.value, width - 2)}", BRIGHT))
        label = min(LABEL, max(12, width // 4))
        ink = BRIGHT if here or item.urgent or item.was else TEXT
        value = f"{item.value}  ({item.was})" if item.was else item.value
        head = ((point, BRIGHT), (f"   {text.cut(item.label, label):<{label}}  ", DIM))
        return (*head, (text.cut(value, width - label - 6), ink))

    def about(self, item: RecordLine | None, width: int) -> list[Row]:
        """The whole of a line that was cut, and whether it can be amended."""
        if item is None:
            return []
        whole = " ".join(part for part in (item.label, item.value, f"({item.was})" if item.was else "") if part)
        if len(whole) + 6 > width:
            return [((words, TEXT),) for words in text.within(whole, width, 2)]
        if not self.signed:
            return [(("Not signed yet: what is wrong is entered anew on its step.", DIM),)]
        return [(("Enter amends this; what stands here stays beside it.", DIM),)] if item.amendable else []

    def keys(self) -> tuple[tuple[str, str], ...]:
        """Hints."""
        amend = (("Enter", "amends"),) if self.signed else ()
        return (*amend, ("up down PgUp PgDn", "moves"), ("Esc", "back"))

    def chosen(self, item: RecordLine) -> None:
        """Enter."""
        if not self.signed:
            self.tell("Not signed yet: what is wrong is entered anew on its step; F7 of the steps changes a pass.")
        elif not item.amendable:
            self.tell("This line is not amended: choose a value.")
        else:
            self.dismiss(item)
