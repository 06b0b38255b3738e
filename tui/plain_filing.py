"""The file of a client and the record of a session in line mode: numbered lines, and what is done with a number."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from devicectl.station.client_api import StationClient
from tui.book import Book
from tui.client_rows import FileRow, file_rows, line_of
from tui.record_lines import RecordLine, amendment_of, correction_form, record_lines
from tui.screens.form_draft import Draft

HELP: Final = (
    "file CODE: courses, sessions, events, follow-ups of a client by number; then about N: how it went on, what became of it,",
    "the end of a course, or the record of a session; move N: another day; repeat CODE: a session with the depths of last time",
    "record: of this session, or about N in a file; amend N: correct a line of a signed record, the old value stays",
)
Form = Callable[..., Awaitable[None]]
Begin = Callable[[str, Draft, Callable[[dict[str, object]], Awaitable[Any]]], None]


class PlainFiling:
    """What was listed last decides what a number means. ``form`` and ``begin`` ask the questions of a form."""

    def __init__(
        self,
        client: StationClient,
        book: Book,
        write: Callable[[str], None],
        now: Callable[[], datetime],
        form: Form,
        begin: Begin,
    ) -> None:
        self.client, self.book, self.write, self.now = client, book, write, now
        self._form, self._begin = form, begin
        self._code, self._session, self._signed = "", "", False
        self._rows: list[FileRow] = []
        self._lines: list[RecordLine] = []

    async def command(self, word: str, rest: str, session: str | None) -> bool:
        """A command of the file or the record; False when it is none. ``session`` is the one that is meant now."""
        if word == "file" and rest:
            await self._file(rest)
        elif word == "about" and rest:
            await self._about(self._row(rest))
        elif word == "move" and rest:
            row = self._row(rest)
            if row is not None and row.form == "follow_up_state":
                await self._form("follow_up_moved", client=self._code, about=row.key)
            else:
                self.write("move N needs the number of a follow-up that is due; file CODE has them.")
        elif word == "record" and not rest:
            if session is None:
                self.write("No treatment is open; file CODE has the sessions of a client.")
            else:
                await self._record(session)
        elif word == "amend" and rest:
            self._amend(rest)
        else:
            return False
        return True

    def _row(self, number: str) -> FileRow | None:
        at = int(number) - 1 if number.isascii() and number.isdigit() else -1
        return self._rows[at] if 0 <= at < len(self._rows) else None

    async def _file(self, code: str) -> None:
        found = await self.book.client(code)
        self._code, self._rows = code, []
        if found is None:
            self.write(f"There is no client {code}, or the record cannot be read; clients lists them.")
            return
        self._rows = file_rows(found, self.now(), lambda utc_us: self._moment(utc_us)[:10])
        for number, row in enumerate(self._rows, 1):
            self.write(f"{number}: {line_of(row)}")
        if not self._rows:
            self.write("Nothing is recorded of this client yet.")

    async def _about(self, row: FileRow | None) -> None:
        if row is None:
            self.write("about N needs a number of the list that file CODE shows.")
        elif row.kind == "Session":
            await self._record(row.key)
        elif row.form:
            await self._form(row.form, client=self._code, about=None if row.kind == "Course" else row.key)
        else:
            self.write("There is nothing more to say of this.")

    async def _record(self, session: str) -> None:
        record = await self.book.session(session)
        if record is None:
            self.write("The record of that session cannot be read now.")
            return
        self._session = session
        self._signed = any(one["meaning"] == "performed" for one in record.signatures)
        zone = self.now().tzinfo
        assert zone is not None
        self._lines = record_lines(record, self._moment, zone)
        for number, line in enumerate(self._lines, 1):
            was = f", {line.was}" if line.was else ""
            self.write(f"{number}: {line.label}: {line.value}{was}" if line.label else f"{line.value}.")

    def _moment(self, utc_us: int) -> str:
        return time.strftime("%Y-%m-%d %H:%M", datetime.fromtimestamp(utc_us / 1e6, self.now().tzinfo).timetuple())

    def _amend(self, number: str) -> None:
        at = int(number) - 1 if number.isascii() and number.isdigit() else -1
        line = self._lines[at] if 0 <= at < len(self._lines) else None
        if line is None or not line.amendable:
            self.write("amend N needs the number of a value in the record; record or about N shows it.")
            return
        if not self._signed:
            self.write("Not signed yet: what is wrong is entered anew, such as result ZONE.")
            return
        session, wanted = self._session, line

        async def submit(given: dict[str, object]) -> Any:
            values = amendment_of(wanted, given)
            return await self.client.request("session.amend", session=session, values=values)

        self._begin(f"Amend {line.label}, now {line.value}", Draft.of(correction_form(line)), submit)
