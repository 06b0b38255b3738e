"""The same seed does the same to the same bytes, over memory, a pseudo-terminal and TCP, however they are cut on the way."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterator

import pytest

from drivers.links.memory import MemoryLink
from drivers.penlink.frame import encode
from drivers.penlink.messages import Lease
from simulator.faults import parse_faults
from simulator.line import Line, pieces
from simulator.pen import SimulatedPen
from simulator.pty import PtyPort
from simulator.tcp import TcpPort
from simulator.virtual_time import run_virtual

FAULTS = ("drop=0.1", "duplicate=0.1", "corrupt=0.2", "split=0.3", "reorder=0.2")
COUNT = 300


def said() -> bytes:
    """Frames that change nothing: renewals for a boot that never was."""
    return b"".join(encode(Lease(1, n), n) for n in range(COUNT))


def cuts(data: bytes, seed: int) -> Iterator[bytes]:
    """In pieces as a system may give them."""
    dice, at = random.Random(seed), 0
    while at < len(data):
        size = dice.randint(1, 60)
        yield data[at : at + size]
        at += size


class Hears:
    """A simulated pen that keeps what reaches it."""

    def __init__(self, seed: int) -> None:
        self.got = bytearray()
        self.pen = SimulatedPen(seed=seed, faults=parse_faults(FAULTS))
        self.pen.receive = self.got.extend  # type: ignore[method-assign]


async def until_quiet(hears: Hears) -> bytes:
    """All of it has come when nothing has come for a while; the last frame is held for 50 ms at most."""
    size = -1
    while size != len(hears.got):
        size = len(hears.got)
        await asyncio.sleep(0.3)
    return bytes(hears.got)


async def over_memory(seed: int, cut: int) -> bytes:
    hears = Hears(seed)
    link = MemoryLink(hears.pen.line())
    await link.open(lambda data: None, lambda why: None)
    for part in cuts(said(), cut):
        link.write(part)
    found = await until_quiet(hears)
    hears.pen.close()
    return found


async def over_pty(seed: int, cut: int) -> bytes:
    hears = Hears(seed)
    port = PtyPort(hears.pen, paced=False)
    slave = os.open(port.open().removeprefix("serial://"), os.O_RDWR | os.O_NOCTTY)
    for part in cuts(said(), cut):
        os.write(slave, part)
        await asyncio.sleep(0)
    found = await until_quiet(hears)
    os.close(slave)
    port.close()
    hears.pen.close()
    return found


async def over_tcp(seed: int, cut: int) -> bytes:
    hears = Hears(seed)
    port = TcpPort(hears.pen, paced=False)
    await port.open()
    _, writer = await asyncio.open_connection("127.0.0.1", int(port.address.rpartition(":")[2]))
    for part in cuts(said(), cut):
        writer.write(part)
        await writer.drain()
    found = await until_quiet(hears)
    writer.close()
    await port.close()
    hears.pen.close()
    return found


@pytest.mark.parametrize("seed", [1, 7])
def test_the_same_seed_does_the_same_on_every_link(seed: int) -> None:
    memory = run_virtual(over_memory(seed, 1))
    assert memory == run_virtual(over_memory(seed, 2)), "however the bytes are cut"
    assert asyncio.run(over_pty(seed, 3)) == memory
    assert asyncio.run(over_tcp(seed, 4)) == memory
    assert memory != said()
    assert len(pieces(memory)) > COUNT / 2


def test_another_seed_does_something_else() -> None:
    assert run_virtual(over_memory(1, 1)) != run_virtual(over_memory(2, 1))


def test_a_frame_that_is_overtaken_by_nothing_still_arrives() -> None:
    async def play() -> None:
        pen = SimulatedPen(faults=parse_faults(["reorder=1"]))
        got = bytearray()
        pen.receive = got.extend  # type: ignore[method-assign]
        line = Line(pen)
        line.attach(lambda data: None, lambda why: None)
        line.receive(b"\x01\x02\x00")
        await asyncio.sleep(0.2)
        assert bytes(got) == b"\x01\x02\x00"
        line.receive(b"\x01\x02\x00\x03\x04\x00")
        await asyncio.sleep(0.2)
        assert bytes(got) == b"\x01\x02\x00\x03\x04\x00\x01\x02\x00"
        pen.close()

    run_virtual(play())


def test_back_pressure_lets_only_so_many_bytes_through() -> None:
    async def play() -> None:
        pen = SimulatedPen(faults=parse_faults(["to_pen.pressure=1000", "to_pen.queue=600"]))
        got = bytearray()
        pen.receive = got.extend  # type: ignore[method-assign]
        line = Line(pen)
        line.attach(lambda data: None, lambda why: None)
        for _ in range(100):
            line.receive(b"\x01" * 9 + b"\x00")
        await asyncio.sleep(0.3)
        assert 250 <= len(got) <= 310
        await asyncio.sleep(5)
        assert len(got) == 600, "what found no room is lost"
        assert line.lost[0] == 400
        pen.close()

    run_virtual(play())
