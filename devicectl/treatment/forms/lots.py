"""Lots and serials as packages print them."""

from __future__ import annotations

from typing import Final

from .entries import Text

LOT_SIGNS: Final = r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z ]{1,20}"


def lot_entry(*, scan: str = "") -> Text:
    """A lot as printed behind LOT or (10)."""
    return Text(
        label="Lot",
        most=20,
        pattern=LOT_SIGNS,
        means="1 to 20 letters, digits and signs",
        example="AB-123",
        help=scan or "As printed behind LOT.",
    )
