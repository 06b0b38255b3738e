"""At least 2,000 schedules of up to 20 s of model time each, split so that two workers share them, and 200 over the air."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from schedules.machine import SafetyMachine

SCHEDULES = int(os.environ.get("SCHEDULES", "2000"))
SHARDS = {"memory": 8, "ble": 2}
EXAMPLES = {"memory": SCHEDULES // SHARDS["memory"], "ble": max(1, SCHEDULES // 10 // SHARDS["ble"])}
"""Schedules of each shard: the air costs ten times as much, and shares everything above the link."""


def shard(link: str, number: int) -> type:
    """The machine with its own seed; derandomised Hypothesis draws other schedules for each name."""
    machine = type(f"SafetyMachine_{link}_{number}", (SafetyMachine,), {"SEED": number, "LINK": link})
    case = machine.TestCase  # type: ignore[attr-defined]
    case.settings = settings(
        max_examples=EXAMPLES[link],
        stateful_step_count=24,
        deadline=None,
        derandomize="SCHEDULES" not in os.environ,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        phases=(Phase.generate, Phase.shrink),
        database=None,
    )
    return case  # type: ignore[no-any-return]


pytestmark = [pytest.mark.schedules, pytest.mark.timeout(1800)]
for _link, _count in SHARDS.items():
    for _number in range(_count):
        globals()[f"TestSafety_{_link}_{_number}"] = shard(_link, _number)
