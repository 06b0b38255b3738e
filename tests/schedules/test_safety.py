"""At least 2,000 schedules of up to 20 s of model time each, split so that two workers share them."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from schedules.machine import SafetyMachine

SHARDS = 8
EXAMPLES = int(os.environ.get("SCHEDULES", "2000")) // SHARDS
SETTINGS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=24,
    deadline=None,
    derandomize="SCHEDULES" not in os.environ,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    phases=(Phase.generate, Phase.shrink),
    database=None,
)


def shard(number: int) -> type:
    """The machine with its own seed; derandomised Hypothesis draws other schedules for each name."""
    machine = type(f"SafetyMachine{number}", (SafetyMachine,), {"SEED": number})
    case = machine.TestCase  # type: ignore[attr-defined]
    case.settings = SETTINGS
    return case  # type: ignore[no-any-return]


pytestmark = [pytest.mark.schedules, pytest.mark.timeout(1800)]
for _number in range(SHARDS):
    globals()[f"TestSafety{_number}"] = shard(_number)
