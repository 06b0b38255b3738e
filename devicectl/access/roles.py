"""Roles and what each may do: one table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What an operator is here."""

    PRACTITIONER = "practitioner"
    TECHNICIAN = "technician"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """What needs a role; the value goes on from "may not"."""

    TREAT = "treat a client"
    OVERRIDE_GATES = "open a gate of a treatment with a reason"
    SIGN = "sign a treatment"
    AMEND = "amend a signed record"
    EDIT_SIGNED = "edit a signed record"
    KEEP_CLIENTS = "enter or change clients and courses"
    READ_IDENTITY = "read who a client is"
    READ_TEXTS = "read what was noted about a client"
    ERASE_CLIENTS = "erase a client"
    MANAGE_PROTOCOLS = "change protocols"
    CHECK_PENS = "record the daily check of a pen"
    ACCEPT_FIRMWARE = "accept changed firmware of a pen"
    CALIBRATE = "calibrate a pen"
    CHANGE_LIMITS = "change limits"
    MANAGE_OPERATORS = "add or change operators"


_PRACTICE: Final = frozenset(
    {
        Permission.TREAT,
        Permission.OVERRIDE_GATES,
        Permission.SIGN,
        Permission.AMEND,
        Permission.KEEP_CLIENTS,
        Permission.READ_IDENTITY,
        Permission.READ_TEXTS,
        Permission.MANAGE_PROTOCOLS,
        Permission.CHECK_PENS,
    }
)
_WORKSHOP: Final = frozenset(
    {Permission.CHECK_PENS, Permission.ACCEPT_FIRMWARE, Permission.CALIBRATE, Permission.CHANGE_LIMITS}
)
PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.PRACTITIONER: _PRACTICE,
    Role.TECHNICIAN: _WORKSHOP,
    # Whoever works alone is the administrator, and does everything.
    Role.ADMINISTRATOR: _PRACTICE | _WORKSHOP | {Permission.ERASE_CLIENTS, Permission.MANAGE_OPERATORS},
}
"""What each role may do. ``EDIT_SIGNED`` is in none: a signed record gets amendments."""


def may(role: Role, permission: Permission) -> bool:
    """Whether this role has this permission."""
    return permission in PERMISSIONS[role]


def refusal(name: str, role: Role, permission: Permission) -> str:
    """Why ``name`` may not, and who may."""
    if permission is Permission.EDIT_SIGNED:
        return "Nobody may edit a signed record; add an amendment with a reason."
    who = [str(one) for one in Role if may(one, permission)]
    return f"{name} is signed in as {role} and may not {permission}; {_a(who)} may."


def _a(words: list[str]) -> str:
    return " or ".join(f"{'an' if word[0] in 'aeiou' else 'a'} {word}" for word in words)
