"""The alarm row: the first alarm in words, how many there are, and how long they stay silent."""

from __future__ import annotations

from collections.abc import Sequence

from devicectl.station.views import AlarmView
from tui.theme import ALARMS, DIM
from tui.widgets.line_board import LineBoard, Row, width_of


def alarm_row(alarms: Sequence[AlarmView], silenced_s: float, now: float, width: int) -> Row:
    """The row for alarms already in order; ``now`` in s drives the flashing, which never blanks the text."""
    if not alarms:
        return ((" no alarms", DIM),)
    first = alarms[0]
    look = ALARMS[first.priority]
    half = look.half_period_s
    flashing = half is not None and first.active and not first.acknowledged
    on = not flashing or half is None or int(now / half) % 2 == 0
    gone = "" if first.active else " (over)"
    wide = width >= 100
    place = f"  1 of {len(alarms)}" if wide else f" 1/{len(alarms)}"
    sound = "  a silence" if wide else " a"
    if silenced_s >= 1:
        sound = f"  silent {int(silenced_s)} s" if wide else f" {int(silenced_s)}s"
    elif first.acknowledged:
        sound = "  seen" if wide else " ok"
    tail: Row = ((place, DIM), (sound, DIM))
    room = width - width_of(tail) - 6
    text = f" {look.mark} {first.text}{gone} "
    if len(text) > room + 6:
        text = text[: room + 5] + "…"
    return ((text, look.banner if on else look.plain), *tail)


class AlarmBar(LineBoard):
    """Row 1 of every screen."""

    def __init__(self) -> None:
        super().__init__(1, id="alarm")
