"""Clients and their courses: who is treated, by which plan, and opening the treatment."""

from __future__ import annotations

from typing import Any

from devicectl.records.register import ClientSummary
from tui.screens.clients import (
    ClientChoice,
    ClientsScreen,
    ProtocolsScreen,
    copied,
    course_line,
    interrupted,
    last_depths,
    unsigned,
)
from tui.screens.filing import FilingActions
from tui.screens.menu import MenuScreen


class ReceptionActions(FilingActions):
    """From the list of clients to a session that is open."""

    async def _clients(self) -> bool:
        """Choose, add, describe; False when a treatment was opened and the map is wanted, True goes on with the steps."""
        pen = self.live.pen
        while True:
            choice = await self._ask_screen(ClientsScreen(pen is None or pen.simulated))
            if not isinstance(choice, ClientChoice):
                return True
            if choice.what == "add":
                await self._add_client(pen is None or pen.simulated)
            elif choice.client is not None and choice.what in ("identity", "assess"):
                form = "identity" if choice.what == "identity" else "assessment"
                await self.fill(form, client=choice.client.code)
            elif choice.client is not None and choice.what == "sign":
                last = unsigned(choice.client)
                if last is not None:
                    await self._read_closed(str(last.id))
                    return True
            elif choice.client is not None and choice.what == "course":
                await self._of_course(choice.client)
            elif choice.client is not None and choice.what == "file":
                await self.file(choice.client.code)
            elif choice.client is not None and await self._treat(choice):
                return True

    async def _add_client(self, training: bool) -> None:
        values = {"training": "yes" if training else "no"}
        await self.fill("client", values=values)

    async def _of_course(self, client: ClientSummary) -> None:
        """Open a course, or end the one that is open."""
        course = client.course
        if course is None or course.ended:
            await self.course(client.code)
            return
        items = [("end", f"End the course {course.protocol}"), ("new", "Open another course beside it")]
        what = await self._ask_screen(MenuScreen(f"{client.code}: {course_line(course)}", items))
        if what == "end":
            await self.fill("course_end", client=client.code)
        elif what == "new":
            await self.course(client.code)

    async def course(self, code: str) -> str | None:
        """Open a course for a client; answers course or none, None when it was left."""
        while True:
            register = await self.dashboard.book.register()
            choice = await self._ask_screen(ProtocolsScreen(register))
            if not isinstance(choice, tuple):
                return None
            what, item = choice
            if what == "none":
                return "none"
            if what == "copy":
                about = item.id or None
                await self.fill("protocol", values=copied(item), about=about)
                continue
            values = {
                "protocol": item.name,
                "indication": item.indication,
                "sessions_planned": item.sessions or "",
                "min_days": item.min_days or "",
            }
            values = {name: value for name, value in values.items() if value}
            if await self.fill("course", client=code, values=values) is not None:
                return "course"

    async def _treat(self, choice: ClientChoice) -> bool:
        """Open the treatment, with a course first where the client has none."""
        client = choice.client
        assert client is not None
        params: dict[str, Any] = {"purpose": "treatment", "client": client.code}
        if choice.what == "resume":
            last = interrupted(client, self.dashboard.now().timestamp())
            if last is None:
                self.live.say("nothing to resume: the last session was closed, signed, or is older than 12 h")
                return False
            params = {"purpose": "treatment", "resumes": str(last.id)}
        elif choice.what == "repeat":
            params["plan"] = last_depths(client)
        elif (client.course is None or client.course.ended) and await self.course(client.code) is None:
            return False
        pen = self.live.pen
        if pen is not None and pen.address.startswith("ble:"):
            self.live.say("opening the session; a pen on the air is paired with first, which takes up to 12 s")
        return await self.dashboard.ask("session.open", **params) is not None
