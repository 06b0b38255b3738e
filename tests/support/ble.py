"""A simulated pen on the virtual radio, driven by the product's own pen over the product's own link."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from drivers.api import Action, Command, Confirmed, Outcome, PenInput, PenState, Telemetry
from drivers.ble.link import BleLink, Target
from drivers.ble.radio import PasskeySource
from drivers.penlink.pen import BLE, PenlinkPen
from drivers.reconnect import KeepConnected
from simulator.radio.air import Air
from simulator.radio.host import VirtualRadio
from simulator.radio.pen import RadioOptions, RadioPen

from . import air


def number(value: int | None) -> PasskeySource:
    """Somebody who types this."""

    async def ask() -> int | None:
        return value

    return ask


class NotDone(Exception):
    """A command was not confirmed."""


class BleRig(air.Rig):
    """Pen, radio, host, and a :class:`PenlinkPen` on them."""

    def __init__(self, on: air.Rig, where: str | None, passkey: PasskeySource | None) -> None:
        super().__init__(on.air, on.pen, on.on_air, on.host)
        self.loop = asyncio.get_running_loop()
        self.address = f"ble://{where or self.on_air.address}"
        self.target = Target(where or self.on_air.address)
        self.links: list[BleLink] = []
        self.passkey = passkey
        self.host_pen = PenlinkPen(self.address, self.link, BLE, lambda: self.target.names)
        self.inputs: list[PenInput] = []
        self.failures: list[str] = []
        self.host_pen.subscribe(self.inputs.append)
        self.keeper = KeepConnected(self.host_pen, lambda error: self.failures.append(str(error)))

    def link(self) -> BleLink:
        """A fresh link, as the driver makes one."""
        self.links.append(BleLink(self.address, self.target, radio=self.host, passkey=self.passkey))
        return self.links[-1]

    def seen(self, kind: type[Any]) -> list[Any]:
        """Inputs of one kind."""
        return [item for item in self.inputs if isinstance(item, kind)]

    async def until(self, true: Callable[[], object], seconds: float = 5.0) -> float:
        """Wait in steps of a millisecond; gives how long it took. Fails the test when it does not come true."""
        begun = self.loop.time()
        while not true():
            assert self.loop.time() - begun < seconds, f"not true within {seconds} s"
            await asyncio.sleep(0.001)
        return self.loop.time() - begun

    async def do(self, action: Action, value: int = 0, token: int = 0) -> Outcome:
        """One command with the deadline that control gives."""
        return await self.host_pen.command(Command(action, value, token), deadline=0.3)

    async def done(self, action: Action, value: int = 0, token: int = 0) -> Confirmed:
        """The same; raises :class:`NotDone` unless the pen did it."""
        outcome = await self.do(action, value, token)
        if not isinstance(outcome, Confirmed):
            raise NotDone(f"{action}: {outcome}")
        return outcome

    async def ready(self) -> None:
        """Connected and trusted."""
        await self.host_pen.connect()
        await self.host_pen.secure()
        await self.until(lambda: self.seen(Telemetry))

    async def turn(self) -> None:
        """From trusted to turning. The lease is not renewed."""
        await self.done(Action.LIMIT_DEPTH, 1500)
        await self.done(Action.SET_DEPTH, 1000)
        await self.done(Action.SET_RATE, 100_000)
        armed = await self.done(Action.ARM, self.host_pen.lease_ms)
        await self.done(Action.START, 60_000, armed.token)
        await self.until(lambda: self.pen.truth.turning or self.pen.truth.state is not PenState.RUNNING)

    async def renewing(self) -> None:
        """Renew the lease for ever, as control does."""
        while True:
            self.host_pen.renew_lease()
            await asyncio.sleep(self.host_pen.lease_ms / 4000)


@asynccontextmanager
async def ble(
    *,
    options: RadioOptions = air.PLAIN,
    interval: float = 0.03,
    where: str | None = None,
    passkey: PasskeySource | None = None,
    **more: Any,
) -> AsyncIterator[BleRig]:
    """The rig; at its end the motor must be still, whatever happened."""
    async with air.rig(options=options, interval=interval, **more) as on:
        rig = BleRig(on, where, passkey)
        try:
            yield rig
        finally:
            await rig.keeper.close()
        await rig.still(3.0)
        assert not rig.pen.truth.turning


__all__ = ["Air", "BleRig", "NotDone", "RadioPen", "VirtualRadio", "ble", "number"]
