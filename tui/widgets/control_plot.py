"""A control chart of individuals as rows of text: centre and limits as lines, each check as a mark, the newest at the right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.theme import BRIGHT, DIM, FAINT, TEXT, Ink
from tui.widgets.line_board import Row

if TYPE_CHECKING:
    from devicectl.calibration.chart import Chart

SCALE: Final = 9
STEP: Final = 2
"""Cells from check to check."""


def control_plot(chart: Chart, width: int, height: int, places: int) -> list[Row]:
    """``height`` rows of ``width`` cells. A check that breaks a rule is marked ``✖``."""
    columns = max(STEP, width - SCALE - 1)
    first = max(0, len(chart.values) - columns // STEP)
    shown = chart.values[first:]
    limits = chart.limits
    ends: list[float] = [*shown, *((limits.upper, limits.lower) if limits is not None else ()), 0.0]
    margin = 0.1 * ((max(ends) - min(ends)) or 1.0)
    low, high = min(ends) - margin, max(ends) + margin

    def row(value: float) -> int:
        place: int = round((high - value) / (high - low) * (height - 1))
        return min(height - 1, max(0, place))

    cells: list[list[tuple[str, Ink]]] = [[(" ", DIM)] * columns for _ in range(height)]
    labels: dict[int, str] = {}
    lines = [] if limits is None else [(limits.centre, "─", DIM), (limits.upper, "━", TEXT), (limits.lower, "━", TEXT)]
    for value, mark, ink in lines or [(0.0, "·", DIM)]:
        cells[row(value)] = [(mark, ink)] * columns
        labels[row(value)] = f"{value:+.{places}f}"
    broken = {signal.index for signal in chart.signals}
    for at, value in enumerate(shown, first):
        cells[row(value)][(at - first) * STEP] = ("✖" if at in broken else "○", BRIGHT)
    return [
        ((f"{labels.get(y, ''):>{SCALE}}", DIM), ("│", FAINT), *((mark, ink) for mark, ink in drawn))
        for y, drawn in enumerate(cells)
    ]
