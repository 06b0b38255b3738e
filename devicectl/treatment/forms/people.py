"""Operators, and clients: a code that says nothing, and an identity that is kept as ciphertext only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Final

from .engine import Form, Record
from .entries import Choice, Choices, Day, Flag, Secret, Text

ROLES: Final[Choices] = {
    "practitioner": "Practitioner",
    "technician": "Technician",
    "administrator": "Administrator",
}
CODE: Final = r"[A-Za-z0-9._-]{1,40}"


class Operator(Record):
    """Somebody who works here."""

    name: Annotated[str, Text(label="Name", most=80, example="Dr A. Moreau", help="As it is printed on a signature.")]
    role: Annotated[str, Choice(label="Role", of=ROLES)]
    pin: Annotated[str, Secret(label="PIN", most=64, help="6 to 12 digits, or a longer text.")]
    licence: Annotated[
        str, Text(label="Licence", most=80, help="Number and place of the licence, where there is one.")
    ] = ""
    supervisor: Annotated[str, Text(label="Supervising physician", most=80)] = ""


OPERATOR: Final = Form(
    "operator", "Operator", Operator, subject="operator", permission="MANAGE_OPERATORS", multiple=True
)


class Client(Record):
    """Whom the record is about, by a code that says nothing about the person."""

    code: Annotated[
        str,
        Text(
            label="Client code",
            most=40,
            pattern=CODE,
            means="1 to 40 letters, digits, dots, hyphens or underscores",
            example="AB-12",
            help="A code that does not name the person.",
        ),
    ]
    training: Annotated[
        bool,
        Flag(
            label="Training client",
            prefill="no",
            help="For practising on a simulated pen; never treated with a real one.",
        ),
    ] = False


CLIENT: Final = Form("client", "Client", Client, subject="client", permission="KEEP_CLIENTS")


class Identity(Record):
    """Who a client is. All of it is personal, and all of it may be left empty."""

    name: Annotated[str, Text(label="Name", most=120, personal=True)] = ""
    born: Annotated[date | None, Day(label="Date of birth", side="past", personal=True, example="1984-03-09")] = None
    sex: Annotated[
        str,
        Choice(label="Sex", of={"female": "Female", "male": "Male", "other": "Other"}, personal=True),
    ] = ""
    contact: Annotated[
        str, Text(label="Contact", most=300, lines=True, personal=True, help="Telephone, e-mail or address.")
    ] = ""
    allergies: Annotated[str, Text(label="Allergies", most=500, lines=True, personal=True)] = ""
    medicines: Annotated[str, Text(label="Medicines", most=500, lines=True, personal=True)] = ""
    remark: Annotated[str, Text(label="Remark", most=1000, lines=True, personal=True)] = ""

    def problems(self, now: datetime) -> Mapping[str, str]:
        """At least one field must say something."""
        del now
        said = any(value not in ("", None) for value in self.model_dump().values())
        return {} if said else {"name": "Enter at least one field, or leave the identity out."}


IDENTITY: Final = Form("identity", "Identity", Identity, subject="client", permission="KEEP_CLIENTS", multiple=True)
