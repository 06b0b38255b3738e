"""docs/complaints.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NUMBERS = {*range(1, 13), *range(14, 28), 29, 30}


def test_every_complaint_has_a_test_that_exists() -> None:
    text = (ROOT / "docs" / "complaints.md").read_text()
    rows = re.findall(r"^\| (\d+) \|.*`(tests/[a-z_/]+\.py)::(\w+)` \|$", text, re.M)
    assert {int(number) for number, _, _ in rows} == NUMBERS
    for _, file, name in rows:
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.M), f"{file}::{name}"
