"""Everything that a treatment needs before its first START, entered as a practitioner would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devicectl.treatment.checklist import ITEMS

CHECKLIST: dict[str, Any] = {
    "changed": "first",
    "answers": [{"item": name, "answer": "no"} for name in ITEMS],
}
PEN_CHECK: dict[str, Any] = dict.fromkeys(("body", "cartridge", "needles", "stop", "sound"), "yes")


def cartridge(lot: str, serial: str, **more: Any) -> dict[str, Any]:
    """A cartridge copied by hand."""
    return {"gtin": "09521234543213", "lot": lot, "expiry": "2099-12", "serial": serial, **more}


def before(lot: str, serial: str) -> Mapping[str, Mapping[str, Any]]:
    """The forms before the needles touch, by name, in order; ``lot`` and ``serial`` of the cartridge that is in."""
    return {
        "consent": {"given_by": "client", "photos": "no"},
        "checklist": CHECKLIST,
        "cartridge": cartridge(lot, serial),
        "skin_preparation": {"product": "Chlorhexidine 0.5 %"},
        "pen_check": PEN_CHECK,
    }
