"""A treatment in virtual time with everything there is: pen, line, control, station, record, a screen's pulse and views.

Runs of 170 s with a pause in the middle, a zone key while turning, changed setpoints, 50 Hz telemetry throughout.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Final

from support.world import Screen, World

from devicectl.treatment.zones import ZONES
from simulator.virtual_time import run_virtual

RUN_S: Final = 170.0
MARK_S: Final = 300.0


@dataclass(slots=True)
class Treatment:
    """What was needled, what it cost, and what was left in memory at the beginning and at every mark (each 5 minutes of model time)."""

    model_s: float = 0.0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    samples: int = 0
    expected: int = 0
    lost: int = 0
    bad: int = 0
    passes: int = 0
    turning_s: float = 0.0
    marks: list[Mark] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mark:
    """Python's own blocks in use, bytes the process holds, bytes of the record that lies in memory."""

    at_s: float
    blocks: int
    rss: int
    record: int


def treat(seconds: float, mark_s: float = MARK_S) -> Treatment:
    """Treat for ``seconds`` of model time."""
    return run_virtual(_treat(seconds, mark_s))


def _resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


def _mark(world: World, at: float) -> Mark:
    gc.collect()
    pages = world.rows("select page_count * page_size as bytes from pragma_page_count(), pragma_page_size()")
    return Mark(at, sys.getallocatedblocks(), _resident(), int(pages[0]["bytes"]))


async def _treat(seconds: float, mark_s: float) -> Treatment:
    found = Treatment()
    wall, cpu = time.perf_counter(), time.process_time()
    world = World()
    loop, begin = world.loop, world.loop.time()
    screen = await world.ready("treatment", "TRAIN-1")
    first, samples = world.loop.time(), world.desk.trace.end
    hidden = [0.0, 0.0]
    timer = loop.call_later(0.0, lambda: None)

    def mark() -> None:
        wall_0, cpu_0 = time.perf_counter(), time.process_time()
        found.marks.append(_mark(world, loop.time() - begin))
        hidden[0] += time.perf_counter() - wall_0
        hidden[1] += time.process_time() - cpu_0
        nonlocal timer
        timer = loop.call_later(mark_s, mark)

    mark()
    number = 0
    while loop.time() - begin < seconds - RUN_S - 20:
        await _zone(screen, number)
        world.sim.physics.charge = max(world.sim.physics.charge, world.sim.profile.battery.charge)  # put on its charger
        number += 1
    await asyncio.sleep(max(0.0, begin + seconds - loop.time()))
    timer.cancel()
    found.model_s = loop.time() - begin
    found.samples = world.desk.trace.end - samples
    found.expected = round((loop.time() - first) * 50)
    statistics = world.pen.statistics
    found.lost, found.bad = statistics.lost_samples, statistics.bad_frames
    await screen.ask("session.close")
    row = world.rows("select count(*) as n, sum(duration_ms) as ms from passes")[0]
    found.passes, found.turning_s = int(row["n"]), float(row["ms"] or 0) / 1000
    found.wall_s = time.perf_counter() - wall - hidden[0]
    found.cpu_s = time.process_time() - cpu - hidden[1]
    await world.down()
    return found


async def _zone(screen: Screen, number: int) -> None:
    """One run: 80 s, a pause of 4 s, on to 120 s, another zone while turning, on to 170 s, END."""
    answer = await screen.ask("setpoint", depth_um=(500, 800, 1000)[number % 3], rate_mhz=(90_000, 110_000)[number % 2])
    for part in answer.values():
        _good(part)
    codes = [zone.code for zone in ZONES]
    await _start(screen, codes[number % len(codes)])
    await asyncio.sleep(80)
    _good(await screen.ask("run.pause"))
    await asyncio.sleep(4)
    await _start(screen, "")
    await asyncio.sleep(40)
    await screen.ask("zone.select", zone=codes[(number + 1) % len(codes)])
    await asyncio.sleep(RUN_S - 120)
    _good(await screen.ask("run.end"))
    await asyncio.sleep(6)


async def _start(screen: Screen, zone: str) -> None:
    if zone:
        await screen.ask("zone.select", zone=zone)
    while (sheet := await screen.ask("run.preview")).waits:
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.3)
    _good(await screen.ask("run.start", ticket=sheet.ticket))


def _good(reply: Any) -> None:
    if reply.outcome != "confirmed":
        raise AssertionError(f"{reply.outcome}: {reply.text}")
