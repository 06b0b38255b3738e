"""The last seconds of telemetry, kept once and read by every screen from where it left off."""

from __future__ import annotations

from collections import deque
from itertools import islice

from drivers.api import Telemetry

from .views import TraceView

KEEP = 512
Row = tuple[int, int | None, int | None, int | None]


class Trace:
    """A bounded ring with absolute positions, so that readers of different speed share it."""

    def __init__(self) -> None:
        self._rows: deque[Row] = deque(maxlen=KEEP)
        self.end = 0
        """Position after the newest row; rises for ever."""

    def sample(self, sample: Telemetry) -> None:
        """Add one sample."""
        self._rows.append((sample.clock_ms, sample.depth_um, sample.rate_mhz, sample.current_ma))
        self.end += 1

    def gap(self) -> None:
        """Mark missing samples: the line is broken there."""
        clock = self._rows[-1][0] if self._rows else 0
        if self._rows and self._rows[-1][1] is not None:
            self._rows.append((clock, None, None, None))
            self.end += 1

    def since(self, position: int) -> TraceView | None:
        """Rows from ``position`` on (as many as are kept), oldest first; None when there are none."""
        count = min(self.end - position, len(self._rows))
        if count <= 0:
            return None
        rows = list(islice(self._rows, len(self._rows) - count, None))
        clock, depth, rate, current = zip(*rows, strict=True)
        return TraceView(clock, depth, rate, current)
