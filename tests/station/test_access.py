"""Operators at the station: who may do what, lock-out, lock. In virtual time, with the record in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from support.access import IN_TREATMENT, ONCE, WHO, WORKS_LOCKED, expected
from support.world import ADDRESS, OPERATORS, PIN, World, refused, word

from devicectl.records.errors import DiskFull
from devicectl.station.client_api import StationError
from devicectl.station.limits_approval import LimitsApproval, approved
from devicectl.station.limits_file import LimitsFile
from devicectl.station.requests import METHODS
from devicectl.station.requests.needs import NEEDS
from drivers.api import PenState
from simulator.virtual_time import run_virtual


def scenario(play: Callable[[World], Awaitable[None]], **options: Any) -> World:
    async def main() -> World:
        world = World(**options)
        try:
            await play(world)
            return world
        finally:
            await world.down()

    return run_virtual(main())


def events(w: World, *codes: str) -> list[dict[str, Any]]:
    """What the record holds of access, oldest first."""
    rows = w.rows("select code, name, client_name, operator_id, text, at_utc_us from access_events order by id")
    return [row for row in rows if not codes or row["code"] in codes]


def test_every_request_says_what_it_needs() -> None:
    assert set(NEEDS) == set(METHODS)
    assert {method for method, *_ in IN_TREATMENT} | ONCE | {"heartbeat", "activity"} == set(METHODS)


@pytest.mark.parametrize("who", WHO)
def test_who_may_what_while_a_treatment_is_open(who: str | None) -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "TRAIN-1")
        await s.ask("operator.sign_out")
        if who is not None:
            await s.ask("operator.sign_in", name=who, pin=PIN)
        refusals = 0
        for method, params, may, through in IN_TREATMENT:
            wanted = expected(who, may, through)
            assert await word(s, method, **params) == wanted, (method, params)
            refusals += wanted in ("no-operator", "not-allowed")
        rows = events(w, "refused")
        assert len(rows) == refusals
        assert {row["name"] for row in rows} <= {who or ""}
        assert all(row["text"].split(":")[0] in METHODS for row in rows)
        for method in ("session.close", "pen.close"):
            assert await word(s, method) == (None if who in ("Pia", "Ada") else expected(who, (), None)), method

    scenario(play)


@pytest.mark.parametrize("who", ["Tom", "Pia", "Ada"])
def test_locked_means_stop_views_and_signing_in(who: str) -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "TRAIN-1")
        await s.ask("operator.sign_in", name=who, pin=PIN)
        await s.ask("operator.lock")
        for method, params, _, through in IN_TREATMENT:
            wanted = (through if method != "run.preview" else None) if method in WORKS_LOCKED else "locked"
            assert await word(s, method, **params) == wanted, method
        for method in ("pen.close", "session.close", "control.release"):
            assert await word(s, method) == "locked"
        assert await word(s, "pen.open", address=ADDRESS) == "locked"
        await asyncio.sleep(0.2)
        assert s.view.operator.locked
        assert s.view.pen is not None
        await s.ask("operator.sign_in", name=who, pin=PIN)
        await asyncio.sleep(0.2)
        assert not s.view.operator.locked
        assert [row["code"] for row in events(w, "locked", "unlocked")] == ["locked", "unlocked"]

    scenario(play)


def test_bench_needs_no_operator_and_changed_firmware_of_hardware_a_technician() -> None:
    async def play(w: World) -> None:
        s = await w.ready("bench")
        assert s.view.operator is None
        assert (await s.start()).outcome == "confirmed"
        await asyncio.sleep(1)
        assert (await s.ask("run.end")).outcome == "confirmed"
        await asyncio.sleep(1.5)
        w.desk.control.identity = replace(w.desk.control.identity, simulated=False)
        assert await word(s, "pen.accept_firmware") == "no-operator"
        await w.sign_in(s, "Pia")
        assert await word(s, "pen.accept_firmware") == "not-allowed"
        await w.sign_in(s, "Tom")
        assert await word(s, "pen.accept_firmware") is None

    scenario(play)


def test_limits_that_nobody_approved_shut_a_treatment_and_a_practitioner_cannot_approve_them() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "TRAIN-1")
        assert (await s.start()).outcome == "confirmed"
        await asyncio.sleep(1)
        assert (await s.ask("run.end")).outcome == "confirmed"
        await asyncio.sleep(1.5)
        assert LimitsApproval().gates() == ()
        limits = LimitsApproval(LimitsFile(operator_depth_mm=1.2))
        w.station.record.treatments.limits = limits
        (shut,) = [gate for gate in w.desk.control.gates() if not gate.passed]
        assert (shut.name, shut.overridable) == ("limits", False)
        assert shut.text == "The limits were changed; a technician approves them: devicectl limits --approve."
        assert await word(s, "gate.override", gate="limits", reason="because I say so") is not None
        await w.sign_in(s, "Pia")
        assert await word(s, "limits.approve", digest=limits.digest) == "not-allowed"
        assert "may not change limits" in events(w, "refused")[-1]["text"]
        assert not w.desk.control.gates()[-1].passed
        other = await w.sign_in(await w.screen("workshop"), "Tom")
        assert await word(other, "limits.approve", digest="0" * 64) == "other-limits"
        assert await word(other, "limits.approve", digest=limits.digest) is None
        assert all(gate.passed for gate in w.desk.control.gates() if gate.name == "limits")
        (row,) = events(w, "limits-approved")
        assert (row["name"], row["text"]) == ("Tom", f"{limits.digest} operator_depth_mm 1.2")
        newest = w.store.submit_sync(approved)
        assert newest == (limits.digest, "Tom")
        assert LimitsApproval(limits.limits, newest).gates()[0].passed
        assert (
            LimitsApproval(LimitsFile(), newest)
            .gates()[0]
            .text.startswith("The limits were changed since Tom approved them")
        )

    scenario(play)


def test_the_first_operator_is_added_by_anyone_and_is_administrator() -> None:
    async def play(w: World) -> None:
        s, other = await w.screen(), await w.screen("other")
        assert await word(s, "session.open", purpose="treatment", client="TRAIN-1") == "no-operator"
        first = s.ask("operator.add", name="  Ada  Berg ", role="technician", pin=PIN)
        second = other.ask("operator.add", name="Eve", role="administrator", pin=PIN)
        done, late = await asyncio.gather(first, second, return_exceptions=True)
        assert (done["name"], done["role"]) == ("Ada Berg", "administrator")
        assert isinstance(late, StationError)
        assert late.code == "no-operator"
        assert await word(s, "operator.add", name="Eve", role="technician", pin=PIN) == "no-operator"
        await s.ask("operator.sign_in", name="ada berg", pin=PIN)
        for name in ("ADA BERG", "Ada\u202eBerg", "", "…", "x" * 80):
            assert await word(s, "operator.add", name=name, role="technician", pin=PIN) is not None
        states = w.rows("select name, role, active, by_operator_id from operator_states")
        assert [(row["name"], row["role"], row["by_operator_id"]) for row in states] == [
            ("Ada Berg", "administrator", None)
        ]

    scenario(play)


def test_five_wrong_pins_lock_out_also_over_a_restart_and_an_administrator_unlocks() -> None:
    async def play(w: World) -> None:
        s = await w.sign_in(await w.screen(), "Ada")
        other = await w.screen("script")
        for left in (4, 3, 2, 1):
            text = await refused(other.ask("operator.sign_in", name="Pia", pin="000001"))
            assert str(left) in text
        assert "1 min" in await refused(other.ask("operator.sign_in", name="pia", pin="000001"))
        assert await word(other, "operator.sign_in", name="Pia", pin=PIN) == "locked-out"
        assert await word(s, "operator.sign_in", name="Pia", pin=PIN) == "locked-out"
        assert [row["code"] for row in events(w, "wrong-pin", "locked-out")] == ["wrong-pin"] * 5 + ["locked-out"] * 2
        # The audit chain names nobody who has not proven who it was.
        chained = w.rows("select action, operator_id from audit where table_name = 'access_events'")
        assert {(row["action"], row["operator_id"] is None) for row in chained} == {
            ("sign-in", False), ("sign-out", False), ("wrong-pin", True), ("locked-out", True),
        }  # fmt: skip

    first = World
    kept: list[bytes] = []

    async def begin(w: World) -> None:
        await play(w)
        kept.append(w.store.snapshot())

    async def again(w: World) -> None:
        # The loop's clock begins anew: the computer was restarted.
        s = await w.screen()
        assert await word(s, "operator.sign_in", name="Pia", pin=PIN) == "locked-out"
        listed = {row["name"]: row["locked_out_s"] for row in await s.ask("operator.list")}
        assert 0 < listed["Pia"] <= 60
        assert listed["Ada"] == 0
        await s.ask("operator.sign_in", name="Ada", pin=PIN)
        await s.ask("operator.change", name="Pia", unlock=True)
        await s.ask("operator.sign_in", name="Pia", pin=PIN)

    async def later(w: World) -> None:
        s = await w.screen()
        await asyncio.sleep(61)
        assert "5 min" in await refused(s.ask("operator.sign_in", name="Pia", pin="000001"))
        await asyncio.sleep(299)
        assert await word(s, "operator.sign_in", name="Pia", pin=PIN) == "locked-out"
        await asyncio.sleep(2)
        await s.ask("operator.sign_in", name="Pia", pin=PIN)
        assert "4 more" in await refused(s.ask("operator.sign_in", name="Pia", pin="000001"))

    assert first is World
    scenario(begin)
    scenario(again, template=kept[0], seed=2)
    scenario(later, template=kept[0], seed=3)


def test_an_unknown_name_costs_the_same_and_is_not_written_down() -> None:
    async def play(w: World) -> None:
        s = await w.sign_in(await w.screen())
        made: list[str] = []
        hash_pin = w.station.operators._hash

        async def counted(pin: str, salt: bytes, cost: Any) -> bytes:
            made.append(f"{len(salt)} {cost}")
            return await hash_pin(pin, salt, cost)

        w.station.operators._hash = counted
        assert await word(s, "operator.sign_in", name="Pia", pin="000001") == "wrong-pin"
        assert await word(s, "operator.sign_in", name="739184", pin="000001") == "wrong-pin"
        assert len(made) == 2
        assert len(set(made)) == 1
        assert [(row["name"], row["text"]) for row in events(w, "unknown-name")] == [("", "")]

    scenario(play)


def test_whoever_goes_before_the_answer_is_counted_all_the_same() -> None:
    async def play(w: World) -> None:
        await w.sign_in(await w.screen())
        slow = asyncio.Event()
        hash_pin = w.station.operators._hash

        async def waits(pin: str, salt: bytes, cost: Any) -> bytes:
            await slow.wait()
            return await hash_pin(pin, salt, cost)

        w.station.operators._hash = waits
        for pin in ("000001", PIN):
            hit = await w.screen("hit and run")
            asking = asyncio.ensure_future(hit.ask("operator.sign_in", name="Pia", pin=pin))
            await asyncio.sleep(0.1)
            await hit.close()
            w.screens.remove(hit)
            asking.cancel()
        slow.set()
        await asyncio.sleep(0.1)
        codes = [row["code"] for row in events(w) if row["client_name"] == "hit and run"]
        assert codes == ["wrong-pin", "sign-in", "sign-out"]

    scenario(play)


def test_it_locks_by_itself_while_the_pen_is_still_and_never_during_a_run() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "TRAIN-1")
        await s.ask("setpoint", depth_um=1000, rate_mhz=100_000)
        await asyncio.sleep(20)
        assert s.view.operator.lock_in_s == pytest.approx(40, abs=1)
        s.client.activity()
        await asyncio.sleep(0.2)
        assert s.view.operator.lock_in_s == pytest.approx(60, abs=1)
        assert (await s.start()).outcome == "confirmed"
        await asyncio.sleep(150)
        assert s.view.run is not None
        assert not s.view.operator.locked
        assert (await s.ask("run.pause")).outcome == "confirmed"
        await asyncio.sleep(55)
        assert s.view.run.phase == "paused"
        assert not s.view.operator.locked
        assert (await s.ask("run.end")).outcome == "confirmed"
        await w.until(lambda: w.desk.confirmed_still, 5)
        await asyncio.sleep(59)
        assert not s.view.operator.locked
        await asyncio.sleep(2)
        assert s.view.operator.locked
        assert w.desk.holder is not None
        assert s.view.session is not None
        assert not w.rows("select id from stops")
        assert "no key" in events(w, "locked")[0]["text"]
        assert await word(s, "run.preview") == "locked"

    scenario(play, lock_after_s=60.0)


def test_stop_works_while_locked_and_the_lock_itself_stops_nothing() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "TRAIN-1")
        other = await w.sign_in(await w.screen("observer"), "Tom")
        await other.ask("pen.open", address=ADDRESS)
        assert (await s.start()).outcome == "confirmed"
        for method in ("operator.lock", "operator.sign_out"):
            assert await word(s, method) == "running"
        assert await word(s, "operator.sign_in", name="Ada", pin=PIN) == "running"
        await other.ask("operator.lock")
        await asyncio.sleep(1)
        assert w.sim.truth.driven
        assert await word(other, "control.take") == "locked"
        await other.ask("pen.stop", source="key")
        await w.until(lambda: not w.sim.truth.driven, 0.1)
        assert w.sim.truth.state is PenState.STOPPED

    scenario(play)


def test_time_in_which_the_computer_slept_is_time_without_a_key() -> None:
    async def play(w: World) -> None:
        s = await w.sign_in(await w.screen())
        w.source.suspended_us += 200_000_000
        await asyncio.sleep(2)
        assert not s.view.operator.locked
        w.source.suspended_us += 200_000_000
        await asyncio.sleep(2)
        assert s.view.operator.locked

    scenario(play)


def test_who_is_retired_is_signed_out_everywhere_and_the_last_administrator_stays() -> None:
    async def play(w: World) -> None:
        s, admin = await w.ready("treatment", "TRAIN-1"), await w.screen("office")
        await w.sign_in(admin, "Ada")
        assert await word(admin, "operator.change", name="Ada", active=False) == "last-administrator"
        assert await word(admin, "operator.change", name="Ada", role="practitioner") == "last-administrator"
        await admin.ask("operator.change", name="Pia", role="technician", reason="moved")
        assert await word(s, "run.preview") == "not-allowed"
        await admin.ask("operator.change", name="Pia", active=False, reason="left")
        assert await word(s, "run.preview") == "no-operator"
        assert await word(s, "operator.sign_in", name="Pia", pin=PIN) == "wrong-pin"
        assert [row["name"] for row in await s.ask("operator.list")] == ["Ada", "Tom"]
        assert len(await s.ask("operator.list", retired=True)) == 3
        assert await word(admin, "operator.add", name="Pia", role="technician", pin=PIN) == "name-taken"
        seqs = w.rows("select seq, role, active, reason from operator_states where name = 'Pia' order by seq")
        assert [(r["seq"], r["role"], r["active"], r["reason"]) for r in seqs[1:]] == [
            (2, "technician", 1, "moved"),
            (3, "technician", 0, "left"),
        ]
        assert w.desk.recording.session_id is not None

    scenario(play)


def test_everybody_changes_their_own_pin_with_the_one_before() -> None:
    async def play(w: World) -> None:
        s = await w.sign_in(await w.screen(), "Pia")
        assert await word(s, "operator.change", name="Pia", pin="739184") == "not-allowed"
        assert await word(s, "operator.change", name="Tom", pin="739184", own_pin=PIN) == "not-allowed"
        assert (
            await word(s, "operator.change", name="Pia", role="administrator", pin="739184", own_pin=PIN)
            == "not-allowed"
        )
        assert await word(s, "operator.change", name="Pia", pin="739184", own_pin="000001") == "wrong-pin"
        assert await word(s, "operator.change", name="Pia", pin="111111", own_pin=PIN) == "bad-pin"
        await s.ask("operator.change", name="Pia", pin="739184", own_pin=PIN)
        assert await word(s, "operator.sign_in", name="Pia", pin=PIN) == "wrong-pin"
        await s.ask("operator.sign_in", name="Pia", pin="739184")

    scenario(play)


def test_a_sign_in_that_cannot_be_stored_is_none() -> None:
    async def play(w: World) -> None:
        s = await w.sign_in(await w.screen())
        await s.ask("operator.sign_out")
        submit = w.store.submit

        def full(job: Any) -> Any:
            future = w.loop.create_future()
            future.set_exception(DiskFull("The disk is full."))
            return future

        w.store.submit = full
        assert await word(s, "operator.sign_in", name="Pia", pin=PIN) == "disk-full"
        for _ in range(5):
            assert await word(s, "operator.sign_in", name="Pia", pin="000001") == "disk-full"
        w.store.submit = submit
        await asyncio.sleep(0.2)
        assert s.view.operator is None
        assert await word(s, "operator.sign_in", name="Pia", pin=PIN) == "locked-out"

    scenario(play)


def test_a_refusal_is_one_even_if_it_cannot_be_recorded_and_one_client_does_not_fill_the_writer() -> None:
    async def play(w: World) -> None:
        s = await w.screen()
        waiting: list[Any] = []

        def hangs(job: Any) -> Any:
            waiting.append(w.loop.create_future())
            return waiting[-1]

        w.store.submit = hangs
        asked = [
            asyncio.ensure_future(word(s, "session.open", purpose="treatment", client="TRAIN-1")) for _ in range(50)
        ]
        await asyncio.sleep(1)
        assert len(waiting) == 1
        assert await asyncio.wait_for(asked[0], 2) == "no-operator"
        for one in asked:
            one.cancel()

    scenario(play)


def test_a_client_that_ends_is_signed_out_in_the_record() -> None:
    async def play(w: World) -> None:
        s = await w.sign_in(await w.screen())
        await s.close()
        w.screens.clear()
        await asyncio.sleep(0.1)
        last = events(w)[-1]
        assert (last["code"], last["name"], last["client_name"]) == ("sign-out", "Pia", "dashboard")
        assert set(OPERATORS) == {"Ada", "Pia", "Tom"}

    scenario(play)
