"""A calibration as a technician makes one, over the requests of a station in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

from .world import PIN, Screen, World

STANDARD: dict[str, Any] = {
    "name": "Dial indicator",
    "serial": "DI-7",
    "certificate": "K-2026-118",
    "due": "2030-03-31",
    "mpe": 0.004,
    "resolution": 0.001,
    "uncertainty": 0.0005,
}
TACHOMETER: dict[str, Any] = {
    "name": "Tachometer",
    "serial": "TA-2",
    "certificate": "K-2026-119",
    "due": "2030-03-31",
    "unit": "Hz",
    "mpe": 0.05,
    "resolution": 0.01,
    "uncertainty": 0.02,
}


def partial_plan(**changes: Any) -> dict[str, Any]:
    """What a technician writes; the station fills in the rest."""
    return {"temperature_c": 22.5, "humidity_pct": 45, "standards": [STANDARD], **changes}


async def technician(w: World, name: str = "Tom") -> Screen:
    """Somebody signed in, with a pen."""
    from .world import ADDRESS

    s = await w.sign_in(await w.screen(), name)
    await s.ask("pen.open", address=ADDRESS)
    await w.until(lambda: w.desk.confirmed_still)
    await w.until(lambda: w.desk.recording.calibrated.known, 5)
    return s


async def begun(w: World, s: Screen, **changes: Any) -> dict[str, Any]:
    """A calibration that has begun."""
    made = await s.ask("calibration.plan", plan=partial_plan(**changes))
    assert made["problems"] == []
    return await s.ask("calibration.begin", plan=made["plan"])


class Gauge:
    """Reads what is really there, with noise and a step of 1 µm."""

    def __init__(self, w: World, seed: int = 3) -> None:
        self._w, self._noise = w, random.Random(seed)

    def depth(self) -> str:
        tip = self._w.sim.truth.tip_um
        return f"{(tip + self._noise.gauss(0, 2)) / 1000:.3f}"

    def rate(self) -> str:
        return f"{(self._w.sim.truth.rate_mhz / 1000 + self._noise.gauss(0, 0.01)) * 60:.1f} rpm"


async def step(w: World, s: Screen, read: Callable[[], str], **more: Any) -> dict[str, Any] | None:
    """One step: drive, park or run, read. None when all are done."""
    answer = await s.ask("calibration.next")
    if answer["reseat"]:
        answer = await s.ask("calibration.next", reseated=True)
    if answer["done"]:
        return None
    if answer["stand"] == "park":
        await asyncio.sleep(0.2)
        parked = await s.ask("calibration.park", ticket=answer["sheet"]["ticket"])
        assert parked.outcome == "confirmed", parked
        text = read()
    else:
        outcome = await s.start("CUS-1")
        assert outcome.outcome == "confirmed", outcome
        await asyncio.sleep(1.5)
        text = read()
        await s.ask("run.end")
        await w.until(lambda: w.desk.confirmed_still, 5)
    return await s.ask("calibration.reading", step=answer["step"]["step"], text=text, source="gauge", **more)


async def whole_round(w: World, s: Screen, read: Callable[[], str]) -> dict[str, Any]:
    """Every step of the round, then the evaluation."""
    while await step(w, s, read) is not None:
        pass
    return await s.ask("calibration.evaluate")


async def calibrated(w: World, s: Screen, kind: str = "linear", **changes: Any) -> dict[str, Any]:
    """A pen that is calibrated, adjusted and signed for."""
    gauge = Gauge(w)
    await begun(w, s, **changes)
    await whole_round(w, s, gauge.depth)
    written = await s.ask("calibration.correct", kind=kind)
    assert written["reply"].outcome == "confirmed", written["reply"]
    left = await whole_round(w, s, gauge.depth)
    assert left["verdict"] == "pass", left["calibration"]["evaluations"][-1]["reasons"]
    return await s.ask("calibration.finish", pin=PIN)
