"""At least 2,000 schedules of up to 20 s of model time each, split so that two workers share them, 200 over the air, and
200 with parking."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from schedules.machine import SafetyMachine
from schedules.parking import ParkingMachine

SCHEDULES = int(os.environ.get("SCHEDULES", "2000"))
SHARDS = {"memory": 8, "ble": 2}
EXAMPLES = {"memory": SCHEDULES // SHARDS["memory"], "ble": max(1, SCHEDULES // 10 // SHARDS["ble"])}
"""Schedules of each shard: the air costs ten times as much, and shares everything above the link."""


def shard(link: str, number: int, of: type[SafetyMachine] = SafetyMachine, share: int = 1) -> type:
    """The machine with its own seed; derandomised Hypothesis draws other schedules for each name."""
    machine = type(f"{of.__name__}_{link}_{number}", (of,), {"SEED": number, "LINK": link})
    case = machine.TestCase  # type: ignore[attr-defined]
    case.settings = settings(
        max_examples=max(1, EXAMPLES[link] // share),
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
for _number in range(2):
    globals()[f"TestParking_memory_{_number}"] = shard("memory", _number, ParkingMachine, 3)
globals()["TestParking_ble_0"] = shard("ble", 0, ParkingMachine, 3)
