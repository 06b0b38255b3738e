"""The air by itself: several pens, hosts as a kernel would be one, and what the product may not import."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from bleak import BleakClient, BleakScanner
from bumble import hci
from bumble.device import Peer
from support.air import Hand, Rig, rig

from drivers.penlink.gatt import SERVICE
from drivers.penlink.messages import TelemetryMessage
from simulator.nvm import Nvm
from simulator.pen import SimulatedPen
from simulator.radio.air import SUPERVISION_TIMEOUT
from simulator.radio.options import BadRadioOption, RadioOptions, random_static
from simulator.radio.pen import RadioPen
from simulator.virtual_time import run_virtual

ROOT = Path(__file__).resolve().parents[3]


def virtual(scenario: Callable[[Rig], Awaitable[None]]) -> None:
    async def main() -> None:
        async with rig() as r:
            await scenario(r)

    run_virtual(main())


def test_two_pens_with_one_name_are_told_apart_by_their_addresses_and_used_at_once() -> None:
    async def scenario(r: Rig) -> None:
        pen = SimulatedPen("vary-150", seed=2)
        twin = await RadioPen(r.air, pen, RadioOptions(name=r.on_air.name)).start()
        found = await BleakScanner.discover(1.0, service_uuids=[SERVICE], backend=r.host.scanner, **r.host.options)
        assert {device.address for device in found} == {r.on_air.address, twin.address}
        assert {device.name for device in found} == {r.on_air.name}
        hands = []
        for device in found:
            client = BleakClient(device, backend=r.host.client, **r.host.options)
            await client.connect()
            hands.append(Hand(client))
            await hands[-1].subscribe()
            await hands[-1].page()
        await asyncio.sleep(10.0)
        assert all(len(hand.all(TelemetryMessage)) >= 500 for hand in hands)
        for hand in hands:
            await hand.client.disconnect()
        await twin.close()
        pen.close()

    virtual(scenario)


def test_a_host_with_a_public_address_that_changes_its_random_one_as_linux_does() -> None:
    async def scenario(r: Rig) -> None:
        device = r.air.device("kernel", "C0:00:00:00:00:77", public_address="00:11:22:33:44:55")
        await device.power_on()
        connection = await device.connect(
            hci.Address(r.on_air.address), own_address_type=hci.OwnAddressType.PUBLIC, timeout=None
        )
        for number in range(3):
            await device.send_sync_command(
                hci.HCI_LE_Set_Random_Address_Command(random_address=hci.Address(random_static(str(number))))
            )
            services = await Peer(connection).discover_services()
            assert SERVICE in {service.uuid.to_hex_str("-").lower() for service in services}
        assert not device.supports_le_extended_advertising
        await connection.disconnect()
        await asyncio.sleep(0.1)
        assert r.on_air.connection is None

    virtual(scenario)


def test_another_interval_can_be_asked_for_and_the_answer_is_what_the_air_gives() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            connection = next(iter(r.host.device.connections.values()))
            await connection.update_parameters(50.0, 50.0, 0, 5000.0)
            await asyncio.sleep(0.1)
            for end in (connection, r.on_air.connection):
                assert end is not None
                assert end.parameters.connection_interval == pytest.approx(r.air.interval * 1000)
                assert end.parameters.supervision_timeout == pytest.approx(SUPERVISION_TIMEOUT * 1000)
            await hand.next(TelemetryMessage)

    virtual(scenario)


def test_an_adapter_that_is_reset_has_no_connections_any_more() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            await hand.next(TelemetryMessage)
            await r.host.device.host.send_sync_command(hci.HCI_Reset_Command())
            assert not hand.client.is_connected
            assert r.on_air.connection is not None, "the pen does not know it yet"
            await asyncio.sleep(SUPERVISION_TIMEOUT + 0.01)
            assert r.on_air.connection is None

    virtual(scenario)


def test_bonds_outlast_the_power_in_the_file_of_the_pen(tmp_path: Path) -> None:
    async def main() -> None:
        for bonded in (False, True):
            nvm = Nvm(tmp_path / "nvm")
            assert bool(nvm.bonds) is bonded
            async with rig(nvm=nvm) as r:
                if bonded:
                    r.host.bonds.held.update(kept)
                async with r.hand(auto_pair=False) as hand:
                    if not bonded:
                        await hand.client.pair()
                    await hand.start()
                kept.update(r.host.bonds.held)

    kept: dict[str, dict[str, object]] = {}
    run_virtual(main())


def test_the_same_seed_gives_the_same_losses() -> None:
    def once() -> list[int]:
        heard: list[int] = []

        async def scenario(r: Rig) -> None:
            async with r.hand() as hand:
                r.pen.set_faults(radio__drop_notifications=0.2, radio__loss=0.2)
                await asyncio.sleep(20.0)
                heard.extend(sample.counter for sample in hand.all(TelemetryMessage))

        virtual(scenario)
        return heard

    first = once()
    assert len(first) > 500
    assert once() == first


@pytest.mark.parametrize(
    "wrong",
    [{"address": "F0:11"}, {"address": "30:00:00:00:00:01"}, {"name": ""}, {"passkey": 1_000_000}, {"mtu": 22}],
)
def test_an_option_that_cannot_be_is_told(wrong: dict[str, object]) -> None:
    with pytest.raises(BadRadioOption):
        RadioOptions(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("module", ["devicectl.cli.app", "devicectl.cli.simulate", "devicectl.station.runtime"])
def test_the_product_never_imports_bumble(module: str) -> None:
    probe = f"import sys, {module}, drivers.scan, simulator.serve; sys.exit('bumble' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 0


def test_a_missing_extra_is_named() -> None:
    probe = (
        "import sys, importlib.util as u; find = u.find_spec; "
        "u.find_spec = lambda name, *a: None if name == 'bumble' else find(name, *a); "
        "from devicectl.cli import main; sys.argv = ['devicectl', 'simulate', 'ble']; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "pip install 'devicectl[simulator-ble]'" in done.stderr
    assert "Traceback" not in done.stderr
