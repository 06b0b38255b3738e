"""Choosing the direction of the strokes: by digit, also while the motor turns."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding

from devicectl.station.views import ChartView
from devicectl.treatment.vocabulary import DIRECTIONS
from tui.screens.base import Sheet
from tui.screens.rows import key_row
from tui.theme import BRIGHT, CHIP, DIM, TEXT
from tui.widgets.line_board import BLANK, Row
from tui.zones import SHAPES


class DirectionScreen(Sheet[str | None]):
    """Answers a direction, an empty string for none, or None at Esc. The one that the plan asks for next is marked."""

    TITLE_TEXT = "Direction of the strokes"
    WIDTH = 52
    ALSO: ClassVar = {"direction": "close"}
    BINDINGS: ClassVar = [
        *[Binding(str(n), f"pick({n})", show=False) for n in range(len(DIRECTIONS) + 1)],
        Binding("enter", "next", show=False),
        Binding("escape", "close", show=False),
    ]

    def __init__(self, chart: ChartView) -> None:
        super().__init__()
        self.chart = chart

    @property
    def following(self) -> str | None:
        """What the plan asks for next in the zone that is chosen."""
        view = self.live.view
        zone = next((one for one in self.chart.zones if view is not None and one.code == view.zone), None)
        if zone is None:
            return None
        return next((name for name in DIRECTIONS if zone.done.get(name, 0) < zone.planned.get(name, 0)), None)

    def frame(self) -> None:
        """The directions with what is planned and done of each."""
        view = self.live.view
        code = view.zone if view is not None else None
        zone = next((one for one in self.chart.zones if one.code == code), None)
        chosen = self.chart.direction
        rows: list[Row] = []
        for at, (name, label) in enumerate(DIRECTIONS.items(), 1):
            planned = zone.planned.get(name, 0) if zone is not None else 0
            done = zone.done.get(name, 0) if zone is not None else 0
            count = f"{done}/{planned}" if planned or done else ""
            tail = "  now" if name == chosen else "  next: Enter" if name == self.following else ""
            ink = BRIGHT if name in (chosen, self.following) else TEXT
            rows.append(
                (
                    (f" {at} ", CHIP if name == self.following else DIM),
                    (f" {SHAPES[name]} {label:<16}{count:<6}{tail}", ink),
                )
            )
        rows.append(((" 0 ", DIM), ("    none", TEXT)))
        self.show([*rows, BLANK, key_row((("0-6", "chooses"), ("Esc", "back")), self.inner)])

    def action_pick(self, number: int) -> None:
        """By its digit."""
        self.dismiss(list(DIRECTIONS)[number - 1] if number else "")

    def action_next(self) -> None:
        """What the plan asks for."""
        self.dismiss(self.following or self.chart.direction)

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)
