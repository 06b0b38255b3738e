"""Keeping watch: which pen is due, and the control charts of the daily checks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding

from tui import text
from tui.screens.base import Scrolled
from tui.theme import BRIGHT, CHIP, DIM, TEXT
from tui.widgets.control_plot import control_plot
from tui.widgets.line_board import BLANK, Row

if TYPE_CHECKING:
    from devicectl.calibration.watch import Watched


class DueScreen(Scrolled):
    """Every pen that was calibrated, with each type of cartridge: its verdict, when it is due, and its next interval."""

    TITLE_TEXT = "Due for calibration"
    BINDINGS: ClassVar = [*Scrolled.BINDINGS, Binding("escape,enter", "close", show=False)]

    def __init__(self, due: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        self.due = due

    def content(self) -> list[Row]:
        """Three rows for a pen."""
        rows: list[Row] = []
        for one in self.due:
            rows += [*_due(one, self.inner), BLANK]
        return rows or [(("No pen was calibrated yet.", TEXT),)]


def _due(one: Mapping[str, Any], width: int) -> list[Row]:
    word = "OVERDUE" if one["overdue"] else "soon" if one["soon"] else "valid" if one["valid"] else "does not hold"
    simulated = "  simulated" if one["origin"] != "hardware" else ""
    verdict = one["verdict"] or ("in progress" if one["open"] else "none")
    due = f"  due {one['on']}" if one["on"] else ""
    bad = one["overdue"] or not one["valid"]
    rows: list[Row] = [
        (
            (f" {'✖' if bad else '✓'} {word} ", CHIP if bad else DIM),
            (f" {one['pen']} with {one['cartridge_type']}", BRIGHT),
            (f"{simulated}  last: {verdict}{due}", TEXT),
        )
    ]
    if one["open"] and one["verdict"]:
        rows.append((("    a calibration was begun and is not finished", TEXT),))
    if one["reasons"]:
        rows += [((f"    {line}", TEXT),) for line in text.within("; ".join(one["reasons"]), width - 4, 2)]
    if one["next"] is not None:
        words = f"next interval {one['next']['months']} months: {one['next']['why']}"
        rows += [((f"    {line}", DIM),) for line in text.within(words, width - 4, 2)]
    return rows


class ChartScreen(Scrolled):
    """The control charts of one pen, one for each quantity and set-point of its daily checks."""

    BINDINGS: ClassVar = [*Scrolled.BINDINGS, Binding("escape,enter", "close", show=False)]

    def __init__(self, serial: str, charts: Sequence[Watched]) -> None:
        super().__init__()
        self.serial, self.charts = serial, charts

    def on_mount(self) -> None:
        """Its title."""
        super().on_mount()
        self.query_one("#box").border_title = f"Daily checks of pen {self.serial}"

    def content(self) -> list[Row]:
        """Sentence, individuals, limits, and the checks that broke a rule."""
        rows: list[Row] = []
        for one in self.charts:
            rows += [*self._chart(one), BLANK]
        words = "No daily check of this pen has a measurement yet; its form takes a depth and a rate beside the looks."
        return rows or [((line, TEXT),) for line in text.wrap(words, self.inner)]

    def _chart(self, one: Watched) -> list[Row]:
        places = 3 if one.unit == "mm" else 2
        rows: list[Row] = [((line, BRIGHT),) for line in text.within(one.sentence, self.inner, 4)]
        height = max(7, min(15, self.room - 8))
        rows += control_plot(one.chart, self.inner, height, places)
        limits = one.chart.limits
        if limits is not None:
            words = (
                f"error: centre {limits.centre:+.{places}f}, 3 sigma {limits.lower:+.{places}f} to {limits.upper:+.{places}f}; "
                f"moving range up to {limits.range_upper:.{places}f} {one.unit}; {len(one.checks)} checks"
            )
            rows += [((line, DIM),) for line in text.within(words, self.inner, 2)]
        for signal in one.chart.signals[-4:]:
            at = time.strftime("%Y-%m-%d", self.dashboard.localtime(one.checks[signal.index].at_utc_us / 1e6))
            rows.append(((f"✖ {at}: {signal.rule.text}", TEXT),))
        return rows
