"""Errors against set-points as rows of text: tolerance, guard band and zero as lines, every reading as a dot.

A cell is drawn in quarters: readings from below stand in its left half, from above in its right one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from tui.theme import BRIGHT, DIM, FAINT, TEXT, TRACE, Ink
from tui.widgets.line_board import Row

SCALE: Final = 8
"""Cells at the left for the numbers of the scale."""
_QUARTERS: Final = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
"""By bits: 1 and 2 the upper quarters, 4 and 8 the lower ones."""
Column = Callable[[float], int]
ROOM: Final = 1.25
"""The scale goes so far beyond the tolerance, or as far as the readings go."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One reading: set-point and error in mm or Hz; ``mark`` is drawn instead of a dot where it is not empty."""

    set_to: float
    error: float
    up: bool
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """Limits at a set-point: ``limit`` is the tolerance, ``guarded`` what is left of it beside the uncertainty (None: not known yet)."""

    set_to: float
    limit: float
    guarded: float | None = None


def error_plot(
    dots: Sequence[Dot],
    bands: Sequence[Band],
    width: int,
    height: int,
    *,
    places: int = 2,
    ascii: bool = False,
    line: Sequence[tuple[float, float]] = (),
) -> list[Row]:
    """``height`` rows of ``width`` cells, the last with the scale of set-points; ``line`` is joined from point to point."""
    columns, rows = max(8, width - SCALE), max(3, height - 1)
    most = max([ROOM * band.limit for band in bands] + [1.05 * abs(dot.error) for dot in dots], default=1.0) or 1.0
    places_x = sorted({band.set_to for band in bands} | {dot.set_to for dot in dots})
    low, high = (places_x[0], places_x[-1]) if places_x else (0.0, 1.0)
    span = (high - low) or 1.0

    def column(set_to: float) -> int:
        return 1 + round((set_to - low) / span * (columns - 3))

    def fine(value: float) -> int:
        """Half rows from the top."""
        return min(rows * 2 - 1, max(0, round((1 - value / most) / 2 * (rows * 2 - 1))))

    def row(value: float) -> int:
        return fine(value) // 2

    cells: list[list[tuple[str, Ink]]] = [[(" ", DIM)] * columns for _ in range(rows)]
    _limits(cells, bands, columns, column, row)
    _joined(cells, line, column, row)
    dotted: dict[tuple[int, int], int] = {}
    for dot in dots:
        x = column(dot.set_to)
        if dot.mark or ascii:
            cells[row(dot.error)][min(columns - 1, x + (0 if dot.up else 1)) if ascii else x] = (
                dot.mark or ("○" if dot.up else "×"),
                BRIGHT,
            )
            continue
        half = fine(dot.error)
        place = (half // 2, x)
        dotted[place] = dotted.get(place, 0) | (1 if dot.up else 2) << 2 * (half % 2)
    for (y, x), bits in dotted.items():
        if cells[y][x][0] not in "✖?":
            cells[y][x] = (_QUARTERS[bits], BRIGHT)
    labels = {row(0.0): 0.0}
    if bands:
        limit = max(band.limit for band in bands)
        labels |= {row(limit): limit, row(-limit): -limit}
    out = []
    for y, drawn in enumerate(cells):
        label = f"{labels[y]:+.{places}f}" if labels.get(y) else "0" if y in labels else ""
        out.append(((f"{label:>{SCALE - 1}}", DIM), ("│", FAINT), *_runs(drawn)))
    return [*out, _foot(places_x, columns, column)]


def _limits(
    cells: list[list[tuple[str, Ink]]], bands: Sequence[Band], columns: int, column: Column, row: Column
) -> None:
    """Zero, the guard band and the tolerance over the whole width; where they change from point to point they are stepped."""
    for x in range(columns):
        cells[row(0.0)][x] = ("·", DIM)
        if not bands:
            continue
        band = min(bands, key=lambda one: abs(column(one.set_to) - x))
        for sign in (1, -1):
            if band.guarded is not None:
                cells[row(sign * band.guarded)][x] = ("─", DIM)
            cells[row(sign * band.limit)][x] = ("━", TEXT)


def _joined(
    cells: list[list[tuple[str, Ink]]], line: Sequence[tuple[float, float]], column: Column, row: Column
) -> None:
    for (x0, y0), (x1, y1) in pairwise(line):
        first, last = column(x0), column(x1)
        for x in range(first, last + 1):
            share = (x - first) / ((last - first) or 1)
            cells[row(y0 + (y1 - y0) * share)][x] = ("≈", TRACE)


def _runs(cells: list[tuple[str, Ink]]) -> Row:
    parts: list[tuple[str, Ink]] = []
    for words, ink in cells:
        if parts and parts[-1][1] is ink:
            parts[-1] = (parts[-1][0] + words, ink)
        else:
            parts.append((words, ink))
    return tuple(parts)


def _foot(set_points: Sequence[float], columns: int, column: Column) -> Row:
    letters = [" "] * columns
    free = 0
    for set_to in set_points:
        label = f"{set_to:g}"
        at = max(0, min(columns - len(label), column(set_to) - len(label) // 2))
        if at >= free:
            letters[at : at + len(label)] = label
            free = at + len(label) + 1
    return ((" " * SCALE, DIM), ("".join(letters), DIM))
