"""The file of a client and the record of a session by keys, and the checklist that knows the last time."""

from __future__ import annotations

from dataclasses import replace

from devicectl.station.client_api import StationError
from devicectl.treatment.checklist import ITEMS
from tests.tui.conftest import Stage, StageMaker
from tui import treatment_scenes as treatments
from tui.screens.client_file import ClientFileScreen
from tui.screens.form_sheet import FormSheet
from tui.screens.session_record import SessionRecordScreen


async def _file(s: Stage) -> ClientFileScreen:
    s.app.book = treatments.BOOK
    await s.press("w", "enter", "tab")
    screen = s.app.screen
    assert isinstance(screen, ClientFileScreen)
    return screen


async def _to(s: Stage, words: str) -> None:
    """Go to the first row with these words."""
    await s.press("home")
    for _ in range(40):
        if any("›" in row and words in row for row in s.rows()):
            return
        await s.press("down")
    raise AssertionError(f"{words!r} is in no row:\n{s.text()}")


def _sheet(s: Stage) -> FormSheet:
    assert isinstance(s.app.screen, FormSheet)
    return s.app.screen


async def test_clients_show_what_stands_open(stage: StageMaker) -> None:
    async with stage(treatments.at_work(), (80, 24)) as s:
        s.app.book = treatments.BOOK
        await s.press("w", "enter")
        assert "! 1 event goes on. Due 2026-09-07: Contact on day 7." in s.text()
        assert "9 left" in s.text()
        assert "OVERDUE by 7 days" in s.text()


async def test_an_event_goes_on_from_the_file(stage: StageMaker) -> None:
    async with stage(treatments.at_work(), (120, 40)) as s:
        await _file(s)
        await _to(s, "Itch, grade 1")
        await s.press("enter")
        sheet = _sheet(s)
        assert sheet.draft.form.name == "adverse_event_state"
        await s.press("2", *"2026-09-05", "enter", "f2")
        sent = s.asked("form.submit")[-1]
        assert sent["form"] == "adverse_event_state"
        assert sent["client"] == "T-001"
        assert sent["about"] == str(treatments.FILE["adverse_events"][0]["id"])
        assert isinstance(s.app.screen, ClientFileScreen), "back where it began"


async def test_a_follow_up_is_done_or_moved_and_a_course_ends(stage: StageMaker) -> None:
    async with stage(treatments.at_work(), (120, 40)) as s:
        await _file(s)
        await _to(s, "Contact on day 7")
        await s.press("enter", "1", "f2")
        assert s.asked("form.submit")[-1]["form"] == "follow_up_state"
        await s.press("f7")
        assert _sheet(s).draft.form.name == "follow_up_moved"
        await s.press("escape")
        await _to(s, "Course")
        await s.press("enter")
        assert _sheet(s).draft.form.name == "course_end"


async def test_the_record_is_read_only_and_shows_the_old_value_beside_the_new(stage: StageMaker) -> None:
    async with stage(treatments.at_work(), (120, 40)) as s:
        await _file(s)
        await _to(s, "Session")
        await s.press("enter")
        assert isinstance(s.app.screen, SessionRecordScreen)
        assert "performed by Dr A. Moreau" in s.text()
        await _to(s, "5  (was 3, amended")
        await s.press("enter")
        assert "Now: 5" in s.text()
        await s.press("6", "enter", *"typed", "f2")
        assert s.asked("session.amend") == [
            {
                "session": str(treatments.FILE["sessions"][0]["id"]),
                "values": {
                    "table": "zone_results", "row": str(treatments.RECORD.entered["zone_results"][0]["id"]),
                    "field": "pain", "value": "6", "reason": "typed",
                },
            }
        ]  # fmt: skip


async def test_what_is_not_signed_is_not_amended(stage: StageMaker) -> None:
    async with stage(treatments.at_work(), (120, 40)) as s:
        await _file(s)
        s.app.book = type(treatments.BOOK)(session=replace(treatments.RECORD, signatures=()))
        await _to(s, "Session")
        await s.press("enter")
        assert "NOT SIGNED" in s.text()
        await s.press("down", "down", "down", "down", "enter")
        assert isinstance(s.app.screen, SessionRecordScreen)
        assert "entered anew" in s.text()


async def test_a_wrong_correction_gets_its_sentence_and_a_refusal_keeps_what_was_typed(stage: StageMaker) -> None:
    async with stage(treatments.at_work(), (120, 40)) as s:
        await _file(s)
        await _to(s, "Session")
        await s.press("enter")
        await _to(s, "5  (was 3, amended")
        await s.press("enter", "9", "9", "enter")
        assert "Pain" in _sheet(s).draft.errors["value"]
        await s.press("up", "backspace", "backspace", "4", "enter", *"typed")
        s.client.refusals["session.amend"] = StationError("Only practitioners amend.", "not-allowed")
        await s.press("f2")
        assert "Only practitioners amend." in s.text()
        assert _sheet(s).draft.values["value"] == "4"


async def test_the_checklist_stands_as_last_time_and_a_change_marks_itself(stage: StageMaker) -> None:
    async with stage(treatments.charted(), (80, 24)) as s:
        s.app.book = treatments.BOOK
        await s.press("w", "enter")
        sheet = _sheet(s)
        assert "The answers of 2026-08-31 stand here" in s.text()
        assert sheet.line is not None
        assert sheet.line.name == "changed", "the only question that is open"
        await s.press("2", "2")
        assert sheet.draft.values["changed"] == "yes"
        assert "was no" in s.text()
        rows = sheet.draft.given()["answers"]
        assert isinstance(rows, list)
        assert [row["item"] for row in rows if row["changed"] == "yes"] == ["infection"]
        assert len(rows) == len(ITEMS)
