"""A whole treatment by the station's requests, in virtual time, and the record that it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.treatment import CHECKLIST, before, cartridge
from support.world import ADDRESS, PIN, Screen, World

from devicectl.station.client_api import StationError
from devicectl.station.views import ChartView
from simulator.virtual_time import run_virtual

PROTOCOL: dict[str, Any] = {
    "name": "Crown by two",
    "citation": "Written for this test",
    "sessions": "6",
    "min_days": "14 days",
    "zones": [
        {"zone": "VTX", "depth_um": "1.0", "rate_mhz": "100", "passes": "horizontal 1, vertical 1", "seconds": "6 s"},
        {"zone": "MID", "depth_um": "0.6", "rate_mhz": "90", "passes": "horizontal 1"},
    ],
}
COURSE: dict[str, Any] = {
    "protocol": "Crown by two",
    "indication": "aga_men",
    "scale": "norwood",
    "grade": "III vertex",
    "sessions_planned": "6",
    "min_days": "14",
}


def scenario(play: Callable[[World], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        world = World(**options)
        try:
            await play(world)
        finally:
            await world.down()

    run_virtual(main())


async def arrived(w: World) -> Screen:
    """A practitioner with a pen, a client and a course."""
    s = await w.sign_in(await w.screen())
    await s.ask("pen.open", address=ADDRESS)
    await w.until(lambda: w.desk.confirmed_still)
    await s.ask("form.submit", form="client", values={"code": "T-1", "training": "yes"})
    await s.ask("form.submit", form="protocol", values=PROTOCOL)
    await s.ask("form.submit", form="course", client="T-1", values=COURSE)
    return s


async def refused(work: Awaitable[Any]) -> StationError:
    with pytest.raises(StationError) as refusal:
        await work
    return refusal.value


def chart(s: Screen) -> ChartView:
    assert s.view is not None
    assert s.view.chart is not None
    return s.view.chart


async def needled(w: World, s: Screen, zone: str, seconds: float) -> Any:
    outcome = await s.start(zone)
    assert outcome.outcome == "confirmed", outcome
    await asyncio.sleep(seconds)
    await s.ask("run.end")
    await asyncio.sleep(1.5)


def test_a_whole_treatment() -> None:
    async def play(w: World) -> None:
        s = await arrived(w)
        await s.ask("session.open", purpose="treatment", client="T-1")
        await asyncio.sleep(0.3)
        states = {step.name: step.state for step in chart(s).steps}
        assert states["operator"] == states["client"] == states["course"] == "done"
        assert states["consent"] == "open"
        assert states["zones"] == "waiting"
        gates = {gate.name: gate.passed for gate in w.desk.control.gates()}
        assert not gates["consent"]
        assert not gates["cartridge registered"]

        await w.prepare(s)
        await asyncio.sleep(1.2)
        assert all(gate.passed for gate in w.desk.control.gates()), w.desk.control.gates()

        answer = await s.ask("zone.select", zone="VTX")
        assert {name: one.outcome for name, one in answer.items()} == {"depth": "confirmed", "rate": "confirmed"}
        assert w.desk.control.readback.depth_um == 1000
        await asyncio.sleep(0.2)
        assert chart(s).direction == "horizontal"
        await needled(w, s, "VTX", 4)
        assert chart(s).direction == "vertical"
        await needled(w, s, "VTX", 4)
        assert chart(s).next_zone == "MID"
        assert any("planned time reached" in line.text for line in w.desk.log)
        await s.ask(
            "form.submit", form="zone_result", values={"zone": "VTX", "end_point": "mild_erythema", "pain": "3"}
        )
        await needled(w, s, "MID", 3)
        await s.ask(
            "form.submit", form="zone_result", values={"zone": "MID", "end_point": "mild_erythema", "note": "calm"}
        )
        await s.ask("form.submit", form="cartridge_discarded", values={"sharps": "yes"})
        await asyncio.sleep(1.2)
        assert {step.name: step.state for step in chart(s).steps if not step.optional}["zones"] == "done"
        await s.ask("session.close")

        passes = w.rows("select zone, direction, depth_set_um from passes order by seq")
        assert [(p["zone"], p["direction"], p["depth_set_um"]) for p in passes] == [
            ("VTX", "horizontal", 1000), ("VTX", "vertical", 1000), ("MID", "horizontal", 600),
        ]  # fmt: skip
        session = w.rows("select operator_id, course_id, client_id from sessions")[0]
        assert None not in (session["operator_id"], session["course_id"], session["client_id"])
        assert [row["n"] for row in w.rows("select count(*) as n from session_plan")] == [2]
        assert not any(b"calm" in bytes(row["note_sealed"]) for row in w.rows(
            "select note_sealed from zone_results where note_sealed is not null"))  # fmt: skip
        entered = w.rows("select count(*) as n from audit where table_name = 'checklist_answers'")[0]["n"]
        assert entered == len(CHECKLIST["answers"])

    scenario(play)


def test_a_bad_form_gets_a_sentence_for_each_field_and_stores_nothing() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "T-1")
        before_it = w.rows("select count(*) as n from audit")[0]["n"]
        with pytest.raises(StationError) as refusal:
            await s.ask("form.submit", form="zone_result", values={"zone": "nose", "end_point": "x", "pain": "11"})
        assert set(refusal.value.fields) == {"zone", "end_point", "pain"}
        assert refusal.value.code == "invalid-form"
        assert w.rows("select count(*) as n from audit")[0]["n"] == before_it

    scenario(play)


def test_a_used_cartridge_is_refused_with_the_reason() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "T-1")
        await s.ask("session.close")
        await s.ask("session.open", purpose="treatment", client="T-1")
        used = w.desk.control.cartridge
        error = await refused(s.ask("form.submit", form="cartridge", values=cartridge(used.lot, used.serial)))
        assert error.code == "cartridge-used"
        assert "another session" in str(error)

    scenario(play)


def test_start_waits_for_the_anaesthetic_to_be_off() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "T-1")
        values = {
            "product": "Lidocaine 4 %", "lot": "L1", "strength_milli": "4", "grams_mg": "10", "area_mm2": "100",
            "occluded": "no", "dwell_min_s": "30",
        }  # fmt: skip
        await s.ask("form.submit", form="anaesthetic", values=values)
        await s.ask("zone.select", zone="VTX")
        sheet = await s.ask("run.preview")
        assert not sheet.ok
        assert any(gate.name == "anaesthetic" and gate.overridable for gate in sheet.gates if not gate.passed)
        await asyncio.sleep(1800)
        await s.ask("operator.sign_in", name="Pia", pin=PIN)
        await s.ask("form.submit", form="anaesthetic_off", values={"cleaned": "yes"})
        sheet = await s.ask("run.preview")
        assert sheet.ok, [gate for gate in sheet.gates if not gate.passed]

    scenario(play)


def test_an_interrupted_session_is_resumed_with_what_was_entered() -> None:
    async def play(w: World) -> None:
        s = await arrived(w)
        await s.ask("session.open", purpose="treatment", client="T-1")
        await w.prepare(s)
        await asyncio.sleep(1.2)
        await needled(w, s, "VTX", 4)
        old = w.rows("select hex(id) as id from sessions")[0]["id"]
        w.desk.recording.abandon("nobody came back")
        await asyncio.sleep(0.2)
        await s.ask("session.open", purpose="treatment", resumes=old)
        await asyncio.sleep(1.2)
        assert all(gate.passed for gate in w.desk.control.gates()), w.desk.control.gates()
        assert {zone.code: zone.done for zone in chart(s).zones}["VTX"] == {"horizontal": 1}
        error = await refused(s.ask("session.open", purpose="treatment", resumes=old))
        assert error.code == "session-open"

    scenario(play)


def test_a_technician_may_not_fill_in_a_treatment() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "T-1")
        lot = w.desk.control.cartridge
        await s.ask("operator.sign_in", name="Tom", pin=PIN)
        for form, values in before(lot.lot, lot.serial).items():
            if form == "pen_check":
                continue
            assert (await refused(s.ask("form.submit", form=form, values=values))).code == "not-allowed"
        refusals = w.rows("select count(*) as n from access_events where code = 'refused'")
        assert refusals[0]["n"] == 4

    scenario(play)
