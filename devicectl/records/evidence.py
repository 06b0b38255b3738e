"""What a row of telemetry samples proves about a pass: durations, contact, strokes, segments.

Used while a pass runs and again when a crash left one open, so that both give the same figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from drivers.motor import contradicts_itself

from .telemetry_block import FLAG_DOUBTED, FLAG_GAP, FLAG_INFERRED, FLAG_INFERRED_CONTACT, Columns

GAP_MS: Final = 100
"""Nothing is interpolated between samples further apart than this (ms of the pen's clock)."""

_HALF_STROKES: Final = 2_000_000
"""mHz × ms summed over both ends of an interval, per stroke."""

MEASURED: Final = "measured"
INFERRED: Final = "inferred"
UNKNOWN: Final = "unknown"

# A segment's kind and contact in one small number: the recorder compares it for every sample.
_UNKNOWN: Final = -1
_KINDS: Final = {_UNKNOWN: (UNKNOWN, None), 0: (MEASURED, False), 1: (MEASURED, True)} | {
    2: (INFERRED, False),
    3: (INFERRED, True),
}


class Segment(NamedTuple):
    """A stretch of a pass on the pen's clock (ms, from inclusive, to exclusive) of one kind of knowledge.

    ``contact`` is None exactly when ``kind`` is ``unknown``.
    """

    kind: str
    contact: bool | None
    from_clock_ms: int
    to_clock_ms: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The sum of a pass. Times in ms of the pen's clock, depth in µm, current in mA.

    ``strokes`` is the integral of the measured rate outside unknown stretches (gaps, where the rate says standstill while
    the motor has current, and samples marked doubted), ``contact_strokes`` its part in contact.
    ``contact_kind`` is ``inferred`` as soon as any of it was inferred, ``unknown`` when nothing is known.
    """

    duration_ms: int
    contact_ms: int
    contact_kind: str
    unknown_ms: int
    strokes: int
    contact_strokes: int
    depth_min_um: int
    depth_mean_um: int
    depth_max_um: int
    current_max_ma: int
    samples: int
    segments: tuple[Segment, ...]


def density_cm2(contact_strokes: int, needles: int, area_mm2: int) -> int:
    """Estimated punctures per cm²: strokes in contact × needles / area of the zone (domain notes, 3.3)."""
    return (contact_strokes * needles * 100 + area_mm2 // 2) // area_mm2 if area_mm2 > 0 else 0


class Evidence:
    """Takes samples in the order of the pen's clock and sums them up."""

    __slots__ = (
        "_code", "_contact_half", "_contact_ms", "_depth_sum", "_doubted", "_from", "_half", "_rate", "_segments", "clock_ms", "current_max_ma",
        "depth_max_um", "depth_min_um", "opened_clock_ms", "samples",
    )  # fmt: skip

    def __init__(self, clock_ms: int, depth_um: int, rate_mhz: int, current_ma: int, contact: int, flags: int) -> None:
        """Begin with the sample in which the motor was first seen turning."""
        self.opened_clock_ms = self.clock_ms = self._from = clock_ms
        self.samples = 1
        self._half = self._contact_half = self._contact_ms = 0
        self._rate = rate_mhz
        self._code = _code(contact, flags)
        # The one sample before a motor that gets its current has come up to speed is no contradiction yet.
        self._doubted = False
        self._segments: list[tuple[int, int, int]] = []
        self.depth_min_um = self.depth_max_um = self._depth_sum = depth_um
        self.current_max_ma = current_ma

    def feed(self, clock_ms: int, depth_um: int, rate_mhz: int, current_ma: int, contact: int, flags: int) -> None:
        """Take the next sample; ``clock_ms`` must be later than the last one's."""
        last = self.clock_ms
        elapsed = clock_ms - last
        code = contact if contact < 2 else _code(contact, flags)
        doubted = bool(flags & FLAG_DOUBTED) or contradicts_itself(rate_mhz, current_ma)
        if doubted or self._doubted or elapsed > GAP_MS or flags & FLAG_GAP:
            self._close(last)
            self._unknown(last, clock_ms)
            self._from = clock_ms
            self._doubted = doubted
        else:
            half = (self._rate + rate_mhz) * elapsed
            self._half += half
            if self._code == 1 or self._code == 3:
                self._contact_half += half
            if code != self._code:
                self._close(clock_ms)
                self._from = clock_ms
        self._code = code
        self._rate = rate_mhz
        self.clock_ms = clock_ms
        self.samples += 1
        self._depth_sum += depth_um
        if depth_um < self.depth_min_um:
            self.depth_min_um = depth_um
        elif depth_um > self.depth_max_um:
            self.depth_max_um = depth_um
        if current_ma > self.current_max_ma:
            self.current_max_ma = current_ma

    def _unknown(self, start: int, to: int) -> None:
        before = self._segments[-1] if self._segments else None
        if before is not None and before[0] == _UNKNOWN and before[2] == start:
            self._segments[-1] = (_UNKNOWN, before[1], to)
        else:
            self._segments.append((_UNKNOWN, start, to))

    def _close(self, until: int) -> None:
        if until > self._from:
            self._segments.append((self._code, self._from, until))
            if self._code == 1 or self._code == 3:
                self._contact_ms += until - self._from

    @property
    def strokes(self) -> int:
        """Strokes so far."""
        return (self._half + _HALF_STROKES // 2) // _HALF_STROKES

    @property
    def contact_strokes(self) -> int:
        """Strokes in contact so far."""
        return (self._contact_half + _HALF_STROKES // 2) // _HALF_STROKES

    def figures(self) -> Figures:
        """The sum up to the last sample; the pass ends there."""
        segments = self._merged()
        contact = sum(to - start for code, start, to in segments if code in (1, 3))
        codes = {code for code, _, _ in segments}
        kind = INFERRED if codes & {2, 3} else MEASURED if codes & {0, 1} else UNKNOWN
        return Figures(
            duration_ms=self.clock_ms - self.opened_clock_ms,
            contact_ms=contact,
            contact_kind=kind,
            unknown_ms=sum(to - start for code, start, to in segments if code == _UNKNOWN),
            strokes=self.strokes,
            contact_strokes=self.contact_strokes,
            depth_min_um=self.depth_min_um,
            depth_mean_um=(self._depth_sum + self.samples // 2) // self.samples,
            depth_max_um=self.depth_max_um,
            current_max_ma=self.current_max_ma,
            samples=self.samples,
            segments=tuple(Segment(*_KINDS[code], start, to) for code, start, to in segments),
        )

    def _merged(self) -> list[tuple[int, int, int]]:
        rows = list(self._segments)
        if self.clock_ms > self._from:
            rows.append((self._code, self._from, self.clock_ms))
        merged: list[tuple[int, int, int]] = []
        for code, start, to in rows:
            if merged and merged[-1][0] == code:
                merged[-1] = (code, merged[-1][1], to)
            else:
                merged.append((code, start, to))
        return merged

    def contact_ms(self) -> int:
        """Time in contact so far, ms."""
        return self._contact_ms + (self.clock_ms - self._from if self._code in (1, 3) else 0)


def _code(contact: int, flags: int) -> int:
    if contact < 2:
        return contact
    if flags & FLAG_INFERRED:
        return 3 if flags & FLAG_INFERRED_CONTACT else 2
    return _UNKNOWN


def from_blocks(blocks: list[Columns]) -> Evidence | None:
    """Sum up decoded blocks of one pass, in their order; samples that do not move the clock forward are left out."""
    evidence: Evidence | None = None
    for block in blocks:
        for clock, depth, rate, current, _temperature, _battery, contact, flags in zip(*block, strict=True):
            if evidence is None:
                evidence = Evidence(clock, depth, rate, current, contact, flags)
            elif clock > evidence.clock_ms:
                evidence.feed(clock, depth, rate, current, contact, flags)
    return evidence
