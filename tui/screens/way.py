"""The way through a session by keys: operator, pen, client, course, forms, zones, signature, each on its sheet.

`w` goes on where it was. Zones belong to the way and to the map alike.
"""

from __future__ import annotations

from typing import Any, Final

from devicectl.station.views import ChartView, View, ZonePlanView
from tui.screens.closing import ClosingActions
from tui.screens.direction import DirectionScreen
from tui.screens.filing import CARRIED_ON
from tui.screens.menu import MenuScreen
from tui.screens.patches import PatchScreen
from tui.screens.pens import PensScreen
from tui.screens.steps import StepsScreen

STEP_FORMS: Final = {
    "consent": "consent", "checklist": "checklist", "cartridge": "cartridge", "skin_preparation": "skin_preparation",
    "pen_check": "pen_check", "topicals": "topical", "adverse_events": "adverse_event", "discard": "cartridge_discarded",
    "photos": "photo", "follow_ups": "follow_up",
}  # fmt: skip
"""The form behind each step that has one."""


class WayActions(ClosingActions):
    """What the keys of a treatment do beside those of the pen."""

    def __init__(self) -> None:
        super().__init__()
        self._open_chart: ChartView | None = None

    def hear_way(self, view: View) -> None:
        """Follow who is signed in, and what becomes of the open session."""
        self.hear_door(view)
        before, self._open_chart = self._open_chart, view.chart
        if view.chart is not None:
            self.closed_chart = None
        elif before is not None and self.ready:
            self.call_later(self._session_over, before.session)

    def _session_over(self, session: str) -> None:
        self.run_worker(self._read_closed(session), group="closed", exclusive=True)

    def action_steps(self) -> None:
        """The way through the session."""
        if not self.live.at_rest:
            self._say("the steps are shown while the pen is still and no run is open")
            return
        if self.closed_chart is not None and "performed" in self.closed_chart.signatures:
            self.closed_chart = None
        self._flow(self._way())

    def _chosen(self, address: str | None) -> None:
        if address:
            self._flow(self._open_pen(address, True))

    async def _open_pen(self, address: str, onward: bool) -> None:
        if address.startswith("ble:"):
            self.live.say("connecting over the air, which takes some seconds")
        answer = await self.dashboard.ask("pen.open", address=address)
        view = self.live.view
        if onward and answer is not None and self.app.screen is self and (view is None or view.session is None):
            await self._way()

    async def _way(self, at: str | None = None) -> None:
        """Step after step until somebody goes back to the map."""
        while True:
            name = await self._ask_screen(StepsScreen(self.way_chart, at))
            if name is None or not await self._step(str(name)):
                self.repaint()
                return
            at = None

    async def _step(self, name: str) -> bool:
        """What a step needs; False leads back to the map."""
        chart = self.way_chart()
        open_ = self.live.view is not None and self.live.view.chart is not None
        if name == "quit":
            self.action_leave()
            return False
        if name == "session":
            self.action_session()
            return False
        if name == "operator":
            await self._operator()
        elif name == "pen":
            address = await self._ask_screen(PensScreen())
            if address:
                await self._open_pen(str(address), False)
        elif name in ("client", "course"):
            if chart is None:
                return await self._clients()
            if open_:
                return await self._of_open(name, chart)
            self.closed_chart = None
            return await self._clients()
        elif name == "zones" and chart is not None:
            return await self._zones(chart)
        elif name == "sign" and chart is not None:
            await self._sign(chart)
        elif name == "passes" and chart is not None:
            await self._passes(chart)
        elif name == "record" and chart is not None:
            await self.session_record(chart.session)
        elif name in CARRIED_ON and chart is not None:
            await self.of_step(name, chart.client)
        elif name == "anaesthetic" and chart is not None:
            await self.fill("anaesthetic_off" if chart.timers else "anaesthetic")
        elif name in STEP_FORMS and chart is not None:
            await self.fill(STEP_FORMS[name])
        elif chart is None:
            self.live.say("first operator, pen and client")
        return True

    async def _of_open(self, name: str, chart: ChartView) -> bool:
        what: str | None = "file"
        if name == "course":
            items = [("assess", "Assess how severe it is"), ("file", "See the file of the client")]
            if chart.course:
                items.insert(1, ("end", f"End the course {chart.course}"))
            what = await self._ask_screen(MenuScreen(chart.course or "No course", items))
        if what == "file":
            await self.file(chart.client)
        elif what is not None:
            await self.fill("assessment" if what == "assess" else "course_end", client=chart.client)
        return True

    # -- zones

    def action_result(self) -> None:
        """What the zone looked like when it was done."""
        chart = self.way_chart()
        if chart is None:
            self._say("no treatment is open; results belong to one")
        elif not self.live.at_rest:
            self._say("results are entered while the pen is still and no run is open")
        else:
            self._flow(self._result(chart))

    async def _result(self, chart: ChartView) -> None:
        view = self.live.view
        begun = [zone for zone in chart.zones if zone.duration_s and not zone.finished]
        chosen = view.zone if view is not None else None
        codes = [zone.code for zone in begun]
        code = chosen if chosen in codes or not codes else codes[0]
        if code is not None:
            await self._result_of(code)

    async def _result_of(self, code: str) -> Any:
        return await self.fill("zone_result", values={"zone": code})

    def action_patch(self) -> None:
        """Choose a custom patch, also while the motor turns."""
        if self._may():
            self.app.push_screen(PatchScreen(), self._patch_chosen)

    def _patch_chosen(self, code: str | None) -> None:
        if code is None:
            return
        if not code.startswith("note "):
            self.action_zone(code)
        elif self.way_chart() is None:
            self._say("no treatment is open; notes belong to one")
        elif not self.live.at_rest:
            self._say("patches are described while the pen is still and no run is open")
        else:
            self._flow(self.fill("note", values={"zone": code.removeprefix("note ")}))

    def action_direction(self) -> None:
        """Choose the direction of the strokes."""
        chart = self.live.view.chart if self.live.view is not None else None
        if chart is None:
            self._say("no treatment is open; directions belong to one")
        elif self._may():
            self.app.push_screen(DirectionScreen(chart), self._direction_chosen)

    def _direction_chosen(self, direction: str | None) -> None:
        if direction is not None:
            self._send("direction.select", direction=direction or None)

    async def _zones(self, chart: ChartView) -> bool:
        """The next thing to do: a result that is missing, else the next zone on the map."""
        done = next((zone for zone in chart.zones if _wants_result(zone)), None)
        if done is not None:
            await self._result_of(done.code)
            return True
        if chart.next_zone is not None and not chart.closed:
            self.action_zone(chart.next_zone)
            return False
        begun = next((zone for zone in chart.zones if zone.duration_s and not zone.finished), None)
        if begun is not None:
            await self._result_of(begun.code)
            return True
        return False


def _wants_result(zone: ZonePlanView) -> bool:
    return zone.state in ("done", "over") and not zone.finished and zone.duration_s > 0
