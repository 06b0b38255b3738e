"""Cartridges, by scan or by hand, and their end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Final

from devicectl.treatment.udi import GROUP_SEPARATOR, SCAN_MAX, BadBarcode, parse_udi, read_gtin

from .engine import Form, Record
from .entries import Day, Flag, Moment, Text
from .lots import LOT_SIGNS, lot_entry
from .words import BadEntries, BadEntry, clean


class _Gtin(Text):
    """A GTIN with its check digit."""

    def read(self, raw: object, now: datetime) -> str:
        """See :class:`Entry`."""
        del now
        try:
            return read_gtin(clean(self.label, raw, most=40))
        except BadBarcode as bad:
            raise BadEntry(str(bad)) from None


class Cartridge(Record):
    """A cartridge as its package says; scanned, or copied by hand."""

    raw: Annotated[
        str,
        Text(
            label="Scan", most=2 * SCAN_MAX, scan=True, help="Scan the barcode; or leave it empty and copy the package."
        ),
    ] = ""
    gtin: Annotated[str, _Gtin(label="GTIN", most=40, example="09521234543213", help="The number behind (01).")]
    lot: Annotated[str, lot_entry(scan="The sign behind (10) or LOT.")]
    expiry: Annotated[
        date, Day(label="Expiry", month_end=True, example="2028-02", help="Behind (17); a month means its last day.")
    ]
    serial: Annotated[
        str,
        Text(
            label="Serial", most=20, pattern=LOT_SIGNS, means="1 to 20 letters, digits and signs", help="Behind (21)."
        ),
    ] = ""
    opened_utc_us: Annotated[int, Moment(label="Opened at", prefill="now")]

    def problems(self, now: datetime) -> Mapping[str, str]:
        """Nothing expired is used."""
        if self.expiry < now.date():
            return {"expiry": f"This cartridge expired on {self.expiry.isoformat()}; discard it and open another."}
        return {}

    def columns(self) -> dict[str, object]:
        """``entered`` says how it came in."""
        return {**super().columns(), "entered": "scan" if self.raw else "hand"}


def _scanned(values: dict[str, object], now: datetime) -> Mapping[str, object]:
    """Fills the fields from the scan; what was typed beside it must agree."""
    raw = values.get("raw")
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return values
    if not isinstance(raw, str):
        raise BadEntries({"raw": "Scan must be text, as the scanner sends it."})
    try:
        found = parse_udi(raw.replace(_SEPARATOR_SHOWN, GROUP_SEPARATOR), now.date())
    except BadBarcode as bad:
        raise BadEntries({"raw": str(bad)}) from None
    read = {"gtin": found.gtin, "lot": found.lot, "serial": found.serial}
    read["expiry"] = found.expiry.isoformat() if found.expiry else ""
    filled: dict[str, object] = {**values, "raw": printed(found.raw)}
    for name, value in read.items():
        beside = values.get(name)
        if not value or beside in (None, ""):
            filled[name] = value or beside
            continue
        entry = Cartridge.entry(name)
        try:
            same = entry.show(entry.read(beside, now)) == value
        except BadEntry as bad:
            raise BadEntries({name: str(bad)}) from None
        if not same:
            raise BadEntries({name: f"The barcode says {entry.label} {value}; clear this field, or scan again."})
    return filled


def printed(raw: str) -> str:
    """A scan as it can be kept and typed: the group separators, which are control characters, as ``{GS}``."""
    return raw.replace(GROUP_SEPARATOR, _SEPARATOR_SHOWN)


_SEPARATOR_SHOWN: Final = "{GS}"


CARTRIDGE: Final = Form(
    "cartridge",
    "Cartridge",
    Cartridge,
    subject="session",
    permission="TREAT",
    when="any",
    multiple=True,
    expand=_scanned,
)


class CartridgeDiscarded(Record):
    """The cartridge is gone, and where."""

    discarded_utc_us: Annotated[int, Moment(label="Discarded at", prefill="now")]
    sharps: Annotated[bool, Flag(label="Into the sharps container")]


CARTRIDGE_DISCARDED: Final = Form(
    "cartridge_discarded",
    "Cartridge discarded",
    CartridgeDiscarded,
    noun="Disposal of the cartridge",
    continues="cartridge",
    subject="session",
    permission="TREAT",
    when="any",
    multiple=True,
)
