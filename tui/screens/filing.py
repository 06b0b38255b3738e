"""What is filed of a client: the file itself, the record of each session, and how events and follow-ups went on."""

from __future__ import annotations

from typing import Any, Final

from tui.client_rows import FileRow, file_rows, of_kind
from tui.record_lines import amendment_of, correction_form
from tui.screens.client_file import ClientFileScreen, FileChoice
from tui.screens.clients import day
from tui.screens.door import DoorActions
from tui.screens.form_draft import Draft
from tui.screens.form_sheet import FormSheet
from tui.screens.menu import MenuScreen
from tui.screens.session_record import SessionRecordScreen

CARRIED_ON: Final = {
    "adverse_events": ("Event", "adverse_event", "A new adverse event"),
    "follow_ups": ("Follow-up", "follow_up", "A new follow-up"),
}
"""Step → the kind of rows of the file that may be carried on, the form of a new one, and what that is called."""


class FilingActions(DoorActions):
    """Reading what is recorded, carrying it on, and amending it with the old value kept."""

    async def file(self, code: str) -> None:
        """The file of a client, until it is left."""
        at = 0
        while True:
            screen = ClientFileScreen(code, at)
            choice = await self._ask_screen(screen)
            if not isinstance(choice, FileChoice):
                return
            at = screen.cursor
            if choice.what == "course":
                await self.course(code)
            elif choice.row is None:
                await self.fill(choice.what, client=code)
            elif choice.what == "move":
                await self.fill("follow_up_moved", client=code, about=choice.row.key)
            elif choice.row.kind == "Session":
                await self.session_record(choice.row.key)
            else:
                await self.carry_on(code, choice.row)

    async def course(self, code: str) -> str | None:
        """Open a course for a client; see `ReceptionActions`."""
        raise NotImplementedError

    async def carry_on(self, code: str, row: FileRow) -> Any:
        """The form that says what became of a row; a course needs no name: the open one is meant."""
        return await self.fill(row.form, client=code, about=None if row.kind == "Course" else row.key)

    async def of_step(self, name: str, code: str) -> None:
        """Something new, or how something went on that the client has already."""
        kind, form, new = CARRIED_ON[name]
        found = await self.dashboard.book.client(code)
        rows = of_kind(file_rows(found, self.dashboard.now(), self._day), kind) if found is not None else []
        items = [("new", new), *((row.key, f"{row.day}  {row.text}: {row.state}") for row in rows)]
        if name == "follow_ups":
            items.insert(0, ("aftercare", "Aftercare was given"))
        chosen = "new"
        if len(items) > 1:
            asked = await self._ask_screen(MenuScreen(f"{code}: which?", items))
            if asked is None:
                return
            chosen = str(asked)
        if chosen in ("new", "aftercare"):
            await self.fill(form if chosen == "new" else chosen)
        else:
            await self.carry_on(code, next(row for row in rows if row.key == chosen))

    def _day(self, utc_us: int) -> str:
        return day(utc_us, self.dashboard.localtime)

    async def session_record(self, session: str) -> None:
        """The record of a session; a value of a signed one may be amended from there."""
        at = 0
        while True:
            record = await self.dashboard.book.session(session)
            if record is None:
                self.live.say("the record of that session cannot be read now")
                return
            screen = SessionRecordScreen(record, at)
            line = await self._ask_screen(screen)
            if line is None:
                return
            at = screen.cursor
            form = correction_form(line)

            async def submit(given: dict[str, object], line: Any = line) -> Any:
                values = amendment_of(line, given)
                return await self.dashboard.client.request("session.amend", session=session, values=values)

            client = record.detail.session.client or ""
            answer = await self._ask_screen(
                FormSheet(f"Amend: {line.label}, {client}", Draft.of(form), submit, first=0)
            )
            if isinstance(answer, dict):
                self.live.say(answer["text"])
