"""Row h: what the dashboard costs while a motor turns, against the same data in Textual's stock widgets.

Both run at once, on the same station, in terminals of 120×40, and are measured in the same windows of time: processor
time of the process, bytes at its terminal. The station's share is measured before, with the dashboard alone.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil

from .lab import Lab, PenProcess, Terminal
from .measure import Check, Line, figures

WINDOW_S: Final = 4.0
FULL_S: Final = 6.0
"""Until the stock traces are full: 250 samples are 5 s."""
CPU: Final = 0.6
BYTES: Final = 0.3


def measure(lab: Lab) -> list[Line]:
    """All of row h."""
    database = lab.database()
    windows = 2 if lab.quick else 8
    with lab.pen() as pen, lab.station(database) as station, _screen(lab, "dashboard_process", pen, database) as ours:
        ours.ask("start VTX")
        ours.pass_time(1.0)
        alone = [_window([ours], [station.pid]) for _ in range(max(2, windows // 4))]
        with _screen(lab, "sparkline_app", pen, database) as stock:
            ours.pass_time(FULL_S, [stock])
            both = [_window([ours, stock], []) for _ in range(windows)]
    cpu, stock_cpu = (figures([window[i][0] for window in both]) for i in (0, 1))
    sent, stock_sent = (figures([window[i][1] for window in both]) for i in (0, 1))
    share = figures([window[1][0] for window in alone])
    return [
        Line("h", "dashboard 120×40, 10 fps, 50 Hz: CPU, against Sparklines", "%", cpu, stock_cpu, (Check("CPU ratio", cpu.median / stock_cpu.median, CPU),)),
        Line("h", "the same: bytes to the terminal", "kB/s", sent, stock_sent, (Check("bytes ratio", sent.median / stock_sent.median, BYTES),)),
        Line("h", "the station's share, one dashboard, motor turning", "%", share),
    ]  # fmt: skip


@contextlib.contextmanager
def _screen(lab: Lab, module: str, pen: PenProcess, database: Path) -> Iterator[Terminal]:
    with lab.terminal(["-m", f"bench.{module}", pen.address], database) as terminal:
        terminal.answer()
        yield terminal


def _window(terminals: list[Terminal], others: list[int]) -> list[tuple[float, float]]:
    """CPU in % of a core and kB/s of each terminal's process, then of each other process, over one window."""
    processes = [psutil.Process(t.child.pid) for t in terminals] + [psutil.Process(pid) for pid in others]

    def used() -> list[float]:
        return [times.user + times.system for times in (p.cpu_times() for p in processes)]

    sent, before, began = [t.bytes for t in terminals], used(), time.monotonic()
    terminals[0].pass_time(WINDOW_S, terminals[1:])
    after, wall = used(), time.monotonic() - began
    written = [(t.bytes - b) / wall / 1000 for t, b in zip(terminals, sent, strict=True)] + [0.0] * len(others)
    return [((b - a) / wall * 100, kb) for a, b, kb in zip(before, after, written, strict=True)]
