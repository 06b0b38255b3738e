"""Nothing that matters is cut: alarms, answers and the log in full, and terminals that are too small say so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devicectl.station.views import AlarmView, GateView, LogView
from tests.tui.conftest import StageMaker
from tests.tui.fake_client import ModelClock
from tui import scenes, text
from tui.model import LOG_KEPT, Live
from tui.screens.start_sheet import StartSheetScreen

LONG = (
    "The record cannot be written: the disk that holds the database is full; make room on it, then press a and start "
    "the station again."
)
"""As long as control lets an alarm be."""


def _alarm(words: str, priority: str = "high", acknowledged: bool = False) -> AlarmView:
    return AlarmView("1", "record", priority, words, 2.0, True, acknowledged)


def _words(shown: str) -> str:
    """What is read on the right half and in the alarm row, without the places where lines were broken."""
    return " ".join(shown.replace("…", " ").split())


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (60, 15)])
@pytest.mark.parametrize(
    "words", [LONG, LONG[60:], "STOP sent but the pen is not seen still. Switch the pen off and lift it."]
)
async def test_the_first_alarm_is_read_whole_without_a_key(
    stage: StageMaker, size: tuple[int, int], words: str
) -> None:
    async with stage(replace(scenes.IDLE, alarms=(_alarm(words),)), size) as s:
        rows = s.rows()
        left, right = {80: (35, 80), 120: (65, 120), 200: (77, 146), 60: (0, 60)}[size[0]]
        first = rows[1].split(" !!! ")[1].split("1/1")[0].split("1 of 1")[0]
        assert words.replace("…", "") in _words(" ".join([first, *(row[left:right] for row in rows[3:5])]))


async def test_all_alarms_and_answers_in_full(stage: StageMaker) -> None:
    async with stage(scenes.not_still(), (80, 24)) as s:
        s.app.live.say(
            "an answer of the station that is longer than the place beside the map, and ends with the next step"
        )
        await s.press("A")
        shown = _words(" ".join(row[2:78].replace("│", " ") for row in s.rows()[2:-2]))
        for alarm in scenes.not_still().alarms:
            assert alarm.text in shown
        assert "ends with the next step" in shown
        await s.press("a")
        assert s.asked("alarm.acknowledge") == [{}]
        await s.press("A")
        assert s.app.screen is s.app.treat


async def test_the_log_wraps_and_scrolls(stage: StageMaker) -> None:
    log = tuple(LogView(scenes.NOON + n, f"line {n}: " + "word " * 20 + f"end {n}") for n in range(20))
    async with stage(replace(scenes.IDLE, log=log), (80, 24)) as s:
        await s.press("l")
        assert "line 19:" in s.text()
        assert "end 19" in s.text()
        assert "line 3:" not in s.text()
        await s.press("pagedown")
        assert "line 19:" not in s.text()
        await s.press("end")
        assert "end 0" in s.text()
        assert "40 of 40" in s.text()
        await s.press("home", "down")
        assert "2 to" in s.text()
        assert "STOP" in s.rows()[-1]
        await s.press("l")
        assert s.app.screen is s.app.treat


async def test_scrolling_while_the_motor_turns_is_not_stop_and_other_keys_are(stage: StageMaker) -> None:
    async with stage(scenes.needling(), (80, 24)) as s:
        await s.press("l", "down", "pagedown", "home", "l", "A", "a", "up", "A")
        assert not s.client.stops
        await s.press("l", "d")
        assert s.client.stops == ["key d"]


def test_the_log_is_kept_beyond_what_a_view_carries_and_bounded() -> None:
    live = Live(ModelClock())
    for n in range(0, 3000, 2):
        lines = tuple(LogView(float(i), f"line {i}") for i in range(n, n + 4))
        live.hear(replace(scenes.IDLE, log=lines))
    assert len(live.log) == LOG_KEPT
    assert [line.text for line in live.log[-3:]] == ["line 2999", "line 3000", "line 3001"]
    assert len({line.text for line in live.log}) == LOG_KEPT


@pytest.mark.parametrize(("words", "width"), [("one two three", 5), ("x" * 30, 7), ("", 4), ("a-b-c " * 5, 9)])
def test_wrapping_loses_nothing(words: str, width: int) -> None:
    lines = text.wrap(words, width)
    assert all(len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == words.replace(" ", "")


def test_what_does_not_fit_ends_with_where_the_rest_is() -> None:
    lines = text.within("word " * 40, 20, 2, "… A")
    assert len(lines) == 2
    assert lines[-1].endswith("… A")
    assert all(len(line) <= 20 for line in lines)


@pytest.mark.parametrize("size", [(79, 24), (80, 23), (60, 15)])
async def test_a_terminal_that_is_too_small_says_so(stage: StageMaker, size: tuple[int, int]) -> None:
    async with stage(scenes.needling(), size) as s:
        assert "80x24 or larger shows map, gauges and log" in s.text()


async def test_nothing_starts_from_a_sheet_that_cannot_be_read_whole(stage: StageMaker) -> None:
    async with stage(scenes.IDLE, (44, 10)) as s:
        await s.press("g")
        assert isinstance(s.app.screen, StartSheetScreen)
        assert "Too small to start from: 60x16." in s.text()
        s.clock.now += 1
        await s.press("Y")
        assert not s.asked("run.start")
    async with stage(scenes.IDLE, (60, 16)) as s:
        await s.press("g")
        for words in ("3 Frontal right", "1.25 mm", "100.0 Hz (6000 rpm)", "cartridge R16", "Y starts"):
            assert words in s.text()
        s.clock.now += 1
        await s.press("Y")
        assert s.asked("run.start")


async def test_fifteen_checks_fit_and_failed_ones_are_read_whole(stage: StageMaker) -> None:
    gates = tuple(GateView(f"check{n}", n != 7, "why " * 30 if n == 7 else "fine") for n in range(15))
    async with stage(scenes.IDLE, (80, 24)) as s:
        s.client.sheet = replace(scenes.start_sheet(), ok=False, gates=gates)
        await s.press("g")
        assert s.text().count("why") == 30
        assert all(f"check{n}" in s.text() for n in range(15))
        assert "Any key closes" in s.text()


async def test_a_long_name_of_a_check_pushes_no_word_of_its_reason_over_the_edge(stage: StageMaker) -> None:
    words = " ".join(f"word{n}" for n in range(24))
    gates = (GateView("cartridge registered", False, words), GateView("latch", True, "not latched"))
    async with stage(scenes.IDLE, (80, 24)) as s:
        s.client.sheet = replace(scenes.start_sheet(), ok=False, gates=gates)
        await s.press("g")
        assert all(word in s.text().replace("│", " ").split() for word in words.split())
        assert "cartridge registeredw" not in s.text()


async def test_a_latched_pen_that_still_turns_is_not_called_stopped(stage: StageMaker) -> None:
    async with stage(scenes.not_still(), (80, 24)) as s:
        assert "! TURNING" in s.rows()[2]
        assert "■ STOPPED" not in s.text()


async def test_every_pen_of_a_long_list_can_be_reached_and_its_reason_read(stage: StageMaker) -> None:
    why = "no known USB id; it may be a pen all the same: devicectl scan --probe asks it, and nothing else does"
    found = [{"address": f"serial:///dev/ttyS{n}", "name": f"port {n}", "why": f"{why} {n}"} for n in range(20)]
    async with stage(scenes.no_session(), (80, 24)) as s:
        s.client.answers["pens.scan"] = found
        await s.press("p")
        assert "1 of 20" in s.text()
        for _ in range(19):
            await s.press("down")
        shown = _words(" ".join(row.partition("│")[2].rpartition("│")[0] for row in s.rows()[2:-2]))
        assert f"{why} 19" in shown
        await s.press("enter")
        assert s.asked("pen.open") == [{"address": "serial:///dev/ttyS19"}]


async def test_another_pen_has_another_log(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        assert "session opened" in " ".join(line.text for line in s.app.live.log)
        await s.show(replace(scenes.IDLE, pen=replace(scenes.PEN, address="tcp://127.0.0.1:7001"), log=()))
        assert not s.app.live.log


async def test_news_and_an_alarm_nobody_has_seen_share_the_place(stage: StageMaker) -> None:
    async with stage(replace(scenes.IDLE, alarms=(_alarm(LONG[:95] + "."),)), (80, 24)) as s:
        await s.press("9")
        s.app.live.say("news of the station")
        await s.settle()
        rows = s.rows()
        assert "make room on it" in rows[3]
        assert "› news of the station" in rows[4]


async def test_a_long_state_line_gives_the_zone_by_its_code(stage: StageMaker) -> None:
    view = scenes.needling()
    assert view.pen is not None
    async with stage(replace(view, pen=replace(view.pen, settling=True)), (80, 24)) as s:
        assert "▶ NEEDLING  FRR  checking with the pen" in s.rows()[2]


async def test_a_log_line_that_is_cut_beside_the_map_says_which_key_shows_it(stage: StageMaker) -> None:
    log = (LogView(scenes.NOON, "one"), LogView(scenes.NOON - 1, "two " * 60))
    async with stage(replace(scenes.IDLE, log=log), (80, 24)) as s:
        assert s.rows()[-3].endswith("… l")
        assert "one" in s.rows()[-5]
