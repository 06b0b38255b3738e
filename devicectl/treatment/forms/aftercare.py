"""Aftercare: which text the client was given, and how. The shipped text is a draft; a practice has its own under its own version."""

from __future__ import annotations

from typing import Annotated, Final

from devicectl.treatment.texts import AFTERCARE_VERSION
from devicectl.treatment.vocabulary import AFTERCARE_WAYS

from .engine import Form, Record
from .entries import Choice, Text


class Aftercare(Record):
    """Aftercare as it was explained at the end of a session."""

    version: Annotated[
        str,
        Text(
            label="Version",
            most=40,
            pattern=r"[A-Za-z0-9._-]{1,40}",
            means="1 to 40 letters, digits, dots, hyphens or underscores",
            prefill=AFTERCARE_VERSION,
            example=AFTERCARE_VERSION,
            help=f"Of the text; {AFTERCARE_VERSION} is this project's draft.",
        ),
    ]
    way: Annotated[str, Choice(label="Given", of=AFTERCARE_WAYS)]


AFTERCARE: Final = Form(
    "aftercare", "Aftercare", Aftercare, subject="session", permission="TREAT", when="after", multiple=True
)
