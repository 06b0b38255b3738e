"""What the screens know, apart from any screen: staleness, alarms, requests under way, key repeats."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from devicectl.station.views import AlarmView
from tests.tui.fake_client import ModelClock
from tui import scenes
from tui.model import Freshness, Live, RepeatFilter, freshness
from tui.screens import values
from tui.widgets.alarm_bar import alarm_row
from tui.widgets.line_board import width_of

LADDER = [(0.0, "fresh"), (0.29, "fresh"), (0.31, "stale"), (0.99, "stale"), (1.01, "gone"), (None, "gone")]


@pytest.mark.parametrize(("age", "expected"), LADDER)
def test_staleness_ladder(age: float | None, expected: str) -> None:
    assert freshness(age) is Freshness(expected)


def _live(view: object = scenes.IDLE) -> tuple[Live, ModelClock]:
    clock = ModelClock()
    live = Live(clock)
    live.hear(view)  # type: ignore[arg-type]
    return live, clock


@pytest.mark.parametrize(
    ("since", "shown", "gauge"), [(0.27, "99.5  Hz  5970 rpm", True), (0.29, "99.5? Hz", True), (0.99, "--  Hz", False)]
)
def test_the_age_is_what_the_view_said_plus_the_time_since(since: float, shown: str, gauge: bool) -> None:
    """The view's sample was 20 ms old when it was sent."""
    live, clock = _live(scenes.needling())
    clock.now += since
    row = "".join(part for part, _ in values.live_rows(live, 52)["Rate"])
    assert shown in row
    assert ("?" in row) is ("?" in shown)
    assert ("◆" in row) is gauge


def test_alarms_highest_priority_first_then_newest_acknowledged_last() -> None:
    def alarm(id: str, priority: str, age: float, acknowledged: bool = False) -> AlarmView:
        return AlarmView(id, id, priority, id, age, True, acknowledged)

    alarms = (
        alarm("low", "low", 1),
        alarm("old high", "high", 60),
        alarm("medium", "medium", 2),
        alarm("seen high", "high", 1, acknowledged=True),
        alarm("new high", "high", 3),
    )
    live, _ = _live(replace(scenes.IDLE, alarms=alarms))
    assert [a.id for a in live.alarms()] == ["new high", "old high", "medium", "low", "seen high"]


def test_a_silent_station_is_a_high_alarm_of_the_screen_itself() -> None:
    live, clock = _live()
    clock.now += 0.5
    assert not live.alarms()
    clock.now += 0.01
    (alarm,) = live.alarms()
    assert alarm.priority == "high"
    assert "Station not answering" in alarm.text
    assert not live.still


def test_a_lost_station_is_a_state_with_a_next_step() -> None:
    live, _ = _live()
    live.lost = "The station ended: start devicectl again."
    assert live.alarms()[0].code == "station-lost"
    assert not live.at_rest


@pytest.mark.parametrize("since", [0, 5, 3599])
def test_own_alarm_texts_have_at_most_60_characters(since: float) -> None:
    live, clock = _live()
    clock.now += since + 1
    for lost in (None, "gone"):
        live.lost = lost
        assert all(len(alarm.text) <= 60 for alarm in live.alarms())


def test_blur_is_a_low_alarm_only_while_the_motor_may_turn() -> None:
    live, _ = _live()
    live.blurred = True
    assert not live.alarms()
    live.hear(scenes.needling())
    assert [a.priority for a in live.alarms()] == ["low"]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("priority", ["high", "medium", "low"])
def test_the_alarm_row_never_goes_blank_and_never_overflows(width: int, priority: str) -> None:
    alarm = AlarmView("a", "a", priority, "x" * 60, 1.0, True, False)
    shown = set()
    for tenth in range(40):
        row, rest = alarm_row([alarm] * 12, 119.0, tenth / 10, width)
        assert width_of(row) <= width
        assert not rest
        assert "x" * 60 in row[0][0]
        shown.add(row[0][1])
    assert len(shown) == (1 if priority == "low" else 2)


@pytest.mark.parametrize(("priority", "low", "high"), [("high", 1.4, 2.8), ("medium", 0.4, 0.8)])
def test_flash_rates_of_iec_60601_1_8(priority: str, low: float, high: float) -> None:
    alarm = AlarmView("a", "a", priority, "x", 1.0, True, False)
    looks = [alarm_row([alarm], 0, ms / 1000, 80)[0][0][1] for ms in range(0, 20_000, 10)]
    flashes = sum(a is not b for a, b in itertools.pairwise(looks)) / 2 / 20
    assert low <= flashes <= high


def test_an_acknowledged_alarm_does_not_flash() -> None:
    alarm = AlarmView("a", "a", "high", "x", 1.0, True, True)
    assert len({alarm_row([alarm], 0, t / 10, 80)[0][0][1] for t in range(20)}) == 1


def test_a_request_is_pending_until_a_view_shows_it() -> None:
    live, _ = _live()
    live.pending.zone, live.pending.depth_um = "VTX", 1250
    live.hear(scenes.IDLE)
    assert (live.pending.zone, live.pending.depth_um) == ("VTX", 1250)
    live.hear(replace(scenes.IDLE, zone="VTX", depth_request_um=1250))
    assert (live.pending.zone, live.pending.depth_um) == (None, None)


def test_a_repeating_key_counts_once() -> None:
    clock = ModelClock()
    repeats = RepeatFilter(clock)
    passed = 0
    for _ in range(40):
        clock.now += 0.03
        passed += repeats.passes("D")
    assert passed == 1
    clock.now += 0.26
    assert repeats.passes("D")


def test_news_grow_old() -> None:
    live, clock = _live()
    live.say("done")
    assert live.notice == "done"
    clock.now += 9
    assert live.notice == ""


def test_still_needs_a_fresh_view() -> None:
    live, clock = _live()
    assert live.still
    clock.now += 0.31
    assert not live.still


def test_a_paused_run_is_still_but_not_at_rest() -> None:
    """A button or the footswitch may resume it, so no text field may open."""
    run = replace(scenes.needling().run, phase="paused")  # type: ignore[type-var]
    live, _ = _live(replace(scenes.IDLE, run=run))
    assert live.still
    assert not live.at_rest
