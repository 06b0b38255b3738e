"""Line mode: one line per change, alarms first, STOP in the reading thread."""

from __future__ import annotations

import asyncio
import io
import os
import time
from dataclasses import replace

import pytest

from devicectl.station.views import GateView, Reply
from tests.tui.fake_client import FakeClient, ModelClock
from tui import scenes
from tui.plain import PlainDashboard
from tui.plain_terminal import show_plain
from tui.screens.pens import FoundPen


class Lines:
    """A dashboard in line mode without a terminal."""

    def __init__(self) -> None:
        self.clock, self.client, self.said = ModelClock(), FakeClient(), list[str]()
        self.dashboard = PlainDashboard(self.client, self.said.append, self.clock)
        self.client.show(scenes.IDLE)

    def frame(self) -> list[str]:
        self.said.clear()
        self.client.show()
        self.dashboard.frame(self.dashboard.frames + 1)
        return self.said[:]

    async def say(self, line: str) -> list[str]:
        self.said.clear()
        self.client.show()
        await self.dashboard.command(line)
        return self.said[:]


def test_everything_once_then_only_changes() -> None:
    lines = Lines()
    first = lines.frame()
    assert "SIMULATED pen Reference pen PL-A113, link up." in first
    assert "3 Frontal right: 2 passes." in first
    assert lines.frame() == []
    lines.client.show(replace(scenes.IDLE, zone="VTX"))
    assert lines.frame() == ["Zone: 9 Crown."]


def test_alarms_come_first_and_say_when_they_are_over() -> None:
    lines = Lines()
    lines.frame()
    lines.client.show(scenes.alarmed())
    said = lines.frame()
    assert said[0] == "MEDIUM ALARM: Depth 0.72 mm measured, 1.00 mm set. Lift the pen and check the cartridge."
    assert said[1].startswith("MEDIUM ALARM: The pen restarted")
    lines.client.show(scenes.needling())
    assert lines.frame()[0].startswith("over: MEDIUM ALARM")


def test_values_every_ten_seconds_of_a_run_only() -> None:
    lines = Lines()
    lines.client.show(scenes.needling())
    assert any(line.startswith("Depth 0.9") for line in lines.frame())
    lines.clock.now += 9
    assert not any(line.startswith("Depth") for line in lines.frame())
    lines.clock.now += 2
    assert any(line.startswith("Depth") for line in lines.frame())


def test_old_values_are_named_as_old() -> None:
    lines = Lines()
    lines.client.show(scenes.needling())
    lines.clock.now += 0.4
    assert lines.dashboard.narrator.values().startswith("OLD: ")
    lines.clock.now += 1
    assert lines.dashboard.narrator.values() == "No values."


@pytest.mark.parametrize(
    ("line", "method", "params"),
    [
        ("zone vtx", "zone.select", {"zone": "VTX"}),
        ("depth 1.25", "setpoint", {"depth_um": 1250}),
        ("depth 1.25 mm", "setpoint", {"depth_um": 1250}),
        ("rate 110", "setpoint", {"rate_mhz": 110_000}),
        ("rate 6600 rpm", "setpoint", {"rate_mhz": 110_000}),
        ("end", "run.pause", {}),
        ("finish", "run.end", {}),
        ("reset", "pen.reset", {}),
        ("control", "control.take", {}),
        ("session bench", "session.open", {"purpose": "bench", "client": ""}),
        ("session treatment T-001", "session.open", {"purpose": "treatment", "client": "T-001"}),
        ("session close", "session.close", {}),
        ("note 12", "note", {"digits": "12"}),
    ],
)
async def test_commands(line: str, method: str, params: dict[str, object]) -> None:
    lines = Lines()
    await lines.say(line)
    assert lines.client.requests == [(method, params)]


async def test_pens_by_number() -> None:
    lines = Lines()
    said = await lines.say("pens")
    assert said[0].startswith("Listening for pens on the air too")
    assert said[1].startswith("1: SIMULATED, Reference pen PL-A113, serial:///dev/pts/4")
    await lines.say("which 1")
    assert lines.client.requests[-1] == ("pen.indicate", {"address": "serial:///dev/pts/4"})
    await lines.say("open 1")
    assert lines.client.requests[-1] == ("pen.open", {"address": "serial:///dev/pts/4"})


@pytest.mark.parametrize("line", ["zone XXX", "depth much", "depth inf", "depth nan", "fly", "open", "note abc"])
async def test_bad_input_is_answered_in_words(line: str) -> None:
    lines = Lines()
    said = await lines.say(line)
    assert said
    assert not lines.client.requests


async def test_go_then_yes() -> None:
    lines = Lines()
    lines.client.answers["run.start"] = Reply("confirmed", "needling")
    said = await lines.say("go")
    assert "1.50 mm → 1.25 mm: cartridge R16" in said
    lines.clock.now += 0.1
    assert "too soon" in (await lines.say("yes"))[0]
    await lines.say("go")
    lines.clock.now += 1
    assert await lines.say("yes") == ["confirmed: needling"]
    assert lines.client.requests[-1] == ("run.start", {"ticket": "ticket-1"})


@pytest.mark.parametrize("between", ["status", "zone VTX"])
async def test_anything_between_go_and_yes_cancels(between: str) -> None:
    lines = Lines()
    await lines.say("go")
    lines.clock.now += 1
    await lines.say(between)
    await lines.say("yes")
    assert not [name for name, _ in lines.client.requests if name == "run.start"]


async def test_yes_after_ten_seconds_does_not_start() -> None:
    lines = Lines()
    await lines.say("go")
    lines.clock.now += 10.1
    await lines.say("yes")
    assert not [name for name, _ in lines.client.requests if name == "run.start"]


async def test_a_refused_sheet_names_the_failed_check() -> None:
    lines = Lines()
    lines.client.sheet = scenes.start_sheet(ok=False)
    said = await lines.say("go")
    assert "FAILED battery: 9 %: needs 15 %" in said
    assert said[-1] == "Cannot start."


async def test_quit_is_refused_while_turning() -> None:
    lines = Lines()
    lines.client.show(scenes.needling())
    assert (await lines.say("quit"))[0].startswith("Not left")
    lines.client.show(scenes.IDLE)
    await lines.say("quit")
    assert lines.dashboard.done


def test_a_stop_that_went_past_the_station_is_told() -> None:
    lines = Lines()
    lines.said.clear()
    lines.client.stopped_directly("STOP was written straight to serial:///dev/ttyACM0.")
    assert lines.said == ["STOP was written straight to serial:///dev/ttyACM0."]


async def test_quit_twice_leaves_a_pen_that_is_away() -> None:
    lines = Lines()
    assert scenes.IDLE.pen is not None
    lines.client.show(replace(scenes.IDLE, pen=replace(scenes.IDLE.pen, link="lost", motion="unknown")))
    assert "quit again" in (await lines.say("quit"))[0]
    await lines.say("quit")
    assert lines.dashboard.done
    assert lines.client.stops == ["quit"]


async def test_through_a_pipe_and_stop_while_the_loop_sleeps() -> None:
    client, out = FakeClient(scenes.IDLE), io.StringIO()
    read, write = os.pipe()
    task = asyncio.ensure_future(show_plain(client, out=out, fd=read))
    await asyncio.sleep(0.3)
    client.show()
    await asyncio.sleep(0.3)
    os.write(write, b"\n")
    time.sleep(0.3)  # noqa: ASYNC251
    assert client.stops == ["line"]
    client.show()
    os.write(write, b"help\nquit\n")
    for _ in range(20):
        client.show()
        await asyncio.sleep(0.05)
    assert await asyncio.wait_for(task, 2) == 0
    os.close(read)
    os.close(write)
    said = out.getvalue()
    assert "not a cleared medical device" in said
    assert "STOP sent." in said
    assert client.closed
    keys = [count for _, count in client.beats]
    assert keys[-1] > keys[0]


async def test_what_is_no_command_is_stop_while_the_motor_may_turn() -> None:
    lines = Lines()
    lines.client.show(scenes.needling())
    said = await lines.say("foo")
    assert said == ["STOP: foo is no command, and the motor may turn."]
    assert lines.client.stops == ["line"]
    lines.client.show(scenes.IDLE)
    assert await lines.say("foo") == ["Not known: foo. help lists the commands."]
    assert lines.client.stops == ["line"]


async def test_pens_are_changed_at_rest_only() -> None:
    lines = Lines()
    lines.dashboard._pens = [FoundPen("tcp://127.0.0.1:7001", "pen", "", "", True)]
    lines.client.show(scenes.needling())
    assert "only while the pen is confirmed still" in (await lines.say("open 1"))[0]
    assert not [method for method, _ in lines.client.requests if method == "pen.open"]


async def test_go_waits_for_needles_on_their_way_and_says_so() -> None:
    lines = Lines()
    gate = GateView(
        "arrived", False, "The needles are on their way: 0.49 mm measured, 1.25 mm set; wait.", waiting=True
    )
    lines.client.sheet = replace(scenes.start_sheet(), ok=False, gates=(*scenes.GATES, gate))
    asked = asyncio.ensure_future(lines.say("go"))
    await asyncio.sleep(0.3)
    assert lines.said == [gate.text]
    lines.client.sheet = scenes.start_sheet()
    assert any("yes within 10 seconds" in line for line in await asked)
    assert [name for name, _ in lines.client.requests if name == "run.start"] == []
