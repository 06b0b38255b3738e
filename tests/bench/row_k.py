"""Row k: one station drives 64 pens at 50 Hz, all motors turning, against another that drives one; in real time.

Both are there at the same time, with processes of their own, and are pressed by turns, so that whatever else the machine
does meets both. A press is one byte on the STOP socket, timed until STOP has arrived at each pen's end. Load is the
station's processor time for each pen.
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


async def press_by_turns(one: Fleet, many: Fleet, presses: int, alone: Seen, all_of_them: Seen) -> None:
    """STOP and start anew, both as often, in changing order. All pens run before and after."""
    for number in range(presses):
        pairs = [(one, alone), (many, all_of_them)]
        for running, seen in pairs if number % 2 else reversed(pairs):
            seen.stops += await running.press()
        await asyncio.gather(one.start_all(), many.start_all())


async def _run(lab: Lab, pens: int, one: Seen, many: Seen) -> None:
    async with fleet(lab, 1, lab.database()) as single, fleet(lab, pens, lab.database(), 100) as all_of_them:
        await asyncio.gather(single.start_all(), all_of_them.start_all())
        for _ in range(1 if lab.quick else 3):
            seconds = 2 if lab.quick else 10
            await asyncio.gather(watch(single, seconds, one), watch(all_of_them, seconds, many))
        await press_by_turns(single, all_of_them, 2 if lab.quick else 24, one, many)


def measure(lab: Lab) -> list[Line]:
    """One pen and many, pressed by turns."""
    pens = 4 if lab.quick else PENS
    one, many = Seen(), Seen()
    asyncio.run(_run(lab, pens, one, many))
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
