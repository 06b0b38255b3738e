"""Which burst is due when, and what it sounds like."""

from __future__ import annotations

import io
import wave

import pytest

from devicectl.alarms.board import Priority
from devicectl.alarms.sound import ALL, HIGH, LOW, MEDIUM, TICK, Burst, Heard, Sounder, wav

H, M, L = Heard("h", Priority.HIGH), Heard("m", Priority.MEDIUM), Heard("l", Priority.LOW)


class Ear:
    """Asks ten times a second."""

    def __init__(self) -> None:
        self.sounder, self.now = Sounder(), 100.0

    def hear(self, seconds: float, *conditions: Heard, silent: bool = False) -> list[tuple[float, str]]:
        begin, out = self.now, []
        for _ in range(round(seconds * 10)):
            burst = self.sounder.due(self.now, conditions, silent)
            if burst is not None:
                out.append((round(self.now - begin, 1), burst.name))
            self.now += 0.1
        return out


def test_patterns() -> None:
    assert [len(burst.starts) for burst in (HIGH, MEDIUM, LOW, TICK)] == [10, 3, 2, 1]
    assert HIGH.length_s < 4
    gaps = [b - a for a, b in zip(HIGH.starts, HIGH.starts[1:], strict=False)]
    assert gaps[2] > gaps[0] == gaps[1] == gaps[3]
    assert gaps[4] > gaps[2], "3 + 2, a rest, 3 + 2"


def test_each_priority_again_in_its_own_time() -> None:
    assert Ear().hear(20, H) == [(0.0, "high"), (6.0, "high"), (12.0, "high"), (18.0, "high")]
    assert Ear().hear(30, M) == [(0.0, "medium"), (12.0, "medium"), (24.0, "medium")]
    assert Ear().hear(100, L) == [(0.0, "low")]
    assert Ear().hear(100) == []


def test_only_the_most_urgent_sounds_and_what_is_left_goes_on_when_it_is_gone() -> None:
    ear = Ear()
    assert ear.hear(3, M) == [(0.0, "medium")]
    assert ear.hear(10, M, H, L) == [(0.0, "high"), (6.0, "high")]
    assert ear.hear(13, M)[0][1] == "medium"


def test_a_high_one_does_not_wait_and_a_new_one_of_the_same_priority_sounds_at_once() -> None:
    ear = Ear()
    assert ear.hear(0.3, M) == [(0.0, "medium")]
    assert ear.hear(4, M, H) == [(0.0, "high")]
    assert ear.hear(1, M, H, Heard("h2", Priority.HIGH)) == [(0.0, "high")]


def test_silence_and_what_is_new_meanwhile() -> None:
    ear = Ear()
    ear.hear(4, H)
    assert ear.hear(60, H, silent=True) == []
    assert ear.hear(10, H, Heard("new", Priority.HIGH), silent=True)[0] == (0.0, "high")
    ear.hear(5, silent=True)
    assert ear.hear(10, H) != []


def test_silence_ends() -> None:
    ear = Ear()
    ear.hear(4, H)
    ear.hear(60, H, silent=True)
    assert ear.hear(1, H) == [(0.0, "high")]


def test_one_that_becomes_more_urgent_is_new() -> None:
    ear = Ear()
    ear.hear(60, Heard("battery", Priority.LOW), silent=True)
    assert ear.hear(5, Heard("battery", Priority.MEDIUM), silent=True) == [(0.0, "medium")]


def test_one_that_comes_back_is_new() -> None:
    ear = Ear()
    assert ear.hear(1, L) == [(0.0, "low")]
    ear.hear(1)
    assert ear.hear(1, L) == [(0.0, "low")]


def test_the_tick_waits_for_alarms() -> None:
    ear = Ear()
    ear.sounder.tick()
    assert ear.hear(10) == [(0.0, "tick")]
    ear.hear(0.1, M)
    ear.sounder.tick()
    found = ear.hear(5, M)
    assert [name for _, name in found] == ["tick"]
    assert found[0][0] >= MEDIUM.length_s - 0.2
    ear.sounder.tick()
    assert all(name == "high" for _, name in ear.hear(20, H))


@pytest.mark.parametrize("burst", ALL, ids=lambda burst: burst.name)
def test_the_file_has_a_pulse_where_it_should(burst: Burst) -> None:
    with wave.open(io.BytesIO(wav(burst))) as file:
        rate = file.getframerate()
        frames = memoryview(file.readframes(file.getnframes())).cast("h")
    for start in burst.starts:
        pulse = frames[int((start + 0.02) * rate) : int((start + burst.pulse_s - 0.02) * rate)]
        assert max(pulse) > 8_000
    between = [
        max(abs(n) for n in frames[int((a + burst.pulse_s) * rate) + 1 : int(b * rate) - 1])
        for a, b in zip(burst.starts, burst.starts[1:], strict=False)
    ]
    assert not any(between)
    assert max(frames) < 32_000
