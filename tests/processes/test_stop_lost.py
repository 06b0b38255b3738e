"""STOP of pens whose link is lost: who has the port's name by now, pens that come back elsewhere, pens that never do."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import time
import tty
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from drivers.penlink.frame import STOP

from .harness import Pen, Place, Puppet, Station, until
from .test_stop_ways import DIRECT, Stopped, runaway, state

ANOTHER = "another device has that port's name by now and got nothing"


class Stranger:
    """Somebody else's terminal, and what was written to it."""

    def __init__(self, path: str | None = None) -> None:
        self._spare: list[int] = []
        while True:
            self.master, self.slave = os.openpty()
            self.path = os.ttyname(self.slave)
            if path in (None, self.path):
                break
            self._spare += [self.master, self.slave]
            assert len(self._spare) < 200, f"{path} is not given again"
        tty.setraw(self.slave)

    def heard(self) -> bytes:
        out = b""
        while select.select([self.master], [], [], 0.3)[0]:
            out += os.read(self.master, 4096)
        return out

    def close(self) -> None:
        for fd in (self.master, self.slave, *self._spare):
            os.close(fd)


class Desk:
    """A link to a simulated pen's terminal, as in ``/dev/serial/by-id``, and a client that has opened it."""

    def __init__(self, place: Place, *, linked: bool) -> None:
        self.place = place
        self.station: Station = place.station()
        self.pen: Pen = place.pen()
        self.client: Puppet = place.client()
        self.link = place.folder / "by-id"
        self.linked = linked
        self.point(self.pen.address.removeprefix("serial://"))
        self.address = f"serial://{self.link}" if linked else self.pen.address
        self.client.ready(SimpleNamespace(address=self.address))  # type: ignore[arg-type]
        self.strangers: list[Stranger] = []

    def point(self, path: str) -> None:
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(path)

    def lost(self) -> None:
        """The pen is gone, and the station knows it."""
        self.pen.kill()
        self.client.until(lambda v: v["pen"]["link"] == "lost", "the link is lost")

    def taken(self) -> Stranger:
        """The pen is gone, and somebody else's terminal has its port's name."""
        self.lost()
        path = self.pen.address.removeprefix("serial://")
        stranger = Stranger() if self.linked else Stranger(path)
        self.strangers.append(stranger)
        self.point(stranger.path)
        return stranger


@pytest.fixture(params=[True, False], ids=["link", "number"])
def desk(place: Place, request: pytest.FixtureRequest) -> Iterator[Desk]:
    made = Desk(place, linked=request.param)
    yield made
    for stranger in made.strangers:
        stranger.close()


def sessions(place: Place) -> list[dict[str, Any]]:
    return place.rows("select end_reason from sessions order by opened_utc_us")


# -- the port's name is somebody else's


@pytest.mark.parametrize("named", [False, True])
def test_stop_of_a_lost_pen_goes_to_nobody_elses_terminal(desk: Desk, named: bool) -> None:
    stranger = desk.taken()
    stop = Stopped(desk.place, *([desk.address] if named else []))
    assert stop.code == 5
    assert (stop.pen["address"], stop.pen["reached"], stop.pen["way"]) == (desk.address, False, "none")
    assert ANOTHER in stop.error
    assert "the pen could not be reached; use the pen's own switch" in stop.error
    # Nor is it asked who it is.
    time.sleep(1.0)
    assert stranger.heard() == b""


def test_the_fallback_of_a_dashboard_goes_to_nobody_elses_terminal(desk: Desk) -> None:
    stranger = desk.taken()
    desk.client.ask("stop_now", source="SPACE")
    ((address, sent, text),) = until(lambda: desk.client.ask("direct"), "the client knows")
    assert (address, sent) == (desk.address, False)
    assert ANOTHER in text
    until(lambda: desk.client.ask("direct") and desk.client.direct, "its screen is told")
    assert desk.client.direct == f"STOP not delivered, use the pen's own switch: {desk.address}."
    (row,) = until(lambda: desk.place.rows(DIRECT), "it is recorded")
    assert "could not be written straight to" in row["text"]
    assert stranger.heard() == b""


def test_a_hung_station_whose_pens_name_was_taken(desk: Desk) -> None:
    stranger = desk.taken()
    desk.station.signal(signal.SIGSTOP)
    stop = Stopped(desk.place)
    desk.station.signal(signal.SIGCONT)
    assert stop.code == 5
    assert ANOTHER in stop.error
    assert stranger.heard() == b""


def test_a_station_that_was_killed_after_its_pens_name_was_taken(desk: Desk) -> None:
    stranger = desk.taken()
    desk.station.kill()
    stop = Stopped(desk.place)
    assert stop.code == 5
    assert (stop.pen["reached"], stop.pen["holder"]) == (False, "gone")
    assert ANOTHER in stop.error
    # A later station finds nothing that it should stop there.
    desk.place.station()
    later = desk.place.client("later")
    later.ask("stop_now", source="SPACE")
    assert Stopped(desk.place).code == 3
    assert stranger.heard() == b""


def test_a_pen_that_is_plugged_in_again_between_two_presses(place: Place) -> None:
    """Each time that a pen is heard its port is noted: a direct STOP is compared with where it was heard last."""
    desk = Desk(place, linked=True)
    desk.lost()
    desk.link.unlink()
    assert Stopped(place).code == 6
    again = place.pen()
    desk.point(again.address.removeprefix("serial://"))
    desk.client.until(lambda v: v["pen"]["link"] == "up", "the pen is back")
    until(lambda: state(again) == "STOPPED", "the STOP that was not confirmed is sent")
    # On a busy machine the station may not answer in time, and then nobody has seen the pen still.
    until(lambda: Stopped(place).code == 0, "STOP goes through the station")
    desk.client.reset()
    desk.station.signal(signal.SIGSTOP)
    stop = Stopped(place)
    assert (stop.code, stop.pen["way"], stop.pen["still"]) == (6, "port", None)
    until(lambda: state(again) == "STOPPED", "STOP is written to the port where it is now")
    desk.station.signal(signal.SIGCONT)


# -- the port is gone


@pytest.mark.parametrize("kind", ["link", "tcp"])
def test_a_pen_whose_port_is_gone_is_not_called_out_of_reach(place: Place, kind: str) -> None:
    # Not by the number of a pseudo-terminal, which may be another program's the next moment.
    if kind == "link":
        desk = Desk(place, linked=True)
        address = desk.address
        desk.lost()
        desk.link.unlink()
    else:
        place.station()
        pen, client = place.pen("tcp"), place.client()
        client.ready(pen)
        address = pen.address
        pen.kill()
        client.until(lambda v: v["pen"]["link"] == "lost", "the link is lost")
    for arguments in ((), (address,)):
        stop = Stopped(place, *arguments)
        assert stop.code == 6
        assert (stop.pen["reached"], stop.pen["still"], stop.pen["gone"]) == (False, None, True)
        assert "there is no such port any more, and nobody has seen the pen still" in stop.error


@pytest.mark.slow
@pytest.mark.parametrize("pressed", [False, True])
def test_a_lost_pen_at_which_nobody_looks_is_let_go(place: Place, pressed: bool) -> None:
    station = place.station()
    pen, client = place.pen("tcp"), place.client()
    client.ready(pen)
    pen.kill()
    client.until(lambda v: v["pen"]["link"] == "lost", "the link is lost")
    if pressed:
        assert Stopped(place).code == 6
    client.kill()
    other = place.client("other")
    (gone,) = other.ask("pens.list")
    assert gone["link"] == "lost"
    until(lambda: other.ask("pens.list") == [], "the station lets go of it", 50.0, 0.2)
    until(lambda: sessions(place) == [{"end_reason": "interrupted"}], "its session is closed")
    (event,) = place.rows("select text from events where code = 'session-abandoned'")
    assert event["text"] == "The link was lost, and nobody has looked at this pen for 30 s."
    if pressed:
        # That STOP was never confirmed, so it is not forgotten before its port is known to be gone.
        files = list(place.runtime.glob("port-*.lock"))
        until(lambda: any('"let_go": true' in file.read_text() for file in files), "its port is left behind")
        stop = Stopped(place)
        assert stop.code == 6
        assert "let go of it while its link was lost; there is no such port any more" in stop.error
    before = place.rows("select count(*) as n from stops")
    assert Stopped(place).code == 3
    assert place.rows("select count(*) as n from stops") == before
    assert station.alive


# -- the pen is at another address


def test_a_lost_pen_that_comes_back_at_another_address_moves_there(place: Place) -> None:
    _, pen, client = place.trio()
    pen.kill()
    client.until(lambda v: v["pen"]["link"] == "lost", "the link is lost")
    again = place.pen("tcp")
    opened = client.ask("pen.open", address=again.address, wait_s=20.0)
    assert opened["you_control"]
    assert opened["moved_from"] == pen.address
    client.until(lambda v: v["pen"]["address"] == again.address, "the pen is open there")
    until(lambda: len(client.ask("pens.list")) == 1, "the old desk is closed")
    assert any("came back at" in line["text"] for line in client.view()["log"])
    until(lambda: sessions(place) == [{"end_reason": "interrupted"}], "the old session is closed")
    client.ready(again)
    client.run(again)
    until(lambda: Stopped(place).code == 0, "STOP goes through the station")
    assert state(again) == "STOPPED"


def test_a_lost_pen_that_somebody_else_controls_stays_theirs(place: Place) -> None:
    _, pen, client = place.trio()
    other = place.client("second screen")
    pen.kill()
    client.until(lambda v: v["pen"]["link"] == "lost", "the link is lost")
    again = place.pen("tcp")
    why = other.refusal("pen.open", address=again.address, wait_s=20.0)
    assert f"was lost at {pen.address}, and dashboard still has control of it there; close the pen there" in why
    assert sessions(place) == [{"end_reason": None}]
    client.ask("pen.close")
    assert other.ask("pen.open", address=again.address, wait_s=20.0)["you_control"]


def test_a_pen_at_two_addresses_is_opened_at_one(place: Place) -> None:
    _, pen, client = place.trio()
    twin = place.pen("tcp")
    why = client.refusal("pen.open", address=twin.address, wait_s=20.0)
    assert f"is open at {pen.address}; use that" in why
    assert client.view()["pen"]["link"] == "up"


# -- STOP that only the pen knows of


def press_at_the_pen(pen: Pen) -> None:
    host, _, port = pen.address.removeprefix("tcp://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as line:
        line.sendall(STOP)
        until(lambda: state(pen) == "STOPPED", "the pen is stopped")


def test_a_stop_that_only_the_pen_knows_of_is_recorded(place: Place) -> None:
    place.station()
    pen, client = place.pen("tcp"), place.client()
    client.ready(pen)
    for count in (1, 2):
        client.run(pen)
        press_at_the_pen(pen)
        rows = until(
            lambda n=count: (
                len(found := place.rows("select * from events where code = 'stop-elsewhere'")) == n and found
            ),
            "it is recorded",
        )
        assert rows[-1]["text"] == "The pen was stopped at the pen or by another connection, not by this station."
        assert rows[-1]["session_id"] is not None
        client.until(lambda v: any("by another connection" in line["text"] for line in v["log"]), "the log has it")
        client.reset()
    client.run(pen)
    client.ask("stop_now", source="SPACE")
    client.until(lambda v: v["pen"]["motion"] == "still" and v["pen"]["latched"], "our own STOP")
    client.reset()
    client.ask("session.close")
    assert len(place.rows("select * from events where code = 'stop-elsewhere'")) == 2


# -- one press, one entry


@pytest.mark.parametrize("by", ["command line", "dashboard", "dashboard with a lost pen"])
def test_one_press_is_one_event(place: Place, by: str) -> None:
    station, pen, client = runaway(place)
    station.kill()
    client.kill()
    place.station()
    if by == "command line":
        assert Stopped(place).pen["way"] == "port"
    else:
        again = place.client("again")
        if by != "dashboard":
            other = place.pen(seed=2)
            again.ready(other)
            other.kill()
            again.until(lambda v: v["pen"]["link"] == "lost", "the link is lost")
        again.ask("stop_now", source="SPACE")
    until(lambda: state(pen) == "STOPPED", "the pen is stopped")
    until(lambda: place.rows(DIRECT), "it is recorded")
    until(lambda: not list(place.runtime.glob("stopped-*")), "the notes are used up")
    time.sleep(1.5)
    rows = [json.loads(row["data"]) for row in place.rows(DIRECT)]
    assert [row["sent"] for row in rows if row["address"] == pen.address] == [True]
