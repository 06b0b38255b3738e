"""docs/station.md and the code say the same."""

from __future__ import annotations

import re
from pathlib import Path

from devicectl.station.params import REQUEST_MAX
from devicectl.station.paths import STOP_ACK, STOP_SOURCES
from devicectl.station.requests import METHODS

TEXT = (Path(__file__).parents[2] / "docs" / "station.md").read_text()


def test_every_request_is_documented_and_nothing_else() -> None:
    named = set(re.findall(r"^\| `([a-z._]+)` \|", TEXT, re.M)) - {"station-"}
    assert named == set(METHODS)


def test_stop_bytes_and_bounds_are_as_written() -> None:
    assert f"answers `{STOP_ACK.hex()}`" in " ".join(TEXT.split())
    for code in STOP_SOURCES:
        assert code == b" " or f"`{code.decode()}`" in TEXT
    assert f"at most {REQUEST_MAX // 1024} kB" in TEXT
