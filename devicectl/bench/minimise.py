"""From a run that broke a rule to the fewest happenings that break it again, as a schedule and a capture."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from devicectl.about import VERSION
from drivers.tap import STREAM, Mark, Way
from simulator.schedule import Entry, Schedule

from .capture_file import Kind, Writer
from .oracle import Violation
from .soak import Plan, Result, quiet, run

WINDOWS_S: Final = (15.0, 40.0, 120.0)
"""How much before the violation is tried first, in a stack that was just begun."""
BUDGET_S: Final = 60.0
AFTER_S: Final = 1.0
_EPOCH_NS: Final = 1_790_000_000_000_000_000


@dataclass(frozen=True, slots=True)
class Smallest:
    """What is left: a plan that breaks the same rule, of ``before`` happenings ``len(plan.schedule.faults)`` are left."""

    plan: Plan
    violation: Violation
    before: int
    runs: int


def minimise(result: Result, budget_s: float = BUDGET_S) -> Smallest:
    """The smallest plan that was found within ``budget_s`` real seconds."""
    violation = result.violations[0]
    before = [entry for entry in result.played if _at(entry) <= result.model_s]
    search = _Search(result.plan, violation.rule, time.perf_counter() + budget_s)
    end = min(result.model_s, result.plan.seconds)
    entries, seconds = before, result.plan.seconds if result.model_s > result.plan.seconds else end + AFTER_S
    if not search.breaks(entries, seconds):
        return Smallest(result.plan, violation, len(before), search.runs)
    for window in WINDOWS_S:
        late = [_moved(entry, window - end) for entry in before if _at(entry) >= end - window]
        if window < end and search.breaks(late, window + AFTER_S):
            entries, seconds = late, window + AFTER_S
            break
    entries = _fewest(entries, lambda some: search.breaks(some, seconds))
    plan = search.plan(entries, seconds)
    return Smallest(plan, search.found or violation, len(before), search.runs)


class _Search:
    def __init__(self, plan: Plan, rule: str, until: float) -> None:
        self._plan, self._rule, self._until = plan, rule, until
        self.runs = 0
        self.found: Violation | None = None

    def plan(self, entries: Sequence[Entry], seconds: float) -> Plan:
        schedule = Schedule(
            about=f"What breaks the rule {self._rule!r}.",
            seed=self._plan.seed,
            seconds=round(seconds, 3),
            people=False,
            links=(self._plan.link,),
            faults=tuple(entries),
        )
        return replace(self._plan, schedule=schedule, seconds=schedule.seconds)

    def breaks(self, entries: Sequence[Entry], seconds: float) -> bool:
        """Whether these happenings alone break the same rule; False when the time for the search is over."""
        if time.perf_counter() > self._until:
            return False
        self.runs += 1
        found = run(self.plan(entries, seconds)).violations
        same = [one for one in found if one.rule == self._rule]
        if same:
            self.found = same[0]
        return bool(same)


def _fewest(entries: Sequence[Entry], breaks: Callable[[Sequence[Entry]], bool]) -> list[Entry]:
    """Delta debugging: leave out halves, quarters, …, single ones, for as long as that breaks the rule."""
    left, parts = list(entries), 2
    while len(left) > 1 and parts <= 2 * len(left):
        size = max(1, -(-len(left) // parts))
        for begin in range(0, len(left), size):
            rest = left[:begin] + left[begin + size :]
            if breaks(rest):
                left, parts = rest, max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts *= 2
    return left


def _at(entry: Entry) -> float:
    return entry.at if isinstance(entry.at, float | int) else entry.at[0]


def _moved(entry: Entry, by: float) -> Entry:
    return entry.model_copy(update={"at": round(max(0.0, _at(entry) + by), 6)})


# -- a capture of it


class FileTap:
    """Writes what passes on a simulated pen's link in virtual time into a capture file."""

    def __init__(self, path: Path, address: str) -> None:
        header = {"address": address, "pen": None, "origin": "simulated", "program": VERSION}
        self._writer = Writer(path, header, 0.0, _EPOCH_NS)

    def _now(self) -> tuple[float, int]:
        at = asyncio.get_running_loop().time()
        return at, _EPOCH_NS + round(at * 1e9)

    def passed(self, way: Way, channel: int, data: bytes, stop: bool = False) -> None:
        """See :class:`drivers.tap.Tap`."""
        self._writer.add(Kind.BYTES, *self._now(), data, way, channel, stop)

    def marked(self, mark: Mark, facts: Mapping[str, Any]) -> None:
        """See :class:`drivers.tap.Tap`."""
        self._writer.add(Kind.MARK, *self._now(), json.dumps({"mark": mark.name, **facts}).encode())

    def known(self, data: bytes) -> None:
        """See :class:`drivers.tap.Tap`."""
        self._writer.add(Kind.KNOWN, *self._now(), data, Way.IN, STREAM)

    def close(self, why: str, at: float) -> None:
        """End the file."""
        self._writer.close(why, at, _EPOCH_NS + round(at * 1e9))


def captured(plan: Plan, pen: int, path: Path) -> Result:
    """Play ``plan`` once more and keep the bytes of one pen's link. Raises :class:`~.capture_file.CaptureError`."""
    tap = FileTap(path, f"memory://pen/{pen}" if plan.link == "memory" else f"ble://pen/{pen}")
    with quiet():
        result = run(replace(plan, tapped=pen), tap=tap)
    end = result.violations[0].at if result.violations else 0.0
    tap.close(result.violations[0].text if result.violations else "the run is over", end)
    return result
