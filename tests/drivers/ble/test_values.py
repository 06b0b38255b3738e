"""What is really on the air: values and handles of every golden vector, in both directions, and the service's access."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from bleak.exc import BleakGATTProtocolError
from support.ble import BleRig, ble

from drivers.ble.errors import untrusted
from drivers.penlink.frame import STOP
from drivers.penlink.gatt import ACCESS, SERVICE, Characteristic
from simulator.virtual_time import run_virtual

VECTORS = Path(__file__).parents[2] / "vectors" / "penlink-v1.json"
FILE: dict[str, Any] = json.loads(VECTORS.read_text(encoding="utf-8"))
REQUEST, COMMAND = 0x12, 0x52


def drive(scenario: Callable[[BleRig], Awaitable[Any]]) -> None:
    async def main() -> None:
        async with ble(interval=0.0075) as rig:
            await scenario(rig)

    run_virtual(main())


def to_pen(rig: BleRig) -> list[tuple[int, int, bytes]]:
    """From now on: ATT opcode, handle and value of what the host writes. Nothing of it reaches the pen."""
    written: list[tuple[int, int, bytes]] = []

    def look(sender: str, pdu: bytes) -> bool:
        if sender.startswith("host") and pdu[2:4] == b"\x04\x00" and pdu[4] in (REQUEST, COMMAND):
            written.append((pdu[4], int.from_bytes(pdu[5:7], "little"), bytes(pdu[7:])))
            return pdu[4] == COMMAND
        return False

    rig.air.drop = look
    return written


def test_what_the_host_sends_is_the_golden_value_on_its_characteristic() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        await asyncio.sleep(0.5)
        link = rig.links[0]
        written = to_pen(rig)
        for vector in FILE["messages"]:
            if not vector["to_pen"]:
                continue
            del written[:]
            link.write(bytes.fromhex(vector["serial"]))
            await rig.until(lambda: written)
            await asyncio.sleep(0.2)
            char = link._there().services.get_characteristic(vector["characteristic"])
            assert char is not None
            opcode = COMMAND if vector["name"] == "LEASE" else REQUEST
            assert written == [(opcode, char.handle, bytes.fromhex(vector["inner"]))]

    drive(scenario)


def test_stop_is_the_golden_value_without_response() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        await asyncio.sleep(0.5)
        written = to_pen(rig)
        rig.host_pen.stop()
        await rig.until(lambda: written)
        char = rig.links[0]._there().services.get_characteristic(FILE["ble_stop"]["characteristic"])
        assert char is not None
        assert written == [(COMMAND, char.handle, bytes.fromhex(FILE["ble_stop"]["value"]))]
        assert bytes.fromhex(FILE["ble_stop"]["value"]) == STOP

    drive(scenario)


def test_what_the_pen_sends_arrives_as_the_serial_frame_of_the_vector() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        link, heard = rig.links[0], list[bytes]()
        rig.pen.set_faults(**{"from_pen.silence": True})
        await asyncio.sleep(0.1)
        link._on_data = heard.append
        for vector in FILE["messages"]:
            if vector["to_pen"] or vector["name"].startswith("HELLO"):
                continue
            del heard[:]
            rig.on_air._transmit(bytes.fromhex(vector["serial"]))
            await asyncio.sleep(0.05)
            assert heard == [bytes.fromhex(vector["serial"])]

    drive(scenario)


def test_the_pen_offers_what_the_page_says() -> None:
    async def scenario(rig: BleRig) -> None:
        async with await rig.client() as client:
            service = client.services.get_service(SERVICE)
            assert service is not None
            offered = {char.uuid: set(char.properties) for char in service.characteristics}
            assert offered == {kind.value: set(access.properties) for kind, access in ACCESS.items()}

    drive(scenario)


def test_only_what_commands_needs_trust() -> None:
    async def scenario(rig: BleRig) -> None:
        async with await rig.client(auto_pair=False) as client:
            for kind in (Characteristic.FEATURES, Characteristic.CONTROL_POINT, Characteristic.STOP):
                try:
                    await client.write_gatt_char(kind.value, b"\x00", response=True)
                except BleakGATTProtocolError as error:
                    refused = untrusted(error)
                else:
                    refused = False
                assert refused is ACCESS[kind].trusted, kind
            for kind in (Characteristic.STATUS, Characteristic.FEATURES):
                await client.read_gatt_char(kind.value)

    drive(scenario)


@pytest.mark.parametrize(
    "vector", [v for v in FILE["messages"] if v["seq"] not in (0, 0xFFFF)], ids=lambda v: v["name"]
)
def test_every_value_fits_its_bearer(vector: dict[str, Any]) -> None:
    assert len(bytes.fromhex(vector["inner"])) <= (63 if vector["name"].startswith("HELLO page") else 20)
