"""Row c: a stop intent until the simulated motor is seen still, in model time, over a line of 115,200 Bd.

The motor's own run-down is taken from the truth of the physics: a copy of it whose supply is cut at the instant of the
intent. What the whole stack adds to that is judged, and the worst of all stops counts.
"""

from __future__ import annotations

import asyncio
import copy
import random
from typing import Final

from support.rig import Rig

from devicectl.control.events import StopDone
from simulator.physics import Physics
from simulator.virtual_time import run_virtual

from .lab import Lab
from .measure import Check, Line, figures

PROFILES: Final = ("reference", "fixed-117", "vary-150")
ADDED_MS: Final = 100.0


def measure(lab: Lab) -> list[Line]:
    """Stops at random moments of runs of every shipped pen."""
    truth: list[float] = []
    seen: list[float] = []
    own: list[float] = []
    for profile in PROFILES:
        for number in range(2 if lab.quick else 25):
            still, shown, alone = run_virtual(_one(profile, number))
            truth.append(still)
            seen.append(shown)
            own.append(alone)
    rows = (("stop intent → motor seen still (model time)", seen), ("stop intent → motor truly still", truth))
    lines = []
    for what, found in rows:
        added = max(a - b for a, b in zip(found, own, strict=True))
        check = Check("worst above the motor's own run-down", added, ADDED_MS, unit="ms more")
        lines.append(Line("c", what, "ms", figures(found), figures(own), (check,)))
    return lines


def run_down_ms(physics: Physics) -> float:
    """How long this motor turns on when its supply is cut now."""
    twin = copy.copy(physics)
    twin.on_motion = None
    twin._random = copy.copy(physics._random)
    began = twin.now
    twin.cut()
    while twin.turning:
        twin.advance(twin.next_change)
    return twin.now - began


async def _one(profile: str, number: int) -> tuple[float, float, float]:
    chance = random.Random(f"{profile} {number}")
    rig = await Rig(profile=profile, seed=number).up()
    ended: list[float] = []
    command: asyncio.Future[object] | None = None
    outcome = await rig.start()
    assert outcome.__class__.__name__ == "Confirmed", outcome
    await asyncio.sleep(chance.uniform(0.05, 3.0))
    if number % 3 == 0 and rig.control.capabilities is not None:
        # A command of which only the first bytes have left: STOP must not wait for the rest.
        command = asyncio.ensure_future(rig.intents.set_depth(500 + 50 * (number % 10)))
        await asyncio.sleep(chance.uniform(0, 0.003))
    assert rig.sim.truth.turning
    rig.sim.on_motion = lambda at, turning: None if turning else ended.append(at)
    alone = run_down_ms(rig.sim.physics)
    began = rig.loop.time()
    rig.control.stop("bench")
    await rig.until(lambda: bool(rig.seen(StopDone)), 3)
    shown = rig.seen(StopDone)[-1].still_ms
    still = (ended[0] - began) * 1000
    if command is not None:
        await command
    await rig.down()
    return still, shown, alone
