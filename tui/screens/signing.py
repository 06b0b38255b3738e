"""Signing: everything that was recorded at a glance, the meaning, the PIN; and what a signed session may still get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

from devicectl.station.views import ChartView
from devicectl.treatment.forms import Form, Record
from devicectl.treatment.forms.entries import Choice, Secret, Text
from devicectl.treatment.vocabulary import MEANINGS
from tui import text
from tui.screens.form_draft import Draft
from tui.screens.form_sheet import FormSheet
from tui.screens.steps import MARKS
from tui.theme import BRIGHT, DIM, TEXT
from tui.widgets.line_board import Row

if TYPE_CHECKING:
    from tui.app import DashboardApp


class Signing(Record):
    """Meaning, PIN, and a reason when something is missing."""

    meaning: Annotated[str, Choice(label="Meaning", of=MEANINGS, prefill="performed")]
    reason: Annotated[
        str, Text(label="Reason", most=300, help="Why it is signed although something is missing; else empty.")
    ] = ""
    pin: Annotated[str, Secret(label="PIN", most=64, help="Your own, again.")]


SIGNING: Final = Form("signing", "Sign", Signing, subject="session", permission="SIGN", when="after")


class SignSheet(FormSheet):
    """Closes the session if it is open, and signs it. After it the record is locked."""

    SAVE: ClassVar = "signs"

    def __init__(self, app: DashboardApp, chart: ChartView, draft: Draft) -> None:
        self.chart, self.closed = chart, chart.closed

        async def submit(given: dict[str, object]) -> Any:
            if not self.closed:
                await app.client.request("session.close")
                self.closed = True
            reason = str(given["reason"] or "").strip() or None
            asked = {"session": chart.session, "meaning": given["meaning"], "pin": given["pin"], "reason": reason}
            return await app.client.request("session.sign", **{k: v for k, v in asked.items() if v is not None})

        super().__init__(f"Sign the session of {chart.client}", draft, submit, self._summary)

    def _summary(self) -> list[Row]:
        chart, width = self.chart, self.inner
        lacking = [
            s for s in chart.steps if s.phase != "sign" and s.state != "done" and not (s.optional and s.state == "open")
        ]
        done = [step.title for step in chart.steps if step.phase != "sign" and step.state == "done"]
        zones = [
            f"{zone.code} {sum(zone.done.values()) + zone.undirected}/{sum(zone.planned.values()) or '-'} {text.clock(zone.duration_s)}"
            f"{' no result' if not zone.finished and zone.state != 'skipped' else ''}{' skipped' if zone.state == 'skipped' else ''}"
            for zone in chart.zones
        ]
        head = "It is closed." if self.closed else "It is open; signing closes it. The motor is off."
        what = f"Client {chart.client}, {chart.course or 'no course'}. {head}"
        rows: list[Row] = [((words, TEXT),) for words in text.within(what, width, 2)]
        rows += [
            ((words, TEXT),) for words in text.within(f"Zones (passes, time): {'; '.join(zones) or 'none'}", width, 2)
        ]
        rows += [((words, DIM),) for words in text.within(f"{MARKS['done']} {', '.join(done)}", width, 1)]
        for step in lacking[:3]:
            rows.append(((text.cut(f"{MARKS[step.state]} {step.title}: {step.text}", width), BRIGHT),))
        if len(lacking) > 3:
            rows.append(((f"  and {len(lacking) - 3} more: the steps name them", BRIGHT),))
        return rows
