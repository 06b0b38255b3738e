"""A pen calibrated by commands: real processes, a pen and a gauge on pseudo-terminals, a station that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import LONG_S, House, Simulator

STANDARD = "Dial indicator; serial=DI-7; certificate=K-118; due=2099-03-31; mpe=0.004; resolution=0.001; u=0.0005"
BENT = ("--actuator", "gain=0.95", "--actuator", "offset_um=40", "--actuator", "backlash_um=24")
MORE_BENT = (*BENT, "--actuator", "drift_um_per_million=200")


def gauge_at(house: House, *more: str) -> str:
    process = house.start("simulate", "gauge", *more)
    assert process.stdout is not None
    return process.stdout.readline().strip()


def plan_for(house: House, address: str, *more: str) -> str:
    path = str(house.folder / "plan.json")
    made = house.run(
        "calibrate", "plan", address, "--standard", STANDARD, "--temperature", "22.5", "--humidity", "45",
        "--repeats", "2", "--seatings", "1", "--out", path, *more,
    )  # fmt: skip
    assert made.code == 0, made.err
    return path


def rows(house: House, query: str) -> list[tuple[Any, ...]]:
    import sqlite3

    with sqlite3.connect(f"file:{house.database}?mode=ro", uri=True) as connection:
        return connection.execute(query).fetchall()


def until_line(process: subprocess.Popen[str], words: str, stream: Any) -> None:
    deadline = time.monotonic() + LONG_S
    while time.monotonic() < deadline:
        line = stream.readline()
        assert line, "the command has ended"
        if words in line:
            return
    raise AssertionError(f"{words!r} did not come")


@pytest.mark.slow
def test_end_to_end_over_a_pty_and_a_run_then_names_the_calibration(house: House) -> None:
    house.hire()
    memory = str(house.folder / "pen.json")
    pen = house.simulate("pty", "--seed", "5", "--memory", memory, *MORE_BENT)
    gauge = gauge_at(house)
    plan = plan_for(house, pen.address)
    process = house.start(
        "calibrate", "run", pen.address, plan, "--gauge", gauge, "--adjust", "linear", "--yes", "--json"
    )
    out, err = process.communicate(timeout=10 * LONG_S)
    house.processes.remove(process)
    assert process.returncode == 0, err
    calibration = json.loads(out)["calibration"]
    assert calibration["end"]["left"] == "pass"
    found, left = calibration["evaluations"]
    assert abs(found["fit"]["gain"] - 0.95) < 0.01
    assert 0.015 < found["hysteresis"] < 0.035
    assert left["max_error"] < found["max_error"] / 2
    assert house.run("calibrate", "verify", "last").code == 0
    assert house.run("audit", "verify").code == 0
    report = house.folder / "report.pdf"
    made = []
    for _ in range(2):
        told = house.run(
            "calibrate", "report", "last", "--laboratory", "Workshop; Mill Lane", "--out", str(report), "--json"
        )
        assert told.json["draft"] is False, told.err
        made.append(report.read_bytes())
    assert made[0] == made[1]
    assert made[0].startswith(b"%PDF-1.")
    shown = house.run("calibrate", "show", "last", "--readings")
    assert shown.out.count(" gauge") == len(calibration["readings"]) == len(found["readings"]) + len(left["readings"])
    (due,) = json.loads(house.run("calibrate", "due", "--json").out)
    assert (due["valid"], due["overdue"], due["verdict"]) == (True, False, "pass")
    assert house.run("run", pen.address, "--zone", "VTX", "--depth", "1.0", "--rate", "100", "--seconds", "1").code == 0
    ((key, target, commanded, back),) = rows(
        house,
        "select lower(hex(calibration_id)), depth_target_um, depth_commanded_um, depth_read_back_um from pass_settings",
    )
    assert key == calibration["id"].replace("-", "")
    assert (target, back) == (1000, 1000)
    assert commanded > 1000
    detail = house.run("sessions", "show", "last", "--json").json["passes"][0]
    assert (detail["calibration_id"], detail["depth_commanded_um"]) == (calibration["id"], commanded)

    pen.tell("quit")
    pen.process.wait(LONG_S)
    again = house.simulate("pty", "--seed", "5", "--memory", memory, "--firmware", "1.0.1", *MORE_BENT)
    assert house.run("accept-firmware", again.address).code == 0
    assert (
        house.run("run", again.address, "--zone", "VTX", "--depth", "1.0", "--rate", "100", "--seconds", "1").code == 0
    )
    newest = rows(
        house, "select s.calibration_id from pass_settings s join passes p on p.id = s.pass_id order by p.opened_utc_us"
    )
    assert newest[-1] == (None,)


@pytest.mark.slow
def test_a_killed_station_loses_no_reading_that_was_acknowledged(house: House) -> None:
    house.hire()
    pen = house.simulate("pty", *BENT)
    gauge = gauge_at(house)
    plan = plan_for(house, pen.address)
    arguments = ("--gauge", gauge, "--adjust", "no", "--yes")
    first = house.start("calibrate", "run", pen.address, plan, *arguments)
    assert first.stdout is not None
    until_line(first, "protrusion-static 6/", first.stdout)
    station = house.station_pid
    assert station is not None
    os.kill(station, signal.SIGKILL)
    ended = house.finish(first)
    assert ended.code != 0
    assert ended.err.startswith("devicectl: ")
    kept = rows(house, "select step from calibration_readings order by seq")
    assert [step for (step,) in kept][:6] == [0, 1, 2, 3, 4, 5]
    on = house.start("calibrate", "resume", pen.address, *arguments, "--json")
    out, err = on.communicate(timeout=10 * LONG_S)
    house.processes.remove(on)
    assert on.returncode == 0, err
    calibration = json.loads(out)["calibration"]
    assert calibration["end"]["how"] == "finished"
    steps = [one["step"] for one in calibration["readings"]]
    assert steps == list(range(len(steps)))
    assert house.run("calibrate", "verify", calibration["id"]).code == 0


def typing(house: House, *arguments: str) -> subprocess.Popen[str]:
    return house.start(*arguments, stdin=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)


def prompted(process: subprocess.Popen[str], words: str) -> str:
    """Everything up to a prompt, which has no end of line."""
    assert process.stdout is not None
    text, descriptor = "", process.stdout.fileno()
    while words not in text:
        data = os.read(descriptor, 4096).decode()
        assert data, text
        text += data
    return text


def type_(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def test_a_technician_types_readings_and_goes_on_later(house: House) -> None:
    house.hire()
    pen = house.simulate("pty")
    plan = plan_for(house, pen.address, "--order", "sweep")
    refused = house.run("calibrate", "run", pen.address, plan)
    assert "there is nobody to ask whether the needle may move; say --yes." in refused.sentence
    house.run("calibrate", "resume", pen.address, "--abandon", "nobody was there")
    run = typing(house, "calibrate", "run", pen.address, plan, "--yes")
    prompted(run, "1/18: 0.15 mm from below: ")
    type_(run, "0,168 in")
    assert "looks like a reading in mm" in prompted(run, "from below: ")
    type_(run, "168 µm")
    prompted(run, "2/18: 0.4 mm from below: ")
    type_(run, "back zero was wrong")
    prompted(run, "1/18: 0.15 mm from below: ")
    type_(run, "0.169")
    prompted(run, "2/18: 0.4 mm from below: ")
    type_(run, "quit")
    out, _ = run.communicate(timeout=LONG_S)
    house.processes.remove(run)
    assert run.returncode == 130
    assert f"go on with 'devicectl calibrate resume {pen.address}'" in out
    shown = house.run("calibrate", "show", "last", "--readings")
    assert "withdrawn: zero was wrong" in shown.out
    assert "open: 17 readings of protrusion-static (as-found) are missing" in shown.out
    done = house.run("calibrate", "resume", pen.address, "--abandon", "the bench is needed")
    assert done.code == 0, done.err
    assert "abandoned" in done.out
    assert len(house.run("calibrate", "show", "--json").json) == 2


def test_readings_from_a_file_and_what_is_wrong_with_them(house: House, tmp_path: Path) -> None:
    house.hire()
    pen = house.simulate("pty")
    plan = plan_for(house, pen.address, "--order", "sweep")
    file = tmp_path / "readings.txt"
    file.write_text("# the first two\n0.168\n17\n")
    run = house.run("calibrate", "run", pen.address, plan, "--readings", str(file))
    assert run.code == 1
    assert "17 mm at 0.4 mm looks like a reading in mil; if it is one, write 17 mil." in run.err
    file.write_text("0.42\n")
    run = house.run("calibrate", "resume", pen.address, "--readings", str(file))
    assert f"{file} has no more readings; go on with 'devicectl calibrate resume'." in run.err
    assert len(rows(house, "select 1 from calibration_readings")) == 2


def test_gauges_and_simulators_say_what_is_wrong(house: House) -> None:
    assert "No simulated pen runs" in house.run("simulate", "gauge").sentence
    pen: Simulator = house.simulate("pty")
    assert house.run("simulate", "gauge", "--what", "dial", "--unit", "rpm").code == 2
    assert house.run("simulate", "pty", "--unit", "mm").code == 2
    assert "gain" in house.run("simulate", "pty", "--actuator", "gian=2").sentence
    house.hire()
    plan = plan_for(house, pen.address)
    lost = house.run("calibrate", "run", pen.address, plan, "--yes", "--gauge", "serial:///dev/nothing-there")
    assert lost.code == 3
    deaf = house.simulate("pty", "--seed", "9")
    silent = house.run("calibrate", "run", pen.address, plan, "--yes", "--gauge", deaf.address)
    assert "gauge" in silent.sentence or "reading" in silent.sentence


def test_daily_checks_make_control_charts(house: House) -> None:
    house.hire()
    pen = house.simulate("pty", "--seed", "5")
    for measured in ("1.02", "1.03"):
        check = house.run(
            "check", pen.address, "--body", "--cartridge", "--needles", "--stop", "--sound", "--depth-set", "1.0",
            "--depth-measured", measured,
        )  # fmt: skip
        assert check.code == 0, check.err
    assert "Control chart of depth at 1 mm: learning, 10 more checks until there are limits." in check.out
    (chart,) = house.run("calibrate", "chart", "ref-0005", "--json").json["charts"]
    assert [point["error"] for point in chart["points"]] == [0.02, 0.03]
    assert (chart["ranges"], chart["learning"], chart["limits"]) == ([0.01], True, None)
    picture = house.folder / "chart.png"
    assert house.run("calibrate", "chart", "REF-0005", "--out", str(picture)).code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert (
        "choose with --quantity and --set"
        in house.run("calibrate", "chart", "REF-0005", "--set", "2", "--out", "x.png").sentence
    )
    assert "has no pen REF-9" in house.run("calibrate", "chart", "REF-9").sentence
    assert house.run("calibrate", "due", "--json").json == []
