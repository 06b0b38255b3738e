"""The first run: set up step by step, at any time left with Esc."""

from __future__ import annotations

from tui.screens.guide import GuideScreen, KeyTestSheet, RecordSheet
from tui.screens.pens import PensScreen
from tui.screens.way import WayActions


class FirstRunActions(WayActions):
    """What the guide leads through, each on its sheet."""

    def __init__(self) -> None:
        super().__init__()
        self.guiding = False
        self.guided: set[str] = set()
        """What of the first run is done."""

    def guide(self) -> None:
        """Set up, step by step; after a STOP it goes on."""
        self.guiding = True
        self._flow(self._guide())

    async def _guide(self) -> None:
        seen = self.guided
        known = await self.dashboard.ask("operator.list")
        while True:
            if self.live.pen is not None:
                seen.add("pen")
            if self.dashboard.stopped_at is not None and self.live.pen is not None:
                seen.add("stop")
            name = await self._ask_screen(GuideScreen(bool(known), seen))
            if name == "operator":
                await self._operator()
                known = await self.dashboard.ask("operator.list")
            elif name == "record":
                if await self._ask_screen(RecordSheet(self.dashboard.book.place)):
                    seen.add("record")
            elif name == "keys":
                if await self._ask_screen(KeyTestSheet()):
                    seen.add("keys")
            elif name == "pen":
                address = await self._ask_screen(PensScreen())
                if address:
                    await self._open_pen(str(address), False)
            else:
                self.guiding = False
                if name == "steps":
                    await self._way()
                return
