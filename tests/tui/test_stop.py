"""STOP from every screen, and every key that is STOP while the motor may turn."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual import events
from textual.widgets import Input

from devicectl.station.views import View
from tests.tui.conftest import Stage, StageMaker
from tui import scenes
from tui.screens.session import SessionScreen

EMPTY = scenes.no_session()
PLACES = {
    "treatment": (scenes.IDLE, ()),
    "needling": (scenes.needling(), ()),
    "start sheet": (scenes.IDLE, ("g",)),
    "pens": (scenes.IDLE, ("p",)),
    "help": (scenes.needling(), ("question_mark",)),
    "session": (EMPTY, ("s",)),
    "client code field": (EMPTY, ("s", "t")),
    "note": (scenes.needling(), ("n",)),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("key", ["space", "f9", "ctrl+c", "shift+space"])
async def test_every_stop_key_stops_from_every_screen(stage: StageMaker, place: str, key: str) -> None:
    view, way = PLACES[place]
    async with stage(view, (80, 24)) as s:
        await s.press(*way)
        assert not s.client.stops
        await s.press(key)
        assert s.client.stops == [key]
        assert s.app.screen is s.app.treat, "a STOP closes whatever lay over the treatment screen"
        assert "STOP SENT" in s.rows()[-1]


def _mouse_down(s: Stage, x: int, y: int) -> None:
    """As a driver sends it; Pilot's own mouse goes past the driver."""
    driver = s.app._driver
    assert driver is not None
    driver.send_message(events.MouseDown(None, x, y, 0, 0, 1, False, False, False, x, y))


async def test_stop_from_the_first_run_note(stage: StageMaker) -> None:
    async with stage(first_run=True) as s:
        assert "not a cleared medical device" in " ".join(s.text().split())
        await s.press("space")
        assert s.client.stops == ["space"]


@pytest.mark.parametrize(("size", "row"), [((80, 24), 23), ((120, 40), 37), ((120, 40), 39), ((60, 12), 11)])
async def test_mouse_down_on_the_bottom_bar_stops(stage: StageMaker, size: tuple[int, int], row: int) -> None:
    async with stage(scenes.needling(), size) as s:
        _mouse_down(s, 5, row)
        assert s.client.stops == ["mouse"]


async def test_mouse_down_elsewhere_does_not(stage: StageMaker) -> None:
    async with stage(scenes.needling(), (80, 24)) as s:
        _mouse_down(s, 5, 22)
        assert not s.client.stops


async def test_the_field_has_the_focus_and_space_is_still_stop_not_text(stage: StageMaker) -> None:
    async with stage(EMPTY) as s:
        await s.press("s", "t", "T", "1")
        field = s.app.screen.query_one(Input)
        assert s.app.focused is field
        assert field.value == "T1"
        await s.press("space")
        assert s.client.stops == ["space"]
        assert field.value == "T1"


async def test_unbound_key_while_turning_is_stop(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        await s.press("j")
        assert s.client.stops == ["key j"]


async def test_y_without_a_sheet_is_stop_while_turning(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        await s.press("Y")
        assert s.client.stops == ["key Y"]


async def test_unbound_key_while_still_is_nothing(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press("z", "Y", "ctrl+q", "ctrl+p", "ctrl+z", "tab")
        assert s.app.is_running
        assert not s.client.stops
        assert not s.asked("run.start")


async def test_unbound_key_of_an_observer_is_nothing_but_stop_keys_stop(stage: StageMaker) -> None:
    async with stage(scenes.watching()) as s:
        await s.press("j")
        assert not s.client.stops
        await s.press("space")
        assert s.client.stops == ["space"]


@pytest.mark.parametrize("key", ["left_shift", "right_control", "caps_lock"])
async def test_a_modifier_alone_is_not_a_key(stage: StageMaker, key: str) -> None:
    """The kitty protocol reports the shift of ``shift+d`` as a key of its own."""
    async with stage(scenes.needling()) as s:
        await s.press(key)
        assert not s.client.stops


async def test_a_bound_key_while_turning_is_not_stop(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        await s.press("d", "9", "a")
        assert not s.client.stops


async def test_unknown_motion_counts_as_turning(stage: StageMaker) -> None:
    view = replace(scenes.IDLE, pen=replace(scenes.PEN, motion="unknown"))
    async with stage(view) as s:
        await s.press("j")
        assert s.client.stops == ["key j"]


@pytest.mark.parametrize(("age", "stops"), [(0.29, False), (0.31, True)])
async def test_a_view_older_than_300_ms_counts_as_turning(stage: StageMaker, age: float, stops: bool) -> None:
    async with stage(scenes.IDLE) as s:
        s.clock.now += age
        await s.pilot.press("j")
        assert bool(s.client.stops) is stops


async def test_before_the_first_view_every_unbound_key_of_a_field_is_stop_and_nothing_else_happens(
    stage: StageMaker,
) -> None:
    async with stage(None) as s:
        assert s.app.guard.may_turn
        await s.pilot.press("space")
        assert s.client.stops == ["space"]


async def _burst(s: Stage, keys: str) -> None:
    driver = s.app._driver
    assert driver is not None
    for key in keys:
        s.clock.now += 0.005
        driver.send_message(events.Key("space" if key == " " else key, key))
    await s.settle()


async def test_a_scan_reaches_no_binding(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await _burst(s, "9g1xq")
        assert not s.client.requests
        assert not s.client.stops
        assert "scan" in s.text()


async def test_a_stop_key_inside_a_scan_stops(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await _burst(s, "91 9")
        assert s.client.stops == ["space"]


@pytest.mark.parametrize("view", [scenes.IDLE, scenes.needling()])
async def test_digits_of_a_note_count_however_fast_they_come_and_a_scan_does_not(stage: StageMaker, view: View) -> None:
    async with stage(view) as s:
        await s.press("n")
        await _burst(s, "427")
        await s.press("enter")
        assert s.asked("note") == [{"digits": "427"}]
        assert not s.client.stops
        await s.press("n")
        await _burst(s, "04012345678901")
        await s.press("enter")
        await _burst(s, "42")
        assert s.asked("note") == [{"digits": "427"}], "a scan is no note, and digits behind a closed note are none"
        assert not s.client.stops


async def test_a_single_key_is_no_scan(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await _burst(s, "9")
        assert s.asked("zone.select") == [{"zone": "VTX"}]


async def test_a_paste_goes_to_the_field_that_asked_and_nowhere_else(stage: StageMaker) -> None:
    async with stage(EMPTY) as s:
        driver = s.app._driver
        assert driver is not None
        driver.send_message(events.Paste("9g"))
        await s.settle()
        assert not s.client.requests
        await s.press("s", "t")
        assert isinstance(s.app.screen, SessionScreen)
        driver.send_message(events.Paste("T-001"))
        await s.settle()
        assert s.app.screen.query_one(Input).value == "T-001"


async def test_a_field_loses_the_focus_when_the_pen_is_not_confirmed_still(stage: StageMaker) -> None:
    async with stage(EMPTY) as s:
        await s.press("s", "t")
        assert isinstance(s.app.focused, Input)
        await s.show(replace(EMPTY, pen=replace(scenes.PEN, motion="turning")))
        assert s.app.focused is None
        await s.press("b")
        assert not s.asked("session.open")


async def test_a_letter_typed_while_the_motor_begins_to_turn_is_stop(stage: StageMaker) -> None:
    """The thread decides by the flag, before the screen has moved the focus."""
    async with stage(EMPTY) as s:
        await s.press("s", "t")
        s.client.show(replace(EMPTY, pen=replace(scenes.PEN, motion="turning")))
        s.app.guard.text_focus = True
        await s.pilot.press("a")
        assert s.client.stops == ["key a"]
