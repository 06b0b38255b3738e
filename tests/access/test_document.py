"""docs/access.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from devicectl.access.lockout import FREE, WAITS_S
from devicectl.access.pins import DIGITS_MAX, DIGITS_MIN, TEXT_MIN, Cost
from devicectl.access.roles import Permission, Role, may
from devicectl.access.sitting import LOCK_AFTER_S

PAGE = (Path(__file__).parents[2] / "docs" / "access.md").read_text()
TEXT = " ".join(PAGE.split())


def test_the_table_of_roles_is_the_one_of_the_code() -> None:
    rows = re.findall(r"^\| ([a-z ]+) \|(.*)\|(.*)\|(.*)\|$", PAGE, re.M)
    told = {name: tuple("yes" in cell for cell in cells) for name, *cells in rows if name != "may"}
    roles = (Role.PRACTITIONER, Role.TECHNICIAN, Role.ADMINISTRATOR)
    assert told == {str(one): tuple(may(role, one) for role in roles) for one in Permission}


def test_figures() -> None:
    assert f"A PIN has {DIGITS_MIN} to {DIGITS_MAX} digits, or is a text of at least {TEXT_MIN} characters" in TEXT
    assert (FREE, WAITS_S) == (5, (60, 300, 900))
    assert "Five wrong PINs in a row lock a name for 1 minute, the next for 5, each that follows for 15" in TEXT
    assert (Cost().log2_n, Cost().r) == (16, 8)
    assert "n = 2¹⁶, r = 8" in TEXT
    assert f"for {LOCK_AFTER_S / 60:.0f} minutes" in TEXT
