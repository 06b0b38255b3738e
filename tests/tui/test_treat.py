"""The treatment screen: keys, states, and the badge nobody can miss."""

from __future__ import annotations

import ast
import asyncio
import inspect
from dataclasses import replace

import pytest
from textual.app import App
from textual.screen import ModalScreen, Screen
from textual.widget import Widget

from devicectl.alarms.sound import Burst
from devicectl.station.views import Reply, View
from tests.tui.conftest import StageMaker
from tui import scenes
from tui.app import DashboardApp
from tui.player import Player
from tui.screens import (
    base,
    client_file,
    clients,
    direction,
    field_sheet,
    form_sheet,
    guide,
    help,
    listed,
    lists,
    look,
    menu,
    override,
    pairing,
    patches,
    pens,
    session,
    session_record,
    sign_in,
    signing,
    start_sheet,
    steps,
    treat,
    values_sheet,
)
from tui.settings import Settings
from tui.sounds import Sounds
from tui.widgets import alarm_bar, big_number, drawn, line_board, scalp_map, stop_bar, trace

OURS = (
    DashboardApp, treat.TreatScreen, base.Painted, base.Sheet, help.HelpScreen, help.AboutScreen, pens.PensScreen,
    session.SessionScreen, session.NoteScreen, start_sheet.StartSheetScreen, alarm_bar.AlarmBar, big_number.BigNumber,
    line_board.LineBoard, scalp_map.ScalpMap, stop_bar.StopBar, trace.BrailleTrace, base.Scrolled, drawn.Drawn,
    lists.AlarmsScreen, lists.LogScreen, look.LookScreen, values_sheet.ValuesScreen,
    override.OverrideScreen,
    field_sheet.FieldSheet, pairing.PasskeyScreen, pairing.RefusedScreen,
    form_sheet.FormSheet, listed.ListSheet, steps.StepsScreen, sign_in.SignInSheet, sign_in.NewOperatorSheet,
    signing.SignSheet, clients.ClientsScreen, clients.ProtocolsScreen, guide.GuideScreen, guide.KeyTestSheet,
    guide.RecordSheet, direction.DirectionScreen, menu.MenuScreen,
    client_file.ClientFileScreen, session_record.SessionRecordScreen, patches.PatchScreen,
)  # fmt: skip


def _private_names(cls: type) -> set[str]:
    """Private methods and attributes that our classes bring, read from their source."""
    names: set[str] = set()
    for ours in cls.__mro__:
        if not ours.__module__.startswith("tui."):
            continue
        for node in ast.walk(ast.parse(inspect.getsource(ours).strip())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.attr)
    return {name for name in names if name.startswith("_") and not name.startswith("__")}


@pytest.mark.parametrize("ours", OURS, ids=lambda cls: cls.__name__)
async def test_no_private_name_of_textual_is_shadowed(ours: type) -> None:
    """A method called ``_timers`` once replaced a set of Textual's in silence."""
    theirs: set[str] = set()
    for cls in ours.__mro__:
        if not cls.__module__.startswith("tui."):
            theirs |= set(vars(cls)) | set(getattr(cls, "__annotations__", {}))
    theirs |= set(vars(ModalScreen())) if issubclass(ours, Screen) else set(vars(Widget()))
    theirs |= set(vars(App())) if issubclass(ours, App) else set()
    assert _private_names(ours) & theirs <= {"_build_driver"}


@pytest.mark.parametrize("way", [(), ("g",), ("p",), ("question_mark",)])
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (50, 12)])
async def test_simulated_is_on_every_screen(stage: StageMaker, way: tuple[str, ...], size: tuple[int, int]) -> None:
    async with stage(scenes.IDLE, size) as s:
        await s.press(*way)
        assert "SIMULATED" in s.rows()[0]


async def test_hardware_shows_no_badge(stage: StageMaker) -> None:
    pen = replace(scenes.PEN, simulated=False)
    view = replace(scenes.IDLE, pen=pen, session=replace(scenes.SESSION, origin="hardware"))
    async with stage(view) as s:
        assert "SIMULATED" not in s.text()


async def test_a_digit_shows_at_once_and_asks(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press("9")
        assert s.asked("zone.select") == [{"zone": "VTX"}]
        assert "9 Crown" in await s.row_with(2, "9 Crown")


async def test_a_key_is_shown_before_it_is_known_to_be_no_scan_and_for_half_a_second(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        seen: list[tuple[bool, list[dict[str, object]]]] = []
        show = s.app.guard.pressed

        def pressed(key: str) -> None:
            show(key)
            seen.append((any(row.rstrip().endswith("› 9") for row in s.rows()), s.asked("zone.select")))

        s.app.guard.pressed = pressed
        await s.press("9")
        assert seen == [(True, [])]
        await s.wait(0.6)
        assert "› 9" not in s.text()


async def test_a_refused_zone_goes_back(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        s.client.refuse["zone.select"] = "VTX allows 1.00 mm at most while turning: e pauses first."
        await s.press("9")
        assert s.app.live.pending.zone is None
        assert "VTX allows 1.00 mm" in s.text()
        assert s.app.screen.query_one(scalp_map.ScalpMap).chosen == 2


@pytest.mark.parametrize(
    ("key", "params"),
    [
        ("D", {"depth_um": 1250, "lower": True}),
        ("d", {"depth_um": 750, "lower": True}),
        ("V", {"rate_mhz": 101_000, "lower": True}),
        ("v", {"rate_mhz": 99_000, "lower": True}),
    ],
)
async def test_one_step_per_key(
    stage: StageMaker, key: str, params: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.screens.actions.ECHO_S", 60.0)  # what was asked stays in sight on a slow machine too
    async with stage(scenes.IDLE) as s:
        await s.press(key)
        assert s.asked("setpoint") == [params]
        assert "asked" in s.text()


async def test_two_steps_add_up_before_the_view_has_followed(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press("D", "D")
        assert s.asked("setpoint")[-1] == {"depth_um": 1500, "lower": True}


async def test_what_a_limit_made_of_it_is_shown_once_it_is_settled(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        s.client.answers["setpoint"] = {"depth": {"outcome": "confirmed", "text": "1.25 mm → 1.00 mm: cartridge R16"}}
        await s.press("D")
        assert "cartridge R16" in s.text()
        await s.pilot.pause(0.5)
        assert s.app.live.pending.depth_um is None


async def test_a_refused_setpoint_goes_back_at_once(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        s.client.answers["setpoint"] = {"rate": Reply("rejected", "the pen does not allow it")}
        await s.press("V")
        assert "REJECTED: the pen does not allow it" in s.text()
        assert s.app.live.pending.rate_mhz is None


async def test_raising_while_running_drops_repeats_and_lowering_does_not(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        for _ in range(4):
            s.clock.now += 0.1
            await s.press("D")
        assert len(s.asked("setpoint")) == 1
        for _ in range(3):
            s.clock.now += 0.1
            await s.press("d")
        assert len(s.asked("setpoint")) == 4


async def test_the_greatest_depth_is_named(stage: StageMaker) -> None:
    async with stage(replace(scenes.IDLE, depth_request_um=2500)) as s:
        await s.press("D")
        assert not s.asked("setpoint")
        assert "greatest: 2.50 mm" in s.text()


async def test_an_observer_watches_and_may_take_over(stage: StageMaker) -> None:
    async with stage(scenes.watching()) as s:
        assert "watching; dashboard on tty2 holds control" in s.text()
        assert "take over while still" in s.text()
        await s.press("D", "e", "x", "9")
        assert not s.client.requests
        await s.press("c")
        assert s.asked("control.take") == [{}]


async def test_quit_is_refused_while_the_motor_may_turn_and_says_so(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        await s.press("q")
        assert s.app.is_running
        assert "not left: the motor may turn" in s.text()


async def test_a_pen_that_never_comes_back_does_not_hold_the_user_here(stage: StageMaker) -> None:
    assert scenes.IDLE.pen is not None
    away = replace(scenes.IDLE.pen, link="lost", motion="unknown", link_text="unplugged")
    async with stage(replace(scenes.IDLE, pen=away)) as s:
        await s.press("p")
        assert "this pen is away" in s.text()
        await s.press("q")
        assert s.app.is_running
        assert "q again: STOP and leave" in s.text()
        await s.press("q")
        assert s.client.stops == ["quit"]
        assert s.app.return_value == 0


async def test_a_fault_is_called_one_and_no_older_stop_is_its_time(stage: StageMaker) -> None:
    assert scenes.IDLE.pen is not None
    pen = replace(scenes.IDLE.pen, state="fault", latched=True, faults=("stall",), stop_ms=12.0)
    async with stage(replace(scenes.IDLE, pen=pen)) as s:
        assert "FAULT" in s.text()
        assert "stall" in s.text()
        assert "still in" not in s.text()


async def test_a_stop_that_was_seen_again_after_a_lost_link_is_no_stop_time(stage: StageMaker) -> None:
    view = scenes.stopped()
    assert view.pen is not None
    async with stage(replace(view, pen=replace(view.pen, stop_ms=10_010.0))) as s:
        assert "seen still 10.0 s after" in s.text()
        assert "10010" not in s.text()


async def test_news_of_a_start_does_not_hide_what_to_do_after_a_latch(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        s.app.live.say("started")
        await s.settle()
        assert "› started" in s.text()
        pen = scenes.needling().pen
        assert pen is not None
        s.client.show(replace(scenes.IDLE, pen=replace(pen, state="lease_expired", latched=True, motion="still")))
        await s.settle()
        assert "› started" not in s.text()
        assert "r resets while still" in s.text()


async def test_quit_while_at_rest(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press("q")
        assert s.app.return_value == 0


async def test_a_silent_station_alarms_and_values_go(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        await s.wait(0.6)
        assert "Station not answering" in s.rows()[1]
        assert "STATION SILENT" in s.text()
        await s.wait(0.6)
        assert "5960" not in s.text()


async def test_a_user_can_leave_a_station_that_hangs_and_a_stop_goes_out_first(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        await s.wait(3.1)
        await s.pilot.press("q")
        await s.pilot.pause(0.1)
        assert s.client.stops == ["quit"]
        assert s.app.return_value == 0


async def test_a_custom_patch_is_counted_in_the_legend(stage: StageMaker) -> None:
    patch = replace(scenes.ZONES_DONE[0], code="CUS-1", passes=2)
    view = replace(scenes.IDLE, session=replace(scenes.SESSION, zones=(*scenes.ZONES_DONE, patch)))
    async with stage(view) as s:
        assert "CUS-1 2×" in s.text()


async def test_a_lost_station_is_a_state_with_its_sentence(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        s.client.lose("The station ended: start devicectl again.")
        await s.settle()
        assert "STATION LOST" in s.text()
        assert "start devicectl again" in s.text()
        await s.press("q")
        assert s.app.return_value == 0


async def test_a_stop_that_went_past_the_station_is_told(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        s.client.lose("The station ended: start devicectl again.")
        s.client.stopped_directly("STOP not delivered, use the pen's own switch: serial:///dev/ttyACM0.")
        await s.settle()
        assert "STOP not delivered, use the pen's own switch" in s.text()


async def test_no_pen(stage: StageMaker) -> None:
    """As the station sends it then: nobody is in control, and a pen can be chosen all the same."""
    async with stage(replace(scenes.no_session(), pen=None, you_control=False, controller=None)) as s:
        assert "NO PEN" in s.text()
        assert "p chooses a pen" in s.text()
        assert "motor still" not in s.text(), "there may be a pen that turns, on another screen"
        assert "no pen on this screen" in s.text()
        await s.press("g")
        assert "no pen: p chooses one" in s.text()
        await s.press("p", "1")
        assert s.asked("pen.open")


def test_ports_that_did_not_match_come_last() -> None:
    rows = [{"address": "b", "matched": False, "held": True}, {"address": "a", "matched": True}]
    found = pens.FoundPen.list_of(rows)
    assert [pen.address for pen in found] == ["a", "b"]
    assert found[1].held


async def test_choosing_a_pen(stage: StageMaker) -> None:
    async with stage(scenes.no_session()) as s:
        await s.press("p")
        assert "announced by a simulator" in s.text()
        assert "held by devicectl run" in s.text()
        await s.press("2")
        assert not s.asked("pen.open"), "a pen that is held is not opened"
        await s.press("1")
        assert s.asked("pen.open") == [{"address": "serial:///dev/pts/4"}]


def test_a_pen_of_this_station_may_be_watched() -> None:
    assert pens.FoundPen.of({"address": "a", "held": "the devicectl station", "ours": True}).ours


async def test_opening_sessions(stage: StageMaker) -> None:
    async with stage(scenes.no_session()) as s:
        await s.press("s", "b", "s", "t", "T", "minus", "1", "enter")
        assert s.asked("session.open") == [
            {"purpose": "bench", "client": ""},
            {"purpose": "treatment", "client": "T-1"},
        ]


async def test_closing_a_session(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        await s.press("s", "k")
        assert s.asked("session.close") == [{}]


async def test_no_dialogue_with_text_while_running(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        await s.press("s", "p")
        assert s.app.screen is s.app.treat


async def test_a_note_in_digits_while_running(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        await s.press("n", "1", "2", "enter")
        assert s.asked("note") == [{"digits": "12"}]
        assert not s.client.stops


async def test_acknowledging(stage: StageMaker) -> None:
    async with stage(scenes.alarmed()) as s:
        await s.press("a")
        assert [name for name, _ in s.client.requests] == ["alarm.acknowledge", "alarm.silence"]


@pytest.mark.parametrize("size", [(79, 24), (80, 23), (40, 10), (20, 5)])
async def test_small_terminals_get_a_table_with_alarms_and_stop(stage: StageMaker, size: tuple[int, int]) -> None:
    async with stage(scenes.alarmed(), size) as s:
        rows = s.rows()
        assert "!!" in rows[1]
        assert "STOP" in rows[-1] or size[0] < 40
        assert "NEEDLING" in rows[2]
        if size[1] >= 20:
            assert ">3 Frontal right" in s.text()


@pytest.mark.parametrize("size", [(100, 30), (160, 50), (200, 60)])
@pytest.mark.parametrize("view", [scenes.needling(), scenes.stopped(), replace(scenes.IDLE, pen=None, session=None)])
async def test_larger_terminals(stage: StageMaker, size: tuple[int, int], view: View) -> None:
    async with stage(view, size) as s:
        assert len(s.rows()) == size[1]


async def test_nothing_is_painted_when_nothing_changed(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        painted: list[int] = []
        for board in s.app.screen.query(line_board.LineBoard):
            before = list(board.rows)
            s.app.treat.frame()
            painted.append(sum(a != b for a, b in zip(before, board.rows, strict=True)))
        assert sum(painted) == 0


async def test_resizing_does_not_break_it(stage: StageMaker) -> None:
    async with stage(scenes.needling(), (80, 24)) as s:
        for size in ((120, 40), (60, 12), (200, 60), (80, 24)):
            await s.pilot.resize_terminal(*size)
            await s.settle()
            assert "STOP" in s.rows()[-2 if size[1] >= 34 else -1]


class Heard(Player):
    """A player that only remembers."""

    def __init__(self) -> None:
        super().__init__(lambda burst: None, None)
        self.played: list[str] = []

    def play(self, burst: Burst) -> None:
        self.played.append(burst.name)


async def test_alarms_are_heard_by_priority_and_silence_pauses_them(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        assert s.app.sounds is not None
        assert not s.app.sounds.on
        s.app.sounds.player = heard = Heard()
        await s.show(scenes.alarmed())
        assert heard.played == ["medium"]
        await s.show(scenes.not_still())
        await s.settle()
        assert heard.played == ["medium", "high"]
        s.clock.now += 7
        await s.show(replace(scenes.not_still(), silenced_s=100.0))
        assert heard.played == ["medium", "high"]
        s.clock.now += 101
        await s.show(scenes.not_still())
        assert heard.played == ["medium", "high", "high"]


async def test_the_planned_time_ticks_once(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        assert s.app.sounds is not None
        s.app.sounds.player = heard = Heard()
        view = scenes.needling()
        assert view.run is not None
        for left in (0.4, 0.1, -0.1, -0.4, 30.0, 29.0):
            await s.show(replace(view, run=replace(view.run, planned_left_s=left)))
        assert heard.played == ["tick"]


async def test_the_sound_is_switched_by_its_key_and_remembered(
    stage: StageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    async with stage(scenes.IDLE) as s:
        rings: list[int] = []
        kept: list[Settings] = []
        s.app.bell = lambda: rings.append(1)  # type: ignore[method-assign]
        s.app.sounds = Sounds(s.app.live, s.app.bell, False)
        s.app.remember = lambda settings: kept.append(settings)
        await s.press("m")
        await s.row_with(3, "sound is on")
        await asyncio.sleep(0.5)
        assert len(rings) == 2, "the low one, to try it"
        await s.press("m")
        assert "sound is off" in s.text()
        assert [settings.sound for settings in kept] == [True, False]
