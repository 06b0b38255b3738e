"""Several stations, several clients, strangers on the socket."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from devicectl.records.lock import station_of
from devicectl.station.params import REQUEST_MAX

from .harness import LEASE_S, Pen, Place, Puppet, RawClient, reachable, until
from .test_ends import one_sentence, state

UNSETTLED = "select * from commands where outcome is null or outcome = 'unknown'"

# -- stations


def test_a_second_station_on_the_database_is_refused(place: Place) -> None:
    first = place.station()
    second = place.station_that_ends()
    assert second.wait() == 4
    assert f"process {first.pid}" in one_sentence(second)
    assert first.alive
    assert reachable(place.paths)


def test_two_stations_do_not_share_a_port_or_a_pen(place: Place) -> None:
    _, pen, client = place.trio()
    other = place.beside("other")
    other.station()
    rival = other.client("rival")
    text = rival.refusal("pen.open", address=pen.address, wait_s=5.0)
    assert "held by the devicectl station" in text
    twin = place.pen("tcp", seed=1)
    text = rival.refusal("pen.open", address=twin.address, wait_s=5.0)
    assert "held by the devicectl station" in text
    alias = place.folder / "alias"
    alias.symlink_to(pen.address.removeprefix("serial://"))
    assert "held by" in rival.refusal("pen.open", address=f"serial://{alias}", wait_s=5.0)
    # Whoever tried, the first one goes on undisturbed.
    client.run(pen)
    assert client.ask("run.end")["outcome"] == "confirmed"
    free = place.pen(seed=9)
    assert rival.ask("pen.open", address=free.address, wait_s=20.0)["you_control"]


def test_files_are_for_this_user_only(place: Place) -> None:
    place.station(preexec_fn=lambda: os.umask(0))
    pen, client = place.pen(), place.client()
    client.ready(pen)

    def mode(path: object) -> int:
        return stat.S_IMODE(os.stat(str(path)).st_mode)

    assert mode(place.runtime) == 0o700
    assert mode(place.paths.requests) == mode(place.paths.stop) == 0o600
    assert mode(place.database.parent) == 0o700
    for file in (*place.runtime.glob("port-*"), *place.database.parent.iterdir()):
        assert mode(file) == (0o700 if file.is_dir() else 0o600), file


def test_a_runtime_directory_with_too_long_a_name_is_one_sentence(place: Place) -> None:
    place.runtime = place.folder / ("x" * 120)
    station = place.station_that_ends()
    assert station.wait() != 0
    assert "DEVICECTL_RUNTIME_DIR" in one_sentence(station)


ON_DEMAND = """
import asyncio
from devicectl.station.client import connect
async def main():
    client = await connect("visitor")
    print((await client.request("station.hello", client="visitor", version=1))["database"], flush=True)
    await asyncio.sleep(0.5)
    await client.close()
asyncio.run(main())
"""


def test_a_station_is_started_once_when_needed_and_ends_when_nobody_is_left(place: Place) -> None:
    def visit(_: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", ON_DEMAND],
            env=place.environment(measured=False),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    try:
        with ThreadPoolExecutor(3) as pool:
            visits = list(pool.map(visit, range(3)))
        assert [v.returncode for v in visits] == [0, 0, 0], visits
        assert len({v.stdout for v in visits}) == 1
        assert len(place.rows("select * from boots")) == 1
        until(lambda: station_of(place.location) is None, "it ends by itself")
        assert not place.paths.requests.exists()
        assert not place.paths.stop.exists()
        (boot,) = place.rows("select * from boots")
        assert boot["ended_utc_us"] is not None
    finally:
        held = station_of(place.location)
        if held is not None and isinstance(held.get("pid"), int):
            os.kill(held["pid"], signal.SIGKILL)


SLOW_STATION = """
import asyncio
from devicectl.station import runtime
serve = runtime.serve
async def late(*args, **more):
    print("it has the database", flush=True)
    await asyncio.sleep(3)
    await serve(*args, **more)
runtime.serve = late
asyncio.run(runtime.run_station(None, on_demand=True))
"""


def test_a_client_whose_station_lost_the_race_waits_for_the_one_that_won(place: Place) -> None:
    environment = place.environment(measured=False)
    winner = subprocess.Popen([sys.executable, "-c", SLOW_STATION], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert winner.stdout is not None
        assert winner.stdout.readline()
        done = subprocess.run(
            [sys.executable, "-c", ON_DEMAND], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        held = station_of(place.location)
        assert held is not None
        assert held["pid"] == winner.pid
    finally:
        winner.kill()
        winner.communicate()


# -- clients


def test_one_controls_the_others_observe_and_anyone_may_stop(place: Place) -> None:
    _, pen, client = place.trio()
    observer = place.client("observer")
    assert not observer.ask("pen.open", address=pen.address)["you_control"]
    for method, params in (
        ("zone.select", {"zone": "MID"}),
        ("setpoint", {"depth_um": 500}),
        ("run.preview", {}),
        ("run.start", {"ticket": "0"}),
        ("run.end", {}),
        ("pen.reset", {}),
        ("session.close", {}),
        ("pen.close", {}),
        ("control.release", {}),
    ):
        assert "dashboard holds control" in observer.refusal(method, **params), method
    client.run(pen)
    view = observer.until(lambda v: v["run"] is not None and v["pen"]["motion"] == "turning", "the observer sees it")
    assert (view["controller"], view["you_control"]) == ("dashboard", False)
    assert "not confirmed still" in observer.refusal("control.take")
    at = time.monotonic()
    assert observer.ask("pen.stop", source="SPACE")["sent"]
    pen.off_within(at, LEASE_S)
    client.until(lambda v: v["run"] is None and v["pen"]["latched"], "the controlling client knows")
    observer.until(lambda v: v["pen"]["motion"] == "still", "the pen is still")
    observer.ask("control.take")
    assert "observer holds control" in client.refusal("pen.reset")
    observer.reset()
    observer.run(pen)
    # One that has lost control is an observer like any other: its end stops nothing.
    client.kill()
    time.sleep(0.3)
    assert observer.view()["run"] is not None
    assert observer.ask("run.end")["outcome"] == "confirmed"
    (stop,) = place.rows("select source from stops")
    assert stop["source"] == "observer: SPACE"


def test_control_is_not_taken_while_a_start_is_on_its_way(place: Place) -> None:
    _, pen, client = place.trio()
    observer = place.client("observer")
    observer.ask("pen.open", address=pen.address)
    for _ in range(4):
        client.ask("zone.select", zone="VTX")
        client.until(lambda v: all(g["passed"] for g in v["gates"]), "the gates are open")
        sheet = client.ask("run.preview")
        time.sleep(sheet["not_before_s"] + 0.01)
        key = client.send("run.start", ticket=sheet["ticket"])
        taken = observer.answer(observer.send("control.take"))
        reply = client.answer(key)
        if "error" in taken:
            assert reply["result"]["outcome"] == "confirmed"
            assert client.ask("run.end")["outcome"] == "confirmed"
        else:
            # It was quicker than the start, which must then not happen.
            assert "holds control" in reply["error"]
            observer.ask("control.release")
            client.ask("control.take")
        client.until(lambda v: v["run"] is None and v["pen"]["motion"] == "still", "the pen is still")


def test_a_dead_client_leaves_no_command_open(place: Place) -> None:
    """Whatever the client had asked for is answered for in the record, though nobody waits any more."""
    _, pen, client = place.trio()
    watcher = place.client("watcher")
    watcher.ask("pen.open", address=pen.address)
    for number in range(6):
        client.send("setpoint", depth_um=500 + 100 * number)
        time.sleep(0.003 * number)
        client.kill()
        watcher.until(lambda v: v["controller"] is None and not v["pen"]["settling"], "the command is settled")
        until(lambda: not place.rows(UNSETTLED), "the record says how it ended")
        client = place.client()
        client.ready(pen)


def test_a_client_that_does_not_read_holds_nothing_up(place: Place) -> None:
    station, pen, client = place.trio()
    with RawClient(place.paths.requests) as sleeper:
        sleeper.hello().say({"jsonrpc": "2.0", "id": 2, "method": "pen.open", "params": {"address": pen.address}})
        sleeper.say({"jsonrpc": "2.0", "id": 3, "method": "view.subscribe"})
        undisturbed(client, pen, lambda: flood(place, 3.0))
        client.until(lambda v: v["pen"]["motion"] == "still", "the pen is still")
        client.run(pen)
        flood(place, 0.5)
        at = time.monotonic()
        client.ask("stop_now", source="SPACE")
        pen.off_within(at, LEASE_S)
        assert state(pen) == "STOPPED"
        client.until(lambda v: v["run"] is None, "the run is over")
    rows = until(lambda: place.rows("select * from passes where ended_utc_us is not null"), "the passes are closed")
    assert all(row["lost_samples"] == 0 for row in rows)
    assert all(row["samples"] >= 0.95 * row["duration_ms"] / 20 for row in rows)
    assert station.alive


def flood(place: Place, seconds: float) -> None:
    """Requests as fast as they are taken, without reading one answer."""
    request = json.dumps({"jsonrpc": "2.0", "id": 4, "method": "pens.list"}).encode() + b"\n"
    with RawClient(place.paths.requests) as raw:
        raw.hello().socket.settimeout(0.5)
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                raw.say(request * 50)
        except OSError:
            pass  # it was cut off, or is not listened to any more


# -- strangers


def test_the_handshake_refuses_other_versions_and_databases(place: Place) -> None:
    place.station()
    with RawClient(place.paths.requests) as raw:
        assert raw.ask("pens.list")["error"]["data"]["code"] == "no-hello"
        answer = raw.ask("station.hello", client="old", version=99)["error"]
        assert answer["data"]["code"] == "wrong-version"
        assert "99" in answer["message"]
        answer = raw.ask("station.hello", client="lost", version=1, database="0" * 12)["error"]
        assert answer["data"]["code"] == "wrong-database"
        assert "DEVICECTL_DATABASE" in answer["message"]
        assert raw.ask("pens.list")["error"]["data"]["code"] == "no-hello"
        assert raw.ask("station.hello", client="new", version=1)["result"]["database"] == place.location.hash


def undisturbed(client: Puppet, pen: Pen, act: Callable[[], None]) -> None:
    """What ``act`` does ends no run. A machine that stands still for 0.4 s does, rightly: so there are three tries."""
    for _ in range(3):
        client.run(pen)
        act()
        # A view comes ten times a second: the one at hand may be older than the run.
        time.sleep(0.25)
        ended = client.ask("run.end") if client.view()["run"] is not None else None
        if ended is not None and ended["outcome"] == "confirmed":
            return
        client.until(lambda v: v["pen"]["motion"] == "still", "the pen is still")
        reset = client.ask("pen.reset")
        assert reset["outcome"] == "confirmed", (ended, reset, client.view()["log"][-6:])
    raise AssertionError(f"the run ended three times: {client.view()['log'][-6:]}")


def test_garbage_is_answered_and_harms_nobody(place: Place) -> None:
    station, pen, client = place.trio()
    undisturbed(client, pen, lambda: garbage_is_answered(place))
    assert "Traceback" not in station.words


def garbage_is_answered(place: Place) -> None:
    with RawClient(place.paths.requests) as raw:
        for garbage, number in (
            (b"STOP please\n", -32700),
            (b"\xff\xfe\x00\n", -32700),
            (b"[1, 2]\n", -32600),
            (b"[" * 100_000 + b"\n", -32700),
            (b'{"id": 1, "method": ["heartbeat"]}\n', -32601),
            (b'{"id": 1, "method": "no.such"}\n', -32601),
            (b'{"id": 1, "method": "station.hello", "params": [1]}\n', -32602),
            (b'{"id": 1, "method": "station.hello", "params": {"client": "", "version": 1}}\n', -32602),
            (b'{"id": 1, "method": "station.hello", "params": {"client": "x", "version": 1, "more": 1}}\n', -32602),
            (b'{"id": 1, "method": "run.start", "params": {"ticket": "x"}}\n', -32000),
        ):
            raw.say(garbage)
            answer = raw.line()
            assert answer is not None, garbage[:40]
            assert answer["error"]["code"] == number, (garbage[:40], answer)
            assert len(answer["error"]["message"]) < 400
        raw.say(b'{"method": "heartbeat", "params": {"frame": -1}}\n{"method": "heartbeat", "params": "x"}\n\n\n')
        raw.hello()
        for depth in ("NaN", "Infinity", "-Infinity", "1e400", '"1"', "null"):
            raw.say(f'{{"id": 1, "method": "setpoint", "params": {{"depth_um": {depth}}}}}\n'.encode())
            answer = raw.line()
            assert answer is not None
            assert "error" in answer


@pytest.mark.parametrize("ended", [True, False], ids=["with its end", "without end"])
def test_an_oversize_request_is_cut_off(place: Place, ended: bool) -> None:
    station, pen, client = place.trio()

    def shout() -> None:
        with RawClient(place.paths.requests) as raw:
            raw.hello()
            text = b'{"id": 1, "method": "note", "params": {"digits": "' + b"1" * REQUEST_MAX
            try:
                raw.say(text + (b'"}}\n' if ended else b""))
                assert raw.line() is None
            except (BrokenPipeError, ConnectionResetError):
                pass

    undisturbed(client, pen, shout)
    assert station.alive


def needle(client: Puppet, pen: Pen, seconds: float) -> None:
    """One pass."""
    client.run(pen)
    time.sleep(seconds)
    assert client.ask("run.end")["outcome"] == "confirmed"


def test_a_station_that_was_killed_leaves_nothing_in_the_way(place: Place) -> None:
    """Stale sockets and lock files of a killed station are taken over; the pen is reached at once."""
    station, pen, client = place.trio()
    needle(client, pen, 0.3)
    client.until(lambda v: v["pen"]["motion"] == "still", "the pen is still")
    station.kill()
    client.wait_lost()
    assert place.paths.requests.exists()
    place.station()
    again = place.client()
    again.ready(pen)
    needle(again, pen, 0.3)
