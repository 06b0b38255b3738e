"""Readings that cannot be true: a sensor that repeats itself, or a stroke rate that the pen's own counter contradicts."""

from __future__ import annotations

from typing import Final

from drivers.api import Telemetry, Vitals

FROZEN_MS: Final = 1_000
"""A driven motor's rate and current never stay the same to the mHz and mA for so long."""
WINDOW_MS: Final = 400
"""Strokes are compared over at least so much of the pen's time; vitals come twice a second, so a lie is found within one."""
STROKES_SLACK: Final = 8.0
"""Strokes that two sampled clocks may differ by: two samples at each end at 150 Hz, and the ramp between them."""
STROKES_SHARE: Final = 0.1
"""Part of the strokes by which counter and rate may differ."""

FROZEN: Final = (
    "The pen repeats one reading while its motor is driven; its sensor may be frozen. END, and check the pen."
)
CONTRADICTED: Final = (
    "The pen's stroke rate and its stroke counter disagree; do not trust them. END, and check the pen."
)


class SensorWatch:
    """Fed with samples and vitals; ``problem`` is the sentence of what cannot be true now, or None.

    Times are the pen's own (ms), so that a link that delays changes nothing.
    """

    __slots__ = ("_from", "_last", "_same_since", "_strokes", "_turned", "contradicted", "frozen")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """The link was lost, the pen restarted, or samples were lost: comparisons begin anew."""
        self.frozen = self.contradicted = False
        self._last: Telemetry | None = None
        self._same_since = 0
        self._turned = 0.0
        self._strokes: int | None = None
        self._from = 0

    def gap(self) -> None:
        """Samples were lost: what the rate adds up to is not known any more."""
        self._last = self._strokes = None

    @property
    def problem(self) -> str | None:
        """What cannot be true, in one sentence."""
        return FROZEN if self.frozen else CONTRADICTED if self.contradicted else None

    def sample(self, sample: Telemetry) -> None:
        """Take one sample."""
        last, self._last = self._last, sample
        if last is None:
            self._same_since = sample.clock_ms
            return
        self._turned += (last.rate_mhz + sample.rate_mhz) * (sample.clock_ms - last.clock_ms) / 2e6
        same = sample.driving and sample.rate_mhz == last.rate_mhz and sample.current_ma == last.current_ma
        if not same:
            self._same_since = sample.clock_ms
            self.frozen = False
        elif sample.clock_ms - self._same_since >= FROZEN_MS:
            self.frozen = True

    def vitals(self, vitals: Vitals) -> None:
        """Compare the pen's stroke counter with the strokes that its rate adds up to."""
        if self._strokes is None:
            self._strokes, self._from, self._turned = vitals.strokes, vitals.clock_ms, 0.0
            return
        if vitals.clock_ms - self._from < WINDOW_MS:
            return
        counted, turned = vitals.strokes - self._strokes, self._turned
        slack = STROKES_SLACK + STROKES_SHARE * max(counted, turned)
        self.contradicted = abs(counted - turned) > slack
        self._strokes, self._from, self._turned = vitals.strokes, vitals.clock_ms, 0.0
