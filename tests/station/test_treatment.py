"""A whole treatment by the station's requests, in virtual time, and the record that it leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from support.treatment import CHECKLIST, cartridge
from support.world import ADDRESS, OPERATORS, PIN, Screen, World

from devicectl.records.audit import Anchor, packed
from devicectl.records.reader import find_session, list_passes
from devicectl.records.register import list_clients
from devicectl.records.signed import covered
from devicectl.records.signed import payload as signed_payload
from devicectl.station.client_api import StationError
from devicectl.station.runtime import virtual_station
from devicectl.station.views import ChartView
from devicectl.treatment.rehearsal import before
from simulator.pen import SimulatedPen
from simulator.profile import load_profile
from simulator.virtual_time import run_virtual

OTHER = next(name for name, role in OPERATORS.items() if role == "administrator")
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


async def signed(w: World) -> tuple[Screen, str]:
    """A treatment from end to end, signed."""
    s = await w.ready("treatment", "T-1")
    await needled(w, s, "VTX", 3)
    await s.ask("form.submit", form="zone_result", values={"zone": "VTX", "end_point": "mild_erythema", "pain": "3"})
    await s.ask("form.submit", form="cartridge_discarded", values={"sharps": "yes"})
    await s.ask("session.close")
    error = await refused(s.ask("session.sign", session="last", pin=PIN))
    assert error.code == "incomplete"
    assert set(error.fields) == {"Course"}
    assert (await refused(s.ask("session.sign", session="last", pin="999999", reason="no course"))).code == "wrong-pin"
    answer = await s.ask("session.sign", session="last", pin=PIN, reason="a single session")
    return s, answer["sessions"][0]


def test_a_signed_session_is_locked_and_corrected_by_amendments_only() -> None:
    async def play(w: World) -> None:
        s, session = await signed(w)
        assert (await s.ask("session.chart", session="last")).signatures == ("performed",)
        assert [row["kind"] for row in w.rows("select kind from follow_ups order by due_date")] == [
            "day1-3", "day7", "week12", "week24",
        ]  # fmt: skip
        values = {"zone": "VTX", "end_point": "erythema"}
        error = await refused(s.ask("form.submit", form="zone_result", session=session, values=values))
        assert "signed" in str(error)
        result = w.rows("select hex(id) as id, pain from zone_results")[0]
        amendment = {
            "table": "zone_results",
            "row": result["id"][:12],
            "field": "pain",
            "value": "5",
            "reason": "misheard",
        }
        await s.ask("session.amend", session=session, values=amendment)
        assert w.rows("select pain from zone_results") == [{"pain": 3}]
        assert len(w.rows("select * from amendments")) == 1
        assert (await refused(s.ask("session.sign", session=session, pin=PIN, reason="again"))).code
        await s.ask("session.sign", session=session, meaning="reviewed", pin=PIN)
        await s.ask("operator.sign_in", name="Tom", pin=PIN)
        assert (await refused(s.ask("session.amend", session=session, values=amendment))).code == "not-allowed"
        assert (await refused(s.ask("session.sign", session=session, pin=PIN))).code == "not-allowed"

    scenario(play)


def test_who_held_control_of_no_pass_signs_as_performed_only_with_a_reason() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "T-1")
        await needled(w, s, "VTX", 3)
        await s.ask("session.close")
        other = await w.sign_in(await w.screen("other"), "Ada")
        error = await refused(other.ask("session.sign", session="last", pin=PIN))
        assert error.fields["performed"] == "The passes were done by Pia, not by Ada."
        assert "performed" not in (await refused(s.ask("session.sign", session="last", pin=PIN))).fields
        await other.ask("session.sign", session="last", pin=PIN, reason="Pia is ill")
        texts = (await s.ask("session.texts", session="last"))["texts"]
        assert any("done by Pia, not by Ada. Reason: Pia is ill" in (one["text"] or "") for one in texts)

    scenario(play)


def test_nobody_signs_what_was_entered_while_their_pin_was_confirmed() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "T-1")
        other = await w.sign_in(await w.screen("other"))
        await s.ask("session.close")
        session = w.rows("select hex(id) as id from sessions")[0]["id"]
        values = {
            "product": "Lidocaine 4 %", "lot": "L1", "strength_milli": "4", "grams_mg": "10", "area_mm2": "100",
            "occluded": "no", "dwell_min_s": "30",
        }  # fmt: skip
        async with w.station.operators._turn:  # somebody else's PIN is being looked at
            sign = asyncio.ensure_future(s.ask("session.sign", session=session, pin=PIN, reason="nothing was needled"))
            await asyncio.sleep(1)
            await other.ask("form.submit", form="anaesthetic", session=session, values=values)
        assert (await refused(sign)).code == "changed"
        assert not w.rows("select * from signatures")
        await s.ask("session.sign", session=session, pin=PIN, reason="nothing was needled")

    scenario(play)


def test_an_amended_value_is_read_by_the_field_of_its_form() -> None:
    async def play(w: World) -> None:
        s, session = await signed(w)

        async def amended(table: str, field: str, value: str, row: str = "1") -> None:
            values = {"table": table, "row": row, "field": field, "value": value, "reason": "misheard"}
            await s.ask("session.amend", session=session, values=values)

        for table, field, value, sentence in (
            ("zone_results", "pain", "11", "Pain must be a number, from 0 to 10; “11” is outside."),
            ("zone_results", "pain", "four", "Pain must be a number"),
            ("zone_results", "end_point", "blue", "End point must be"),
            ("zone_results", "zone", "NOWHERE", "Zone must be a zone code"),
            ("zone_results", "zone", "", "Zone is needed"),
            ("zone_results", "note", "x" * 1001, "1000"),
            ("consents", "photos", "perhaps", "Photographs allowed must be Yes or No."),
            ("consents", "given_utc_us", "2199-01-01 12:00", "future"),
            ("cartridge_uses", "gtin", "09521234543214", "GTIN"),
            ("cartridge_uses", "expiry", "2028-02-31", "Expiry"),
            ("checklist_answers", "answer", "maybe", "Answer must be"),
            ("passes", "zone", "12345", "Zone must be a zone code"),
            ("passes", "direction", "sideways", "Direction must be"),
        ):
            error = await refused(amended(table, field, value))
            assert (error.code, set(error.fields)) == ("invalid-form", {"value"}), (table, field, error)
            assert sentence in error.fields["value"], error
        for table, field in (("passes", "depth_max_um"), ("consents", "text_sha256"), ("photos", "sha256")):
            error = await refused(amended(table, field, "1"))
            assert set(error.fields) == {"field"}, error
        for table, field in (("audit", "hash"), ("signatures", "name"), ("session_plan", "depth_um"), ("nowhere", "x")):
            assert set((await refused(amended(table, field, "1"))).fields) == {"table"}
        assert w.rows("select * from amendments") == []
        await amended("zone result", "pain", "4")
        await amended("zone_results", "end_point", "Pinpoint bleeding")
        await amended("consents", "photos", "yes")
        await amended("passes", "zone", "mid")
        await amended("zone_results", "note", "as told")
        kept = [
            (row["field"], row["new"]) for row in w.rows("select field, new from amendments order by at_utc_us, id")
        ]
        assert kept[:4] == [
            ("pain", packed(4)), ("end_point", packed("pinpoint_bleeding")), ("photos", packed(1)), ("zone", packed("MID")),
        ]  # fmt: skip
        assert b"as told" not in kept[4][1]

    scenario(play)


def test_an_amended_row_is_named_by_its_number_or_by_digits_that_are_clear() -> None:
    async def play(w: World) -> None:
        s, session = await signed(w)
        keys = [
            row["id"] for row in w.rows("select lower(hex(id)) as id from checklist_answers order by at_utc_us, id")
        ]

        async def amended(row: str, table: str = "checklist_answers") -> None:
            values = {"table": table, "row": row, "field": "answer", "value": "unknown", "reason": "misheard"}
            await s.ask("session.amend", session=session, values=values)

        error = await refused(amended(keys[0][:6]))
        assert set(error.fields) == {"row"}
        assert f"checklist_answers 1 ({keys[0][-8:]})" in str(error)
        assert f"checklist_answers 2 ({keys[1][-8:]})" in str(error)
        for wrong in ("99", "0", "abcdef"):
            assert set((await refused(amended(wrong))).fields) == {"row"}
        await amended("3")
        await amended(keys[4][-8:])
        await amended(f"{keys[5]}")
        assert [row["id"] for row in w.rows("select lower(hex(row_id)) as id from amendments order by at_utc_us, id")] == [
            keys[2], keys[4], keys[5],
        ]  # fmt: skip

    scenario(play)


def test_a_session_is_signed_on_another_day_as_it_was_on_its_own() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "T-1")
        await needled(w, s, "VTX", 3)
        await s.ask("form.submit", form="zone_result", values={"zone": "VTX", "end_point": "mild_erythema"})
        await s.ask("form.submit", form="cartridge_discarded", values={"sharps": "yes"})
        await s.ask("session.close")
        await s.ask("pen.close")
        w.source.jump_us += 86_400_000_000
        await asyncio.sleep(2)
        await s.ask("operator.sign_in", name="Pia", pin=PIN)
        error = await refused(s.ask("session.sign", session="last", pin=PIN))
        assert set(error.fields) == {"Course"}

    scenario(play)


def test_a_shipped_protocol_enters_the_record_when_a_course_uses_it() -> None:
    async def play(w: World) -> None:
        s = await arrived(w)
        await s.ask(
            "form.submit", form="course", client="T-1", values={**COURSE, "protocol": "Dhurat 2013", "min_days": "7"}
        )
        assert w.rows("select source, version from protocols where name = 'Dhurat 2013'") == [
            {"source": "shipped", "version": 1}
        ]
        error = await refused(s.ask("form.submit", form="protocol", values={**PROTOCOL, "name": "Dhurat 2013"}))
        assert error.code == "shipped"
        await s.ask("session.open", purpose="treatment", client="T-1")
        await asyncio.sleep(0.3)
        assert chart(s).course == "Dhurat 2013 v1"
        assert {zone.depth_um for zone in chart(s).zones} == {1500}

    scenario(play)


def test_a_pass_under_the_wrong_zone_is_given_to_another_before_the_signature() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "T-1")
        await needled(w, s, "VTX", 4)
        done = w.rows("select hex(id) as id from passes")[0]["id"]
        values = {"zone": "MID", "reason": "wrong key"}
        await s.ask("form.submit", form="pass_change", about=done, values=values)
        shown = await s.ask("session.chart", session="last")
        assert {zone.code: zone.undirected for zone in shown.zones} == {"MID": 1}
        await asyncio.sleep(0.3)
        assert s.view.session is not None
        assert [zone.code for zone in s.view.session.zones] == [], "the map does not show the pass in VTX any more"
        client = next(one for one in w.store.submit_sync(list_clients) if one.code == "T-1")
        assert list(client.treatments[0].depths_um) == ["MID"], "a session that is repeated repeats no mistake"
        assert w.rows("select zone from passes") == [{"zone": "VTX"}]
        split = {"zone": "VTX", "split_s": "2", "zone_after": "MID", "reason": "half of it"}
        await s.ask("form.submit", form="pass_change", about=done, values=split)
        shown = await s.ask("session.chart", session="last")
        assert {zone.code for zone in shown.zones} == {"VTX", "MID"}
        assert abs({zone.code: zone.duration_s for zone in shown.zones}["VTX"] - 2) < 0.01

    scenario(play)


def test_identity_is_read_by_who_may_and_gone_after_erasing() -> None:
    async def play(w: World) -> None:
        s = await arrived(w)
        await s.ask("form.submit", form="identity", client="T-1", values={"name": "Jean Example"})
        assert (await s.ask("client.identity", client="T-1"))["identity"]["name"] == "Jean Example"
        assert b"Jean" not in w.store.snapshot()
        assert (await refused(s.ask("client.erase", client="T-1", reason="requested", pin=PIN))).code == "not-allowed"
        await s.ask("operator.sign_in", name="Ada", pin=PIN)
        await s.ask("client.erase", client="T-1", reason="requested", pin=PIN)
        assert (await refused(s.ask("client.identity", client="T-1"))).code == "erased"
        codes = [row["code"] for row in w.rows("select code from access_events")]
        assert codes.count("identity-read") >= 1

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


def test_a_reason_that_is_sealed_is_in_no_view_and_no_row_in_the_clear() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "T-1")
        watcher = await w.screen("watcher")
        await watcher.ask("pen.open", address=ADDRESS)
        values = {
            "product": "Lidocaine 4 %", "lot": "L1", "strength_milli": "4", "grams_mg": "10", "area_mm2": "100",
            "occluded": "no", "dwell_min_s": "30",
        }  # fmt: skip
        await s.ask("form.submit", form="anaesthetic", values=values)
        await s.ask("gate.override", gate="anaesthetic", reason="Mrs Miller has no pain")
        await s.ask("zone.select", zone="VTX")
        sheet = await s.ask("run.preview")
        assert sheet.ok
        assert [gate.name for gate in sheet.gates if gate.overridden] == ["anaesthetic"]
        await asyncio.sleep(0.3)
        assert "Miller" not in f"{sheet} {s.view} {watcher.view} {await s.ask('session.chart', session='last')}"
        for table in w.rows("select name from sqlite_master where type = 'table'"):
            assert "Miller" not in str(w.rows(f"select * from {table['name']}"))
        texts = (await s.ask("session.texts", session="last"))["texts"]
        assert any("Miller" in (one["text"] or "") for one in texts)

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


def test_what_is_entered_for_a_session_resumed_twice_counts_in_the_one_that_goes_on() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "T-1")
        await needled(w, s, "VTX", 3)
        first = old = w.rows("select hex(id) as id from sessions")[0]["id"]
        for _ in range(2):
            w.desk.recording.abandon("nobody came back")
            await asyncio.sleep(0.2)
            old = (await s.ask("session.open", purpose="treatment", resumes=old))["session"]
        await s.ask("zone.select", zone="VTX")
        await asyncio.sleep(1.2)
        assert (await s.ask("run.preview")).ok
        values = {
            "product": "Lidocaine 4 %", "lot": "L1", "strength_milli": "4", "grams_mg": "10", "area_mm2": "100",
            "occluded": "no", "dwell_min_s": "30",
        }  # fmt: skip
        await s.ask("form.submit", form="anaesthetic", session=first, values=values)
        await asyncio.sleep(1.2)
        assert [gate.name for gate in (await s.ask("run.preview")).gates if not gate.passed] == ["anaesthetic"]
        await s.ask("form.submit", form="anaesthetic_off", values={"cleaned": "yes"})
        assert (await s.start("VTX")).outcome == "confirmed"
        scanned = {"lot": "L9", "serial": "9"}
        error = await refused(s.ask("form.submit", form="cartridge", session=first, values=cartridge(**scanned)))
        assert error.code == "running"
        await s.ask("run.end")
        error = await refused(s.ask("session.sign", session=first, pin=PIN, reason="left early"))
        assert "was resumed" in str(error)

    scenario(play)


async def _pen_closed(w: World, s: Screen) -> None:
    await s.ask("pen.close")


async def _pen_swapped(w: World, s: Screen) -> None:
    w.sim.close()
    w.sim = SimulatedPen(load_profile("reference").model_copy(update={"serial": "REF-0002"}), seed=2)
    await w.until(lambda: w.desk.recording.session_id is None and w.desk.confirmed_still, 20)
    await s.ask("pen.close")


async def _station_ended(w: World, s: Screen) -> None:
    await s.close()
    w.screens.remove(s)
    await w.station.close("SIGTERM")
    w.station = virtual_station(w.store, w.source, {ADDRESS: w.pen})


@pytest.mark.parametrize("end", [_pen_closed, _pen_swapped, _station_ended])
def test_a_treatment_that_nobody_closed_is_resumed_whatever_ended_it(end: Any) -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "T-1")
        await needled(w, s, "VTX", 3)
        before = w.rows("select id from consents")
        await end(w, s)
        (old,) = w.rows("select hex(id) as id, end_reason from sessions")
        assert old["end_reason"] == "interrupted"
        assert w.rows("select code from events where code like 'session-%'") == [{"code": "session-interrupted"}]
        s = await w.sign_in(await w.screen("again"))
        await s.ask("pen.open", address=ADDRESS)
        await w.until(lambda: w.desk.confirmed_still)
        await s.ask("session.open", purpose="treatment", resumes=old["id"])
        await asyncio.sleep(1.2)
        states = {step.name: step.state for step in chart(s).steps}
        assert (states["consent"], states["checklist"]) == ("done", "done")
        assert w.rows("select id from consents") == before
        await s.ask("session.close")
        assert [row["end_reason"] for row in w.rows("select end_reason from sessions order by id")] == [
            "interrupted", "closed",
        ]  # fmt: skip

    scenario(play)


def test_the_last_treatment_is_that_of_the_pen_at_hand() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "T-1")
        await _pen_swapped(w, s)
        await s.ask("pen.open", address=ADDRESS)
        await w.until(lambda: w.desk.confirmed_still, 20)
        error = await refused(s.ask("session.open", purpose="treatment", resumes="last"))
        assert error.code == "no-session"
        assert str(error).startswith("This pen has no treatment to resume")
        await s.ask("session.open", purpose="treatment", client="T-2")
        await s.ask("pen.close")
        await s.ask("pen.open", address=ADDRESS)
        await w.until(lambda: w.desk.confirmed_still, 20)
        await s.ask("session.open", purpose="treatment", resumes="last")
        assert s.view.session is None or s.view.session.client == "T-2"
        assert [r["code"] for r in w.rows("select c.code from sessions s join clients c on c.id = s.client_id")] == [
            "T-1", "T-2", "T-2",
        ]  # fmt: skip

    scenario(play)


def test_behind_the_refusal_of_hardware_stand_its_calibration_and_the_kind_of_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "T-1")
        await s.ask("form.submit", form="client", values={"code": "C-9", "training": "no"})
        old = w.rows("select hex(id) as id from sessions")[0]["id"]
        monkeypatch.setattr("simulator.firmware.FLAG_SIMULATED", 0)
        await _pen_swapped(w, s)
        await s.ask("pen.open", address=ADDRESS)
        await w.until(lambda: w.desk.confirmed_still, 20)
        assert not w.desk.control.identity.simulated
        error = await refused(s.ask("session.open", purpose="treatment", client="C-9"))
        assert error.code == "no-treatment"
        monkeypatch.setattr("devicectl.station.requests.sessions.HARDWARE_TREATS", True)
        error = await refused(s.ask("session.open", purpose="treatment", resumes=old))
        assert str(error) == "The code T-1 belongs to a training client, and this is a pen; choose another."
        error = await refused(s.ask("session.open", purpose="treatment", client="C-unknown"))
        assert error.code == "no-such-client"
        await s.ask("session.open", purpose="treatment", client="C-9")
        await w.prepare(s)
        await asyncio.sleep(1.2)
        shut = [gate for gate in w.desk.control.gates() if not gate.passed]
        assert [(gate.name, gate.overridable) for gate in shut] == [("calibration", False)], shut
        await s.ask("zone.select", zone="VTX")
        sheet = await s.ask("run.preview")
        assert not sheet.ok
        assert w.rows("select origin from sessions order by id desc limit 1") == [{"origin": "hardware"}]

    scenario(play)


def test_a_bench_session_is_closed_with_its_pen() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.ask("pen.close")
        assert w.rows("select end_reason from sessions") == [{"end_reason": "closed"}]

    scenario(play)


def test_every_pass_says_who_held_control_when_it_was_begun() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "T-1")
        await needled(w, s, "VTX", 2)
        other = await w.sign_in(await w.screen("tablet"), OTHER)
        await other.ask("pen.open", address=ADDRESS)
        await other.ask("control.take")
        await needled(w, other, "MID", 2)
        await other.ask("form.submit", form="cartridge_discarded", values={"sharps": "yes"})
        await other.ask("session.close")
        session = await w.station.record.submit(lambda c: find_session(c, "last"))
        passes = await w.station.record.submit(lambda c: list_passes(c, session))
        assert [(one.zone, one.operator) for one in passes] == [("VTX", "Pia"), ("MID", OTHER)]
        answer = await other.ask("session.sign", session="last", pin=PIN, reason="a single session")
        anchor = Anchor.parse(answer["anchor"])

        def payload(connection: Any) -> Any:
            sessions = covered(connection, session)
            return signed_payload(
                connection, sessions, anchor, meaning="performed", operator=UUID(int=1), name="", at_utc_us=0
            )

        events = (await w.station.record.submit(payload))["rows"]["events"]
        told = [json.loads(row["data"]) for row in events if row["code"] == "pass-operator"]
        assert [(one["pass"], one["name"]) for one in told] == [(str(one.id), one.operator) for one in passes]
        assert len({one["operator"] for one in told}) == 2

    scenario(play)


def test_sealed_texts_are_opened_for_who_may_read_them_and_that_is_written_down() -> None:
    async def play(w: World) -> None:
        s, session = await signed(w)
        values = {"table": "zone result", "row": "1", "field": "note", "value": "itches", "reason": "misheard"}
        await s.ask("session.amend", session=session, values=values)
        texts = (await s.ask("session.texts", session="last"))["texts"]
        assert {one["state"] for one in texts} == {"open"}
        amended = {one["field"]: one["text"] for one in texts if one["table"] == "amendments"}
        assert amended == {"reason": "misheard", "new": "itches"}
        assert any("a single session" in one["text"] for one in texts if one["table"] == "notes")
        read = w.rows("select text from access_events where code = 'identity-read'")
        assert [row["text"] for row in read] == [f"texts of session {UUID(session)}"]
        await s.ask("operator.sign_in", name="Tom", pin=PIN)
        assert (await refused(s.ask("session.texts", session="last"))).code == "not-allowed"
        await s.ask("operator.sign_out")
        assert (await refused(s.ask("session.texts", session="last"))).code == "no-operator"
        admin = await w.sign_in(await w.screen("admin"), OTHER)
        await admin.ask("client.erase", client="T-1", reason="requested", pin=PIN)
        texts = (await admin.ask("session.texts", session="last"))["texts"]
        assert {(one["state"], one["text"]) for one in texts} == {("erased", None)}

    # A client of its own: the keys of virtual stations are the same, and what is erased stays erased.
    scenario(play, seed=77)


def test_what_a_run_uses_is_not_taken_away_while_it_goes_on() -> None:
    """Operator, cartridge and client: refused until END. The plan of a session is its own: protocol and course may change."""

    async def play(w: World) -> None:
        s = await arrived(w)
        await s.ask("session.open", purpose="treatment", client="T-1")
        await w.prepare(s)
        await w.until(lambda: all(g.passed for g in w.desk.control.gates()), 5)
        admin = await w.sign_in(await w.screen("admin"), OTHER)
        assert (await s.start("VTX")).outcome == "confirmed"
        plan = chart(s).zones
        for work in (
            admin.ask("operator.change", name="Pia", active=False, reason="left"),
            admin.ask("operator.change", name="Pia", role="technician", reason="moved"),
            s.ask("form.submit", form="cartridge_discarded", values={"sharps": "yes"}),
            s.ask("form.submit", form="cartridge", values=cartridge("AB-2", "S9")),
        ):
            error = await refused(work)
            assert (error.code, "END" in str(error)) == ("running", True), error
        error = await refused(admin.ask("client.erase", client="T-1", reason="requested", pin=PIN))
        assert (error.code, "close it before" in str(error)) == ("record-refused", True)
        assert w.rows("select * from cartridge_discards") == w.rows("select * from erasures") == []
        # What the session does not need is changed at any time; what it does not use may go.
        await admin.ask("operator.change", name="Tom", active=False, reason="left")
        await admin.ask("operator.change", name="Pia", pin="739104", reason="forgotten")
        await admin.ask("form.submit", form="protocol", values={**PROTOCOL, "min_days": "21 days"})
        await admin.ask("form.submit", form="course_end", client="T-1", values={"end_reason": "completed"})
        assert w.desk.control.run is not None
        assert [zone.code for zone in chart(s).zones] == [zone.code for zone in plan]
        await s.ask("run.end")
        await asyncio.sleep(1.5)
        await s.ask("form.submit", form="cartridge_discarded", values={"sharps": "yes"})
        await admin.ask("operator.change", name="Pia", active=False, reason="left")
        await asyncio.sleep(0.2)
        assert (await refused(s.start("VTX"))).code == "no-operator"
        assert (await refused(s.ask("session.close"))).code == "no-operator"
        await s.ask("operator.sign_in", name=OTHER, pin=PIN)
        await s.ask("session.close")

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


def test_a_course_of_a_shipped_protocol_brings_its_plan_and_the_protocol_once() -> None:
    async def play(w: World) -> None:
        s = await arrived(w)
        for code in ("T-2", "T-3"):
            await s.ask("form.submit", form="client", values={"code": code, "training": "yes"})
            answer = await s.ask(
                "form.submit", form="course", client=code, values={**COURSE, "protocol": "Dhurat 2013"}
            )
            course = w.rows("select lower(hex(id)) as id from courses order by at_utc_us, id")[-1]["id"]
            assert answer["id"].replace("-", "") == course
        kept = w.rows("select name, source, min_days from protocols where source = 'shipped'")
        assert kept == [{"name": "Dhurat 2013", "source": "shipped", "min_days": 7}]
        await s.ask("session.open", purpose="treatment", client="T-3")
        await asyncio.sleep(0.3)
        assert {zone.code: zone.depth_um for zone in chart(s).zones}["VTX"] == 1500
        error = await refused(s.ask("form.submit", form="protocol", values={"name": "Kumar 2018", "citation": "mine"}))
        assert error.code == "shipped"

    scenario(play)
