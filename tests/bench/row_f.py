"""Row f: bytes of one telemetry frame until a subscriber of the pen has the typed sample, called synchronously.

Against the C decoder of ``cobs`` and one ``struct.unpack`` of the same frame.
"""

from __future__ import annotations

import asyncio
import gc
import struct
import time
from typing import Final

import cobs.cobs

from drivers.api import PenInput, Telemetry
from drivers.link import OnData, OnLost
from drivers.links.memory import MemoryLink
from drivers.penlink.frame import encode
from drivers.penlink.messages import TelemetryMessage
from drivers.penlink.pen import PenlinkPen
from simulator.pen import SimulatedPen
from simulator.virtual_time import run_virtual

from .lab import BenchError, Lab
from .measure import Line, figures, ratios

BATCH: Final = 200
FRAME: Final = struct.Struct("<BBHBHIHIBH")
"""Version, type, sequence, length, the five fields of TELEMETRY, CRC."""


class TappedLink(MemoryLink):
    """A link into which bytes can be put by hand."""

    feed: OnData

    async def open(self, on_data: OnData, on_lost: OnLost) -> None:
        """As the memory link, remembering where bytes go."""
        self.feed = on_data
        await super().open(on_data, on_lost)


def measure(lab: Lab) -> list[Line]:
    """Batches of frames in turn; one figure is the mean of a batch."""
    if "built-in" not in repr(cobs.cobs.decode):
        raise BenchError("cobs is installed without its C part; it needs a compiler when it is installed")
    ours, bare = run_virtual(_measure(10 if lab.quick else 400))
    a, b = figures(ours), figures(bare)
    what = "bytes → typed sample in a subscriber, against C cobs + struct.unpack"
    return [Line("f", what, "µs", a, b, ratios(a, b, 30.0))]


async def _measure(rounds: int) -> tuple[list[float], list[float]]:
    sim = SimulatedPen("reference", seed=1)
    link = TappedLink(sim.line(None))
    pen = PenlinkPen("memory://bench", lambda: link)
    await pen.connect()
    await asyncio.sleep(1)
    heard: list[PenInput] = []
    last: list[Telemetry] = []
    pen.subscribe(lambda item: last.append(item) if type(item) is Telemetry else None)
    await asyncio.sleep(0.1)
    counter, clock = last[-1].counter, last[-1].clock_ms
    pen.subscribe(heard.append)
    ours: list[float] = []
    bare: list[float] = []
    gc.disable()
    try:
        for turn in range(rounds):
            frames = []
            for _ in range(BATCH):
                counter, clock = (counter + 1) & 0xFFFF, clock + 20
                sample = TelemetryMessage(counter, clock, 1000, 100_000 | 250 << 20, 7)
                frames.append(encode(sample, counter))
            for work in (_feed, _unpack) if turn % 2 else (_unpack, _feed):
                took = work(frames, link.feed)
                (ours if work is _feed else bare).append(took)
            if len(heard) != BATCH or type(heard[-1]) is not Telemetry:
                raise BenchError(f"{len(heard)} of {BATCH} samples arrived")
            heard.clear()
            last.clear()
    finally:
        gc.enable()
    await pen.close()
    sim.close()
    return ours, bare


def _feed(frames: list[bytes], feed: OnData) -> float:
    began = time.perf_counter()
    for frame in frames:
        feed(frame)
    return (time.perf_counter() - began) * 1e6 / len(frames)


def _unpack(frames: list[bytes], _feed: OnData) -> float:
    decode, unpack = cobs.cobs.decode, FRAME.unpack
    began = time.perf_counter()
    for frame in frames:
        unpack(decode(frame[:-1]))
    return (time.perf_counter() - began) * 1e6 / len(frames)
