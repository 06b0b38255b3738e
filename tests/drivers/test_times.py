"""The times that docs/penlink.md demands of a pen, measured on the reference pen behind a line of 115,200 Bd."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from drivers.api import EventCode, PenState
from drivers.penlink.frame import STOP, Decoder, encode
from drivers.penlink.messages import (
    Cmd,
    EventMessage,
    HelloRequest,
    HelloSession,
    Lease,
    Message,
    Opcode,
    Query,
    QueryRequest,
    ReadBackMessage,
    ResultMessage,
    StatusMessage,
    TelemetryMessage,
    VitalsMessage,
)
from simulator.pen import SimulatedPen
from simulator.virtual_time import run_virtual

from .reference import DOCUMENT

BYTE = 10 / 115_200
TICK = 0.0005


def demanded(what: str) -> str:
    """The figure of one row of the table of times."""
    [row] = [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith(f"| {what}")]
    return row.split(" | ")[1].removesuffix(" |")


def seconds(what: str) -> float:
    found = re.fullmatch(r"(\d+) (ms|s)", demanded(what))
    assert found is not None
    return int(found[1]) * (1.0 if found[2] == "s" else 0.001)


class Wire:
    """The host's end of a paced line: each frame with the instant at which its first byte came."""

    def __init__(self, seed: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.pen = SimulatedPen(seed=seed, hand=False)
        self.heard: list[tuple[float, Message]] = []
        self.cmd_id = 0
        self._decoder = Decoder()
        self._line = self.pen.line(115_200)
        self._line.attach(self._take, lambda reason: None)

    def _take(self, data: bytes) -> None:
        begun = self.loop.time() - len(data) * BYTE
        self._decoder.feed(data, lambda frame: self.heard.append((begun, frame.message)))

    async def put(self, data: bytes) -> float:
        """Send, wait until the last byte is on the wire, and give that instant."""
        self._line.receive(data)
        await asyncio.sleep(len(data) * BYTE)
        return self.loop.time()

    async def say(self, message: Message) -> float:
        return await self.put(encode(message, 1))

    async def order(self, opcode: Opcode, argument: int = 0) -> tuple[float, ResultMessage]:
        self.cmd_id += 1
        sent = await self.say(Cmd(self.cmd_id, opcode, self.pen.firmware.clock + 300, argument))
        at = len(self.heard)
        await asyncio.sleep(0.02)
        return sent, next(m for _, m in self.heard[at:] if isinstance(m, ResultMessage))

    async def until(self, true: Callable[[], bool], limit: float) -> float:
        while not true():
            assert self.loop.time() < limit, "too late"
            await asyncio.sleep(0.0001)
        return self.loop.time()

    def first(self, kind: type, since: float) -> float:
        return next(at for at, message in self.heard if isinstance(message, kind) and at >= since - 1e-9)

    async def run(self, run_ms: int = 60_000, lease: int = 500) -> None:
        token = (await self.order(Opcode.ARM, lease))[1].token
        sent, result = await self.order(Opcode.START, token << 16 | run_ms // 100)
        assert result.result == 0
        self.started = sent

    async def renew(self, counter: int) -> float:
        return await self.say(Lease(self.pen.firmware.boot_id, counter))


def measure(play: Callable[[Wire], Awaitable[None]], phase: int = 0) -> None:
    async def main() -> None:
        wire = Wire(seed=phase)
        await asyncio.sleep(0.1 + phase * 0.0013)
        await wire.say(HelloRequest(0, 1, 1))
        await asyncio.sleep(0.03)
        await play(wire)
        wire.pen.close()

    run_virtual(main())


phases = pytest.mark.parametrize("phase", range(16))


@phases
def test_stop(phase: int) -> None:
    off, status = seconds("STOP → motor current off"), seconds("STOP → STATUS begins")

    async def play(wire: Wire) -> None:
        await wire.run()
        await asyncio.sleep(0.3 + phase * 0.0017)
        assert wire.pen.truth.driven
        sent = await wire.put(STOP)
        await wire.until(lambda: not wire.pen.truth.driven, sent + off)
        await asyncio.sleep(0.05)
        assert wire.first(StatusMessage, sent) - sent <= status
        assert any(m.state_result & 15 == PenState.STOPPED for _, m in wire.heard if isinstance(m, StatusMessage))

    measure(play, phase)


@phases
def test_answers(phase: int) -> None:
    async def play(wire: Wire) -> None:
        sent, _ = await wire.order(Opcode.SET_DEPTH, 500)
        assert wire.first(ResultMessage, sent) - sent <= seconds("CMD → RESULT begins")
        at = [m for _, m in wire.heard].index(wire.heard[-1][1])
        kinds = [type(m) for _, m in wire.heard]
        at = kinds.index(ResultMessage)
        assert kinds[at : at + 3] == [ResultMessage, StatusMessage, ReadBackMessage]
        (result, _), (status, _), (back, _) = wire.heard[at : at + 3]
        assert status - result == pytest.approx(22 * BYTE, abs=2 * BYTE)
        assert back - status == pytest.approx(22 * BYTE, abs=2 * BYTE)
        for what, kind in (
            (Query.STATUS, StatusMessage),
            (Query.READBACK, ReadBackMessage),
            (Query.VITALS, VitalsMessage),
        ):
            sent = await wire.say(QueryRequest(what))
            await asyncio.sleep(0.03 + phase * 0.0011)
            assert wire.first(kind, sent) - sent <= seconds("QUERY → its answer begins")
        for page in range(5):
            sent = await wire.say(HelloRequest(page, 100 + page, 1))
            await asyncio.sleep(0.03 + phase * 0.0011)
            begun = next(at for at, m in wire.heard if getattr(m, "nonce", 0) == 100 + page)
            assert begun - sent <= seconds("HELLO_REQUEST → page begins")

    measure(play, phase)


@phases
def test_the_lease(phase: int) -> None:
    async def play(wire: Wire) -> None:
        await wire.run(lease=200 + 50 * phase)
        for counter in range(1, 5):
            await asyncio.sleep(0.04)
            renewed = await wire.renew(counter)
        ends = renewed + 0.2 + 0.05 * phase
        await asyncio.sleep(ends - wire.loop.time() - 2 * TICK)
        assert wire.pen.truth.driven
        await wire.until(lambda: not wire.pen.truth.driven, ends + seconds("end of the lease"))
        assert wire.pen.truth.state is PenState.LEASE_EXPIRED

    measure(play, phase)


@phases
def test_the_run_time(phase: int) -> None:
    async def play(wire: Wire) -> None:
        await wire.run(run_ms=1000 + 100 * phase)
        ends = wire.started + 1 + 0.1 * phase
        counter = 0
        while wire.loop.time() < ends - 0.15:
            counter += 1
            await wire.renew(counter)
            await asyncio.sleep(0.125)
        await asyncio.sleep(ends - wire.loop.time() - 2 * TICK)
        assert wire.pen.truth.driven
        await wire.until(lambda: not wire.pen.truth.driven, ends + seconds("end of the lease"))
        assert wire.pen.truth.state is PenState.IDLE
        await asyncio.sleep(0.05)
        assert EventCode.RUN_TIME_OVER in [m.code for _, m in wire.heard if isinstance(m, EventMessage)]

    measure(play, phase)


def test_the_token() -> None:
    assert demanded("ARM → token void") == "10 s ± 10 ms"

    async def play(wire: Wire) -> None:
        sent, _ = await wire.order(Opcode.ARM, 500)
        await asyncio.sleep(sent + 9.99 - wire.loop.time())
        assert wire.pen.truth.state is PenState.ARMED
        await asyncio.sleep(0.02)
        assert wire.pen.truth.state is PenState.IDLE

    measure(play)


def test_power_on() -> None:
    async def play(wire: Wire) -> None:
        wire.heard.clear()
        begin = wire.loop.time()
        wire.pen.reboot()
        await asyncio.sleep(1.1)
        [(begun, hello)] = wire.heard
        assert isinstance(hello, HelloSession)
        assert hello.nonce == 0
        assert begun - begin <= seconds("power-on → unasked")

    measure(play)


@phases
def test_the_streams(phase: int) -> None:
    assert demanded("STATUS stream") == "every 200 ms ± 20 ms"
    assert demanded("VITALS stream") == "every 500 ms ± 50 ms"
    assert demanded("TELEMETRY stream") == "every 1,000 ms / `telemetry_hz` ± 5 ms"

    async def play(wire: Wire) -> None:
        wire.heard.clear()
        await asyncio.sleep(10)
        for kind, period, slack in (
            (StatusMessage, 0.2, 0.02),
            (VitalsMessage, 0.5, 0.05),
            (TelemetryMessage, 0.02, 0.005),
        ):
            times = [at for at, message in wire.heard if isinstance(message, kind)]
            assert len(times) == pytest.approx(10 / period, abs=2)
            assert all(after - before == pytest.approx(period, abs=slack) for before, after in pairwise(times))

    measure(play, phase)
