"""The GS1 barcode of a cartridge (UDI), as a scanner types it or as a person copies what is printed below it.

Sources: GS1 General Specifications, sections 3 (application identifiers), 7.9 (check digit) and 7.12 (century of a
two-digit year); a day of 00 in a date means the last day of the month (3.4.7). Only the identifiers of a cartridge
are known, so that every refusal can say what is wrong with the package in the hand (a general library costs 90 ms at
import and answers in terms of the standard): GTIN (01), made (11), expiry (17), lot (10), serial (21), count (30), additional number (240).
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

GROUP_SEPARATOR: Final = "\x1d"
"""What a scanner sends for FNC1 behind a field of variable length."""
SCAN_MAX: Final = 200

_SYMBOLOGIES: Final = ("]d2", "]C1", "]Q3", "]e0")
"""GS1 DataMatrix, GS1-128, GS1 QR and GS1 DataBar, as scanners announce them (ISO/IEC 15424)."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    length: int
    fixed: bool
    digits: bool


_FIELDS: Final = {
    "01": _Field("GTIN", 14, True, True),
    "11": _Field("date made", 6, True, True),
    "17": _Field("expiry", 6, True, True),
    "10": _Field("lot", 20, False, False),
    "21": _Field("serial", 20, False, False),
    "30": _Field("count", 8, False, True),
    "240": _Field("additional number", 30, False, False),
}
# GS1 character set 82.
_SIGNS: Final = re.compile(r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]+")
_BRACKETED: Final = re.compile(r"\(([0-9]{2,4})\)")


class BadBarcode(ValueError):
    """What was scanned is no barcode of a cartridge; the text is one sentence with the next step."""


@dataclass(frozen=True, slots=True)
class Udi:
    """What stands in the barcode; empty or None where it says nothing. ``raw`` is the scan without its prefix."""

    raw: str
    gtin: str
    lot: str = ""
    serial: str = ""
    expiry: date | None = None
    made: date | None = None
    count: int | None = None
    additional: str = ""


def parse_udi(scan: str, today: date) -> Udi:
    """Read one barcode; ``today`` decides the century of its dates. Raises :class:`BadBarcode`."""
    if len(scan) > SCAN_MAX:
        raise BadBarcode("The scan is longer than any barcode; scan one cartridge at a time.")
    text = scan.strip(" \t\r\n")
    for symbology in _SYMBOLOGIES:
        text = text.removeprefix(symbology)
    text = text.strip(GROUP_SEPARATOR)
    if not text:
        raise BadBarcode("Nothing was scanned; scan the barcode of the cartridge.")
    if any(symbology in text for symbology in _SYMBOLOGIES):
        raise _two()
    found: dict[str, str] = {}
    for identifier, value in _printed(text) if text.startswith("(") else _scanned(text):
        if identifier in found:
            raise _two()
        found[identifier] = _checked(identifier, value)
    if "01" not in found:
        raise BadBarcode("The barcode has no GTIN (01); scan the other barcode of the package, or enter it by hand.")
    return Udi(
        raw=text,
        gtin=found["01"],
        lot=found.get("10", ""),
        serial=found.get("21", ""),
        expiry=_date("17", found, today),
        made=_date("11", found, today),
        count=int(found["30"]) if "30" in found else None,
        additional=found.get("240", ""),
    )


def check_digit_fits(gtin: str) -> bool:
    """Whether the last digit of a GTIN of 8, 12, 13 or 14 digits is the one that the others give."""
    digits = [int(sign) for sign in reversed(gtin)]
    return sum(digit * (3 if at % 2 else 1) for at, digit in enumerate(digits)) % 10 == 0


def read_gtin(text: str) -> str:
    """A GTIN of 8, 12, 13 or 14 digits as 14 digits. Raises :class:`BadBarcode`."""
    digits = text.replace(" ", "").replace("-", "")
    if not re.fullmatch("[0-9]{8}|[0-9]{12,14}", digits):
        raise BadBarcode("A GTIN has 14 digits (8, 12 or 13 on some packages); copy it from below the barcode.")
    if not check_digit_fits(digits) or not int(digits):
        raise BadBarcode("The GTIN's check digit does not fit; scan again, or copy the number again.")
    return digits.zfill(14)


def _two() -> BadBarcode:
    return BadBarcode("Two barcodes came at once; scan one cartridge at a time.")


def _half(name: str) -> BadBarcode:
    return BadBarcode(f"The barcode ends in the middle of its {name}; scan it again.")


def _printed(text: str) -> Iterator[tuple[str, str]]:
    """Fields of what is printed for people: ``(01)…(17)…``."""
    parts = _BRACKETED.split(text)
    for identifier, value in zip(parts[1::2], parts[2::2], strict=True):
        field = _known(identifier, f"({identifier})")
        value = value.strip().removesuffix(GROUP_SEPARATOR)
        if field.fixed and len(value) > field.length:
            raise BadBarcode(f"The {field.name} has {field.length} digits; copy it again.")
        if len(value) < (field.length if field.fixed else 1):
            raise _half(field.name)
        yield identifier, value
    if parts[0].strip() or len(parts) < 3:
        raise BadBarcode("This does not begin with (01) and a GTIN; scan the barcode of the cartridge.")


def _scanned(text: str) -> Iterator[tuple[str, str]]:
    """Fields of what a scanner sends: those of fixed length run on, the others end at a group separator."""
    if not re.match("[0-9]{2}", text):
        raise BadBarcode("This is no GS1 barcode; scan the one with (01) printed below it, or enter it by hand.")
    while text:
        identifier = next((each for each in _FIELDS if text.startswith(each)), text[:2])
        if len(text) == 1 or text in ("24",):
            raise _half("last field")
        field = _known(identifier, identifier)
        text = text[len(identifier) :]
        if field.fixed:
            value, text = text[: field.length], text[field.length :].removeprefix(GROUP_SEPARATOR)
            if len(value) < field.length or GROUP_SEPARATOR in value:
                raise _half(field.name)
        else:
            value, _, text = text.partition(GROUP_SEPARATOR)
            if not value:
                raise _half(field.name)
        yield identifier, value


def _known(identifier: str, shown: str) -> _Field:
    field = _FIELDS.get(identifier)
    if field is None:
        safe = "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in shown)
        raise BadBarcode(
            f"The barcode holds a field {safe} that no cartridge has; scan the cartridge's own, or enter it by hand."
        )
    return field


def _checked(identifier: str, value: str) -> str:
    field = _FIELDS[identifier]
    if len(value) > field.length:
        # A lot that runs on into the next package's identifiers is what two scans in a row look like.
        raise (
            _two()
            if re.search("01[0-9]{14}", value)
            else BadBarcode(f"The {field.name} has {len(value)} characters and may have {field.length}; scan it again.")
        )
    if field.digits and not re.fullmatch("[0-9]+", value):
        raise BadBarcode(f"The {field.name} must be digits; scan it again.")
    if not _SIGNS.fullmatch(value):
        raise BadBarcode(f"The {field.name} holds a sign that no barcode has; scan it again.")
    return read_gtin(value) if identifier == "01" else value


def _date(identifier: str, found: dict[str, str], today: date) -> date | None:
    value = found.get(identifier)
    if value is None:
        return None
    year, month, day = _century(int(value[:2]), today), int(value[2:4]), int(value[4:])
    try:
        last = calendar.monthrange(year, month)[1]
        return date(year, month, day or last)
    except ValueError:
        raise BadBarcode(
            f"The {_FIELDS[identifier].name} {value} is no date (year, month, day); scan it again."
        ) from None


def _century(year: int, today: date) -> int:
    """The year of a two-digit one: 51 or more ahead is the century before, 50 or more behind the one after."""
    century = today.year - today.year % 100
    ahead = year - today.year % 100
    return century + year - (100 if ahead >= 51 else -100 if ahead <= -50 else 0)
