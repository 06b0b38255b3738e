"""What the calibration screen knows and waits for. No Textual here."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tui.screens import calibrate_rows as c

PAGES: Final = ("verdict", "plot", "budget", "readings")


class Stage(enum.Enum):
    """What the screen waits for."""

    READY = "ready"
    """``Y``: the needle may move."""
    DRIVING = "driving"
    RESEAT = "reseat"
    PARKING = "parking"
    RUN = "run"
    """The pen must run first."""
    READING = "reading"
    SENDING = "sending"
    JUDGED = "judged"
    OVER = "over"


MOVING: Final = frozenset({Stage.DRIVING, Stage.PARKING, Stage.SENDING})
"""A request is under way: keys wait for its answer."""


@dataclass
class Work:
    """What is known of the calibration in hand."""

    calibration: dict[str, Any]
    stage: Stage = Stage.READY
    step: dict[str, Any] | None = None
    told: str = ""
    typed: str = ""
    """The reading as far as it is typed."""
    cursor: int | None = None
    outliers: set[str] = field(default_factory=set)
    look_back: list[dict[str, Any]] = field(default_factory=list)
    refused: str = ""
    """A reading that can hardly be meant: it is taken with a reason."""
    page: int = 0
    series: int = 0
    """Which series of a judged round is looked at."""
    ran: bool = False
    """A run was seen in this step."""

    @property
    def is_judged(self) -> bool:
        """Whether figures are looked at, and nothing is measured."""
        return self.stage in (Stage.JUDGED, Stage.OVER)

    @property
    def looked_at(self) -> Mapping[str, Any]:
        """The series of a judged round that is looked at."""
        of_round = c.series_of_round(self.calibration)
        return of_round[self.series % len(of_round)]

    @property
    def measurand(self) -> str | None:
        """Whose readings are in sight; None: of the series in hand."""
        return str(self.looked_at["measurand"]) if self.is_judged else None

    @property
    def readings(self) -> list[Mapping[str, Any]]:
        """The readings in sight."""
        return c.readings_of(self.calibration, self.measurand)

    def browse(self, key: str) -> None:
        """Choose another reading by an arrow or a page; behind the last one none is chosen."""
        count = len(self.readings)
        by = {"up": -1, "down": 1, "pageup": -8, "pagedown": 8, "home": -count, "end": count}[key]
        at = (count if self.cursor is None else self.cursor) + by
        self.cursor = None if at >= count else max(0, at)
