"""Row i: a command until its result, over the virtual radio without air time, in one loop.

Ours is a setpoint through Penlink's pen object and the product's own link, until it is Confirmed (RESULT, STATUS and
read-back). The reference is bleak alone, doing the same write with response to a pen of the same kind on the same air and
waiting for the indication that answers it. Beside it, without a bound: the whole control layer on top.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Awaitable, Callable
from typing import Final

from bleak import BleakClient, BleakScanner
from support.links import Wire
from support.rig import Rig

from drivers.api import Action, Command, Confirmed
from drivers.penlink.frame import decode_inner, encode_inner
from drivers.penlink.gatt import Characteristic
from drivers.penlink.messages import PROTOCOL, Cmd, HelloRequest, HelloSession, Opcode, Page, ResultMessage
from simulator.pen import SimulatedPen
from simulator.radio.air import Air
from simulator.radio.host import VirtualRadio
from simulator.radio.pen import RadioPen

from .lab import BenchError, Lab
from .measure import Line, figures, ratios

DEPTHS: Final = (800, 1000)
COUNT: Final = 25
Trip = Callable[[], Awaitable[None]]


def measure(lab: Lab) -> list[Line]:
    """Rounds of each in turn."""
    found = asyncio.run(_all(4 if lab.quick else 80))
    bare = figures(found["bleak"])
    return [
        Line(
            "i", "command → Confirmed over BLE, against bare bleak", "µs", figures(found["pen"]), bare,
            ratios(figures(found["pen"]), bare, 1.5, tail=False),
        ),
        Line(
            "i", "the same from the control layer down", "µs", figures(found["control"]), bare,
            ratios(figures(found["control"]), bare),
        ),
    ]  # fmt: skip


async def _all(rounds: int) -> dict[str, list[float]]:
    async with contextlib.AsyncExitStack() as stack:
        air = Air(interval=0.0)
        trips = {
            "bleak": await _bleak(air, stack),
            "pen": await _pen(air, stack, controlled=False),
            "control": await _pen(air, stack, controlled=True),
        }
        found: dict[str, list[float]] = {name: [] for name in trips}
        for trip in trips.values():
            for _ in range(10):
                await trip()
        gc.collect()
        order = list(trips)
        for turn in range(rounds):
            for name in order[turn % 3 :] + order[: turn % 3]:
                for _ in range(COUNT):
                    began = time.perf_counter()
                    await trips[name]()
                    found[name].append((time.perf_counter() - began) * 1e6)
                await asyncio.sleep(0.002)
        return found


async def _on(air: Air, seed: int, stack: contextlib.AsyncExitStack) -> tuple[SimulatedPen, RadioPen, VirtualRadio]:
    sim = SimulatedPen(seed=seed)
    stack.callback(sim.close)
    on_air = await RadioPen(air, sim).start()
    stack.push_async_callback(on_air.close)
    host = await VirtualRadio.on(air)
    stack.push_async_callback(host.close)
    return sim, on_air, host


async def _pen(air: Air, stack: contextlib.AsyncExitStack, *, controlled: bool) -> Trip:
    sim, on_air, host = await _on(air, 2 + controlled, stack)
    wire = Wire("ble", sim)
    wire.on_air, wire.host, wire.address = on_air, host, f"ble://{on_air.address}"
    rig = Rig(sim=sim, wire=wire)
    stack.push_async_callback(rig.down)
    await rig.up()
    turn = 0

    async def trip() -> None:
        nonlocal turn
        turn ^= 1
        if controlled:
            outcome, _ = await rig.intents.set_depth(DEPTHS[turn])
        else:
            outcome = await rig.pen.command(Command(Action.SET_DEPTH, DEPTHS[turn]), deadline=1.0)
        if type(outcome) is not Confirmed:
            raise BenchError(f"a setpoint over the air was not confirmed: {outcome}")

    return trip


async def _bleak(air: Air, stack: contextlib.AsyncExitStack) -> Trip:
    _, on_air, host = await _on(air, 1, stack)
    device = await BleakScanner.find_device_by_address(on_air.address, 5.0, backend=host.scanner, **host.options)
    if device is None:
        raise BenchError("bleak does not find the pen on the air")
    client = BleakClient(device, backend=host.client, **host.options)
    await client.connect()
    stack.push_async_callback(client.disconnect)
    await client.pair()
    answers: asyncio.Queue[ResultMessage] = asyncio.Queue()

    def heard(_: object, value: bytearray) -> None:
        message = decode_inner(bytes(value)).message
        if isinstance(message, ResultMessage):
            answers.put_nowait(message)

    await client.start_notify(Characteristic.CONTROL_POINT.value, heard)
    features = Characteristic.FEATURES.value
    await client.write_gatt_char(features, encode_inner(HelloRequest(Page.SESSION, 1, PROTOCOL), 1), response=True)
    session = decode_inner(bytes(await client.read_gatt_char(features))).message
    assert isinstance(session, HelloSession)
    loop = asyncio.get_running_loop()
    began, cmd_id, turn = loop.time(), session.last_cmd_id, 0
    control = client.services.get_characteristic(Characteristic.CONTROL_POINT.value)
    assert control is not None

    async def trip() -> None:
        nonlocal cmd_id, turn
        cmd_id, turn = cmd_id + 1, turn ^ 1
        late = session.clock + int((loop.time() - began) * 1000) + 300
        value = encode_inner(Cmd(cmd_id, Opcode.SET_DEPTH, late, DEPTHS[turn]), cmd_id)
        await client.write_gatt_char(control, value, response=True)
        answer = await answers.get()
        if (answer.cmd_id, answer.result) != (cmd_id, 0):
            raise BenchError(f"bare bleak's command was refused: {answer}")

    return trip
