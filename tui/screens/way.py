"""The way through a session by keys: operator, pen, client, course, forms, zones, signature, each on its sheet.

One flow runs at a time. STOP closes every sheet; what was typed stays as a draft, and `w` goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from textual.screen import Screen

from devicectl.records.register import ClientSummary
from devicectl.station.views import ChartView, View, ZonePlanView, from_json
from devicectl.treatment.forms import FORMS, Form
from devicectl.treatment.rehearsal import GTIN
from tui import text
from tui.screens.actions import TreatActions
from tui.screens.clients import ClientChoice, ClientsScreen, ProtocolsScreen, copied, interrupted, unsigned
from tui.screens.direction import DirectionScreen
from tui.screens.form_draft import Draft
from tui.screens.form_sheet import FormSheet
from tui.screens.guide import GuideScreen, KeyTestSheet, RecordSheet
from tui.screens.listed import ListSheet, pointed
from tui.screens.pens import PensScreen
from tui.screens.sign_in import NewOperatorSheet, SignInSheet
from tui.screens.signing import SIGNING, SignSheet
from tui.screens.steps import StepsScreen
from tui.widgets.line_board import Row

Answer = TypeVar("Answer")
STEP_FORMS: Final = {
    "consent": "consent", "checklist": "checklist", "cartridge": "cartridge", "skin_preparation": "skin_preparation",
    "pen_check": "pen_check", "topicals": "topical", "adverse_events": "adverse_event", "discard": "cartridge_discarded",
    "photos": "photo", "follow_ups": "follow_up",
}  # fmt: skip
"""The form behind each step that has one."""


class MenuScreen(ListSheet[tuple[str, str]]):
    """A short list of things to do; answers the word of one."""

    ABOUT = 1
    WIDTH = 68
    HOLDS_SCANS = False

    def __init__(self, title: str, items: list[tuple[str, str]]) -> None:
        super().__init__()
        self._title, self._items = title, items

    def on_mount(self) -> None:
        """Its title."""
        self.query_one("#box").border_title = self._title

    @property
    def items(self) -> list[tuple[str, str]]:
        """See `ListSheet`."""
        return self._items

    def line(self, item: tuple[str, str], here: bool, width: int) -> Row:
        """Its words."""
        del width
        return pointed(here, item[1])

    def chosen(self, item: tuple[str, str]) -> None:
        """Enter."""
        self.dismiss(item[0])


class WayActions(TreatActions):
    """What the keys of a treatment do beside those of the pen."""

    def __init__(self) -> None:
        super().__init__()
        self.closed_chart: ChartView | None = None
        """Of the session that was closed last, as long as it is not signed, or its signature is news."""
        self._open_chart: ChartView | None = None
        self._who: str | None = None
        self.guiding = False
        self.guided: set[str] = set()
        """What of the first run is done."""

    # -- what is heard

    def hear_way(self, view: View) -> None:
        """Follow who is signed in, and what becomes of the open session."""
        operator = view.operator
        who = operator.name if operator is not None else None
        if who != self._who:
            self._who = who
            self.dashboard.drafts.clear()  # what one began to write is not the next one's to read
        if operator is not None and operator.locked and self._locked_sheet is None:
            # Views come outside the application's own tasks; screens are changed inside them.
            self.call_later(self._lock, operator.name)
        before, self._open_chart = self._open_chart, view.chart
        if view.chart is not None:
            self.closed_chart = None
        elif before is not None and self.ready:
            self.call_later(self._session_over, before.session)

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

    def _session_over(self, session: str) -> None:
        self.run_worker(self._read_closed(session), group="closed", exclusive=True)

    async def _read_closed(self, session: str) -> None:
        answer = await self.dashboard.ask("session.chart", session=session)
        if isinstance(answer, dict):
            answer = from_json(ChartView, answer)
        self.closed_chart = answer if isinstance(answer, ChartView) else None

    def way_chart(self) -> ChartView | None:
        """The chart of the session that is meant: the open one, or the one just closed."""
        view = self.live.view
        return view.chart if view is not None and view.chart is not None else self.closed_chart

    # -- flows

    def _flow(self, work: Any) -> None:
        self.run_worker(work, group="way", exclusive=True)

    async def _ask_screen(self, screen: Screen[Answer]) -> Answer | None:
        return await self.app.push_screen_wait(screen)

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
        elif name == "amend" and chart is not None:
            await self._amend(chart)
        elif name == "anaesthetic" and chart is not None:
            await self.fill("anaesthetic_off" if chart.timers else "anaesthetic")
        elif name in STEP_FORMS and chart is not None:
            await self.fill(STEP_FORMS[name])
        elif chart is None:
            self.live.say("first operator, pen and client")
        return True

    async def _of_open(self, name: str, chart: ChartView) -> bool:
        if name == "client":
            await self.fill("identity", client=chart.client)
        else:
            await self.fill("assessment", client=chart.client)
        return True

    # -- first run

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

    # -- operator

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

    # -- clients and courses

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
                await self._course(choice.client.code)
            elif choice.client is not None and await self._treat(choice):
                return True

    async def _add_client(self, training: bool) -> None:
        values = {"training": "yes" if training else "no"}
        await self.fill("client", values=values)

    async def _course(self, code: str) -> str | None:
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
            params["plan"] = _last_plan(client)
        elif (client.course is None or client.course.ended) and await self._course(client.code) is None:
            return False
        pen = self.live.pen
        if pen is not None and pen.address.startswith("ble:"):
            self.live.say("opening the session; a pen on the air is paired with first, which takes up to 12 s")
        return await self.dashboard.ask("session.open", **params) is not None

    # -- forms

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
        draft = self.draft(form, f"{where}{chart.session if chart is not None else ''}{values}", values)

        async def submit(given: dict[str, object]) -> Any:
            return await self.dashboard.client.request("form.submit", form=name, values=given, **where)

        whose = client or (chart.client if chart is not None and form.subject != "protocol" else "")
        title = f"{form.title}: {whose}" if whose else form.title
        answer = await self._ask_screen(FormSheet(title, draft, submit))
        if answer is not None:
            self.dashboard.drafts = {key: kept for key, kept in self.dashboard.drafts.items() if kept is not draft}
            self.live.say(answer["text"] if isinstance(answer, dict) and "text" in answer else form.recorded)
        return answer

    def draft(self, form: Form[Any], where: str, values: Mapping[str, object] | None = None) -> Draft:
        """What was typed into this form before and not sent, or a new draft."""
        key = f"{form.name} {where}"
        drafts = self.dashboard.drafts
        if key not in drafts:
            drafts[key] = Draft.of(form, {**self._prefill(form), **(values or {})})
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

    # -- signature

    async def _sign(self, chart: ChartView) -> None:
        """Close and sign."""
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

    async def _amend(self, chart: ChartView) -> None:
        """Correct a signed record; the old value stays beside the new one."""

        async def submit(given: dict[str, object]) -> Any:
            return await self.dashboard.client.request("session.amend", session=chart.session, values=given)

        draft = self.draft(FORMS["amendment"], chart.session)
        answer = await self._ask_screen(FormSheet(f"Amend the session of {chart.client}", draft, submit))
        if isinstance(answer, dict):
            self.live.say(answer["text"])


def _wants_result(zone: ZonePlanView) -> bool:
    return zone.state in ("done", "over") and not zone.finished and zone.duration_s > 0


def _last_plan(client: ClientSummary) -> dict[str, int]:
    """Depths by zone as they were last, for a session that repeats it."""
    treated = next((one for one in client.treatments if one.depths_um), None)
    return dict(treated.depths_um) if treated is not None else {}
