"""One capture, played over every kind of link: whatever carries the bytes, the same events come out, byte for byte."""

from __future__ import annotations

import asyncio
import json
import os
import random
import tty
from collections.abc import Callable

import pytest
from support.links import VIRTUAL, Wire, linked, run_over

from devicectl.bench.capture_file import Kind, Record
from devicectl.bench.replay import inputs
from drivers.api import LinkStatistics, Lost, PenInput, Rebooted, Up
from drivers.ble.link import BleLink, Target
from drivers.links.memory import MemoryLink
from drivers.links.serial import SerialLink
from drivers.penlink.session import HostSession
from drivers.tap import Way
from simulator.pen import SimulatedPen
from simulator.virtual_time import run_virtual

from .kept import FileTap, records
from .test_links import drive

LONG_S = 30.0
Say = Callable[[bytes], None]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    """What a pen said in a run with STOP at its end, from the first sample on."""
    path = tmp_path_factory.mktemp("links") / "x"

    async def main() -> None:
        wire = Wire("memory", SimulatedPen(seed=3))
        pen = wire.pen()
        await pen.connect()
        tap = FileTap(path)
        pen.set_tap(tap)
        await drive(pen)
        wire.sim.press_button()
        await asyncio.sleep(0.2)
        pen.set_tap(None)
        tap.close()
        await pen.close()
        wire.sim.close()

    run_virtual(main())
    return [record for record in records(path) if record.kind is Kind.BYTES and record.way is Way.IN]


def written(told: list[PenInput]) -> bytes:
    """Events as bytes, without the times at which they came: a line for each."""
    kept = [item for item in told if not isinstance(item, Up | Lost | Rebooted)]
    return b"".join(
        json.dumps([type(item).__name__, *(value for name, value in item._asdict().items() if name != "at")]).encode()
        + b"\n"
        for item in kept
    )


class Speaker:
    """The pen's end of a memory link that says what it is told to say."""

    def attach(self, transmit: Say, hang_up: Callable[[str], None]) -> None:
        self.say = transmit

    def receive(self, data: bytes) -> None:
        pass

    def detach(self) -> None:
        pass


class Listener:
    """The driver's decoding behind a link."""

    def __init__(self) -> None:
        self.told: list[PenInput] = []
        self.statistics = LinkStatistics()
        self._loop = asyncio.get_running_loop()
        self.begin()

    def begin(self) -> None:
        """Forget what was heard."""
        self.told.clear()
        self._session = HostSession(self.told.append, lambda m: None, lambda m: None, lambda m: None, self.statistics)

    def hear(self, data: bytes) -> None:
        self._session.feed(data, self._loop.time())


async def over_memory(said: list[Record], listener: Listener) -> None:
    speaker = Speaker()
    link = MemoryLink(speaker)
    await link.open(listener.hear, lambda why: None)
    await speak(said, speaker.say)
    await link.close()


async def over_pty(said: list[Record], listener: Listener) -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    link = SerialLink("serial://x", os.ttyname(slave))
    await link.open(listener.hear, lambda why: None)
    await speak(said, lambda data: assert_written(os.write(master, data), data))
    await all_of(said, listener)
    await link.close()
    os.close(master)
    os.close(slave)


def assert_written(count: int, data: bytes) -> None:
    assert count == len(data)


async def over_tcp(said: list[Record], listener: Listener) -> None:
    over = asyncio.Event()

    async def pen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await speak(said, writer.write)
        await writer.drain()
        await reader.read()
        writer.close()
        await writer.wait_closed()
        over.set()

    server = await asyncio.start_server(pen, "127.0.0.1", 0)
    link = SerialLink("tcp://x", f"socket://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await link.open(listener.hear, lambda why: None)
    await all_of(said, listener)
    await link.close()
    await over.wait()
    server.close()
    await server.wait_closed()


async def over_ble(said: list[Record], listener: Listener) -> None:
    sim = SimulatedPen(seed=9)
    async with linked("ble", sim) as wire:
        link = BleLink("ble://x", Target(wire.on_air.address), radio=wire.host)
        await link.open(listener.hear, lambda why: None)
        await link.secure()
        # Nobody has opened a session with this pen, so that it says nothing by itself; its answers so far are not the capture's.
        listener.begin()
        await speak(said, wire.on_air._transmit, 0.01)
        await asyncio.sleep(1)
        await link.close()
    sim.close()


async def all_of(said: list[Record], listener: Listener) -> None:
    async with asyncio.timeout(LONG_S):
        while listener.statistics.bytes_in < sum(len(record.data) for record in said):
            await asyncio.sleep(0.001)


async def speak(said: list[Record], say: Say, pause_s: float = 0.0) -> None:
    """In pieces of any size: where bytes are cut says nothing about what they mean."""
    chance, data = random.Random(7), b"".join(record.data for record in said)
    while data:
        size = chance.randint(1, 90)
        say(data[:size])
        data = data[size:]
        await asyncio.sleep(pause_s or 0.0005)


OVER = {"memory": over_memory, "ble": over_ble, "pty": over_pty, "tcp": over_tcp}


@pytest.mark.parametrize("kind", OVER)
def test_the_same_capture_gives_the_same_events_over_every_link(kind: str, said: list[Record]) -> None:
    expected = written(inputs(said))
    assert expected.count(b"\n") > 60
    found: list[bytes] = []

    async def main() -> None:
        listener = Listener()
        await OVER[kind](said, listener)
        assert listener.statistics.bad_frames == 0
        assert listener.statistics.lost_samples == 0
        found.append(written(listener.told))

    run_over(kind, main)
    assert kind in VIRTUAL or found
    assert found[-1] == expected
