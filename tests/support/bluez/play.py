"""A pen as the program drives it through BlueZ, with bleak's stock backend, the driver's own link and pen, and nothing of
the simulator: the stage reaches into that.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from bleak.exc import BleakError
from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from drivers.api import (
    Action,
    Command,
    Confirmed,
    Outcome,
    PenError,
    PenInput,
    Reason,
    Rejected,
    Status,
    Telemetry,
    Unknown,
)
from drivers.ble.link import BleLink, Target
from drivers.penlink.pen import BLE, PenlinkPen
from drivers.reconnect import KeepConnected

ADAPTER: Final = "/org/bluez/hci0"


@dataclass(frozen=True)
class Cast:
    """A pen of these stories."""

    name: str
    address: str
    serial: str
    passkey: int | None = None

    @property
    def path(self) -> str:
        """Where BlueZ keeps it."""
        return f"{ADAPTER}/dev_{self.address.replace(':', '_')}"


PLAIN: Final = Cast("Plain pen", "F0:00:00:00:00:01", "REF-0001")
KEYED: Final = Cast("Keyed pen", "F0:00:00:00:00:02", "REF-0002", 246_813)


class Stage(Protocol):
    """Where a story is played."""

    async def do(self, what: str, pen: Cast, **values: Any) -> Any:
        """``truth``: turning, state, bonds. ``radio``: set radio faults. ``calm``: none any more."""

    async def service(self, on: bool) -> None:
        """Kill bluetoothd, or start it anew and wait until its adapter is switched on."""


async def bluez(path: str, interface: str, member: str, signature: str = "", *body: Any) -> list[Any]:
    """One call to BlueZ on a connection of its own. Raises AssertionError with BlueZ's error."""
    bus = MessageBus(bus_type=BusType.SYSTEM)
    try:
        await bus.connect()
        message = Message(
            destination="org.bluez",
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        reply = await asyncio.wait_for(bus.call(message), 20)
    finally:
        bus.disconnect()
    assert reply.message_type is MessageType.METHOD_RETURN, (reply.error_name, reply.body)
    return reply.body


async def power(on: bool) -> None:
    """Switch the adapter on or off, as the system's settings do."""
    properties = "org.freedesktop.DBus.Properties"
    await bluez(ADAPTER, properties, "Set", "ssv", "org.bluez.Adapter1", "Powered", Variant("b", on))


async def forget(pen: Cast) -> None:
    """Remove the pen and its bond from BlueZ, if it knows it."""
    objects = (await bluez("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"))[0]
    if pen.path in objects:
        await bluez(ADAPTER, "org.bluez.Adapter1", "RemoveDevice", "o", pen.path)


class Play:
    """One pen as the program drives it."""

    def __init__(self, stage: Stage, cast: Cast, passkey: int | None = None, where: str = "") -> None:
        self.stage = stage
        self.cast = cast
        self.address = f"ble://{where or cast.address}"
        self.target = Target(where or cast.address)
        self.passkey = passkey
        self.pen = PenlinkPen(self.address, self._link, BLE)
        self.inputs: list[PenInput] = []
        self.failures: list[PenError] = []
        self.pen.subscribe(self.inputs.append)
        self.keeper = KeepConnected(self.pen, self.failures.append)
        self._renewal: asyncio.Task[None] | None = None

    def _link(self) -> BleLink:
        async def read() -> int | None:
            return self.passkey

        return BleLink(self.address, self.target, passkey=None if self.passkey is None else read)

    def seen(self, kind: type[Any]) -> list[Any]:
        """Inputs of one kind."""
        return [item for item in self.inputs if isinstance(item, kind)]

    async def until(self, true: Callable[[], object], seconds: float = 10.0) -> None:
        """Wait until it is so; fails when it does not come true."""
        async with asyncio.timeout(seconds):
            while not true():
                await asyncio.sleep(0.01)

    async def truth(self) -> dict[str, Any]:
        """What is really so with the pen."""
        found: dict[str, Any] = await self.stage.do("truth", self.cast)
        return found

    async def still(self, seconds: float = 10.0) -> dict[str, Any]:
        """Wait until the motor really stands still."""
        async with asyncio.timeout(seconds):
            while (truth := await self.truth())["turning"]:
                await asyncio.sleep(0.02)
        return truth

    async def command(self, action: Action, value: int = 0, token: int = 0) -> Outcome:
        """One command with the deadline that control gives."""
        return await self.pen.command(Command(action, value, token), deadline=0.3)

    async def confirmed(self, action: Action, value: int = 0) -> Confirmed:
        """One command that the pen must confirm; on a slow machine a person would have to ask more than once."""
        for _ in range(5):
            outcome = await self.command(action, value)
            if isinstance(outcome, Confirmed):
                return outcome
            late = isinstance(outcome, Rejected) and outcome.reason is Reason.EXPIRED
            assert late or isinstance(outcome, Unknown), (action, outcome)
            await asyncio.sleep(0.3)
        raise AssertionError(f"{action}: {outcome}")

    async def ready(self) -> None:
        """Connected, bonded, heard."""
        await self.pen.connect()
        await self.pen.secure()
        await self.until(lambda: self.seen(Telemetry))

    async def turn(self) -> None:
        """From ready to turning, the lease renewed as control does it."""
        if self.seen(Status)[-1].state.latched:
            await self.confirmed(Action.RESET)
        await self.confirmed(Action.LIMIT_DEPTH, 1500)
        await self.confirmed(Action.SET_DEPTH, 1000)
        await self.confirmed(Action.SET_RATE, 100_000)
        for _ in range(5):
            armed = await self.confirmed(Action.ARM, self.pen.lease_ms)
            started = await self.command(Action.START, 60_000, armed.token)
            if isinstance(started, Confirmed):
                break
            assert isinstance(started, Rejected), started
        assert isinstance(started, Confirmed), started
        self._renewal = self._renewal or asyncio.create_task(self._renew())
        await self.until(lambda: self.seen(Telemetry)[-1].rate_mhz > 50_000)
        assert (await self.truth())["turning"]

    async def _renew(self) -> None:
        while True:
            self.pen.renew_lease()
            await asyncio.sleep(self.pen.lease_ms / 4000)

    async def fails(self, work: Awaitable[Any], *codes: str) -> PenError:
        """It must end with a sentence of one of these codes, and soon enough."""
        try:
            async with asyncio.timeout(25):
                await work
        except PenError as error:
            failure = error
        else:
            raise AssertionError(f"must fail with {codes}")
        text = str(failure)
        print(f"{failure.code}: {text}", flush=True)
        assert failure.code in codes, (failure.code, text)
        assert re.fullmatch(rf"{self.address}: [^\n]+\.", text), text
        return failure

    async def close(self) -> None:
        """Let go."""
        if self._renewal is not None:
            self._renewal.cancel()
        await self.keeper.close()


async def failure(work: Awaitable[Any]) -> str:
    """The words with which bleak fails."""
    try:
        await work
    except BleakError as error:
        return str(error)
    raise AssertionError("must fail")


@asynccontextmanager
async def play(stage: Stage, cast: Cast, *, passkey: int | None = None, known: bool = False) -> AsyncIterator[Play]:
    """A pen without faults that BlueZ does not know, unless ``known``; at the end its motor must be still."""
    await stage.do("calm", cast)
    if not known:
        await forget(cast)
        await stage.do("radio", cast, forget=True)
    one = Play(stage, cast, passkey)
    try:
        yield one
    finally:
        await one.close()
        await stage.do("calm", cast)
    await one.still()
