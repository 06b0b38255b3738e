"""Keeping watch between calibrations: what the daily checks of a pen measured, as control charts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from devicectl.records.calibrations import Checked

from .chart import Chart, control_chart


@dataclass(frozen=True, slots=True)
class Watched:
    """The checks of one quantity (depth or rate) at one set-point, oldest first, and the chart of their errors; mm or Hz."""

    quantity: str
    set_to: float
    checks: tuple[Checked, ...]
    chart: Chart

    @property
    def unit(self) -> str:
        """Unit of set-point and errors."""
        return "mm" if self.quantity == "depth" else "Hz"

    @property
    def sentence(self) -> str:
        """What the newest check means."""
        head = f"Control chart of {self.quantity} at {self.set_to:g} {self.unit}"
        if self.chart.learning:
            return f"{head}: learning, {self.chart.still_needed} more checks until there are limits."
        last = len(self.checks) - 1
        broken = [one.rule.text for one in self.chart.signals if one.index == last]
        if not broken:
            return f"{head}: in control."
        return f"{head}: out of control ({'; '.join(broken)}); check again, and calibrate the pen if it stays so."


def watched(checks: Iterable[Checked]) -> tuple[Watched, ...]:
    """A chart for each quantity and set-point that was checked."""
    groups: dict[tuple[str, float], list[Checked]] = defaultdict(list)
    for one in checks:
        groups[one.quantity, one.set_to / 1000].append(one)
    return tuple(
        Watched(quantity, set_to, tuple(group), control_chart([(one.measured - one.set_to) / 1000 for one in group]))
        for (quantity, set_to), group in sorted(groups.items())
    )
