"""However a process ends or hangs, the pen stands still within its lease, and the record says what was."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from devicectl.records.lock import station_of
from devicectl.station.idle import IDLE_END_S

from .harness import AT_WORST_S, LEASE_S, LONG_S, Pen, Place, Puppet, RawClient, Station, until


def state(pen: Pen) -> str:
    """The pen's state in the simulator's words."""
    return pen.console("state").split()[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_station_in_order(place: Place, number: signal.Signals) -> None:
    station, pen, client = place.trio()
    client.run(pen)
    time.sleep(0.3)
    at = station.signal(number)
    pen.off_within(at, LEASE_S)
    assert station.wait() == 0, station.words
    # STOPPED, not LEASE_EXPIRED: it was stopped, not left alone.
    assert state(pen) == "STOPPED"
    (stop,) = place.rows("select * from stops")
    assert number.name in stop["source"]
    (needled,) = place.rows("select * from passes")
    assert needled["end_reason"] == "stopped"
    assert needled["samples"] > 0
    (session,) = place.rows("select * from sessions")
    assert session["end_reason"] == "closed"
    (boot,) = place.rows("select * from boots")
    assert boot["ended_utc_us"] is not None
    assert not place.rows("select * from commands where outcome is null or outcome = 'unknown'")
    assert not place.paths.requests.exists()
    assert not place.paths.stop.exists()
    assert station_of(place.location) is None
    assert list(place.folder.glob("state/**/devicectl.log")), "a test writes into no file of the user's own"
    assert "start devicectl again" in client.wait_lost()
    place.sound()


def test_a_killed_client_is_a_stop_and_can_come_back(place: Place) -> None:
    _, pen, client = place.trio()
    session = client.view()["session"]["id"]
    client.run(pen, "MID")
    time.sleep(0.3)
    pen.off_within(client.kill(), AT_WORST_S)
    until(lambda: state(pen) == "STOPPED", "the pen is stopped by name")
    again = place.client("dashboard again")
    again.ready(pen)
    view = again.until(lambda v: v["session"]["zones"], "the pass is there")
    assert view["you_control"]
    assert view["session"]["id"] == session
    assert view["session"]["passes"] == 1
    assert [z["code"] for z in view["session"]["zones"]] == ["MID"]
    assert view["pen"]["latched"]
    assert view["run"] is None
    again.reset()
    again.run(pen, "VTX")
    time.sleep(0.2)
    assert again.ask("run.end")["outcome"] == "confirmed"
    again.until(lambda v: v["pen"]["motion"] == "still" and v["session"]["passes"] == 2, "the second pass")
    again.ask("session.close")
    rows = place.rows("select zone, end_reason from passes order by seq")
    assert [(r["zone"], r["end_reason"]) for r in rows] == [("MID", "stopped"), ("VTX", "ended")]
    (ended,) = place.rows("select end_reason from sessions")
    assert ended["end_reason"] == "closed"


def test_a_halted_client_loses_the_pen_and_does_not_get_it_back_by_waking_up(place: Place) -> None:
    _, pen, client = place.trio()
    client.run(pen)
    time.sleep(0.3)
    at = client.signal(signal.SIGSTOP)
    pen.off_within(at, AT_WORST_S)
    until(lambda: state(pen) == "STOPPED", "the pen is stopped by name")
    awake = client.signal(signal.SIGCONT)
    view = client.until(lambda v: v["pen"]["motion"] == "still", "the pen is still")
    assert view["pen"]["latched"]
    assert view["run"] is None
    assert any("does not answer" in a["text"] for a in view["alarms"])
    time.sleep(0.6)
    assert not pen.starts(awake, time.monotonic())
    (stop,) = place.rows("select source from stops")
    assert "does not answer" in stop["source"]


def test_a_halted_station_leaves_the_pen_to_its_lease_and_stop_goes_around_it(place: Place) -> None:
    station, pen, client = place.trio()
    client.run(pen)
    time.sleep(0.3)
    at = station.signal(signal.SIGSTOP)
    client.ask("stop_now", source="SPACE")
    pen.off_within(at, LEASE_S)
    until(lambda: state(pen) == "STOPPED", "STOP comes straight to the port")
    direct = until(lambda: client.ask("direct"), "the client knows that it stopped the pen itself")
    assert [(address, sent) for address, sent, _ in direct] == [(pen.address, True)]
    awake = station.signal(signal.SIGCONT)
    client.until(lambda v: v["pen"]["latched"] and v["pen"]["motion"] == "still", "the station knows")
    time.sleep(0.6)
    assert not pen.starts(awake, time.monotonic())
    client.reset()


def test_stop_from_the_command_line_goes_around_a_halted_station(place: Place) -> None:
    station, pen, client = place.trio()
    client.run(pen)
    at = station.signal(signal.SIGSTOP)
    done = subprocess.run(
        [sys.executable, "-m", "devicectl", "stop"],
        env=place.environment(),
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    pen.off_within(at, LEASE_S)
    assert done.returncode == 6, done
    assert pen.address in done.stdout + done.stderr
    assert state(pen) == "STOPPED"
    station.signal(signal.SIGCONT)


@pytest.mark.parametrize("byte", [b" ", b"9", b"\x00", b"\xff"])
def test_any_byte_on_the_stop_socket_is_stop(place: Place, byte: bytes) -> None:
    _, pen, client = place.trio()
    with RawClient(place.paths.stop) as line, RawClient(place.paths.stop):
        client.run(pen)
        at = time.monotonic()
        line.say(byte)
        assert line.socket.recv(1) == b"\x06"
        pen.off_within(at, LEASE_S)
        assert state(pen) == "STOPPED"
        client.until(lambda v: v["run"] is None and v["pen"]["latched"], "the client knows")
    source = {b" ": "SPACE", b"9": "F9"}.get(byte, "stop connection")
    assert until(lambda: place.rows("select source from stops"), "the stop is recorded") == [{"source": source}]


def test_an_unplugged_pen_is_lost_and_comes_back_still(place: Place) -> None:
    """The symbolic link stands for a name by which the system finds the device again."""
    station = place.station()
    port = place.folder / "pen"
    pen = place.pen(seed=5)
    port.symlink_to(pen.address.removeprefix("serial://"))
    address = f"serial://{port}"
    client = place.client()
    client.ask("pen.open", address=address, wait_s=20.0)
    client.until(lambda v: v["pen"]["motion"] == "still", "the pen is still")
    client.ask("session.open", purpose="bench", client=None)
    client.run(pen)
    time.sleep(1.3)
    pen.kill()
    view = client.until(lambda v: v["pen"]["link"] == "lost", "the link is lost")
    assert view["run"] is None
    view = client.until(lambda v: any(a["code"] == "link" and a["active"] for a in v["alarms"]), "an alarm")
    (alarm,) = [a for a in view["alarms"] if a["code"] == "link"]
    assert alarm["priority"] == "high"
    assert str(port) in alarm["text"]
    rows = until(lambda: place.rows("select * from passes where ended_utc_us is not null"), "the pass is closed")
    assert [r["end_reason"] for r in rows] == ["lost"]
    assert rows[0]["samples"] > 40
    back = place.pen(seed=5)
    port.unlink()
    port.symlink_to(back.address.removeprefix("serial://"))
    began = time.monotonic()
    view = client.until(lambda v: v["pen"]["link"] == "up" and v["pen"]["motion"] == "still", "it is connected again")
    assert view["pen"]["latched"]
    assert not back.starts(began, time.monotonic())
    client.reset()
    client.run(back)
    client.ask("run.end")
    client.until(lambda v: v["run"] is None and v["pen"]["motion"] == "still", "the second run is over")
    assert station.alive
    place.sound()


def test_a_network_pen_that_dies_or_hangs_is_lost_and_comes_back_still(place: Place) -> None:
    place.station()
    pen = place.pen("tcp", seed=6)
    port = int(pen.address.rpartition(":")[2])
    client = place.client()
    client.ready(pen)
    client.run(pen)
    time.sleep(0.3)
    pen.signal(signal.SIGSTOP)
    view = client.until(lambda v: v["run"] is None, "the station does not believe in a silent pen")
    assert view["pen"]["latched"]
    assert any(
        "no data" in a["text"] or "cannot be reached" in a["text"] or "not seen still" in a["text"]
        for a in view["alarms"]
    )
    awake = pen.signal(signal.SIGCONT)
    client.until(lambda v: v["pen"]["motion"] == "still", "the pen is heard again")
    pen.off_within(awake, 0.0)
    client.reset()
    client.run(pen)
    time.sleep(0.3)
    pen.kill()
    view = client.until(lambda v: v["pen"]["link"] == "lost", "the link is lost")
    assert view["run"] is None
    back = place.pen("tcp", seed=6, port=port)
    assert back.address == pen.address
    client.until(lambda v: v["pen"]["link"] == "up" and v["pen"]["motion"] == "still", "it is connected again")
    assert not back.drives()
    client.reset()
    client.run(back)
    time.sleep(0.3)
    assert client.ask("run.end")["outcome"] == "confirmed"
    client.until(lambda v: v["pen"]["motion"] == "still" and v["session"]["current"] is None, "the last pass is over")
    ends = "select end_reason from passes order by opened_boot_us, seq"
    until(lambda: all(row["end_reason"] for row in place.rows(ends)), "all passes are closed")
    assert [row["end_reason"] for row in place.rows(ends)][-2:] == ["lost", "ended"]


# -- the record


def test_a_locked_database_stops_the_pen_and_loses_nothing(place: Place) -> None:
    _, pen, client = place.trio()
    client.run(pen, "OCC")
    time.sleep(1.2)
    stranger = sqlite3.connect(place.database, isolation_level=None, timeout=10)
    try:
        stranger.execute("BEGIN IMMEDIATE")
        at = time.monotonic()
        # The next block is due within 1 s, waits 1 s for the lock, and at 2 s of silence the lease is not renewed.
        pen.off_within(at, LONG_S)
        view = client.until(lambda v: any(a["code"] == "record" for a in v["alarms"]), "an alarm")
        (alarm,) = [a for a in view["alarms"] if a["code"] == "record"]
        assert alarm["priority"] == "high"
        assert "nother program is writing" in alarm["text"]
        assert not view["record_ok"]
        time.sleep(2.5)
        stranger.execute("ROLLBACK")
    finally:
        stranger.close()
    client.until(lambda v: v["record_ok"], "the record is well again")
    rows = until(lambda: place.rows("select * from passes where ended_utc_us is not null"), "the pass is closed")
    assert [(r["zone"], r["end_reason"]) for r in rows] == [("OCC", "stopped")]
    assert rows[0]["samples"] > 60
    assert rows[0]["lost_samples"] == 0
    client.reset()
    client.run(pen, "MID")
    time.sleep(0.3)
    assert client.ask("run.end")["outcome"] == "confirmed"
    client.until(lambda v: v["session"]["passes"] == 2 and v["pen"]["motion"] == "still", "the second pass")
    client.ask("session.close")
    place.sound()


def test_a_full_disk_stops_the_pen_and_loses_nothing_acknowledged(place: Place) -> None:
    import resource

    first = place.station()
    first.signal(signal.SIGTERM)
    assert first.wait() == 0
    limit = place.database.stat().st_size + 150_000

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    station = place.station(measured=False, preexec_fn=full)
    pen, client = place.pen(), place.client()
    client.ready(pen)
    session = client.view()["session"]["id"]
    client.ask("note", digits="1")
    client.run(pen, "FHL")
    notes, refusal = 1, ""
    for number in range(2, 400):
        answer = client.answer(client.send("note", digits=str(number)))
        if "error" in answer:
            refusal = answer["error"]
            break
        notes += 1
    at = time.monotonic()
    assert "disk" in refusal
    pen.off_within(at, LEASE_S)
    view = client.until(lambda v: any(a["code"] == "record" for a in v["alarms"]), "an alarm")
    assert not view["record_ok"]
    answer = client.answer(client.send("run.preview"))
    refused = answer.get("error") or " ".join(g["text"] for g in answer["result"]["gates"] if not g["passed"])
    assert "record" in refused.lower()
    station.signal(signal.SIGTERM)
    station.wait()
    again = place.station()
    (kept,) = place.rows("select count(*) as n from events where code = 'note'")
    assert kept["n"] == notes
    (row,) = place.rows("select end_reason from sessions")
    assert row["end_reason"] in ("closed", "interrupted"), session
    (needled,) = place.rows("select zone, end_reason from passes")
    assert needled["zone"] == "FHL"
    assert needled["end_reason"] is not None
    place.sound()
    again.signal(signal.SIGTERM)
    assert again.wait() == 0


def stopped_by_a_full_disk(place: Place) -> tuple[Station, Puppet]:
    """A station that was started on demand, whose record takes no more since a pen was running."""
    import resource

    first = place.station()
    first.signal(signal.SIGTERM)
    assert first.wait() == 0
    limit = place.database.stat().st_size + 150_000

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    station = place.station("--on-demand", measured=False, preexec_fn=full)
    pen, client = place.pen(), place.client()
    client.ready(pen)
    client.run(pen, "FHL")
    for number in range(400):
        if "error" in client.answer(client.send("note", digits=str(number))):
            break
    client.until(lambda v: v["pen"]["latched"] and v["pen"]["motion"] == "still", "the pen is stopped")
    return station, client


def test_the_stop_of_a_full_disk_reaches_the_record_by_the_next_station(place: Place) -> None:
    station, client = stopped_by_a_full_disk(place)
    session = client.view()["session"]["id"].replace("-", "")
    pressed = time.time()
    client.ask("pen.close")
    client.kill()
    station.signal(signal.SIGTERM)
    station.wait()
    assert not place.rows("select * from stops")
    place.station()
    (late,) = until(lambda: place.rows("select * from events where code = 'written-late'"), "it is written late")
    (stop,) = place.rows("select * from stops")
    assert stop["source"] == "record failed"
    assert stop["at_utc_us"] / 1e6 <= pressed
    assert stop["still"] == 1
    (alarm,) = place.rows("select * from alarms where code = 'record'")
    assert {row["session_id"].hex() for row in (late, stop, alarm)} == {session}
    (text,) = [row["text"] for row in place.rows("select text from events where code = 'session_interrupted'")]
    assert "could not write any more" in text
    until(lambda: not list(place.runtime.glob("unwritten-*")), "the file is used up")
    place.sound()


def test_an_on_demand_station_stays_for_what_it_could_not_write(place: Place) -> None:
    station = place.station("--on-demand", measured=False)
    pen, client = place.pen(), place.client()
    client.ready(pen)
    client.run(pen)
    stranger = sqlite3.connect(place.database, isolation_level=None, timeout=10)
    try:
        stranger.execute("BEGIN IMMEDIATE")
        client.until(lambda v: v["pen"]["latched"] and v["pen"]["motion"] == "still", "the pen is stopped")
        client.ask("pen.close")
        client.kill()
        time.sleep(IDLE_END_S + 1.5)
        assert station.alive, station.words
        stranger.execute("ROLLBACK")
    finally:
        stranger.close()
    (stop,) = until(lambda: place.rows("select source from stops"), "the stop is written")
    assert stop["source"] in ("record failed", "the record is silent")
    assert until(lambda: place.rows("select * from alarms where priority = 'high'"), "the alarm is written")
    assert station.wait() == 0, station.words
    (session,) = place.rows("select end_reason from sessions")
    assert session["end_reason"] == "closed"
    assert not list(place.runtime.glob("unwritten-*"))
    place.sound()


def test_a_full_disk_at_the_start_is_one_sentence(place: Place) -> None:
    import resource

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    station = place.station_that_ends(measured=False, preexec_fn=full)
    assert station.wait() != 0
    assert one_sentence(station)
    assert "disk" in station.words


def one_sentence(station: Station) -> str:
    """The last line on standard error, which must be a sentence for people and no traceback."""
    assert "Traceback" not in station.words, station.words
    last = station.words.strip().splitlines()[-1]
    assert last.startswith("devicectl: ")
    return last
