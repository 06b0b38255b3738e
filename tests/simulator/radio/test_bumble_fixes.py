"""What we work around in Bumble is still wrong there. A failure here is good news: the work-around can go.

Each test shows the defect on Bumble as it comes (its own link, controller, host and client), in virtual time.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import bumble
import pytest
from bumble import hci
from bumble.controller import Controller
from bumble.core import UUID, AdvertisingData
from bumble.device import Advertisement, Connection, Device, DeviceConfiguration, Peer
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.host import Host
from bumble.keys import MemoryKeyStore
from bumble.link import LocalLink
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport.common import AsyncPipeSink
from support import air

from simulator.radio.bumble_fixes import LinkGone, whole
from simulator.radio.options import RadioOptions
from simulator.virtual_time import run_virtual

T = TypeVar("T")
PEN, HOST = "F0:00:00:00:00:01", "C0:00:00:00:00:01"
ONE, TWO, MITM, DEAD, TOLD = (UUID.from_16_bits(number) for number in range(0xAA01, 0xAA06))
P, MAY = Characteristic.Properties, Characteristic.Permissions


class SlowLink(LocalLink):
    """Bumble's link with a moment between two packets, or none at all."""

    def __init__(self) -> None:
        super().__init__()
        self.delay = 0.0
        self.silent = False

    def send_acl_data(self, *arguments: Any) -> None:
        if not self.silent:
            asyncio.get_running_loop().call_later(self.delay, super().send_acl_data, *arguments)

    def send_advertising_pdu(self, *arguments: Any) -> None:
        if not self.silent:
            super().send_advertising_pdu(*arguments)

    def lose(self) -> None:
        for controller in self.controllers:
            for connection in list(controller.le_connections.values()):
                controller.on_le_disconnected(connection, 8)


class Stock:
    """A peripheral and a central of Bumble's own."""

    def __init__(self, link: LocalLink | None = None) -> None:
        self.link = link or SlowLink()
        self.pen_chip, self.pen = self.device("pen", PEN)
        self.host_chip, self.host = self.device("host", HOST)
        self.told: Characteristic[bytes] = Characteristic(TOLD, P.NOTIFY, MAY.READABLE, b"")
        self.pen.add_services(
            [
                Service(
                    UUID.from_16_bits(0xAA00),
                    [
                        Characteristic(ONE, P.READ, MAY.READABLE, b"one"),
                        Characteristic(TWO, P.READ, MAY.READABLE, b"two"),
                        Characteristic(MITM, P.READ, MAY.READABLE | MAY.READ_REQUIRES_AUTHENTICATION, b"secret"),
                        Characteristic(DEAD, P.READ, MAY.READABLE, CharacteristicValue(write=lambda *_: None)),
                        self.told,
                    ],
                )
            ]
        )
        for device in (self.pen, self.host):
            device.keystore = MemoryKeyStore()
            device.pairing_config_factory = lambda _: PairingConfig(mitm=False, delegate=PairingDelegate())

    def device(self, name: str, address: str, controller: Controller | None = None) -> tuple[Controller, Device]:
        chip = controller or Controller(name, link=self.link)
        host = Host(chip, AsyncPipeSink(chip))
        return chip, Device(config=DeviceConfiguration(name=name, address=hci.Address(address)), host=host)

    async def start(self, **advertising: Any) -> "Stock":
        await self.pen.power_on()
        await self.host.power_on()
        await self.pen.start_advertising(
            auto_restart=True, advertising_interval_min=100, advertising_interval_max=100, **advertising
        )
        return self

    async def connect(self, **options: Any) -> tuple[Connection, dict[UUID, Any]]:
        connection = await self.host.connect(hci.Address(PEN), **options)
        peer = Peer(connection)
        await peer.discover_all()
        return connection, {one.uuid: one for service in peer.services for one in service.characteristics}


def stock(scenario: Callable[[Stock], Awaitable[None]], link: LocalLink | None = None, **advertising: Any) -> None:
    async def main() -> None:
        await scenario(await Stock(link).start(**advertising))

    run_virtual(main())


async def ends_within(seconds: float, awaitable: Awaitable[Any]) -> bool:
    job = asyncio.ensure_future(awaitable)
    done, _ = await asyncio.wait({job}, timeout=seconds)
    job.cancel()
    if done and not job.cancelled():
        job.exception()
    return bool(done)


def test_the_version_is_the_one_that_was_looked_at() -> None:
    from importlib.metadata import version

    assert version("bumble") == "0.0.236", f"look at every test of this file again, for {bumble.__file__}"


# -- the client: whole() -----------------------------------------------------------------------------------------------


def test_a_cancelled_request_leaves_its_answer_to_the_next() -> None:
    async def scenario(s: Stock) -> None:
        _, held = await s.connect()
        s.link.delay = 0.05
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(held[ONE].read_value(), 0.03)
        assert await held[TWO].read_value() == b"one"

    stock(scenario)


def test_a_lost_link_cancels_who_waits_for_an_answer() -> None:
    async def scenario(s: Stock) -> None:
        _, held = await s.connect()
        s.link.silent = True
        asyncio.get_running_loop().call_later(0.5, s.link.lose)
        with pytest.raises(asyncio.CancelledError):
            await held[ONE].read_value()

    stock(scenario)


def test_a_lost_link_leaves_who_waits_for_his_turn_waiting() -> None:
    async def scenario(s: Stock) -> None:
        connection, held = await s.connect()
        gone: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        connection.on(connection.EVENT_DISCONNECTION, gone.set_result)
        s.link.silent = True
        first = asyncio.ensure_future(held[ONE].read_value())
        second = asyncio.ensure_future(held[TWO].read_value())
        third = asyncio.ensure_future(whole(held[TWO].read_value(), gone))
        await asyncio.sleep(0.1)
        s.link.lose()
        await asyncio.sleep(20.0)
        assert first.cancelled()
        assert not second.done()
        assert isinstance(third.exception(), LinkGone)
        second.cancel()

    stock(scenario)


def test_a_subscription_discovers_anew_what_was_discovered() -> None:
    async def scenario(s: Stock) -> None:
        _, held = await s.connect()
        assert held[TOLD].descriptors
        assert not held[TOLD].descriptors_discovered

    stock(scenario)


# -- the host ----------------------------------------------------------------------------------------------------------


def test_a_second_attempt_to_connect_is_an_error_instead_of_waiting() -> None:
    async def scenario(s: Stock) -> None:
        await s.pen.stop_advertising()
        first = asyncio.ensure_future(s.host.connect(hci.Address(PEN), timeout=None))
        await asyncio.sleep(0.1)
        with pytest.raises(bumble.core.InvalidStateError):
            await s.host.connect(hci.Address(PEN), timeout=None)
        first.cancel()

    stock(scenario)


def test_any_encryption_counts_as_made_with_a_passkey() -> None:
    async def scenario(s: Stock) -> None:
        connection, held = await s.connect()
        await connection.pair()
        assert not (await s.host.keystore.get(PEN)).ltk.authenticated
        assert await held[MITM].read_value() == b"secret"

    stock(scenario)


def test_a_second_pairing_on_one_connection_is_not_answered() -> None:
    async def scenario(s: Stock) -> None:
        connection, _ = await s.connect()
        await connection.pair()
        assert not await ends_within(40.0, connection.pair())

    stock(scenario)


def test_a_value_without_a_reader_is_not_refused_but_never_answered() -> None:
    async def scenario(s: Stock) -> None:
        _, held = await s.connect()
        assert not await ends_within(20.0, held[DEAD].read_value())

    stock(scenario)


def test_an_exception_while_notifying_everybody_is_lost() -> None:
    async def scenario(s: Stock) -> None:
        _, held = await s.connect()
        await held[TOLD].subscribe(lambda _: None)
        with pytest.raises(TypeError):
            await s.pen.notify_subscriber(next(iter(s.pen.connections.values())), s.told, "no bytes")
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        await s.pen.notify_subscribers(s.told, "no bytes")

    stock(scenario)


def test_notifications_are_queued_without_bound() -> None:
    async def scenario(s: Stock) -> None:
        _, held = await s.connect()
        await held[TOLD].subscribe(lambda _: None)
        connection = next(iter(s.pen.connections.values()))
        queue = s.pen.host.get_data_packet_queue(connection.handle)
        assert queue is not None
        for _ in range(5000):
            await s.pen.notify_subscriber(connection, s.told, b"x")
        assert queue.pending == 5000

    stock(scenario)


# -- the controller: FixedController, QuickController ------------------------------------------------------------------


def test_a_connection_attempt_cannot_be_called_off() -> None:
    async def scenario(s: Stock) -> None:
        s.link.silent = True
        assert not await ends_within(60.0, s.host.connect(hci.Address(PEN), timeout=0.2))
        s.link.silent = False
        await asyncio.sleep(1.0)
        assert s.pen.connections, "a ghost, which nobody has asked for any more"

    stock(scenario)


def test_a_scan_response_is_the_advertisement_again() -> None:
    async def scenario(s: Stock) -> None:
        seen: list[Advertisement] = []
        s.host.on(Device.EVENT_ADVERTISEMENT, seen.append)
        await s.host.start_scanning(active=True, filter_duplicates=False)
        await asyncio.sleep(1.0)
        assert seen
        assert not [one for one in seen if one.data.get(AdvertisingData.COMPLETE_LOCAL_NAME)]
        assert {one.rssi for one in seen} == {-50}

    name = bytes(AdvertisingData([(AdvertisingData.COMPLETE_LOCAL_NAME, b"pen")]))
    stock(scenario, advertising_data=b"\x02\x01\x06", scan_response_data=name)


def test_it_claims_extended_advertising_and_reports_connections_the_old_way() -> None:
    async def scenario(s: Stock) -> None:
        said: list[hci.HCI_Packet] = []
        send = s.host_chip.send_hci_packet
        s.host_chip.send_hci_packet = lambda packet: (said.append(packet), send(packet))[1]
        await s.connect()
        claims = hci.LeFeatureMask.LE_EXTENDED_ADVERTISING | hci.LeFeatureMask.LL_PRIVACY
        assert s.host_chip.le_features & claims == claims
        kinds = [type(one) for one in said]
        assert hci.HCI_LE_Connection_Complete_Event in kinds
        assert hci.HCI_LE_Enhanced_Connection_Complete_Event not in kinds

    stock(scenario)


def test_interval_and_timeout_are_made_up() -> None:
    async def scenario(s: Stock) -> None:
        await s.connect()
        told = next(iter(s.pen.connections.values())).parameters
        asked = next(iter(s.host.connections.values())).parameters
        assert (told.connection_interval, told.supervision_timeout) == (12.5, 100.0)
        assert told.supervision_timeout != asked.supervision_timeout

    stock(scenario)


def test_the_advertising_interval_is_taken_for_milliseconds() -> None:
    async def scenario(_: Stock) -> None:
        class Old(Controller):
            le_features = Controller.le_features & ~hci.LeFeatureMask.LE_EXTENDED_ADVERTISING

        s = Stock(SlowLink())
        s.pen_chip, s.pen = s.device("old", PEN, Old("old", link=s.link))
        times: list[float] = []
        s.link.send_advertising_pdu = lambda *_: times.append(asyncio.get_running_loop().time())
        await s.start()
        await asyncio.sleep(5.0)
        assert {round(b - a, 3) for a, b in itertools.pairwise(times)} == {0.16}

    stock(scenario)


def test_signal_strength_cannot_be_read() -> None:
    async def scenario(s: Stock) -> None:
        connection, _ = await s.connect()
        assert hci.HCI_READ_RSSI_COMMAND in s.host_chip.supported_commands
        request = s.host.send_sync_command(hci.HCI_Read_RSSI_Command(handle=connection.handle))
        assert not hasattr(s.host_chip, "on_hci_read_rssi_command")
        with pytest.raises((hci.HCI_Error, TypeError, AttributeError)):
            await asyncio.wait_for(request, 5.0)

    stock(scenario)


def test_a_reset_resets_nothing() -> None:
    async def scenario(s: Stock) -> None:
        await s.connect()
        await s.host.host.send_sync_command(hci.HCI_Reset_Command())
        await asyncio.sleep(60.0)
        assert s.host_chip.le_connections
        assert s.pen.connections

    stock(scenario)


def test_packets_are_small_and_completed_before_they_arrive() -> None:
    async def scenario(s: Stock) -> None:
        connection, held = await s.connect()
        assert s.host_chip.le_acl_data_packet_length == 27
        s.link.silent = True
        await held[ONE].write_value(b"x", with_response=False)
        await asyncio.sleep(0.1)
        queue = s.host.host.get_data_packet_queue(connection.handle)
        assert queue is not None
        assert queue.pending == 0

    stock(scenario)


def test_two_centrals_can_have_one_peripheral() -> None:
    async def scenario(s: Stock) -> None:
        _, other = s.device("other", "C0:00:00:00:00:02")
        await other.power_on()
        both = await asyncio.gather(*(one.connect(hci.Address(PEN)) for one in (s.host, other)))
        await asyncio.sleep(60.0)
        assert len(both) == 2
        assert (len(s.host.connections), len(other.connections), len(s.pen.connections)) == (1, 1, 1)

    stock(scenario)


def test_every_packet_is_formatted_for_a_log_that_is_off() -> None:
    async def scenario(s: Stock) -> None:
        formatted: list[object] = []

        class Watched(hci.HCI_AclDataPacket):
            def __str__(self) -> str:
                formatted.append(self)
                return ""

        s.host_chip.send_hci_packet(Watched(1, 2, 0, 1, b"x"))
        s.host.host.send_hci_packet(Watched(1, 2, 0, 1, b"x"))
        assert len(formatted) == 2

    stock(scenario)


# -- the link: Air -----------------------------------------------------------------------------------------------------


def test_data_carries_another_address_than_the_connection_was_made_with() -> None:
    async def scenario(_: Stock) -> None:
        s = Stock()
        s.host_chip.public_address = hci.Address("00:11:22:33:44:55", hci.Address.PUBLIC_DEVICE_ADDRESS)
        await s.start()
        connection = await s.host.connect(hci.Address(PEN), own_address_type=hci.OwnAddressType.PUBLIC)
        assert not await ends_within(20.0, Peer(connection).discover_services())

    stock(scenario)


def test_the_link_has_no_air_time() -> None:
    async def scenario(s: Stock) -> None:
        begin = asyncio.get_running_loop().time()
        _, held = await s.connect()
        for _ in range(100):
            await held[ONE].read_value()
        assert asyncio.get_running_loop().time() - begin < 0.2, "what there is, is the wait for an advertisement"

    stock(scenario, LocalLink())


def test_000000_is_taken_for_no_passkey(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.radio.pen.Passkey", int)
    monkeypatch.setattr("simulator.radio.host.Passkey", int)

    async def nought() -> int:
        return 0

    async def scenario() -> None:
        async with air.rig(options=RadioOptions(pairing="passkey", passkey=0)) as rig:
            rig.host.ask_passkey = nought
            async with await rig.client() as client:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(10.0):
                        await client.pair()

    run_virtual(scenario())
