"""The steps of a session and its gates, from what is recorded."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.treatment_forms import NOW

from devicectl.treatment import gates
from devicectl.treatment.checklist import ITEMS, Answer
from devicectl.treatment.forms import FORMS
from devicectl.treatment.plan import DonePass, PlannedZone, progress
from devicectl.treatment.recorded import (
    AnaestheticFact,
    CartridgeFact,
    ChecklistFact,
    ConsentFact,
    CourseFact,
    PenCheckFact,
    Recorded,
)
from devicectl.treatment.steps import missing, next_step, steps

US = 1_000_000
AT = int(NOW.timestamp()) * US
TODAY = NOW.date()
MIN = 60 * US
PLAN = (PlannedZone("VTX", passes={"horizontal": 1}), PlannedZone("MID"))
NO = tuple(Answer(name, "no") for name in ITEMS)
EMPTY = Recorded(AT, TODAY)
READY = Recorded(
    AT,
    TODAY,
    operator="Dr A",
    role="practitioner",
    client="AB-1",
    course=CourseFact("Dhurat 2013", 12, 3, 7, date(2026, 11, 18)),
    consents=(ConsentFact("consent-1", AT - MIN, False),),
    checklist=ChecklistFact("checklist-1", NO),
    cartridges=(CartridgeFact("L1", date(2028, 2, 29)),),
    skin_preparations=1,
    pen_check=PenCheckFact(TODAY, True),
    zones=progress(PLAN, ()),
)
TREATED = replace(
    READY,
    zones=progress(
        PLAN,
        [DonePass("VTX", "horizontal", "ended", 1000), DonePass("MID", None, "ended", 1000)],
        finished=["VTX", "MID"],
    ),
)
WHOLE = replace(TREATED, cartridges=(replace(READY.cartridges[0], discarded=True),), closed=True, follow_ups=5)


def by_name(recorded):
    return {step.name: step for step in steps(recorded)}


def gate(recorded, name):
    return next(each for each in gates.evaluate(recorded) if each.name == name)


def test_the_steps_are_always_the_same_and_in_order():
    names = [step.name for step in steps(EMPTY)]
    assert names == [step.name for step in steps(WHOLE)]
    assert names == [
        "operator",
        "client",
        "course",
        "consent",
        "checklist",
        "anaesthetic",
        "cartridge",
        "skin_preparation",
        "pen_check",
        "zones",
        "topicals",
        "adverse_events",
        "discard",
        "photos",
        "follow_ups",
        "sign",
    ]
    for step in steps(EMPTY):
        assert set(step.forms) <= set(FORMS)


def test_while_the_anaesthetic_works_nothing_after_the_zones_is_next():
    early = replace(READY, anaesthetics=(replace(ON, on_utc_us=READY.now_utc_us - 60_000_000),))
    assert by_name(early)["anaesthetic"].state == "waiting"
    assert by_name(early)["discard"].state == "open"
    assert next_step(steps(early)).name == "anaesthetic"


def test_a_session_from_nothing_to_the_signature():
    assert next_step(steps(EMPTY)).name == "operator"
    assert by_name(EMPTY)["zones"].text.startswith(
        "First: Operator, Client, Course, Consent, Checklist, Cartridge, Skin"
    )
    assert next_step(steps(READY)).name == "zones"
    assert by_name(READY)["zones"].text == "0 of 2 planned zones done; next VTX."
    assert by_name(READY)["course"].text == "Dhurat 2013, session 4 of 12."
    assert all(each.passed for each in gates.evaluate(READY))
    assert next_step(steps(TREATED)).name == "discard"
    assert missing(steps(TREATED)) == ("Discard cartridge: Discard the cartridge of lot L1 and say so.",)
    assert missing(steps(WHOLE)) == ()
    assert next_step(steps(WHOLE)).name == "sign"
    assert by_name(WHOLE)["sign"].text == "Everything is recorded; sign it."
    signed = replace(WHOLE, signatures=("performed",))
    assert next_step(steps(signed)) is None
    assert by_name(signed)["sign"].text == "Signed as performed; the record is locked."
    assert by_name(replace(WHOLE, closed=False, cartridges=READY.cartridges))["sign"].state == "waiting"


@pytest.mark.parametrize(
    ("step", "change", "state", "text"),
    [
        ("operator", {"operator": None}, "open", "Nobody is signed in; sign in first."),
        (
            "operator",
            {"role": "technician"},
            "trouble",
            "Dr A is signed in as technician and may not treat; a practitioner may.",
        ),
        ("client", {"client": None}, "open", "No client is chosen; choose or add one."),
        ("course", {"course": None}, "open", "Opened without a course; the signature asks why."),
        (
            "course",
            {"course": replace(READY.course, ended=True)},
            "trouble",
            "The course is closed; choose or open another.",
        ),
        (
            "course",
            {"course": replace(READY.course, last_session=date(2026, 11, 24))},
            "trouble",
            "The last session was 1 day ago, 7 are planned; wait until 2026-12-01, or give a reason.",
        ),
        (
            "course",
            {"course": replace(READY.course, last_session=date(2026, 11, 1))},
            "done",
            "Dhurat 2013, session 4 of 12, 10 days overdue.",
        ),
        ("consent", {"consents": ()}, "open", "No consent is recorded for this session; enter it."),
        (
            "consent",
            {"consents": (ConsentFact("old", AT, True),)},
            "trouble",
            "The consent is old, in use is consent-1; have it signed.",
        ),
        (
            "consent",
            {"consents": (ConsentFact("consent-1", AT - 366 * 86_400 * US, True),)},
            "trouble",
            "The consent is older than 365 days; have it signed again.",
        ),
        ("checklist", {"checklist": None}, "open", "The checklist is not answered for this session; answer it."),
        (
            "checklist",
            {"checklist": ChecklistFact("checklist-0", NO)},
            "trouble",
            "The checklist in use is checklist-1; answer that one.",
        ),
        (
            "checklist",
            {
                "checklist": ChecklistFact(
                    "checklist-1", (*NO[:-2], Answer(NO[-2].item, "yes"), Answer(NO[-1].item, "unknown"))
                )
            },
            "trouble",
            "Scarring alopecia in an active phase? Yes: ask a physician and enter the reason to go on. And 1 more.",
        ),
        (
            "checklist",
            {"checklist": ChecklistFact("checklist-1", (*NO[:-1], Answer(NO[-1].item, "yes", reason=True)))},
            "done",
            "Checklist answered, 1 with a reason.",
        ),
        (
            "cartridge",
            {"cartridges": ()},
            "open",
            "No cartridge is registered for this session; scan it or enter it by hand.",
        ),
        (
            "cartridge",
            {"cartridges": (CartridgeFact("L1", date(2028, 1, 1), used_before=True),)},
            "trouble",
            "Cartridge lot L1 was used in another session; discard it and open a new one.",
        ),
        (
            "cartridge",
            {"cartridges": (CartridgeFact("L1", date(2026, 11, 24)),)},
            "trouble",
            "Cartridge lot L1 expired on 2026-11-24; discard it and open another.",
        ),
        (
            "cartridge",
            {"cartridges": (CartridgeFact("L1", date(2028, 1, 1), differs="lot L9"),)},
            "trouble",
            "The pen reads cartridge lot L9, registered is lot L1; register what is in.",
        ),
        (
            "cartridge",
            {"cartridges": (CartridgeFact("L1", date(2028, 1, 1), discarded=True), CartridgeFact("L2", TODAY))},
            "done",
            "Cartridge lot L2, in date.",
        ),
        ("skin_preparation", {"skin_preparations": 0}, "open", "Enter what the skin was cleaned with."),
        (
            "pen_check",
            {"pen_check": PenCheckFact(date(2026, 11, 24), True)},
            "open",
            "This pen was not checked today; do the daily check.",
        ),
        (
            "pen_check",
            {"pen_check": PenCheckFact(TODAY, False)},
            "trouble",
            "This pen failed its check today; mend it, or take another pen.",
        ),
        (
            "photos",
            {"photos": 1},
            "trouble",
            "There are photographs, and the consent allows none; ask, and record the consent again.",
        ),
        ("photos", {"photos": 2, "consents": (ConsentFact("consent-1", AT, True),)}, "done", "2 photographs recorded."),
        ("topicals", {"topicals": 1}, "done", "1 topical recorded."),
        ("adverse_events", {}, "open", "None recorded."),
        ("zones", {"zones": ()}, "open", "No zone is planned; choose one."),
        (
            "zones",
            {"zones": progress(PLAN, [DonePass("VTX", "horizontal", "ended", 9), DonePass("MID", None, "ended", 9)])},
            "open",
            "1 of 2 planned zones done; next MID.",
        ),
        (
            "zones",
            {"zones": progress(PLAN[:1], [DonePass("VTX", "horizontal", "ended", 9)])},
            "open",
            "1 of 1 planned zones done; result missing: VTX.",
        ),
    ],
)
def test_each_step_says_what_it_needs(step, change, state, text):
    found = by_name(replace(READY, **change))[step]
    assert (found.state, found.text) == (state, text)


ON = AnaestheticFact("Lidocaine 4 %", AT - 15 * MIN, 1_200, 1_800)


@pytest.mark.parametrize(
    ("anaesthetics", "state", "text", "passed"),
    [
        ((), "open", "None recorded; enter it if one is used.", True),
        ((ON,), "waiting", "Anaesthetic on for 15 min; 5 min to its least time.", False),
        (
            (replace(ON, on_utc_us=AT - 25 * MIN),),
            "open",
            "Anaesthetic on for 25 min; remove it and clean the skin.",
            False,
        ),
        (
            (replace(ON, on_utc_us=AT - 35 * MIN),),
            "trouble",
            "Anaesthetic on for 35 min, longer than 30 min; remove it now.",
            False,
        ),
        (
            (replace(ON, off_utc_us=AT),),
            "trouble",
            "Lidocaine 4 % is not cleaned off; clean the skin and say so.",
            False,
        ),
        ((replace(ON, off_utc_us=AT, cleaned=True),), "done", "Anaesthetic off and cleaned.", True),
        (
            (replace(ON, off_utc_us=AT, cleaned=True), ON),
            "waiting",
            "Anaesthetic on for 15 min; 5 min to its least time.",
            False,
        ),
    ],
)
def test_the_anaesthetic_keeps_the_pen_still_until_it_is_off_and_cleaned(anaesthetics, state, text, passed):
    recorded = replace(READY, anaesthetics=anaesthetics)
    step = by_name(recorded)["anaesthetic"]
    assert (step.state, step.text, step.optional) == (state, text, not anaesthetics)
    assert gate(recorded, "anaesthetic").passed is passed


def test_a_stop_is_said_before_what_can_be_mended():
    answers = tuple(
        replace(each, answer="yes") if each.item in ("metal_allergy", "diabetes", "keloid") else each for each in NO
    )
    text = gate(replace(READY, checklist=ChecklistFact("checklist-1", answers)), "checklist").text
    assert text == "Allergy to steel or other metal? Yes: no needling today. And 2 more."


def test_only_what_may_be_opened_is_opened_by_a_reason():
    early = replace(READY, course=replace(READY.course, last_session=TODAY), overrides={"interval": "travels"})
    assert by_name(early)["course"].state == "done"
    assert by_name(early)["course"].text.startswith("Opened with a reason: The last session was 0 days ago")
    refused = replace(READY, consents=(), overrides={"consent": "later"})
    assert by_name(refused)["consent"].state == "open"
    assert frozenset({"anaesthetic", "daily check", "interval"}) == gates.OVERRIDABLE
    assert {each.name for each in gates.evaluate(EMPTY)} >= gates.OVERRIDABLE


def test_an_empty_session_opens_no_gate_but_those_without_a_subject():
    assert {each.name for each in gates.evaluate(EMPTY) if each.passed} == {"anaesthetic", "interval"}


def test_a_session_closed_yesterday_is_signed_as_of_its_end():
    at_its_end = datetime.fromtimestamp(WHOLE.now_utc_us / US, tz=NOW.tzinfo).date()
    assert at_its_end == WHOLE.today
    assert missing(steps(replace(WHOLE, today=date(2026, 11, 26)))) != ()


consents = st.builds(ConsentFact, st.sampled_from(["consent-1", "x"]), st.integers(0, AT), st.booleans())
cartridges = st.builds(
    CartridgeFact,
    st.just("L"),
    st.dates(),
    used_before=st.booleans(),
    differs=st.sampled_from(["", "M"]),
    discarded=st.booleans(),
)
anaesthetics = st.builds(
    AnaestheticFact,
    st.just("X"),
    st.integers(0, AT),
    st.integers(0, 7_200),
    st.none() | st.integers(60, 9_000),
    st.none() | st.integers(0, AT),
    st.booleans(),
)
checklists = st.builds(
    ChecklistFact,
    st.sampled_from(["checklist-1", "x"]),
    st.lists(
        st.builds(Answer, st.sampled_from(list(ITEMS)), st.sampled_from(["no", "yes", "unknown"]), st.booleans()),
        max_size=22,
    ).map(tuple),
)
courses = st.builds(
    CourseFact,
    st.just("P"),
    st.integers(1, 20),
    st.integers(0, 25),
    st.integers(1, 60),
    st.none() | st.dates(max_value=TODAY),
    st.booleans(),
)
recordeds = st.builds(
    Recorded,
    st.just(AT),
    st.just(TODAY),
    operator=st.sampled_from([None, "A"]),
    role=st.sampled_from([None, "practitioner", "technician"]),
    client=st.sampled_from([None, "C"]),
    course=st.none() | courses,
    consents=st.lists(consents, max_size=2).map(tuple),
    checklist=st.none() | checklists,
    anaesthetics=st.lists(anaesthetics, max_size=2).map(tuple),
    cartridges=st.lists(cartridges, max_size=3).map(tuple),
    skin_preparations=st.integers(0, 2),
    pen_check=st.none() | st.builds(PenCheckFact, st.sampled_from([TODAY, date(2026, 1, 1)]), st.booleans()),
    zones=st.sampled_from([EMPTY.zones, READY.zones, TREATED.zones]),
    photos=st.integers(0, 2),
    follow_ups=st.integers(0, 2),
    closed=st.booleans(),
    signatures=st.sampled_from([(), ("performed",)]),
    overrides=st.dictionaries(st.sampled_from([*sorted(gates.OVERRIDABLE), "consent"]), st.just("why"), max_size=2),
)


@given(recordeds)
def test_whatever_is_recorded_every_step_is_a_sentence_and_nothing_can_be_signed_past_a_closed_gate(recorded):
    found = steps(recorded)
    for step in found:
        assert step.text.endswith(".")
        assert step.text[0].isupper() or step.text[0].isdigit()
        assert step.state in ("open", "done", "trouble", "waiting")
    for each in gates.evaluate(recorded):
        assert each.passed or each.text.endswith(".")
    verdicts = {
        each.name: each.passed or (each.name in recorded.overrides and each.name in gates.OVERRIDABLE)
        for each in gates.evaluate(recorded)
    }
    if recorded.closed and recorded.cartridge is None and recorded.cartridges:
        verdicts["cartridge registered"] = True
    if not all(verdicts.values()) and recorded.course is not None:
        assert missing(found)
    assert (next_step(found) is None) <= ("performed" in recorded.signatures)
    assert {each.name for each in fields(recorded)} >= {"overrides", "signatures"}
