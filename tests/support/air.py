"""A pen and a host on one air, spoken to through bleak's own interface."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice

from drivers.api import PenState, Result
from drivers.penlink.frame import decode_inner, encode_inner
from drivers.penlink.gatt import SERVICE, Characteristic
from drivers.penlink.messages import (
    PROTOCOL,
    Cmd,
    HelloRequest,
    HelloSession,
    Lease,
    Opcode,
    Page,
    ResultMessage,
    StatusMessage,
    TelemetryMessage,
)
from simulator.pen import SimulatedPen
from simulator.radio.air import Air
from simulator.radio.host import VirtualRadio
from simulator.radio.options import PLAIN, RadioOptions
from simulator.radio.pen import RadioPen
from simulator.virtual_time import run_virtual

STOP = Characteristic.STOP.value
FEATURES = Characteristic.FEATURES.value
CONTROL = Characteristic.CONTROL_POINT.value


def on_both_clocks(scenario: Callable[[], Awaitable[Any]], clock: str) -> None:
    """Run it in real time or in virtual time."""

    async def main() -> None:
        await scenario()

    if clock == "virtual":
        run_virtual(main())
    else:
        asyncio.run(main())


class Hand:
    """A host that speaks Penlink over a bleak client, message by message."""

    def __init__(self, client: BleakClient) -> None:
        self.client = client
        self.seq = 0
        self.heard: dict[type, list[Any]] = {}
        self.arrived = asyncio.Event()
        self.session: HelloSession | None = None
        self.opened = 0.0
        self.lease = 0

    def take(self, _: Any, data: bytearray) -> None:
        message = decode_inner(bytes(data)).message
        self.heard.setdefault(type(message), []).append(message)
        self.arrived.set()

    def all(self, kind: type) -> list[Any]:
        return self.heard.setdefault(kind, [])

    async def next(self, kind: type, timeout: float = 30.0) -> Any:
        """The next message of a kind that comes after now."""
        have = len(self.all(kind))
        async with asyncio.timeout(timeout):
            while len(self.all(kind)) == have:
                self.arrived.clear()
                await self.arrived.wait()
        return self.all(kind)[have]

    async def subscribe(self) -> None:
        for which in (
            Characteristic.CONTROL_POINT,
            Characteristic.STATUS,
            Characteristic.TELEMETRY,
            Characteristic.LOG,
        ):
            await self.client.start_notify(which.value, self.take)

    async def send(self, which: Characteristic, message: Any, *, response: bool = True) -> None:
        self.seq += 1
        await self.client.write_gatt_char(which.value, encode_inner(message, self.seq), response=response)

    async def page(self, page: Page = Page.SESSION) -> Any:
        await self.send(Characteristic.FEATURES, HelloRequest(page, 7, PROTOCOL))
        found = decode_inner(bytes(await self.client.read_gatt_char(FEATURES))).message
        if isinstance(found, HelloSession):
            self.session, self.opened = found, asyncio.get_running_loop().time()
        return found

    async def command(self, opcode: Opcode, argument: int = 0) -> ResultMessage:
        assert self.session is not None
        self.session = self.session._replace(last_cmd_id=self.session.last_cmd_id + 1)
        passed = (asyncio.get_running_loop().time() - self.opened) * 1000
        late = self.session.clock + int(passed) + 2000
        coming = asyncio.ensure_future(self.next(ResultMessage))
        await asyncio.sleep(0)
        try:
            await self.send(Characteristic.CONTROL_POINT, Cmd(self.session.last_cmd_id, opcode, late, argument))
        except BaseException:
            coming.cancel()
            raise
        result: ResultMessage = await coming
        return result

    async def start(self, lease: int = 1000, run_ms: int = 180_000) -> None:
        """Set, arm, start: the motor turns, and the lease has to be renewed."""
        for opcode, argument in ((Opcode.SET_RATE, 100_000), (Opcode.SET_DEPTH, 1000)):
            assert (await self.command(opcode, argument)).result == Result.ACCEPTED
        armed = await self.command(Opcode.ARM, lease)
        assert armed.result == Result.ACCEPTED
        started = await self.command(Opcode.START, armed.token << 16 | run_ms // 100)
        assert started.result == Result.ACCEPTED

    async def status(self) -> StatusMessage:
        data = await self.client.read_gatt_char(Characteristic.STATUS.value)
        status = decode_inner(bytes(data)).message
        assert isinstance(status, StatusMessage)
        return status

    async def renew(self) -> None:
        assert self.session is not None
        self.lease += 1
        await self.send(Characteristic.LEASE, Lease(self.session.boot_id, self.lease), response=False)


class Rig:
    """Pen, radio and host. ``client()`` gives a new bleak client for the pen."""

    def __init__(self, air: Air, pen: SimulatedPen, radio_pen: RadioPen, host: VirtualRadio) -> None:
        self.air = air
        self.pen = pen
        self.on_air = radio_pen
        self.host = host

    async def find(self, timeout: float = 2.0) -> BLEDevice | None:
        return await BleakScanner.find_device_by_filter(
            lambda _, data: SERVICE in data.service_uuids, timeout, backend=self.host.scanner, **self.host.options
        )

    async def client(self, **options: Any) -> BleakClient:
        device = await self.find()
        assert device is not None
        return BleakClient(device, backend=self.host.client, **self.host.options, **options)

    @asynccontextmanager
    async def hand(self, **options: Any) -> AsyncIterator[Hand]:
        """Connected, subscribed, greeted."""
        async with await self.client(**options) as client:
            hand = Hand(client)
            await hand.subscribe()
            await hand.page()
            yield hand

    async def stopped(self, timeout: float = 30.0) -> None:
        """Wait until the pen has heard STOP."""
        async with asyncio.timeout(timeout):
            while self.pen.truth.state is not PenState.STOPPED:
                await asyncio.sleep(0.005)

    async def still(self, timeout: float = 5.0) -> float:
        """Wait until the needle stands still; gives the loop time since which it does."""
        async with asyncio.timeout(timeout):
            while (since := self.pen.still_since) is None:
                await asyncio.sleep(0.005)
        return since


@asynccontextmanager
async def rig(
    *, options: RadioOptions = PLAIN, interval: float = 0.0075, seed: int = 1, **more: Any
) -> AsyncIterator[Rig]:
    air = Air(interval=interval, seed=seed)
    pen = SimulatedPen(seed=seed, **more)
    on_air = await RadioPen(air, pen, options).start()
    host = await VirtualRadio.on(air)
    try:
        yield Rig(air, pen, on_air, host)
    finally:
        await host.close()
        await on_air.close()
        pen.close()
        left = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


__all__ = ["CONTROL", "FEATURES", "STOP", "Hand", "PenState", "Rig", "TelemetryMessage", "on_both_clocks", "rig"]
