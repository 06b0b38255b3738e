"""Zones of a head seen from above, on a grid of character cells. Pure Python.

Coordinates: x in [-1, 1] from the client's left to right, y in [-1, 1] from the nose to the back of the head. The chart
is read as azimuthal-equidistant about the vertex, as EEG maps are: distance from the middle is arc length over the
skull, so sides and occiput keep their size. Only the left half is computed; the right half is its mirror image.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from tui.zones import MIRROR, ZONES

OUTSIDE: Final = -1
SKIN: Final = -2
SEAM: Final = 100
"""``SEAM + 16 * a + b``: the seam between zones a < b; b = 15 stands for skin and outside."""
EDGE: Final = 15
_NOSE: Final = 1.10
_SX: Final = 4
_SY: Final = 8
_HALF: Final = 0.88

Quad = tuple[tuple[int, float], ...]
Quads = tuple[Quad, Quad, Quad, Quad]


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a zone's label stands: first and last column that are all the zone's, first row, rows of room (1 or 2)."""

    first: int
    last: int
    row: int
    rows: int

    @property
    def room(self) -> int:
        """Cells of room in each row."""
        return self.last - self.first + 1

    def start(self, length: int) -> int:
        """Column where a text of ``length`` cells begins so that it stands in the middle."""
        return self.first + (self.room - length) // 2


@dataclass(frozen=True, slots=True)
class Grid:
    """The head drawn on ``width`` by ``height`` cells, rows first."""

    width: int
    height: int
    cell: tuple[tuple[int, ...], ...]
    quads: dict[tuple[int, int], Quads]
    anchors: tuple[Anchor, ...]
    rows: tuple[tuple[int, int], ...]
    cols: tuple[tuple[int, int], ...]
    share: tuple[float, ...]
    sides: tuple[tuple[int, int, str], ...]


def half_width(y: float) -> float:
    """Half the width of the egg-shaped skull at ``y``; 0 outside."""
    if abs(y) >= 1.0:
        return 0.0
    return float(0.86 * (1.0 - abs(y) ** 2.25) ** (1 / 2.25) * (1.0 + 0.07 * y))


def hairline(a: float) -> float:
    """Front edge of the scalp at ``|x| = a``: a soft M with two recesses over the temples."""
    recess = 0.075 * max(0.0, 1.0 - ((a - 0.42) / 0.20) ** 2)
    return -0.80 + 0.30 * a * a + recess


def zone_at(a: float, y: float) -> int:
    """Zone index on the left half, ``a`` from the midline; SKIN for forehead, nose and ear, OUTSIDE off the head."""
    if a > half_width(y):
        nose = -_NOSE < y < -0.96 and (a / 0.10) ** 2 + ((y + 0.98) / (_NOSE - 0.98)) ** 2 < 1.0
        ear = ((a - 0.885) / 0.052) ** 2 + ((y - 0.04) / 0.15) ** 2 < 1.0
        return SKIN if nose or ear else OUTSIDE
    front = hairline(a)
    if y < front:
        return SKIN
    if (a / 0.40) ** 2.8 + (abs(y - 0.36) / 0.27) ** 2.8 < 1.0:
        return 8
    if y > 0.625 - 0.06 * a * a:
        return 9
    side = 0.46 - 0.06 * y
    if a > side:
        return 3 if y < -0.10 + 0.10 * (a - side) else 6
    if y < front + 0.225 - 0.10 * a:
        return 0
    if y < -0.20 + 0.10 * a * a:
        return 1
    return 6 if y > 0.36 else 5


class _Sampler:
    """Reads the chart at sample points of the left half; x counts leftwards from the midline."""

    def __init__(self, width: int, height: int) -> None:
        head_h = height * 2 / (1 + _NOSE)
        head_w = min(width / 1.09, head_h * 2 * 0.82)
        head_h = head_w / 2 / 0.82
        top = (height - head_h * (1 + _NOSE) / 2) / 2 + head_h * (_NOSE - 1) / 2
        self._scale_x = 2 * _HALF / (head_w * _SX)
        self._scale_y = 2 / (head_h * _SY)
        self._top = top * _SY
        self._seen: dict[tuple[int, int], int] = {}

    def zone(self, sx: int, sy: int) -> int:
        """Zone under a sample; ``sx`` below 0 lies across the midline and answers with the mirrored zone."""
        key = (sx, sy)
        found = self._seen.get(key)
        if found is None:
            a = abs(sx + 0.5) * self._scale_x
            found = zone_at(a, (sy + 0.5 - self._top) * self._scale_y - 1)
            if sx < 0 <= found:
                found = MIRROR[found]
            self._seen[key] = found
        return found

    def keyed(self, sx: int, sy: int) -> int:
        """As `zone`, but a seam where a neighbouring sample lies in another zone."""
        here = self.zone(sx, sy)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            other = self.zone(sx + dx, sy + dy)
            if other == here:
                continue
            low, high = min(here, other), max(here, other)
            if high < 0:
                return here
            if low < 0:
                return SEAM + 16 * high + EDGE if here >= 0 else here
            return SEAM + 16 * low + high
        return here


@lru_cache(maxsize=8)
def build_grid(width: int, height: int) -> Grid:
    """Draw the head; an odd width leaves its last column empty. Cached, 20 to 70 ms the first time."""
    half = width // 2
    sampler = _Sampler(half * 2, height)
    boost = 1.1 if width < 44 else 1.7
    cell: list[tuple[int, ...]] = []
    quads: dict[tuple[int, int], Quads] = {}
    spots: list[list[tuple[int, int]]] = [[] for _ in ZONES]
    reach: list[list[tuple[int, int]]] = [[] for _ in ZONES]
    for row in range(height):
        line = [OUTSIDE] * width
        for step in range(half):
            left, right = half - 1 - step, half + step
            zone, parts, touched = _cell(sampler, step, row, boost)
            line[left], line[right] = zone, _flip(zone)
            if parts is not None:
                quads[left, row] = parts
                quads[right, row] = _flip_quads(parts)
            for z in touched:
                reach[z].append((left, row))
                reach[MIRROR[z]].append((right, row))
            if zone >= 0:
                spots[zone].append((left, row))
                spots[_flip(zone)].append((right, row))
        cell.append(tuple(line))
    total = sum(len(s) for s in spots) or 1
    return Grid(
        width,
        height,
        tuple(cell),
        quads,
        _anchors(spots, width),
        tuple(_span((p[1] for p in r), height) for r in reach),
        tuple(_span((p[0] for p in r), width) for r in reach),
        tuple(len(s) / total for s in spots),
        _side_marks(cell, half * 2),
    )


def _flip(key: int) -> int:
    """What a key becomes on the other side of the head."""
    if key < 0:
        return key
    if key < SEAM:
        return MIRROR[key]
    a, b = divmod(key - SEAM, 16)
    if b == EDGE:
        return SEAM + 16 * MIRROR[a] + EDGE
    low, high = sorted((MIRROR[a], MIRROR[b]))
    return SEAM + 16 * low + high


def _flip_quads(quads: Quads) -> Quads:
    ul, ur, ll, lr = (tuple((_flip(key), weight) for key, weight in quad) for quad in quads)
    return ur, ul, lr, ll


def _cell(sampler: _Sampler, step: int, row: int, boost: float) -> tuple[int, Quads | None, set[int]]:
    """One cell of the left half, ``step`` cells from the midline: zone, blend of its quadrants, zones it touches."""
    x0, y0 = step * _SX, row * _SY
    probe = {sampler.zone(x, y) for x in (x0 - 1, x0 + _SX // 2, x0 + _SX) for y in (y0 - 1, y0 + _SY // 2, y0 + _SY)}
    if len(probe) == 1:
        only = probe.pop()
        return only, None, {only} - {SKIN, OUTSIDE}
    votes: dict[int, int] = {}
    parts: list[Quad] = []
    for qy in (0, 1):
        for qx in (1, 0):  # x counts leftwards, so the left quadrant is the farther one
            count: dict[int, int] = {}
            for dy in range(_SY // 2):
                for dx in range(_SX // 2):
                    sx, sy = x0 + qx * _SX // 2 + dx, y0 + qy * _SY // 2 + dy
                    key = sampler.keyed(sx, sy)
                    count[key] = count.get(key, 0) + 1
                    zone = sampler.zone(sx, sy)
                    votes[zone] = votes.get(zone, 0) + 1
            parts.append(_weights(count, boost))
    zone = max(votes, key=lambda k: (votes[k], k))
    return zone, (parts[0], parts[1], parts[2], parts[3]), {z for z in votes if z >= 0}


def _weights(count: dict[int, int], boost: float) -> Quad:
    """Blend of a quadrant; a seam counts for more than its area, so that thin lines stay visible."""
    seams = {k: n for k, n in count.items() if k >= SEAM and (k - SEAM) % 16 != EDGE}
    total, lined = sum(count.values()), sum(seams.values())
    share = min(1.0, boost * lined / total)
    out = [(k, n / lined * share) for k, n in seams.items()]
    out += [(k, n / (total - lined) * (1 - share)) for k, n in count.items() if k not in seams]
    return tuple(out)


def _span(values: Iterable[int], size: int) -> tuple[int, int]:
    """First and last row or column, with one cell more on each side for the seam."""
    found = list(values)
    return (max(0, min(found) - 1), min(size - 1, max(found) + 1)) if found else (0, 0)


def _anchors(spots: list[list[tuple[int, int]]], width: int) -> tuple[Anchor, ...]:
    """Label places; right-hand zones take the mirrored place of their left twins."""
    found: list[Anchor] = []
    for index, points in enumerate(spots):
        twin = MIRROR[index]
        if twin < index:
            other = found[twin]
            edge = width // 2 * 2 - 1
            found.append(Anchor(edge - other.last, edge - other.first, other.row, other.rows))
        else:
            found.append(_spot(points) if points else Anchor(0, -1, 0, 1))
    return tuple(found)


def _spot(points: list[tuple[int, int]]) -> Anchor:
    """The best place for a label of two lines, or of one where two do not fit."""
    by_row: dict[int, list[int]] = {}
    for x, y in sorted(points):
        by_row.setdefault(y, []).append(x)
    middle = sum(p[1] for p in points) / len(points)
    best: tuple[float, Anchor] = (-1e9, Anchor(0, -1, 0, 1))
    for y, xs in by_row.items():
        for a, b in _runs(xs):
            score = min(b - a + 1, 11) - 1.5 * abs(y - middle)
            if score > best[0]:
                best = (score, Anchor(a, b, y, 1))
            for c, d in _runs(by_row.get(y + 1, [])):
                lo, hi = max(a, c), min(b, d)
                score = min(hi - lo + 1, 11) + 3 - 1.5 * abs(y + 0.5 - middle)
                if hi > lo and score > best[0]:
                    best = (score, Anchor(lo, hi, y, 2))
    return best[1]


def _runs(xs: list[int]) -> list[tuple[int, int]]:
    """Runs of neighbouring columns."""
    runs: list[tuple[int, int]] = []
    for x in xs:
        if runs and x == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], x)
        else:
            runs.append((x, x))
    return runs


def _side_marks(cell: list[tuple[int, ...]], width: int) -> tuple[tuple[int, int, str], ...]:
    """The client's L and R, beside the ears."""
    row, left = 0, width
    for y, line in enumerate(cell):
        first = next((x for x, z in enumerate(line) if z != OUTSIDE), width)
        if first < left:
            row, left = y, first
    place = max(0, left - 2)
    return ((place, row, "L"), (width - 1 - place, row, "R"))
