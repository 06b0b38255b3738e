"""The way through a treatment in line mode: its commands, and the forms that they open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from devicectl.station.client_api import StationClient, StationError
from devicectl.station.views import ChartView, View, from_json
from devicectl.treatment.forms import FORMS
from devicectl.treatment.last_time import Answered, asked_again
from devicectl.treatment.rehearsal import GTIN
from devicectl.treatment.vocabulary import DIRECTIONS
from tui import text
from tui.book import Book
from tui.model import Live, next_of
from tui.plain_filing import HELP as FILE_HELP
from tui.plain_filing import PlainFiling
from tui.plain_filling import BACK, KEEP, LEAVE, Filling, Submit
from tui.screens.clients import (
    course_line,
    due_line,
    interrupted,
    last_depths,
    matters_line,
    protocol_items,
    zone_words,
)
from tui.screens.form_draft import Draft
from tui.screens.sign_in import FIRST_OPERATOR, sign_in_form
from tui.screens.signing import SIGNING
from tui.screens.steps import WORDS, before_opening
from tui.screens.way import STEP_FORMS

HELP: Final = (
    "steps: the way through the session; next: what it needs now; sign in; sign out; lock",
    *FILE_HELP,
    "clients; client new; treat CODE; resume CODE; protocols; course CODE NUMBER; identity CODE; assess CODE",
    "form NAME: consent, checklist, anaesthetic, anaesthetic_off, cartridge, skin_preparation, pen_check, topical,",
    "adverse_event, photo, follow_up, aftercare, cartridge_discarded, course_end, note; result ZONE; direction NAME; sign",
    "in a form: one answer a line; . keeps what stands there, < goes back, ! leaves; an empty line is STOP",
)


class PlainTreatment:
    """The commands of a treatment in line mode. ``write`` gets whole lines, ``now`` is the time of the place."""

    def __init__(
        self, client: StationClient, live: Live, book: Book, write: Callable[[str], None], now: Callable[[], datetime]
    ) -> None:
        self.client, self.live, self.book, self.write, self.now = client, live, book, write, now
        self.filling: Filling | None = None
        self.closed: ChartView | None = None
        self._filing = PlainFiling(client, book, write, now, self.form, self.begin)

    @property
    def secret(self) -> bool:
        """Whether what is typed now must not be shown."""
        line = self.filling.line if self.filling is not None else None
        return line is not None and line.secret

    @property
    def chart(self) -> ChartView | None:
        """Of the open session, or of the one that was closed last."""
        view = self.live.view
        return view.chart if view is not None and view.chart is not None else self.closed

    def heard(self, before: View | None, view: View) -> None:
        """The chart of a session that is being closed is kept for its signature."""
        if before is not None and before.chart is not None and view.chart is None:
            self.closed = before.chart
        elif view.chart is not None:
            self.closed = None

    # -- one line

    async def answered(self, words: str) -> None:
        """A line while a form is being filled in."""
        filling = self.filling
        assert filling is not None
        if not self.live.at_rest:
            self.write("Forms are filled in while the pen is confirmed still and no run is open.")
        elif words == LEAVE:
            self.filling = None
            self.write(f"{filling.title}: left, nothing was sent.")
        else:
            filling.answer(words, self.now())
            if filling.line is None:
                await self._send(filling)
            else:
                self._ask()

    def _ask(self) -> None:
        if self.filling is not None:
            for line in self.filling.question():
                self.write(line)

    async def _send(self, filling: Filling) -> None:
        if filling.draft.check(self.now()):
            try:
                answer = await filling.submit(filling.draft.given())
            except StationError as error:
                filling.draft.errors = dict(error.fields)
                self.write(str(error))
                secret = [at for at, line in enumerate(filling.draft.lines()) if line.secret]
                if not filling.to_wrong():
                    filling.at = secret[0] if secret else 0
                self._ask()
                return
            self.filling = None
            self.write(answer["text"] if isinstance(answer, dict) and "text" in answer else f"{filling.title}: done.")
            return
        if not filling.to_wrong():
            filling.at = 0
            self.write(next(iter(filling.draft.errors.values())))
        self._ask()

    def begin(self, title: str, draft: Draft, submit: Submit) -> None:
        """Ask the first question of a form."""
        if not self.live.at_rest:
            self.write("Forms are filled in while the pen is confirmed still and no run is open.")
            return
        self.filling = Filling(title, draft, submit)
        self.write(f"{title}. {KEEP} keeps, {BACK} goes back, {LEAVE} leaves, an empty line is STOP.")
        self._ask()

    # -- commands

    async def command(self, word: str, rest: str) -> bool:
        """A command of the treatment; False when it is none."""
        line = f"{word} {rest}".strip()
        if line == "sign in":
            await self._sign_in()
        elif line in ("sign out", "lock"):
            await self.client.request("operator.sign_out" if line == "sign out" else "operator.lock")
            self.write("Signed out." if line == "sign out" else "Locked; sign in opens it.")
        elif line == "sign":
            await self._sign()
        elif word == "steps":
            self._steps()
        elif word == "next":
            await self._next()
        elif word == "form" and rest in FORMS:
            await self.form(rest)
        elif word == "result":
            await self.form("zone_result", {"zone": rest} if rest else {})
        elif word == "direction":
            await self._direction(rest)
        elif word in ("clients", "protocols"):
            await (self._clients() if word == "clients" else self._protocols())
        elif line == "client new":
            await self.form("client", {"training": "yes" if self._simulated else "no"})
        elif word in ("identity", "assess") and rest:
            await self.form("identity" if word == "identity" else "assessment", client=rest)
        elif word in ("treat", "resume", "repeat") and rest:
            await self._treat(word, rest)
        elif word == "course" and rest:
            await self._course(rest)
        else:
            chart = self.chart
            return await self._filing.command(word, rest, chart.session if chart is not None else None)
        return True

    @property
    def _simulated(self) -> bool:
        return self.live.pen is None or self.live.pen.simulated

    async def _sign_in(self) -> None:
        known = await self.client.request("operator.list")
        names = [one["name"] for one in known] if isinstance(known, list) else []

        async def sign_in(given: dict[str, object]) -> Any:
            return await self.client.request("operator.sign_in", name=given["name"], pin=given["pin"])

        async def add(given: dict[str, object]) -> Any:
            await self.client.request("operator.add", **{name: given[name] for name in ("name", "role", "pin")})
            return await sign_in(given)

        if names:
            first = {"name": names[0]} if len(names) == 1 else {}
            self.begin("Sign in", Draft.of(sign_in_form(names), first), sign_in)
        else:
            self.begin("The first operator", Draft.of(FIRST_OPERATOR, {"role": "administrator"}), add)

    async def form(
        self,
        name: str,
        values: Mapping[str, object] | None = None,
        *,
        client: str | None = None,
        about: str | None = None,
    ) -> None:
        """Fill in a form of the treatment."""
        form, chart, view = FORMS[name], self.chart, self.live.view
        where: dict[str, Any] = {"client": client, "about": about}
        if view is not None and view.chart is None and chart is not None and form.subject == "session":
            where["session"] = chart.session
        where = {key: value for key, value in where.items() if value is not None}
        given = {**(self._cartridge() if name == "cartridge" else {}), **(values or {})}
        if name == "zone_result" and "zone" not in given and view is not None and view.zone:
            given["zone"] = view.zone

        answered = Answered()
        if name == "checklist" and chart is not None:
            answered = await self.book.answered(chart.session)
            given = {**asked_again(answered), **given}
            if answered.answers:
                self.write("The answers of the last time stand here; ask every question again.")

        async def submit(filled: dict[str, object]) -> Any:
            return await self.client.request("form.submit", form=name, values=filled, **where)

        self.begin(form.title, Draft.of(form, given, answered.answers), submit)

    def _cartridge(self) -> dict[str, object]:
        pen = self.live.pen
        if pen is None:
            return {}
        read = {"lot": pen.cartridge_lot, "serial": pen.cartridge_serial, "expiry": pen.cartridge_expiry}
        simulated = {"gtin": GTIN, "expiry": pen.cartridge_expiry or "2099-12"} if pen.simulated else {}
        return {**{name: value for name, value in read.items() if value}, **simulated}

    def _steps(self) -> None:
        chart = self.chart
        for step in chart.steps if chart is not None else before_opening(self.live.view):
            state = "may be done" if step.optional and step.state == "open" else WORDS[step.state]
            self.write(f"{step.title}, {state}: {step.text}")

    async def _next(self) -> None:
        chart, view = self.chart, self.live.view
        if chart is None:
            operator = view.operator if view is not None else None
            if operator is None or operator.locked:
                await self._sign_in()
            else:
                self.write("pens and open N choose a pen; then clients and treat CODE." if self.live.pen is None
                           else "clients lists them, client new adds one, treat CODE begins.")  # fmt: skip
            return
        step = next_of(chart)
        if step == "operator":
            await self._sign_in()
        elif step == "sign":
            await self._sign()
        elif step == "zones":
            done = next(
                (z for z in chart.zones if z.state in ("done", "over") and z.duration_s and not z.finished), None
            )
            if done is not None:
                await self.form("zone_result", {"zone": done.code})
            else:
                self.write(f"Zones: zone {chart.next_zone or 'CODE'}, then go and yes; result when it is done.")
        elif step == "anaesthetic":
            await self.form("anaesthetic_off" if chart.timers else "anaesthetic")
        elif step in STEP_FORMS:
            await self.form(STEP_FORMS[step])
        elif step is None:
            self.write("Nothing is left to do.")
        else:
            found = next(one for one in chart.steps if one.name == step)
            self.write(f"{found.title}: {found.text}")

    async def _direction(self, name: str) -> None:
        found = [word for word, label in DIRECTIONS.items() if name and label.casefold().startswith(name.casefold())]
        if len(found) != 1:
            self.write(f"direction {', '.join(label.casefold() for label in DIRECTIONS.values())}.")
        else:
            await self.client.request("direction.select", direction=found[0])
            self.write(f"Direction {DIRECTIONS[found[0]].casefold()}.")

    async def _clients(self) -> None:
        register = await self.book.register()
        for one in register.clients:
            due = (
                f"{due_line(one.course, self.now().timestamp())} {matters_line(register.matters.get(one.code))}".strip()
            )
            kind = ", training" if one.training else ""
            self.write(f"{one.code}{kind}: {course_line(one.course)}. {due}".strip())
        if not register.clients:
            self.write(register.problem or "No client yet; client new adds one.")

    async def _protocols(self) -> None:
        for number, one in enumerate(protocol_items((await self.book.register()).protocols), 1):
            zones = ", ".join(zone_words(zone) for zone in one.zones) or "no zones"
            self.write(f"{number}: {one.name}. {zones}. Source: {one.citation}.")

    async def _course(self, rest: str) -> None:
        code, _, number = rest.partition(" ")
        items = protocol_items((await self.book.register()).protocols)
        if not number.strip().isdigit() or not 0 < int(number) <= len(items):
            self.write("course CODE NUMBER: protocols has the numbers.")
            return
        item = items[int(number) - 1]
        values = {"protocol": item.name, "indication": item.indication, "sessions_planned": item.sessions,
                  "min_days": item.min_days}  # fmt: skip
        await self.form("course", {name: value for name, value in values.items() if value}, client=code)

    async def _treat(self, word: str, code: str) -> None:
        params: dict[str, Any] = {"client": code}
        known = {one.code: one for one in (await self.book.register()).clients} if word != "treat" else {}
        if word == "repeat":
            params["plan"] = last_depths(known[code]) if code in known else {}
            if not params["plan"]:
                self.write(f"{code} has no session that could be repeated.")
                return
        if word == "resume":
            last = interrupted(known[code], self.now().timestamp()) if code in known else None
            if last is None:
                self.write(f"{code} has no session that can be resumed.")
                return
            params = {"resumes": str(last.id)}
        await self.client.request("session.open", purpose="treatment", **params)
        self.write("The treatment is open. next asks for what it needs; steps lists all.")

    async def _sign(self) -> None:
        chart = self.chart
        if chart is None:
            self.write("There is no treatment to sign.")
            return
        answer = await self.client.request("session.chart", session=chart.session)
        chart = from_json(ChartView, answer) if isinstance(answer, dict) else answer
        for zone in chart.zones:
            passes = sum(zone.done.values()) + zone.undirected
            self.write(f"{zone.code}: {passes} of {sum(zone.planned.values()) or 'no number of'} passes, "
                       f"{text.clock(zone.duration_s)}, {zone.state}.")  # fmt: skip
        for step in chart.steps:
            if step.phase != "sign" and step.state in ("open", "trouble", "waiting") and not step.optional:
                self.write(f"Missing: {step.title}. {step.text}")

        async def submit(given: dict[str, object]) -> Any:
            view = self.live.view
            if view is not None and view.chart is not None:
                await self.client.request("session.close")
            reason = str(given["reason"] or "").strip()
            asked = {"session": chart.session, "meaning": given["meaning"], "pin": given["pin"]}
            return await self.client.request("session.sign", **asked, **({"reason": reason} if reason else {}))

        meaning = {"meaning": "reviewed"} if "performed" in chart.signatures else {}
        self.begin(f"Sign the session of {chart.client}", Draft.of(SIGNING, meaning), submit)
