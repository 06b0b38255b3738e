"""Every form of a treatment by its name; see :mod:`devicectl.treatment.forms.engine`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from .consent import CONSENT
from .engine import Field, FieldErrors, Form, Record, Rows, Shown, columns, parse, prefilled, shown, typed
from .entries import Entry
from .people import CLIENT, IDENTITY, OPERATOR

__all__ = [
    "FORMS",
    "Entry",
    "Field",
    "FieldErrors",
    "Form",
    "Record",
    "Rows",
    "Shown",
    "columns",
    "parse",
    "prefilled",
    "shown",
    "typed",
]

FORMS: Final[Mapping[str, Form[Any]]] = MappingProxyType(
    {form.name: form for form in (OPERATOR, CLIENT, IDENTITY, CONSENT)}
)
