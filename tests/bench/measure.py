"""Figures, bounds and the table they are printed in."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figures:
    """Order statistics of one series."""

    n: int
    least: float
    median: float
    p90: float
    p99: float
    most: float


def figures(values: Sequence[float]) -> Figures:
    """Order statistics by nearest rank. Raises ``ValueError`` for an empty series."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)

    def rank(q: float) -> float:
        return ordered[max(0, math.ceil(q * len(ordered)) - 1)]

    return Figures(len(ordered), ordered[0], statistics.median(ordered), rank(0.9), rank(0.99), ordered[-1])


@dataclass(frozen=True, slots=True)
class Check:
    """One number to judge. ``limit`` None: only shown; ``least``: the number must not be below the limit."""

    name: str
    value: float
    limit: float | None = None
    least: bool = False
    unit: str = "×"

    @property
    def passed(self) -> bool | None:
        """Whether the limit holds; None without one."""
        if self.limit is None:
            return None
        return self.value >= self.limit if self.least else self.value <= self.limit

    @property
    def shown(self) -> str:
        """``0.53 ×``."""
        return f"{number(self.value)} {self.unit}".rstrip()

    @property
    def bound(self) -> str:
        """``≤ 0.7 ×``, empty without a limit."""
        if self.limit is None:
            return ""
        return f"{'≥' if self.least else '≤'} {number(self.limit)} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    row: str
    what: str
    unit: str
    ours: Figures | None = None
    reference: Figures | None = None
    checks: tuple[Check, ...] = ()
    note: str = ""
    failure: str = ""

    @property
    def verdict(self) -> str:
        """ok, MISSED, ERROR, or a dash when nothing was to be judged."""
        if self.failure:
            return "ERROR"
        judged = [check.passed for check in self.checks if check.passed is not None]
        if not judged:
            return "–"
        return "ok" if all(judged) else "MISSED"

    def as_json(self) -> dict[str, Any]:
        """Plain types, verdict included."""
        return {
            **asdict(self),
            "verdict": self.verdict,
            "checks": [{**asdict(c), "passed": c.passed} for c in self.checks],
        }


def ratios(
    ours: Figures, reference: Figures, median: float | None = None, p99: float | None = None, *, tail: bool = False
) -> tuple[Check, ...]:
    """Ours over the reference's: the medians, and with a bound or ``tail`` the 99th percentiles too."""
    checks = [Check("median ratio", ours.median / reference.median, median)]
    if p99 is not None or tail:
        checks.append(Check("p99 ratio", ours.p99 / reference.p99, p99))
    return tuple(checks)


def interleaved(rounds: int, *works: Callable[[], float]) -> list[list[float]]:
    """Call each of ``works`` once a round, the order turned by one each time; answers each one's values."""
    found: list[list[float]] = [[] for _ in works]
    for turn in range(rounds):
        for step in range(len(works)):
            index = (turn + step) % len(works)
            found[index].append(works[index]())
    return found


def number(value: float) -> str:
    """Three significant digits, no exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 3)}f}"


_HEAD = ("row", "what", "ours median / p99", "reference median / p99", "ratio", "bound", "verdict")


def table(lines: Sequence[Line]) -> str:
    """The lines as one table; notes stand under their line."""
    rows: list[tuple[str, ...] | str] = []
    for line in lines:
        rows.append(
            (
                line.row,
                line.what,
                _pair(line.ours, line.unit),
                _pair(line.reference, line.unit),
                " / ".join(check.shown for check in line.checks),
                " / ".join(check.bound for check in line.checks if check.limit is not None),
                line.verdict,
            )
        )
        for note in (line.failure, line.note):
            if note:
                rows.append(note)
    cells = [_HEAD, *(row for row in rows if isinstance(row, tuple))]
    widths = [max(len(row[i]) for row in cells) for i in range(len(_HEAD))]
    out = ["  ".join(cell.ljust(width) for cell, width in zip(_HEAD, widths, strict=True)).rstrip()]
    out.append("  ".join("─" * width for width in widths))
    for row in rows:
        if isinstance(row, str):
            out.append(f"{'':{widths[0]}}    {row}")
        else:
            out.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return "\n".join(out)


def _pair(found: Figures | None, unit: str) -> str:
    if found is None:
        return ""
    if found.n == 1:
        return f"{number(found.median)} {unit}"
    return f"{number(found.median)} / {number(found.p99)} {unit}"
