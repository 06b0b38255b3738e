"""Barcodes of cartridges: whole, by hand, and everything that a scanner in a hurry sends."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicectl.treatment.udi import BadBarcode, Udi, check_digit_fits, parse_udi, read_gtin

TODAY = date(2026, 11, 25)
GTIN = "09521234543213"
WHOLE = f"01{GTIN}1728020010AB-1\x1d21S7"


@pytest.mark.parametrize(
    "scan",
    [
        WHOLE,
        f"]d2{WHOLE}",
        f"]C1{WHOLE}\r\n",
        f"\x1d{WHOLE}",
        f"{WHOLE}\x1d",
        f"(01){GTIN}(17)280200(10)AB-1(21)S7",
        f" (01) {GTIN} (17) 280200 (10) AB-1 (21) S7 ",
        f"17280200\x1d10AB-1\x1d01{GTIN}21S7",
    ],
)
def test_one_barcode_in_every_form_it_comes_in(scan):
    found = parse_udi(scan, TODAY)
    assert (found.gtin, found.lot, found.serial, found.expiry) == (GTIN, "AB-1", "S7", date(2028, 2, 29))


def test_the_other_fields():
    assert parse_udi(f"01{GTIN}1126010524012-3\x1d3016", TODAY) == Udi(
        raw=f"01{GTIN}1126010524012-3\x1d3016", gtin=GTIN, made=date(2026, 1, 5), count=16, additional="12-3"
    )


@pytest.mark.parametrize(
    ("scan", "said"),
    [
        ("", "Nothing was scanned; scan the barcode of the cartridge."),
        ("]d2", "Nothing was scanned; scan the barcode of the cartridge."),
        ("hello", "This is no GS1 barcode; scan the one with (01) printed below it, or enter it by hand."),
        (WHOLE[:9], "The barcode ends in the middle of its GTIN; scan it again."),
        (WHOLE[:20], "The barcode ends in the middle of its expiry; scan it again."),
        (f"01{GTIN}10", "The barcode ends in the middle of its lot; scan it again."),
        (f"01{GTIN}1", "The barcode ends in the middle of its last field; scan it again."),
        (f"(01){GTIN[:8]}", "The barcode ends in the middle of its GTIN; scan it again."),
        (f"(01){GTIN}(10)", "The barcode ends in the middle of its lot; scan it again."),
        (f"(01){GTIN}9(10)A", "The GTIN has 14 digits; copy it again."),
        (WHOLE + WHOLE, "Two barcodes came at once; scan one cartridge at a time."),
        (f"{WHOLE}\x1d{WHOLE}", "Two barcodes came at once; scan one cartridge at a time."),
        (f"]d2{WHOLE}]d2{WHOLE}", "Two barcodes came at once; scan one cartridge at a time."),
        (f"(01){GTIN}(10)A(01){GTIN}(10)B", "Two barcodes came at once; scan one cartridge at a time."),
        (
            f"01{GTIN}9912",
            "The barcode holds a field 99 that no cartridge has; scan the cartridge's own, or enter it by hand.",
        ),
        ("0109521234543214", "The GTIN's check digit does not fit; scan again, or copy the number again."),
        ("0100000000000000", "The GTIN's check digit does not fit; scan again, or copy the number again."),
        ("01095212345432A3", "The GTIN must be digits; scan it again."),
        (f"01{GTIN}17281300", "The expiry 281300 is no date (year, month, day); scan it again."),
        (f"01{GTIN}17280230", "The expiry 280230 is no date (year, month, day); scan it again."),
        (f"01{GTIN}10{'A' * 21}", "The lot has 21 characters and may have 20; scan it again."),
        (f"01{GTIN}10Ä", "The lot holds a sign that no barcode has; scan it again."),
        (
            "10ABC",
            "The barcode has no GTIN (01); scan the other barcode of the package, or enter it by hand.",
        ),
        ("1" * 201, "The scan is longer than any barcode; scan one cartridge at a time."),
    ],
)
def test_what_is_no_barcode_of_one_cartridge_gets_a_sentence(scan, said):
    with pytest.raises(BadBarcode) as caught:
        parse_udi(scan, TODAY)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("year", "expiry"), [("76", 2076), ("77", 1977), ("26", 2026), ("99", 1999), ("00", 2000), ("27", 2027)]
)
def test_the_century_of_a_year_is_the_nearer_one(year, expiry):
    assert parse_udi(f"01{GTIN}17{year}0131", TODAY).expiry == date(expiry, 1, 31)


def test_late_in_a_century_small_years_are_the_next_one():
    assert parse_udi(f"01{GTIN}17010131", date(2099, 1, 1)).expiry == date(2101, 1, 31)
    assert parse_udi(f"01{GTIN}17490131", date(2099, 1, 1)).expiry == date(2149, 1, 31)
    assert parse_udi(f"01{GTIN}17500131", date(2099, 1, 1)).expiry == date(2050, 1, 31)


def test_a_shorter_gtin_is_filled_up():
    assert read_gtin("9521234543213") == GTIN
    assert read_gtin("0 9521234-543213") == GTIN
    for wrong in ("", "123", "952123454321X", "٠٩٥٢١٢٣٤٥٤٣٢١٣"):
        with pytest.raises(BadBarcode):
            read_gtin(wrong)


@given(st.text(alphabet="0123456789", min_size=13, max_size=13), st.integers(0, 12), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(body, at, by):
    whole = next(body + str(last) for last in range(10) if check_digit_fits(body + str(last)))
    wrong = whole[:at] + str((int(whole[at]) + by) % 10) + whole[at + 1 :]
    assert not check_digit_fits(wrong)


@given(st.one_of(st.text(max_size=220), st.text(alphabet="0172(1)\x1dAé]d", max_size=80)))
def test_anything_else_is_one_sentence(scan):
    said = "."
    try:
        parse_udi(scan, TODAY)
    except BadBarcode as bad:
        said = str(bad)
    assert said.endswith(".")
    assert "\n" not in said


@given(st.integers(1, len(WHOLE) - 1))
def test_half_a_barcode_never_gives_another_gtin_or_date(cut):
    try:
        found = parse_udi(WHOLE[:cut], TODAY)
    except BadBarcode:
        return
    assert found.gtin == GTIN
    assert found.expiry in (None, date(2028, 2, 29))
