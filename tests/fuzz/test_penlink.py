"""Noise on both ends of a line and of the air: none of it raises, hangs or grows, and nothing moves."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from uuid import UUID

import pytest
from support.links import linked
from support.rig import TestSource

from devicectl.alarms.board import AlarmBoard
from devicectl.control.controller import Controller
from devicectl.control.gates import Purpose
from devicectl.control.journal import MemoryJournal
from drivers.api import LinkStatistics, PenInput
from drivers.links.memory import MemoryLink
from drivers.penlink.frame import Decoder, encode
from drivers.penlink.gatt import CARRIES, Advertised, Characteristic
from drivers.penlink.hello import Pages
from drivers.penlink.messages import Cmd, HelloRequest, Lease, Message, Opcode
from drivers.penlink.pen import PenlinkPen
from drivers.penlink.session import HostSession
from drivers.reconnect import KeepConnected
from simulator.firmware import Firmware
from simulator.line import Line
from simulator.nvm import Nvm
from simulator.pen import SimulatedPen
from simulator.physics import Physics
from simulator.profile import load_profile
from simulator.virtual_time import run_virtual

from .noise import FROM_PEN, TO_PEN, Noise
from .shares import SEEDS, share

pytestmark = [pytest.mark.fuzz, pytest.mark.parametrize("seed", SEEDS)]
MOTION = {Opcode.SET_DEPTH, Opcode.SET_RATE, Opcode.ARM, Opcode.START, Opcode.PARK, Opcode.SELF_TEST}


def test_a_host_reads_noise(seed: int) -> None:
    """Session, pages of HELLO and the decoder under them. What it holds is as much after the noise as before."""
    heard = [0]
    pages = Pages()
    statistics = LinkStatistics()

    def deliver(item: PenInput) -> None:
        heard[0] += 1

    host = HostSession(deliver, pages.take, lambda result: None, lambda item: None, statistics)
    noise = Noise(f"host {seed}", FROM_PEN)
    now = [0.0]

    def listen(frames: int) -> None:
        for data in noise.pieces(frames):
            now[0] += 0.001
            # A boot that is another, or a clock that falls, ends the session: it is taken up anew, as the runner does.
            host.established = True
            host.feed(data, now[0])

    whole = share("host")
    listen(whole // 10)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    listen(whole // 50)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    listen(whole - noise.frames)

    assert noise.frames == whole
    assert grown < 64 * 1024
    assert statistics.frames > whole // 5
    assert statistics.bad_frames > whole // 10
    assert set(host.decoder.errors) == {"cobs", "crc", "length", "overrun", "payload", "type", "version"}
    assert heard[0] > whole // 10
    assert len(host.decoder.unfinished[0]) < 100
    if pages.complete:
        pages.identity(), pages.capabilities(), pages.cartridge()


class Bench:
    """Firmware over physics on a table, time moved by hand. A START with the right token is never given to it whole."""

    def __init__(self, seed: int) -> None:
        profile = load_profile("reference")
        self.body = Physics(profile, seed=seed, hand=False)
        self.body.on_motion = lambda at, turning: self.moved.append(at)
        self.moved: list[float] = []
        self.said = 0
        self.decoder = Decoder()
        self.pen = Firmware(profile, self.body, Nvm(), self._hear, seed=seed)
        self.now = 1

    def _hear(self, data: bytes) -> None:
        self.decoder.feed(data, lambda frame: None)

    def spared(self, message: Message) -> bool:
        """Whether this message may be given whole: one in 65,536 would be a guessed token."""
        asks = isinstance(message, Cmd) and message.opcode in (Opcode.START, Opcode.PARK)
        return not (asks and self.pen.token and message.argument >> 16 == self.pen.token)  # type: ignore[union-attr]

    def ready(self, arm: bool) -> None:
        """Switched off and on, in a session, and armed if need be."""
        self.pen.power_on(self.now)
        self.pen.receive(encode(HelloRequest(0, 7, 1), 1), self.now)
        if arm:
            self.pen.receive(encode(Cmd(1, Opcode.ARM, self.pen.clock + 300, 500), 1), self.now)
            assert self.pen.token


def test_a_pen_reads_noise_and_does_not_move(seed: int) -> None:
    bench = Bench(seed)
    noise = Noise(f"pen {seed}", TO_PEN, bench.spared)
    errors = 0
    for number, data in enumerate(noise.pieces(share("pen"))):
        if number % 200 == 0:
            # A command with the highest id makes every later one stale.
            errors += sum(bench.pen.errors.values())
            bench.ready(arm=number % 400 == 0)
        bench.pen.receive(data, bench.now)
        if number % 16 == 0:
            bench.now += 5
            bench.pen.tick(bench.now)
    bench.now += 20_000
    bench.pen.tick(bench.now)
    assert bench.moved == []
    assert errors > noise.frames // 5
    assert bench.decoder.frames > noise.frames // 4
    assert not bench.decoder.errors
    # The same bench does see a motor that turns.
    bench.ready(arm=True)
    start = Cmd(2, Opcode.START, bench.pen.clock + 300, bench.pen.token << 16 | 100)
    assert not bench.spared(start)
    bench.pen.receive(encode(start, 1), bench.now)
    assert bench.moved


class NoisyLine:
    """A wire to a simulated pen on which strange bytes arrive at the host besides the pen's own."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.sent = b""
        self.transmit: Callable[[bytes], None] = lambda data: None

    def attach(self, transmit: Callable[[bytes], None], hang_up: Callable[[str], None]) -> None:
        self.transmit = transmit
        self._line.attach(transmit, hang_up)

    def receive(self, data: bytes) -> None:
        self.sent += data
        self._line.receive(data)

    def detach(self) -> None:
        self.transmit = lambda data: None
        self._line.detach()


def test_a_controller_hears_noise_and_asks_for_no_motion(seed: int) -> None:
    """Whatever a pen seems to say, nothing goes out that could move it."""

    async def main() -> None:
        import asyncio

        loop = asyncio.get_running_loop()
        sim = SimulatedPen(seed=seed)
        moved: list[bool] = []
        sim.on_motion = lambda at, turning: moved.append(turning)
        wires: list[NoisyLine] = []

        def link() -> MemoryLink:
            wires.append(NoisyLine(sim.line()))
            return MemoryLink(wires[-1])

        pen = PenlinkPen("memory://pen", link)
        control = Controller(
            pen,
            journal=MemoryJournal(),
            alarms=AlarmBoard(loop.time),
            source=TestSource(seed),  # type: ignore[arg-type]
        )
        control.bind(UUID(int=7))
        control.purpose = Purpose.BENCH
        keeper = KeepConnected(pen, lambda error: None)
        keeper.start()
        noise = Noise(f"controller {seed}", FROM_PEN)
        while noise.frames < share("controller"):
            await asyncio.sleep(0.01)
            if not wires:
                continue
            for data in noise.pieces(4):
                wires[-1].transmit(data)
        await control.close()
        await keeper.close()
        sim.close()
        sent: list[Message] = []
        Decoder().feed(b"".join(wire.sent for wire in wires), lambda frame: sent.append(frame.message))
        assert not moved
        assert {type(message) for message in sent} & {Cmd, Lease} <= {Cmd}
        assert not [one for one in sent if isinstance(one, Cmd) and one.opcode in MOTION]
        assert pen.statistics.bad_frames > share("controller") // 10

    run_virtual(main())


def test_characteristics_read_noise_and_nothing_moves(seed: int) -> None:
    """Values written to every characteristic of a pen, and values that come from every characteristic of one."""
    att = pytest.importorskip("bumble.att", reason="needs the extra simulator-ble")

    async def main() -> None:
        import asyncio

        sim = SimulatedPen(seed=seed)
        moved: list[bool] = []
        sim.on_motion = lambda at, turning: moved.append(turning)

        def spared(message: Message) -> bool:
            asks = isinstance(message, Cmd) and message.opcode in (Opcode.START, Opcode.PARK)
            return not (asks and sim.firmware.token and message.argument >> 16 == sim.firmware.token)  # type: ignore[union-attr]

        async with linked("ble", sim, None) as wire:
            pen = wire.pen()
            keeper = KeepConnected(pen, lambda error: None)
            keeper.start()
            up, down = Noise(f"air up {seed}", TO_PEN, spared), Noise(f"air down {seed}", FROM_PEN)
            chance = random.Random(seed)
            kinds = tuple(Characteristic)
            taken = refused = 0
            while up.frames + down.frames < share("air"):
                await asyncio.sleep(0.05)
                if up.frames % 400 < 4:
                    sim.reboot()
                for _ in range(4):
                    value = up.value()
                    kind = (
                        CARRIES.get(value[1], kinds[0])
                        if len(value) > 1 and chance.random() < 0.8
                        else chance.choice(kinds)
                    )
                    try:
                        wire.on_air._written(kind, value)
                        taken += 1
                    except att.ATT_Error:
                        refused += 1
                    link = pen._link
                    value = down.value()
                    if link is not None and pen.connected:
                        link._value(chance.choice(kinds), value)  # type: ignore[attr-defined]
            await keeper.close()
            assert not moved
            assert taken > share("air") // 8
            assert refused > share("air") // 50
            sim.close()

    run_virtual(main())


def test_advertisements_read_noise(seed: int) -> None:
    chance = random.Random(f"advertising {seed}")
    ours = 0
    for _ in range(share("advertising")):
        data = chance.randbytes(int(chance.random() * 30))
        found = Advertised.unpack(data)
        assert (found is None) == (len(data) < 4)
        if found is not None:
            ours += 1
            assert found.pack() == data[:4]
            assert found.simulated is bool(data[3] & 1)
    assert ours
