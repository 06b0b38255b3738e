"""ScalpMap: passes per zone on a head seen from above.

Colour never carries meaning alone: a zone also says its digit, its name and its passes in text, and its texture grows
denser with every pass. Edge cells take the quadrant glyph and the two colours nearest to their four blended quadrants,
so that outlines look smooth; in ASCII and without colour the outlines are drawn with characters instead. Lines are
cached strips; an update rebuilds only the rows it touches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from tui.theme import RGB, Look, MapColours, mix, readable_on
from tui.widgets.drawn import Drawn
from tui.widgets.scalp_geometry import EDGE, OUTSIDE, SEAM, SKIN, Grid, Quads, build_grid
from tui.zones import INDEX, ZONES

QUADRANTS: Final = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
WEAVE: Final = " ⠂⠌⠕⡪⣕⣻"
"""Texture by passes: blank, then ever denser; the last one stands for 6 and more."""
ASCII_WEAVE: Final = " .:+*%#"
OVER_GLYPH: Final = "/"
SKIP_GLYPH: Final = "x"
MIN_WIDTH: Final = 26
MIN_HEIGHT: Final = 11


@dataclass(frozen=True, slots=True)
class ZoneMark:
    """What the map says about one zone: passes, contact time in s (``inferred`` shows ``~``), being needled now.

    ``planned`` passes: None when the zone is in no plan, 0 when the plan has no number. ``state`` is that of the plan.
    """

    passes: int = 0
    contact_s: float = 0.0
    inferred: bool = False
    active: bool = False
    planned: int | None = None
    state: str = ""

    def count(self, room: int) -> str:
        """The second line of the label, as long as ``room`` allows."""
        if self.state == "skipped":
            return "skip"
        if not self.passes and not self.contact_s:
            return "-" if self.planned is None else f"0/{self.planned}" if self.planned else "plan"
        seconds = round(self.contact_s)
        time = f"{'~' if self.inferred else ''}{seconds // 60}:{seconds % 60:02d}"
        short = self.short
        if not self.passes and not self.planned:
            return time
        long = f"{short} {time}"
        return long if len(long) + 2 <= room else short

    @property
    def short(self) -> str:
        """Passes, of how many where a number is planned; ``!`` for more than planned, ``+`` for done."""
        sign = {"over": "!", "done": "+"}.get(self.state, "")
        return f"{self.passes}/{self.planned}{sign}" if self.planned else f"{self.passes}×{sign}"


@dataclass(frozen=True, slots=True)
class PatchMark:
    """A custom patch, which stands beside the head: its code, its passes in words, being needled now, chosen."""

    code: str
    count: str
    active: bool
    chosen: bool

    @property
    def label(self) -> str:
        """What is written."""
        return f"{'▶' if self.active else ' '}{self.code} {self.count} "


class _Look(NamedTuple):
    fill: RGB
    glyph: str
    weave: RGB
    text: RGB


class ScalpMap(Drawn):
    """The map. ``mark`` and ``select`` change it; a click on a zone posts `Picked`."""

    class Picked(Message):
        """A zone was clicked."""

        def __init__(self, code: str) -> None:
            super().__init__()
            self.code = code

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.marks = [ZoneMark() for _ in ZONES]
        self.chosen: int | None = None
        self.caption = ""
        self.patches: tuple[PatchMark, ...] = ()
        self.lines_built = 0
        self._grid: Grid | None = None
        self._grid_for: object = None
        self._places: dict[int, list[tuple[int, PatchMark]]] = {}
        self._places_for: object = None
        self._lines: dict[int, Strip] = {}
        self._inks: dict[tuple[RGB, RGB, bool, bool], Style] = {}

    # what it shows

    def mark(self, index: int, mark: ZoneMark) -> None:
        """Show ``mark`` for a zone; only the label's rows are drawn again when nothing but a time changed."""
        old = self.marks[index]
        if old == mark:
            return
        self.marks[index] = mark
        if (old.passes, old.active, old.state) == (mark.passes, mark.active, mark.state):
            self._touch(index, label_only=replace(old, contact_s=0.0) == replace(mark, contact_s=0.0))
        else:
            self._touch(index)

    def select(self, code: str | None) -> None:
        """Move the cursor to a zone, or take it away."""
        index = INDEX.get(code) if code is not None else None
        if index == self.chosen:
            return
        before, self.chosen = self.chosen, index
        for zone in (before, index):
            if zone is not None:
                self._touch(zone)

    def say(self, caption: str) -> None:
        """A short text in the upper left corner."""
        if caption != self.caption:
            self.caption = caption
            self._lines.pop(0, None)
            self.refresh(Region(0, 0, self.size.width, 1))

    def show_patches(self, patches: tuple[PatchMark, ...]) -> None:
        """Custom patches, in what room there is beside the head."""
        if patches != self.patches:
            self.patches = patches
            self._lines.clear()
            self.refresh()

    def places(self) -> dict[int, list[tuple[int, PatchMark]]]:
        """By row, where each patch stands: its first column."""
        key = (self.patches, self.size, bool(self.caption))
        if self._places_for != key:
            self._places_for, self._places = key, self._placed()
        return self._places

    def _placed(self) -> dict[int, list[tuple[int, PatchMark]]]:
        grid, width = self._fit_grid(), self.size.width
        found: dict[int, list[tuple[int, PatchMark]]] = {}
        if grid is None or not self.patches:
            return found
        left, right = _margins(grid, width)
        rows = range(grid.height)
        free = [(y, width - right[y], right[y]) for y in rows] + [
            (y, 0, left[y]) for y in rows if y or not self.caption
        ]
        free.sort(key=lambda place: (min(place[0], 2 * (grid.height - place[0])), place[1] == 0))
        for patch in self.patches:
            need = len(patch.label)
            place = next((place for place in free if place[2] >= need), None)
            if place is None:
                break
            free.remove(place)
            y, x, room = place
            found.setdefault(y, []).append((x if x == 0 else x + room - need, patch))
        return found

    def neighbour(self, dx: int, dy: int) -> str | None:
        """The zone next to the chosen one in a direction."""
        grid = self._fit_grid()
        if self.chosen is None or grid is None:
            return ZONES[0].code if self.chosen is None else None
        here = grid.anchors[self.chosen]
        best: tuple[float, str | None] = (1e9, None)
        for zone, there in zip(ZONES, grid.anchors, strict=True):
            ax = ((there.first + there.last) - (here.first + here.last)) / 4
            ay = float(there.row - here.row)
            along, across = ax * dx + ay * dy, abs(ax * dy) + abs(ay * dx)
            if along > 0.4:
                best = min(best, (along + 2 * across, zone.code), key=lambda b: b[0])
        return best[1]

    def on_click(self, event: events.Click) -> None:
        """Tell which zone was clicked."""
        grid = self._fit_grid()
        for x, patch in self.places().get(event.y, ()):
            if x <= event.x < x + len(patch.label):
                self.post_message(self.Picked(patch.code))
                return
        if grid is not None and 0 <= event.y < grid.height and 0 <= event.x < grid.width:
            zone = grid.cell[event.y][event.x]
            if zone >= 0:
                self.post_message(self.Picked(ZONES[zone].code))

    # how it is drawn

    def forget(self) -> None:
        """Draw everything anew."""
        self._lines.clear()
        self._inks.clear()
        self.refresh()

    def _touch(self, index: int, label_only: bool = False) -> None:
        grid = self._grid
        if grid is None:
            return
        first, last = grid.rows[index]
        if label_only:
            first, last = grid.anchors[index].row, grid.anchors[index].row + grid.anchors[index].rows - 1
        for row in range(first, last + 1):
            self._lines.pop(row, None)
        left, right = grid.cols[index]
        self.refresh(Region(left, first, right - left + 1, last - first + 1))

    def _fit_grid(self) -> Grid | None:
        """The grid of this size; asked at every line because a paint can come before its Resize event."""
        if self._grid_for != self.size:
            self._grid_for = self.size
            width, height = self.size
            self._grid = build_grid(width, height) if width >= MIN_WIDTH and height >= MIN_HEIGHT else None
            self._lines.clear()
        return self._grid

    def render_line(self, y: int) -> Strip:
        """One row."""
        grid = self._fit_grid()
        line = self._lines.get(y)
        if line is None:
            line = self._lines[y] = self._build(y, grid)
        return line

    def _ink(self, fg: RGB, bg: RGB, bold: bool = False, reverse: bool = False) -> Style:
        style = self._inks.get((fg, bg, bold, reverse))
        if style is None:
            style = Style(color=Color.from_rgb(*fg), bgcolor=Color.from_rgb(*bg), bold=bold, reverse=reverse)
            self._inks[fg, bg, bold, reverse] = style
        return style

    def _build(self, y: int, grid: Grid | None) -> Strip:
        self.lines_built += 1
        width, look = self.size.width, self.look
        greys = look.palette.map
        if grid is None or y >= grid.height:
            return Strip([Segment(" " * width, self._ink(greys.ground, greys.ground))], width)
        looks = [_look(mark, look) for mark in self.marks]
        drawn = look.ascii or look.palette.colourless
        cells = self._outlined(y, grid, looks, look) if drawn else self._smooth(y, grid, looks, greys)
        for gx, gy, letter in grid.sides:
            if gy == y:
                cells[gx] = (letter, self._ink(greys.side, greys.ground, True))
        for index, anchor in enumerate(grid.anchors):
            if anchor.row <= y < anchor.row + anchor.rows:
                self._label(cells, index, y - anchor.row, grid, looks[index])
        if y == 0 and self.caption:
            for x, letter in enumerate(self.caption[: width // 2 - 4]):
                cells[x + 1] = (letter, self._ink(readable_on(greys.ground), greys.ground, True))
        for x, patch in self.places().get(y, ()):
            fg, bg = readable_on(greys.ground), greys.ground
            if patch.chosen:
                fg, bg = greys.on_cursor, greys.cursor
            ink = self._ink(fg, bg, patch.chosen or patch.active, patch.chosen and look.palette.colourless)
            for offset, letter in enumerate(self.look.text(patch.label)):
                cells[x + offset] = (letter, ink)
        return Strip([Segment(char, style) for char, style in cells], width).simplify()

    def _smooth(self, y: int, grid: Grid, looks: list[_Look], greys: MapColours) -> list[tuple[str, Style]]:
        """One row with blended edges."""
        cells: list[tuple[str, Style]] = []
        for x, key in enumerate(grid.cell[y]):
            quads = grid.quads.get((x, y))
            if quads is not None:
                glyph, fg, bg = _fit(quads, looks, self.chosen, greys)
                cells.append((glyph, self._ink(fg, bg)))
            elif key == OUTSIDE:
                cells.append((" ", self._ink(greys.ground, greys.ground)))
            elif key == SKIN:
                cells.append((" ", self._ink(greys.skin, greys.skin)))
            else:
                cells.append((looks[key].glyph, self._ink(looks[key].weave, looks[key].fill)))
        return cells

    def _outlined(self, y: int, grid: Grid, looks: list[_Look], look: Look) -> list[tuple[str, Style]]:
        """One row whose outlines are characters: they need neither colour nor more than ASCII."""
        greys, width, middle = look.palette.map, self.size.width, self.size.width // 2
        upright, level = ("|", "_") if look.ascii else ("│", "▁")
        row = grid.cell[y]
        below = grid.cell[y + 1] if y + 1 < grid.height else (OUTSIDE,) * width
        cells: list[tuple[str, Style]] = []
        for x, key in enumerate(row):
            beside = (row[x + 1] if x + 1 < width else OUTSIDE) if x < middle else row[x - 1]
            fill = greys.ground if key == OUTSIDE else greys.skin if key == SKIN else looks[key].fill
            if beside != key or below[x] != key:
                chosen = self.chosen is not None and self.chosen in (key, beside, below[x])
                line = greys.cursor if chosen else greys.side
                cells.append((upright if beside != key else level, self._ink(line, fill, chosen)))
            elif key >= 0:
                cells.append((looks[key].glyph, self._ink(looks[key].weave, fill)))
            else:
                cells.append(("'" if key == SKIN else " ", self._ink(greys.side, fill)))
        return cells

    def _label(self, cells: list[tuple[str, Style]], index: int, line: int, grid: Grid, look: _Look) -> None:
        mark, zone, anchor = self.marks[index], ZONES[index], grid.anchors[index]
        head = f"{'▶' if mark.active else ''}{zone.key} {zone.short}"
        if len(head) > anchor.room:
            head = f"{'▶' if mark.active else ''}{zone.key}"
        if anchor.rows == 1 and mark.passes:
            head = f"{'▶' if mark.active else ''}{zone.key} {mark.short}"
        text = head if line == 0 else mark.count(anchor.room)
        if len(text) + 2 <= anchor.room:
            text = f" {text} "
        text = text[: max(0, anchor.room)]
        palette = self.look.palette
        fg, bg, bold = look.text, look.fill, mark.active
        if index == self.chosen:
            bold = True
            if line == 0:
                fg, bg = palette.map.on_cursor, palette.map.cursor
        reverse = palette.colourless and index == self.chosen and line == 0
        start = anchor.start(len(text))
        for offset, char in enumerate(self.look.text(text)):
            cells[start + offset] = (char, self._ink(fg, bg, bold, reverse))


def _margins(grid: Grid, width: int) -> tuple[list[int], list[int]]:
    """Cells beside the head, and the letters of its sides, that are free on the left and on the right of each row."""
    left, right = [], []
    for y, row in enumerate(grid.cell):
        taken = [x for x, key in enumerate(row) if key != OUTSIDE] + [x for x, at, _ in grid.sides if at == y]
        left.append(max(0, min(taken) - 1) if taken else width // 2)
        right.append(max(0, width - max(taken) - 2) if taken else width // 2)
    return left, right


def _look(mark: ZoneMark, look: Look) -> _Look:
    """A zone's fill, texture and text colour: by its share of the plan, without a plan by its passes."""
    greys, weave = look.palette.map, ASCII_WEAVE if look.ascii else WEAVE
    step = _step(mark, len(weave) - 1)
    fill = mix(greys.empty, greys.full, 0.14 * step)
    if mark.state == "over":
        fill = mix(greys.empty, greys.full, 0.14)
        return _Look(fill, OVER_GLYPH, greys.over, readable_on(fill))
    glyph = SKIP_GLYPH if mark.state == "skipped" else weave[step]
    return _Look(fill, glyph, mix(fill, greys.weave, 0.75), readable_on(fill))


def _step(mark: ZoneMark, most: int) -> int:
    """How dense the texture is: the densest is a zone that is done."""
    if mark.state == "done":
        return most
    if mark.state == "skipped":
        return 0
    if mark.planned:
        return min(most - 1, -(-mark.passes * (most - 1) // mark.planned))
    return min(mark.passes, most)


def _colour(key: int, looks: list[_Look], chosen: int | None, greys: MapColours) -> RGB:
    if key >= SEAM:
        a, b = divmod(key - SEAM, 16)
        if chosen is not None and chosen in (a, b):
            return greys.cursor
        return looks[a].fill if b == EDGE else greys.seam
    if key >= 0:
        return looks[key].fill
    return greys.skin if key == SKIN else greys.ground


def _fit(quads: Quads, looks: list[_Look], chosen: int | None, greys: MapColours) -> tuple[str, RGB, RGB]:
    """The quadrant glyph and the two colours with the least squared error to four blended quadrants."""
    blended: list[tuple[float, float, float]] = []
    for quad in quads:
        r = g = b = 0.0
        for key, weight in quad:
            cr, cg, cb = _colour(key, looks, chosen, greys)
            r, g, b = r + cr * weight, g + cg * weight, b + cb * weight
        blended.append((r, g, b))
    best: tuple[float, int, RGB, RGB] = (1e18, 0, greys.ground, greys.ground)
    for bits in range(8):  # the other eight glyphs are these with the colours exchanged
        error, means = 0.0, []
        for side in (0, 1):
            group = [p for i, p in enumerate(blended) if (bits >> i & 1) == side]
            n = len(group) or 1
            mean = (sum(p[0] for p in group) / n, sum(p[1] for p in group) / n, sum(p[2] for p in group) / n)
            error += sum((p[0] - mean[0]) ** 2 + (p[1] - mean[1]) ** 2 + (p[2] - mean[2]) ** 2 for p in group)
            means.append((round(mean[0]), round(mean[1]), round(mean[2])))
        if error < best[0] - 1e-9:
            best = (error, bits, means[1], means[0])
    return QUADRANTS[best[1]], best[2], best[3]
