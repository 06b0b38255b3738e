"""Protocols, checklist, scales, anaesthetics, follow-ups, phrases and texts: figures with sources, and no claims."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.treatment_forms import EXAMPLES, NOW

from devicectl.treatment import checklist, phrases, protocols, scales, texts, vocabulary
from devicectl.treatment.anaesthetics import DOCUMENTED, dose_text, dwell, dwell_text
from devicectl.treatment.follow_up import Due, interval, laid_down
from devicectl.treatment.forms import FORMS, parse, typed
from devicectl.treatment.forms.course import protocol_entry
from devicectl.treatment.forms.questions import checklist_again, checklist_form
from devicectl.treatment.zones import parse_zone

CLAIMS = re.compile(
    r"effective|efficac|improv|better|best\b|superior|regrow|grow(s|th)? (of )?hair|hair growth|stimulat|collagen(?![-_])|"
    r"\bcure|heal(s|ing)\b|\btreats\b|proven|benefit|success|recommend|restor|rejuvenat|thicker|denser|deliver|absor|"
    r"penetrat|response|responder|count \+|density \+",
    re.IGNORECASE,
)


# ---- no claims


def everything_said():
    for protocol in protocols.PROTOCOLS.values():
        yield from (protocol.name, protocol.citation, protocol.detail, *protocol.sources.values())
    for item in checklist.items():
        yield item.text
    yield from (phrase.text for phrase in phrases.PHRASES)
    yield from (texts.CONSENT_TEXT, texts.AFTERCARE_TEXT)
    for name, words in vars(vocabulary).items():
        if not name.isupper():
            continue
        yield from words.values() if isinstance(words, Mapping) else words
    for form in FORMS.values():
        yield from (form.title, form.help)
        for field in form.fields:
            yield from (field.label, field.entry.help, *field.entry.choices.values())


@pytest.mark.parametrize("text", sorted({text for text in everything_said() if text}))
def test_no_text_claims_an_effect(text):
    assert not CLAIMS.search(text)


def test_nor_does_a_comment_or_a_docstring_of_the_room():
    for path in Path(protocols.__file__).parent.rglob("*.py"):
        found = CLAIMS.search(path.read_text("utf-8"))
        assert found is None, (path.name, found)


# ---- protocols


def test_every_protocol_that_has_to_be_there_is():
    assert list(protocols.PROTOCOLS) == [
        "Dhurat 2013",
        "Kumar 2018",
        "Faghihi 2021, 0.6 mm",
        "Faghihi 2021, 1.2 mm",
        "Li 2026, mild",
        "Li 2026, moderate",
        "Li 2026, severe",
        "Arora 2022",
        "Empty",
    ]


@pytest.mark.parametrize(
    ("name", "depth_um", "sessions", "min_days", "end_point"),
    [
        ("Dhurat 2013", 1_500, 12, 7, "mild_erythema"),
        ("Kumar 2018", 1_500, 8, 7, "pinpoint_bleeding"),
        ("Faghihi 2021, 0.6 mm", 600, 6, 14, None),
        ("Faghihi 2021, 1.2 mm", 1_200, 6, 14, None),
        ("Li 2026, mild", 1_000, 8, 7, None),
        ("Li 2026, moderate", 1_000, 12, 7, None),
        ("Li 2026, severe", 1_000, 16, 7, None),
        ("Arora 2022", 1_500, 3, 21, None),
    ],
)
def test_the_figures_are_those_of_the_table_of_trials(name, depth_um, sessions, min_days, end_point):
    protocol = protocols.PROTOCOLS[name]
    assert (protocol.sessions, protocol.min_days) == (sessions, min_days)
    assert {(zone.depth_um, zone.end_point) for zone in protocol.zones} == {(depth_um, end_point)}


@pytest.mark.parametrize("protocol", protocols.PROTOCOLS.values(), ids=lambda each: each.name)
def test_every_figure_has_a_source_and_what_was_not_published_is_not_there(protocol):
    figures = {
        "depth": {zone.depth_um for zone in protocol.zones},
        "rate": {zone.rate_mhz for zone in protocol.zones},
        "passes": {tuple(zone.passes) for zone in protocol.zones},
        "end_point": {zone.end_point for zone in protocol.zones},
        "seconds": {zone.seconds for zone in protocol.zones},
        "min_days": {protocol.min_days},
        "sessions": {protocol.sessions},
    }
    assert set(protocol.sources) == {*figures, "zones"}
    for figure, values in figures.items():
        told = protocol.sources[figure] != "not published" and not re.search(
            "not published$|^no ", protocol.sources[figure]
        )
        assert told == bool(values - {None, ()}), figure
    for zone in protocol.zones:
        assert parse_zone(zone.zone).code == zone.zone
        assert set(zone.passes) <= set(vocabulary.DIRECTIONS)
    assert protocol.version >= 1
    assert protocol.indication is None or protocol.indication in vocabulary.INDICATIONS


@pytest.mark.parametrize("protocol", protocols.PROTOCOLS.values(), ids=lambda each: each.name)
def test_a_copy_begins_from_what_is_shipped(protocol):
    entry = parse(FORMS["protocol"], protocol_entry(protocol, "Ours"), NOW)
    assert (entry.name, entry.sessions, entry.min_days) == ("Ours", protocol.sessions, protocol.min_days)
    assert [(each.zone, each.depth_um, each.passes) for each in entry.zones] == [
        (each.zone, each.depth_um, dict(each.passes)) for each in protocol.zones
    ]


# ---- checklist

NO = tuple(checklist.Answer(name, "no") for name in checklist.ITEMS)


def answered(name, answer, reason=False):
    return tuple(replace(each, answer=answer, reason=reason) if each.item == name else each for each in NO)


def test_stops_come_first_and_every_question_has_a_source():
    kinds = [item.kind for item in checklist.items()]
    assert kinds == sorted(kinds, key=["stop", "ask"].index)
    assert all(item.source and item.text.endswith("?") for item in checklist.items())


def test_all_no_goes_on():
    assert checklist.blocking(NO) == ()
    assert len(checklist.blocking(())) == len(checklist.ITEMS)


@pytest.mark.parametrize("item", checklist.ITEMS.values(), ids=lambda item: item.name)
@pytest.mark.parametrize("answer", ["yes", "unknown"])
def test_a_stop_ends_it_and_an_ask_needs_a_reason(item, answer):
    assert [found for found, _ in checklist.blocking(answered(item.name, answer))] == [item]
    with_reason = checklist.blocking(answered(item.name, answer, reason=True))
    assert bool(with_reason) == (item.kind == "stop")


def test_what_changed_since_the_last_time():
    before = {each.item: each.answer for each in NO}
    assert checklist.changed(before, before | {"diabetes": "yes", "herpes": "unknown"}) == ("herpes", "diabetes")
    assert checklist.changed({}, before) == ()


def test_the_isotretinoin_window_is_the_clinics_and_is_part_of_the_version():
    assert "within 6 months" in next(item.text for item in checklist.items(6) if item.name == "isotretinoin")
    with pytest.raises(ValueError):
        checklist.items(0)
    form = checklist_form(6)
    whole = EXAMPLES["checklist"][0]
    record = parse(form, whole, NOW)
    assert record.version == "checklist-1, isotretinoin 6 months"
    assert parse(form, typed(record), NOW) == record
    assert "within 6 months" in str(typed(record))
    assert parse(form, {**whole, "version": "checklist-1"}, NOW) == {
        "version": "The checklist in use is checklist-1, isotretinoin 6 months; answer that one."
    }


def test_asked_again_the_answers_of_the_last_time_stand_there():
    again = checklist_again(dict.fromkeys(checklist.ITEMS, "no") | {"keloid": "unknown"})
    record = parse(FORMS["checklist"], {**again, "changed": "no"}, NOW)
    assert {row.item: row.answer for row in record.answers if row.answer != "no"} == {"keloid": "unknown"}
    first = parse(FORMS["checklist"], {**checklist_again({}), "changed": "first"}, NOW)
    assert len(first) == len(checklist.ITEMS)
    assert first["answers.0.answer"] == "Answer is needed: choose No, Yes or Not known."


# ---- scales


def test_the_scales_have_their_grades():
    assert {name: len(scale.grades) for name, scale in scales.SCALES.items()} == {
        "norwood": 12,
        "ludwig": 3,
        "sinclair": 5,
        "salt": 6,
        "global_photo": 7,
    }


@pytest.mark.parametrize(
    ("loss", "score", "salt_class", "severity"),
    [
        ((0, 0, 0, 0), 0, "S0", "none"),
        ((1, 0, 0, 0), 400, "S1", "limited"),
        ((50, 0, 0, 0), 20_000, "S1", "limited"),
        ((100, 0, 0, 0), 40_000, "S2", "moderate"),
        ((0, 100, 0, 0), 24_000, "S1", "moderate"),
        ((0, 0, 100, 100), 36_000, "S2", "moderate"),
        ((50, 50, 50, 50), 50_000, "S3", "severe"),
        ((90, 90, 90, 90), 90_000, "S4", "severe"),
        ((95, 95, 95, 95), 95_000, "S4", "very severe"),
        ((100, 100, 100, 99), 99_820, "S4", "very severe"),
        ((100, 100, 100, 100), 100_000, "S5", "very severe"),
    ],
)
def test_salt_is_the_weighted_sum_of_four_quadrants(loss, score, salt_class, severity):
    assert scales.salt_score_milli(*(each * 1000 for each in loss)) == score
    assert (scales.salt_class(score), scales.salt_severity(score)) == (salt_class, severity)


@given(st.lists(st.integers(0, 100_000), min_size=4, max_size=4))
def test_salt_stays_between_its_least_and_greatest_quadrant(loss):
    assert min(loss) <= scales.salt_score_milli(*loss) <= max(loss)


def test_salt_refuses_what_is_no_percentage():
    with pytest.raises(ValueError):
        scales.salt_score_milli(0, 0, 0, 100_001)


# ---- anaesthetics


def test_a_dose_stands_beside_what_is_documented():
    label = "label: druglib.com/druginfo/emla"
    assert dose_text(2_500, 2_500, 5_000) == (
        f"0.10 g/cm², 125 mg of active substance. Within the documented 0.10 to 0.125 g/cm² ({label})."
    )
    assert "Above the documented" in dose_text(5_000, 2_500, 5_000)
    assert "Below the documented" in dose_text(1_000, 2_500, 5_000)
    assert dose_text(1_000, 10_000, 4_000).endswith("No dose by area is documented here for this strength.")
    assert dwell_text(4_000) == "Documented: 20 to 30 min (skinspirit.com)."
    assert dwell_text(20_000) == "Documented: at least 30 min (belislaser.com (a vendor))."
    assert dwell_text(1) == ""
    assert all(each.source for each in DOCUMENTED)


@pytest.mark.parametrize(
    ("minutes", "state", "text"),
    [
        (0, "early", "Anaesthetic on for 0 min; 20 min to its least time."),
        (19, "early", "Anaesthetic on for 19 min; 1 min to its least time."),
        (20, "ready", "Anaesthetic on for 20 min; remove it and clean the skin."),
        (30, "ready", "Anaesthetic on for 30 min; remove it and clean the skin."),
        (31, "over", "Anaesthetic on for 31 min, longer than 30 min; remove it now."),
        (-5, "early", "Anaesthetic on for 0 min; 20 min to its least time."),
    ],
)
def test_the_timer_of_an_anaesthetic(minutes, state, text):
    found = dwell(10**15, 10**15 + minutes * 60_000_000, 1_200, 1_800)
    assert (found.state, found.text) == (state, text)


def test_without_a_greatest_time_it_is_never_over():
    assert dwell(0, 10**12, 60, None).state == "ready"


# ---- follow-ups


def test_follow_ups_are_laid_down_by_rule():
    first = date(2026, 11, 25)
    assert laid_down(first, course_start=first, min_days=7, sessions_left=11) == (
        Due("day1-3", date(2026, 11, 28)),
        Due("day7", date(2026, 12, 2)),
        Due("next-session", date(2026, 12, 2)),
        Due("week12", date(2027, 2, 17)),
        Due("week24", date(2027, 5, 12)),
    )
    last = laid_down(date(2027, 3, 1), course_start=first, min_days=7, sessions_left=0)
    assert [each.kind for each in last] == ["day1-3", "day7", "week24"]
    assert all(each.kind in vocabulary.FOLLOW_UPS for each in last)


def test_when_the_next_session_may_be_and_when_it_is_overdue():
    today = date(2026, 11, 25)
    assert interval(None, today, 7, 3).earliest is None
    found = interval(date(2026, 11, 20), today, 7, 3)
    assert (found.days_since, found.earliest, found.overdue_days) == (5, date(2026, 11, 27), 0)
    assert interval(date(2026, 11, 11), today, 7, 3).overdue_days == 0
    assert interval(date(2026, 11, 10), today, 7, 3).overdue_days == 1
    assert interval(date(2026, 1, 1), today, 7, 0).overdue_days == 0


# ---- phrases


def test_phrases_have_digits_and_letters_of_their_own():
    assert len(phrases.BY_DIGITS) == len(phrases.BY_DOT) == len(phrases.PHRASES)
    assert all(re.fullmatch("[0-9]{2}", each.digits) and each.text.endswith(".") for each in phrases.PHRASES)


@pytest.mark.parametrize(
    ("text", "full"),
    [
        (".pb", "Pinpoint bleeding reached."),
        ("Left side .pb then .gl", "Left side Pinpoint bleeding reached. then Glide renewed."),
        ("see www.pb.example, 3.pb, .unknown, ..pb, .PB", "see www.pb.example, 3.pb, .unknown, ..pb, .PB"),
        ("", ""),
    ],
)
def test_dot_phrases_are_written_out(text, full):
    assert phrases.expand(text) == full


@given(st.text(max_size=80))
def test_writing_out_leaves_everything_else_alone(text):
    if "." not in text:
        assert phrases.expand(text) == text


def test_a_text_has_a_fingerprint():
    assert texts.text_sha256("a").startswith("ca978112")
