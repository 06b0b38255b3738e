"""The services of one pen as BlueZ keeps them: objects on the bus that stay when the connection ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError, BleakGATTProtocolError
from dbus_fast import Variant

from simulator.radio.backend import BumbleClient

from .tree import Refused, Tree

SERVICE: Final = "org.bluez.GattService1"
CHARACTERISTIC: Final = "org.bluez.GattCharacteristic1"
_SECURITY: Final = (0x05, 0x0F)
# create_gatt_dbus_error() in BlueZ's src/gatt-client.c
_ATT: Final = {
    0x02: ("NotPermitted", "Read not permitted"),
    0x03: ("NotPermitted", "Write not permitted"),
    0x05: ("NotPermitted", "Not paired"),
    0x06: ("NotSupported", "Operation is not supported"),
    0x07: ("InvalidOffset", "Invalid offset"),
    0x08: ("NotAuthorized", "Operation not authorized"),
    0x0C: ("NotPermitted", "Not paired"),
    0x0D: ("InvalidValueLength", "Invalid Length"),
    0x0F: ("NotPermitted", "Not paired"),
}


def att_refusal(error: BleakError) -> Refused:
    """What BlueZ makes of an error of ATT, and of a link that goes away under a request."""
    code = int(error.args[0]) if isinstance(error, BleakGATTProtocolError) else 0x0E
    name, text = _ATT.get(code, ("Failed", f"Operation failed with ATT error: 0x{code:02x}"))
    return Refused(name, text)


class Services:
    """Those of the device at ``path``. ``secure`` bonds with the pen if need be: False when that cannot be."""

    def __init__(self, tree: Tree, path: str, secure: Callable[[], Awaitable[bool]]) -> None:
        self._tree = tree
        self._path = path
        self._secure = secure
        self._client: BumbleClient | None = None
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._characteristics: dict[str, BleakGATTCharacteristic] = {}
        self._subscribers: dict[str, set[str]] = {}
        self._busy: set[tuple[str, str]] = set()

    def begin(self, client: BumbleClient) -> list[str]:
        """A connection whose services are known; gives their UUIDs."""
        assert client.services is not None
        self._client = client
        self._gone = asyncio.get_running_loop().create_future()
        for service in client.services:
            at = f"{self._path}/service{service.handle:04x}"
            known = {
                "UUID": Variant("s", service.uuid),
                "Primary": Variant("b", True),
                "Device": Variant("o", self._path),
            }
            if at not in self._tree.objects:
                self._tree.add(at, SERVICE, {"Handle": Variant("q", service.handle), **known})
            for one in service.characteristics:
                self._characteristic(at, one, client.mtu_size)
        return sorted(service.uuid for service in client.services)

    def end(self) -> None:
        """The connection has ended, and every subscription with it."""
        self._client = None
        if not self._gone.done():
            self._gone.set_result(None)
        for path in [path for path, senders in self._subscribers.items() if senders]:
            self._tree.change(path, CHARACTERISTIC, Notifying=Variant("b", False))
        self._subscribers.clear()

    def _characteristic(self, service: str, one: BleakGATTCharacteristic, mtu: int) -> None:
        declared = one.handle - 1
        path = f"{service}/char{declared:04x}"
        self._characteristics[path] = one
        if path in self._tree.objects:
            return
        properties = {
            "Handle": Variant("q", declared),
            "UUID": Variant("s", one.uuid),
            "Service": Variant("o", service),
            "Value": Variant("ay", b""),
            "Flags": Variant("as", list(one.properties)),
            "MTU": Variant("q", mtu),
        }
        if {"notify", "indicate"} & set(one.properties):
            properties["Notifying"] = Variant("b", False)
        self._tree.add(path, CHARACTERISTIC, properties)

    async def call(self, path: str, member: str, sender: str, body: list[Any]) -> tuple[str, list[Any]]:
        """A method of GattCharacteristic1: signature and body of the reply."""
        client, one = self._client, self._characteristics.get(path)
        if client is None or one is None:
            raise Refused("Failed", "Not connected")
        if member == "ReadValue":
            value = bytes(await self._once(path, "read", lambda: client.read_gatt_char(one)))
            # Whoever is subscribed hears what somebody reads.
            self._tree.change(path, CHARACTERISTIC, Value=Variant("ay", value))
            return "ay", [value]
        if member == "WriteValue":
            data, options = bytes(body[0]), body[1]
            if "type" in options and options["type"].value == "command":
                await self._command(client, one, data)
            else:
                await self._once(path, "write", lambda: client.write_gatt_char(one, data, True))
        elif member == "StartNotify":
            await self._subscribe(client, one, path, sender)
        elif member == "StopNotify":
            await self._unsubscribe(path, sender)
        else:
            raise Refused("NotSupported", f"{member} is not played here")
        return "", []

    async def _command(self, client: BumbleClient, one: BleakGATTCharacteristic, data: bytes) -> None:
        try:
            await client.write_gatt_char(one, data, False)
        except BleakError:
            raise Refused("Failed", "Failed to initiate write") from None

    async def _once(self, path: str, kind: str, request: Any) -> Any:
        """One request of a kind at a time on one characteristic; one that needs security is tried again with it."""
        if (path, kind) in self._busy:
            raise Refused("InProgress", "Operation already in progress")
        self._busy.add((path, kind))
        try:
            try:
                return await request()
            except BleakGATTProtocolError as error:
                if int(error.args[0]) not in _SECURITY:
                    raise
            if not await self._secure():
                # Seen with the real one: without an agent, the request is never answered.
                await self._gone
                raise Refused("Failed", "Not connected")
            return await request()
        except BleakError as error:
            raise att_refusal(error) from None
        finally:
            self._busy.discard((path, kind))

    async def _subscribe(self, client: BumbleClient, one: BleakGATTCharacteristic, path: str, sender: str) -> None:
        senders = self._subscribers.setdefault(path, set())
        if sender in senders:
            raise Refused("InProgress", "Already notifying")
        if not {"notify", "indicate"} & set(one.properties):
            raise Refused("NotSupported", "Operation is not supported")

        def value(data: bytearray) -> None:
            self._tree.change(path, CHARACTERISTIC, Value=Variant("ay", bytes(data)))

        if not senders:
            await self._once(path, "notify", lambda: client.start_notify(one, value))
            self._tree.change(path, CHARACTERISTIC, Notifying=Variant("b", True))
        senders.add(sender)

    async def _unsubscribe(self, path: str, sender: str) -> None:
        senders = self._subscribers.get(path, set())
        if sender not in senders:
            raise Refused("Failed", "No notify session started")
        await self.left(sender, path)

    async def left(self, sender: str, only: str | None = None) -> None:
        """A program has ended its subscriptions, or itself."""
        for path, senders in list(self._subscribers.items()):
            if sender in senders and only in (None, path):
                senders.discard(sender)
                if not senders and self._client is not None:
                    self._tree.change(path, CHARACTERISTIC, Notifying=Variant("b", False))
                    try:
                        await self._client.stop_notify(self._characteristics[path])
                    except BleakError:
                        pass  # the link has ended meanwhile
