"""A pairing agent of our own for BlueZ: without one it refuses even Just Works pairing on a computer without a desktop.

It is registered only while we pair, and answers for that one pen only: an agent that stayed would let bluetoothd pair
anew by itself, and would answer for everybody else's headphones.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from .radio import PasskeySource

if TYPE_CHECKING:
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

PATH: Final = "/org/devicectl/agent"
CAPABILITY: Final = "KeyboardOnly"
"""With it a pen without display and keys pairs by Just Works, and one with a display asks us for its passkey."""
_CALL_S: Final = 5.0


class PairingAgent:
    """``async with PairingAgent(address, passkey):`` answers BlueZ's questions about that one device.

    ``asked`` is True once a passkey was wanted, ``answered`` once one was given. Raises what D-Bus raises on entry.
    """

    def __init__(self, address: str, passkey: PasskeySource | None = None) -> None:
        self.asked = False
        self.answered = False
        self._device = "/dev_" + address.upper().replace(":", "_")
        self._passkey = passkey
        self._bus: MessageBus | None = None
        self._questions: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> PairingAgent:
        from dbus_fast import BusType
        from dbus_fast.aio import MessageBus

        bus = MessageBus(bus_type=BusType.SYSTEM)
        try:
            async with asyncio.timeout(_CALL_S):
                await bus.connect()
                self._bus = bus
                bus.add_message_handler(self._handle)
                await self._manager("RegisterAgent", "os", [PATH, CAPABILITY])
                # bleak pairs over a connection of its own, and BlueZ looks for the agent of that one, then the default.
                await self._manager("RequestDefaultAgent", "o", [PATH])
        except BaseException:
            bus.disconnect()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for question in self._questions:
            question.cancel()
        bus, self._bus = self._bus, None
        if bus is not None:
            # BlueZ forgets an agent whose connection ends, and the one before is the default again.
            bus.disconnect()

    async def _manager(self, member: str, signature: str, body: list[Any]) -> None:
        from bleak.exc import BleakDBusError
        from dbus_fast import Message, MessageType

        assert self._bus is not None
        reply = await self._bus.call(
            Message(
                destination="org.bluez",
                path="/org/bluez",
                interface="org.bluez.AgentManager1",
                member=member,
                signature=signature,
                body=body,
            )
        )
        if reply.message_type is MessageType.ERROR:
            raise BleakDBusError(reply.error_name or "org.freedesktop.DBus.Error.Failed", reply.body)

    def _handle(self, message: Message) -> Message | bool:
        from dbus_fast import Message, MessageType

        if message.message_type is not MessageType.METHOD_CALL or message.interface != "org.bluez.Agent1":
            return False
        member, body = message.member, message.body
        if member in ("Release", "Cancel"):
            for question in self._questions:
                question.cancel()
            return Message.new_method_return(message)
        if not (body and str(body[0]).endswith(self._device)):
            return _refuse(message, "this program answers for its own pen only")
        if member in ("RequestAuthorization", "AuthorizeService", "DisplayPasskey", "DisplayPinCode"):
            return Message.new_method_return(message)
        if member == "RequestPasskey":
            self.asked = True
            task = asyncio.get_running_loop().create_task(self._answer(message))
            self._questions.add(task)
            task.add_done_callback(self._questions.discard)
            return True
        return _refuse(message, "not possible here")

    async def _answer(self, message: Message) -> None:
        from dbus_fast import Message

        number = await self._passkey() if self._passkey is not None else None
        if self._bus is None:
            return
        if number is None:
            await self._bus.send(_refuse(message, "no passkey was given"))
            return
        self.answered = True
        await self._bus.send(Message.new_method_return(message, "u", [number]))


def _refuse(message: Message, why: str) -> Message:
    from dbus_fast import Message

    return Message.new_error(message, "org.bluez.Error.Rejected", why)
