"""Consent: which text, when, by whom; photographs apart."""

from __future__ import annotations

from typing import Annotated, Final

from devicectl.treatment.texts import CONSENT_VERSION

from .engine import Form, Record
from .entries import Choice, Choices, Flag, Moment, Text

GIVEN_BY: Final[Choices] = {"client": "Client", "guardian": "Guardian"}


class Consent(Record):
    """A consent as it was given before this session."""

    version: Annotated[
        str,
        Text(
            label="Version",
            most=40,
            prefill=CONSENT_VERSION,
            example=CONSENT_VERSION,
            help="Of the text that was signed.",
        ),
    ]
    given_utc_us: Annotated[int, Moment(label="Given at", prefill="now", help="When it was signed.")]
    given_by: Annotated[str, Choice(label="Given by", of=GIVEN_BY, prefill="client")]
    photos: Annotated[bool, Flag(label="Photographs allowed", help="A consent of its own; no is an answer.")]


CONSENT: Final = Form(
    "consent", "Consent", Consent, subject="session", permission="TREAT", when="before", multiple=True
)
