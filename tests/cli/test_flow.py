"""From a simulated pen to its record and back, by commands alone."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pexpect
import pytest

from devicectl.station.idle import IDLE_END_S

from .conftest import LONG_S, House, Simulator, read_until

Until = Callable[[Callable[[], object], str], None]
RUN = ("--zone", "VTX", "--depth", "1.0", "--rate", "100")


@pytest.fixture(scope="module")
def pen(shared_house: House) -> Simulator:
    return shared_house.simulate("pty", "--seed", "3")


def test_the_first_line_is_the_address(pen: Simulator) -> None:
    assert pen.address.startswith("serial:///dev/")


def test_scan_finds_it(shared_house: House, pen: Simulator) -> None:
    result = shared_house.run("scan", "--json")
    assert result.code == 0
    assert [row["address"] for row in result.json if row["simulated"]] == [pen.address]
    explained = shared_house.run("scan", "--explain")
    assert f"pen  {pen.address}" in explained.out
    assert "announced by process" in explained.out


def test_info(shared_house: House, pen: Simulator) -> None:
    result = shared_house.run("info", pen.address, "--json")
    assert result.code == 0
    assert result.json["pen"]["simulated"] is True
    assert result.json["pen"]["motion"] == "still"
    assert result.json["pen"]["limits"]["depth_max_um"] == 2500
    assert result.json["pen"]["limits"]["depth_soft_um"] == 1500
    text = shared_house.run("info", pen.address)
    assert "SIMULATED" in text.out
    assert "battery" in text.out


def test_indicate_shows_which_pen_it_is(shared_house: House, pen: Simulator) -> None:
    result = shared_house.run("indicate", pen.address)
    assert result.code == 0, result.err
    assert "shows itself" in result.out
    assert pen.state.endswith("INDICATING")
    assert pen.rate_hz == 0


def test_run_records_a_pass(shared_house: House, pen: Simulator) -> None:
    result = shared_house.run("run", pen.address, *RUN, "--seconds", "2", "--json")
    assert result.code == 0, result.err
    (done,) = result.json["passes"]
    assert (done["zone"], done["depth_set_um"], done["rate_set_mhz"]) == ("VTX", 1000, 100_000)
    assert done["end_reason"] == "ended"
    assert 1_500 < done["duration_ms"] < 6_000
    # 100 Hz, less the time it takes to come up to speed and to run down
    assert 0.6 * done["duration_ms"] / 10 < done["strokes"] <= 1.05 * done["duration_ms"] / 10
    assert done["contact_ms"] <= done["duration_ms"]
    assert result.json["origin"] == "simulated"
    assert "not a cleared medical device" in result.json["disclaimer"]
    assert pen.rate_hz == 0
    listed = shared_house.run("sessions", "list", "--json").json[0]
    assert listed["id"] == result.json["session"]
    assert (listed["purpose"], listed["origin"], listed["end_reason"]) == ("bench", "simulated", "closed")
    shown = shared_house.run("sessions", "show", "last", "--json").json
    assert (shown["origin"], shown["disclaimer"]) == ("simulated", result.json["disclaimer"])
    assert [one["strokes"] for one in shown["passes"]] == [done["strokes"]]
    assert [one["action"] for one in shown["commands"]][-1] == "end"
    text = shared_house.run("sessions", "show", result.json["session"][-8:])
    assert "SIMULATED" in text.out
    assert "VTX" in text.out


def test_a_limit_refuses_and_lowers_only_when_asked(shared_house: House, pen: Simulator) -> None:
    deep = ("--zone", "MID", "--depth", "1.9", "--rate", "100", "--seconds", "0.5")
    before = len(shared_house.run("sessions", "list", "--json").json)
    refused = shared_house.run("run", pen.address, *deep)
    assert refused.code == 1
    assert len(shared_house.run("sessions", "list", "--json").json) == before, (
        "nothing was done: there is no session of it"
    )
    assert "1.50 mm" in refused.sentence
    assert "--lower" in refused.sentence
    lowered = shared_house.run("run", pen.address, *deep, "--lower", "--json")
    assert lowered.code == 0, lowered.err
    assert lowered.json["passes"][0]["depth_set_um"] == 1500
    assert "1.50 mm" in lowered.json["lowered"][0]


def test_stop_from_elsewhere_then_reset(shared_house: House, pen: Simulator, until: Until) -> None:
    running = shared_house.start("run", pen.address, *RUN, "--seconds", "60", "--json")
    until(lambda: pen.rate_hz > 80, "the motor")
    second = shared_house.run("run", pen.address, *RUN, "--seconds", "1")
    assert second.code == 1
    assert "holds control of this pen" in second.sentence
    stopped = shared_house.run("stop", "--json")
    assert stopped.code == 0, stopped.err
    (one,) = stopped.json["pens"]
    assert (one["address"], one["reached"], one["way"]) == (pen.address, True, "station")
    # None when the stopped program let go of the pen before anybody could look; the pen itself is asked below.
    assert one["still"] is not False
    assert pen.state.startswith("STOPPED 0.0 Hz")
    result = shared_house.finish(running)
    assert result.code == 1
    assert result.json["error"]["code"] == "stopped"
    assert result.json["passes"][0]["end_reason"] == "stopped"
    detail = shared_house.run("sessions", "show", "last", "--json").json
    assert detail["stops"][0]["still"] is True
    assert "command line" in detail["stops"][0]["source"]
    latched = shared_house.run("run", pen.address, *RUN, "--seconds", "1", "--json")
    assert latched.code == 1
    assert f"devicectl reset {pen.address}" in latched.sentence
    assert latched.json["error"]["code"] == "gate-closed"
    reset = shared_house.run("reset", pen.address, "--json")
    assert (reset.code, reset.json["was_latched"], reset.json["state"]) == (0, True, "idle")
    assert pen.state.startswith("IDLE 0.0 Hz")
    assert "was not latched" in shared_house.run("reset", pen.address).out


def test_ctrl_c_is_stop(shared_house: House, pen: Simulator, until: Until) -> None:
    running = shared_house.start("run", pen.address, *RUN, "--seconds", "60")
    until(lambda: pen.rate_hz > 80, "the motor")
    running.send_signal(signal.SIGINT)
    result = shared_house.finish(running)
    assert result.code == 130
    assert "Ctrl+C" in result.sentence
    assert pen.state.startswith("STOPPED 0.0 Hz")
    assert "VTX" in result.out
    assert shared_house.run("reset", pen.address).code == 0


def test_a_killed_run_stops_the_pen(shared_house: House, pen: Simulator, until: Until) -> None:
    running = shared_house.start("run", pen.address, *RUN, "--seconds", "60")
    until(lambda: pen.rate_hz > 80, "the motor")
    running.kill()
    shared_house.finish(running)
    until(lambda: pen.rate_hz == 0, "a motor at rest")
    assert shared_house.run("reset", pen.address).code == 0
    again = shared_house.run("run", pen.address, *RUN, "--seconds", "0.5")
    assert again.code == 0, again.err
    assert "  SIMULATED" in again.out


def test_a_killed_dashboard_is_opened_again_on_its_session(house: House) -> None:
    house.hire()
    pen = house.simulate()
    talk = house.start("dashboard", "--plain", pen.address, stdin=subprocess.PIPE)
    assert talk.stdin is not None
    read_until(talk, "Line mode")
    talk.stdin.write("session treatment TRAIN-7\n")
    talk.stdin.flush()
    read_until(talk, "Session: treatment TRAIN-7")
    talk.kill()
    house.finish(talk)
    # Longer than a station waits for somebody when no session is open.
    time.sleep(IDLE_END_S + 1.5)
    again = house.start("dashboard", "--plain", stdin=subprocess.PIPE)
    assert "You hold control." in read_until(again, "Session: treatment TRAIN-7")
    again.kill()
    house.finish(again)
    screen = pexpect.spawn(
        sys.executable,
        ["-P", "-m", "devicectl"],
        env=house.env,
        dimensions=(24, 80),
        timeout=LONG_S,
        encoding="utf-8",
    )
    screen.expect("SIMULATED")
    screen.expect("Before you begin")
    screen.send("\r")
    screen.expect("TRAIN-7")
    screen.kill(signal.SIGKILL)
    screen.close()
    listed = house.run("scan")
    assert "this station; nobody has control" in listed.out
    (session,) = house.run("sessions", "list", "--json").json
    assert session["end_reason"] is None


def test_plain_mode_drives_too(shared_house: House, pen: Simulator, until: Until) -> None:
    talk = shared_house.start("dashboard", "--plain", pen.address, stdin=subprocess.PIPE)

    def say(*lines: str) -> None:
        assert talk.stdin is not None
        talk.stdin.write("".join(line + "\n" for line in lines))
        talk.stdin.flush()

    def hear(text: str) -> str:
        return read_until(talk, text)

    hear("Line mode")
    say("session bench", "zone OCC", "depth 0.5", "rate 5400")
    assert "SIMULATED" in hear("Session: bench")
    offered = False
    while not offered:
        # Gates such as the battery's open a moment after the link is up.
        say("go", "status")
        offered = "starts. Anything else" in hear(" battery ")
    say("go")
    hear("starts. Anything else")
    time.sleep(0.5)
    say("yes")
    until(lambda: pen.rate_hz > 50, "the motor")
    say("")
    until(lambda: pen.state.startswith("STOPPED 0.0"), "a stopped pen")
    hear("Motor still, STOPPED")
    say("reset", "session close")
    hear("No session.")
    result = shared_house.finish(talk, "quit\n")
    assert result.code == 0, result.err
    assert pen.state.startswith("IDLE")


def test_station_is_ended_on_request(shared_house: House, pen: Simulator) -> None:
    shared_house.run("info", pen.address)
    result = shared_house.run("station", "--end")
    assert result.code == 0
    assert "has ended" in result.out
    assert "No station runs" in shared_house.run("station", "--end").out


def test_a_depth_that_is_not_what_was_set_is_told(shared_house: House) -> None:
    wrong = shared_house.simulate("pty", "--fault", "lying_sensor=400", "--seed", "77")
    before = len(shared_house.run("sessions", "list", "--json").json)
    done = shared_house.run("run", wrong.address, "--zone", "VTX", "--depth", "1.0", "--rate", "100", "--seconds", "4")
    assert done.code == 1
    assert "1.40 mm measured, 1.00 mm set" in done.sentence
    assert wrong.rate_hz == 0
    assert len(shared_house.run("sessions", "list", "--json").json) == before
