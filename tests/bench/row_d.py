"""Rows d and g: an hour of treatment in virtual time, how fast it passes, what it loses, and what it leaves behind.

Both rows are of the same hour. Speed is model time over the process time of one core, so that a busy neighbour does not
count; the record lies in memory and is subtracted from what the process holds.
"""

from __future__ import annotations

from typing import Final

from .lab import Lab
from .measure import Check, Line, figures
from .treatment import MARK_S, Treatment, treat

FASTER: Final = 100.0
GROWN_BLOCKS: Final = 3_000
"""Python objects more at the end than after the first 10 minutes: 8 h of a leak of one object a second are 28,800."""
GROWN_MB: Final = 4.0
RECORD_MB: Final = 1.25
"""What 45 recorded minutes may cost in the database; the motor turns in nearly all of them."""
_hours: dict[bool, Treatment] = {}


def hour(lab: Lab) -> Treatment:
    """The hour, needled once for both rows; ten minutes when quick."""
    if lab.quick not in _hours:
        _hours[lab.quick] = treat(*((600.0, 60.0) if lab.quick else (3600.0, MARK_S)))
    return _hours[lab.quick]


def measure(lab: Lab) -> list[Line]:
    """Row d."""
    found = hour(lab)
    check = Check("faster than real time", found.model_s / found.cpu_s, FASTER, least=True, unit="× real time")
    what = f"{found.model_s / 60:.0f} min of treatment, whole stack, 50 Hz, one core"
    note = (
        f"{found.passes} passes, motor turning {found.turning_s / 60:.0f} min, {found.samples} samples; "
        f"on the wall {found.model_s / found.wall_s:.0f} × real time"
    )
    return [Line("d", what, "s", figures([found.cpu_s]), figures([found.model_s]), (check,), note)]


def memory(lab: Lab) -> list[Line]:
    """Row g."""
    found = hour(lab)
    missing = abs(found.expected - found.samples) if abs(found.expected - found.samples) > 1 else 0
    settled, last = found.marks[2], found.marks[-1]
    cost = (found.marks[9 if not lab.quick else -1].record - found.marks[0].record) / 1e6
    blocks = last.blocks - settled.blocks
    grown = ((last.rss - last.record) - (settled.rss - settled.record)) / 1e6
    checks = (
        Check("lost samples", float(found.lost + found.bad + missing), 0.0, unit="lost"),
        Check("Python objects more", float(blocks), float(GROWN_BLOCKS), unit="objects"),
        Check("memory more, the record apart", grown, GROWN_MB, unit="MB"),
        Check("45 min of record", cost, RECORD_MB, unit="MB"),
    )
    what = f"{found.samples} samples of 50 Hz telemetry in virtual time"
    note = f"growth from minute {settled.at_s / 60:.0f} to {last.at_s / 60:.0f}; the record itself: {last.record / 1e6:.1f} MB"
    return [Line("g", what, "", checks=checks, note=note)]
