"""``g`` then ``Y``: the only way to start, and everything that keeps it from happening."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devicectl.station.views import GateView, Reply, to_json
from tests.tui.conftest import StageMaker
from tui import scenes
from tui.screens.start_sheet import StartSheetScreen

ON_THE_WAY = GateView(
    "arrived", False, "The needles are on their way: 0.49 mm measured, 1.25 mm set; wait.", waiting=True
)
WAITING = replace(scenes.start_sheet(), ok=False, gates=(*scenes.GATES, ON_THE_WAY))
PAUSED = replace(
    scenes.needling(), pen=scenes.PEN, run=replace(scenes.needling().run, phase="paused", pause_left_s=41.0)
)


async def test_g_then_y_starts_with_the_ticket(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press("g")
        assert isinstance(s.app.screen, StartSheetScreen)
        assert not s.asked("run.start")
        s.clock.now += 0.151
        await s.press("Y")
        assert s.asked("run.start") == [{"ticket": "ticket-1"}]


async def test_y_sooner_than_150_ms_does_not_start(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press("g")
        s.clock.now += 0.149
        await s.press("Y")
        assert not s.asked("run.start")
        assert "too soon" in s.text()


async def test_a_longer_delay_of_the_station_counts(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        s.client.sheet = replace(scenes.start_sheet(), not_before_s=0.5)
        await s.press("g")
        s.clock.now += 0.4
        await s.press("Y")
        assert not s.asked("run.start")


@pytest.mark.parametrize("key", ["y", "enter", "escape", "g", "5", "n"])
async def test_any_other_key_cancels(stage: StageMaker, key: str) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press("g")
        s.clock.now += 1
        await s.press(key)
        assert s.app.screen is s.app.treat
        assert [name for name, _ in s.client.requests] == ["run.preview"]


async def test_g_y_typed_as_one_burst_does_nothing(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await s.pilot.press("g", "Y")
        await s.settle()
        assert not s.asked("run.start")


async def test_the_sheet_shows_what_was_asked_and_what_was_lowered(stage: StageMaker) -> None:
    async with stage(scenes.IDLE, (80, 24)) as s:
        await s.press("g")
        shown = s.text()
        assert "1.50 mm → 1.25 mm  lowered" in shown
        assert "100.0 Hz (6000 rpm), 1,600 punctures/s with 16 needles" in shown
        assert "cartridge R16" in shown
        assert "3 Frontal right" in shown
        assert "closes in 10 s" in shown
        assert "SIMULATED" in s.rows()[0]
        assert "STOP" in s.rows()[-1]


async def test_a_refused_sheet_shows_the_failed_gate_first_and_y_does_nothing(stage: StageMaker) -> None:
    async with stage(scenes.IDLE, (80, 24)) as s:
        s.client.sheet = scenes.start_sheet(ok=False)
        await s.press("g")
        rows = s.rows()
        failed = next(i for i, row in enumerate(rows) if "✖ battery" in row)
        passed = next(i for i, row in enumerate(rows) if "✓" in row)
        assert "9 %: needs 15 %" in rows[failed]
        assert failed < passed
        assert "Cannot start" in s.text()
        s.clock.now += 1
        await s.press("Y")
        assert not s.asked("run.start")


async def test_it_closes_by_itself_after_ten_seconds(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press("g")
        s.clock.now += 10.01
        s.client.show()
        await s.settle()
        assert s.app.screen is s.app.treat


@pytest.mark.parametrize(
    "change",
    [
        replace(scenes.IDLE, pen=replace(scenes.PEN, motion="turning")),
        replace(scenes.IDLE, pen=replace(scenes.PEN, motion="unknown")),
        replace(scenes.IDLE, you_control=False),
    ],
)
async def test_it_closes_when_the_ground_under_it_moves(stage: StageMaker, change: object) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press("g")
        await s.show(change)  # type: ignore[arg-type]
        assert s.app.screen is s.app.treat


async def test_a_sheet_from_the_socket_is_a_dictionary(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        s.client.answers["run.preview"] = to_json(scenes.start_sheet())
        s.client.answers["run.start"] = {"outcome": "not_sent", "text": "the link is too old"}
        await s.press("g")
        s.clock.now += 1
        await s.press("Y")
        assert s.asked("run.start")
        assert "NOT SENT: the link is too old" in s.text()


async def test_the_station_may_refuse_the_preview(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        s.client.refuse["run.preview"] = "No zone is chosen: press a digit."
        await s.press("g")
        assert s.app.screen is s.app.treat
        assert "No zone is chosen" in s.text()


async def test_g_while_running_is_refused(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        await s.press("g")
        assert not s.client.requests


async def test_pause_and_resume(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        await s.press("e")
        assert s.asked("run.pause") == [{}]
        await s.show(PAUSED)
        assert "PAUSED" in s.text()
        assert "41 s left" in s.text()
        await s.press("g")
        assert "Resume needling?" in s.text()
        s.clock.now += 0.2
        await s.press("Y")
        assert s.asked("run.start")


async def test_end_of_a_run_and_reply_in_words(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        s.client.answers["run.end"] = Reply("confirmed", "run ended after 24 s")
        await s.press("x")
        assert "run ended after 24 s" in s.text()


async def test_reset_only_while_still(stage: StageMaker) -> None:
    async with stage(scenes.stopped()) as s:
        await s.press("r")
        assert s.asked("pen.reset") == [{}]
    async with stage(scenes.needling()) as s:
        await s.press("r")
        assert not s.asked("pen.reset")


@pytest.mark.parametrize("key", ["enter", "Y", "y", "f5", "tab"])
async def test_nothing_but_the_sheet_starts(stage: StageMaker, key: str) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press(key)
        assert not s.client.requests


async def test_the_sheet_waits_for_needles_on_their_way_and_y_means_nothing_until_they_are_there(
    stage: StageMaker,
) -> None:
    async with stage(scenes.IDLE, (80, 24)) as s:
        s.client.sheet = WAITING
        await s.press("g")
        assert "Waiting for the needles" in s.text()
        assert "0.49 mm measured" in s.text()
        s.clock.now += 0.5
        await s.press("Y")
        assert isinstance(s.app.screen, StartSheetScreen)
        assert not s.asked("run.start")
        s.client.sheet = replace(scenes.start_sheet(), ticket="ticket-2")
        s.clock.now += 0.5
        await s.show(scenes.IDLE)
        await s.settle()
        assert "Start needling?" in s.text()
        s.clock.now += 0.1
        await s.press("Y")
        assert not s.asked("run.start"), "the fresh sheet could not have been read yet"
        await s.press("g")
        s.clock.now += 0.2
        await s.press("Y")
        assert s.asked("run.start") == [{"ticket": "ticket-2"}]


async def test_a_waiting_sheet_is_cancelled_by_any_key_and_closes_when_refused(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        s.client.sheet = WAITING
        await s.press("g")
        await s.press("n")
        assert s.app.screen is s.app.treat
        await s.press("g")
        s.client.refuse["run.preview"] = "No zone is chosen: press a digit."
        s.clock.now += 0.5
        await s.show(scenes.IDLE)
        await s.settle()
        assert s.app.screen is s.app.treat
        assert not s.asked("run.start")
