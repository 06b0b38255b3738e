"""Typing depth and rate: only at rest, only on purpose, and what the station made of it can be read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual import events
from textual.widgets import Input

from devicectl.station.views import Reply
from tests.tui.conftest import Stage, StageMaker
from tui import scenes
from tui.entry import EntryError, parse_depth, parse_rate
from tui.screens.values_sheet import ValuesScreen


async def _type(s: Stage, words: str) -> None:
    for char in words:
        s.clock.now += 0.1
        await s.press({".": "full_stop", ",": "comma"}.get(char, char))
    s.clock.now += 0.1


def _value(s: Stage, name: str) -> str:
    return s.app.screen.query_one(f"#value-{name}", Input).value


async def test_a_depth_is_typed_and_sent_once(stage: StageMaker) -> None:
    async with stage(scenes.IDLE, (80, 24)) as s:
        await s.press("i")
        await _type(s, "1.25")
        assert not s.client.requests
        await s.press("enter")
        assert s.asked("setpoint") == [{"depth_um": 1250, "lower": True}]
        assert s.app.screen is s.app.treat, "it was taken as it was asked: there is nothing to read"


async def test_both_fields_go_in_one_request(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press("i")
        await _type(s, "0,75")
        await s.press("tab")
        await _type(s, "6600rpm")
        await s.press("enter")
        assert s.asked("setpoint") == [{"depth_um": 750, "rate_mhz": 110_000, "lower": True}]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"depth": {"outcome": "confirmed", "text": "2.00 mm → 1.50 mm: soft limit 1.50 mm"}}, "soft limit 1.50 mm"),
        (
            {"depth": Reply("rejected", "Depth 3.00 mm is above the hard limit 2.50 mm; ask for less.")},
            "REJECTED: Depth",
        ),
        ({"depth": Reply("unknown", "no answer in time")}, "UNKNOWN: no answer in time"),
    ],
)
async def test_what_the_station_made_of_it_stays_to_be_read(stage: StageMaker, answer: object, told: str) -> None:
    async with stage(scenes.IDLE, (80, 24)) as s:
        s.client.answers["setpoint"] = answer
        await s.press("i")
        await _type(s, "2.0")
        await s.press("enter")
        assert isinstance(s.app.screen, ValuesScreen)
        assert told in s.text()
        await s.press("escape")
        assert s.app.screen is s.app.treat


async def test_a_refusal_of_the_station_is_shown_whole(stage: StageMaker) -> None:
    async with stage(scenes.IDLE, (80, 24)) as s:
        s.client.refuse["setpoint"] = (
            "This pen runs at 116.7 Hz (7000 rpm) only; ask for that rate, or choose another pen."
        )
        await s.press("i", "tab")
        await _type(s, "90")
        await s.press("enter")
        shown = " ".join(s.text().replace("│", " ").split())
        assert "ask for that rate, or choose another pen." in shown


@pytest.mark.parametrize("words", ["abc", "1.2345", "5kg"])
async def test_what_is_no_value_is_told_and_not_sent(stage: StageMaker, words: str) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press("i")
        await _type(s, words)
        await s.press("enter")
        assert not s.client.requests
        assert "type a number such as 1.25" in s.text() or "Depth is a number" in s.text()


async def test_esc_leaves_and_nothing_was_sent(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press("i")
        await _type(s, "2.5")
        await s.press("escape")
        assert s.app.screen is s.app.treat
        assert not s.client.requests
        assert not s.app.guard.text_focus


@pytest.mark.parametrize("phase", ["running", "paused"])
async def test_no_field_opens_while_a_run_is_open(stage: StageMaker, phase: str) -> None:
    view = scenes.needling()
    pen = view.pen if phase == "running" else scenes.PEN
    async with stage(replace(view, pen=pen, run=replace(view.run, phase=phase))) as s:  # type: ignore[type-var]
        await s.press("i")
        assert s.app.screen is s.app.treat
        assert "while the pen is still" in s.text()


async def test_an_observer_types_nothing(stage: StageMaker) -> None:
    async with stage(replace(scenes.IDLE, you_control=False)) as s:
        await s.press("i")
        assert s.app.screen is s.app.treat


async def test_the_fields_lose_the_focus_when_the_pen_is_not_confirmed_still(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press("i")
        assert isinstance(s.app.focused, Input)
        await s.show(replace(scenes.IDLE, pen=replace(scenes.PEN, motion="turning")))
        assert s.app.focused is None
        await s.press("1")
        assert s.client.stops == ["key 1"], "a key that means nothing there, while the motor turns"


async def test_a_character_typed_while_the_motor_begins_to_turn_is_stop(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press("i")
        s.client.show(replace(scenes.IDLE, pen=replace(scenes.PEN, motion="turning")))
        s.app.guard.text_focus = True
        await s.pilot.press("2")
        assert s.client.stops == ["key 2"]


async def test_enter_is_not_obeyed_when_the_pen_is_no_longer_at_rest(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press("i")
        await _type(s, "2.0")
        s.client.show(scenes.needling())
        screen = s.app.screen
        assert isinstance(screen, ValuesScreen)
        screen.on_input_submitted()
        await s.settle()
        assert not s.asked("setpoint")


async def _burst(s: Stage, keys: str) -> None:
    driver = s.app._driver
    assert driver is not None
    for key in keys:
        s.clock.now += 0.005
        driver.send_message(events.Key({"\n": "enter", ".": "full_stop"}.get(key, key), key))
    await s.settle()


async def test_a_scan_into_the_field_is_not_sent_by_its_own_enter(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press("i")
        await _burst(s, "1.5\n")
        assert not s.client.requests
        assert "as fast as a scan" in s.text()
        s.clock.now += 0.1
        await s.press("enter")
        assert s.asked("setpoint") == [{"depth_um": 1500, "lower": True}]


async def test_a_burst_on_the_treatment_screen_opens_and_fills_nothing(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await _burst(s, "i2.0\n")
        assert s.app.screen is s.app.treat
        assert not s.client.requests


async def test_a_paste_goes_to_the_field_with_the_focus_and_to_no_other(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        driver = s.app._driver
        assert driver is not None
        await s.press("i", "tab")
        driver.send_message(events.Paste("90"))
        await s.settle()
        assert (_value(s, "depth"), _value(s, "rate")) == ("", "90")
        driver.send_message(events.Paste("not a value"))
        await s.settle()
        assert _value(s, "rate") == "90"
        await s.show(replace(scenes.IDLE, pen=replace(scenes.PEN, motion="unknown")))
        driver.send_message(events.Paste("1"))
        await s.settle()
        assert _value(s, "rate") == "90", "nobody has the focus while the motor may turn"


async def test_space_in_a_field_is_stop(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press("i")
        await _type(s, "1")
        await s.press("space")
        assert s.client.stops == ["space"]
        assert s.app.screen is s.app.treat


@pytest.mark.parametrize(
    ("words", "um"), [("1.25", 1250), (" 1,5 mm", 1500), ("0.001", 1), ("2", 2000), ("0", 0), ("1.50MM", 1500)]
)
def test_depths(words: str, um: int) -> None:
    assert parse_depth(words) == um


@pytest.mark.parametrize(
    ("words", "mhz"), [("100", 100_000), ("116.7Hz", 116_700), ("6000 rpm", 100_000), ("7001rpm", 116_683)]
)
def test_rates(words: str, mhz: int) -> None:
    assert parse_rate(words) == mhz


@pytest.mark.parametrize(
    "words", ["", "-1", "+1", "1e3", "inf", "nan", "1.2.3", "1 2", "1.0005", "١", "9" * 40, "mm", "1 km"]
)
def test_what_is_no_value(words: str) -> None:
    with pytest.raises(EntryError, match=r"\.$"):
        parse_depth(words)
    if words != "1.0005":
        with pytest.raises(EntryError):
            parse_rate(words)
