"""Values that a practitioner would enter."""

from __future__ import annotations

from typing import Any

from devicectl.treatment.rehearsal import GTIN, before

CHECKLIST: dict[str, Any] = dict(before("", "")["checklist"])


def cartridge(lot: str, serial: str, **more: Any) -> dict[str, Any]:
    """A cartridge copied by hand."""
    return {"gtin": GTIN, "lot": lot, "expiry": "2099-12", "serial": serial, **more}
