"""A terminal that is gone counts as dead: a real dashboard in a real terminal, and what the motor really did."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import Emulator

from .harness import AT_WORST_S, LEASE_S, LONG_S, Pen, Place, until

HEARTBEAT_S = 0.4
ANSWER_S = 1.0
ASK_S = 0.25
FRAME_S = 0.1
COMMAND = [sys.executable, "-P", "-m", "devicectl"]
Dashboard = Callable[..., Emulator]


@pytest.fixture
def pen(place: Place) -> Pen:
    """A simulated pen with a session open on it and nobody in control."""
    place.station()
    pen, client = place.pen(), place.client("preparer")
    client.ready(pen)
    client.ask("zone.select", zone="VTX")
    client.ask("control.release")
    return pen


@pytest.fixture
def environment(place: Place) -> dict[str, str]:
    (seen := place.folder / "state" / "devicectl" / "seen").parent.mkdir(parents=True, exist_ok=True)
    seen.touch()
    return {**place.environment(measured=False), "XDG_CONFIG_HOME": str(place.folder / "config")}


@pytest.fixture
def dashboard(environment: dict[str, str]) -> Iterator[Dashboard]:
    made: list[Emulator] = []

    def start(*arguments: str, **options: Any) -> Emulator:
        made.append(Emulator(arguments or COMMAND, environment, **options))
        return made[-1]

    yield start
    for one in made:
        one.close()


def run(terminal: Emulator, pen: Pen) -> float:
    """Start a run by keys; gives when the motor got its current."""
    terminal.wait_for("VTX" if "VTX" in terminal.text() else "Crown")
    asked = time.monotonic()
    terminal.press_until(b"g", "starts")
    time.sleep(0.5)
    terminal.send(b"Y")
    at = pen.wait_on(asked)
    terminal.wait_for("NEEDLING")
    return at


def goes_on(pen: Pen, since: float, seconds: float) -> None:
    time.sleep(seconds)
    assert pen.driven_at(time.monotonic())
    assert not [t for t, on in pen.drives() if not on and t > since], "the motor never lost its current"


def test_a_terminal_that_stops_reading_stops_the_pen_and_comes_back(pen: Pen, dashboard: Dashboard) -> None:
    terminal = dashboard()
    goes_on(pen, run(terminal, pen), 2.0)
    at = time.monotonic()
    terminal.reading.clear()
    pen.off_within(at, ASK_S + ANSWER_S + FRAME_S + HEARTBEAT_S + LEASE_S)
    time.sleep(1.5)
    assert terminal.process.poll() is None, "the dashboard lives"
    terminal.reading.set()
    terminal.wait_for("The terminal did not answer for")
    terminal.send(b"r")
    time.sleep(1.0)
    goes_on(pen, run(terminal, pen), 1.0)
    terminal.send(b" ")
    pen.wait_off(time.monotonic())


def test_a_healthy_terminal_far_away_goes_on(pen: Pen, dashboard: Dashboard) -> None:
    terminal = dashboard(latency_s=0.15)
    goes_on(pen, run(terminal, pen), 6.0)


def test_a_terminal_that_answers_nothing_is_told_about_and_still_stops_when_it_takes_nothing(
    pen: Pen, dashboard: Dashboard
) -> None:
    terminal = dashboard(answers=False)
    terminal.wait_for("Terminal answers nothing")
    goes_on(pen, run(terminal, pen), 3.0)
    at = time.monotonic()
    terminal.reading.clear()
    # A pseudo-terminal keeps some frames before it takes no more.
    pen.off_within(at, 2.0 + ANSWER_S + HEARTBEAT_S + LEASE_S)


def test_a_closed_window_stops_the_pen_and_ends_the_dashboard(pen: Pen, dashboard: Dashboard) -> None:
    terminal = dashboard()
    run(terminal, pen)
    at = terminal.hang_up()
    pen.off_within(at, AT_WORST_S)
    terminal.process.wait(LONG_S)


def test_a_closed_window_under_nohup_ends_the_dashboard_all_the_same(pen: Pen, dashboard: Dashboard) -> None:
    """Nobody hears the hang-up, and Python's reading thread sees an end of file for ever."""
    ignore = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    terminal = dashboard(sys.executable, "-c", ignore, *COMMAND)
    run(terminal, pen)
    at = terminal.hang_up()
    pen.off_within(at, AT_WORST_S)
    terminal.process.wait(LONG_S)


def test_sigterm_ends_a_dashboard_whose_terminal_takes_nothing(pen: Pen, dashboard: Dashboard) -> None:
    terminal = dashboard()
    run(terminal, pen)
    terminal.reading.clear()
    time.sleep(1.0)
    terminal.process.send_signal(signal.SIGTERM)
    pen.off_within(time.monotonic(), AT_WORST_S)
    terminal.process.wait(LONG_S)


def run_by_lines(terminal: Emulator, pen: Pen) -> float:
    terminal.send(b"go\r")
    terminal.wait_for("yes within")
    time.sleep(0.5)
    asked = time.monotonic()
    terminal.send(b"yes\r")
    return pen.wait_on(asked)


def test_line_mode_whose_terminal_stops_reading_or_is_closed(pen: Pen, dashboard: Dashboard) -> None:
    terminal = dashboard(*COMMAND, "--plain", latency_s=0.1)
    terminal.wait_for("You hold control")
    goes_on(pen, run_by_lines(terminal, pen), 2.0)
    at = time.monotonic()
    terminal.reading.clear()
    pen.off_within(at, ASK_S + ANSWER_S + FRAME_S + HEARTBEAT_S + LEASE_S)
    time.sleep(1.0)
    terminal.reading.set()
    terminal.wait_for("The terminal did not answer for")
    terminal.send(b"reset\r")
    terminal.wait_for("confirmed: reset")
    run_by_lines(terminal, pen)
    pen.off_within(terminal.hang_up(), AT_WORST_S)
    terminal.process.wait(LONG_S)


def test_a_new_size_is_seen_though_its_signal_was_lost(dashboard: Dashboard, pen: Pen) -> None:
    terminal = dashboard(signals=False)
    terminal.wait_for("Crown")
    assert "80x24 or larger" not in terminal.text()
    terminal.resize(80, 23)
    terminal.wait_for("80x24 or larger shows map")


def halted(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
def test_one_that_was_halted_goes_on_with_one_reader_of_keys(dashboard: Dashboard, pen: Pen) -> None:
    terminal = dashboard()
    terminal.press_until(b"?", "emergency stop")
    terminal.send(b"\x1b")
    tasks = Path(f"/proc/{terminal.process.pid}/task")
    before = len(list(tasks.iterdir()))
    for _ in range(3):
        terminal.process.send_signal(signal.SIGSTOP)
        until(lambda: halted(terminal.process.pid), "it is halted")
        terminal.screen.reset()
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_for("Crown")
    until(lambda: len(list(tasks.iterdir())) <= before, "the same number of threads")
    run(terminal, pen)
    terminal.send(b" ")
    pen.wait_off(time.monotonic())


def test_a_letter_in_line_mode_takes_the_motor_its_current_and_lines_are_typed_again(
    pen: Pen, dashboard: Dashboard
) -> None:
    terminal = dashboard(*COMMAND, "--plain")
    terminal.wait_for("You hold control")
    goes_on(pen, run_by_lines(terminal, pen), 1.0)
    terminal.wait_for("Any key is STOP now; only e is END")
    at = time.monotonic()
    terminal.send(b"k")
    pen.off_within(at, AT_WORST_S)
    terminal.wait_for("Lines again")
    terminal.send(b"reset\r")
    terminal.wait_for("confirmed: reset")


@pytest.mark.parametrize("running", [False, True])
def test_sigterm_ends_line_mode_and_gives_the_terminal_back(pen: Pen, dashboard: Dashboard, running: bool) -> None:
    terminal = dashboard(*COMMAND, "--plain")
    terminal.wait_for("You hold control")
    assert not termios.tcgetattr(terminal.master)[3] & termios.ICANON
    if running:
        run_by_lines(terminal, pen)
        terminal.wait_for("Any key is STOP now; only e is END")
    at = time.monotonic()
    terminal.process.send_signal(signal.SIGTERM)
    if running:
        pen.off_within(at, AT_WORST_S)
    assert terminal.process.wait(LONG_S) == 128 + signal.SIGTERM
    line, own = termios.tcgetattr(terminal.master)[3], termios.tcgetattr(terminal.master)[6]
    assert line & termios.ICANON
    assert line & termios.ECHO
    assert own[termios.VSUSP] != b"\0"


class Tmux:
    """A server of its own with the dashboard in it, and a client in a terminal."""

    def __init__(self, place: Place, environment: dict[str, str]) -> None:
        self.socket = str(place.folder / "tm")
        self.environment = {name: value for name, value in environment.items() if name not in ("TMUX", "TMUX_PANE")}
        self.call("-f", "/dev/null", "new-session", "-d", "-s", "pen", "-x", "80", "-y", "24", *COMMAND)

    def call(self, *words: str) -> str:
        command = ["tmux", "-S", self.socket, *words]
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout

    def attach(self) -> Emulator:
        return Emulator(["tmux", "-S", self.socket, "attach"], self.environment)

    def close(self) -> None:
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], check=False, capture_output=True)


@pytest.fixture
def tmux(place: Place, pen: Pen, environment: dict[str, str]) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    made = Tmux(place, environment)
    yield made
    made.close()


@pytest.mark.parametrize("way", ["detach", "kill"])
def test_tmux_without_a_client_stops_the_pen_and_has_control_when_it_is_back(tmux: Tmux, pen: Pen, way: str) -> None:
    terminal = tmux.attach()
    try:
        goes_on(pen, run(terminal, pen), 2.0)
        at = time.monotonic()
        if way == "detach":
            tmux.call("detach-client", "-s", "pen")
        else:
            os.kill(terminal.process.pid, signal.SIGKILL)
        pen.off_within(at, LEASE_S + 1.0)
        time.sleep(1.0)
        assert "pen" in tmux.call("list-sessions"), "the dashboard lives"
    finally:
        terminal.close()
    terminal = tmux.attach()
    try:
        terminal.wait_for("Tmux was detached for")
        assert "the pen was" in terminal.text()
        terminal.send(b"r")
        time.sleep(1.0)
        run(terminal, pen)
    finally:
        terminal.close()


def test_another_client_of_tmux_keeps_the_pen_going(tmux: Tmux, pen: Pen) -> None:
    one, two = tmux.attach(), tmux.attach()
    try:
        at = run(one, pen)
        one.close()
        goes_on(pen, at, 2.0)
    finally:
        one.close()
        two.close()
