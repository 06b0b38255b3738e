"""The calibration screen on a scripted station: who may, what moves and when, what a gauge types, and STOP."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from textual import events

from devicectl.station.client_api import StationError
from devicectl.station.views import RunView, StartSheet
from devicectl.treatment.forms import FieldErrors, parse
from devicectl.treatment.forms.words import BadEntry
from tests.tui.conftest import Stage, StageMaker
from tui import calibration_scenes as calibrations
from tui import scenes
from tui.book import HeldBook
from tui.screens.calibrate import CalibrateScreen
from tui.screens.calibrate_plan import PLAN, plan_of, set_points
from tui.screens.calibrate_work import Stage as At
from tui.screens.start_sheet import StartSheetScreen
from tui.widgets.error_plot import Band, Dot, error_plot

BENCH = calibrations.at_bench()
NOW = datetime(2026, 11, 25, 14, 30).astimezone()


async def burst(s: Stage, keys: str) -> None:
    """Keys without any time between them, as a gauge types them."""
    driver = s.app._driver
    assert driver is not None
    s.client.show()
    for key in keys:
        name = {"\r": "enter", ".": "full_stop", ",": "comma", " ": "space", "+": "plus"}.get(key, key)
        driver.send_message(events.Key(name, key))
    await s.settle()


def on(s: Stage) -> CalibrateScreen:
    screen = s.app.screen
    assert isinstance(screen, CalibrateScreen), screen
    return screen


async def measuring(s: Stage, name: str = "measuring") -> CalibrateScreen:
    """The screen with a calibration in hand; nothing has moved yet."""
    s.client.answers = calibrations.answers(name)
    await s.press("C")
    return on(s)


async def reading(s: Stage) -> CalibrateScreen:
    """Driven, parked, and its reading asked for."""
    screen = await measuring(s)
    await s.press("Y")
    for _ in range(20):
        if screen.work.stage is At.READING:
            break
        await s.settle()
    assert screen.work.stage is At.READING
    s.clock.now += 1.0
    s.client.show()
    await s.settle()
    s.client.answers["calibration.reading"] = {"reading": {"id": "x", "value": 0.9}, "outlier": False, "text": ""}
    return screen


@pytest.mark.parametrize(
    ("who", "sentence"),
    [
        (calibrations.PRACTITIONER, "a practitioner may not calibrate a pen: W signs a technician in"),
        (None, "a calibration is signed: W signs a technician in"),
    ],
)
async def test_only_who_may_calibrate_gets_there(stage: StageMaker, who: Any, sentence: str) -> None:
    async with stage(calibrations.at_bench(who), (200, 60)) as s:
        await s.press("C")
        assert s.app.live.notice == sentence
        assert s.asked("calibration.state") == []


async def test_a_treatment_is_closed_first(stage: StageMaker) -> None:
    async with stage(replace(scenes.IDLE, operator=calibrations.TECHNICIAN), (200, 60)) as s:
        await s.press("C")
        assert s.app.live.notice.startswith("a treatment is open on this pen; close it first")
        assert s.asked("calibration.state") == []


async def test_nothing_moves_before_y_and_each_reading_drives_on(stage: StageMaker) -> None:
    async with stage(BENCH) as s:
        screen = await measuring(s)
        assert "Hands off, pen clamped?" in s.text()
        await s.press("enter", "1", "g", "down")
        await burst(s, "0.912\r")
        assert s.asked("calibration.next") == s.asked("calibration.park") == s.asked("calibration.reading") == []
        s.clock.now += 1.0
        screen = await reading(s) if screen.work.stage is At.READING else screen
        await s.press("Y")
        await s.settle()
        assert (len(s.asked("calibration.next")), len(s.asked("calibration.park"))) == (1, 1)
        s.client.answers["calibration.reading"] = {"reading": {"id": "x"}, "outlier": False, "text": ""}
        for key in "0,912":
            s.clock.now += 1.0
            await s.press({",": "comma"}.get(key, key))
        s.clock.now += 1.0
        await s.press("enter")
        (sent,) = s.asked("calibration.reading")
        assert (sent["text"], sent["source"], sent["step"], sent["anyway"]) == ("0,912", "typed", 13, "")
        await s.settle()
        assert (len(s.asked("calibration.next")), len(s.asked("calibration.park"))) == (2, 2)
        assert s.client.stops == []


@pytest.mark.parametrize("typed", ["0.912\r", "+0.912 mm\r", "01A+00000.912\r", "0,912 mm \r"])
async def test_what_a_gauge_types_is_no_stop_and_not_swallowed(stage: StageMaker, typed: str) -> None:
    async with stage(BENCH) as s:
        await reading(s)
        await burst(s, typed)
        (sent,) = s.asked("calibration.reading")
        assert (sent["text"], sent["source"]) == (typed.strip(), "keyboard")
        assert s.client.stops == []


async def test_space_alone_is_stop_at_the_field_too_and_only_y_drives_again(stage: StageMaker) -> None:
    async with stage(BENCH) as s:
        screen = await reading(s)
        await s.press("9")
        s.clock.now += 1.0
        await s.press("space")
        assert s.client.stops == ["space"]
        assert on(s) is screen
        assert screen.work.stage is At.READY
        await s.press("1", "enter")
        await burst(s, "0.912\r")
        assert s.asked("calibration.reading") == []


@pytest.mark.parametrize("motion", ["turning", "unknown"])
async def test_while_the_motor_may_turn_every_key_is_stop(stage: StageMaker, motion: str) -> None:
    async with stage(BENCH) as s:
        await reading(s)
        assert BENCH.pen is not None
        await s.show(replace(BENCH, pen=replace(BENCH.pen, motion=motion)))
        await burst(s, "0 9\r")
        assert s.client.stops == ["key 0", "space", "key 9", "key enter"]
        s.client.stops.clear()
        await s.press("escape")
        assert s.client.stops == ["key escape"]
        assert s.asked("calibration.reading") == []


async def test_a_blank_is_stop_wherever_no_reading_is_asked_for(stage: StageMaker) -> None:
    async with stage(BENCH) as s:
        await measuring(s)
        await burst(s, "9 9")
        assert s.client.stops == ["space"]


async def test_a_reading_that_can_hardly_be_meant_needs_a_reason(stage: StageMaker) -> None:
    async with stage(BENCH) as s:
        await reading(s)
        s.client.refusals["calibration.reading"] = StationError(
            "912 mm at 1 mm looks like a reading in µm.", "implausible"
        )
        await burst(s, "912.0\r")
        assert "looks like a reading in µm" in s.text()
        assert "F6 take it anyway" in s.text()
        s.client.refusals.clear()
        s.clock.now += 1.0
        await s.press("f6", *"bent", "enter", "enter")
        assert s.asked("calibration.reading")[-1]["anyway"] == "bent"
        assert s.asked("calibration.reading")[-1]["text"] == "912.0"


async def test_a_needle_that_was_not_parked_is_not_read(stage: StageMaker) -> None:
    async with stage(BENCH) as s:
        screen = await measuring(s)
        shut = calibrations.step()
        shut["sheet"] = {**shut["sheet"], "ok": False, "gates": [{"passed": False, "text": "Battery 9 %."}]}
        s.client.answers["calibration.next"] = shut
        await s.press("Y")
        await s.settle()
        assert screen.work.stage is At.READY
        assert "The needle was not moved: Battery 9 %." in s.text()
        assert s.asked("calibration.park") == []


async def test_dynamic_protrusion_is_started_by_the_start_sheet_and_nothing_else(stage: StageMaker) -> None:
    async with stage(BENCH) as s:
        screen = await measuring(s)
        s.client.answers["calibration.next"] = {**calibrations.step(), "stand": "run", "sheet": None}
        await s.press("Y")
        await s.settle()
        assert screen.work.stage is At.RUN
        assert s.asked("run.start") == []
        await s.press("g")
        await s.settle()
        sheet = s.app.screen
        assert isinstance(sheet, StartSheetScreen)
        assert isinstance(sheet.sheet, StartSheet)
        s.clock.now += 0.3
        await s.press("Y")
        assert len(s.asked("run.start")) == 1
        run = RunView("CUS-1", 1000, 100_000, "running", 1.0, 100.0, None)
        assert BENCH.pen is not None
        await s.show(replace(BENCH, run=run, pen=replace(BENCH.pen, motion="turning")))
        await s.press("x")
        assert len(s.asked("run.end")) == 1
        assert s.client.stops == []
        await s.show(BENCH)
        assert screen.work.stage is At.READING


async def test_esc_leaves_it_in_hand(stage: StageMaker) -> None:
    async with stage(BENCH) as s:
        await reading(s)
        await s.press("escape")
        assert s.app.screen is s.app.treat
        assert not s.app.guard.gauge_field
        assert s.asked("calibration.abandon") == []


async def test_a_correction_is_read_before_it_is_written(stage: StageMaker) -> None:
    async with stage(BENCH) as s:
        s.client.answers = calibrations.answers("found-bad")
        await s.press("C")
        await s.settle()
        assert "FAIL" in s.text()
        assert "Look back: 3 sessions" in s.text()
        await s.press("l")
        await s.settle()
        assert "Write this correction into the pen?" in s.text()
        assert s.asked("calibration.correct") == []
        await s.press("escape")
        assert s.asked("calibration.correct") == []


async def test_interrupted_ones_are_offered_and_a_plan_begins_after_it_was_shown(stage: StageMaker) -> None:
    async with stage(BENCH) as s:
        s.app.book = HeldBook(interrupted=calibrations.INTERRUPTED, plan=calibrations.plan().model_dump(mode="json"))
        s.client.answers = calibrations.answers("none")
        await s.press("C")
        await s.settle()
        assert "Go on: R16, begun 2026-09-21 13:33 by Tom Reed, 13 readings" in s.text()
        s.client.answers["calibration.resume"] = calibrations.measured()
        await s.press("enter")
        await s.settle()
        assert s.asked("calibration.resume") == [{"calibration": calibrations.INTERRUPTED[0].id}]
        assert "13 of 30 readings" in s.text()
        await s.press("escape", "C")
        await s.settle()
        await s.press("down", "enter")
        await s.settle()
        assert "K-2026-118" in s.text()
        await s.press(*"22.5", "enter", *"45", "f2")
        await s.settle()
        (asked,) = s.asked("calibration.plan")
        assert isinstance(asked["plan"], dict)
        assert (asked["plan"]["temperature_c"], asked["plan"]["standards"][0]["mpe"]) == (22.5, 0.004)
        assert "Exceed" in s.text()
        assert s.asked("calibration.begin") == []
        s.client.answers["calibration.begin"] = calibrations.measured()
        await s.press("enter")
        await s.settle()
        assert len(s.asked("calibration.begin")) == 1
        assert isinstance(s.app.screen, CalibrateScreen)


async def test_due_list_and_charts(stage: StageMaker) -> None:
    async with stage(BENCH) as s:
        s.app.book = HeldBook(due=calibrations.DUE, charts=calibrations.charts())
        s.client.answers = calibrations.answers("none")
        await s.press("C")
        await s.settle()
        await s.press("down", "down", "enter")
        await s.settle()
        assert "OVERDUE" in s.text()
        assert "next interval 9 months" in s.text()
        await s.press("escape", "C")
        await s.settle()
        await s.press("down", "down", "down", "enter")
        await s.settle()
        assert "out of control" in s.text()
        assert "centre +0.010" in s.text()


async def test_a_pen_that_is_away_does_not_hold_anybody_here(stage: StageMaker) -> None:
    async with stage(BENCH) as s:
        await reading(s)
        assert BENCH.pen is not None
        await s.show(replace(BENCH, pen=replace(BENCH.pen, motion="unknown", link="lost")))
        assert "? not heard" in s.text()
        await s.press("escape")
        assert s.app.screen is s.app.treat


# -- the plan and the plot


def given(**changes: str) -> dict[str, object]:
    return {
        "measurand": "protrusion-static", "cartridge_type": "R12", "temperature": "22,5 °C", "humidity": "45", "repeats": "3",
        "seatings": "2", "order": "random", "rule": "guard band w = U", "months": "6", "sessions": "200",
        "standards": [
            {"name": "Dial", "serial": "DI-7", "certificate": "K-1", "due": "2027-03-31", "mpe": "0,004", "resolution": "0.001"}
        ],
        **changes,
    }  # fmt: skip


def test_the_form_gives_a_plan_that_the_station_takes() -> None:
    record = parse(PLAN, given(set_points="0,25 0,5; 0,75 1 1,25", error="0,2"), NOW)
    assert not isinstance(record, FieldErrors), record
    plan = plan_of(record)
    assert (plan["temperature_c"], plan["humidity_pct"]) == (22.5, 45)
    assert plan["standards"][0]["mpe"] == 0.004
    (series,) = plan["series"]
    assert series["set_points"] == [0.25, 0.5, 0.75, 1.0, 1.25]
    assert (series["limits"]["error"], series["limits"]["warn"], series["limits"]["hysteresis"]) == (0.2, 0.1, 0.05)


def test_limits_of_a_rate_are_typed_in_percent() -> None:
    record = parse(PLAN, given(measurand="rate-no-load", error="8"), NOW)
    assert not isinstance(record, FieldErrors), record
    plan = plan_of(record)
    assert plan["standards"][0]["unit"] == "Hz"
    assert (plan["series"][0]["limits"]["error"], plan["series"][0]["limits"]["relative"]) == (0.08, True)


@pytest.mark.parametrize(
    ("words", "sentence"), [("0.25 0.5", "five"), ("a b c d e", "no number"), ("1 1 1 1 1", "five")]
)
def test_set_points_that_cannot_be_meant(words: str, sentence: str) -> None:
    with pytest.raises(BadEntry, match=sentence):
        set_points(words)
    record = parse(PLAN, given(set_points=words), NOW)
    assert isinstance(record, FieldErrors)
    assert set(record) == {"set_points"}


def test_the_plot_has_limits_and_each_reading_on_its_side() -> None:
    bands = [Band(one, 0.15, 0.12) for one in (0.5, 1.0, 1.5)]
    dots = [Dot(0.5, 0.0, up=True), Dot(1.0, 0.1, up=False), Dot(1.5, -0.2, up=True, mark="✖")]
    lines = ["".join(words for words, _ in row) for row in error_plot(dots, bands, 40, 21)]
    assert len(lines) == 21
    assert {len(line) for line in lines} == {40}
    assert sum("━━━━" in line for line in lines) == 2
    assert sum("────" in line for line in lines) == 2
    assert next(line for line in lines if "+0.15" in line).count("━") > 20
    assert "✖" in lines[-2]
    assert any(set(line) & set("▝▗") for line in lines[:9])
    plain = ["".join(words for words, _ in row) for row in error_plot(dots, bands, 40, 21, ascii=True)]
    assert any("○" in line for line in plain)
    assert any("×" in line for line in plain)
