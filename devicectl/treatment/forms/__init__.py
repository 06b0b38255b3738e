"""Every form of a treatment by its name; see :mod:`devicectl.treatment.forms.engine`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from .aftercare import AFTERCARE
from .before import ANAESTHETIC, ANAESTHETIC_OFF, PEN_CHECK, SKIN_PREPARATION
from .cartridges import CARTRIDGE, CARTRIDGE_DISCARDED
from .consent import CONSENT
from .course import ASSESSMENT, COURSE, COURSE_END, PROTOCOL
from .during import (
    ADVERSE_EVENT,
    ADVERSE_EVENT_STATE,
    FOLLOW_UP,
    FOLLOW_UP_MOVED,
    FOLLOW_UP_STATE,
    NOTE,
    PHOTO,
    TOPICAL,
    ZONE_RESULT,
)
from .engine import Field, FieldErrors, Form, Record, Rows, Shown, columns, parse, prefilled, shown, typed
from .entries import Entry
from .people import CLIENT, IDENTITY, OPERATOR
from .questions import CHECKLIST
from .signing import AMENDMENT, PASS_CHANGE, SIGNATURE

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

_ALL: Final[tuple[Form[Any], ...]] = (
    OPERATOR,
    CLIENT,
    IDENTITY,
    ASSESSMENT,
    COURSE,
    COURSE_END,
    PROTOCOL,
    CONSENT,
    CHECKLIST,
    ANAESTHETIC,
    ANAESTHETIC_OFF,
    CARTRIDGE,
    CARTRIDGE_DISCARDED,
    SKIN_PREPARATION,
    PEN_CHECK,
    ZONE_RESULT,
    NOTE,
    TOPICAL,
    ADVERSE_EVENT,
    ADVERSE_EVENT_STATE,
    PHOTO,
    FOLLOW_UP,
    FOLLOW_UP_STATE,
    FOLLOW_UP_MOVED,
    AFTERCARE,
    PASS_CHANGE,
    SIGNATURE,
    AMENDMENT,
)
FORMS: Final[Mapping[str, Form[Any]]] = MappingProxyType({form.name: form for form in _ALL})
