"""The pairing agent on a real message bus, asked as bluetoothd asks."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from bleak.exc import BleakDBusError
from support.ble import number

from drivers.ble.agent import CAPABILITY, PATH, PairingAgent

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="BlueZ is Linux"),
    pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="no dbus-daemon: sudo apt install dbus-daemon"),
]
ADDRESS = "F0:50:45:4E:00:01"
OURS, OTHER = "/org/bluez/hci0/dev_F0_50_45_4E_00_01", "/org/bluez/hci0/dev_00_11_22_33_44_55"


@pytest.fixture
def bus_address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A private message bus that passes for the system's."""
    process = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    yield address
    process.terminate()
    process.wait(10)
    process.stdout.close()


class Bluetoothd:
    """As much of bluetoothd as an agent meets: takes its registration, then asks it."""

    def __init__(self, refuse: str = "") -> None:
        self.calls: list[tuple[str, list[Any]]] = []
        self.agent = ""
        self.gone = asyncio.Event()
        self._refuse = refuse

    async def start(self) -> None:
        from dbus_fast import BusType
        from dbus_fast.aio import MessageBus

        self.bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        self.bus.add_message_handler(self._handle)
        await self.bus.request_name("org.bluez")

    def _handle(self, message: Any) -> Any:
        from dbus_fast import Message, MessageType

        if message.message_type is MessageType.METHOD_CALL and message.interface == "org.bluez.AgentManager1":
            if self._refuse:
                return Message.new_error(message, self._refuse, "no")
            self.calls.append((message.member, message.body))
            self.agent = message.sender
            return Message.new_method_return(message)
        return None

    async def ask(self, member: str, signature: str = "", body: tuple[Any, ...] = ()) -> Any:
        from dbus_fast import Message

        call = Message(
            destination=self.agent,
            path=PATH,
            interface="org.bluez.Agent1",
            member=member,
            signature=signature,
            body=list(body),
        )
        async with asyncio.timeout(10):
            return await self.bus.call(call)

    def stop(self) -> None:
        self.bus.disconnect()


async def test_it_registers_answers_for_its_pen_and_refuses_for_all_others(bus_address: str) -> None:
    daemon = Bluetoothd()
    await daemon.start()
    async with PairingAgent(ADDRESS, number(123_456)) as agent:
        assert daemon.calls == [("RegisterAgent", [PATH, CAPABILITY]), ("RequestDefaultAgent", [PATH])]
        answer = await daemon.ask("RequestPasskey", "o", (OURS,))
        assert (answer.error_name, answer.body) == (None, [123_456])
        assert agent.asked
        assert agent.answered
        assert (await daemon.ask("RequestAuthorization", "o", (OURS,))).error_name is None
        assert (await daemon.ask("AuthorizeService", "os", (OURS, "180f"))).error_name is None
        for member, signature, rest in (
            ("RequestPasskey", "o", ()),
            ("RequestAuthorization", "o", ()),
            ("AuthorizeService", "os", ("180f",)),
        ):
            assert (await daemon.ask(member, signature, (OTHER, *rest))).error_name == "org.bluez.Error.Rejected"
        for member, signature, rest in (("RequestConfirmation", "ou", (1,)), ("RequestPinCode", "o", ())):
            assert (await daemon.ask(member, signature, (OURS, *rest))).error_name == "org.bluez.Error.Rejected"
        for member in ("Cancel", "Release"):
            assert (await daemon.ask(member)).error_name is None
    daemon.stop()


async def test_without_a_passkey_it_says_so_and_remembers_that_it_was_asked(bus_address: str) -> None:
    daemon = Bluetoothd()
    await daemon.start()
    async with PairingAgent(ADDRESS) as agent:
        assert (await daemon.ask("RequestPasskey", "o", (OURS,))).error_name == "org.bluez.Error.Rejected"
        assert agent.asked
        assert not agent.answered
    daemon.stop()


async def test_it_is_gone_when_pairing_is_over(bus_address: str) -> None:
    daemon = Bluetoothd()
    await daemon.start()

    async def never() -> int | None:
        await asyncio.Event().wait()
        return None

    async with PairingAgent(ADDRESS, never):
        asking = asyncio.ensure_future(daemon.ask("RequestPasskey", "o", (OURS,)))
        await asyncio.sleep(0.05)
    assert (await asking).error_name is not None
    assert "ServiceUnknown" in (await daemon.ask("RequestPasskey", "o", (OURS,))).error_name
    daemon.stop()


async def test_a_bluetoothd_that_refuses_or_is_not_there(bus_address: str) -> None:
    with pytest.raises(BleakDBusError, match="ServiceUnknown"):
        async with PairingAgent(ADDRESS):
            pass
    daemon = Bluetoothd(refuse="org.bluez.Error.AlreadyExists")
    await daemon.start()
    with pytest.raises(BleakDBusError, match="AlreadyExists"):
        async with PairingAgent(ADDRESS):
            pass
    daemon.stop()


async def test_no_message_bus_is_an_error_and_no_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/there/is/no/bus")
    with pytest.raises(OSError):
        async with PairingAgent(ADDRESS):
            pass
