"""What is captured on a link is what passed there, byte for byte, and replayed it gives the driver the same inputs."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import tty
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.links import LINKS, VIRTUAL, Wire, linked, run_over

from devicectl.bench.capture_file import Kind
from devicectl.bench.dissect import Dissector
from devicectl.bench.replay import Player
from drivers.api import Action, Command, Confirmed, LinkStatistics, Lost, PenInput, Rebooted, Telemetry, Up
from drivers.links.memory import MemoryLink
from drivers.links.serial import SerialLink
from drivers.penlink.frame import STOP
from drivers.penlink.gatt import CHANNELS, Characteristic
from drivers.penlink.pen import PenlinkPen
from drivers.penlink.session import HostSession
from drivers.tap import Way
from simulator.pen import SimulatedPen
from simulator.virtual_time import run_virtual

from .kept import FileTap, passed, records

texts = st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=12)
ALL = [bytes(range(256))[n : n + 37] for n in range(0, 256, 37)]


class Echo:
    """The pen's end of a memory link: gives back what it gets, in pieces of seven bytes."""

    def __init__(self) -> None:
        self.got = b""

    def attach(self, transmit: Callable[[bytes], None], hang_up: Callable[[str], None]) -> None:
        self._transmit = transmit

    def receive(self, data: bytes) -> None:
        self.got += data
        for at in range(0, len(data), 7):
            self._transmit(data[at : at + 7])

    def detach(self) -> None:
        pass


@given(texts)
@settings(max_examples=60, deadline=None)
def test_memory_gives_every_byte_both_ways(chunks: list[bytes]) -> None:
    async def main() -> None:
        with tempfile.TemporaryDirectory() as folder:
            echo, heard = Echo(), []
            link = MemoryLink(echo)
            link.tap = tap = FileTap(Path(folder) / "x")
            await link.open(heard.append, lambda why: None)
            for chunk in [*ALL, *chunks]:
                link.write(chunk)
            await asyncio.sleep(0.1)
            await link.close()
            found = tap.close()
        assert passed(found, Way.OUT) == echo.got == b"".join([*ALL, *chunks])
        assert [r.data for r in found if r.way is Way.IN] == heard
        assert b"".join(heard) == echo.got

    run_virtual(main())


async def over_pty(chunks: list[bytes], path: Path) -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    address = f"serial://{os.ttyname(slave)}"
    link = SerialLink(address, os.ttyname(slave))
    link.tap = tap = FileTap(path)
    heard: list[bytes] = []
    got, loop = bytearray(), asyncio.get_running_loop()
    await link.open(heard.append, lambda why: None)

    def echo() -> None:
        data = os.read(master, 64)
        got.extend(data)
        os.write(master, data)

    loop.add_reader(master, echo)
    try:
        sent = b"".join([*ALL, *chunks])
        for chunk in [*ALL, *chunks]:
            link.write(chunk)
        async with asyncio.timeout(10):
            while len(b"".join(heard)) < len(sent):
                await asyncio.sleep(0.001)
    finally:
        loop.remove_reader(master)
        await link.close()
        os.close(master)
        os.close(slave)
    found = tap.close()
    assert passed(found, Way.OUT) == bytes(got) == sent
    assert [r.data for r in found if r.way is Way.IN] == heard
    assert b"".join(heard) == sent


async def over_tcp(chunks: list[bytes], path: Path) -> None:
    got = bytearray()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(50):
            got.extend(data)
            writer.write(data)
        writer.close()
        await writer.wait_closed()
        over.set()

    over = asyncio.Event()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    where = server.sockets[0].getsockname()[1]
    link = SerialLink("tcp://x", f"socket://127.0.0.1:{where}")
    link.tap = tap = FileTap(path)
    heard: list[bytes] = []
    await link.open(heard.append, lambda why: None)
    sent = b"".join([*ALL, *chunks])
    for chunk in [*ALL, *chunks]:
        link.write(chunk)
    async with asyncio.timeout(10):
        while len(b"".join(heard)) < len(sent):
            await asyncio.sleep(0.001)
    await link.close()
    await over.wait()
    server.close()
    await server.wait_closed()
    found = tap.close()
    assert passed(found, Way.OUT) == bytes(got) == sent
    assert [r.data for r in found if r.way is Way.IN] == heard


@pytest.mark.parametrize("over", [over_pty, over_tcp])
@given(chunks=texts)
@settings(max_examples=15, deadline=None)
def test_real_ports_give_every_byte_both_ways(
    over: Callable[[list[bytes], Path], Coroutine[Any, Any, None]], chunks: list[bytes]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(over(chunks, Path(folder) / "x"))


def test_what_stop_drops_from_the_queue_is_not_in_the_capture(tmp_path: Path) -> None:
    async def main() -> None:
        master, slave = os.openpty()
        tty.setraw(slave)
        link = SerialLink("serial://x", os.ttyname(slave))
        link.tap = tap = FileTap(tmp_path / "x")
        await link.open(lambda data: None, lambda why: None)
        # So much at once goes to the kernel, and the rest waits here.
        link.write(b"\x11" * 1000)
        assert not link.idle
        assert link.write_stop(STOP)
        await asyncio.sleep(0.05)
        await link.close()
        os.set_blocking(master, False)
        got = os.read(master, 4096)
        os.close(master)
        os.close(slave)
        found = tap.close()
        assert passed(found, Way.OUT) == got
        assert got.endswith(STOP)
        assert len(got) < 200
        assert [r.data for r in found if r.stop] == [STOP]

    asyncio.run(main())


def without_times(inputs: list[PenInput], exact: bool) -> list[Any]:
    """Times are equal to the ns in virtual time; in real time both clocks are read one after the other."""
    return [(type(item).__name__, round(item.at * 1e9) if exact else None, *item[1:]) for item in inputs]


def replayed(path: Path) -> tuple[list[PenInput], Player]:
    again: list[PenInput] = []
    player = Player(again.append)
    for record in records(path):
        player.take(record)
    return again, player


async def drive(pen: PenlinkPen, seconds: float = 1.0) -> None:
    """A run, and STOP."""

    async def do(action: Action, value: int = 0, token: int = 0) -> Confirmed:
        for _ in range(5):
            outcome = await pen.command(Command(action, value, token), deadline=0.5)
            if isinstance(outcome, Confirmed):
                return outcome
            await asyncio.sleep(0.1)
        raise AssertionError(outcome)

    await do(Action.SET_DEPTH, 1000)
    await do(Action.SET_RATE, 100_000)
    armed = await do(Action.ARM, pen.lease_ms)
    await do(Action.START, 60_000, armed.token)
    for _ in range(int(seconds / 0.1)):
        pen.renew_lease()
        await asyncio.sleep(0.1)
    pen.stop()
    await asyncio.sleep(0.5)


@pytest.mark.parametrize("kind", LINKS)
def test_a_replay_gives_the_same_inputs(kind: str, tmp_path: Path) -> None:
    paths = iter(tmp_path / f"{number}.pcapng" for number in range(9))

    async def main() -> None:
        path = next(paths)
        async with linked(kind, SimulatedPen(seed=3)) as wire:
            pen = wire.pen()
            tap, live = FileTap(path), []
            pen.subscribe(live.append)
            pen.set_tap(tap)
            await pen.connect()
            await pen.secure()
            await drive(pen)
            wire.sim.reboot()
            await asyncio.sleep(3)
            await pen.close()
            await pen.connect()
            await asyncio.sleep(0.5)
            await pen.close()
            found = tap.close()
            wire.sim.close()
        again, player = replayed(path)
        exact = kind in VIRTUAL
        assert player.trouble == []
        assert without_times(again, exact) == without_times(live, exact)
        assert all(abs(a.at - b.at) < 0.2 for a, b in zip(again, live, strict=True))
        kinds = {type(item) for item in again}
        assert {Up, Telemetry} < kinds
        # The radio is gone with a pen that restarts, a wire is not.
        assert (Lost if kind == "ble" else Rebooted) in kinds
        assert player.statistics.frames == pen.statistics.frames
        assert player.statistics.bytes_in == pen.statistics.bytes_in
        assert any(r.stop for r in found)
        channels = {r.channel for r in found if r.kind is Kind.BYTES}
        by_name = {CHANNELS[one] for one in Characteristic}
        assert channels == (by_name if kind == "ble" else {0})

    run_over(kind, main)


@pytest.mark.parametrize("kind", LINKS)
def test_a_capture_that_joins_in_the_middle_goes_on_where_the_driver_is(kind: str, tmp_path: Path) -> None:
    paths = iter(tmp_path / f"{number}.pcapng" for number in range(9))

    async def main() -> None:
        path = next(paths)
        async with linked(kind, SimulatedPen(seed=4)) as wire:
            pen = wire.pen()
            await pen.connect()
            await pen.secure()
            await asyncio.sleep(0.777)
            tap, live = FileTap(path), []
            pen.set_tap(tap)
            pen.subscribe(live.append)
            await drive(pen, 0.5)
            pen.set_tap(None)
            ended = len(live)
            await pen.close()
            tap.close()
            wire.sim.close()
        again, player = replayed(path)
        assert player.trouble == []
        assert isinstance(again[0], Up)
        assert without_times(again[1:], kind in VIRTUAL) == without_times(live[:ended], kind in VIRTUAL)

    run_over(kind, main)


@pytest.mark.parametrize("kind", ["memory", "pty", "tcp"])
def test_a_bad_line_is_replayed_as_bad_as_it_was(kind: str, tmp_path: Path) -> None:
    paths = iter(tmp_path / f"{number}.pcapng" for number in range(9))

    async def main() -> None:
        path = next(paths)
        async with linked(kind, SimulatedPen(seed=5)) as wire:
            pen = wire.pen()
            tap, live = FileTap(path), []
            pen.subscribe(live.append)
            pen.set_tap(tap)
            await pen.connect()
            wire.sim.set_faults(
                from_pen__corrupt=0.1, from_pen__drop=0.05, from_pen__split=0.3, from_pen__duplicate=0.05
            )
            await asyncio.sleep(2)
            wire.sim.clear_faults()
            await asyncio.sleep(0.2)
            await pen.close()
            tap.close()
            wire.sim.close()
        again, player = replayed(path)
        assert without_times(again, kind in VIRTUAL) == without_times(live, kind in VIRTUAL)
        assert player.statistics.bad_frames == pen.statistics.bad_frames > 0
        assert player.statistics.lost_samples == pen.statistics.lost_samples > 0
        lines = list(Dissector().lines(records(path)))
        assert any(line.crc == "wrong" for line in lines)
        assert any(line.note.startswith("resynchronised after") for line in lines)

    run_over(kind, main)


def test_a_link_that_is_lost_is_replayed_with_its_reason(tmp_path: Path) -> None:
    async def main() -> None:
        wire = Wire("memory", SimulatedPen(seed=6))
        line = wire.sim.line(115_200)
        pen = PenlinkPen("memory://pen", lambda: MemoryLink(line))
        tap, live = FileTap(tmp_path / "x"), []
        pen.subscribe(live.append)
        pen.set_tap(tap)
        await pen.connect()
        await asyncio.sleep(0.3)
        line.unplug("the cable was pulled out")
        await asyncio.sleep(0.1)
        await pen.close()
        tap.close()
        wire.sim.close()
        again, _ = replayed(tmp_path / "x")
        assert without_times(again, exact=True) == without_times(live, exact=True)
        assert isinstance(again[-1], Lost)
        assert again[-1].reason == "the cable was pulled out"

    run_virtual(main())


@pytest.mark.parametrize("after_ms", range(0, 60, 4))
def test_a_capture_that_joins_while_host_and_pen_meet_misses_nothing(after_ms: int, tmp_path: Path) -> None:
    async def main() -> None:
        wire = Wire("memory", SimulatedPen(seed=4))
        pen = wire.pen()
        connecting = asyncio.create_task(pen.connect())
        await asyncio.sleep(after_ms / 1000)
        tap, live = FileTap(tmp_path / "x"), []
        pen.subscribe(live.append)
        up = pen.connected
        pen.set_tap(tap)
        await connecting
        await asyncio.sleep(0.3)
        await pen.close()
        tap.close()
        wire.sim.close()
        again, player = replayed(tmp_path / "x")
        assert player.trouble == []
        assert without_times(again[up:], exact=True) == without_times(live, exact=True)

    run_virtual(main())


def test_wherever_a_capture_joins_the_inputs_are_the_same(tmp_path: Path) -> None:
    """Also in the middle of a frame, and when the low half of the pen's clock has wrapped."""

    async def main() -> None:
        wire = Wire("memory", SimulatedPen(seed=4))
        pen = wire.pen()
        await asyncio.sleep(70)
        tap = FileTap(tmp_path / "x")
        pen.set_tap(tap)
        await pen.connect()
        await asyncio.sleep(1)
        await pen.close()
        tap.close()
        wire.sim.close()

    run_virtual(main())
    found = [r for r in records(tmp_path / "x") if r.kind is Kind.BYTES and r.way is Way.IN]
    # Bytes one by one, so that a capture can join between any two.
    chunks = [(record.at, record.data[n : n + 1]) for record in found for n in range(len(record.data))]

    def session(told: list[PenInput]) -> HostSession:
        return HostSession(told.append, lambda hello: None, lambda result: None, lambda table: None, LinkStatistics())

    joins: list[tuple[int, list[PenInput]]] = []
    whole: list[PenInput] = []
    first = session(whole)
    for place, (at, chunk) in enumerate(chunks):
        if place % 7 == 0:
            told: list[PenInput] = []
            joined = session(told)
            joined.recall(json.loads(json.dumps(first.remembered())))
            for later, rest in chunks[place : place + 200]:
                joined.feed(rest, later)
            joins.append((len(whole), told))
        first.feed(chunk, at)
    assert sum(len(told) for _, told in joins) > 1000
    for before, told in joins:
        assert told == whole[before : before + len(told)]
