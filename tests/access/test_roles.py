"""Roles: what the table says, as a table of its own."""

from __future__ import annotations

import pytest

from devicectl.access.roles import PERMISSIONS, Permission, Role, may, refusal

P = Permission
WANTED = {
    # permission:      practitioner, technician, administrator
    P.TREAT: (True, False, True),
    P.OVERRIDE_GATES: (True, False, True),
    P.SIGN: (True, False, True),
    P.AMEND: (True, False, True),
    P.EDIT_SIGNED: (False, False, False),
    P.KEEP_CLIENTS: (True, False, True),
    P.READ_IDENTITY: (True, False, True),
    P.READ_TEXTS: (True, False, True),
    P.ERASE_CLIENTS: (False, False, True),
    P.MANAGE_PROTOCOLS: (True, False, True),
    P.CHECK_PENS: (True, True, True),
    P.ACCEPT_FIRMWARE: (False, True, True),
    P.CALIBRATE: (False, True, True),
    P.CHANGE_LIMITS: (False, True, True),
    P.MANAGE_OPERATORS: (False, False, True),
}


def test_every_permission_and_role_is_in_the_table() -> None:
    assert set(WANTED) == set(Permission)
    assert set(PERMISSIONS) == set(Role)


@pytest.mark.parametrize("permission", Permission)
def test_who_may(permission: Permission) -> None:
    roles = (Role.PRACTITIONER, Role.TECHNICIAN, Role.ADMINISTRATOR)
    assert tuple(may(role, permission) for role in roles) == WANTED[permission]


def test_a_refusal_says_who_may() -> None:
    assert refusal("Ida", Role.TECHNICIAN, P.SIGN) == (
        "Ida is signed in as technician and may not sign a treatment; a practitioner or an administrator may."
    )
    assert "amendment" in refusal("Ida", Role.ADMINISTRATOR, P.EDIT_SIGNED)
