"""Row a: a setpoint until it is Confirmed, over a pseudo-terminal without pacing.

From the control layer down with the journal in memory, against a bare write and read of 12 bytes and against pymodbus'
client reading one register, all in one loop and in turn. Beside it, without a bound: the durable journal, and the whole
way from a client through the station's process.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from devicectl.alarms.board import AlarmBoard
from devicectl.control.controller import Controller
from devicectl.control.gates import Purpose
from devicectl.control.intents import Intents
from devicectl.control.journal import Intent, Journal, MemoryJournal
from devicectl.records import jobs
from devicectl.records.ids import IdSource
from devicectl.records.journal import StoreJournal
from devicectl.records.rows import PenRow
from devicectl.records.store import Store
from devicectl.station.source import SystemSource
from drivers.address import parse_address
from drivers.api import Confirmed
from drivers.driver import open_pen

from .lab import BenchError, Lab
from .measure import Line, figures, ratios

REQUEST: Final = bytes(range(1, 13))
DEPTHS: Final = (800, 1000)
PATIENCE_S: Final = 30.0
"""A disk that takes its time is measured less often; the other rows want to be measured too."""
MOST_LEFT_OUT: Final = 0.05
"""Share of trips that may end unconfirmed, because the machine or its disk stood still for longer than a deadline."""
Trip = Callable[[], Awaitable[bool]]
"""One way and back; False when it was not confirmed: then it is counted apart."""
Found = dict[str, tuple[list[float], int]]
"""µs of every confirmed trip by name, and how many were left out."""


def measure(lab: Lab) -> list[Line]:
    """All of row a: what is bounded on its own, then, pymodbus again among them, what waits for the disk."""
    with contextlib.ExitStack() as stack:
        echo, modbus = (_peer(lab, stack, kind) for kind in ("echo", "modbus"))
        with lab.pen("--unpaced") as pen:
            quick = asyncio.run(_in_memory(lab, echo, modbus, pen.address))
        pens = [stack.enter_context(lab.pen("--unpaced", seed=seed)).address for seed in (2, 3)]
        database = lab.database()
        stack.enter_context(lab.station(database))
        with lab.surroundings(database):
            durable = asyncio.run(_on_disk(lab, modbus, pens, database))
    return [
        _line("setpoint → Confirmed, against pymodbus register read", quick, "memory", "modbus", 0.7),
        _line("the same, against a bare 12-byte write and read", quick, "memory", "raw"),
        _line("with the durable journal (SQLite, WAL, FULL)", durable, "durable", "modbus"),
        _line("client → station → pen, durable journal", durable, "station", "modbus"),
    ]


def _line(what: str, found: Found, name: str, reference: str, bound: float | None = None) -> Line:
    (values, left_out), other = found[name], figures(found[reference][0])
    ours = figures(values)
    note = f"{left_out} of {left_out + ours.n} not confirmed in time, left out" if left_out else ""
    return Line("a", what, "µs", ours, other, ratios(ours, other, bound, tail=bound is not None), note)


def _peer(lab: Lab, stack: contextlib.ExitStack, kind: str) -> str:
    child = stack.enter_context(lab.process(["-m", "bench.peers", kind], stdout=subprocess.PIPE))
    assert child.stdout is not None
    name = child.stdout.readline().decode().strip()
    if not name:
        raise BenchError(f"the {kind} peer did not start")
    return name


async def _in_memory(lab: Lab, echo: str, modbus: str, pen: str) -> Found:
    async with contextlib.AsyncExitStack() as stack:
        trips = {
            "raw": (_raw(echo, stack), 50),
            "memory": (await _control(pen, MemoryJournal(), IdSource().uuid7(), stack), 50),
            "modbus": (await _modbus(modbus, stack), 50),
        }
        return await _in_turn(trips, 4 if lab.quick else 120)


async def _on_disk(lab: Lab, modbus: str, pens: list[str], database: Path) -> Found:
    async with contextlib.AsyncExitStack() as stack:
        trips = {
            "durable": (await _durable(lab, pens[0], stack), 10),
            "modbus": (await _modbus(modbus, stack), 10),
            "station": (await _station(pens[1], database, stack), 10),
        }
        return await _in_turn(trips, 2 if lab.quick else 50)


async def _in_turn(trips: dict[str, tuple[Trip, int]], rounds: int) -> Found:
    found: dict[str, list[float]] = {name: [] for name in trips}
    left_out = dict.fromkeys(trips, 0)
    for trip, _ in trips.values():
        for _ in range(5):
            await trip()
    order = list(trips)
    gc.collect()
    started = time.perf_counter()
    for turn in range(rounds):
        for name in order[turn % len(order) :] + order[: turn % len(order)]:
            trip, count = trips[name]
            for _ in range(count):
                began = time.perf_counter()
                if await trip():
                    found[name].append((time.perf_counter() - began) * 1e6)
                else:
                    left_out[name] += 1
                    await asyncio.sleep(0.5)
            # What has piled up on the other lines meanwhile is not this one's burden.
            await asyncio.sleep(0.002)
        if time.perf_counter() - started > PATIENCE_S:
            break
    for name, count in left_out.items():
        if count > max(2, MOST_LEFT_OUT * len(found[name])):
            raise BenchError(f"{count} of {count + len(found[name])} trips of '{name}' were not confirmed")
    return {name: (values, left_out[name]) for name, values in found.items()}


def _raw(path: str, stack: contextlib.AsyncExitStack) -> Trip:
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    stack.callback(os.close, fd)

    async def trip() -> bool:
        os.write(fd, REQUEST)
        got = 0
        while got < len(REQUEST):
            got += len(os.read(fd, 64))
        return True

    return trip


async def _modbus(path: str, stack: contextlib.AsyncExitStack) -> Trip:
    from pymodbus.client import AsyncModbusSerialClient

    client = AsyncModbusSerialClient(path, baudrate=115_200, timeout=2)
    if not await client.connect():
        raise BenchError("pymodbus' client does not connect to its server")
    stack.callback(client.close)

    async def trip() -> bool:
        answer = await client.read_holding_registers(1, count=1, device_id=1)
        return bool(answer.registers == [7])

    return trip


async def _control(address: str, journal: Journal, pen_id: Any, stack: contextlib.AsyncExitStack) -> Trip:
    pen = open_pen(parse_address(address))
    loop = asyncio.get_running_loop()
    control = Controller(pen, journal=journal, alarms=AlarmBoard(loop.time), source=SystemSource())
    control.bind(pen_id)
    control.purpose = Purpose.BENCH
    intents = Intents(control)
    await pen.connect()
    stack.push_async_callback(pen.close)
    stack.push_async_callback(control.close)
    until = loop.time() + 5
    while control.lane.busy or not all(gate.passed for gate in control.gates()):
        if loop.time() > until:
            raise BenchError(f"the pen is not ready: {[g.text for g in control.gates() if not g.passed]}")
        await asyncio.sleep(0.02)
    turn = 0

    async def trip() -> bool:
        nonlocal turn
        turn ^= 1
        outcome, _ = await intents.set_depth(DEPTHS[turn])
        return type(outcome) is Confirmed

    return trip


async def _durable(lab: Lab, address: str, stack: contextlib.AsyncExitStack) -> Trip:
    ids = IdSource()
    store = await asyncio.to_thread(Store.open, lab.database(), ids=ids)
    stack.callback(store.close)
    row = PenRow(ids.uuid7(), "bench", "bench", "BENCH-1", "1", "1", "simulated", ids.utc_us())
    pen_id = await store.submit(jobs.pen_seen(row))
    return await _control(address, StoreJournal(store.writer, Intent), pen_id, stack)


async def _station(address: str, database: Path, stack: contextlib.AsyncExitStack) -> Trip:
    from devicectl.station.client import connect

    client = await connect("bench", str(database), start=False)
    stack.push_async_callback(client.close)
    await client.request("pen.open", address=address)
    await asyncio.sleep(0.5)
    turn = 0

    async def trip() -> bool:
        nonlocal turn
        turn ^= 1
        answer = await client.request("setpoint", depth_um=DEPTHS[turn])
        return bool(answer["depth"]["outcome"] == "confirmed")

    return trip
