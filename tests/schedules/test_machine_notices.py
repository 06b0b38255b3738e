"""The state machine finds each safety rule broken on purpose: a proof that it can fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from schedules.machine import SafetyMachine

from devicectl.control.controller import Controller
from devicectl.control.depth_limit import DepthLimit
from devicectl.control.envelope import Bound
from devicectl.control.lane import CommandLane
from devicectl.control.stop_lane import StopLane
from devicectl.station.desk import Holder
from simulator import commands
from simulator.firmware import Firmware

pytestmark = [pytest.mark.schedules, pytest.mark.timeout(900)]
SEARCH = settings(
    max_examples=400,
    stateful_step_count=24,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=(Phase.generate,),
)


def stop_sends_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(StopLane, "begin", lambda self, source: True)
    patch.setattr(StopLane, "_again", lambda self: None)


def a_dead_client_counts_as_alive(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Holder, "alive", lambda self, now: True)


def open_commands_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CommandLane, "_judge", lambda self, o, status: None)


def limits_are_not_applied(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("devicectl.control.intents.bound_depth", lambda asked, context: Bound(int(asked), int(asked)))
    patch.setattr(DepthLimit, "problem", lambda self: None)


def the_button_starts_the_pen(patch: pytest.MonkeyPatch) -> None:
    def press(self: Firmware, now: int) -> None:
        self.physics.drive(100_000)

    patch.setattr(Firmware, "press_button", press)


def the_pen_forgets_to_latch(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(commands, "hindrance", lambda pen: commands.Reason.NONE)
    patch.setattr(Controller, "permit", lambda self: None)
    patch.setattr(Controller, "stop", lambda self, source: True)


BROKEN = [
    stop_sends_nothing,
    a_dead_client_counts_as_alive,
    open_commands_are_forgotten,
    limits_are_not_applied,
    the_button_starts_the_pen,
    the_pen_forgets_to_latch,
]


@pytest.mark.parametrize("break_rule", BROKEN, ids=lambda f: f.__name__)
def test_a_broken_rule_is_found(
    break_rule: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_rule(monkeypatch)
    machine = type(f"Broken_{break_rule.__name__}", (SafetyMachine,), {})
    with pytest.raises(BaseException) as found:
        run_state_machine_as_test(machine, settings=SEARCH)
    assert not isinstance(found.value, KeyboardInterrupt)
