"""How long what is read now may have waited: the loop looks at its sockets before it looks at its timers."""

from __future__ import annotations

from devicectl.station.pulse import Pulse


class Clock:
    def __init__(self) -> None:
        self.ms = 5_000

    def __call__(self) -> int:
        return self.ms * 1000


def test_a_loop_that_runs_is_never_behind() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    for _ in range(20):
        clock.ms += 130
        assert pulse.behind() == 0.0
        assert pulse.beat() == 0.0
        assert pulse.behind() == 0.0


def test_what_is_read_before_the_first_beat_after_a_standstill_is_late() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    clock.ms += 2_100
    assert pulse.behind() == 2.1
    assert pulse.beat() == 2.1


def test_what_is_read_shortly_after_waking_may_have_waited_too() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    clock.ms += 2_000
    pulse.beat()
    clock.ms += 100
    pulse.beat()
    clock.ms += 100
    assert pulse.behind() == 2.2
    pulse.beat()
    clock.ms += 300
    assert pulse.behind() == 0.0
