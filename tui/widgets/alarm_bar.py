"""The alarm row: the first alarm in words, how many there are, and how long they stay silent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from devicectl.station.views import AlarmView
from tui.keys import DEFAULT, Keymap
from tui.theme import ALARMS, DIM
from tui.widgets.line_board import LineBoard, Row, width_of

WIDE: Final = 100


def alarm_row(
    alarms: Sequence[AlarmView], silenced_s: float, now: float, width: int, keymap: Keymap = DEFAULT
) -> tuple[Row, str]:
    """The row for alarms already in order, and what of the first one's sentence did not fit into it.

    ``now`` in s drives the flashing, which never blanks the text.
    """
    if not alarms:
        return ((" no alarms", DIM),), ""
    first = alarms[0]
    look = ALARMS[first.priority]
    half = look.half_period_s
    flashing = half is not None and first.active and not first.acknowledged
    on = not flashing or half is None or int(now / half) % 2 == 0
    tail = _tail(alarms, silenced_s, width, keymap)
    words = f"{first.text}{'' if first.active else ' (over)'}"
    shown, rest = _split(words, width - width_of(tail) - len(look.mark) - 3)
    return ((f" {look.mark} {shown} ", look.banner if on else look.plain), *tail), rest


def _tail(alarms: Sequence[AlarmView], silenced_s: float, width: int, keymap: Keymap) -> Row:
    """How many alarms there are, and what became of the sound."""
    wide = width >= WIDE
    place = f"  1 of {len(alarms)}  {keymap.shown('alarms')} all" if wide else f" 1/{len(alarms)}"
    key = keymap.shown("acknowledge")
    sound = f"  {key} silence" if wide else f" {key}"
    if silenced_s >= 1:
        sound = f"  silent {int(silenced_s)} s" if wide else f" {int(silenced_s)}s"
    elif alarms[0].acknowledged:
        sound = "  seen" if wide else " ok"
    return ((place, DIM), (sound, DIM))


def _split(words: str, room: int) -> tuple[str, str]:
    """``words`` in at most ``room`` cells, broken between words where that is possible, and the rest."""
    if len(words) <= room:
        return words, ""
    at = words.rfind(" ", 0, room)
    if at < room // 2:
        return words[: room - 1] + "…", words[room - 1 :]
    return words[:at] + "…", words[at + 1 :]


class AlarmBar(LineBoard):
    """Row 1 of every screen."""

    def __init__(self) -> None:
        super().__init__(1, id="alarm")
