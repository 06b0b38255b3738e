"""The kinds of field: what each takes, and the sentence for what it does not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated

import pytest

from devicectl.treatment.forms.engine import Form, Record, Rows, columns, parse, shown, typed
from devicectl.treatment.forms.entries import Choice, Day, Flag, Moment, Number, Several, Text, ZoneEntry
from devicectl.treatment.forms.numbers import AREA_MM2, LENGTH_UM, MASS_MG, MINUTES_S, PERCENT_MILLI, RATE_MHZ

PLACE = timezone(timedelta(hours=1))
NOW = datetime(2026, 11, 25, 14, 30, 5, tzinfo=PLACE)
US = 1_000_000


class Part(Record):
    zone: Annotated[str, ZoneEntry(label="Zone")]
    depth_um: Annotated[int, Number(label="Depth", dimension=LENGTH_UM, least=100, most=2500)]


class Everything(Record):
    word: Annotated[str, Text(label="Word", most=10)] = ""
    depth_um: Annotated[int | None, Number(label="Depth", dimension=LENGTH_UM, least=100, most=2500)] = None
    rate_mhz: Annotated[int | None, Number(label="Rate", dimension=RATE_MHZ, least=1000, most=300_000)] = None
    mass_mg: Annotated[int | None, Number(label="Amount", dimension=MASS_MG, least=1, most=100_000)] = None
    percent: Annotated[int | None, Number(label="Strength", dimension=PERCENT_MILLI, least=1, most=100_000)] = None
    area_mm2: Annotated[int | None, Number(label="Area", dimension=AREA_MM2, least=1, most=100_000)] = None
    dwell_s: Annotated[int | None, Number(label="Dwell", dimension=MINUTES_S, least=0, most=14_400)] = None
    pain: Annotated[int | None, Number(label="Pain", least=0, most=10)] = None
    by: Annotated[str, Choice(label="By", of={"client": "Client", "next_of_kin": "Next of kin"})] = ""
    clean: Annotated[bool | None, Flag(label="Clean")] = None
    past: Annotated[date | None, Day(label="Past", side="past")] = None
    ahead: Annotated[date | None, Day(label="Expiry", side="future", month_end=True)] = None
    at_utc_us: Annotated[int | None, Moment(label="At")] = None
    items: Annotated[tuple[str, ...], Several(label="Items", of={"a": "Ale", "b": "Bread"})] = ()
    parts: Annotated[tuple[Part, ...], Rows(label="Parts", row=Part, most=3, word="Zone", title_of="zone")] = ()


FORM = Form("everything", "Everything", Everything, subject="session", permission="TREAT")


def read(**values):
    return parse(FORM, values, NOW)


@pytest.mark.parametrize(
    ("name", "entered", "kept", "again"),
    [
        ("word", "  café ", "café", "café"),
        ("depth_um", "1.5", 1500, "1.50 mm"),
        ("depth_um", "1,5 mm", 1500, "1.50 mm"),
        ("depth_um", "0,125", 125, "0.125 mm"),
        ("depth_um", "800µm", 800, "0.80 mm"),
        ("depth_um", 1.5, 1500, "1.50 mm"),
        ("depth_um", ".5", 500, "0.50 mm"),
        ("rate_mhz", "7000 rpm", 116_667, "116.667 Hz"),
        ("rate_mhz", 100, 100_000, "100 Hz"),
        ("mass_mg", "2500 mg", 2500, "2.5 g"),
        ("percent", "2,5%", 2500, "2.5 %"),
        ("area_mm2", "25 cm2", 2500, "25 cm²"),
        ("area_mm2", "50 mm²", 50, "0.5 cm²"),
        ("dwell_s", "1 h", 3600, "60 min"),
        ("dwell_s", "90 s", 90, "90 s"),
        ("pain", "+7", 7, "7"),
        ("by", "2", "next_of_kin", "Next of kin"),
        ("by", "NEXT-OF kin", "next_of_kin", "Next of kin"),
        ("clean", True, True, "Yes"),
        ("clean", "n", False, "No"),
        ("past", "yesterday", date(2026, 11, 24), "2026-11-24"),
        ("past", "25/11/2026", date(2026, 11, 25), "2026-11-25"),
        ("past", "11/25/2026", date(2026, 11, 25), "2026-11-25"),
        ("ahead", "2027-02", date(2027, 2, 28), "2027-02-28"),
        ("at_utc_us", "now", int(NOW.timestamp()) * US, "2026-11-25 14:30:05 +01:00"),
        ("at_utc_us", "14:10", (int(NOW.timestamp()) - 1205) * US, "2026-11-25 14:10 +01:00"),
        ("at_utc_us", "20 min ago", (int(NOW.timestamp()) - 1200) * US, "2026-11-25 14:10:05 +01:00"),
        ("at_utc_us", "2026-11-25T13:10:00Z", (int(NOW.timestamp()) - 1205) * US, "2026-11-25 14:10 +01:00"),
        ("items", "bread, a", ("a", "b"), "Ale, Bread"),
        ("items", ["b"], ("b",), "Bread"),
    ],
)
def test_what_a_person_types_is_kept_and_shown_so_that_it_can_be_typed_again(name, entered, kept, again):
    record = read(**{name: entered})
    assert isinstance(record, Everything), record
    assert getattr(record, name) == kept
    assert typed(record, PLACE)[name] == again
    assert parse(FORM, typed(record, PLACE), NOW) == record


@pytest.mark.parametrize(
    ("name", "entered", "said"),
    [
        ("word", "x\0y", "Word may not contain control characters; type it again without them."),
        (
            "word",
            "a\u202eb",
            "Word may not contain signs that turn the direction of writing; type it again without them.",
        ),
        ("word", "two\nlines", "Word must be one line."),
        ("word", "12345678901", "Word may have 10 characters at most; this has 11."),
        ("word", ["x"], "Word must be text."),
        ("depth_um", "9", "Depth must be a number in mm, from 0.10 to 2.50 mm; “9” is outside."),
        ("depth_um", "-1", "Depth must be a number in mm, from 0.10 to 2.50 mm; “-1” is outside."),
        ("depth_um", "1.5 kg", "Depth is given in mm (or µm or cm), not in “kg”."),
        ("depth_um", "deep", "Depth must be a number in mm, from 0.10 to 2.50 mm; “deep” is none."),
        ("depth_um", "1.5.2", "Depth must be a number in mm, from 0.10 to 2.50 mm; “1.5.2” is none."),
        ("depth_um", "1.23456", "Depth takes at most 3 places behind the point."),
        ("depth_um", "٣", "Depth must be a number in mm, from 0.10 to 2.50 mm; “٣” is none."),
        ("depth_um", float("nan"), "Depth must be a number in mm, from 0.10 to 2.50 mm; “nan” is none."),
        pytest.param("depth_um", 10**5000, "Depth must be a number in mm, from 0.10 to 2.50 mm.", id="huge"),
        ("depth_um", True, "Depth must be a number in mm, from 0.10 to 2.50 mm."),
        ("mass_mg", "1,500 mg", "Amount: 1,500 could mean 1.500 or 1500; write 1.500 or 1500."),
        ("pain", "7.5", "Pain takes whole numbers only."),
        ("pain", "7 mm", "Pain takes a number without a unit."),
        ("by", "dog", "By must be Client or Next of kin."),
        ("by", "3", "By must be Client or Next of kin."),
        ("clean", "maybe", "Clean must be Yes or No."),
        ("past", "2026-11-26", "Past cannot be in the future: 2026-11-26 is after today."),
        ("past", "05.06.2026", "Past: “05.06.2026” can be read in two ways; write year-month-day, such as 2026-11-25."),
        ("past", "2026-02-30", "Past: there is no day “2026-02-30”; write year-month-day, such as 2026-11-25."),
        ("past", "0000-01-01", "Past must lie in the years 1900 to 2199."),
        ("past", "soon", "Past must be a date written year-month-day, such as 2026-11-25."),
        ("ahead", "2026-10", "Expiry cannot be in the past: 2026-10-31 is before today."),
        ("ahead", "2026-13", "Expiry: there is no day “2026-13”; write year-month-day, such as 2026-11-25 or 2026-11."),
        ("at_utc_us", "15:00", "At cannot be in the future."),
        ("at_utc_us", "25:00", "At: there is no time “25:00”; write it such as 14:30."),
        ("at_utc_us", 1795613400000000, "At must be a time such as 14:30, or 2026-11-25 14:30, or now."),
        ("items", "a, c", "Items must be Ale or Bread."),
        ("parts", 7, "Parts must be a list of rows."),
        ("parts", "VTX 1.5", "Parts: “VTX 1.5” is not understood; write a row such as zone=…; depth_um=…."),
        ("parts", [{}] * 4, "Parts may have 3 rows at most."),
        ("colour", "red", "Everything has no field “colour”; leave it out."),
    ],
)
def test_what_cannot_be_taken_gets_one_sentence_at_its_field(name, entered, said):
    assert read(**{name: entered}) == {name: said}


@pytest.mark.parametrize(
    "parts",
    [
        [{"zone": "vtx", "depth_um": "0,6"}, {"zone": "CUS-2", "depth_um": 1.2}],
        ["zone=VTX; depth_um=0.6 mm", "Zone=cus-2; Depth=1.2"],
        "zone=VTX; depth_um=0.6 mm\nzone=cus-2; depth=1200 µm",
    ],
)
def test_rows_come_as_mappings_or_as_lines(parts):
    record = read(parts=parts)
    assert record.parts == (Part(zone="VTX", depth_um=600), Part(zone="CUS-2", depth_um=1200))
    assert [(line.name, line.label, line.value) for line in shown(record)][-4:] == [
        ("parts.0.zone", "Zone VTX · Zone", "VTX"),
        ("parts.0.depth_um", "Zone VTX · Depth", "0.60 mm"),
        ("parts.1.zone", "Zone CUS-2 · Zone", "CUS-2"),
        ("parts.1.depth_um", "Zone CUS-2 · Depth", "1.20 mm"),
    ]
    assert parse(FORM, typed(record), NOW) == record
    assert columns(record)["parts"] == [{"zone": "VTX", "depth_um": 600}, {"zone": "CUS-2", "depth_um": 1200}]


def test_a_refusal_in_a_row_names_the_row():
    assert read(parts=[{"zone": "VTX", "depth_um": "1"}, {"zone": "XYZ"}]) == {
        "parts.1.zone": "Zone must be a zone code such as VTX, or CUS-1 to CUS-99; “XYZ” is none.",
        "parts.1.depth_um": "Depth is needed, in mm.",
    }


def test_columns_are_what_the_database_keeps():
    kept = columns(read(clean="yes", past="2026-01-02", items="a"))
    assert (kept["clean"], kept["past"], kept["items"]) == (1, "2026-01-02", ["a"])


def test_a_time_of_day_is_that_of_the_place():
    record = parse(FORM, {"at_utc_us": "14:00"}, NOW)
    assert datetime.fromtimestamp(record.at_utc_us / US, tz=UTC).hour == 13


def test_a_flood_of_fields_or_rows_is_refused_unread():
    flood = {f"x{at}": 1 for at in range(20_000)}
    assert parse(FORM, flood, NOW) == {"word": "Everything was sent with too many fields; send those it has."}
    assert read(parts=[{}] * 20_000) == {"parts": "Parts may have 3 rows at most."}
