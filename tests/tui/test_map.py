"""The scalp map's geometry and what an update costs."""

from __future__ import annotations

import pytest

from tests.tui.conftest import StageMaker
from tui import scenes
from tui.widgets.scalp_geometry import OUTSIDE, SKIN, _flip, build_grid
from tui.widgets.scalp_map import ScalpMap, ZoneMark
from tui.zones import INDEX, MIRROR, ZONES

SIZES = [(26, 11), (34, 20), (46, 22), (66, 33), (67, 33), (100, 50)]


@pytest.mark.parametrize("size", SIZES)
def test_right_is_the_mirror_of_left(size: tuple[int, int]) -> None:
    grid = build_grid(*size)
    even = size[0] // 2 * 2
    for y, line in enumerate(grid.cell):
        for x in range(even):
            assert line[even - 1 - x] == _flip(line[x]), (x, y)


@pytest.mark.parametrize("size", SIZES)
def test_every_label_stands_inside_its_zone(size: tuple[int, int]) -> None:
    grid = build_grid(*size)
    for zone, anchor in zip(ZONES, grid.anchors, strict=True):
        assert anchor.room >= 2, zone.code
        for row in range(anchor.row, anchor.row + anchor.rows):
            assert set(grid.cell[row][anchor.first : anchor.last + 1]) == {INDEX[zone.code]}


def test_left_zones_lie_left_and_letters_stand_beside_the_ears() -> None:
    grid = build_grid(66, 33)
    for left in ("FRL", "FTL", "PAL"):
        index = INDEX[left]
        assert grid.anchors[index].last < 33 <= grid.anchors[MIRROR[index]].first
    (left_x, row, left_letter), (right_x, _, right_letter) = grid.sides
    assert (left_letter, right_letter) == ("L", "R")
    assert left_x < right_x
    assert grid.cell[row][left_x] == OUTSIDE == grid.cell[row][right_x]


def test_every_zone_has_its_share_and_they_add_up() -> None:
    grid = build_grid(100, 50)
    assert sum(grid.share) == pytest.approx(1)
    assert min(grid.share) > 0.04
    assert any(SKIN in line for line in grid.cell)


def test_hairline_is_in_front_and_occiput_behind() -> None:
    grid = build_grid(66, 33)
    rows = [grid.anchors[INDEX[code]].row for code in ("FHL", "FRL", "MID", "VTX", "OCC")]
    assert rows == sorted(rows)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_zone_update_repaints_only_its_rows(stage: StageMaker, size: tuple[int, int]) -> None:
    async with stage(scenes.needling(), size) as s:
        scalp = s.app.screen.query_one(ScalpMap)
        grid = scalp._fit_grid()
        assert grid is not None
        index = INDEX["VTX"]
        s.app.treat.ready = False  # the next frame would put the view's own count back
        before = scalp.lines_built
        scalp.mark(index, ZoneMark(9, 500.0))
        await s.pilot.pause()
        first, last = grid.rows[index]
        assert scalp.lines_built - before == last - first + 1 < grid.height
        before = scalp.lines_built
        scalp.mark(index, ZoneMark(9, 501.0))
        await s.pilot.pause()
        assert scalp.lines_built - before == grid.anchors[index].rows
        before = scalp.lines_built
        scalp.mark(index, ZoneMark(9, 501.0))
        await s.pilot.pause()
        assert scalp.lines_built == before


async def test_arrows_find_the_neighbour(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        scalp = s.app.screen.query_one(ScalpMap)
        assert scalp.neighbour(-1, 0) == "FRL"
        assert scalp.neighbour(1, 0) == "FTR"
        assert scalp.neighbour(0, -1) == "FHL"
        scalp.select("OCC")
        assert scalp.neighbour(0, -1) == "VTX"
        assert scalp.neighbour(0, 1) is None


async def test_a_click_chooses_the_zone_under_it(stage: StageMaker) -> None:
    async with stage(scenes.IDLE) as s:
        grid = s.app.screen.query_one(ScalpMap)._fit_grid()
        assert grid is not None
        anchor = grid.anchors[INDEX["VTX"]]
        await s.pilot.click("#map", offset=(anchor.first, anchor.row))
        await s.settle()
        assert s.asked("zone.select") == [{"zone": "VTX"}]


def test_counts_fit_their_room() -> None:
    mark = ZoneMark(12, 754.0, inferred=True)
    assert mark.count(20) == "12× ~12:34"
    assert mark.count(6) == "12×"
    assert ZoneMark().count(20) == "-"
    assert ZoneMark(0, 2.0, active=True).count(20) == "0:02"
