"""A gauge of one row: faint track, heavier band of the range in order, bright pointer. And progress bars."""

from __future__ import annotations

from tui.theme import ALARMS, BAND, BRIGHT, DIM, FAINT
from tui.widgets.line_board import Part, Row


def _join(cells: list[Part]) -> Row:
    parts: list[Part] = []
    for char, style in cells:
        if parts and parts[-1][1] is style:
            parts[-1] = (parts[-1][0] + char, style)
        else:
            parts.append((char, style))
    return tuple(parts)


def gauge(
    value: float, low: float, high: float, band: tuple[float, float] | None, width: int, abnormal: bool = False
) -> Row:
    """``value`` on a scale from ``low`` to ``high``; ``abnormal`` is the only cause for the alarm colour."""
    if width < 4 or high <= low:
        return ()

    def place(v: float) -> int:
        return min(width - 1, max(0, round((v - low) / (high - low) * (width - 1))))

    a, b = (place(band[0]), place(band[1])) if band is not None else (width, -1)
    cells: list[Part] = [("━", BAND) if a <= i <= b else ("─", FAINT) for i in range(width)]
    cells[place(value)] = ("◆", ALARMS["medium"].plain if abnormal else BRIGHT)
    return _join(cells)


def bar(share: float, width: int, dim: bool = False) -> Row:
    """A progress bar; ``share`` is cut to 0..1."""
    full = min(width, max(0, round(share * width)))
    return _join([("━", DIM if dim else BAND)] * full + [("─", FAINT)] * (width - full))
