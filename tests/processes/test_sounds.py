"""Alarms are heard: a real dashboard, a real pen in trouble, and a player on PATH that writes down what it was given."""

from __future__ import annotations

import stat
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.emulator import Emulator

from .harness import LONG_S, Pen, Place, until

COMMAND = [sys.executable, "-P", "-m", "devicectl"]


class Hearing:
    """A folder with a player in it, and what that played."""

    def __init__(self, place: Place, code: int = 0) -> None:
        self.folder = place.folder / "bin"
        self.folder.mkdir()
        self.played_file = place.folder / "played"
        script = self.folder / "paplay"
        # It plays for half a second: whoever waited for it would be late.
        script.write_text(f'#!/bin/sh\necho "$1" >>"{self.played_file}"\n/bin/sleep 0.5\nexit {code}\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        (place.folder / "state" / "devicectl").mkdir(parents=True, exist_ok=True)
        (place.folder / "state" / "devicectl" / "seen").touch()
        env = {**place.environment(measured=False), "XDG_CONFIG_HOME": str(place.folder / "config")}
        self.environment = {k: v for k, v in env.items() if not k.startswith("SSH_")} | {"PATH": str(self.folder)}

    def played(self) -> list[str]:
        if not self.played_file.exists():
            return []
        return [Path(line).name.split("-")[1] for line in self.played_file.read_text().splitlines()]


@pytest.fixture
def dashboards() -> Iterator[list[Emulator]]:
    made: list[Emulator] = []
    yield made
    for one in made:
        one.close()


def prepared(place: Place) -> Pen:
    place.station()
    pen, client = place.pen(), place.client("preparer")
    client.ready(pen)
    client.ask("zone.select", zone="VTX")
    client.ask("control.release")
    return pen


def run(terminal: Emulator, pen: Pen) -> None:
    terminal.wait_for("Crown")
    asked = time.monotonic()
    terminal.press_until(b"g", "starts")
    time.sleep(0.5)
    terminal.send(b"Y")
    pen.wait_on(asked)
    terminal.wait_for("NEEDLING")


def test_a_fault_is_heard_silenced_and_does_not_hold_up_stop(place: Place, dashboards: list[Emulator]) -> None:
    hearing, pen = Hearing(place), prepared(place)
    dashboards.append(terminal := Emulator(COMMAND, hearing.environment))
    run(terminal, pen)
    pen.console("fault stall")
    until(lambda: "high" in hearing.played(), "the high alarm is heard", 10)
    with wave.open(str(place.runtime / "sound-high-1.wav")) as file:
        assert file.getnframes() > 3 * file.getframerate()
    until(lambda: hearing.played().count("high") >= 2, "and again", 10)
    terminal.send(b"a")
    time.sleep(1.0)
    heard = len(hearing.played())
    time.sleep(8.0)
    assert len(hearing.played()) == heard, "acknowledged and silenced"


def test_no_sound_is_silent(place: Place, dashboards: list[Emulator]) -> None:
    hearing, pen = Hearing(place), prepared(place)
    dashboards.append(terminal := Emulator([*COMMAND, "dashboard", "--no-sound"], hearing.environment))
    run(terminal, pen)
    pen.console("fault stall")
    terminal.wait_for("!!!")
    time.sleep(1.0)
    assert hearing.played() == []
    assert terminal.screen.bells == 0


def test_a_player_without_a_device_leaves_it_to_the_bell(place: Place, dashboards: list[Emulator]) -> None:
    hearing, pen = Hearing(place, code=1), prepared(place)
    dashboards.append(terminal := Emulator(COMMAND, hearing.environment))
    run(terminal, pen)
    pen.console("fault stall")
    until(lambda: terminal.screen.bells >= 10, "ten pulses of the bell", 15)
    assert hearing.played() == ["high"]


def test_the_sounds_can_be_tried_by_a_command(place: Place) -> None:
    hearing = Hearing(place)
    done = subprocess.run(
        [*COMMAND, "sounds"], env=hearing.environment, capture_output=True, text=True, timeout=LONG_S, check=True
    )
    assert hearing.played() == ["high", "medium", "low", "tick"]
    assert f"by {hearing.folder / 'paplay'}" in done.stdout
    assert done.stderr == ""


def test_over_ssh_the_bell_rings(place: Place) -> None:
    hearing = Hearing(place)
    environment = hearing.environment | {"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}
    done = subprocess.run(
        [*COMMAND, "sounds", "medium"], env=environment, capture_output=True, text=True, timeout=LONG_S, check=True
    )
    assert hearing.played() == []
    assert done.stderr == "\a\a\a"
