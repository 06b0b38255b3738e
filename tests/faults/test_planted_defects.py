"""Each planted defect is found by the soak within 50 seeds of two model minutes. Fails when one is no longer found."""

from __future__ import annotations

import logging

import pytest
from faults.defects import DEFECTS

from devicectl.bench.soak import Plan, run

SEEDS = 50
"""At most; most of them are found in the first ten."""
SECONDS = 120.0

pytestmark = [pytest.mark.schedules, pytest.mark.timeout(600)]


def test_there_are_enough() -> None:
    assert len(DEFECTS) >= 20


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = DEFECTS[name]
    logging.disable(logging.CRITICAL)
    try:
        planted.plant(monkeypatch)
        for seed in range(SEEDS):
            found = run(Plan(seed, SECONDS, planted.pens)).violations
            if found:
                break
    finally:
        logging.disable(logging.NOTSET)
    assert found, f"not found within {SEEDS} seeds"
    assert {one.rule for one in found} & set(planted.rules), (seed, found)
    print(f"{name}: seed {seed}, [{found[0].rule}] {found[0].text}")
