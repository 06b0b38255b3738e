"""What can be wrong with a computer's Bluetooth: a sentence with the next step, no hang, and nothing moves."""

from __future__ import annotations

import asyncio

import pytest
from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus
from support.bluez.bus import PrivateBus
from support.bluez.play import ADAPTER, PLAIN, Play, bluez, failure, play
from support.bluez.stage import StandIn

from drivers.address import parse_address
from drivers.api import Lost, PenError, PenState, Status, Telemetry
from drivers.ble.agent import PairingAgent
from drivers.ble.find import scan
from drivers.ble.forget import forget_bond
from drivers.ble.radio import SystemRadio
from drivers.portlock import lock_port


class NoStage:
    """Where there are no pens."""

    async def do(self, what: str, pen: object, **values: object) -> dict[str, bool]:
        return {"turning": False}

    async def service(self, on: bool) -> None:
        raise AssertionError("there is none")


async def test_no_adapter(stage: StandIn) -> None:
    await stage.service(False)
    await stage.service(True, adapter=False)
    one = Play(stage, PLAIN)
    error = await one.fails(one.pen.connect(), "no-bluetooth")
    assert "plug one in" in str(error)


async def test_an_adapter_that_is_plugged_in_later_is_used(stage: StandIn) -> None:
    await stage.service(False)
    await stage.service(True, adapter=False)
    one = Play(stage, PLAIN)
    one.keeper.start()
    await one.until(lambda: one.failures)
    assert stage.daemon is not None
    stage.daemon.plug_in()
    await one.until(lambda: one.pen.connected)
    await one.close()


async def test_no_bluetoothd(bus: PrivateBus) -> None:
    one = Play(NoStage(), PLAIN)
    error = await one.fails(one.pen.connect(), "no-bluetoothd")
    assert "systemctl start bluetooth" in str(error)


async def test_no_bus(bus: PrivateBus) -> None:
    bus.stop()
    one = Play(NoStage(), PLAIN)
    error = await one.fails(one.pen.connect(), "no-dbus")
    assert "D-Bus" in str(error)


async def test_no_bus_and_never_was_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    one = Play(NoStage(), PLAIN)
    await one.fails(one.pen.connect(), "no-dbus")


async def test_the_bus_dies_while_the_motor_turns(stage: StandIn) -> None:
    """The link is lost at once; the pen's own lease stops it, because no renewal reaches it."""
    async with play(stage, PLAIN) as one:
        await one.ready()
        await one.turn()
        stage.bus.stop()
        await one.until(lambda: one.seen(Lost))
        await one.still()
        await one.fails(one.pen.connect(), "no-dbus")


async def test_a_scan_without_bluetoothd_raises_and_does_not_hang(bus: PrivateBus) -> None:
    async with asyncio.timeout(10):
        assert "ServiceUnknown" in await failure(scan(SystemRadio(), 1.0))


async def test_notifications_of_a_second_program_do_not_disturb(stage: StandIn) -> None:
    """Another program subscribes to the same pen and leaves; ours hears each sample once, in order."""
    async with play(stage, PLAIN) as one:
        await one.ready()
        telemetry = f"{PLAIN.path}/service"
        objects = (await bluez("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"))[0]
        paths = [
            path
            for path, interfaces in objects.items()
            if path.startswith(telemetry)
            and interfaces.get("org.bluez.GattCharacteristic1", {}).get("Notifying")
            and interfaces["org.bluez.GattCharacteristic1"]["Notifying"].value
        ]
        assert len(paths) == 4
        for path in paths:
            await bluez(path, "org.bluez.GattCharacteristic1", "StartNotify")
        heard = len(one.seen(Telemetry))
        await one.until(lambda: len(one.seen(Telemetry)) > heard + 20)
        counters = [sample.counter for sample in one.seen(Telemetry)]
        assert counters == list(range(counters[0], counters[0] + len(counters)))
        assert one.pen.statistics.lost_samples == 0


async def test_a_pen_that_bluez_still_holds_is_taken_over(stage: StandIn) -> None:
    """A pen that BlueZ still holds for a program that has crashed does not advertise, and is taken over."""
    async with play(stage, PLAIN) as one:
        await one.pen.connect()
        other = Play(stage, PLAIN)
        await other.pen.connect()
        await other.until(lambda: other.seen(Telemetry))
        await other.close()


async def test_nothing_turns_when_the_bond_is_removed_in_the_settings(stage: StandIn) -> None:
    """The user forgets the pen while it turns: control and lease end with the connection."""
    async with play(stage, PLAIN) as one:
        await one.ready()
        await one.turn()
        await bluez(ADAPTER, "org.bluez.Adapter1", "RemoveDevice", "o", PLAIN.path)
        await one.until(lambda: one.seen(Lost))
        await one.still()
        assert not one.pen.obeys
        one.keeper.start()
        await one.until(lambda: one.pen.connected or one.failures)
        assert not (await one.truth())["turning"]


async def test_stop_needs_no_bond(stage: StandIn) -> None:
    async with play(stage, PLAIN) as one:
        await one.pen.connect()
        assert one.pen.stop()
        await one.until(lambda: one.seen(Status)[-1].state is PenState.STOPPED)
        assert (await one.truth())["bonds"] == 0


async def test_an_agent_that_is_there_already_is_the_default_again_afterwards(stage: StandIn) -> None:
    """The desktop's own agent: ours takes its place while we pair only."""
    desktop = await MessageBus(bus_type=BusType.SYSTEM).connect()
    desktop.add_message_handler(lambda message: message.message_type is MessageType.METHOD_CALL)
    manager = ("org.bluez", "/org/bluez", "org.bluez.AgentManager1")
    for member, signature, body in (
        ("RegisterAgent", "os", ["/desktop", "KeyboardDisplay"]),
        ("RequestDefaultAgent", "o", ["/desktop"]),
    ):
        await desktop.call(Message(*manager, member, signature=signature, body=body))
    assert stage.daemon is not None
    with stage.daemon.agents.answering("", PLAIN.path) as agent:
        assert agent is not None
        assert agent.path == "/desktop"
    async with PairingAgent(PLAIN.address):
        with stage.daemon.agents.answering("", PLAIN.path) as agent:
            assert agent is not None
            assert agent.path == "/org/devicectl/agent"
    async with asyncio.timeout(5):
        while True:
            with stage.daemon.agents.answering("", PLAIN.path) as agent:
                if agent is not None and agent.path == "/desktop":
                    break
            await asyncio.sleep(0.01)
    desktop.disconnect()


async def test_a_pen_that_another_program_drives_is_not_taken_by_its_other_name(stage: StandIn) -> None:
    """BlueZ shares a connection: HELLO of a second program would end the run, and its end the link of the first."""
    async with play(stage, PLAIN) as one:
        lock = lock_port(parse_address(one.address), "the devicectl station")
        try:
            await one.ready()
            await one.turn()
            other = Play(stage, PLAIN, where=PLAIN.name)
            error = await other.fails(other.pen.connect(), "port-busy")
            assert "the devicectl station" in str(error)
            await other.close()
            with pytest.raises(PenError, match="the devicectl station"):
                await forget_bond(parse_address(other.address))
            assert one.pen.connected
            assert one.seen(Status)[-1].state is PenState.RUNNING
            assert (await one.truth())["turning"]
        finally:
            one.pen.stop()
            lock.release()


async def test_a_bond_with_a_pen_in_use_is_not_forgotten_by_its_other_name(stage: StandIn) -> None:
    async with play(stage, PLAIN) as one:
        lock = lock_port(parse_address(f"ble://{PLAIN.name}"), "the devicectl station")
        try:
            await one.ready()
            with pytest.raises(PenError, match="the devicectl station") as error:
                await forget_bond(parse_address(one.address))
            assert error.value.code == "port-busy"
            assert one.pen.connected
        finally:
            lock.release()
        await forget_bond(parse_address(one.address))
