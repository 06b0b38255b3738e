"""PARK in the reference firmware: a token, a lease, an end, and everything that takes it away."""

from collections.abc import Callable

import pytest

from drivers.api import EventCode, Fault, PenState, Reason, Result
from drivers.penlink.frame import STOP
from drivers.penlink.messages import HelloRequest, Opcode, TelemetryMessage
from simulator.faults import Faults

from .bench import Table

BOTTOM = 1


def parking(lease: int = 1000) -> Table:
    table = Table()
    table.accept(Opcode.PARK, table.arm(lease) << 16 | BOTTOM)
    assert table.state is PenState.PARKING
    table.go(100)
    assert table.body.driven
    return table


@pytest.mark.parametrize("where", [0, 1])
def test_parking_ends_by_itself_at_the_dead_centre(where: int) -> None:
    table = Table()
    table.body.strokes = 41.7
    result = table.accept(Opcode.PARK, table.arm(1000) << 16 | where)
    assert result.applied == where
    table.go(500)
    assert table.state is PenState.IDLE
    assert table.events()[-1] == EventCode.PARKED
    assert table.body.strokes == (42.5 if where else 42.0)
    assert not table.body.driven
    assert table.status.lease_left == 0


def test_the_wire_tells_that_the_motor_is_driven_and_slow() -> None:
    table = parking()
    samples = table.of(TelemetryMessage)[-3:]
    assert all(sample.flags & 4 for sample in samples)
    assert all(1500 < sample.rate_current & 0xFFFFF < 5000 for sample in samples)
    assert all(sample.rate_current >> 20 > 40 for sample in samples)


def test_no_parking_without_a_fresh_token() -> None:
    table = Table()
    assert table.order(Opcode.PARK, BOTTOM).reason == Reason.NOT_ARMED
    token = table.arm()
    assert table.order(Opcode.PARK, (token ^ 1) << 16 | BOTTOM).reason == Reason.BAD_TOKEN
    assert table.order(Opcode.PARK, token << 16 | BOTTOM).reason == Reason.NOT_ARMED
    token = table.arm()
    table.go(10_001)
    assert table.order(Opcode.PARK, token << 16 | BOTTOM).reason == Reason.NOT_ARMED
    token = table.arm()
    assert table.order(Opcode.PARK, token << 16 | 2).reason == Reason.BAD_PARAMETER
    assert table.order(Opcode.PARK, token << 16 | BOTTOM).reason == Reason.NOT_ARMED
    token = table.arm()
    assert table.order(Opcode.PARK, token << 16 | BOTTOM, not_after=table.pen.clock - 1).reason == Reason.EXPIRED
    assert table.body.strokes == 0


def test_what_hinders_a_start_hinders_parking() -> None:
    table = Table()
    token = table.arm()
    table.accept(Opcode.SET_DEPTH, 1000)
    table.accept(Opcode.LIMIT_DEPTH, 500)
    assert table.order(Opcode.PARK, token << 16 | BOTTOM).reason == Reason.SESSION_LIMIT
    table = Table()
    table.into(PenState.RUNNING)
    assert table.order(Opcode.PARK, 7 << 16 | BOTTOM).reason == Reason.RUNNING
    table = Table()
    table.into(PenState.PAUSED)
    table.go(1000, renew=True)
    token = table.arm()
    assert table.order(Opcode.PARK, token << 16 | BOTTOM).reason == Reason.RUNNING


def test_a_token_is_good_for_one_motion() -> None:
    table = Table()
    token = table.arm(1000)
    table.accept(Opcode.PARK, token << 16 | BOTTOM)
    table.go(600)
    assert table.order(Opcode.START, token << 16 | 100).reason == Reason.NOT_ARMED


@pytest.mark.parametrize(
    ("deed", "state"),
    [
        (lambda t: t.put(STOP), PenState.STOPPED),
        (lambda t: t.accept(Opcode.END, 0), PenState.IDLE),
        (lambda t: t.accept(Opcode.END, 1), PenState.IDLE),
        (lambda t: t.say(HelloRequest(0, 5, 1)), PenState.LEASE_EXPIRED),
        (lambda t: t.pen.link_down(t.now), PenState.LEASE_EXPIRED),
        (lambda t: t.pen.press_button(t.now), PenState.IDLE),
        (lambda t: t.pen.change_cartridge(None, t.now), PenState.FAULT),
    ],
)
def test_everything_that_ends_a_run_ends_parking_on_the_way(deed: Callable[[Table], object], state: PenState) -> None:
    table = parking()
    deed(table)
    assert table.pen.state is state
    assert not table.body.driven
    table.go(1000)
    assert table.body.strokes < 0.4
    assert EventCode.PARKED not in table.events()


def test_the_lease_ends_it() -> None:
    table = Table()
    table.accept(Opcode.PARK, table.arm(200) << 16 | BOTTOM)
    table.go(205)
    assert table.state is PenState.LEASE_EXPIRED or not table.body.driven
    table = Table()
    table.body.strokes = 0.6
    table.accept(Opcode.PARK, table.arm(200) << 16 | BOTTOM)
    table.go(205)
    assert table.state is PenState.LEASE_EXPIRED
    assert not table.body.driven
    table = Table()
    table.body.strokes = 0.6
    table.accept(Opcode.PARK, table.arm(200) << 16 | BOTTOM)
    table.go(600, renew=True)
    assert table.state is PenState.IDLE
    assert table.body.strokes == 1.5


@pytest.mark.parametrize("fault", [Faults(stall=True), Faults(no_start=True)])
def test_a_needle_that_does_not_get_there_is_a_fault(fault: Faults) -> None:
    table = Table()
    table.body.set_faults(fault)
    table.accept(Opcode.PARK, table.arm(1000) << 16 | BOTTOM)
    table.go(1600, renew=True)
    assert table.state is PenState.FAULT
    assert table.pen.faults == 1 << Fault.STALL
    assert not table.body.driven


def test_a_pen_that_cannot_park_says_so() -> None:
    table = Table()
    table.pen.profile = table.pen.profile.model_copy(update={"parks": False})
    result = table.order(Opcode.PARK, table.arm() << 16 | BOTTOM)
    assert (result.result, result.reason) == (Result.UNSUPPORTED, Reason.UNKNOWN_OPCODE)
