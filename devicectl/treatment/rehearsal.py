"""What is entered before the needles touch, for a training client who has nothing: for demonstrations and rehearsals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .checklist import ITEMS
from .forms.before import PEN_CHECKS

Values = Mapping[str, Any]

GTIN: Final = "09521234543213"
"""A number that GS1 keeps for examples."""


def before(lot: str, serial: str, expiry: str = "") -> dict[str, Values]:
    """The forms by name in order; ``lot``, ``serial`` and ``expiry`` (ISO 8601) are of the cartridge that is in."""
    return {
        "consent": {"given_by": "client", "photos": "no"},
        "checklist": {"changed": "first", "answers": [{"item": name, "answer": "no"} for name in ITEMS]},
        "cartridge": {"gtin": GTIN, "lot": lot or "TRAINING", "serial": serial, "expiry": expiry or "2099-12"},
        "skin_preparation": {"product": "Chlorhexidine 0.5 %"},
        "pen_check": dict.fromkeys(PEN_CHECKS, "yes"),
    }
