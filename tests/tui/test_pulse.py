"""Signs of life of a terminal, by a clock that goes when it is told to."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from textual import events

from tests.tui.fake_client import ModelClock
from tui.multiplexer import question, screen_attached, tmux_attached
from tui.stop_guard import StopGuard
from tui.terminal import ANSWER_S, TRIES, Absence, TerminalPulse
from tui.terminal_driver import WatchedFile

ASK_AND_FRAMES_S = 0.5


class Life:
    """A pulse, and a terminal that answers after some time or not at all."""

    def __init__(self, latency_s: float | None = 0.0) -> None:
        self.clock, self.latency_s = ModelClock(), latency_s
        self.pulse = TerminalPulse(self.clock)
        self.under_way: list[float] = []
        self.questions = 0

    def frames(self, count: int, may_turn: bool = True) -> list[str | None]:
        """So many frames of 100 ms; the problem after each."""
        problems = []
        for _ in range(count):
            self.clock.now += 0.1
            while self.under_way and self.under_way[0] <= self.clock.now:
                self.under_way.pop(0)
                self.pulse.answered()
            if self.pulse.look(may_turn):
                self.questions += 1
                self.pulse.asked()
                if self.latency_s is not None:
                    self.under_way.append(self.clock.now + self.latency_s)
            problems.append(self.pulse.problem)
        return problems


@pytest.mark.parametrize("latency_s", [0.0, 0.3, 0.9])
def test_a_terminal_that_answers_within_a_second_lives(latency_s: float) -> None:
    life = Life(latency_s)
    assert life.frames(300) == [None] * 300
    assert life.questions >= 300 * 0.1 / (ASK_AND_FRAMES_S + latency_s)


def test_one_that_falls_silent_is_gone_after_a_second_and_back_with_its_first_answer() -> None:
    life = Life(0.05)
    life.frames(20)
    life.latency_s = None
    life.under_way.clear()
    problems = life.frames(30)
    first = next(n for n, problem in enumerate(problems) if problem is not None)
    assert 0.8 <= first * 0.1 <= ANSWER_S + 0.5
    assert set(problems[first:]) == {"the terminal did not answer"}
    assert life.questions < 20, "a dead line is not filled with questions"
    life.latency_s = 0.05
    assert life.frames(15)[-1] is None


def test_one_that_never_answered_is_mute_and_not_dead() -> None:
    life = Life(None)
    assert life.frames(100) == [None] * 100
    assert life.pulse.mute
    life.latency_s = 0.0
    life.frames(20)
    assert not life.pulse.mute


def test_a_mute_one_is_asked_no_more_at_rest() -> None:
    life = Life(None)
    life.frames(100, may_turn=False)
    assert life.questions == TRIES


def test_our_own_standstill_is_not_the_terminals() -> None:
    life = Life(0.05)
    life.frames(20)
    while life.pulse._asked_at is None:
        life.frames(1)
    life.clock.now += 5
    life.pulse.look(True)
    assert life.pulse.problem is None, "the answer lies there unread"


def test_a_write_that_waits() -> None:
    life = Life(None)
    life.pulse.write_began()
    life.clock.now += 0.3
    assert life.pulse.busy
    assert life.pulse.problem is None
    life.clock.now += 1
    assert life.pulse.problem == "the terminal took no more output"
    life.pulse.write_ended()
    assert life.pulse.problem is None


def test_what_is_said_when_it_is_back() -> None:
    clock = ModelClock()
    absence = Absence(clock)
    assert absence.look(None, True) is None
    absence.look("tmux was detached", True)
    clock.now += 3.2
    absence.look("the terminal did not answer", False)
    assert absence.look(None, False) == "Tmux was detached for 3.2 s; the pen was stopped."
    absence.look("the terminal did not answer", False)
    assert absence.look(None, True) == "The terminal did not answer for 0.0 s."


def test_an_answer_of_the_terminal_reaches_the_pulse_and_no_binding() -> None:
    answers: list[None] = []
    guard = StopGuard(lambda source: None)
    guard.answered = lambda: answers.append(None)
    guard._receive(events.CursorPosition(3, 4))
    assert answers == [None]


def test_a_terminal_that_is_closed_takes_nothing_and_raises_nothing() -> None:
    pulse = TerminalPulse(time.monotonic)
    master, slave = os.openpty()
    with os.fdopen(slave, "w") as file:
        watched = WatchedFile(file, pulse)
        watched.write("seen ▚")
        watched.flush()
        assert os.read(master, 100).decode() == "seen ▚"
        os.close(master)
        watched.write("x")
        watched.flush()
    assert pulse.hung_up
    assert pulse.problem == "the terminal was closed"


def test_a_terminal_that_takes_nothing_is_left() -> None:
    pulse = TerminalPulse(time.monotonic)
    read, write = os.pipe()
    with os.fdopen(write, "w") as file:
        watched = WatchedFile(file, pulse)
        watched.write("x" * 1_000_000)
        writer = threading.Thread(target=watched.flush)
        writer.start()
        end = time.monotonic() + 5
        while not pulse.busy and time.monotonic() < end:
            time.sleep(0.01)
        assert pulse.busy
        watched.abandoned = True
        writer.join(5)
        assert not writer.is_alive()
    os.close(read)


def test_screen_and_tmux_tell_by_the_rights_of_their_sockets(tmp_path: Path) -> None:
    socket = tmp_path / "12.pts-0.host"
    socket.touch(0o700)
    assert screen_attached({"STY": socket.name}, (tmp_path / "none", tmp_path)) is True
    socket.chmod(0o600)
    assert screen_attached({"STY": socket.name}, (tmp_path,)) is False
    assert screen_attached({"STY": "other"}, (tmp_path,)) is None
    assert tmux_attached({"TMUX": f"{socket},1,0"}) is False
    assert tmux_attached({"TMUX": f"{tmp_path / 'gone'},1,0"}) is None
    assert question({}) is None
    assert (question({"TMUX": "a,1,0", "STY": "b"}) or ("",))[0] == "tmux"
