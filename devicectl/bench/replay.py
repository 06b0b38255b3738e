"""A capture played into the driver's own decoding: the same inputs as the pen object gave when the bytes were live."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from drivers.api import PenInput
from drivers.penlink.messages import ResultMessage
from drivers.penlink.replay import Replay
from drivers.tap import Way

from .capture_file import Damage, Kind, Record

Item = Record | Damage
MAX: Final = float("inf")
LONGEST_PAUSE_S: Final = 3600.0
"""A longer silence is shortened to nothing: nobody waits for it, and a forged time must not hold up a replay for ever."""


class Player:
    """Records in, inputs out, in order. ``trouble`` holds a sentence for each place that could not be replayed."""

    def __init__(
        self,
        deliver: Callable[[PenInput], None],
        on_result: Callable[[ResultMessage], None] = lambda result: None,
    ) -> None:
        self.trouble: list[str] = []
        self._replay = Replay(deliver, on_result)

    @property
    def statistics(self) -> Any:
        """The counters of the link, as the pen object had them."""
        return self._replay.statistics

    def take(self, item: Item) -> None:
        """One record, or a place where one is missing."""
        if isinstance(item, Damage):
            self.trouble.append(item.text)
        elif item.kind is Kind.BYTES:
            if item.way is Way.IN:
                self._replay.heard(item.channel, item.data, item.at)
        elif item.kind is Kind.KNOWN:
            self._replay.known(item.data)
        elif item.kind is Kind.MARK:
            self._mark(item)

    def _mark(self, record: Record) -> None:
        mark = record.mark()
        if mark is None:
            return
        try:
            self._replay.marked(mark, record.facts(), record.at)
        except ValueError as error:
            self.trouble.append(f"The pen's connection at record {record.number} cannot be replayed: {error}.")


def paced(items: Iterable[Item], speed: float | None) -> Iterator[Item]:
    """``items`` at their own pace times ``speed``, by sleeping; None or infinite for as fast as can be."""
    clock, begun = Clock(), time.monotonic()
    for item in items:
        if speed is not None and speed < MAX and isinstance(item, Record):
            time.sleep(max(0.0, begun + clock.due(item) / speed - time.monotonic()))
        yield item


class Clock:
    """When a record is due, in s since the first one. It never goes back, and knows no silence of more than an hour."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._due = 0.0

    def due(self, record: Record) -> float:
        """To be asked once for each record, in order."""
        step = 0.0 if self._last is None else record.at - self._last
        self._last = record.at
        self._due += step if 0 < step <= LONGEST_PAUSE_S else 0.0
        return self._due


def inputs(items: Iterable[Item]) -> list[PenInput]:
    """Everything a listener of the pen object was told."""
    found: list[PenInput] = []
    player = Player(found.append)
    for item in items:
        player.take(item)
    return found
