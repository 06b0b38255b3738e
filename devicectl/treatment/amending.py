"""What an amendment may say: a value is read by the field of the form by which it was entered, as at entry.

Rules between fields (an expired product, a skipped zone without a note) are not asked again: an amendment says what was
so, one field at a time, also when it should not have been so. Not amended is what nobody entered: measured figures, hashes,
what a version or a rule gave.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from devicectl.records.amendments import amendable

from .forms import FORMS
from .forms.engine import Field, fields_of, kept
from .forms.questions import ChecklistAnswer
from .forms.signing import PassChange
from .forms.words import BadEntries, BadEntry

FORM_OF: Final[Mapping[str, str]] = {
    "consents": "consent",
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
}
"""Table → the form by which it is entered."""
_OF_A_PASS: Final = frozenset({"zone", "direction"})
_OTHERS: Final = {
    "checklist_answers": (ChecklistAnswer, frozenset({"answer", "changed", "reason"})),
    "passes": (PassChange, _OF_A_PASS),
    "pass_parts": (PassChange, _OF_A_PASS),
    "pass_changes": (PassChange, frozenset({"reason"})),
}
"""Tables whose rows are a part of a form, and the fields of that part which a person chose."""


def table_named(text: str) -> str:
    """The table that was meant: its name, or what the form is called (``zone result``)."""
    name = text.strip().lower().replace(" ", "_").replace("-", "_")
    return next((table for table, form in FORM_OF.items() if form == name), name)


@cache
def fields_of_table(table: str) -> Mapping[str, Field]:
    """The fields of a table that an amendment may correct, by name; empty for a table that is not amended."""
    if table in _OTHERS:
        model, names = _OTHERS[table]
        found = [each for each in fields_of(model) if each.name in names]
    else:
        found = list(FORMS[FORM_OF[table]].fields) if table in FORM_OF else []
    columns = {column.removesuffix("_sealed") for column in amendable(table)}
    return {each.name: each for each in found if each.name in columns}


def read_amended(table: sa.Table, field: str, text: str, now: datetime) -> tuple[str, Any]:
    """Column and value from what a person typed for a field of :func:`fields_of_table`; empty takes the value away.

    A text for a sealed column comes back as text. Raises :class:`BadEntry` with the field's own sentence.
    """
    each = fields_of_table(table.name)[field]
    column = field if field in table.c else f"{field}_sealed"
    try:
        value = kept(_read(table.name, each, text, now))
    except BadEntries as bad:
        raise BadEntry(next(iter(bad.errors.values()))) from None
    return column, None if value == "" and table.c[column].nullable else value


def _read(table: str, each: Field, text: str, now: datetime) -> Any:
    form = FORMS.get(FORM_OF.get(table, ""))
    given: object = text
    if form is not None and form.expand is not None and not each.entry.scan:
        expanded = form.expand({each.name: text}, now)
        # What would fill other fields too is not written out: only this one is amended.
        given = expanded[each.name] if set(expanded) == {each.name} else text
    return each.read(given, now)
