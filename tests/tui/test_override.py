"""A failed check opened with a reason: by ``o`` on the start sheet, only at rest, and never a start by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devicectl.station.views import GateView
from tests.tui.conftest import Stage, StageMaker
from tests.tui.test_plain import Lines
from tui import scenes
from tui.screens.override import OverrideScreen
from tui.screens.start_sheet import StartSheetScreen

REASON = ("r", "u", "n", "underscore", "d", "r", "y")


async def _asking(s: Stage) -> None:
    s.client.sheet = scenes.start_sheet(ok=False)
    await s.press("g", "o")
    assert isinstance(s.app.screen, OverrideScreen)


async def test_a_reason_is_sent_and_the_sheet_opens_anew(stage: StageMaker) -> None:
    async with stage(scenes.IDLE, (80, 24)) as s:
        await _asking(s)
        for words in ("✖ battery", "9 %: needs 15 %", "must name no person", "recorded"):
            assert words in s.text()
        await s.press(*REASON)
        assert "run dry" in s.text()
        s.client.sheet = scenes.overridden_sheet()
        s.clock.now += 1
        await s.press("enter")
        assert s.asked("gate.override") == [{"gate": "battery", "reason": "run dry"}]
        assert isinstance(s.app.screen, StartSheetScreen)
        assert not s.asked("run.start")
        assert "◆ battery" in s.text()
        assert "OVERRIDDEN (runs from a supply): Battery 9 %" in s.text()
        assert "✓ battery" not in s.text()
        assert not s.app.guard.text_focus
        s.clock.now += 1
        await s.press("Y")
        assert s.asked("run.start") == [{"ticket": "ticket-1"}]


async def test_a_check_that_may_not_be_opened_offers_no_key(stage: StageMaker) -> None:
    gates = (GateView("latch", False, "The pen is stopped and latched; reset it first."),)
    async with stage(scenes.IDLE, (80, 24)) as s:
        s.client.sheet = replace(scenes.start_sheet(), ok=False, gates=gates)
        await s.press("g")
        assert "with a reason" not in s.text()
        await s.press("o")
        assert s.app.screen is s.app.treat
        assert not s.asked("gate.override")


async def test_o_on_a_sheet_that_could_start_only_closes_it(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        s.client.sheet = scenes.overridden_sheet()
        await s.press("g", "o")
        assert s.app.screen is s.app.treat
        assert not s.asked("run.start")


async def test_short_reasons_and_scans_are_not_sent(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await _asking(s)
        await s.press("a", "underscore", "underscore")
        s.clock.now += 1
        await s.press("enter")
        assert "at least 3 letters" in s.text()
        await s.press("b", "c", "enter")
        assert "as fast as a scan" in s.text()
        assert not s.asked("gate.override")
        await s.press("escape")
        assert s.app.screen is s.app.treat


async def test_a_refusal_is_told_and_the_field_stays(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await _asking(s)
        s.client.refuse["gate.override"] = "The pen is not confirmed still; END or STOP first."
        await s.press(*REASON)
        s.clock.now += 1
        await s.press("enter")
        assert "not confirmed still; END or STOP first." in s.text()
        assert isinstance(s.app.screen, OverrideScreen)


@pytest.mark.parametrize("motion", ["turning", "unknown"])
async def test_the_field_has_no_focus_while_the_pen_may_turn(stage: StageMaker, motion: str) -> None:
    async with stage(scenes.IDLE) as s:
        await _asking(s)
        assert s.app.guard.text_focus
        await s.show(replace(scenes.IDLE, pen=replace(scenes.PEN, motion=motion)))
        assert not s.app.guard.text_focus
        assert s.app.focused is None
        assert "waiting until the pen is confirmed still" in s.text()
        await s.press("r")
        assert s.client.stops == ["key r"]


async def test_space_in_the_reason_is_stop(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await _asking(s)
        await s.press("space")
        assert s.client.stops == ["space"]
        assert s.app.screen is s.app.treat


async def test_nothing_starts_from_a_sheet_that_hides_an_override(stage: StageMaker) -> None:
    async with stage(scenes.IDLE, (60, 12)) as s:
        s.client.sheet = scenes.overridden_sheet()
        await s.press("g")
        assert "Too small to start from" in s.text()
        s.clock.now += 1
        await s.press("Y")
        assert not s.asked("run.start")


async def test_line_mode() -> None:
    lines = Lines()
    lines.client.sheet = scenes.start_sheet(ok=False)
    said = await lines.say("go")
    assert said[-3:-1] == [
        "FAILED battery: 9 %: needs 15 %",
        "override battery REASON opens it until the session ends.",
    ]
    assert "needs the check and a reason" in (await lines.say("override battery"))[0]
    said = await lines.say("override battery runs from a supply")
    assert lines.client.requests[-1] == ("gate.override", {"gate": "battery", "reason": "runs from a supply"})
    assert "recorded" in said[0]
    lines.client.sheet = scenes.overridden_sheet()
    said = await lines.say("go")
    assert any(line.startswith("OVERRIDDEN battery: (runs from a supply)") for line in said)
    assert "yes within 10 seconds starts" in said[-1]


async def test_line_mode_opens_nothing_while_the_motor_turns() -> None:
    lines = Lines()
    lines.client.show(scenes.needling())
    said = await lines.say("override battery runs from a supply")
    assert "confirmed still" in said[0]
    assert not lines.client.requests
