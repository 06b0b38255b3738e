"""How a row of the record is called and shown: by the form that it was entered with."""

from __future__ import annotations

import json
from datetime import date, tzinfo
from types import MappingProxyType
from typing import Any, Final

from .aftercare import given_in
from .forms import FORMS, Entry, Field, Form
from .forms.entries import Counts, Day, Flag
from .forms.questions import ChecklistAnswer

SEALED: Final = "…"
"""What queries give for a value that is there and sealed."""
FORM_OF: Final = MappingProxyType({
    "consents": "consent",
    "checklist_answers": "checklist",
    "anaesthetics": "anaesthetic",
    "anaesthetic_removals": "anaesthetic_off",
    "cartridge_uses": "cartridge",
    "cartridge_discards": "cartridge_discarded",
    "skin_preparations": "skin_preparation",
    "pen_checks": "pen_check",
    "zone_results": "zone_result",
    "notes": "note",
    "topicals": "topical",
    "adverse_events": "adverse_event",
    "adverse_event_states": "adverse_event_state",
    "photos": "photo",
    "assessments": "assessment",
    "follow_ups": "follow_up",
    "follow_up_states": "follow_up_state",
    "passes": "pass_change",
    "pass_parts": "pass_change",
})  # fmt: skip
"""Table → the form by which its rows are entered or corrected."""


def form_of(table: str) -> Form[Any] | None:
    """The form of a table; None for what nobody enters by a form of one row."""
    name = FORM_OF.get(table)
    return None if name is None else FORMS[name]


def field_of(table: str, column: str) -> Field | None:
    """The field whose value a column keeps, with or without ``_sealed`` behind its name; None when no form has it."""
    name = column.removesuffix("_sealed")
    if table == "checklist_answers":
        entry = ChecklistAnswer.entry(name) if name in ChecklistAnswer.model_fields else None
        return None if entry is None else Field(name, entry, required=name in ("item", "answer"))
    form = form_of(table)
    return None if form is None else form.by_name.get(name)


def shown_value(entry: Entry, value: Any, zone: tzinfo) -> str:
    """A value of a column as its field shows it, on one line; what the field cannot show stands as it is."""
    if value is None or value == "":
        return ""
    if value == SEALED:
        return SEALED
    try:
        if isinstance(entry, Flag):
            return entry.show(bool(value))
        if isinstance(entry, Day):
            return entry.show(date.fromisoformat(value))
        if isinstance(entry, Counts):
            return entry.show(json.loads(value))
        return entry.show(value, zone).replace("\n", " / ")
    except (ValueError, TypeError, KeyError):
        given = given_in(value) if isinstance(value, str) else None
        return given.text if given is not None else str(value)


def kept_value(value: Any) -> str:
    """What a field has read, as an amendment sends it: days as ISO 8601, flags as 0 or 1, counts as JSON."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return "" if value is None else str(value)
