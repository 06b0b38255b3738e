"""Custom patches on the map, by key and by mouse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tui.conftest import StageMaker
from tui import scenes
from tui import treatment_scenes as treatments
from tui.screens.form_sheet import FormSheet
from tui.screens.patches import PatchScreen
from tui.widgets.scalp_map import ScalpMap
from tui.zones import patches_of


def test_what_is_known_of_patches_is_what_was_planned_done_or_chosen() -> None:
    assert [(one.code, one.count) for one in patches_of(treatments.patched())] == [("CUS-1", "1/2"), ("CUS-2", "0/2")]
    assert patches_of(scenes.IDLE) == []
    assert [one.code for one in patches_of(replace(scenes.IDLE, zone="CUS-12"))] == ["CUS-12"]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_patches_stand_beside_the_head(stage: StageMaker, size: tuple[int, int]) -> None:
    async with stage(treatments.patched(), size) as s:
        left = [row[: size[0] // 2 + 4] for row in s.rows()]
        assert any("CUS-1 1/2" in row for row in left)
        assert any("CUS-2 0/2" in row for row in left)
        assert "CUS-1 custom patch" in s.text()


async def test_many_patches_never_cover_the_head_or_the_caption(stage: StageMaker) -> None:
    zone = treatments.PATCHED[-1]
    chart = replace(treatments.CHART, zones=tuple(replace(zone, code=f"CUS-{n}") for n in range(1, 60)))
    async with stage(replace(treatments.charted(), chart=chart), (120, 40)) as s:
        scalp = s.app.screen.query_one(ScalpMap)
        grid = scalp._fit_grid()
        assert grid is not None
        placed = scalp.places()
        assert placed
        for y, found in placed.items():
            for x, patch in found:
                assert {grid.cell[y][at] for at in range(x, x + len(patch.label))} == {-1}
        assert "SIMULATED PEN" in s.text()


@pytest.mark.parametrize(("keys", "code"), [(("1",), "CUS-1"), (("down", "enter"), "CUS-2"), (("9",), "CUS-9"),
                                            (("down", "down", "enter"), "CUS-3")])  # fmt: skip
async def test_a_patch_is_chosen_by_key(stage: StageMaker, keys: tuple[str, ...], code: str) -> None:
    async with stage(treatments.patched(), (80, 24)) as s:
        await s.press("z", *keys)
        assert s.asked("zone.select") == [{"zone": code}]


async def test_a_patch_is_chosen_while_the_motor_turns_and_other_keys_stop(stage: StageMaker) -> None:
    async with stage(treatments.patched(scenes.needling()), (80, 24)) as s:
        await s.press("z")
        assert isinstance(s.app.screen, PatchScreen)
        await s.press("2")
        assert s.asked("zone.select") == [{"zone": "CUS-2"}]
        await s.press("z", "k")
        assert s.client.stops == ["key k"]


async def test_a_click_on_a_patch_chooses_it(stage: StageMaker) -> None:
    async with stage(treatments.patched(), (120, 40)) as s:
        y, found = next(iter(s.app.screen.query_one(ScalpMap).places().items()))
        x, patch = found[0]
        await s.pilot.click("#map", offset=(x + 2, y))
        await s.settle()
        assert s.asked("zone.select") == [{"zone": patch.code}]


async def test_a_patch_is_described_in_a_note(stage: StageMaker) -> None:
    async with stage(treatments.patched(), (80, 24)) as s:
        await s.press("z", "f4")
        sheet = s.app.screen
        assert isinstance(sheet, FormSheet)
        assert sheet.draft.form.name == "note"
        assert sheet.draft.values["zone"] == "CUS-1"
