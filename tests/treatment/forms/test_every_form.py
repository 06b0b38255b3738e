"""Every form: whole entries go in and out unchanged, and nothing that can be typed or sent does more than get a sentence."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.treatment_forms import EXAMPLES, GTIN, NOW, PLACE, SCAN

from devicectl.treatment.forms import FORMS, FieldErrors, Rows, columns, parse, prefilled, shown, typed
from devicectl.treatment.forms.entries import Secret
from devicectl.treatment.forms.people import ROLES

JARGON = re.compile(
    r"pydantic|validation|Traceback|Error|NoneType|\bNone\b|\bstr\b|\bint\b|\bdict\b|\bfloat\b|object|null|invalid literal|"
    r"regex|pattern|value_error|type_error|_utc_us|_milli\b|_mm2|\bTrue\b|\bFalse\b|\\x|\\u",
)
WHOLE = [(name, values) for name, examples in EXAMPLES.items() for values in examples]
LEAVES = [
    (form.name, field.name) for form in FORMS.values() for field in form.fields if not isinstance(field.entry, Rows)
]

NASTY: list[object] = [
    "x" * 5_000,
    "9" * 500,
    "a\0b",
    "\x1b[31mred",
    "👩‍👩‍👧‍👦🙂",
    "\u202eevil\u202c",
    "\u2066a\u2069",
    "\u200b",
    "\ud800",
    "e\u0301" * 3,
    "<b>bold</b>[red]",
    "{{7*7}} ${x} %s %n",
    "'; DROP TABLE sessions; --",
    "1e308",
    "-1e308",
    "1" + "0" * 30,
    "-5",
    "1,5",
    "1.5",
    "1,500",
    "1.234.567",
    "0x10",
    "٣",
    "½",
    "∞",
    "NaN",
    "1.5 kg",
    "5 miles",
    "12 mm 3",
    "2999-01-01",
    "2199-12-31 23:59",
    "1899-12-31",
    "31.12.2099",
    "2026-02-30",
    "99:99",
    "9999-12-31 23:59:59 +14:59",
    "two\nlines",
    "a\u2028b",
    f"01{GTIN}17280200",
    SCAN,
    SCAN[:9],
    SCAN + SCAN,
    "(01)12345",
    "../../etc/passwd",
    "",
    "   ",
    None,
    True,
    False,
    0,
    -1,
    2**63,
    10**20,
    1.5,
    -0.0,
    float("inf"),
    float("nan"),
    1e-12,
    [],
    [1, [2]],
    {},
    {"a": {"b": 1}},
    b"bytes",
    "yes",
    "1",
    "VTX",
    "now",
    "today",
]


def refused_well(outcome, form):
    """Each refusal is one sentence without the words of the machine, at a field of the form or of its rows."""
    for name, said in outcome.items():
        assert name.split(".")[0] in form.by_name, (name, said)
        assert said[0].isupper() or said[0] in "“0123456789", said
        assert said.endswith(".")
        assert "\n" not in said
        assert len(said) < 400, said
        assert said.isprintable()
        said.encode()
        # What was typed may be named in quotation marks, whatever it was.
        assert not JARGON.search(re.sub("“.*”", "", said)), said


def goes_round(form, record):
    assert parse(form, {**pins(form), **typed(record, PLACE)}, NOW) == record
    json.dumps(columns(record)).encode()
    for line in shown(record, PLACE):
        assert line.label
        line.value.encode()


def pins(form):
    return {each.name: "204816" for each in form.fields if isinstance(each.entry, Secret)}


def test_there_is_an_example_of_every_form():
    assert set(EXAMPLES) == set(FORMS)


@pytest.mark.parametrize(("name", "values"), WHOLE)
def test_what_was_entered_is_shown_and_can_be_entered_again(name, values):
    form = FORMS[name]
    record = parse(form, values, NOW)
    assert not isinstance(record, FieldErrors), record
    goes_round(form, record)


@pytest.mark.parametrize("name", FORMS)
def test_an_empty_form_asks_for_what_is_needed(name):
    form = FORMS[name]
    empty = {each.name: "" for each in form.fields}
    outcome = parse(form, empty, NOW)
    assert isinstance(outcome, FieldErrors)
    refused_well(outcome, form)
    assert {each.name for each in form.fields if each.required} <= set(outcome) or name == "identity"


@pytest.mark.parametrize(("name", "field"), LEAVES)
def test_bad_input_on_every_field_gets_a_sentence_beside_it(name, field):
    form = FORMS[name]
    for values in EXAMPLES[name][:2]:
        for bad in NASTY:
            outcome = parse(form, {**values, field: bad}, NOW)
            if isinstance(outcome, FieldErrors):
                refused_well(outcome, form)
            else:
                goes_round(form, outcome) if not pins(form) else None


@pytest.mark.parametrize(
    "form", [form for form in FORMS.values() if any(isinstance(f.entry, Rows) for f in form.fields)]
)
def test_bad_input_in_every_row_gets_a_sentence_beside_it(form):
    rows = next(each for each in form.fields if isinstance(each.entry, Rows))
    whole = EXAMPLES[form.name][1]
    for field in rows.entry.fields:
        for bad in NASTY:
            first, *others = whole[rows.name]
            outcome = parse(form, {**whole, rows.name: [{**first, field.name: bad}, *others]}, NOW)
            if isinstance(outcome, FieldErrors):
                refused_well(outcome, form)
            else:
                goes_round(form, outcome)
    for bad in NASTY:
        outcome = parse(form, {**whole, rows.name: bad}, NOW)
        if isinstance(outcome, FieldErrors):
            refused_well(outcome, form)


ANY = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="0123456789.,-+ mµgc²%:/", max_size=20),
    st.sampled_from(NASTY),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.dates().map(str),
    st.datetimes().map(str),
    st.lists(
        st.one_of(st.text(max_size=8), st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3)),
        max_size=4,
    ),
)


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_whatever_is_sent_is_kept_whole_or_refused_in_sentences(data):
    form = data.draw(st.sampled_from(list(FORMS.values())))
    values = dict(data.draw(st.sampled_from(EXAMPLES[form.name])))
    names = st.sampled_from([each.name for each in form.fields])
    values |= data.draw(st.dictionaries(names, ANY, min_size=1, max_size=4))
    outcome = parse(form, values, NOW)
    if isinstance(outcome, FieldErrors):
        refused_well(outcome, form)
    elif not pins(form):
        goes_round(form, outcome)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(list(FORMS.values())), st.dictionaries(st.text(max_size=30), ANY, max_size=5))
def test_names_of_no_field_are_refused_too(form, values):
    outcome = parse(form, values, NOW)
    if isinstance(outcome, FieldErrors):
        assert all(said.endswith(".") and said.isprintable() for said in outcome.values())


@pytest.mark.parametrize("form", FORMS.values())
def test_a_form_says_all_that_a_screen_needs(form):
    assert form.title
    assert form.permission.isupper()
    assert len({each.name for each in form.fields}) == len(form.fields)
    for each in form.fields:
        assert each.label
        assert len(each.label) <= 32
        assert each.entry.kind
        assert not each.entry.help or each.entry.help.endswith((".", "?"))
        assert each.entry.missing().endswith(".")
    assert set(prefilled(form)) <= set(form.by_name)


def test_free_text_and_identity_are_personal_and_nothing_else_is():
    personal = {(form.name, each.name) for form in FORMS.values() for each in form.fields if each.entry.personal}
    assert {name for form, name in personal if form != "identity"} == {"note", "reason", "value"}
    assert all(each.entry.personal for each in FORMS["identity"].fields)
    # About a pen, not about a person.
    assert ("pen_check", "note") not in personal


def test_only_the_cartridge_takes_a_scan():
    assert {form.name: form.scan_field.name for form in FORMS.values() if form.scan_field} == {"cartridge": "raw"}


def test_a_pin_is_never_shown():
    record = parse(FORMS["operator"], EXAMPLES["operator"][0], NOW)
    assert "204816" not in str(shown(record))
    assert "204816" not in str(typed(record))
    assert record.role in ROLES
