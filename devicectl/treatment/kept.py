"""How a row of the record is called and shown: by the form that it was entered with."""

from __future__ import annotations

import json
from datetime import date, tzinfo
from typing import Any

from devicectl.records.sealed import SEALED

from .aftercare import given_in
from .amending import FORM_OF, fields_of_table
from .forms import FORMS, Entry, Field, Form
from .forms.entries import Counts, Day, Flag


def form_of(table: str) -> Form[Any] | None:
    """The form of a table; None for what nobody enters by a form of one row."""
    name = FORM_OF.get(table)
    return None if name is None else FORMS[name]


def field_of(table: str, column: str) -> Field | None:
    """The field whose value a column keeps, with or without ``_sealed`` behind its name; None when no form has it."""
    name = column.removesuffix("_sealed")
    form = form_of(table)
    return fields_of_table(table).get(name) or (None if form is None else form.by_name.get(name))


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
