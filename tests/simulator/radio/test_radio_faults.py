"""What the air, bonds and other hosts do to a connection; all in virtual time, so that times are exact."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from bleak import BleakClient
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bumble import hci
from bumble.pairing import PairingConfig, PairingDelegate
from support.air import CONTROL, FEATURES, STOP, Hand, Rig, rig

from drivers.api import PenState, Result
from drivers.penlink.frame import encode_inner
from drivers.penlink.gatt import BATTERY_LEVEL, Characteristic
from drivers.penlink.messages import PROTOCOL, Cmd, HelloRequest, Opcode, Page, StatusMessage, TelemetryMessage
from simulator.radio.air import DEAF_DBM, SUPERVISION_TIMEOUT
from simulator.radio.host import VirtualRadio
from simulator.radio.options import RadioOptions
from simulator.virtual_time import run_virtual

INTERVAL = 0.0075
LEASE_S = 1.0
PASSKEY = RadioOptions(pairing="passkey", passkey=4711)


def virtual(scenario: Callable[[Rig], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        async with rig(**options) as r:
            await scenario(r)

    run_virtual(main())


def now() -> float:
    return asyncio.get_running_loop().time()


def gaps(samples: list[TelemetryMessage]) -> int:
    """Samples that are missing between those that came; fails when order is lost."""
    steps = [(b.counter - a.counter) & 0xFFFF for a, b in itertools.pairwise(samples)]
    assert all(0 < step < 0x8000 for step in steps)
    return sum(step - 1 for step in steps)


async def lost(client: BleakClient, timeout: float = 10.0) -> float:
    """Wait until the client knows that the connection is gone; gives the loop time."""
    async with asyncio.timeout(timeout):
        while client.is_connected:
            await asyncio.sleep(0.001)
    return now()


# -- range -------------------------------------------------------------------------------------------------------------


def test_out_of_range_the_link_ends_at_the_supervision_timeout_and_the_pen_stops_by_itself() -> None:
    async def scenario(r: Rig) -> None:
        fired: list[float] = []
        async with r.hand(disconnected_callback=lambda _: fired.append(now())) as hand:
            await hand.client.pair()
            await hand.start()
            begin = now()
            r.pen.set_faults(radio__out_of_range=True)
            with pytest.raises(BleakError, match="disconnected"):
                await hand.client.read_gatt_char(BATTERY_LEVEL)
            assert now() - begin == pytest.approx(SUPERVISION_TIMEOUT, abs=0.001)
            assert fired == [now()]
            assert not hand.client.is_connected
            assert await r.still() - begin < LEASE_S + 0.5
            assert r.pen.truth.state is PenState.LEASE_EXPIRED
        assert await r.find(1.0) is None
        r.pen.clear_faults()
        async with r.hand() as hand:
            await hand.next(TelemetryMessage)
            assert not r.pen.truth.turning, "nothing moves because the pen is back"

    virtual(scenario)


def test_a_short_silence_only_delays() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            await hand.next(TelemetryMessage)
            seen = len(hand.all(TelemetryMessage))
            r.pen.set_faults(radio__out_of_range=True)
            await asyncio.sleep(0.2)
            assert len(hand.all(TelemetryMessage)) == seen
            r.pen.clear_faults()
            await asyncio.sleep(1.0)
            assert hand.client.is_connected
            assert gaps(hand.all(TelemetryMessage)) == 0
            assert r.on_air.lost == 0

    virtual(scenario)


def test_what_finds_no_room_in_the_pen_is_lost_and_shows_as_a_gap() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            await hand.next(TelemetryMessage)
            r.pen.set_faults(radio__out_of_range=True)
            await asyncio.sleep(0.6)
            r.pen.clear_faults()
            await asyncio.sleep(1.0)
            assert 10 < r.on_air.lost < 30
            assert 10 < gaps(hand.all(TelemetryMessage)) <= r.on_air.lost

    virtual(scenario)


def test_a_signal_that_fades_is_seen_to_fade_and_ends_in_the_loss_of_the_link() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            begin = now()
            r.pen.set_faults(radio__rssi=-60, radio__fading=10)
            await asyncio.sleep(1.0)
            connection = next(iter(r.host.device.connections.values()))
            told = await r.host.device.send_sync_command(hci.HCI_Read_RSSI_Command(handle=connection.handle))
            assert told.rssi == pytest.approx(-70, abs=1)
            end = await lost(hand.client)
            deaf = begin + (-60 - DEAF_DBM) / 10
            assert end == pytest.approx(deaf + SUPERVISION_TIMEOUT, abs=0.01)
            assert gaps(hand.all(TelemetryMessage)) == 0, "what is heard badly is sent again"

    virtual(scenario)


def test_rssi_is_that_of_the_scan_and_a_weak_pen_is_heard_less_often() -> None:
    async def scenario(r: Rig) -> None:
        heard: list[int] = []
        scanner = r.host.scanner(lambda _, data: heard.append(data.rssi), None, radio=r.host)
        scanner.register_detection_callback(lambda _, data: heard.append(data.rssi))
        counts = []
        for rssi in (-40, -88, -94, -96):
            r.pen.set_faults(radio__rssi=rssi)
            heard.clear()
            await scanner.start()
            await asyncio.sleep(10.0)
            await scanner.stop()
            assert set(heard) <= {rssi}
            counts.append(len(heard))
        assert counts[0] > counts[1] > counts[2] > counts[3] == 0

    virtual(scenario)


def test_packets_sent_again_cost_time_but_nothing_else() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            r.pen.set_faults(radio__loss=0.5)
            await asyncio.sleep(20.0)
            assert gaps(hand.all(TelemetryMessage)) == 0
            assert hand.client.is_connected

    virtual(scenario)


# -- the connection ----------------------------------------------------------------------------------------------------


def test_a_link_that_is_cut_ends_at_once_and_can_be_made_again() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            await hand.client.pair()
            await hand.start()
            r.pen.set_faults(radio__cut=True)
            await lost(hand.client, 0.1)
            await r.still()
            assert r.pen.truth.state is PenState.LEASE_EXPIRED
            await hand.client.connect()
            assert hand.client.is_connected
            await asyncio.sleep(1.0)
            assert not r.pen.truth.turning

    virtual(scenario)


def test_a_pen_that_is_switched_off_is_missed_after_the_timeout() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            begin = now()
            await r.on_air.close()
            assert await lost(hand.client) - begin == pytest.approx(SUPERVISION_TIMEOUT, abs=0.002)
            begin = now()
            with pytest.raises(BleakDeviceNotFoundError):
                await BleakClient(r.on_air.address, backend=r.host.client, timeout=2.0, **r.host.options).connect()
            assert now() - begin <= 2.1

    virtual(scenario)


def test_a_reboot_ends_the_connection_and_is_seen_at_the_next_one() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            assert hand.session is not None
            boot = hand.session.boot_id
            await hand.client.pair()
            await hand.start()
            r.pen.reboot()
            await lost(hand.client, 1.0)
            assert not r.pen.truth.driven
        async with r.hand() as hand:
            assert hand.session is not None
            assert hand.session.boot_id != boot
            await hand.renew()

    virtual(scenario)


def test_a_connect_that_is_called_off_leaves_nothing_behind() -> None:
    async def scenario(r: Rig) -> None:
        device = await r.find()
        assert device is not None
        client = BleakClient(device, backend=r.host.client, **r.host.options)
        r.pen.set_faults(radio__out_of_range=True)
        attempt = asyncio.ensure_future(client.connect())
        await asyncio.sleep(0.5)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        begin = now()
        with pytest.raises(TimeoutError):
            await BleakClient(device, backend=r.host.client, timeout=1.0, **r.host.options).connect()
        assert now() - begin < 1.1
        r.pen.clear_faults()
        await asyncio.sleep(2.0)
        assert r.on_air.connection is None, "no ghost"
        await client.connect()

    virtual(scenario)


def test_two_hosts_that_grasp_at_one_pen_do_not_both_have_it() -> None:
    async def scenario(r: Rig) -> None:
        other = await VirtualRadio.on(r.air)
        device = await r.find()
        assert device is not None
        clients = [BleakClient(device, backend=radio.client, timeout=5.0, **radio.options) for radio in (r.host, other)]
        done = await asyncio.gather(*(client.connect() for client in clients), return_exceptions=True)
        assert sorted(client.is_connected for client in clients) == [False, True]
        assert [type(one) for one in done if one is not None] == [BleakError]
        await other.close()

    virtual(scenario)


def test_a_pen_that_another_host_holds_is_not_on_the_air() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            r.pen.set_faults(radio__grabbed=True)
            await lost(hand.client)
        assert await r.find(2.0) is None
        r.pen.clear_faults()
        async with r.hand() as hand:
            await hand.next(TelemetryMessage)

    virtual(scenario)


@pytest.mark.parametrize("interval", [0.0075, 0.015, 0.03, 0.06])
def test_stop_takes_one_interval_and_a_question_two(interval: float) -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            await hand.client.pair()
            await hand.start()
            for _ in range(20):
                await asyncio.sleep(0.0133)
                begin = now()
                await hand.client.read_gatt_char(BATTERY_LEVEL)
                assert interval < now() - begin <= 2 * interval + 0.001
            begin = now()
            await hand.client.write_gatt_char(STOP, b"!", response=False)
            while r.pen.truth.driven:
                await asyncio.sleep(0.0005)
            assert now() - begin <= interval + 0.001
            connection = next(iter(r.host.device.connections.values()))
            assert connection.parameters.connection_interval == pytest.approx(interval * 1000)
            assert connection.parameters.supervision_timeout == pytest.approx(SUPERVISION_TIMEOUT * 1000)

    virtual(scenario, interval=interval)


def test_delay_is_as_set_in_both_directions() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            r.pen.set_faults(radio__delay=0.3)
            begin = now()
            await hand.client.read_gatt_char(BATTERY_LEVEL)
            assert 0.6 <= now() - begin <= 0.6 + 2 * INTERVAL + 0.001

    virtual(scenario)


def test_an_answer_that_nobody_waited_for_does_not_become_the_next_one() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            r.pen.set_faults(radio__delay=0.1)
            for _ in range(5):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(hand.client.read_gatt_char("2a25"), 0.05)
                assert bytes(await hand.client.read_gatt_char("2a26")) == b"1.0.0"

    virtual(scenario)


# -- what is lost on the way -------------------------------------------------------------------------------------------


def test_dropped_notifications_are_as_many_gaps() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            await hand.next(TelemetryMessage)
            r.pen.set_faults(radio__drop_notifications=0.1)
            await asyncio.sleep(60.0)
            dropped = r.on_air.lost
            r.pen.clear_faults()
            await asyncio.sleep(1.0)
            assert 200 < gaps(hand.all(TelemetryMessage)) <= dropped

    virtual(scenario)


def test_lost_write_commands_end_the_lease_and_stop_gets_through_as_a_request() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            await hand.client.pair()
            await hand.start()
            r.pen.set_faults(radio__drop_commands=1.0)
            await hand.client.write_gatt_char(STOP, b"!", response=False)
            await asyncio.sleep(0.2)
            assert r.pen.truth.state is PenState.RUNNING, "nobody tells us that it was lost"
            for _ in range(8):
                await hand.renew()
                await asyncio.sleep(0.25)
            assert r.pen.truth.state is PenState.LEASE_EXPIRED
            await hand.client.write_gatt_char(STOP, b"!", response=True)
            assert r.pen.truth.state is PenState.STOPPED

    virtual(scenario)


def test_faults_of_the_wire_hold_over_the_air_too() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            r.pen.set_faults(from_pen__split=1.0, from_pen__jitter=0.05)
            await asyncio.sleep(2.0)
            assert gaps(hand.all(TelemetryMessage)) == 0
            r.pen.set_faults(to_pen__silence=True)
            await hand.client.write_gatt_char(STOP, b"!", response=True)
            assert r.pen.truth.state is PenState.IDLE
            r.pen.set_faults(from_pen__drop=0.2, to_pen__silence=False, to_pen__drop=1.0)
            await asyncio.sleep(10.0)
            assert 50 < gaps(hand.all(TelemetryMessage)) < 150
            last = bytes(await hand.client.read_gatt_char(FEATURES))
            await hand.send(Characteristic.FEATURES, HelloRequest(Page.UNIT, 99, PROTOCOL))
            assert bytes(await hand.client.read_gatt_char(FEATURES)) == last, "the question was lost"

    virtual(scenario)


def test_packets_can_be_lost_by_their_kind() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            r.air.drop = lambda sender, pdu: sender == "pen REF-0001" and pdu[4] == 0x1B
            seen = len(hand.all(TelemetryMessage))
            await asyncio.sleep(5.0)
            assert len(hand.all(TelemetryMessage)) == seen
            await hand.client.read_gatt_char(BATTERY_LEVEL)
            r.air.drop = None
            await hand.next(TelemetryMessage)

    virtual(scenario)


@pytest.mark.slow
def test_thirty_minutes_of_telemetry_at_15_ms_without_a_gap() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            await hand.next(TelemetryMessage)
            await asyncio.sleep(1800.0)
            samples = hand.all(TelemetryMessage)
            assert len(samples) >= 1800 * 50
            assert gaps(samples) == 0
            assert r.on_air.lost == 0

    virtual(scenario, interval=0.015)


# -- a small MTU -------------------------------------------------------------------------------------------------------


def test_everything_works_at_the_smallest_mtu() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            assert hand.client.mtu_size == 23
            control = hand.client.services.get_characteristic(CONTROL)
            assert control is not None
            assert control.max_write_without_response_size == 20
            for page in Page:
                assert (await hand.page(page)).page == page
            await hand.client.pair()
            await hand.start()
            await hand.renew()
            await asyncio.sleep(0.5)
            assert r.pen.truth.turning
            with pytest.raises(BleakError, match="21 bytes do not fit"):
                await hand.client.write_gatt_char(STOP, bytes(21), response=False)

    virtual(scenario, options=RadioOptions(mtu=23))


# -- pairing and bonds -------------------------------------------------------------------------------------------------


async def refused(hand: Hand, match: str) -> None:
    with pytest.raises(BleakError, match=match):
        await hand.client.pair()
    with pytest.raises(BleakError):
        await hand.command(Opcode.SET_DEPTH, 1000)
    assert 0 < (await hand.client.read_gatt_char(BATTERY_LEVEL))[0] <= 100, "reading needs no bond"
    assert (await hand.status()).state_result & 0xF == PenState.IDLE
    await hand.client.write_gatt_char(STOP, b"!", response=False)
    await hand.next(TelemetryMessage)
    assert (await hand.status()).state_result & 0xF == PenState.STOPPED, "stopping needs no bond"


def test_without_a_bond_a_command_is_refused_and_a_lease_is_not_heard() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand(auto_pair=False) as hand:
            with pytest.raises(BleakGATTProtocolError) as error:
                await hand.command(Opcode.SET_DEPTH, 1000)
            assert error.value.args[0] in (0x05, 0x0F)
            await hand.renew()
            await hand.next(TelemetryMessage)
            assert (await hand.status()).last_cmd_id == 0

    virtual(scenario)


@pytest.mark.parametrize("how", ["option", "fault"])
def test_a_pen_that_refuses_to_pair(how: str) -> None:
    async def scenario(r: Rig) -> None:
        if how == "fault":
            r.pen.set_faults(radio__refuse_pairing=True)
        async with r.hand() as hand:
            await refused(hand, "pairing failed: PAIRING_NOT_SUPPORTED")

    virtual(scenario, options=RadioOptions(pairing="refuse" if how == "option" else "just-works"))


def test_a_pen_that_is_bonded_elsewhere_still_knows_its_own_host() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            await hand.client.pair()
        r.pen.set_faults(radio__bonded_elsewhere=True)
        async with r.hand() as hand:
            assert (await hand.command(Opcode.SET_DEPTH, 1000)).result == Result.ACCEPTED
            await hand.client.unpair()
        async with r.hand() as hand:
            await refused(hand, "pairing failed: ")

    virtual(scenario)


def test_a_passkey_wrong_missing_and_right_on_one_connection() -> None:
    async def scenario(r: Rig) -> None:
        async def typed(number: int | None) -> int | None:
            return number

        async with r.hand() as hand:
            await refused(hand, "pairing failed: PASSKEY_ENTRY_FAILED")
            r.host.ask_passkey = lambda: typed(1234)
            with pytest.raises(BleakError, match="pairing failed: CONFIRM_VALUE_FAILED"):
                await hand.client.pair()
            r.host.ask_passkey = lambda: typed(4711)
            await hand.client.pair()
            assert (await hand.command(Opcode.SET_DEPTH, 1000)).result != Result.ACCEPTED  # it was stopped
            assert (await hand.command(Opcode.RESET)).result == Result.ACCEPTED
            await hand.start()

    virtual(scenario, options=PASSKEY)


def test_a_key_made_without_the_passkey_does_not_open_a_pen_that_wants_one() -> None:
    async def scenario(r: Rig) -> None:
        r.host.device.pairing_config_factory = lambda _: PairingConfig(mitm=False, delegate=PairingDelegate())
        async with r.hand(auto_pair=False) as hand:
            for _ in range(2):
                await hand.client.pair()
                with pytest.raises(BleakGATTProtocolError) as error:
                    await hand.command(Opcode.SET_DEPTH, 1000)
                assert error.value.args[0] == 0x05
                await hand.client.disconnect()
                await hand.client.connect()
                await hand.subscribe()

    virtual(scenario, options=PASSKEY)


@pytest.mark.parametrize("options", [RadioOptions(), PASSKEY])
def test_a_bond_outlasts_disconnecting_and_a_reboot(options: RadioOptions) -> None:
    async def scenario(r: Rig) -> None:
        async def typed() -> int:
            return 4711

        r.host.ask_passkey = typed
        async with r.hand() as hand:
            await hand.client.pair()
        r.host.ask_passkey = None
        r.pen.reboot()
        async with r.hand(auto_pair=False) as hand:
            await hand.start()

    virtual(scenario, options=options)


def test_a_pen_that_has_forgotten_the_bond() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            await hand.client.pair()
            await hand.start()
            r.pen.set_faults(radio__forget=True)
            await lost(hand.client, 0.1)
            assert r.pen.truth.state is PenState.LEASE_EXPIRED
        client = await r.client()
        with pytest.raises(BleakError, match="bond lost: PIN_OR_KEY_MISSING"):
            await client.connect()
        assert not client.is_connected
        await client.unpair()
        async with r.hand() as hand:
            await hand.client.pair()
            assert (await hand.command(Opcode.RESET)).result == Result.ACCEPTED

    virtual(scenario)


def test_a_host_that_has_forgotten_the_bond_may_pair_again() -> None:
    async def scenario(r: Rig) -> None:
        for _ in range(2):
            async with r.hand() as hand:
                await hand.client.pair()
                assert (await hand.command(Opcode.SET_DEPTH, 1000)).result == Result.ACCEPTED
                await hand.client.unpair()
                assert not hand.client.is_connected

    virtual(scenario)


def test_the_pen_remembers_four_hosts_and_forgets_the_oldest() -> None:
    async def scenario(r: Rig) -> None:
        hosts = [r.host] + [await VirtualRadio.on(r.air) for _ in range(4)]
        for host in hosts:
            async with Rig(r.air, r.pen, r.on_air, host).hand() as hand:
                await hand.client.pair()
        assert len(r.on_air.bonds.held) == 4
        with pytest.raises(BleakError, match="bond lost"):
            await (await r.client()).connect()
        for host in hosts[1:]:
            await host.close()

    virtual(scenario)


# -- what the characteristics let through ------------------------------------------------------------------------------


def test_a_command_on_a_characteristic_that_needs_no_bond_is_refused() -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand(auto_pair=False) as hand:
            command = encode_inner(Cmd(1, Opcode.SET_DEPTH, 1 << 31, 1000), 1)
            for data in (command, b"", b"\x01", bytes(40)):
                with pytest.raises(BleakGATTProtocolError) as error:
                    await hand.client.write_gatt_char(FEATURES, data, response=True)
                assert error.value.args[0] == 0x80
            with pytest.raises(BleakGATTProtocolError):
                await hand.client.write_gatt_char(STOP, b"", response=True)
            for unreadable in (STOP, CONTROL, Characteristic.TELEMETRY.value, Characteristic.LEASE.value):
                with pytest.raises(BleakGATTProtocolError) as error:
                    await hand.client.read_gatt_char(unreadable)
                assert error.value.args[0] == 0x02
            with pytest.raises(BleakGATTProtocolError) as error:
                await hand.client.write_gatt_char(Characteristic.TELEMETRY.value, b"\x00", response=True)
            assert error.value.args[0] == 0x03
            status = await hand.status()
            assert (status.last_cmd_id, status.state_result & 0xF) == (0, PenState.IDLE)
            assert r.pen.truth.state is PenState.IDLE

    virtual(scenario)


def test_nothing_is_said_before_it_is_subscribed_and_subscribing_twice_says_it_once() -> None:
    async def scenario(r: Rig) -> None:
        async with await r.client() as client:
            hand = Hand(client)
            await hand.page()
            await asyncio.sleep(1.0)
            assert hand.heard == {}
            await hand.subscribe()
            await client.stop_notify(Characteristic.TELEMETRY.value)
            await asyncio.sleep(1.0)
            hand.heard.clear()
            await asyncio.sleep(1.0)
            assert not hand.all(TelemetryMessage)
            assert hand.all(StatusMessage)
            await client.start_notify(Characteristic.TELEMETRY.value, hand.take)
            await asyncio.sleep(1.0)
            assert 45 <= len(hand.all(TelemetryMessage)) <= 55
            assert gaps(hand.all(TelemetryMessage)) == 0

    virtual(scenario)


def test_the_pen_says_who_it_is_and_how_full_it_is() -> None:
    async def scenario(r: Rig) -> None:
        async with await r.client() as client:
            assert bytes(await client.read_gatt_char("2a00")).decode() == r.on_air.name
            told = {number: bytes(await client.read_gatt_char(number)) for number in ("2a29", "2a24", "2a25", "2a28")}
            assert told == {"2a29": b"devicectl", "2a24": b"Reference pen", "2a25": b"REF-0001", "2a28": b"simulated"}
            assert len(await client.read_gatt_char("2a50")) == 7
            levels: list[int] = []
            await client.start_notify(BATTERY_LEVEL, lambda _, data: levels.append(data[0]))
            await Hand(client).page()
            r.pen.physics.charge = 0.5
            await asyncio.sleep(0.2)
            assert levels[-1] == 50
            assert bytes(await client.read_gatt_char(BATTERY_LEVEL)) == b"\x32"

    virtual(scenario)


@pytest.mark.parametrize("fault", ["silence", "to_pen__silence", "from_pen__silence"])
def test_a_silenced_pen_answers_no_reading_of_its_status(fault: str) -> None:
    async def scenario(r: Rig) -> None:
        async with r.hand() as hand:
            await hand.status()
            r.pen.set_faults(**{fault: True})
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.0):
                    await hand.status()
            r.pen.clear_faults()
            await asyncio.sleep(0.1)
            assert (await hand.status()).state_result & 0xF == PenState.IDLE

    virtual(scenario)
