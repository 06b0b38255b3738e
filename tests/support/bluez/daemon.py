"""A stand-in for bluetoothd: ``org.bluez`` on a private bus, with the virtual radio behind it.

It is modelled on what BlueZ 5.82 said on its bus while it played :mod:`.stories`: which properties and signals come in
which order, which requests are refused and how, what happens without an agent. The stories hold it to that. Not
modelled: AcquireNotify and AcquireWrite, a second adapter, classic Bluetooth, forgetting devices after 30 s, Battery1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from dbus_fast import Message, MessageType, RequestNameReply, Variant
from dbus_fast.aio import MessageBus

from simulator.radio.backend import BumbleScanner
from simulator.radio.host import VirtualRadio

from .agents import Agents
from .device import DEVICE, Device
from .gatt import CHARACTERISTIC
from .tree import OBJECT_MANAGER, PROPERTIES, Refused, Tree, no_object

ADAPTER: Final = "org.bluez.Adapter1"
MANAGER: Final = "org.bluez.AgentManager1"
_AFTER_S: Final = 0.05
_WATCH: Final = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'"


class Bluetoothd:
    """Make it with :meth:`start`.

    ``grace_s`` is how long it waits before it really disconnects: the real one takes 2 s.
    """

    adapter = "/org/bluez/hci0"

    def __init__(self, bus: MessageBus, radio: VirtualRadio, grace_s: float) -> None:
        self.radio = radio
        self.grace_s = grace_s
        self.tree = Tree(bus)
        self.agents = Agents(bus, radio)
        self._bus = bus
        self._devices: dict[str, Device] = {}
        self._searching: set[str] = set()
        self._scanner = BumbleScanner(None, None, radio=radio)
        self._scanner.register_detection_callback(self._heard)
        self._scanning = False
        self._jobs: set[asyncio.Task[None]] = set()

    @classmethod
    async def start(
        cls, address: str, radio: VirtualRadio, *, adapter: bool = True, grace_s: float = 0.2
    ) -> Bluetoothd:
        """Serve on the bus at ``address``; ``adapter`` False plays a computer without Bluetooth."""
        bus = await MessageBus(bus_address=address).connect()
        one = cls(bus, radio, grace_s)
        bus.add_message_handler(one._message)
        await one._to_bus("AddMatch", "s", _WATCH)
        assert await bus.request_name("org.bluez") is RequestNameReply.PRIMARY_OWNER
        one.tree.add("/org/bluez", MANAGER, {})
        if adapter:
            one.plug_in()
        return one

    def plug_in(self) -> None:
        """The adapter is there, and switched on."""
        properties = {
            "Address": Variant("s", self.radio.device.random_address.to_string(False)),
            "AddressType": Variant("s", "public"),
            "Name": Variant("s", "stand-in"),
            "Alias": Variant("s", "stand-in"),
            "Powered": Variant("b", True),
            "Discovering": Variant("b", False),
            "UUIDs": Variant("as", []),
            "Roles": Variant("as", ["central", "peripheral"]),
        }
        self.tree.add(self.adapter, ADAPTER, properties)

    async def _to_bus(self, member: str, signature: str, *body: Any) -> None:
        name = "org.freedesktop.DBus"
        reply = await self._bus.call(
            Message(
                destination=name,
                path="/org/freedesktop/DBus",
                interface=name,
                member=member,
                signature=signature,
                body=list(body),
            )
        )
        assert reply is not None
        assert reply.message_type is MessageType.METHOD_RETURN

    async def kill(self) -> None:
        """Gone without a word; the kernel lets go of the connections. Safe to call twice."""
        for job in tuple(self._jobs):
            job.cancel()
        self._bus.disconnect()
        await self.radio.close()

    @property
    def powered(self) -> bool:
        """True while the adapter is switched on."""
        return bool(self.tree.objects[self.adapter][ADAPTER]["Powered"].value)

    def later(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do it, but answer first."""
        asyncio.get_running_loop().call_later(_AFTER_S, lambda: self._begin(work()))

    # -- messages

    def _message(self, message: Message) -> bool:
        if message.message_type is MessageType.SIGNAL and message.member == "NameOwnerChanged":
            if not message.body[2]:
                self._begin(self._left(message.body[0]))
            return True
        if message.message_type is not MessageType.METHOD_CALL:
            return False
        self._begin(self._answer(message))
        return True

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    async def _answer(self, message: Message) -> None:
        try:
            signature, body = await self._call(message)
            reply = Message.new_method_return(message, signature, body)
        except Refused as error:
            reply = Message.new_error(message, error.name, error.text)
        except Exception as error:  # whoever asked must not wait for ever because of a mistake in here
            reply = Message.new_error(message, "org.bluez.Error.StandIn", repr(error))
        if self._bus.connected:
            await self._bus.send(reply)

    async def _call(self, message: Message) -> tuple[str, list[Any]]:
        path, interface, member = message.path or "", message.interface, message.member or ""
        sender, body = message.sender or "", message.body
        if interface == OBJECT_MANAGER:
            return "a{oa{sa{sv}}}", [self.tree.objects]
        if interface == PROPERTIES:
            return await self._property(path, member, body)
        self.tree.properties(path, interface or "", member)
        if interface == MANAGER:
            self.agents.call(member, sender, body)
        elif interface == ADAPTER:
            await self._adapter(member, sender, body)
        elif interface == DEVICE:
            await self._devices[path].call(member, sender)
        elif interface == CHARACTERISTIC:
            device = self._devices[path.rsplit("/", 2)[0]]
            return await device.services.call(path, member, sender, body)
        else:
            raise no_object(path, member)
        return "", []

    async def _property(self, path: str, member: str, body: list[Any]) -> tuple[str, list[Any]]:
        properties = self.tree.properties(path, body[0], member)
        if member == "GetAll":
            return "a{sv}", [properties]
        if member == "Get":
            return "v", [properties[body[1]]]
        self.tree.change(path, body[0], **{body[1]: body[2]})
        if (body[0], body[1]) == (ADAPTER, "Powered"):
            await self._switched()
        return "", []

    # -- the adapter

    async def _switched(self) -> None:
        if not self.powered:
            self._searching.clear()
            await self._scan()
            for device in self._devices.values():
                await device.drop()

    async def _adapter(self, member: str, sender: str, body: list[Any]) -> None:
        if member == "SetDiscoveryFilter":
            return
        if member == "RemoveDevice":
            await self._forget(body[0])
        elif not self.powered:
            raise Refused("NotReady", "Resource Not Ready")
        elif member == "StartDiscovery":
            if sender in self._searching:
                raise Refused("InProgress", "Operation already in progress")
            self._searching.add(sender)
            await self._scan()
        elif member == "StopDiscovery":
            if sender not in self._searching:
                raise Refused("Failed", "No discovery started")
            self._searching.discard(sender)
            await self._scan()
        else:
            raise Refused("org.freedesktop.DBus.Error.UnknownMethod", f"{member} is not known")

    async def _scan(self) -> None:
        wanted = bool(self._searching)
        if wanted == self._scanning:
            return
        self._scanning = wanted
        if wanted:
            await self._scanner.start()
        else:
            await self._scanner.stop()
            for path in self._devices:
                self.tree.invalidate(path, DEVICE, "RSSI")
        self.tree.change(self.adapter, ADAPTER, Discovering=Variant("b", wanted))

    def _heard(self, seen: BLEDevice, data: AdvertisementData) -> None:
        path = f"{self.adapter}/dev_{seen.address.replace(':', '_')}"
        if path in self._devices:
            self._devices[path].heard(data)
        else:
            self._devices[path] = Device(self, path, seen, data)

    async def _forget(self, path: str) -> None:
        device = self._devices.pop(path, None)
        if device is None:
            raise Refused("DoesNotExist", "Does Not Exist")
        await device.drop()
        await device.unbond()
        self.tree.remove(path)

    async def _left(self, sender: str) -> None:
        self.agents.left(sender)
        if sender in self._searching:
            self._searching.discard(sender)
            await self._scan()
        for device in self._devices.values():
            await device.services.left(sender)
