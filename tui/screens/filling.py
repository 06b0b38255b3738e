"""Filling in a form of the treatment from any screen: whose it is, what is known already, and what is kept as a draft."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from textual.screen import Screen

from devicectl.station.views import ChartView, from_json
from devicectl.treatment.forms import FORMS, Form
from devicectl.treatment.last_time import Answered, asked_again
from devicectl.treatment.rehearsal import GTIN
from tui import text
from tui.screens.actions import TreatActions
from tui.screens.form_draft import Draft
from tui.screens.form_sheet import FormSheet
from tui.theme import DIM
from tui.widgets.line_board import Row

Answer = TypeVar("Answer")


class FillingActions(TreatActions):
    """One flow of sheets runs at a time. STOP closes every sheet; what was typed stays as a draft."""

    def __init__(self) -> None:
        super().__init__()
        self.closed_chart: ChartView | None = None
        """Of the session that was closed last, as long as it is not signed, or its signature is news."""

    def _flow(self, work: Any) -> None:
        self.run_worker(work, group="way", exclusive=True)

    async def _ask_screen(self, screen: Screen[Answer]) -> Answer | None:
        return await self.app.push_screen_wait(screen)

    def way_chart(self) -> ChartView | None:
        """The chart of the session that is meant: the open one, or the one just closed."""
        view = self.live.view
        return view.chart if view is not None and view.chart is not None else self.closed_chart

    async def _read_closed(self, session: str) -> None:
        answer = await self.dashboard.ask("session.chart", session=session)
        if isinstance(answer, dict):
            answer = from_json(ChartView, answer)
        self.closed_chart = answer if isinstance(answer, ChartView) else None

    async def fill(
        self,
        name: str,
        *,
        client: str | None = None,
        values: Mapping[str, object] | None = None,
        about: str | None = None,
    ) -> Any:
        """Fill in a form and submit it; answers the station's answer, or None when it was left."""
        if not self.live.at_rest:
            self._say("forms are filled in while the pen is still and no run is open")
            return None
        form, chart = FORMS[name], self.way_chart()
        where: dict[str, Any] = {"client": client, "about": about}
        if self.live.view is not None and self.live.view.chart is None and chart is not None and client is None:
            where["session"] = chart.session
        where = {key: value for key, value in where.items() if value is not None}
        key = f"{where}{chart.session if chart is not None else ''}{values}"
        answered = Answered()
        if name == "checklist" and chart is not None:
            answered = await self.dashboard.book.answered(chart.session)
            values = {**asked_again(answered), **(values or {})}
        draft = self.draft(form, key, values, answered.answers)

        async def submit(given: dict[str, object]) -> Any:
            return await self.dashboard.client.request("form.submit", form=name, values=given, **where)

        whose = client or (chart.client if chart is not None and form.subject != "protocol" else "")
        title = f"{form.title}: {whose}" if whose else form.title
        answer = await self._ask_screen(FormSheet(title, draft, submit, self._intro(answered)))
        if answer is not None:
            self.dashboard.drafts = {key: kept for key, kept in self.dashboard.drafts.items() if kept is not draft}
            self.live.say(answer["text"] if isinstance(answer, dict) and "text" in answer else form.recorded)
        return answer

    def _intro(self, answered: Answered) -> Callable[[], list[Row]]:
        """Above a checklist: from when the answers are that stand in it."""
        if answered.at_utc_us is None:
            return list
        when = time.strftime("%Y-%m-%d", self.dashboard.localtime(answered.at_utc_us / 1e6))
        words = f"The answers of {when} stand here: ask every question again. One that differs shows what it was."
        return lambda: [((line, DIM),) for line in text.within(words, min(FormSheet.WIDTH, self.app.size.width - 6), 2)]

    def draft(
        self,
        form: Form[Any],
        where: str,
        values: Mapping[str, object] | None = None,
        before: Mapping[str, str] | None = None,
    ) -> Draft:
        """What was typed into this form before and not sent, or a new draft."""
        key = f"{form.name} {where}"
        drafts = self.dashboard.drafts
        if key not in drafts:
            drafts[key] = Draft.of(form, {**self._prefill(form), **(values or {})}, before)
        return drafts[key]

    def _prefill(self, form: Form[Any]) -> dict[str, object]:
        """What is known already: the cartridge as the pen reads it, the zone that was just treated."""
        pen, view = self.live.pen, self.live.view
        if form.name == "cartridge" and pen is not None:
            read = {"lot": pen.cartridge_lot, "serial": pen.cartridge_serial, "expiry": pen.cartridge_expiry}
            found: dict[str, object] = {name: value for name, value in read.items() if value}
            if pen.simulated:
                found.setdefault("expiry", "2099-12")
                found["gtin"] = GTIN
            return found
        if form.name == "zone_result" and view is not None and view.zone:
            return {"zone": view.zone}
        return {}
