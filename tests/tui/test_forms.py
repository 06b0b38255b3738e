"""Forms on the screen: digits, sentences beside fields, scans, drafts, and no letter while the pen may turn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devicectl.station.client_api import StationError
from tests.tui.conftest import Stage, StageMaker
from tui import scenes
from tui import treatment_scenes as treatments
from tui.screens.form_draft import Draft
from tui.screens.form_sheet import FormSheet
from tui.screens.sign_in import SignInSheet
from tui.screens.steps import StepsScreen

BARCODE = "(01)09521234543213(17)280229(10)AB-7(21)S1"


async def _result(s: Stage) -> FormSheet:
    await s.press("k")
    assert isinstance(s.app.screen, FormSheet)
    return s.app.screen


async def test_a_digit_answers_and_goes_on_and_what_is_wrong_is_said(stage: StageMaker) -> None:
    async with stage(treatments.charted(), (80, 24)) as s:
        sheet = await _result(s)
        await s.press("enter", "enter", "2")
        assert sheet.draft.values["end_point"] == "mild_erythema"
        await s.press("1", "1", "enter")
        assert sheet.draft.errors["pain"]
        await s.press("up")
        assert "✖" in s.text()
        assert "Pain" in sheet.draft.errors["pain"]
        await s.press("backspace", "f2")
        assert s.asked("form.submit")[0]["form"] == "zone_result"
        assert s.asked("form.submit")[0]["values"]["pain"] == "1"  # type: ignore[index]


async def test_a_refusal_of_the_station_stands_beside_its_field(stage: StageMaker) -> None:
    async with stage(treatments.charted(), (80, 24)) as s:
        s.client.refusals["form.submit"] = StationError(
            "Note is too long.", "invalid-form", {"note": "Note is too long."}
        )
        sheet = await _result(s)
        await s.press("enter", "enter", "2", "f2")
        assert s.app.screen is sheet
        assert sheet.line is not None
        assert sheet.line.name == "note"
        assert "Note is too long." in s.text()


async def test_stop_closes_the_form_and_the_draft_is_there_again(stage: StageMaker) -> None:
    async with stage(treatments.charted(), (80, 24)) as s:
        await _result(s)
        await s.press("enter", "enter", "2", "7", "space")
        assert s.client.stops == ["space"]
        assert s.app.screen is s.app.treat
        sheet = await _result(s)
        assert sheet.draft.values["pain"] == "7"
        assert sheet.draft.values["end_point"] == "mild_erythema"


async def test_no_letter_goes_into_a_form_while_the_pen_may_turn(stage: StageMaker) -> None:
    async with stage(treatments.charted(), (80, 24)) as s:
        sheet = await _result(s)
        await s.press("enter", "enter", "2")
        turning = treatments.charted(scenes.needling())
        await s.show(replace(turning, run=None))
        before = dict(sheet.draft.values)
        await s.press("5")
        assert s.client.stops == ["key 5"]
        assert sheet.draft.values == before


async def test_a_scan_fills_the_cartridge_and_answers_no_choice(stage: StageMaker) -> None:
    async with stage(treatments.charted(), (80, 24)) as s:
        await s.press("w", "down", "down", "enter")
        sheet = s.app.screen
        assert isinstance(sheet, FormSheet)
        sheet.scanned(BARCODE)
        assert sheet.draft.values["lot"] == "AB-7"
        assert sheet.draft.values["expiry"] == "2028-02-29"
        await s.press("escape", "escape")
        result = await _result(s)
        await s.press("enter", "enter")
        result.scanned("1111111")
        assert not result.draft.values.get("end_point")


async def test_a_low_line_is_a_blank_and_twice_a_low_line(stage: StageMaker) -> None:
    async with stage(treatments.charted(), (80, 24)) as s:
        sheet = await _result(s)
        for _ in range(6):
            await s.press("down")
        await s.press("a", "underscore", "b", "underscore", "underscore")
        assert sheet.draft.values["note"] == "a b_"


async def test_a_pin_is_never_shown_and_never_kept(stage: StageMaker) -> None:
    async with stage(treatments.arriving(), (80, 24)) as s:
        s.client.operators = [{"name": "Ada"}]
        await s.press("w", "enter")
        sheet = s.app.screen
        assert isinstance(sheet, SignInSheet)
        await s.press("4", "8", "1", "5")
        assert "4815" not in s.text()
        assert "****" in s.text()
        await s.press("escape", "enter")
        assert isinstance(s.app.screen, SignInSheet)
        assert not s.app.screen.draft.values.get("pin")


async def test_a_locked_screen_asks_for_the_pin_and_stop_works_there(stage: StageMaker) -> None:
    async with stage(treatments.charted(), (80, 24)) as s:
        await _result(s)
        await s.show(treatments.locked())
        await s.settle()
        assert isinstance(s.app.screen, SignInSheet)
        assert "Locked" in s.text()
        await s.press("space")
        assert s.client.stops == ["space"]
        await s.show(treatments.locked())
        await s.settle()
        assert isinstance(s.app.screen, SignInSheet)
        await s.press("escape")
        assert s.asked("operator.sign_out") == [{}]


async def test_the_next_step_is_chosen_and_all_16_are_in_sight(stage: StageMaker) -> None:
    async with stage(treatments.charted(), (80, 24)) as s:
        await s.press("w")
        assert isinstance(s.app.screen, StepsScreen)
        assert "› ✖ TROUBLE Checklist" in s.text()
        for step in treatments.STEPS:
            assert f" {step.title} " in s.text()


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_title_alarms_and_stop_stay_in_sight_over_every_sheet(stage: StageMaker, size: tuple[int, int]) -> None:
    async with stage(treatments.charted(scenes.IDLE), size) as s:
        for keys in (("w",), ("w", "enter"), ("k",), ("u",)):
            await s.press(*keys)
            rows = s.rows()
            assert rows[0].startswith(" TREAT")
            assert "no alarms" in rows[1]
            assert "STOP" in "".join(rows[-3:])
            await s.press("space")


def test_a_question_for_a_physician_asks_for_the_reason() -> None:
    from devicectl.treatment.forms import FORMS

    draft = Draft.of(FORMS["checklist"])
    names = [line.name for line in draft.lines()]
    at = next(i for i, row in enumerate(draft.given()["answers"]) if row["item"] == "keloid")  # type: ignore[arg-type, call-overload, var-annotated]
    draft.put(f"answers.{at}.answer", "yes")
    assert [line.name for line in draft.lines() if line.name not in names] == [f"answers.{at}.reason"]
