"""The state machine finds each safety rule broken on purpose: a proof that it can fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from schedules.machine import SafetyMachine
from schedules.parking import ParkingMachine

from devicectl.control.controller import Controller
from devicectl.control.depth_limit import DepthLimit
from devicectl.control.envelope import Bound
from devicectl.control.intents import Intents
from devicectl.control.lane import CommandLane
from devicectl.control.parking import Parking, ParkSheet
from devicectl.control.stop_lane import StopLane
from devicectl.station.connection import Connection
from devicectl.station.desk import Holder
from devicectl.station.station import Station
from drivers.api import Action, NotSent
from drivers.penlink.messages import Opcode
from simulator import commands
from simulator.firmware import Firmware

pytestmark = [pytest.mark.schedules, pytest.mark.timeout(900)]
SEARCH = settings(
    max_examples=1500,
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


def commands_are_sent_before_they_are_written(patch: pytest.MonkeyPatch) -> None:
    async def nothing(self: CommandLane, intent: object) -> None:
        return None

    patch.setattr(CommandLane, "_write_ahead", nothing)


def a_set_clock_is_overlooked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Station, "_suspended", lambda self, seconds: None)


def onlookers_are_obeyed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Connection, "need_control", Connection.need_desk)


def a_silent_record_is_overlooked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Controller, "journal_trouble", lambda self, text: None)
    patch.setattr("devicectl.control.controller.WRITER_SILENT_S", 1e9)


def the_pen_obeys_late_commands(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(commands, "expired", lambda clock, not_after: False)


def the_pen_starts_with_any_token(patch: pytest.MonkeyPatch) -> None:
    start = commands._HANDLERS[Opcode.START]

    def lax(pen: Firmware, argument: int) -> object:
        pen.token = argument >> 16
        return start(pen, argument)

    patch.setitem(commands._HANDLERS, Opcode.START, lax)
    patch.setattr(Intents, "_take_ticket", lambda self, ticket: self._sheet or NotSent("none"))
    send = Intents._send

    async def forgetful(self: Intents, action: Action, value: int = 0, token: int = 0, **more: Any) -> object:
        return await send(self, action, value, token ^ 1, **more)

    patch.setattr(Intents, "_send", forgetful)


def the_pen_parks_with_any_token(patch: pytest.MonkeyPatch) -> None:
    park = commands._HANDLERS[Opcode.PARK]

    def lax(pen: Firmware, argument: int) -> object:
        pen.token = argument >> 16
        return park(pen, argument)

    patch.setitem(commands._HANDLERS, Opcode.PARK, lax)
    go = Parking._go

    async def forgetful(self: Parking, sheet: ParkSheet, token: int) -> object:
        return await go(self, sheet, token ^ 1)

    patch.setattr(Parking, "_go", forgetful)


PARKING = {the_pen_parks_with_any_token: "fresh token"}
BROKEN = {
    stop_sends_nothing: "driven",
    a_dead_client_counts_as_alive: "driven",
    open_commands_are_forgotten: "open",
    limits_are_not_applied: "",
    the_button_starts_the_pen: "without a granted run",
    the_pen_forgets_to_latch: "",
    commands_are_sent_before_they_are_written: "not in the record",
    a_set_clock_is_overlooked: "clock was set",
    onlookers_are_obeyed: "was obeyed",
    a_silent_record_is_overlooked: "trouble with the record",
    the_pen_obeys_late_commands: "too late",
    the_pen_starts_with_any_token: "fresh token",
}
"""What is broken, and words of the rule that must notice it."""


@pytest.mark.parametrize("break_rule", BROKEN, ids=lambda f: f.__name__)
def test_a_broken_rule_is_found(
    break_rule: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_rule(monkeypatch)
    machine = type(f"Broken_{break_rule.__name__}", (SafetyMachine,), {})
    with pytest.raises(AssertionError) as found:
        run_state_machine_as_test(machine, settings=SEARCH)
    assert BROKEN[break_rule] in str(found.value)


@pytest.mark.parametrize("break_rule", PARKING, ids=lambda f: f.__name__)
def test_a_broken_rule_of_parking_is_found(
    break_rule: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_rule(monkeypatch)
    machine = type(f"Broken_{break_rule.__name__}", (ParkingMachine,), {})
    with pytest.raises(AssertionError) as found:
        run_state_machine_as_test(machine, settings=SEARCH)
    assert PARKING[break_rule] in str(found.value)
