"""Who is on the air, and why each is taken for a pen or not."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from bumble.core import UUID, AdvertisingData
from support.ble import BleRig, ble

from drivers.api import NotAPen, WrongProtocol
from drivers.ble.find import Seen, find, scan
from drivers.penlink.gatt import COMPANY, SERVICE, Advertised
from simulator.radio.air import Air
from simulator.virtual_time import run_virtual

PENLINK = (AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, UUID(SERVICE).to_bytes())


def drive(scenario: Callable[[BleRig], Awaitable[Any]]) -> None:
    async def main() -> None:
        async with ble() as rig:
            await scenario(rig)

    run_virtual(main())


async def advertise(air: Air, address: str, name: str, *parts: tuple[int, bytes]) -> None:
    """Something else on the air."""
    device = air.device(name, address)
    await device.power_on()
    await device.start_advertising(
        advertising_data=bytes(AdvertisingData([(AdvertisingData.FLAGS, b"\x06"), *parts])),
        scan_response_data=bytes(AdvertisingData([(AdvertisingData.COMPLETE_LOCAL_NAME, name.encode())])),
    )


def maker(protocol: int, company: int = COMPANY) -> tuple[int, bytes]:
    return AdvertisingData.MANUFACTURER_SPECIFIC_DATA, struct.pack("<H", company) + Advertised(protocol, 7, 0).pack()


STRANGERS = {
    "F0:00:00:00:00:01": ("earphones", (), False, "the Penlink service is not among them"),
    "F0:00:00:00:00:02": ("REF-PEN", (maker(1),), False, "the Penlink service is not among them"),
    "F0:00:00:00:00:03": ("no model", (PENLINK,), False, "no model id"),
    "F0:00:00:00:00:04": ("others", (PENLINK, maker(1, 0x004C)), False, "no model id"),
    "F0:00:00:00:00:05": ("next year", (PENLINK, maker(2)), False, "version 2 of Penlink"),
    "F0:00:00:00:00:06": ("a pen", (PENLINK, maker(1)), True, "model 0x0007"),
}


def test_complaint_22_everyone_on_the_air_has_a_verdict_with_its_reason() -> None:
    async def scenario(rig: BleRig) -> None:
        rig.pen.set_faults(**{"radio.rssi": -70})
        for address, (name, parts, _, _) in STRANGERS.items():
            await advertise(rig.air, address, name, *parts)
        seen = {one.address: one for one in await scan(rig.host, 1.0)}
        assert set(seen) == {*STRANGERS, rig.on_air.address}
        for address, (name, _, matched, why) in STRANGERS.items():
            one = seen[address]
            assert (one.name, one.matched) == (name, matched)
            assert why in one.why
        ours = seen[rig.on_air.address]
        assert ours.matched
        assert ours.rssi == -70
        assert ours.advertised is not None
        assert ours.advertised.simulated
        assert ours.advertised.model_id == 1
        ordered: list[Seen] = list(seen.values())
        assert [one.matched for one in ordered] == [True, True, False, False, False, False, False]
        assert ordered[0].rssi > ordered[1].rssi, "the strongest pen comes first"

    drive(scenario)


@pytest.mark.parametrize(
    ("where", "kind"),
    [
        ("F0:00:00:00:00:02", NotAPen),
        ("f0:00:00:00:00:05", WrongProtocol),
        ("REF-PEN", NotAPen),
        ("next year", WrongProtocol),
    ],
)
def test_a_name_or_address_alone_makes_no_pen(where: str, kind: type[Exception]) -> None:
    async def scenario(rig: BleRig) -> None:
        for address, (name, parts, _, _) in STRANGERS.items():
            await advertise(rig.air, address, name, *parts)
        with pytest.raises(kind, match="is no pen for this program"):
            await find(rig.host, where, f"ble://{where}")

    drive(scenario)


def test_a_pen_that_comes_late_is_found() -> None:
    async def scenario(rig: BleRig) -> None:
        rig.pen.set_faults(**{"radio.out_of_range": True})
        rig.loop.call_later(3.0, rig.pen.clear_faults)
        device = await find(rig.host, rig.on_air.address.lower(), rig.address)
        assert device.address == rig.on_air.address

    drive(scenario)


def test_scanning_disturbs_no_link() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        for _ in range(3):
            await scan(rig.host, 2.0)
        assert rig.host_pen.connected
        assert rig.host_pen.statistics.lost_samples == 0

    drive(scenario)


@pytest.mark.parametrize("after", [0.0, 0.001, 0.05, 0.5])
def test_a_scan_that_is_called_off_ends(after: float) -> None:
    async def scenario(rig: BleRig) -> None:
        task = asyncio.ensure_future(scan(rig.host, 2.0))
        await asyncio.sleep(after)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert any(one.matched for one in await scan(rig.host, 1.0))
        assert rig.host._scans == 0

    drive(scenario)


def test_many_listen_to_one_scan() -> None:
    """BlueZ takes one scan of each program, and whoever ends it ends it for all."""

    async def scenario(rig: BleRig) -> None:
        most = 0

        async def look() -> None:
            nonlocal most
            while True:
                most = max(most, rig.host._scans)
                await asyncio.sleep(0.01)

        looking = asyncio.ensure_future(look())
        short, absent = asyncio.ensure_future(scan(rig.host, 0.5)), asyncio.ensure_future(scan(rig.host, 3.0))
        await asyncio.sleep(0.1)
        late = await scan(rig.host, 1.0)
        for seen in (await short, late, await absent):
            assert [one.address for one in seen if one.matched] == [rig.on_air.address]
        assert (most, rig.host._scans) == (1, 0)
        looking.cancel()

    drive(scenario)


def test_a_scan_that_cannot_begin_is_told_to_everybody_and_tried_anew() -> None:
    async def scenario(rig: BleRig) -> None:
        rig.host.lose("it was pulled out")
        told = await asyncio.gather(*(scan(rig.host, 1.0) for _ in range(3)), return_exceptions=True)
        assert [str(one) for one in told] == ["no radio: it was pulled out"] * 3

    drive(scenario)
