"""What fits together within one form."""

from __future__ import annotations

import pytest
from support.treatment_forms import EXAMPLES, GTIN, NOW, SCAN

from devicectl.treatment.forms import FORMS, columns, parse
from devicectl.treatment.forms.signing import Part, parts_of


def entered(name, example=0, **values):
    return parse(FORMS[name], {**EXAMPLES[name][example], **values}, NOW)


@pytest.mark.parametrize(
    ("name", "example", "values", "said"),
    [
        ("cartridge", 0, {"raw": SCAN[:9]}, {"raw": "The barcode ends in the middle of its GTIN; scan it again."}),
        ("cartridge", 0, {"raw": SCAN * 2}, {"raw": "Two barcodes came at once; scan one cartridge at a time."}),
        ("cartridge", 0, {"lot": "B"}, {"lot": "The barcode says Lot AB-1; clear this field, or scan again."}),
        ("cartridge", 0, {"raw": 12}, {"raw": "Scan must be text, as the scanner sends it."}),
        (
            "cartridge",
            0,
            {"raw": f"01{GTIN}1726100010A"},
            {"expiry": "This cartridge expired on 2026-10-31; discard it and open another."},
        ),
        (
            "cartridge",
            2,
            {"gtin": "9521234543214"},
            {"gtin": "The GTIN's check digit does not fit; scan again, or copy the number again."},
        ),
        (
            "cartridge",
            0,
            {"raw": f"01{GTIN}"},
            {"lot": "Lot is needed, such as AB-123.", "expiry": "Expiry is needed, such as 2028-02."},
        ),
        (
            "anaesthetic",
            0,
            {"dwell_max_s": "30 min"},
            {"dwell_max_s": "Greatest time must not be below the least time."},
        ),
        (
            "anaesthetic",
            0,
            {"on_utc_us": "2026-11-23 10:00"},
            {"on_utc_us": "On at must lie within the last 24 hours."},
        ),
        (
            "anaesthetic_off",
            0,
            {"cleaned": "no"},
            {"cleaned": "Remove all of it and clean the skin first, then answer Yes."},
        ),
        ("pen_check", 0, {"stop": "no"}, {"note": "Something is not in order: say what in the note."}),
        (
            "pen_check",
            0,
            {"depth_set_um": "1"},
            {"depth_measured_um": "Depth measured is needed beside the other depth; or leave both empty."},
        ),
        ("zone_result", 0, {"skipped": "yes"}, {"note": "Say in the note why the zone was skipped."}),
        (
            "zone_result",
            0,
            {"end_point": ""},
            {"end_point": "End point is needed: choose what was reached, or answer that the zone was skipped."},
        ),
        ("note", 0, {"phrase": ""}, {"note": "Choose a phrase or write a note."}),
        ("topical", 0, {"expiry": "2026-10"}, {"expiry": "This product expired on 2026-10-31; take another."}),
        ("topical", 1, {"resume_utc_us": "2026-11-24 10:00"}, {"resume_utc_us": "Resume at cannot be in the past."}),
        ("adverse_event", 0, {"term": "other"}, {"note": "Say in the note what it was."}),
        (
            "adverse_event_state",
            0,
            {"outcome": "resolved"},
            {"resolved_date": "Resolved on is needed, such as 2026-11-25."},
        ),
        (
            "adverse_event_state",
            1,
            {"outcome": "ongoing"},
            {"resolved_date": "Leave the day empty, or choose an outcome that is resolved."},
        ),
        (
            "follow_up",
            0,
            {"due_date": "2026-11-24"},
            {"due_date": "Due on cannot be in the past: 2026-11-24 is before today."},
        ),
        (
            "pass_change",
            0,
            {"zone_after": "OCC"},
            {"split_s": "Split at is needed: the seconds into the pass, or leave the second zone empty."},
        ),
        ("pass_change", 1, {"zone_after": ""}, {"zone_after": "Zone after the split is needed, such as VTX."}),
        (
            "protocol",
            1,
            {"zones": [{"zone": "VTX"}, {"zone": "vtx"}]},
            {"zones.1.zone": "Zone VTX stands in the plan already; change that row."},
        ),
        (
            "assessment",
            0,
            {"grade": "VIII"},
            {
                "grade": "Grade on Norwood–Hamilton (men) must be I, II, IIa, III, IIIa, III vertex, IV, IVa, V, Va, VI or "
                "VII."
            },
        ),
        (
            "assessment",
            0,
            {"salt_top_milli": "3"},
            {"scale": "Quadrants and score belong to SALT; choose that scale, or leave them empty."},
        ),
        ("assessment", 1, {"salt_left_milli": ""}, {"salt_left_milli": "Loss, left is needed too, in %."}),
        (
            "assessment",
            1,
            {"score_milli": "30"},
            {"score_milli": "The quadrants give a SALT score of 24.65 %; leave the score empty."},
        ),
        ("assessment", 1, {"grade": "S3"}, {"grade": "The score is in class S1; leave the grade empty."}),
        (
            "assessment",
            2,
            {"score_milli": ""},
            {"salt_top_milli": "Enter the loss of the four quadrants, or the SALT score."},
        ),
        ("course", 0, {"grade": ""}, {"grade": "Grade is needed, such as III vertex."}),
        ("checklist", 0, {"version": "old"}, {"version": "The checklist in use is checklist-1; answer that one."}),
        (
            "checklist",
            1,
            {"changed": "no"},
            {"changed": "An answer is marked as changed; answer Yes here, or unmark it."},
        ),
    ],
)
def test_what_does_not_fit_together_is_said_at_one_field(name, example, values, said):
    assert entered(name, example, **values) == said


def test_a_question_answered_twice_is_noticed():
    rows = list(EXAMPLES["checklist"][0]["answers"])
    rows[3] = rows[0]
    assert entered("checklist", answers=rows) == {"answers.3.item": "This question is answered twice; keep one answer."}
    assert entered("checklist", answers=rows[:5]) == {"answers": "Answers: 21 rows are needed."}


def test_a_scan_fills_the_cartridge_and_says_so():
    kept = columns(entered("cartridge"))
    assert (kept["gtin"], kept["lot"], kept["expiry"], kept["serial"]) == (GTIN, "AB-1", "2028-02-29", "S7")
    assert (kept["entered"], kept["raw"]) == ("scan", f"01{GTIN}1728020010AB-1{{GS}}21S7")
    assert columns(entered("cartridge", 2))["entered"] == "hand"


def test_salt_is_worked_out_from_its_quadrants():
    kept = columns(entered("assessment", 1))
    assert kept == {
        "scale": "salt",
        "score_milli": 24_650,
        "grade": "S1",
        "detail": {"top": 50_000, "back": 10_000, "right": 0, "left": 12_500},
    }
    assert columns(entered("assessment", 2))["grade"] == "S1"
    assert columns(entered("assessment", 0)) == {
        "scale": "norwood",
        "score_milli": None,
        "grade": "III vertex",
        "detail": None,
    }
    assert entered("assessment", 4).grade == "+1"
    assert entered("assessment", 3).grade == "-2"


@pytest.mark.parametrize(
    ("depth", "rate", "passed"),
    [("1.15", "110", True), ("0.85", "90", True), ("1.151", "100", False), ("1", "110.1", False), ("1", "89.9", False)],
)
def test_a_check_passes_within_its_tolerances(depth, rate, passed):
    values = {
        "depth_set_um": 1,
        "depth_measured_um": depth,
        "rate_set_mhz": 100,
        "rate_measured_mhz": rate,
        "note": "x",
    }
    assert columns(entered("pen_check", **values))["passed"] == int(passed)


def test_a_pass_is_given_to_another_zone_or_split():
    whole, split = entered("pass_change"), entered("pass_change", 1)
    assert parts_of(whole, 1_000, 31_000) == (Part(1_000, 31_000, "VTX", None),)
    assert parts_of(split, 1_000, 31_000) == (Part(1_000, 13_000, "VTX", "stamp"), Part(13_000, 31_000, "OCC", None))
    assert parts_of(split, 1_000, 13_000) == "The pass lasted 12 s; split it before its end."


def test_dot_phrases_and_units_are_taken_where_they_are_typed():
    assert entered("note", 1).note == "Wiped Zone wiped with saline. twice <b>"
    assert (entered("topical").amount_milli, entered("topical").unit) == (1_500, "ml")
    assert entered("anaesthetic").dose().startswith("0.10 g/cm², 125 mg of active substance.")


def test_permissions_and_roles_are_those_of_the_room_that_keeps_them():
    roles = pytest.importorskip("devicectl.access.roles")
    for form in FORMS.values():
        assert form.permission in roles.Permission.__members__
    assert set(FORMS["operator"].by_name["role"].entry.choices) == {str(role) for role in roles.Role}


def test_a_time_is_typed_as_the_screens_write_it() -> None:
    from devicectl.treatment.forms.numbers import LENGTH_UM, MINUTES_S, read_number
    from devicectl.treatment.forms.words import BadEntry

    assert [read_number("Time", text, MINUTES_S, 1, 3_600) for text in ("0:10", "3:00", "0,5", "90 s")] == [
        10,
        180,
        30,
        90,
    ]
    for wrong in ("0:00", "0:60", "1:2", "90:00"):
        with pytest.raises(BadEntry):
            read_number("Time", wrong, MINUTES_S, 1, 3_600)
    with pytest.raises(BadEntry):
        read_number("Depth", "0:10", LENGTH_UM, 100, 3_000)
