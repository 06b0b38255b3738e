"""A pen calibrated at the screen: a real terminal of 80x24, keys only, a real station, a simulated pen, and a gauge that types."""

from __future__ import annotations

import json
import os
import re
import select
import sqlite3
import time

import pytest

from .conftest import LONG_S, House
from .test_story import PIN, Person

BENT = ("--actuator", "gain=0.85", "--actuator", "offset_um=20", "--actuator", "backlash_um=24")
F4 = "\x1bOS"


class Gauge:
    """The simulated dial indicator, read by hand; what it shows is typed into the screen."""

    def __init__(self, house: House) -> None:
        process = house.start("simulate", "gauge")
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        self._port = os.open(address.removeprefix("serial://"), os.O_RDWR | os.O_NOCTTY)

    def read(self) -> str:
        """What it shows now, such as 0.412."""
        os.write(self._port, b"?\r")
        said, end = b"", time.monotonic() + LONG_S
        while not said.rstrip(b" ").endswith((b"\r", b"\n")):
            assert time.monotonic() < end, said
            if select.select([self._port], [], [], 0.1)[0]:
                said += os.read(self._port, 64)
        found = re.search(rb"[0-9]+\.[0-9]+", said)
        assert found is not None, said
        return found[0].decode()

    def close(self) -> None:
        os.close(self._port)


@pytest.fixture
def gauge_house(house: House) -> House:
    house.hire("Ada Berg", PIN)
    for name in ("DEVICECTL_OPERATOR", "DEVICECTL_PIN"):
        del house.env[name]
    return house


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_pen_is_calibrated_at_the_screen_with_a_gauge_that_types(gauge_house: House) -> None:
    house = gauge_house
    house.simulate("pty", "--seed", "5", *BENT)
    gauge = Gauge(house)
    p = Person(house)
    try:
        signs_in(p)
        plans(house, p)
        p.press("Y", "Reading", "parked at bottom dead centre")
        is_refused_and_goes_on(p)
        measures(p, gauge, "FAIL", "As found", "l adjust")
        adjusts(p)
        is_interrupted_and_goes_on(p, gauge)
        measures(p, gauge, "PASS", "As left 1")
        signs_and_prints(house, p)
    finally:
        p.child.close(force=True)
        gauge.close()


def signs_in(p: Person) -> None:
    p.sees("not a cleared medical device")
    p.press("enter", "Setting up")
    p.press("esc", "NO PEN")
    p.press("p", "look again")
    p.press("1", "The way through the session")
    p.press("esc", "READY")
    p.press("C", "a calibration is signed")
    p.press("W", "PIN")
    p.types(PIN, "*" * len(PIN))
    p.press("f2", "Ada Berg is signed in")


def is_refused_and_goes_on(p: Person) -> None:
    """µm for mm is refused, STOP is STOP, and the step comes again."""
    p.types("251")
    p.press("enter", "looks like a reading in µm", "F6 take it anyway")
    p.press(" ", "STOPPED", "resets; then Y drives on")
    p.press("r", "drives. Hands off")
    p.press("Y", "parked at bottom dead centre")


def measures(p: Person, gauge: Gauge, *verdict: str, most: int | None = None) -> None:
    """Every step: the gauge is read and types what it shows, unit and all, faster than fingers and with Enter."""
    found = re.search(r"([0-9]+) of ([0-9]+) readings", p.text)
    assert found is not None, p.text
    taken, of = int(found[1]), int(found[2])
    for number in range(taken + 1, (most or of) + 1):
        wanted = verdict if number == of else (f"{number} of {of} readings",)
        end = time.monotonic() + LONG_S
        while not all(word in p.text for word in wanted):
            assert time.monotonic() < end, f"{wanted} never came:\n{p.text}"
            if "STOPPED" in p.text:  # views came late on a busy machine: the gauge's keys were STOP, as they must be
                p.press("r", "Hands off, pen clamped?")
                p.press("Y")
            elif "parked at bottom dead centre" in p.text and f"{number - 1} of {of} readings" in p.text:
                os.write(p.child.child_fd, f"{gauge.read()} mm\r".encode())
                p.read(1.0)
            p.read(0.05)


def adjusts(p: Person) -> None:
    p.press("\t", "tolerance", "guard band", "fit")
    p.press("\t", "Uncertainty budget", "half of the hysteresis", "Needle spread")
    p.press("l", "Write this correction into the pen?", "A straight line")
    p.press("enter", "Correction written, read back: the same", "As left 1  0 of 18 readings")
    p.press("Y", "parked at bottom dead centre")


def is_interrupted_and_goes_on(p: Person, gauge: Gauge) -> None:
    """Left in the middle, and taken up again; a reading is withdrawn with its reason, and its step comes again."""
    measures(p, gauge, most=3)
    p.sees("parked at bottom dead centre")
    p.press("esc", "TREAT")
    p.press("C", "CALIBRATE", "As left 1  3 of 18 readings", "Hands off, pen clamped?")
    p.press("f7", "Withdraw a reading")
    p.types("it_slipped")
    p.press("f2", "Withdrawn; it stays in the record", "As left 1  2 of 18 readings")
    p.press("Y", "parked at bottom dead centre")


def signs_and_prints(house: House, p: Person) -> None:
    p.press("s", "after it nothing can be changed")
    p.types(PIN, "*" * len(PIN))
    p.press("f2", "signed by Ada Berg", "p report as PDF")
    p.press("p", "Laboratory")
    p.types("Needle_Workshop")
    p.moves("up")
    p.press(F4)
    p.types("~/report.pdf")
    p.press("f2", "Written", "report.pdf")
    (report,) = house.folder.glob("*.pdf")
    assert report.read_bytes().startswith(b"%PDF")
    with sqlite3.connect(f"file:{house.database}?mode=ro", uri=True) as record:
        ends = record.execute("select how, verdict_found, verdict_left, name from calibration_ends").fetchall()
        assert ends == [("finished", "conditional fail", "pass", "Ada Berg")]
        assert dict(record.execute("select source, count(*) from calibration_readings group by source").fetchall()) == {
            "keyboard": 39
        }
        assert record.execute("select reason from calibration_withdrawals").fetchall() == [("it slipped",)]
    assert house.run("calibrate", "verify", "last").code == 0


def plans(house: House, p: Person) -> None:
    """From a file, because each key typed on a machine that stutters may be STOP; the form has tests of its own."""
    standard = {
        "name": "Dial indicator", "serial": "DI-7", "certificate": "K-118", "due": "2099-03-31", "mpe": 0.004, "resolution": 0.001
    }  # fmt: skip
    series = {"set_points": [0.25, 0.5, 0.75, 1, 1.25], "repeats": 2, "seatings": 1, "order": "sweep"}
    plan = {"temperature_c": 22.5, "humidity_pct": 45, "standards": [standard], "series": [series]}
    (house.folder / "p.json").write_text(json.dumps(plan))
    p.press("C", "New calibration of this pen")
    p.press("down")
    p.press("enter", "A plan in a file")
    p.types("~/p.json")
    p.press("f2", "devicectl's own", "20 for each round", "Enter")
    p.press(
        "enter", "CALIBRATE", "0 of 20 readings", "Step 1 of 20: set-point 1 of 5 from below", "Hands off, pen clamped?"
    )
