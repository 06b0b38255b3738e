"""Row j: a key's byte written to the terminal until its reaction is drawn there, while a motor turns and 50 Hz come in.

The dashboard as in row h, in a terminal of 120×40; the reference is an app of one line in a terminal of the same size,
pressed in turn with it. First the key itself, shown in the row of keys as soon as it is heard; then what it does, which
waits 30 ms until it is known that no scanner types. The keys are two that are refused while the motor turns, each in its
own words, because nothing else on the screen can be taken for their reaction.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

from .lab import Lab, Terminal
from .measure import Line, figures, ratios

BOUND: Final = 2.0
OURS: Final = ((b"i", "› i".encode(), b"values are typed"), (b"s", "› s".encode(), b"sessions are opened"))
EMPTY: Final = ((b"i", b"pressed: i"), (b"s", b"pressed: s"))
APART_S: Final = (0.12, 0.32)
"""Presses fall anywhere between two frames."""


def measure(lab: Lab) -> list[Line]:
    """Row j."""
    database = lab.database()
    with (
        lab.pen() as pen,
        lab.station(database),
        lab.terminal(["-m", "bench.dashboard_process", pen.address], database) as ours,
        lab.terminal(["-m", "bench.empty_app", pen.address], database) as empty,
    ):
        ours.answer()
        empty.answer()
        ours.ask("start VTX")
        found = Series(ours, OURS), Series(empty, EMPTY)
        chance = random.Random(1)
        for turn in range(6 if lab.quick else 120):
            for series in found if turn % 2 else found[::-1]:
                ours.pass_time(chance.uniform(*APART_S), [empty])
                series.press(turn)
    heard, done, bare = figures(found[0].heard), figures(found[0].done), figures(found[1].heard)
    what = "key → drawn, treatment screen, motor turning, 50 Hz, against an empty app"
    return [
        Line("j", what, "ms", heard, bare, ratios(heard, bare, BOUND, tail=True), f"{heard.n} presses each"),
        Line("j", "the same: what the key does", "ms", done, bare, ratios(done, bare, tail=True)),
    ]


@dataclass(slots=True)
class Series:
    """Presses in one terminal: ms until the first text was drawn, and until the last was."""

    terminal: Terminal
    keys: tuple[tuple[bytes, ...], ...]
    heard: list[float] = field(default_factory=list)
    done: list[float] = field(default_factory=list)

    def press(self, turn: int) -> None:
        """The next key."""
        times = self.terminal.shows(*self.keys[turn % len(self.keys)])
        self.heard.append(times[0] * 1000)
        self.done.append(times[-1] * 1000)
