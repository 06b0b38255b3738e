"""STOP from the command line whatever state the rest is in, judged by the simulated motor itself."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from devicectl.station.paths import STOP_ACK
from devicectl.station.stop_press import Pressed
from devicectl.station.stop_ways import Round
from drivers.portlock import Holding

from .conftest import House

stop: Any = import_module("devicectl.cli.stop")
Until = Callable[[Callable[[], object], str], None]
RUN = ("--zone", "VTX", "--depth", "1.0", "--rate", "100", "--seconds", "100")


def test_nothing_to_stop_is_said_and_is_no_success(house: House) -> None:
    result = house.run("stop", "--json")
    assert result.code == 3
    assert "nothing was stopped" in result.sentence
    assert result.json["error"]["code"] == "no-pen"


def test_a_pen_that_was_let_go_after_stop_is_not_called_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run that was stopped closes its pen before ``stop`` can ask how it is."""
    held = [Holding("tcp://127.0.0.1:7001", 4711, "the devicectl station")]
    done = Round([Pressed(Path("x.sock"), 4711, STOP_ACK)], [], held)
    monkeypatch.setattr("devicectl.station.stop_ways.stop_everywhere", lambda *_: done)
    monkeypatch.setattr(stop, "_watch", lambda *_: [])
    (pen,) = stop._stop_all([], 0.0)
    assert (pen.address, pen.reached, pen.still, pen.way) == ("tcp://127.0.0.1:7001", True, None, "station")


def test_a_station_that_hangs_delays_no_stop_through_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVICECTL_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(stop, "ANSWER_S", 5.0)
    monkeypatch.setattr(stop, "_watch", lambda *_: [])
    listeners = []
    for name in ("station-a", "station-b"):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(tmp_path / f"{name}.sock"))
        listener.listen(1)
        listeners.append(listener)
        (tmp_path / f"{name}.stop").touch()
    still_asked: list[bool] = []

    def answer() -> None:
        hung, _ = listeners[0].accept()
        line, _ = listeners[1].accept()
        with contextlib.closing(hung), contextlib.closing(line):
            assert b"pen.stop" in line.recv(4096)
            assert b"pen.stop" in hung.recv(4096)
            hung.setblocking(False)
            try:
                still_asked.append(hung.recv(1) != b"")
            except BlockingIOError:
                still_asked.append(True)
            line.sendall(b'{"id": 1, "result": {"sent": true}}\n')

    answering = threading.Thread(target=answer, daemon=True)
    answering.start()
    reached = stop._stop_one("tcp://127.0.0.1:7001", [], 0.0)
    answering.join(30)
    for listener in listeners:
        listener.close()
    assert reached.way == "station"
    assert still_asked == [True]


@pytest.mark.parametrize("kind", ["pty", "tcp"])
def test_a_pen_that_nobody_holds(house: House, kind: str) -> None:
    pen = house.simulate(kind)
    result = house.run("stop", pen.address, "--json")
    assert result.code == 6, result.err
    assert result.json["error"]["code"] == "not-seen-still"
    assert (result.json["pens"][0]["way"], result.json["pens"][0]["holder"]) == ("port", "none")
    assert result.json["pens"][0]["still"] is None
    assert "no program here holds it; STOP was written straight to the port" in result.json["pens"][0]["text"]
    assert pen.state.startswith("STOPPED")


@pytest.mark.parametrize("named", [False, True])
def test_a_station_that_hangs(house: House, until: Until, named: bool) -> None:
    # The pen itself would stop when its lease runs out; the fault keeps the motor on, so that only STOP can end it.
    pen = house.simulate("pty", "--fault", "run_away")
    run = house.start("run", pen.address, *RUN)
    until(lambda: pen.rate_hz > 80, "the motor")
    pid = house.station_pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        result = house.run("stop", *([pen.address] if named else []), "--json")
        assert result.code == 6, result.err
        (one,) = result.json["pens"]
        assert (one["address"], one["way"], one["reached"]) == (pen.address, "port", True)
        until(lambda: pen.rate_hz == 0, "a motor at rest")
        assert pen.state.startswith("STOPPED")
    finally:
        os.kill(pid, signal.SIGCONT)
    run.kill()
    house.finish(run)


def test_one_of_two_pens_by_name(house: House, until: Until) -> None:
    first, second = house.simulate("pty", "--seed", "1"), house.simulate("tcp", "--seed", "2")
    runs = [house.start("run", pen.address, *RUN) for pen in (first, second)]
    until(lambda: first.rate_hz > 80 and second.rate_hz > 80, "both motors")
    result = house.run("stop", second.address)
    # The run that was stopped may let go of its pen before the command can ask how it is.
    assert result.code == (0 if "stopped and still" in result.out else 6), result.err
    assert "stopped and still" in result.out or "took STOP" in result.err
    assert second.rate_hz == 0
    assert first.rate_hz > 80
    everything = house.run("stop", "--json")
    assert first.address in {one["address"] for one in everything.json["pens"]}
    assert first.rate_hz == 0
    for run in runs:
        assert house.finish(run).code == 1


@pytest.mark.parametrize("named", [False, True])
def test_a_run_that_lets_go_of_its_pen_takes_nothing_away_from_what_is_known(
    house: House, until: Until, named: bool
) -> None:
    pen = house.simulate("pty")
    run = house.start("run", pen.address, *RUN)
    until(lambda: pen.rate_hz > 80, "the motor")
    result = house.run("stop", *([pen.address] if named else []), "--json")
    assert result.code == 0, result.err
    (one,) = result.json["pens"]
    assert (one["way"], one["still"]) == ("station", True), one["text"]
    assert "stopped and still, " in one["text"]
    house.finish(run)


def test_a_motor_that_goes_on_is_said(house: House, until: Until) -> None:
    pen = house.simulate("pty", "--fault", "stop_ignored")
    run = house.start("run", pen.address, *RUN)
    until(lambda: pen.rate_hz > 80, "the motor")
    result = house.run("stop", "--json")
    assert result.code == 5
    assert "the pen's own switch" in result.sentence
    assert result.json["error"]["code"] == "stop-not-delivered"
    assert result.json["pens"][0]["still"] is False
    pen.tell("clear")
    run.kill()
    house.finish(run)


def test_a_pen_that_cannot_be_reached(house: House) -> None:
    for address in ("serial:///dev/no-such-port", "tcp://127.0.0.1:9", "ble://AA:BB"):
        result = house.run("stop", address)
        assert result.code == 5
        assert "the pen's own switch" in result.sentence


def test_sockets_of_dead_stations_do_not_matter(house: House) -> None:
    (house.folder / "run" / "station-0123456789ab.stop").touch()
    (house.folder / "run" / "port-0123456789abcdef.lock").write_text("{")
    assert house.run("stop").code == 3


def test_a_port_that_a_dead_program_left_is_tried_and_cleaned_when_it_is_gone(house: House) -> None:
    lock = house.folder / "run" / "port-0123456789abcdef.lock"
    lock.write_text(json.dumps({"address": "serial:///dev/ttyX", "pid": 1, "owner": "the devicectl station"}))
    assert "'devicectl stop' stops that pen" in house.run("doctor").out
    result = house.run("stop", "--json")
    assert result.code == 6
    assert "that held it is gone; there is no such port any more" in result.sentence
    assert result.json["pens"][0]["holder"] == "gone"
    assert house.run("stop").code == 3


def test_stop_imports_no_event_loop(house: House) -> None:
    import subprocess
    import sys

    probe = (
        "import sys\nfrom devicectl.cli.app import run\nrun(['stop'])\n"
        "print(*{name.partition('.')[0] for name in sys.modules} & {'asyncio', 'serial', 'pydantic', 'sqlalchemy', 'textual', 'logging'})"
    )
    environment = {k: v for k, v in house.env.items() if not k.startswith("COV")}
    path = f"import sys; sys.path[:0] = {[entry for entry in sys.path if entry]!r}\n"
    result = subprocess.run(
        [sys.executable, "-S", "-c", path + probe],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stdout.strip() == ""


def test_the_byte_leaves_before_the_ports_are_thought_of() -> None:
    import subprocess
    import sys

    probe = (
        "import sys, devicectl.station.stop_press\nprint(*{'json', 'threading', 'drivers.address'} & set(sys.modules))"
    )
    path = f"import sys; sys.path[:0] = {[entry for entry in sys.path if entry]!r}\n"
    done = subprocess.run([sys.executable, "-S", "-c", path + probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
