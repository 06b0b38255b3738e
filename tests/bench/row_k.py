"""Row k: one station drives 64 pens at 50 Hz, all motors turning, against the same with one pen; by turns, in real time.

A press is one byte on the STOP socket, timed until STOP has arrived at each pen's end. Load is the station's processor
time for each pen.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

from .fleet import Fleet, fleet
from .lab import Lab
from .measure import Check, Line, figures, ratios

PENS: Final = 64
RATE_HZ: Final = 50.0
STOPS: Final = 3.0
"""Issue: the stop latency while all run lies within so many times that with one pen."""
DEARER: Final = 1.5


@dataclass
class Seen:
    """Of fleets of one size: ms of each pen's STOP, station's CPU share for each pen in %, and what the pens told."""

    stops: list[float] = field(default_factory=list)
    load: list[float] = field(default_factory=list)
    lost: int = 0
    slowest_hz: float = RATE_HZ
    seconds: float = 0.0
    grown_mb: float = 0.0


async def watch(running: Fleet, seconds: float, seen: Seen) -> None:
    """Let it run for a while, and see what is lost and what it costs."""
    count, station = len(running.addresses), running.station
    before, cpu, memory, began = await running.pens(), station.cpu_times(), station.memory_info().rss, time.monotonic()
    await asyncio.sleep(seconds)
    after, later, lasted = await running.pens(), station.cpu_times(), time.monotonic() - began
    seen.load.append((later.user + later.system - cpu.user - cpu.system) / lasted / count * 100)
    seen.lost += sum(pen["lost_samples"] for pen in after)
    heard = [b["samples"] - a["samples"] for a, b in zip(before, after, strict=True)]
    seen.slowest_hz = min(seen.slowest_hz, min(heard) / lasted)
    seen.seconds += seconds
    seen.grown_mb = (station.memory_info().rss - memory) / 1e6


async def _turn(lab: Lab, count: int, presses: int, seconds: float, seen: Seen) -> None:
    async with fleet(lab, count, lab.database()) as running:
        await running.start_all()
        await watch(running, seconds, seen)
        for _ in range(presses):
            seen.stops += await running.press()
            await running.start_all()


def measure(lab: Lab) -> list[Line]:
    """One pen and many, in rounds by turns."""
    pens = 4 if lab.quick else PENS
    one, many = Seen(), Seen()
    for _ in range(1 if lab.quick else 3):
        for count, seen in ((1, one), (pens, many)):
            asyncio.run(_turn(lab, count, 2 if lab.quick else 8, 2 if lab.quick else 10, seen))
    ours, alone = figures(many.stops), figures(one.stops)
    stops = Line(
        "k",
        f"STOP byte → STOP at each of {pens} running pens, against one pen",
        "ms",
        ours,
        alone,
        ratios(ours, alone, STOPS, tail=True),
        f"{ours.n} stops of {ours.n // pens} presses",
    )
    load = Line(
        "k",
        f"the station's load for each pen, {pens} pens at 50 Hz",
        "% of a core",
        figures(many.load),
        figures(one.load),
        (
            Check("a pen among many, over one alone", sum(many.load) / sum(one.load), DEARER),
            Check("lost samples", float(many.lost), 0.0, unit="lost"),
        ),
        f"{many.seconds:.0f} s; the slowest pen was heard {many.slowest_hz:.2f} times a second",
    )
    return [stops, load]
