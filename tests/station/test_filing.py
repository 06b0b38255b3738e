"""What is filed of a client, on a real station in virtual time: carried on, moved, ended, amended; the checklist again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from support.world import ADDRESS, PIN, World

from devicectl.treatment.checklist import ITEMS
from simulator.virtual_time import run_virtual
from tui.book import RecordBook
from tui.plain import PlainDashboard


class StoreBook(RecordBook):
    """The record of a world, read on its loop: there are no threads in virtual time."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    async def _of(self, query: Callable[[Any], Any]) -> Any:
        return self._world.store.submit_sync(query)


class Lines:
    """Somebody at line mode, with the record of the station."""

    def __init__(self, world: World, client: Any) -> None:
        self.said: list[str] = []
        self.dashboard = PlainDashboard(client, self.said.append, world.loop.time, StoreBook(world))

    async def says(self, *lines: str) -> str:
        """Lines one after the other; what came back on the last."""
        before = 0
        for line in lines:
            before = len(self.said)
            await self.dashboard.command(line)
            await asyncio.sleep(0.3)
        return "\n".join(self.said[before:])

    def number(self, words: str) -> str:
        """The number of the listed line with these words."""
        found = [line.partition(":")[0] for line in self.said if words in line and line.partition(":")[0].isdigit()]
        assert found, f"{words!r} is in no line:\n" + "\n".join(self.said)
        return found[-1]


def scenario(play: Callable[[World, Lines], Awaitable[None]]) -> None:
    async def main() -> None:
        world = World()
        try:
            screen = await world.screen("line mode")
            await world.sign_in(screen)
            await screen.ask("pen.open", address=ADDRESS)
            await world.until(lambda: world.desk.confirmed_still)
            await screen.ask("form.submit", form="client", values={"code": "T-1", "training": "yes"})
            lines = Lines(world, screen.client)
            await asyncio.sleep(0.3)
            await play(world, lines)
        finally:
            await world.down()

    run_virtual(main())


async def treated(w: World, p: Lines, zone: str = "VTX") -> None:
    """A whole session, signed."""
    screen = w.screens[0]
    await screen.ask("session.open", purpose="treatment", client="T-1")
    await w.prepare(screen)
    await screen.ask("zone.select", zone=zone)
    await screen.ask("setpoint", depth_um=1000)
    await screen.start(zone)
    await asyncio.sleep(3)
    await screen.ask("run.end")
    await w.until(lambda: w.desk.confirmed_still, 5)
    await asyncio.sleep(1)
    result = {"zone": zone, "end_point": "mild_erythema", "pain": "3"}
    await screen.ask("form.submit", form="zone_result", values=result)
    session = screen.view.session.id
    await screen.ask("session.close")
    await screen.ask("session.sign", session=session, pin=PIN, reason="no course")


def test_an_event_is_carried_on_a_follow_up_moved_and_a_course_ended() -> None:
    async def play(w: World, p: Lines) -> None:
        await p.says("protocols")
        course = {"protocol": "Dhurat 2013", "indication": "aga_men", "scale": "norwood", "grade": "IV",
                  "sessions_planned": "3", "min_days": "7"}  # fmt: skip
        ask = w.screens[0].ask
        await ask("form.submit", form="course", client="T-1", values=course)
        event = {"term": "pain", "grade": "1", "expected": "yes", "related": "yes", "action": "none"}
        await ask("form.submit", form="adverse_event", client="T-1", values=event)
        await ask("form.submit", form="follow_up", client="T-1", values={"kind": "day7", "due_date": "2099-01-01"})
        assert "Pain, grade 1: Ongoing" in await p.says("file T-1")
        assert "recorded" in await p.says(f"about {p.number('Pain, grade 1')}", "2", "today", ".", ".")
        assert "recorded" in await p.says(f"move {p.number('Contact on day 7')}", "2099-01-08", "on holiday")
        assert "recorded" in await p.says(f"about {p.number('Dhurat 2013')}", "2")
        listed = await p.says("file T-1")
        assert "Pain, grade 1: Resolved" in listed
        assert "Follow-up 2099-01-01, Contact on day 7: Cancelled" in listed
        assert "Follow-up 2099-01-08, Contact on day 7: due" in listed
        assert "Dhurat 2013 v1, 0 of 3 sessions, 7 days apart: ended" in listed
        assert w.rows("select end_reason from course_ends") == [{"end_reason": "wish"}]
        assert b"on holiday" not in w.store.snapshot()

    scenario(play)


def test_a_signed_record_is_read_and_amended_and_the_old_value_stays() -> None:
    async def play(w: World, p: Lines) -> None:
        await treated(w, p)
        await p.says("file T-1")
        assert "NOT SIGNED" not in p.said[-1]
        shown = await p.says(f"about {p.number('Session ')}")
        assert "performed by Pia" in shown
        assert "Amend Pain, now 3" in await p.says(f"amend {p.number('Pain: 3')}")
        assert "old value stays" in await p.says("5", "typed wrongly")
        await p.says("file T-1")
        shown = await p.says(f"about {p.number('Session ')}")
        assert "Pain: 5, was 3, amended" in shown
        assert "Pain: 3 → 5, by Pia; reason sealed" in shown
        assert w.rows("select pain from zone_results") == [{"pain": 3}]

    scenario(play)


def test_what_is_not_signed_is_not_amended() -> None:
    async def play(w: World, p: Lines) -> None:
        screen = w.screens[0]
        await screen.ask("session.open", purpose="treatment", client="T-1")
        await w.prepare(screen)
        await asyncio.sleep(0.3)
        assert "NOT SIGNED" in await p.says("record")
        assert "entered anew" in await p.says(f"amend {p.number('Given by')}")

    scenario(play)


def test_the_checklist_begins_with_the_answers_of_the_last_time_and_marks_what_changed() -> None:
    async def play(w: World, p: Lines) -> None:
        await treated(w, p)
        assert "The treatment is open" in await p.says("repeat T-1")
        assert w.rows("select zone, depth_um from session_plan") == [{"zone": "VTX", "depth_um": 1000}]
        assert "Anything changed" in await p.says("form checklist", ".")
        asked = await p.says("2")
        assert "keeps No" in asked
        assert "Last time No" in asked
        await p.says("2", *["."] * (len(ITEMS) - 1))
        rows = w.rows(
            "select item, answer, changed, since_last from checklist_answers where changed = 1 or since_last = 'yes'"
        )
        assert [row["item"] for row in rows if row["changed"]] == ["infection"]
        assert {row["since_last"] for row in rows} == {"yes"}

    scenario(play)


def test_a_custom_patch_is_needled_and_recorded_and_aftercare_is_noted() -> None:
    async def play(w: World, p: Lines) -> None:
        screen = w.screens[0]
        await screen.ask("session.open", purpose="treatment", client="T-1")
        await w.prepare(screen)
        await p.says("zone CUS-1", "depth 0.75")
        while "yes within" not in await p.says("go"):
            await asyncio.sleep(0.2)
        await p.says("yes")
        await asyncio.sleep(3)
        await p.says("finish")
        await asyncio.sleep(2)
        assert "CUS-1 custom patch: 1 passes." in await p.says("status")
        assert "recorded" in await p.says("result CUS-1", ".", ".", "2", "3", ".", ".", "left temple, 3 cm")
        assert w.rows("select zone, end_reason from passes") == [{"zone": "CUS-1", "end_reason": "ended"}]
        assert "Aftercare recorded" in await p.says("form aftercare", ".", "3")
        assert "Aftercare, done: Given: aftercare-1, in words and on paper. Follow-ups" in await p.says("steps")
        phrases = [row["phrase"] for row in w.rows("select phrase from notes")]
        assert phrases[0].startswith("aftercare aftercare-1 both ")

    scenario(play)
