"""The file of a client: courses, sessions, assessments, adverse events and follow-ups, each to be opened or carried on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from tui import text
from tui.client_rows import FileRow, file_rows
from tui.screens.clients import day
from tui.screens.listed import ListSheet
from tui.theme import BRIGHT, DIM, TEXT
from tui.widgets.line_board import Row

ENTER: Final = {
    "Course": "ends the course, with a reason",
    "Session": "shows the record",
    "Event": "says how it went on",
    "Follow-up": "says what became of it",
}
"""What Enter does with a row of each kind."""


@dataclass(frozen=True, slots=True)
class FileChoice:
    """What is to be done: open (the row), move (a follow-up), or the name of a form that is filled in anew."""

    what: str
    row: FileRow | None = None


class ClientFileScreen(ListSheet[FileRow]):
    """Answers a `FileChoice`, or None at Esc; ``at`` is the row on which it stood before."""

    ABOUT: ClassVar = 3
    HOLDS_SCANS = False

    def __init__(self, code: str, at: int = 0) -> None:
        super().__init__()
        self.code = code
        self.cursor = at
        self._rows: list[FileRow] = []
        self._read = False

    def on_mount(self) -> None:
        """Read it."""
        self.query_one("#box").border_title = f"Client {self.code}"
        self.run_worker(self._look())

    async def _look(self) -> None:
        found = await self.dashboard.book.client(self.code)
        self._read = True
        if found is None:
            self.tell("The record cannot be read now.")
        else:
            localtime = self.dashboard.localtime
            self._rows = file_rows(found, self.dashboard.now(), lambda utc_us: day(utc_us, localtime))
        self.repaint()

    @property
    def items(self) -> Sequence[FileRow]:
        """See `ListSheet`."""
        return self._rows

    def line(self, item: FileRow, here: bool, width: int) -> Row:
        """Kind, day, what it is, and how it stands."""
        mark = "!" if item.urgent else " "
        state = text.cut(item.state, 28)
        room = max(8, width - 28 - len(state) - 2)
        ink = BRIGHT if here or item.urgent else TEXT
        head = (("›" if here else " ", BRIGHT), (f"{mark} {item.kind:<11}{item.day:<11} ", BRIGHT if here else DIM))
        return (*head, (f"{text.cut(item.text, room):<{room}}  ", ink), (state, ink))

    def about(self, item: FileRow | None, width: int) -> list[Row]:
        """The whole line where it was cut, and what Enter does."""
        if item is None:
            words = "Nothing is recorded of this client yet." if self._read else "reading the record …"
            return [((words, DIM),)]
        said: list[Row] = [
            ((words, TEXT),) for words in text.within(f"{item.text}: {item.state}".strip(": "), width, 2)
        ]
        if item.kind in ("Course", "Follow-up") and not item.form:
            return said
        may = ENTER.get(item.kind, "")
        return (
            [*said, ((f"Enter {may}{'; F7 lays it on another day' if item.kind == 'Follow-up' else ''}.", DIM),)]
            if may
            else said
        )

    def keys(self) -> tuple[tuple[str, str], ...]:
        """Hints."""
        new = (("F2", "course"), ("F3", "assess"), ("F4", "identity"), ("F5", "event"), ("F6", "follow-up"))
        move = (("F7", "move"),) if self.here is not None and self.here.kind == "Follow-up" else ()
        return (("Enter", "opens"), ("Esc", "back"), *move, *new)

    async def pressed(self, key: str) -> bool:
        """Function keys enter something new."""
        new = {"f2": "course", "f3": "assessment", "f4": "identity", "f5": "adverse_event", "f6": "follow_up"}
        if key in new:
            self.dismiss(FileChoice(new[key]))
        elif key == "f7" and self.here is not None and self.here.kind == "Follow-up" and self.here.form:
            self.dismiss(FileChoice("move", self.here))
        else:
            return False
        return True

    def chosen(self, item: FileRow) -> None:
        """Enter."""
        if item.kind == "Session" or item.form:
            self.dismiss(FileChoice("open", item))
        else:
            self.tell("There is nothing more to say of this.")
