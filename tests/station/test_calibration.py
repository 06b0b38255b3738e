"""A calibration by the station's requests, in virtual time, and what the record and a start make of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from support.calibrating import (
    TACHOMETER,
    Gauge,
    begun,
    calibrated,
    partial_plan,
    step,
    technician,
    whole_round,
)
from support.world import ADDRESS, PIN, World, refused, word

from devicectl.access.verify import verify
from devicectl.station.runtime import _virtual_keys
from drivers.api import Confirmed
from simulator.pen import SimulatedPen
from simulator.profile import load_profile
from simulator.virtual_time import run_virtual

SHORT: dict[str, Any] = {"series": [{"repeats": 2, "seatings": 1, "order": "sweep"}]}
"""18 readings."""


def scenario(play: Callable[[World], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        world = World(**options)
        try:
            await play(world)
        finally:
            await world.down()

    run_virtual(main())


def bent(**errors: Any) -> Any:
    """The reference pen with other errors of its depth drive."""
    made = load_profile("reference")
    return made.model_copy(update={"actuator": made.actuator.model_copy(update=errors)})


def test_a_pen_is_calibrated_adjusted_and_signed_for() -> None:
    async def play(w: World) -> None:
        s = await technician(w)
        assert w.desk.recording.calibrated.reasons() == (
            "This pen has no calibration for what is plugged in; calibrate it.",
        )
        done = await calibrated(w, s)
        end = done["calibration"]["end"]
        assert (end["how"], end["left"], end["name"]) == ("finished", "pass", "Tom")
        assert "valid until" in done["text"]
        found, left = done["calibration"]["evaluations"]
        # The reference pen: gain 1.02, offset 15 µm.
        assert abs(found["fit"]["gain"] - 1.02) < 0.003
        assert abs(found["fit"]["offset"] - 0.015) < 0.005
        assert left["max_error"] < 0.012 < found["max_error"]
        assert w.desk.recording.calibrated.reasons() == ()
        assert w.rows("select count(*) as n from calibration_readings")[0]["n"] == len(found["readings"]) + len(
            left["readings"]
        )
        (result,) = w.rows("select outcome, held_key from calibration_correction_results")
        assert result["outcome"] == "confirmed"
        assert result["held_key"] == w.desk.recording.calibrated.table_key
        verdict = w.store.submit_sync(lambda c: verify(c, _virtual_keys()))
        assert verdict.damages == ()

    scenario(play)


def test_a_pen_with_play_drift_and_a_bow_is_corrected_from_point_to_point() -> None:
    async def play(w: World) -> None:
        s = await technician(w)
        done = await calibrated(w, s, kind="piecewise", **SHORT)
        found, left = done["calibration"]["evaluations"]
        assert found["max_error"] > 0.03
        assert found["backlash"] > 0.02
        assert left["max_error"] < 0.02
        # It falls short: what would be commanded beyond the limit cannot be asked for, nor measured.
        assert max(point["set_to"] for point in left["points"]) < 1.5

    scenario(play, profile=bent(gain=0.96, offset_um=25, backlash_um=24, bow_um=12, drift_um_per_million=20))


def test_a_run_of_a_calibrated_pen_says_which_calibration_and_new_firmware_ends_it() -> None:
    async def play(w: World) -> None:
        s = await technician(w)
        done = await calibrated(w, s, **SHORT)
        await s.ask("session.open", purpose="bench")
        await s.ask("setpoint", depth_um=1000)
        assert (await s.start()).outcome == "confirmed"
        await asyncio.sleep(1)
        await s.ask("run.end")
        await asyncio.sleep(1.5)
        await s.ask("session.close")
        (row,) = w.rows(
            "select lower(hex(calibration_id)) as id, depth_target_um, depth_commanded_um, depth_read_back_um from pass_settings"
        )
        assert row["id"] == done["calibration"]["id"].replace("-", "")
        assert (row["depth_target_um"], row["depth_read_back_um"]) == (1000, 1000)
        assert row["depth_commanded_um"] == w.sim.firmware.commanded != 1000
        await s.ask("pen.close")
        old, memory = w.sim, w.sim.nvm
        w.sim = SimulatedPen(
            load_profile("reference").model_copy(update={"firmware": "1.0.1"}), seed=1, nvm=memory, hand=False
        )
        old.close()
        await s.ask("pen.open", address=ADDRESS)
        await w.until(lambda: w.desk.recording.calibrated.known, 5)
        assert w.desk.recording.calibrated.calibration is None
        (reason,) = w.desk.recording.calibrated.reasons()
        assert reason == "The calibration is for firmware 1.0.0 and this is 1.0.1; calibrate again."

    scenario(play)


def test_an_uncalibrated_pen_is_told_on_the_simulator_and_refused_on_hardware() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "TRAIN-1")
        gate = next(one for one in w.desk.control.gates() if one.name == "calibration")
        assert gate.passed
        assert "has no calibration" in gate.text
        w.desk.control.identity = replace(w.desk.control.identity, simulated=False)
        gate = next(one for one in w.desk.control.gates() if one.name == "calibration")
        assert not gate.passed
        assert not gate.overridable
        assert gate.text == "This pen has no calibration for what is plugged in; calibrate it."
        await s.ask("session.close")
        await s.ask("session.open", purpose="bench")
        assert not any(one.name == "calibration" for one in w.desk.control.gates())

    scenario(play)


def test_who_may_and_where() -> None:
    async def play(w: World) -> None:
        s = await technician(w, "Pia")
        assert await word(s, "calibration.plan", plan=partial_plan()) == "not-allowed"
        assert await word(s, "calibration.begin", plan=partial_plan()) == "not-allowed"
        (row, *_) = w.rows("select name, text from access_events where code = 'refused'")
        assert row["name"] == "Pia"
        assert "may not calibrate a pen" in row["text"]
        await s.ask("session.open", purpose="treatment", client="TRAIN-1")
        await s.ask("operator.sign_in", name="Tom", pin=PIN)
        made = await s.ask("calibration.plan", plan=partial_plan())
        assert await word(s, "calibration.begin", plan=made["plan"]) == "session-open"

    scenario(play)


def test_a_plan_that_does_not_fit_the_pen_or_the_day_is_one_sentence() -> None:
    async def play(w: World) -> None:
        s = await technician(w)
        good = (await s.ask("calibration.plan", plan=partial_plan()))["plan"]
        assert good["series"][0]["set_points"] == [0.15, 0.4, 0.75, 1.15, 1.5]
        for change, sentence in (
            ({"pen_serial": "REF-9999"}, "The plan is for pen REF-9999 and this is REF-0001; correct it in the plan."),
            ({"cartridge_type": "R36"}, "The plan is for cartridge type R36 and R12 is plugged in; change it."),
            (
                {"series": [{**good["series"][0], "set_points": [0.15, 0.4, 0.75, 1.15, 2.5]}]},
                "Set-point 2.5 mm is outside 0 to 1.5 mm; choose another.",
            ),
            (
                {"standards": [{**good["standards"][0], "due": "2020-01-01"}]},
                "Dial indicator DI-7 was due on 2020-01-01; use one whose certificate is valid.",
            ),
            (
                {"temperature_c": 400},
                "temperature_c: Input should be less than or equal to 45; correct it in the plan.",
            ),
        ):
            assert await refused(s.ask("calibration.begin", plan={**good, **change})) == sentence
        assert w.rows("select * from calibrations") == []

    scenario(play)


def test_readings_that_cannot_be_meant_are_each_a_sentence() -> None:
    async def play(w: World) -> None:
        s = await technician(w)
        await begun(w, s, **SHORT)
        assert "ask for the step first" in await refused(s.ask("calibration.reading", step=0, text="0.2"))
        answer = await s.ask("calibration.next")
        assert (answer["stand"], answer["step"]["set_to"], answer["step"]["direction"]) == ("park", 0.15, "up")
        assert "park it first" in await refused(s.ask("calibration.reading", step=0, text="0.16"))
        await asyncio.sleep(0.2)
        assert (await s.ask("calibration.park", ticket=answer["sheet"]["ticket"])).outcome == "confirmed"
        for text, words in (
            ("0.0063", "looks like a reading in in; if it is one, write 0.0063 in"),
            ("168", "looks like a reading in µm; if it is one, write 168 µm"),
            ("1,6.8", "has a comma and a point"),
            ("-0.16", "set the zero of the instrument"),
            ("6000 rpm", "no unit of this reading"),
            ("abc", "is no reading; write a number such as 0.94"),
            ("0.9", "cannot be: check that the pen stands"),
        ):
            assert words in await refused(s.ask("calibration.reading", step=0, text=text)), text
        assert "step 1, not 6" in await refused(s.ask("calibration.reading", step=5, text="0.16"))
        taken = await s.ask("calibration.reading", step=0, text="0,168")
        assert taken["reading"]["value"] == 0.168
        assert taken["reading"]["typed"] == "0,168"
        assert "withdraw" not in taken["text"]
        assert "not been driven" in await refused(s.ask("calibration.reading", step=1, text="0.4"))
        back = await s.ask("calibration.annul", step=0, reason="gauge slipped")
        assert back["reading"]["withdrawn"] == "gauge slipped"
        again = await step(w, s, lambda: "0.9", anyway="the pen is far off")
        assert again is not None
        rows = w.rows("select value_micro, typed, remark from calibration_readings order by seq")
        assert [row["value_micro"] for row in rows] == [168_000, 900_000]
        assert rows[1]["remark"] == "the pen is far off"
        assert w.rows("select reason from calibration_withdrawals") == [{"reason": "gauge slipped"}]
        assert await word(s, "calibration.evaluate") == "too-few"
        assert await word(s, "calibration.finish", pin=PIN) == "incomplete"

    scenario(play)


def test_identical_and_swapped_readings_are_told_by_the_evaluation() -> None:
    async def play(w: World) -> None:
        s = await technician(w)
        await begun(w, s, **SHORT)
        while (answer := await s.ask("calibration.next"))["step"] is not None:
            await asyncio.sleep(0.2)
            await s.ask("calibration.park", ticket=answer["sheet"]["ticket"])
            one = answer["step"]
            wrong = 0.01 if one["direction"] == "up" else -0.01
            await s.ask("calibration.reading", step=one["step"], text=f"{one['set_to'] + wrong:.3f}", source="file")
        found = await s.ask("calibration.evaluate")
        warnings = " ".join(found["calibration"]["evaluations"][0]["warnings"])
        assert "identical at every set-point" in warnings
        assert "up and down look swapped" in warnings

    scenario(play)


def test_stop_between_is_a_step_anew_and_nothing_is_lost() -> None:
    async def play(w: World) -> None:
        s = await technician(w)
        await begun(w, s, **SHORT)
        gauge = Gauge(w)
        for _ in range(3):
            await step(w, s, gauge.depth)
        answer = await s.ask("calibration.next")
        await asyncio.sleep(0.2)
        await s.ask("pen.stop", source="test")
        await w.until(lambda: w.desk.confirmed_still, 5)
        parked = await s.ask("calibration.park", ticket=answer["sheet"]["ticket"])
        assert parked.outcome == "not_sent"
        assert "STOP came in between" in await refused(s.ask("calibration.reading", step=3, text="0.7"))
        assert await word(s, "calibration.next") == "latched"
        await w.until(lambda: not w.desk.control.stop_lane.active, 5)
        reset = await s.ask("pen.reset")
        assert reset.outcome == "confirmed", reset
        assert (await step(w, s, gauge.depth))["reading"]["step"] == 3

    scenario(play)


def test_another_station_goes_on_where_this_one_ended() -> None:
    async def play(w: World) -> None:
        s = await technician(w)
        started = await begun(w, s, **SHORT)
        gauge = Gauge(w)
        for _ in range(5):
            await step(w, s, gauge.depth)
        await s.ask("pen.close")
        t = await technician(w)
        assert (await t.ask("calibration.state"))["calibration"] is None
        assert await word(t, "calibration.next") == "no-calibration"
        again = await t.ask("calibration.resume")
        assert (again["id"], again["next"]["step"]) == (started["id"], 5)
        assert (await step(w, t, gauge.depth))["reading"]["step"] == 5
        assert (await t.ask("calibration.abandon", reason="the gauge fell down"))["calibration"]["end"][
            "how"
        ] == "abandoned"
        assert await word(t, "calibration.resume") == "no-calibration"
        assert await word(t, "calibration.resume", calibration=started["id"]) == "calibration-ended"

    scenario(play)


def test_a_pen_out_of_tolerance_as_found_lists_what_it_did_since_it_was_good() -> None:
    async def play(w: World) -> None:
        s = await technician(w)
        await calibrated(w, s, **SHORT)
        for purpose in ("treatment", "bench"):
            await s.ask("operator.sign_in", name="Ada", pin=PIN)
            await s.ask("session.open", purpose=purpose, client="TRAIN-1" if purpose == "treatment" else None)
            if purpose == "treatment":
                await w.prepare(s)
            assert (await s.start()).outcome == "confirmed"
            await asyncio.sleep(1)
            await s.ask("run.end")
            await asyncio.sleep(1.5)
            await s.ask("session.close")
        # Somebody drops it.
        w.sim.physics._actuator = w.sim.physics._actuator.model_copy(update={"offset_um": 260.0})
        await begun(w, s, **SHORT)
        while (answer := await s.ask("calibration.next"))["step"] is not None:
            await asyncio.sleep(0.2)
            await s.ask("calibration.park", ticket=answer["sheet"]["ticket"])
            text = f"{w.sim.truth.tip_um / 1000:.3f}"
            await s.ask("calibration.reading", step=answer["step"]["step"], text=text, anyway="it was dropped")
        found = await s.ask("calibration.evaluate")
        assert found["verdict"] == "fail"
        assert [row["purpose"] for row in found["look_back"]] == ["treatment", "bench"]
        assert [row["client"] for row in found["look_back"]] == ["TRAIN-1", None]
        done = await s.ask("calibration.finish", pin=PIN)
        assert done["calibration"]["end"]["left"] == "fail"
        assert "ended with fail; mend the pen and calibrate again" in w.desk.recording.calibrated.reasons()[0]

    scenario(play)


def test_rate_is_measured_by_a_tachometer_while_the_pen_runs() -> None:
    async def play(w: World) -> None:
        s = await technician(w)
        series = [{"measurand": "rate-no-load", "repeats": 2, "seatings": 1}]
        plan = await begun(w, s, series=series, standards=[TACHOMETER])
        assert [one["unit"] for one in plan["series"]] == ["Hz"]
        gauge = Gauge(w)
        w.sim.press(0.0)
        found = await whole_round(w, s, gauge.rate)
        assert found["verdict"] == "pass"
        (one,) = found["calibration"]["evaluations"]
        assert abs(one["fit"]["gain"] - 1) < 0.01
        assert one["fit"]["offset"] == 0
        assert await word(s, "calibration.correct") == "no-correction"
        done = await s.ask("calibration.finish", pin=PIN)
        assert (done["calibration"]["end"]["found"], done["calibration"]["end"]["left"]) == ("pass", "pass")
        typed = w.rows("select typed, value_micro from calibration_readings limit 1")[0]
        assert typed["typed"].endswith("rpm")
        assert abs(typed["value_micro"] / 1e6 * 60 - float(typed["typed"].split()[0])) < 0.01

    scenario(play, hand=False)


def test_plugged_out_while_the_table_is_written_the_record_learns_what_the_pen_holds() -> None:
    async def play(w: World) -> None:
        s = await technician(w)
        await begun(w, s, **SHORT)
        await whole_round(w, s, Gauge(w).depth)
        nvm, before = w.sim.nvm, list(w.sim.nvm.slots)
        writing = asyncio.ensure_future(s.ask("calibration.correct", kind="linear"))
        await w.until(lambda: nvm.slots != before, 5)
        w.sim.reboot()
        answer = await writing
        assert answer["reply"].outcome == "unknown"
        assert nvm.held().knots == ()
        assert "not known whether the pen holds" in answer["calibration"]["missing"]
        await w.until(lambda: w.desk.confirmed_still, 10)
        if w.desk.control.latched:
            await s.ask("pen.reset")
        again = await s.ask("calibration.correct", kind="linear")
        assert again["reply"].outcome == "confirmed"
        assert [one["outcome"] for one in again["calibration"]["corrections"]] == ["not_sent", "confirmed"]
        assert again["calibration"]["round"] == 1

    scenario(play)


@pytest.mark.parametrize("kind", ["linear", "none"])
def test_limits_hold_for_what_is_asked_and_for_what_is_commanded(kind: str) -> None:
    async def play(w: World) -> None:
        s = await technician(w)
        await begun(w, s, **SHORT)
        await whole_round(w, s, Gauge(w).depth)
        proposal = await s.ask("calibration.propose", kind=kind)
        assert "can be asked for" in proposal["text"] or kind == "none"
        assert (await s.ask("calibration.correct", kind=kind))["reply"].outcome == "confirmed"
        await w.until(lambda: w.desk.recording.calibrated.known, 5)
        await asyncio.sleep(0.2)
        answer = await s.ask("setpoint", depth_um=1500)
        if kind == "none":
            assert answer["depth"].outcome == "confirmed", answer
            return
        # The pen falls short by 4 %: 1.50 mm would have to be commanded as more.
        assert answer["depth"].outcome == "rejected"
        assert w.sim.truth.depth_um <= 1500
        outcome, _ = await w.desk.intents.set_depth(1400)
        assert isinstance(outcome, Confirmed)

    scenario(play, profile=bent(gain=0.96, offset_um=0))
