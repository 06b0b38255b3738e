"""What the backend does where bleak's own backends would: errors by bleak's names, and no call that hangs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from bleak import BleakClient
from bleak.exc import BleakError
from support.air import FEATURES, STOP, Rig, rig

from drivers.penlink.gatt import BATTERY_LEVEL, Characteristic
from simulator.radio.host import VirtualRadio
from simulator.virtual_time import run_virtual


def virtual(scenario: Callable[[Rig], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        async with rig(**options) as r:
            await scenario(r)

    run_virtual(main())


@pytest.mark.parametrize("known", ["device", "address"])
def test_a_client_goes_through_its_life(known: str) -> None:
    async def scenario(r: Rig) -> None:
        gone: list[BleakClient] = []
        if known == "device":
            client = await r.client(disconnected_callback=gone.append)
        else:
            client = BleakClient(r.on_air.address.lower(), gone.append, backend=r.host.client, **r.host.options)
        assert not client.is_connected
        await client.connect()
        assert (client.name, client.mtu_size) == (r.on_air.name, 247)
        with pytest.raises(BleakError, match="already connected"):
            await client.connect()
        await client.disconnect()
        assert gone == [client]
        for late in (
            lambda: client.read_gatt_char(BATTERY_LEVEL),
            lambda: client.write_gatt_char(STOP, b"!", response=False),
            client.pair,
        ):
            with pytest.raises(BleakError):
                await late()
        await client.disconnect()
        await client.connect()
        assert client.is_connected
        assert gone == [client]

    virtual(scenario)


def test_pairing_can_be_asked_for_with_the_connection() -> None:
    async def scenario(r: Rig) -> None:
        async with await r.client(pair=True) as client:
            assert r.on_air.connection is not None
            assert r.on_air.connection.is_encrypted
            await client.pair()  # once more is no error

    virtual(scenario)


def test_a_failing_callback_is_told_to_the_loop_and_the_next_one_is_called() -> None:
    async def scenario(r: Rig) -> None:
        told: list[dict[str, Any]] = []
        called: list[bytearray] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

        def fail(_: Any, data: bytearray) -> None:
            called.append(data)
            raise RuntimeError("mine")

        async with r.hand() as hand:
            await hand.client.stop_notify(Characteristic.TELEMETRY.value)
            await hand.client.start_notify(Characteristic.TELEMETRY.value, fail)
            await asyncio.sleep(1.0)
        assert len(called) > 40
        assert len(told) == len(called)
        assert isinstance(told[0]["exception"], RuntimeError)

    virtual(scenario)


def test_many_writes_without_response_are_held_back_and_all_arrive() -> None:
    async def scenario(r: Rig) -> None:
        stops: list[float] = []
        stop = r.pen.firmware.stop
        loop = asyncio.get_running_loop()
        r.pen.firmware.stop = lambda: (stops.append(loop.time()), stop())[1]  # type: ignore[method-assign]
        async with await r.client() as client:
            begin = loop.time()
            for _ in range(500):
                await client.write_gatt_char(STOP, b"!", response=False)
            assert loop.time() - begin > 0.3, "six packets in each interval of 7.5 ms, and no more than that"
            await asyncio.sleep(1.0)
        assert len(stops) == 500

    virtual(scenario)


def test_a_descriptor_tells_the_subscription() -> None:
    async def scenario(r: Rig) -> None:
        async with await r.client() as client:
            status = client.services.get_characteristic(Characteristic.STATUS.value)
            assert status is not None
            (cccd,) = status.descriptors
            assert bytes(await client.read_gatt_descriptor(cccd)) == b"\x00\x00"
            await client.start_notify(status, lambda *_: None)
            assert bytes(await client.read_gatt_descriptor(cccd)) == b"\x01\x00"

    virtual(scenario)


def test_a_radio_that_was_closed_is_told_and_ends_what_was_on_it() -> None:
    async def scenario(r: Rig) -> None:
        client = await r.client()
        await client.connect()
        waiting = asyncio.ensure_future(client.read_gatt_char(FEATURES))
        await asyncio.sleep(0)
        await r.host.close()
        with pytest.raises(BleakError):
            await waiting
        assert not client.is_connected
        with pytest.raises(BleakError, match="no radio: the radio was closed"):
            await client.connect()
        with pytest.raises(BleakError, match="no radio"):
            await r.find()
        await r.host.close()
        await asyncio.sleep(1.0)
        assert r.on_air.connection is None
        second = Rig(r.air, r.pen, r.on_air, await VirtualRadio.on(r.air))
        assert await second.find() is not None
        await second.host.close()

    virtual(scenario)


def test_a_radio_that_goes_while_connecting_ends_the_attempt() -> None:
    async def scenario(r: Rig) -> None:
        client = await r.client()
        r.pen.set_faults(radio__out_of_range=True)
        attempt = asyncio.ensure_future(client.connect())
        await asyncio.sleep(0.5)
        r.host.lose("pulled out")
        with pytest.raises(BleakError, match="no radio: pulled out"):
            await asyncio.wait_for(attempt, 1.0)

    virtual(scenario)
