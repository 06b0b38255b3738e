"""Plays a schedule on a simulated pen, on the running loop's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from drivers.api import PenState

from .faults import TimedFault
from .pen import SimulatedPen
from .schedule import Chance, Condition, Entry, Schedule
from .surroundings import HANDS, HAPPENINGS

LOOK_S: Final = 0.01
"""How often a condition is looked at while something waits for it."""

Others = Callable[[str, Any, bool], None]
"""Takes what is not for the pen: name, value, and True when it begins or happens, False when it is over."""


class Player:
    """Begins when it is made. What the schedule says of clients, station, disk and clock goes to ``others``.

    ``played`` collects (loop time, name, value, begins) of all that happened. Raises ``ValueError`` for a schedule that
    needs ``others`` when there are none. ``number`` is the pen's among several, from 0.
    """

    def __init__(
        self, pen: SimulatedPen, schedule: Schedule, seed: int, others: Others | None = None, number: int = 0
    ) -> None:
        if others is None and schedule.of_stack is not None:
            raise ValueError(f"{schedule.of_stack} happens on the computer, not in the pen: devicectl soak can do it.")
        self.played: list[tuple[float, str, Any, bool]] = []
        self._pen = pen
        self._others = others
        self._loop = asyncio.get_running_loop()
        self._handles: set[asyncio.TimerHandle] = set()
        self._over: set[Callable[[], None]] = set()
        for index, entry in enumerate(schedule.faults):
            if entry.concerns(number):
                self._wait(entry, Chance(seed, index), 1)

    def close(self) -> None:
        """Nothing of it happens any more; what goes on is over."""
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()
        for over in tuple(self._over):
            over()

    # -- when

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        def fire() -> None:
            self._handles.discard(handle)
            call()

        handle = self._loop.call_later(seconds, fire)
        self._handles.add(handle)

    def _wait(self, entry: Entry, chance: Chance, turn: int) -> None:
        """Until the condition holds, and ``at`` after that; for the first time only ``at`` when there is no condition."""
        if entry.when is not None and not self.holds(entry.when):
            self._later(LOOK_S, partial(self._wait, entry, chance, turn))
            return
        delay = chance.span(entry.at) if entry.when is not None or turn == 1 else 0.0
        self._later(delay, partial(self._due, entry, chance, turn))

    def _due(self, entry: Entry, chance: Chance, turn: int) -> None:
        lasts = None if entry.lasts is None else chance.span(entry.lasts)
        if chance.happens(entry.chance):
            self._begin(entry, lasts)
        if entry.every is not None and (entry.times is None or turn < entry.times):
            self._later(chance.span(entry.every), partial(self._wait, entry, chance, turn + 1))

    def holds(self, condition: Condition) -> bool:
        """Whether it is so with the pen now."""
        pen = self._pen
        truth = pen.truth
        match condition:
            case "connected":
                return pen.firmware.session
            case "armed":
                return truth.state is PenState.ARMED
            case "running":
                return truth.state is PenState.RUNNING
            case "paused":
                return truth.state is PenState.PAUSED
            case "latched":
                return truth.state.latched
            case "turning":
                return truth.turning
            case "still":
                return not truth.turning
            case "contact":
                return truth.contact

    # -- what

    def _begin(self, entry: Entry, lasts: float | None) -> None:
        name, value = entry.name, entry.amount
        self.played.append((self._loop.time(), name, value, True))
        if name in HANDS:
            end = self._hand(name, value)
        elif name in HAPPENINGS:
            assert self._others is not None
            self._others(name, value, True)
            end = partial(self._others, name, value, False)
        else:
            fault = TimedFault(0.0, None, {name: value})
            self._pen.begin(fault)
            end = partial(self._pen.end, fault)
        if not entry.lasting:
            return

        def over() -> None:
            self._over.discard(over)
            self.played.append((self._loop.time(), name, value, False))
            end()

        self._over.add(over)
        if lasts is not None:
            self._later(lasts, over)

    def _hand(self, name: str, value: Any) -> Callable[[], None]:
        pen = self._pen
        match name:
            case "hand.button" if pen.profile.button:
                pen.press_button()
            case "hand.footswitch" if pen.profile.footswitch:
                pen.footswitch(True)
                return partial(pen.footswitch, False)
            case "hand.cartridge" if pen.firmware.cartridge is not None:
                return partial(pen.insert_cartridge, pen.remove_cartridge())
            case "hand.press":
                pen.press(float(value))
                return partial(pen.press, None)
        return lambda: None
