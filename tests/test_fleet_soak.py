"""64 pens at 50 Hz on one station for ten minutes of real time: nothing is lost, nothing grows. ``make soak``."""

import asyncio
import os

import pytest
from bench.fleet import Fleet, fleet
from bench.lab import Lab
from bench.measure import figures
from bench.row_k import PENS, STOPS, Seen, press_by_turns, watch

MINUTES = 10
MINUTE_S = 60.0
GROWN_MB = 24.0
"""Over nine minutes and 64 pens: a leak of ten bytes for each sample would be 17 MB."""
pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


async def keep_running(running: Fleet) -> None:
    """A run lasts three minutes at most: each pen is started anew in the middle of a minute of its own."""
    for number, hand in enumerate(running.hands):
        await asyncio.sleep(90 / len(running.hands))
        await hand.ask("run.end")
        await hand.start()
        assert number < PENS


async def soak(lab: Lab) -> tuple[Seen, Seen, list[float]]:
    one, many, sizes = Seen(), Seen(), []
    async with fleet(lab, PENS, lab.database()) as running:
        await running.start_all()
        for minute in range(MINUTES):
            renewing = asyncio.create_task(keep_running(running)) if minute % 2 == 1 else None
            await watch(running, MINUTE_S, many)
            sizes.append(running.station.memory_info().rss / 1e6)
            if renewing is not None:
                await renewing
        async with fleet(lab, 1, lab.database(), 100) as alone:
            await alone.start_all()
            await press_by_turns(alone, running, 24, one, many)
    return one, many, sizes


def test_ten_minutes_of_64_pens() -> None:
    with Lab() as lab:
        one, many, sizes = asyncio.run(soak(lab))
    assert many.lost == 0
    assert many.slowest_hz > 49.5
    assert sizes[-1] - sizes[0] < GROWN_MB, sizes
    # A machine with other things to do tells how long it let a byte wait, not how long the station did.
    if os.getloadavg()[0] <= (os.cpu_count() or 1):
        assert figures(many.stops).median < STOPS * figures(one.stops).median
