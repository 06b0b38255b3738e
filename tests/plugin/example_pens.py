"""Copy this file into your own tests; pytest finds the fixtures by itself."""

import asyncio
import time

import pytest
import serial

from drivers.address import parse_address
from drivers.api import Action, Command, Confirmed, PenState
from drivers.driver import open_pen

STOP = b"\x00\xffSTOP!\x00"


def test_a_motor_that_nobody_renews_stops_by_itself(virtual_time, simulated_pen):
    """In virtual time: seconds of a pen's life take as long as their computing."""

    async def play():
        bench = simulated_pen(seed=7)
        pen, truth = bench.pen, lambda: bench.sim.truth
        await pen.connect()
        armed = await pen.command(Command(Action.ARM, pen.lease_ms), deadline=0.3)
        assert isinstance(armed, Confirmed)
        await pen.command(Command(Action.START, 5000, armed.token), deadline=0.3)
        await asyncio.sleep(0.3)
        assert truth().turning
        await asyncio.sleep(0.5)
        assert not truth().turning
        assert truth().state is PenState.LEASE_EXPIRED

    virtual_time(play())


@pytest.mark.simulated_pen(profile="vary-150", seed=3, faults=["from_pen.corrupt=0.2"])
def test_a_program_of_ones_own_stops_it(pen_over_pty):
    """In real time: a terminal that any program in any language can open."""
    with serial.Serial(pen_over_pty.path, 115_200, timeout=1) as port:
        port.write(STOP)
        until = time.monotonic() + 10
        while pen_over_pty.truth.state is not PenState.STOPPED:
            assert time.monotonic() < until


def test_over_the_air(pen_over_ble):
    """Skipped when the virtual radio is not installed."""

    async def play():
        pen = open_pen(parse_address(pen_over_ble.address))
        up = await pen.connect()
        await pen.close()
        return up.identity.serial

    assert asyncio.run(play()) == pen_over_ble.serial
