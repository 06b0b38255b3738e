"""Braille traces over the pen's own clock: the least and greatest value of each time slice, a gap where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.segment import Segment
from textual.strip import Strip

from tui.theme import SCALE, TRACE
from tui.widgets.drawn import Drawn

_DOTS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
SLICE_MS: Final = 200
KEEP: Final = 1024
_LATE_MS: Final = 600
"""Telemetry may come this late before the trace moves on and leaves a gap."""

Slice = tuple[float, float] | None


class TraceBuffer:
    """Slices of 200 ms, oldest first, at most 1024 of them."""

    def __init__(self, slice_ms: int = SLICE_MS) -> None:
        self.slice_ms = slice_ms
        self.slices: list[Slice] = []
        self.version = 0
        self._open: int | None = None
        self._values: list[float] = []
        self._last_ms = 0

    def clear(self) -> None:
        """Forget everything."""
        self.slices.clear()
        self._values.clear()
        self._open, self._last_ms = None, 0
        self.version += 1

    def feed(self, clock_ms: Sequence[int], values: Iterable[float | None]) -> None:
        """Add samples; None is a sample that is missing. A clock that falls is a reboot: a gap, then on."""
        for at, value in zip(clock_ms, values, strict=True):
            if at < self._last_ms:
                self._close()
                self._push(None)
                self._open = None
            self._last_ms = at
            self._move_to(at // self.slice_ms)
            if value is not None:
                self._values.append(value)

    def pass_time(self, since_ms: float) -> None:
        """Let the trace move on when nothing has come for ``since_ms`` since the newest sample."""
        if self._open is not None and since_ms > _LATE_MS:
            self._move_to(int(self._last_ms + since_ms - _LATE_MS) // self.slice_ms)

    def _move_to(self, index: int) -> None:
        if self._open is None:
            self._open = index
        if index <= self._open:
            return
        self._close()
        for _ in range(min(KEEP, index - self._open - 1)):
            self._push(None)
        self._open = index

    def _close(self) -> None:
        if self._open is None:
            return
        self._push((min(self._values), max(self._values)) if self._values else None)
        self._values.clear()

    def _push(self, piece: Slice) -> None:
        self.slices.append(piece)
        del self.slices[:-KEEP]
        self.version += 1


def braille(slices: Sequence[Slice], low: float, high: float, width: int, height: int) -> list[str]:
    """The newest ``2 * width`` slices as ``height`` rows of ``width`` cells, joined where they follow each other."""
    cells = [[0] * width for _ in range(height)]
    shown = slices[-2 * width :]
    dots, span = height * 4, (high - low) or 1.0
    before: tuple[int, int] | None = None
    for i, piece in enumerate(shown, 2 * width - len(shown)):
        if piece is None:
            before = None
            continue
        bottom, top = (dots - 1 - min(dots - 1, max(0, round((v - low) / span * (dots - 1)))) for v in piece)
        here = (top, bottom)
        if before is not None:
            top, bottom = min(top, before[1]), max(bottom, before[0])
        before = here
        column, side = divmod(i, 2)
        for dot in range(top, bottom + 1):
            cells[dot >> 2][column] |= _DOTS[side][dot & 3]
    return ["".join(chr(0x2800 + bits) if bits else " " for bits in row) for row in cells]


def ascii_trace(slices: Sequence[Slice], low: float, high: float, width: int, height: int) -> list[str]:
    """As `braille`, in ASCII: three levels in a cell, and a bar where the value runs through it."""
    cells = [[" "] * width for _ in range(height)]
    shown = slices[-2 * width :]
    span = (high - low) or 1.0
    for column in range(width):
        first = 2 * column - (2 * width - len(shown))
        pieces = [shown[i] for i in (first, first + 1) if 0 <= i < len(shown)]
        known = [piece for piece in pieces if piece is not None]
        if not known:
            continue
        levels = [
            min(3 * height - 1, max(0, round((v - low) / span * (3 * height - 1))))
            for v in (min(p[0] for p in known), max(p[1] for p in known))
        ]
        for level in range(levels[0] // 3, levels[1] // 3 + 1):
            within = {n % 3 for n in range(levels[0], levels[1] + 1) if n // 3 == level}
            cells[height - 1 - level][column] = "|" if len(within) == 3 else "_-^"[max(within)]
    return ["".join(row) for row in cells]


class BrailleTrace(Drawn):
    """A scrolling trace of one buffer on a fixed scale, with the scale's ends at its right."""

    def __init__(self, buffer: TraceBuffer, id: str | None = None) -> None:
        super().__init__(id=id)
        self.buffer = buffer
        self.low, self.high, self.ends = 0.0, 1.0, ("", "")
        self._seen: object = None
        self._rows: list[str] = []

    def scale(self, low: float, high: float, ends: tuple[str, str]) -> None:
        """Fix the scale: its ends as numbers and as text (top, bottom)."""
        self.low, self.high, self.ends = low, high, ends

    def tick(self) -> bool:
        """Repaint when a slice was completed since the last time; answers whether."""
        seen = (self.buffer.version, self.low, self.high, self.size)
        if seen == self._seen:
            return False
        self._seen = seen
        self.refresh()
        return True

    def render_line(self, y: int) -> Strip:
        """One row."""
        width, base, look = self.size.width, self.rich_style, self.look
        if y == 0 or not self._rows:
            draw = ascii_trace if look.ascii else braille
            self._rows = draw(self.buffer.slices, self.low, self.high, max(1, width - 6), self.size.height)
        label = self.ends[0] if y == 0 else self.ends[1] if y == self.size.height - 1 else ""
        row = self._rows[y] if y < len(self._rows) else ""
        parts = [Segment(row, base + look.style(TRACE)), Segment(f"{label:>6}", base + look.style(SCALE))]
        return Strip(parts).adjust_cell_length(width, base)
