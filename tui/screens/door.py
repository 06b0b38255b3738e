"""Who is at work: signing in and out, and the lock."""

from __future__ import annotations

from typing import Any

from devicectl.station.views import View
from tui.screens.filling import FillingActions
from tui.screens.menu import MenuScreen
from tui.screens.sign_in import NewOperatorSheet, SignInSheet


class DoorActions(FillingActions):
    """Operators come and go while the pen is still and no run is open."""

    def __init__(self) -> None:
        super().__init__()
        self._who: str | None = None

    def hear_door(self, view: View) -> None:
        """Follow who is signed in."""
        operator = view.operator
        who = operator.name if operator is not None else None
        if who != self._who:
            self._who = who
            self.dashboard.drafts.clear()  # what one began to write is not the next one's to read
        if operator is not None and operator.locked and self._locked_sheet is None:
            # Views come outside the application's own tasks; screens are changed inside them.
            self.call_later(self._lock, operator.name)

    @property
    def _locked_sheet(self) -> SignInSheet | None:
        return next((s for s in self.app.screen_stack if isinstance(s, SignInSheet) and s.locked), None)

    def _lock(self, name: str) -> None:
        """Cover everything but pen, alarms and STOP with the sheet that asks for the PIN."""
        if self._locked_sheet is not None:
            return
        while len(self.app.screen_stack) > 1 and self.app.screen is not self:
            self.app.pop_screen()
        if not self.ready or self.app.screen is not self:
            return
        self.app.push_screen(SignInSheet([name], name=name, locked=True, app=self.dashboard), self._unlocked)

    def _unlocked(self, answer: Any) -> None:
        if answer:
            self.live.say(f"{answer['name']} is signed in")
        self.repaint()

    def action_operator(self) -> None:
        """Sign in, or what somebody who is signed in may do at the door."""
        if self.live.at_rest:
            self._flow(self._operator())
        else:
            self._say("operators come and go while the pen is still and no run is open")

    def action_lock(self) -> None:
        """Lock now."""
        self._send("operator.lock")

    async def _operator(self) -> None:
        view = self.live.view
        operator = view.operator if view is not None else None
        what: str | None = "in"
        if operator is not None and not operator.locked:
            items = [
                ("lock", f"Lock (key {self.live.key('lock')})"),
                ("in", "Another operator signs in"),
                ("out", "Sign out"),
            ]
            if operator.role == "administrator":
                items.append(("add", "Add an operator"))
            what = await self._ask_screen(MenuScreen(f"{operator.name}, {operator.role}", items))
        if what == "lock":
            await self.dashboard.ask("operator.lock")
        elif what == "out":
            await self.dashboard.ask("operator.sign_out")
        elif what == "add":
            answer = await self._ask_screen(NewOperatorSheet(self.dashboard, first=False))
            if answer:
                self.live.say(answer["text"])
        elif what == "in":
            await self._sign_in()

    async def _sign_in(self) -> None:
        known = await self.dashboard.ask("operator.list")
        if known is None:
            return
        names = [one["name"] for one in known] if isinstance(known, list) else []
        screen = SignInSheet(names, app=self.dashboard) if names else NewOperatorSheet(self.dashboard, first=True)
        answer = await self._ask_screen(screen)
        if isinstance(answer, dict):
            self.live.say(answer["text"])
