"""What a simulated pen does with each CMD, and the reasons for which it refuses one.

DENIED is an answer that the same command would always get (out of range, late, a bad token); TEMPORARILY_REJECTED one
that depends on the state the pen is in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from drivers.api import EventCode, Fault, PenState, Reason, Result
from drivers.penlink.messages import Cmd, Opcode

if TYPE_CHECKING:
    from .machine import Machine

TEST_MS: Final = 3000
RUN_UNIT_MS: Final = 100
LOW_CHARGE: Final = 0.05
"""State of charge below which no run is granted."""
TIMED: Final = frozenset(
    {Opcode.SET_DEPTH, Opcode.SET_RATE, Opcode.ARM, Opcode.START, Opcode.RESET, Opcode.PARK, Opcode.LIMIT_DEPTH}
)
"""Opcodes whose ``not_after`` is looked at."""


class Answer(NamedTuple):
    """The fields of RESULT that a command decides."""

    result: Result
    reason: Reason = Reason.NONE
    applied: int = 0
    token: int = 0


def _denied(reason: Reason) -> Answer:
    return Answer(Result.DENIED, reason)


def _not_now(reason: Reason) -> Answer:
    return Answer(Result.TEMPORARILY_REJECTED, reason)


def execute(pen: Machine, cmd: Cmd) -> Answer:
    """Do what a new command asks, or say why not."""
    handler = _HANDLERS.get(cmd.opcode)
    if handler is None:
        return Answer(Result.UNSUPPORTED, Reason.UNKNOWN_OPCODE)
    if cmd.opcode in TIMED and expired(pen.clock, cmd.not_after):
        return _denied(Reason.EXPIRED)
    return handler(pen, cmd.argument)


def expired(clock: int, not_after: int) -> bool:
    """True past the deadline, on a 32-bit clock that wraps; a deadline of 0 or more than 24 days ahead counts too."""
    return not_after == 0 or 0 < (clock - not_after) & 0xFFFFFFFF < 0x80000000


def hindrance(pen: Machine) -> Reason:
    """Why the motor may not be allowed to turn, as far as the pen knows; NONE if nothing speaks against it."""
    if pen.faults:
        return Reason.FAULT
    if pen.cartridge is None:
        return Reason.NO_CARTRIDGE
    if pen.cartridge.used and pen.profile.refuse_used:
        return Reason.CARTRIDGE_USED
    if pen.depth > pen.session_limit:
        return Reason.SESSION_LIMIT
    if pen.depth > pen.depth_limit:
        return Reason.CARTRIDGE_LIMIT
    if pen.physics.charge < LOW_CHARGE:
        return Reason.BATTERY
    return Reason.NONE


def _set_depth(pen: Machine, value: int) -> Answer:
    profile = pen.profile
    if pen.state.latched:
        return _not_now(Reason.LATCHED)
    if pen.testing:
        return _not_now(Reason.RUNNING)
    if value < profile.depth_min:
        return _denied(Reason.BELOW_MINIMUM)
    if value > profile.depth_max:
        return _denied(Reason.ABOVE_MAXIMUM)
    if (value - profile.depth_min) % profile.depth_step:
        return _denied(Reason.OFF_STEP)
    if value > pen.session_limit:
        return _denied(Reason.SESSION_LIMIT)
    if value > pen.depth_limit:
        return _denied(Reason.CARTRIDGE_LIMIT)
    pen.depth = value
    pen.physics.move_depth(value)
    return Answer(Result.ACCEPTED, applied=value)


def _set_rate(pen: Machine, value: int) -> Answer:
    profile = pen.profile
    if pen.state.latched:
        return _not_now(Reason.LATCHED)
    if pen.testing:
        return _not_now(Reason.RUNNING)
    if value < profile.rate_min:
        return _denied(Reason.BELOW_MINIMUM)
    if value > profile.rate_max:
        return _denied(Reason.ABOVE_MAXIMUM)
    if profile.rate_step and (value - profile.rate_min) % profile.rate_step:
        return _denied(Reason.OFF_STEP)
    pen.rate = value
    if pen.state is PenState.RUNNING:
        pen.physics.drive(value)
    return Answer(Result.ACCEPTED, applied=value)


def _limit_depth(pen: Machine, value: int) -> Answer:
    """Lowers only; the next session starts without it. A granted run keeps the depth it was granted with."""
    if pen.depth > value and pen.state in (PenState.RUNNING, PenState.PAUSED):
        return _not_now(Reason.RUNNING)
    pen.session_limit = min(pen.session_limit, value)
    return Answer(Result.ACCEPTED, applied=pen.session_limit)


def _arm(pen: Machine, lease_ms: int) -> Answer:
    if pen.state.latched:
        return _not_now(Reason.LATCHED)
    if pen.state is PenState.RUNNING or pen.testing:
        return _not_now(Reason.RUNNING)
    if reason := hindrance(pen):
        return _not_now(reason)
    if not pen.still():
        return _not_now(Reason.MOVING)
    lease = min(max(lease_ms, pen.profile.lease_min), pen.profile.lease_max)
    return Answer(Result.ACCEPTED, applied=lease, token=pen.arm(lease))


def _start(pen: Machine, argument: int) -> Answer:
    token, run_ms = argument >> 16, (argument & 0xFFFF) * RUN_UNIT_MS
    if pen.state.latched:
        return _not_now(Reason.LATCHED)
    if pen.state is PenState.RUNNING or pen.testing:
        return _not_now(Reason.RUNNING)
    if not pen.token:
        return _not_now(Reason.NOT_ARMED)
    if token != pen.token:
        pen.disarm()
        return _denied(Reason.BAD_TOKEN)
    reason = hindrance(pen)
    if reason or not run_ms:
        pen.disarm()
        return _not_now(reason) if reason else _denied(Reason.BAD_PARAMETER)
    return Answer(Result.ACCEPTED, applied=pen.start(run_ms))


def _end(pen: Machine, argument: int) -> Answer:
    """Never refused: whatever it says, it can only lessen motion."""
    if argument == 1:
        if pen.state is PenState.RUNNING:
            pen.pause()
    elif pen.state in (PenState.RUNNING, PenState.PAUSED, PenState.ARMED):
        pen.end()
    return Answer(Result.ACCEPTED)


def _reset(pen: Machine, _: int) -> Answer:
    if pen.state in (PenState.RUNNING, PenState.PAUSED):
        return _not_now(Reason.RUNNING)
    if not pen.state.latched:
        return Answer(Result.ACCEPTED)
    if not pen.still():
        return _not_now(Reason.MOVING)
    if pen.physics.temperature > pen.profile.heat.limit:
        return _not_now(Reason.FAULT)
    if pen.faults & 1 << Fault.BATTERY and pen.physics.charge < LOW_CHARGE:
        return _not_now(Reason.BATTERY)
    for fault in Fault:
        if pen.faults & 1 << fault:
            pen.event(EventCode.FAULT_CLEARED, fault)
    pen.faults = 0
    pen.enter(PenState.IDLE)
    return Answer(Result.ACCEPTED)


def _park(pen: Machine, where: int) -> Answer:
    if where > 1:
        return _denied(Reason.BAD_PARAMETER)
    if reason := _not_at_rest(pen):
        return _not_now(reason)
    pen.physics.park(bottom=bool(where))
    return Answer(Result.ACCEPTED, applied=where)


def _indicate(pen: Machine, _: int) -> Answer:
    pen.show_itself()
    return Answer(Result.ACCEPTED)


def _self_test(pen: Machine, _: int) -> Answer:
    if reason := _not_at_rest(pen):
        return _not_now(reason)
    pen.begin_test(TEST_MS)
    return Answer(Result.IN_PROGRESS)


def _not_at_rest(pen: Machine) -> Reason:
    """Why something that needs a pen at rest cannot be done now."""
    if pen.state.latched:
        return Reason.LATCHED
    if pen.state is not PenState.IDLE or pen.testing:
        return Reason.RUNNING
    return Reason.NONE if pen.still() else Reason.MOVING


_HANDLERS: Final[dict[int, Callable[[Machine, int], Answer]]] = {
    Opcode.SET_DEPTH: _set_depth,
    Opcode.SET_RATE: _set_rate,
    Opcode.LIMIT_DEPTH: _limit_depth,
    Opcode.ARM: _arm,
    Opcode.START: _start,
    Opcode.END: _end,
    Opcode.RESET: _reset,
    Opcode.PARK: _park,
    Opcode.INDICATE: _indicate,
    Opcode.SELF_TEST: _self_test,
}
