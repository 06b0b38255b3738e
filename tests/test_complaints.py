"""docs/complaints.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NUMBERS = {*range(1, 13), 14, 15, 16, 18, 19, 20, 21, 23, 24, 25, 26, 27, 29, 30}


def test_every_complaint_has_a_test_that_exists() -> None:
    text = (ROOT / "docs" / "complaints.md").read_text()
    rows = re.findall(r"^\| (\d+) \|.*`(tests/[a-z_/]+\.py)::(\w+)` \|$", text, re.M)
    assert {int(number) for number, _, _ in rows} == NUMBERS
    for _, file, name in rows:
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.M), f"{file}::{name}"
