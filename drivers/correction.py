"""The correction table of a pen: from the protrusion that is wanted to the value that makes the pen give it.

Integers and floor division only, so that host and pen come to the same value (docs/penlink.md, golden vectors).
"""

from __future__ import annotations

import struct
from binascii import crc_hqx
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

KNOTS_MIN: Final = 2
KNOTS_MAX: Final = 8
SHIFT_MAX_UM: Final = 500
"""A correction of more hides a defect: makers report 0.2 to 0.5 mm between dial and protrusion (domain notes 5.1)."""
SPAN_MAX_UM: Final = 5000


class Knot(NamedTuple):
    """Commanding ``commanded_um`` gives a protrusion of ``actual_um``."""

    commanded_um: int
    actual_um: int


def cartridge_key(kind: str) -> int:
    """The cartridge type as a correction names it: CRC-16 of its UTF-8 text, never 0 (0 is any type)."""
    return (crc_hqx(kind.encode(), 0xFFFF) or 1) if kind else 0


class BadTable(ValueError):
    """The knots make no correction; the text is one sentence with the next step."""


@dataclass(frozen=True, slots=True)
class CorrectionTable:
    """2 to 8 knots, rising in both columns; between them straight lines, beyond them the outermost ones go on.

    Raises :class:`BadTable`.
    """

    knots: tuple[Knot, ...]

    def __post_init__(self) -> None:
        problem = table_problem(self.knots)
        if problem is not None:
            raise BadTable(problem)

    def key(self, cartridge: int) -> int:
        """Number of knots (from bit 16 on) and CRC-16 of the table for this :func:`cartridge_key`; never 0."""
        return table_key(self.knots, cartridge)

    def _segment(self, value: int, column: int) -> tuple[Knot, Knot]:
        place = 1
        while place < len(self.knots) - 1 and value >= self.knots[place][column]:
            place += 1
        return self.knots[place - 1], self.knots[place]

    def commanded_um(self, target_um: int) -> int:
        """What to command for ``target_um``, rounded down. Neither value has been held against any limit."""
        low, high = self._segment(target_um, 1)
        rise = high.commanded_um - low.commanded_um
        return low.commanded_um + (target_um - low.actual_um) * rise // (high.actual_um - low.actual_um)

    def actual_um(self, commanded_um: int) -> int:
        """The protrusion that ``commanded_um`` gives, rounded down."""
        low, high = self._segment(commanded_um, 0)
        rise = high.actual_um - low.actual_um
        return low.actual_um + (commanded_um - low.commanded_um) * rise // (high.commanded_um - low.commanded_um)


def table_key(knots: Sequence[Knot], cartridge: int) -> int:
    """:meth:`CorrectionTable.key` of knots that need not be a table; no knots at all mean that there is none."""
    data = struct.pack(f"<H{2 * len(knots)}H", cartridge, *(value for knot in knots for value in knot))
    return len(knots) << 16 | crc_hqx(data, 0xFFFF)


def table_problem(knots: Sequence[Knot]) -> str | None:
    """Why these knots make no correction, or None. A pen refuses the same tables."""
    if not KNOTS_MIN <= len(knots) <= KNOTS_MAX:
        return f"A correction has {KNOTS_MIN} to {KNOTS_MAX} points, not {len(knots)}; choose other set-points."
    for knot in knots:
        if not all(0 <= value <= SPAN_MAX_UM for value in knot):
            return f"A correction stays between 0 and {SPAN_MAX_UM / 1000:g} mm; measure again."
        if abs(knot.actual_um - knot.commanded_um) > SHIFT_MAX_UM:
            return (
                f"The correction at {knot.commanded_um / 1000:.2f} mm is over {SHIFT_MAX_UM / 1000:.1f} mm, which is a "
                "defect and not an error to be corrected; have the pen repaired."
            )
    for low, high in pairwise(knots):
        run, rise = high.commanded_um - low.commanded_um, high.actual_um - low.actual_um
        if run <= 0 or rise <= 0 or not run <= 2 * rise <= 4 * run:
            return (
                f"Between {low.commanded_um / 1000:.2f} and {high.commanded_um / 1000:.2f} mm the protrusion does not rise "
                "with the setting by half to twice of it; measure these points again."
            )
    return None
