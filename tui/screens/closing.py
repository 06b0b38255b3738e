"""The end of a session: its signature, passes given to another zone before it, amendments after it."""

from __future__ import annotations

from devicectl.station.views import ChartView
from tui import text
from tui.screens.form_draft import Draft
from tui.screens.menu import MenuScreen
from tui.screens.reception import ReceptionActions
from tui.screens.signing import SIGNING, SignSheet


class ClosingActions(ReceptionActions):
    """What a session gets when the needles are done."""

    async def _sign(self, chart: ChartView) -> None:
        """Close and sign; once it is signed, look at the record or sign as reviewed."""
        if "performed" in chart.signatures:
            items = [("record", "See the record, and amend it"), ("review", "Sign as reviewed")]
            what = await self._ask_screen(MenuScreen(f"The session of {chart.client} is signed", items))
            if what == "record":
                await self.session_record(chart.session)
            if what != "review":
                return
        if "performed" in chart.signatures:
            draft = Draft.of(SIGNING, {"meaning": "reviewed"})
        else:
            draft = Draft.of(SIGNING)
        answer = await self._ask_screen(SignSheet(self.dashboard, chart, draft))
        if isinstance(answer, dict):
            self.live.say(answer["text"])
        await self._read_closed(chart.session)

    async def _passes(self, chart: ChartView) -> None:
        """Give a pass to another zone, or split it; what was recorded stays beside it."""
        found = await self.dashboard.book.passes(chart.session)
        items = [
            (
                str(one.id),
                f"{one.seq:>3}  {one.zone or '-':<6} {text.clock((one.duration_ms or 0) / 1000)}  {text.mm(one.depth_set_um)} mm",
            )
            for one in found
            if one.kind == "granted"
        ]
        if not items:
            self.live.say("no pass is recorded in this session")
            return
        about = await self._ask_screen(MenuScreen("Change a pass: which?", items))
        if about is not None:
            zone = next((one.zone for one in found if str(one.id) == about), None) or ""
            await self.fill("pass_change", values={"zone": zone}, about=str(about))
