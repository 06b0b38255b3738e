"""A pen is found, connected, bonded, driven and stopped through bleak's own interface, in real and in virtual time."""

import asyncio

import pytest
from bleak import BleakScanner
from support.air import STOP, on_both_clocks, rig

from drivers.api import PenState, Result
from drivers.penlink.gatt import COMPANY, SERVICE, Advertised
from drivers.penlink.messages import HelloUnit, Opcode, Page, ReadBackMessage, StatusMessage, TelemetryMessage

CLOCKS = pytest.mark.parametrize("clock", ["virtual", "real"])


@CLOCKS
def test_found_connected_bonded_driven_and_stopped(clock: str) -> None:
    async def scenario() -> None:
        async with rig() as r:
            found = await BleakScanner.discover(
                0.5, service_uuids=[SERVICE], return_adv=True, backend=r.host.scanner, **r.host.options
            )
            ((device, data),) = found.values()
            assert (device.address, data.local_name, data.rssi) == (r.on_air.address, "Reference pen REF-0001", -50)
            advertised = Advertised.unpack(data.manufacturer_data[COMPANY])
            assert advertised is not None
            assert advertised.simulated
            assert advertised.model_id == 1

            async with r.hand() as hand:
                unit = await hand.page(Page.UNIT)
                assert isinstance(unit, HelloUnit)
                assert unit.serial == "REF-0001"
                await hand.next(TelemetryMessage)
                assert not r.pen.truth.turning, "nothing moves on connect and subscribe"

                moved: list[bool] = []
                r.pen.on_motion = lambda _, turning: moved.append(turning)
                await hand.client.pair()
                await hand.start()
                assert hand.all(ReadBackMessage)
                await hand.renew()
                await asyncio.sleep(0.5)
                assert moved[0]
                if clock == "virtual":  # in real time a machine that stands still lets the lease run out
                    assert (await hand.status()).state_result & 0xF == PenState.RUNNING
                    assert moved == [True]

                told = asyncio.ensure_future(hand.next(StatusMessage))
                await asyncio.sleep(0)
                await hand.client.write_gatt_char(STOP, b"\xffSTOP!", response=False)
                await r.stopped()
                await r.still()
                while (await told).state_result & 0xF != PenState.STOPPED:
                    told = asyncio.ensure_future(hand.next(StatusMessage))
                assert (await hand.command(Opcode.START, 0)).result != Result.ACCEPTED
            assert not r.pen.truth.turning

    on_both_clocks(scenario, clock)


def test_a_foreign_service_finds_nothing() -> None:
    async def scenario() -> None:
        async with rig() as r:
            foreign = "0000180d-0000-1000-8000-00805f9b34fb"
            found = await BleakScanner.discover(0.5, service_uuids=[foreign], backend=r.host.scanner, **r.host.options)
            assert found == []

    on_both_clocks(scenario, "virtual")
