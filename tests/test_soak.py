"""Hours of treatment in virtual time: nothing is lost and nothing piles up. ``make soak``."""

import pytest
from bench.treatment import treat

HOURS = 8


@pytest.mark.soak
def test_eight_hours_of_50_hz_telemetry_lose_nothing_and_leave_nothing() -> None:
    """With the whole stack: runs, pauses, zones, record, a screen's views. The record lies in memory: not counted."""
    found = treat(HOURS * 3600.0, 1800.0)
    assert found.lost == 0
    assert found.bad == 0
    assert abs(found.samples - found.expected) <= 1
    assert found.expected > (HOURS * 3600 - 30) * 50
    assert found.passes > HOURS * 50
    # The first hour fills what is bounded (log, trace, statement caches); from then on it must be flat.
    settled, last = found.marks[1], found.marks[-1]
    assert last.at_s - settled.at_s >= (HOURS - 1.6) * 3600
    assert last.blocks - settled.blocks < 2_000
    assert (last.rss - last.record) - (settled.rss - settled.record) < 8e6
