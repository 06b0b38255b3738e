"""STOP after the station was killed or while it hangs: who is asked, what is written to which port, what is recorded."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from devicectl.cli.stop import _watch as watch

from .harness import LONG_S, Pen, Place, Puppet, RawClient, Station, until

DIRECT = "select * from events where code = 'stop-direct'"


def state(pen: Pen) -> str:
    """The pen's state in the simulator's words."""
    return pen.console("state").split()[0]


class Stopped:
    """``devicectl stop`` as a person would run it."""

    def __init__(self, place: Place, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "devicectl", "stop", *arguments, "--json"],
            env=place.environment(),
            capture_output=True,
            text=True,
            timeout=LONG_S,
            check=False,
        )
        self.code, self.error = done.returncode, done.stderr
        self.pens: list[dict[str, Any]] = json.loads(done.stdout)["pens"]

    @property
    def pen(self) -> dict[str, Any]:
        """The only pen."""
        (one,) = self.pens
        return one


def runaway(place: Place, kind: str = "pty") -> tuple[Station, Pen, Puppet]:
    """A pen that runs and whose own lease will not end it."""
    station = place.station()
    pen, client = place.pen(kind), place.client()
    client.ready(pen)
    client.run(pen)
    pen.console("fault run_away")
    return station, pen, client


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("kind", ["pty", "tcp"])
def test_the_port_of_a_killed_station_gets_stop(place: Place, kind: str, named: bool) -> None:
    station, pen, client = runaway(place, kind)
    serial = client.view()["pen"]["serial"]
    session = client.view()["session"]["id"]
    station.kill()
    client.wait_lost()
    client.kill()
    time.sleep(1.0)
    assert state(pen) != "STOPPED"
    stop = Stopped(place, *([pen.address] if named else []))
    assert stop.code == 6, stop.error
    assert (stop.pen["address"], stop.pen["way"], stop.pen["holder"]) == (pen.address, "port", "gone")
    assert f"(pen {serial}): the devicectl station (process {station.pid}) that held it is gone" in stop.pen["text"]
    assert "STOP was written straight to the port" in stop.pen["text"]
    until(lambda: state(pen) == "STOPPED", "the pen is stopped by name")
    # Whoever presses again, because the motor still turns, must not hear that there is nothing to stop.
    assert Stopped(place).pen["way"] == "port"
    pressed = time.time()
    place.station()
    (row, _) = until(lambda: len(found := place.rows(DIRECT)) == 2 and found, "the next station has recorded it")
    assert "STOP (command line) was written straight to" in row["text"]
    assert "no station held it any more" in row["text"]
    assert row["session_id"].hex() == session.replace("-", "")
    assert row["pen_id"] is not None
    assert row["at_utc_us"] / 1e6 < pressed
    until(lambda: not list(place.runtime.glob("stopped-*")), "the notes are used up")


def test_a_dashboard_stops_the_pen_of_its_killed_station(place: Place) -> None:
    station, pen, client = runaway(place)
    station.kill()
    client.wait_lost()
    client.ask("stop_now", source="SPACE")
    until(lambda: state(pen) == "STOPPED", "the pen is stopped by name")
    ((address, sent, text),) = until(lambda: client.ask("direct"), "the client knows")
    assert (address, sent) == (pen.address, True)
    assert "is gone; STOP was written straight to the port" in text
    until(lambda: client.ask("direct") and client.direct, "its screen is told")
    assert client.direct == f"STOP was written straight to {pen.address}; look whether the pen stands still."
    place.station()
    (row,) = until(lambda: place.rows(DIRECT), "the next station has recorded it")
    assert row["text"].startswith("STOP (SPACE)")


def test_a_new_dashboard_stops_what_the_killed_station_left_before_it_has_opened_anything(place: Place) -> None:
    station, pen, client = runaway(place)
    station.kill()
    client.kill()
    place.station()
    again = place.client("dashboard again")
    assert again.ask("pens.list") == []
    again.ask("stop_now", source="SPACE")
    until(lambda: state(pen) == "STOPPED", "the pen is stopped by name")
    (row,) = until(lambda: place.rows(DIRECT), "it is recorded")
    assert row["text"].startswith("STOP (SPACE)")


def test_a_port_that_is_gone_is_said_once_and_cleaned(place: Place) -> None:
    # A TCP port: the number of a pseudo-terminal may be another program's the next moment.
    station, pen, _ = runaway(place, "tcp")
    station.kill()
    address = pen.address
    pen.kill()
    stop = Stopped(place)
    assert stop.code == 6
    assert stop.pen["address"] == address
    assert (stop.pen["reached"], stop.pen["still"], stop.pen["gone"]) == (False, None, True)
    assert "is gone; there is no such port any more, and nobody has seen the pen still" in stop.error
    assert Stopped(place).code == 3


def test_a_pty_number_that_went_to_somebody_else_gets_nothing(place: Place) -> None:
    station, pen, _ = runaway(place)
    station.kill()
    address = pen.address
    pen.kill()
    other = place.pen(seed=9)
    if other.address != address:
        pytest.skip("the system did not give the same number again")
    before = other.console("state")
    stop = Stopped(place)
    assert stop.code == 5
    assert "another device has that port's name by now and got nothing" in stop.error
    assert other.console("state").split()[0] == before.split()[0] != "STOPPED"
    assert Stopped(place).code == 3


def test_what_is_known_of_a_pen_that_was_let_go_right_after_stop_is_told(place: Place) -> None:
    station, pen, client = place.trio()
    client.run(pen)
    time.sleep(0.3)
    begun = time.monotonic()
    with RawClient(place.paths.stop) as line:
        line.say(b"L")
        assert line.socket.recv(1) == b"\x06"
    client.until(lambda v: v["pen"]["motion"] == "still", "the pen is still")
    client.ask("pen.close")
    closed = time.monotonic()
    told = watch(place.paths.requests, None, [], begun)
    assert [(one.address, one.still, one.way) for one in told] == [(pen.address, True, "station")]
    assert "stopped and still, " in told[0].text
    # Whoever presses later stopped nothing.
    assert watch(place.paths.requests, None, [], closed + 0.1) == []
    assert station.alive


def test_a_link_to_a_port_that_is_held_is_that_port(place: Place) -> None:
    _, pen, client = place.trio()
    link = place.folder / "by-id"
    link.symlink_to(pen.address.removeprefix("serial://"))
    other = place.client("info")
    assert not other.ask("pen.open", address=f"serial://{link}", wait_s=20.0)["you_control"]
    assert len(other.ask("pens.list")) == 1
    client.run(pen)
    stop = Stopped(place, f"serial://{link}")
    assert stop.code == 0, stop.error
    assert (stop.pen["way"], stop.pen["still"], stop.pen["holder"]) == ("station", True, "alive")


def test_a_link_to_a_port_whose_station_was_killed_is_that_port(place: Place) -> None:
    station, pen, _ = runaway(place)
    link = place.folder / "by-id"
    link.symlink_to(pen.address.removeprefix("serial://"))
    station.kill()
    stop = Stopped(place, f"serial://{link}")
    assert (stop.pen["way"], stop.pen["holder"]) == ("port", "gone"), stop.error
    until(lambda: state(pen) == "STOPPED", "the pen is stopped by name")


@pytest.mark.parametrize("named", [False, True])
def test_a_port_that_somebody_holds_again_is_that_holders_to_stop(place: Place, named: bool) -> None:
    station, pen, client = runaway(place)
    station.kill()
    client.kill()
    pen.console("clear")
    later = place.beside("other")
    second = later.station()
    again = later.client("second")
    again.ready(pen)
    again.reset()
    again.run(pen)
    stop = Stopped(place, *([pen.address] if named else []))
    assert stop.code == 0, stop.error
    assert (stop.pen["way"], stop.pen["still"], stop.pen["holder"]) == ("station", True, "alive")
    (row,) = until(lambda: later.rows("select source from stops"), "the stop is recorded")
    assert "command line" in row["source"]
    assert second.alive
    assert not list(place.runtime.glob("stopped-*"))


def test_the_fallback_of_one_station_asks_the_other(place: Place) -> None:
    station, pen, client = place.trio()
    beside = place.beside("other")
    beside.station()
    second, other = beside.pen(seed=2), beside.client()
    other.ready(second)
    other.run(second)
    client.run(pen)
    station.signal(signal.SIGSTOP)
    client.ask("stop_now", source="F9")
    until(lambda: state(pen) == "STOPPED" and state(second) == "STOPPED", "both pens are stopped")
    direct = until(lambda: client.ask("direct"), "the client knows")
    assert [address for address, _, _ in direct] == [pen.address]
    (row,) = until(lambda: beside.rows("select source from stops"), "the other station has stopped its own pen")
    assert row["source"] == "F9"
    station.signal(signal.SIGCONT)


def test_what_a_hung_station_reads_late_is_called_late_and_the_direct_stop_has_its_own_time(place: Place) -> None:
    station, pen, client = place.trio()
    session = client.view()["session"]["id"].replace("-", "")
    client.run(pen)
    station.signal(signal.SIGSTOP)
    time.sleep(0.2)
    began = time.time()
    client.ask("stop_now", source="SPACE")
    until(lambda: state(pen) == "STOPPED", "STOP comes straight to the port")
    until(lambda: client.ask("direct"), "the client knows that it stopped the pen itself")
    told = time.time()
    time.sleep(1.5)
    awake = time.time()
    station.signal(signal.SIGCONT)
    (late,) = until(lambda: place.rows("select * from events where code = 'stop-read-late'"), "it is called late")
    (stop,) = until(lambda: place.rows("select * from stops where source = 'SPACE'"), "the stop is recorded")
    (direct,) = until(lambda: place.rows(DIRECT), "the direct stop is recorded")
    assert stop["at_utc_us"] / 1e6 >= awake
    not_run_s = json.loads(late["data"])["not_run_ms"] / 1000
    # The press lies within the time that the record names.
    assert late["at_utc_us"] / 1e6 - not_run_s <= began
    assert "had not run for" in late["text"]
    assert began <= direct["at_utc_us"] / 1e6 <= told
    assert "the station did not answer for it" in direct["text"]
    assert {row["session_id"].hex() for row in (late, direct, stop)} == {session}
    assert place.rows("select * from events where code = 'stood-still'")
    client.until(lambda v: any("straight to" in line["text"] for line in v["log"]), "the session log has it")
    shown = subprocess.run(
        [sys.executable, "-m", "devicectl", "sessions", "show", "last"],
        env=place.environment(),
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=True,
    ).stdout
    assert late["text"] in shown
    assert direct["text"] in shown


def test_a_stop_on_a_new_connection_to_a_hung_station_is_called_late_too(place: Place) -> None:
    station, pen, client = place.trio()
    client.run(pen)
    station.signal(signal.SIGSTOP)
    stop = Stopped(place)
    assert stop.pen["way"] == "port"
    station.signal(signal.SIGCONT)
    until(lambda: place.rows("select * from stops where source = 'command line'"), "the stop is recorded")
    (late,) = until(lambda: place.rows("select * from events where code = 'stop-read-late'"), "it is called late")
    assert late["text"].startswith("STOP (command line) was read after the station had not run for")


@pytest.mark.parametrize("pressed", [True, False])
def test_a_station_that_stood_still_blames_itself(place: Place, pressed: bool) -> None:
    station, pen, client = place.trio()
    client.run(pen)
    time.sleep(0.3)
    station.signal(signal.SIGSTOP)
    if pressed:
        assert Stopped(place).pen["way"] == "port"
    # What the screen says meanwhile must not be waiting to be read: only then nothing of it is heard at the waking.
    client.signal(signal.SIGSTOP)
    time.sleep(1.5)
    station.signal(signal.SIGCONT)
    until(lambda: place.rows("select * from events where code = 'stood-still'"), "the standstill is recorded")
    client.signal(signal.SIGCONT)
    client.until(lambda v: v["pen"]["latched"] and v["pen"]["motion"] == "still", "the station knows")
    if pressed:
        until(lambda: place.rows(DIRECT), "the direct stop is recorded")
    time.sleep(0.5)
    client.ask("session.close")
    alarms = [row["text"] for row in place.rows("select text from alarms")]
    sources = [row["source"] for row in place.rows("select source from stops")]
    told = [*alarms, *sources, *(line["text"] for line in client.view()["log"])]
    assert not [text for text in told if "does not answer" in text and "straight to" not in text]
    assert not [text for text in told if "says nothing" in text or "no data from the pen" in text]
    if not pressed:
        assert [text for text in told if "the station did not run for" in text]


def test_a_stop_that_is_read_in_time_is_not_called_late(place: Place) -> None:
    _, pen, client = place.trio()
    client.run(pen)
    client.ask("stop_now", source="SPACE")
    until(lambda: state(pen) == "STOPPED", "the pen is stopped")
    client.until(lambda v: v["pen"]["motion"] == "still", "the pen is still")
    client.ask("session.close")
    rows = place.rows("select code, data from events where code in ('stop-read-late', 'stood-still', 'stop-direct')")
    stood = [row for row in rows if row["code"] == "stood-still"]
    # A machine that really stood still may say so; nothing else may.
    assert stood or not rows
