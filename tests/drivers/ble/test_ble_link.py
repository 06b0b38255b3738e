"""A pen over the virtual radio: connecting, commands, STOP, and everything that can go wrong on the way."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.ble import BleRig, NotDone, ble, number

from drivers.api import (
    Action,
    Confirmed,
    Lost,
    NotSent,
    PenError,
    PenState,
    ReadBack,
    Reason,
    Rejected,
    Status,
    Telemetry,
    Unknown,
    Up,
)
from drivers.ble.link import LOST_S, BleLink, Target
from drivers.ble.requests import REQUEST_S
from drivers.link import SecuredLink
from drivers.penlink.pen import BLE, PenlinkPen
from simulator.pen import SimulatedPen
from simulator.radio.pen import RadioOptions, RadioPen
from simulator.virtual_time import run_virtual

ATT = b"\x04\x00"
WRITE_RESPONSE, READ_RESPONSE, INDICATION = 0x13, 0x0B, 0x1D


def drive(scenario: Callable[[BleRig], Awaitable[Any]], **more: Any) -> None:
    """Run a scenario on a rig in virtual time; that the motor is still afterwards is checked by the rig."""

    async def main() -> None:
        async with asyncio.timeout(3600):
            async with ble(**more) as rig:
                await scenario(rig)

    run_virtual(main())


def drop_answers(rig: BleRig, *opcodes: int) -> None:
    """From now on the pen's answers with these ATT opcodes are lost."""
    rig.air.drop = lambda sender, pdu: sender.startswith("pen") and pdu[2:4] == ATT and pdu[4] in opcodes


# -- connecting


def test_reading_needs_no_bond_and_moves_nothing() -> None:
    async def scenario(rig: BleRig) -> None:
        up = await rig.host_pen.connect()
        assert up.identity.serial == rig.pen.serial
        assert up.identity.simulated
        assert isinstance(rig.inputs[0], Status), "what the pen does now is the first that is known"
        await rig.until(lambda: rig.seen(ReadBack) and len(rig.seen(Telemetry)) > 20)
        assert rig.host_pen.connected
        assert not rig.host_pen.obeys
        outcome = await rig.do(Action.SET_DEPTH, 1000)
        assert isinstance(outcome, NotSent)
        assert "paired" in outcome.text
        assert not rig.on_air.bonds.held
        assert rig.pen.truth.state is PenState.IDLE
        assert rig.pen.truth.strokes == 0

    drive(scenario)


@pytest.mark.parametrize("interval", [0.0075, 0.015, 0.03, 0.06])
def test_hello_and_commands_at_mtu_23(interval: float) -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        assert rig.links[0]._there().mtu_size == 23
        await rig.turn()
        rig.host_pen.stop()

    drive(scenario, options=RadioOptions(mtu=23), interval=interval)


def test_commands_are_confirmed_and_refused_in_the_pens_words() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        assert rig.host_pen.obeys
        assert rig.host_pen.lease_ms == 1000
        assert await rig.do(Action.LIMIT_DEPTH, 1500) == Confirmed(1500)
        assert await rig.do(Action.SET_DEPTH, 1000) == Confirmed(1000)
        refused = await rig.do(Action.SET_DEPTH, 2000)
        assert isinstance(refused, Rejected)
        assert refused.reason is Reason.SESSION_LIMIT
        armed = await rig.do(Action.ARM, 1000)
        assert isinstance(armed, Confirmed)
        assert armed.applied == 1000
        assert armed.token
        assert rig.host_pen.statistics.late_answers == 0
        assert rig.host_pen.statistics.bad_frames == 0

    drive(scenario)


def test_the_lease_keeps_a_run_and_its_end_ends_it() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        await rig.turn()
        task = asyncio.ensure_future(rig.renewing())
        await asyncio.sleep(5)
        assert rig.pen.truth.turning
        task.cancel()
        await rig.until(lambda: rig.pen.truth.state is PenState.LEASE_EXPIRED, 1.2)

    drive(scenario)


def test_the_link_is_a_secured_link_and_says_so_to_the_type_check_at_run_time() -> None:
    async def scenario(rig: BleRig) -> None:
        assert isinstance(rig.link(), SecuredLink)

    drive(scenario)


# -- STOP


def test_stop_waits_for_no_request() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        await rig.turn()
        drop_answers(rig, WRITE_RESPONSE, INDICATION)
        await rig.do(Action.SET_RATE, 90_000)
        rig.host_pen.query()
        await asyncio.sleep(0.1)
        assert rig.links[0]._requests._tasks, "the request of the command is still open"
        assert rig.host_pen.stop()
        took = await rig.until(lambda: rig.pen.truth.state is PenState.STOPPED, 0.1)
        assert took <= rig.air.interval + 0.01
        await rig.still(0.5)

    drive(scenario)


def test_stop_drops_a_command_that_waits() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        rig.host_pen.query()
        waiting = asyncio.ensure_future(rig.do(Action.SET_DEPTH, 500))
        await asyncio.sleep(0)
        rig.host_pen.stop()
        outcome = await waiting
        assert isinstance(outcome, NotSent)
        assert "STOP" in outcome.text
        await rig.until(lambda: rig.pen.truth.state is PenState.STOPPED)
        assert rig.pen.firmware.last_cmd_id == 0

    drive(scenario)


def test_stop_is_taken_before_there_is_a_bond_and_many_times() -> None:
    async def scenario(rig: BleRig) -> None:
        assert not rig.host_pen.stop()
        await rig.host_pen.connect()
        for _ in range(3):
            assert rig.host_pen.stop()
        await rig.until(lambda: rig.pen.truth.state is PenState.STOPPED, 0.1)
        for _ in range(20):
            await asyncio.sleep(0.04)
            assert rig.host_pen.stop(), "the repetition never chokes"

    drive(scenario)


@pytest.mark.parametrize("interval", [0.0075, 0.03, 0.06])
def test_a_stop_just_before_the_link_is_closed_still_goes_out(interval: float) -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        await rig.turn()
        rig.host_pen.stop()
        await rig.host_pen.close()
        assert rig.pen.truth.state is PenState.STOPPED, "and not only the lease that ends with the connection"

    drive(scenario, interval=interval)


def test_a_lost_stop_is_made_good_by_the_next() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        await rig.turn()
        rig.pen.set_faults(**{"radio.drop_commands": 1.0})
        rig.host_pen.stop()
        await asyncio.sleep(0.1)
        assert rig.pen.truth.turning
        rig.pen.clear_faults()
        rig.host_pen.stop()
        await rig.until(lambda: rig.pen.truth.state is PenState.STOPPED, 0.1)

    drive(scenario)


# -- requests


def test_a_cancelled_command_leaves_its_answer_to_nobody_else() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        for wait in (0.0, 0.005, 0.02, 0.035, 0.05):
            task = asyncio.ensure_future(rig.do(Action.SET_DEPTH, 500))
            await asyncio.sleep(wait)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert (await rig.host_pen.refresh_cartridge()).present
            await rig.until(lambda: not rig.links[-1]._requests._tasks)
            assert isinstance(await rig.do(Action.SET_DEPTH, 1000), Confirmed)

    drive(scenario)


def test_a_request_that_is_never_answered_ends_the_link_although_samples_come() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        drop_answers(rig, WRITE_RESPONSE)
        begun = rig.loop.time()
        rig.host_pen.query()
        await rig.until(lambda: rig.seen(Lost), 10)
        assert rig.loop.time() - begun <= REQUEST_S + 0.1
        assert "does not answer" in rig.seen(Lost)[0].reason

    drive(scenario)


def test_an_unanswered_command_is_unknown() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        rig.air.drop = lambda sender, pdu: sender.startswith("host") and pdu[2:4] == ATT and pdu[4] == 0x12
        outcome = await rig.do(Action.SET_DEPTH, 1000)
        assert isinstance(outcome, Unknown)

    drive(scenario)


def test_lost_notifications_are_gaps() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        rig.pen.set_faults(**{"radio.drop_notifications": 0.2})
        await asyncio.sleep(5)
        assert rig.host_pen.statistics.lost_samples > 10
        assert rig.host_pen.connected

    drive(scenario)


# -- losing the link


def test_a_dead_link_that_looks_connected_is_noticed() -> None:
    """A bluetoothd that died tells nobody; nor does this air, which waits for ever."""

    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        await rig.turn()
        rig.air.supervision_timeout = 1e6
        rig.pen.set_faults(**{"radio.out_of_range": True})
        begun = rig.loop.time()
        await rig.until(lambda: rig.seen(Lost), 10)
        assert rig.loop.time() - begun <= LOST_S + 1.0
        assert "says nothing" in rig.seen(Lost)[0].reason

    drive(scenario)


def test_the_heartbeat_keeps_a_quiet_link() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        rig.pen.set_faults(**{"radio.drop_notifications": 1.0})
        heard = len(rig.seen(Status))
        await asyncio.sleep(20)
        assert rig.host_pen.connected
        assert len(rig.seen(Status)) >= heard + 10, "STATUS was read"

    drive(scenario)


def test_reconnect_reads_status_subscribes_anew_and_moves_nothing() -> None:
    async def scenario(rig: BleRig) -> None:
        rig.keeper.start()
        await rig.until(lambda: rig.host_pen.connected)
        await rig.host_pen.secure()
        await rig.turn()
        for cuts in range(1, 4):
            rig.pen.set_faults(**{"radio.cut": True})
            await rig.until(lambda: not rig.host_pen.connected)
            await rig.until(lambda: rig.host_pen.connected, 10)
            assert len(rig.seen(Up)) == cuts + 1
            assert rig.host_pen.obeys, "a pen that was made to obey does so after a reconnect"
            rig.inputs[:] = [item for item in rig.inputs if not isinstance(item, Telemetry)]
            await rig.until(lambda: len(rig.seen(Telemetry)) > 20)
            assert not rig.pen.truth.turning
        lost = rig.seen(Lost)
        assert len(lost) == 3
        assert all("connection was lost" in one.reason for one in lost)

    drive(scenario)


def test_complaint_17_an_absent_pen_is_looked_for_for_ever_and_gently() -> None:
    async def scenario(rig: BleRig) -> None:
        rig.keeper.start()
        await rig.until(lambda: rig.host_pen.connected)
        rig.pen.set_faults(**{"radio.out_of_range": True})
        await asyncio.sleep(1800)
        per_minute = len(rig.failures) / 30
        assert 2 <= per_minute <= 8, "it neither gives up nor fills the air"
        assert set(rig.failures[1:]) == {rig.failures[-1]}
        assert "no such pen is in reach" in rig.failures[-1]
        assert rig.links[-1]._client is None
        rig.pen.clear_faults()
        await rig.until(lambda: rig.host_pen.connected, 20)

    drive(scenario)


STEPS = 40


@pytest.mark.parametrize("step", range(STEPS))
def test_the_link_breaks_at_any_moment(step: int) -> None:
    """Wherever it breaks, from the scan to the run: a typed end, a sentence, no hang, no motion, and it comes back."""

    async def scenario(rig: BleRig) -> None:
        rig.loop.call_later(0.05 + step * 0.071, rig.air.cut, rig.on_air.controller)
        told: list[str] = []
        try:
            await rig.ready()
            await rig.turn()
            while rig.pen.truth.turning:
                rig.host_pen.renew_lease()
                await asyncio.sleep(0.25)
        except PenError as error:
            told.append(str(error))
        except NotDone:
            pass  # a command of the run was not confirmed: that is one of its ends
        assert all(text.startswith(rig.address) and text.endswith(".") for text in told)
        await rig.still(2.0)
        await rig.until(lambda: not rig.host_pen.connected or rig.seen(Lost) == [], 2.0)
        await rig.host_pen.close()
        await rig.ready()
        assert not rig.pen.truth.turning
        assert isinstance(await rig.do(Action.INDICATE), Confirmed)

    drive(scenario)


@pytest.mark.parametrize("after", [0.0, 0.05, 0.11, 0.15, 0.3, 0.5, 0.8, 1.1, 1.3])
def test_a_connect_that_is_called_off_leaves_nothing_behind(after: float) -> None:
    async def scenario(rig: BleRig) -> None:
        task = asyncio.ensure_future(rig.host_pen.connect())
        await asyncio.sleep(after)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await rig.host_pen.close()
        await rig.until(lambda: rig.on_air.connection is None, 1)
        await rig.ready()

    drive(scenario)


def test_out_of_range_the_pens_own_lease_stops_it() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        await rig.turn()
        task = asyncio.ensure_future(rig.renewing())
        await asyncio.sleep(1)
        rig.air.supervision_timeout = 4.0
        rig.pen.set_faults(**{"radio.out_of_range": True})
        took = await rig.until(lambda: rig.pen.truth.state is PenState.LEASE_EXPIRED, 2)
        assert took <= 1.05
        await rig.until(lambda: rig.seen(Lost), 5)
        task.cancel()

    drive(scenario)


def test_a_pen_that_restarts_is_connected_anew() -> None:
    async def scenario(rig: BleRig) -> None:
        rig.keeper.start()
        await rig.until(lambda: rig.host_pen.connected)
        rig.pen.reboot()
        await rig.until(lambda: len(rig.seen(Up)) == 2, 10)
        first, second = rig.seen(Up)
        assert first.identity.boot_id != second.identity.boot_id

    drive(scenario)


def test_a_radio_that_vanishes_is_a_sentence_and_no_hang() -> None:
    async def scenario(rig: BleRig) -> None:
        rig.keeper.start()
        await rig.until(lambda: rig.host_pen.connected)
        await rig.host_pen.secure()
        await rig.turn()
        rig.host.lose("it was pulled out")
        await rig.until(lambda: rig.seen(Lost), 1)
        await rig.until(lambda: rig.failures, 5)
        assert "radio has gone" in rig.failures[0]
        assert not rig.host_pen.stop()

    drive(scenario)


# -- bonds


def test_pairing_once_is_enough() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        await rig.host_pen.secure()
        assert len(rig.on_air.bonds.held) == 1
        await rig.host_pen.close()
        await rig.ready()
        assert len(rig.on_air.bonds.held) == 1
        assert isinstance(await rig.do(Action.SET_DEPTH, 1000), Confirmed)
        counters = [sample.counter for sample in rig.seen(Telemetry)]
        assert len(set(counters)) == len(counters), "nothing is heard twice after subscribing twice"

    drive(scenario)


def refused(rig: BleRig, code: str, word: str) -> Callable[[], Awaitable[None]]:
    async def check() -> None:
        with pytest.raises(PenError) as error:
            await rig.host_pen.secure()
        assert error.value.code == code
        assert word in str(error.value)
        assert not rig.host_pen.obeys
        assert isinstance(await rig.do(Action.SET_DEPTH, 1000), NotSent)

    return check


@pytest.mark.parametrize("fault", ["refuse_pairing", "bonded_elsewhere"])
def test_refused_pairing_leaves_reading_and_stop(fault: str) -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.host_pen.connect()
        rig.pen.set_faults(**{f"radio.{fault}": True})
        await refused(rig, "pairing-refused", "bonded to another computer")()
        samples = len(rig.seen(Telemetry))
        await rig.until(lambda: len(rig.seen(Telemetry)) > samples + 5)
        assert rig.host_pen.stop()
        await rig.until(lambda: rig.pen.truth.state is PenState.STOPPED, 0.1)
        rig.pen.clear_faults()
        await rig.host_pen.secure()
        assert rig.host_pen.obeys

    drive(scenario)


@pytest.mark.parametrize(
    ("given", "code", "word"),
    [
        (number(111_111), "wrong-passkey", "passkey is wrong"),
        (number(0), "wrong-passkey", "passkey is wrong"),
        (None, "no-passkey", "?passkey=NNNNNN"),
    ],
    ids=["wrong", "zero", "none"],
)
def test_wrong_or_no_passkey(given: Any, code: str, word: str) -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.host_pen.connect()
        await refused(rig, code, word)()
        rig.passkey = number(123_456)
        await rig.host_pen.close()
        await rig.ready()
        assert isinstance(await rig.do(Action.SET_DEPTH, 1000), Confirmed)

    drive(scenario, options=RadioOptions(pairing="passkey"), passkey=given)


def test_the_passkey_may_be_000000() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        assert isinstance(await rig.do(Action.SET_DEPTH, 1000), Confirmed)

    drive(scenario, options=RadioOptions(pairing="passkey", passkey=0), passkey=number(0))


def test_a_person_who_never_types_the_passkey_is_waited_for_no_longer_than_said() -> None:
    async def never() -> int | None:
        await asyncio.Event().wait()
        return None

    async def scenario(rig: BleRig) -> None:
        await rig.host_pen.connect()
        begun = rig.loop.time()
        await refused(rig, "pairing-timeout", "not finished in time")()
        assert rig.loop.time() - begun < 13

    drive(scenario, options=RadioOptions(pairing="passkey"), passkey=never)


def test_a_lost_bond_is_told_with_what_to_do() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        await rig.host_pen.close()
        rig.pen.set_faults(**{"radio.forget": True})
        with pytest.raises(PenError, match="forget the pen in the system's Bluetooth settings") as error:
            await rig.ready()
        assert error.value.code == "bond-lost"
        assert f"devicectl forget {rig.address}" in str(error.value)
        await rig.host.bonds.delete(rig.on_air.address)
        await rig.ready()
        assert isinstance(await rig.do(Action.SET_DEPTH, 1000), Confirmed)

    drive(scenario)


def test_trust_that_ends_during_a_run_ends_the_run() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        await rig.turn()
        rig.host_pen.renew_lease()
        connection = rig.on_air.connection
        assert connection is not None
        connection.encryption = 0
        rig.links[0]._there()._backend._auto_pair = False  # type: ignore[attr-defined]
        outcome = await rig.do(Action.SET_RATE, 90_000)
        assert isinstance(outcome, Rejected)
        assert "does not know this computer" in outcome.text
        await rig.until(lambda: rig.seen(Lost), 1)
        await rig.until(lambda: rig.pen.truth.state is PenState.STOPPED, 0.1)
        assert not rig.host_pen.obeys

    drive(scenario)


# -- finding


def test_a_pen_is_found_by_its_name_and_then_kept_by_its_address() -> None:
    async def scenario(rig: BleRig) -> None:
        await rig.host_pen.connect()
        assert rig.target.where == rig.on_air.address
        await rig.host_pen.close()
        other = SimulatedPen(seed=2)
        namesake = await RadioPen(rig.air, other, RadioOptions(name="PEN")).start()
        up = await rig.host_pen.connect()
        assert up.identity.serial == rig.pen.serial
        await namesake.close()
        other.close()

    drive(scenario, options=RadioOptions(name="PEN"), where="PEN")


def test_two_pens_of_one_name_are_refused_with_their_addresses() -> None:
    async def scenario(rig: BleRig) -> None:
        other = SimulatedPen(seed=2)
        namesake = await RadioPen(rig.air, other, RadioOptions(name="PEN")).start()
        with pytest.raises(PenError) as error:
            await rig.host_pen.connect()
        assert error.value.code == "same-name"
        for address in (rig.on_air.address, namesake.address):
            assert f"ble://{address}" in str(error.value)
        await namesake.close()
        other.close()

    drive(scenario, options=RadioOptions(name="PEN"), where="PEN")


@pytest.mark.parametrize("where", ["NOBODY", "F0:00:00:00:00:99"])
def test_nobody_there(where: str) -> None:
    async def scenario(rig: BleRig) -> None:
        with pytest.raises(PenError, match="no such pen is in reach") as error:
            await rig.host_pen.connect()
        assert error.value.code == "pen-not-found"

    drive(scenario, where=where)


def test_a_pen_that_another_host_holds() -> None:
    async def scenario(rig: BleRig) -> None:
        rig.pen.set_faults(**{"radio.grabbed": True})
        await asyncio.sleep(1)
        with pytest.raises(PenError, match="another computer holds") as error:
            await rig.host_pen.connect()
        assert error.value.code == "pen-not-found"
        rig.pen.clear_faults()
        await asyncio.sleep(1)
        await rig.ready()

    drive(scenario)


def test_grabbed_during_a_run() -> None:
    async def scenario(rig: BleRig) -> None:
        rig.keeper.start()
        await rig.until(lambda: rig.host_pen.connected)
        await rig.host_pen.secure()
        await rig.turn()
        rig.pen.set_faults(**{"radio.grabbed": True})
        await rig.until(lambda: rig.failures, 20)
        await rig.still(2)
        assert "another computer holds" in rig.failures[0]

    drive(scenario)


# -- found in review


def test_stop_waits_for_no_pairing() -> None:
    async def never() -> int | None:
        await asyncio.Event().wait()
        return None

    async def scenario(rig: BleRig) -> None:
        await rig.host_pen.connect()
        task = asyncio.ensure_future(rig.host_pen.secure())
        await asyncio.sleep(1)
        assert rig.host_pen.stop()
        took = await rig.until(lambda: rig.pen.truth.state is PenState.STOPPED, 0.1)
        assert took <= rig.air.interval + 0.01
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    drive(scenario, options=RadioOptions(pairing="passkey"), passkey=never)


def test_who_closes_a_pen_just_after_the_link_was_given_up_waits_for_its_end() -> None:
    """Else the end of the program comes before the end of the connection, and the system keeps the pen."""

    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        drop_answers(rig, WRITE_RESPONSE)
        rig.host_pen.query()
        await asyncio.sleep(REQUEST_S - 0.1)
        rig.host_pen.stop()
        await rig.until(lambda: rig.seen(Lost))
        assert rig.host.device.connections, "the STOP gets its time"
        await rig.host_pen.close()
        assert not rig.host.device.connections

    drive(scenario)


def test_a_command_that_waited_too_long_is_not_sent() -> None:
    """Control counts it as never sent by then, and END has no ``not_after`` with which the pen would refuse it."""

    async def scenario(rig: BleRig) -> None:
        await rig.ready()
        await asyncio.sleep(0.5)
        rig.pen.set_faults(**{"radio.delay": 1.0})
        asking = asyncio.ensure_future(rig.host_pen.refresh_cartridge())
        await asyncio.sleep(0.1)
        assert isinstance(await rig.do(Action.END), Unknown)
        rig.pen.clear_faults()
        await asyncio.gather(asking, return_exceptions=True)
        await rig.until(lambda: not rig.links[0]._requests._tasks)
        assert rig.host_pen.connected
        await asyncio.sleep(1)
        assert rig.pen.firmware.last_cmd_id == 0
        assert isinstance(await rig.do(Action.SET_DEPTH, 1000), Confirmed)

    drive(scenario)


def test_two_pens_that_pair_at_once_get_each_its_own_passkey() -> None:
    async def scenario(rig: BleRig) -> None:
        sim = SimulatedPen(seed=2)
        on_air = await RadioPen(rig.air, sim, RadioOptions(pairing="passkey", passkey=222_222)).start()
        name, target = f"ble://{on_air.address}", Target(on_air.address)
        other = PenlinkPen(name, lambda: BleLink(name, target, radio=rig.host, passkey=number(222_222)), BLE)
        await rig.host_pen.connect()
        await other.connect()
        await asyncio.gather(rig.host_pen.secure(), other.secure())
        assert rig.host_pen.obeys
        assert other.obeys
        assert rig.host.ask_passkey is None
        await other.close()
        await on_air.close()
        sim.close()

    drive(scenario, options=RadioOptions(pairing="passkey"), passkey=number(123_456))


def test_stop_goes_out_while_a_connection_is_still_being_made_ready() -> None:
    """Subscribing takes half a second and more; whoever presses STOP meanwhile does not wait for it."""

    async def scenario(rig: BleRig) -> None:
        connecting = asyncio.ensure_future(rig.host_pen.connect())
        await rig.until(lambda: any(isinstance(item, Status) for item in rig.inputs))
        assert not connecting.done()
        begun = rig.loop.time()
        assert rig.host_pen.stop()
        await rig.until(lambda: rig.pen.truth.state is PenState.STOPPED, 0.1)
        assert rig.loop.time() - begun <= rig.air.interval + 0.01
        assert not connecting.done()
        await connecting
        assert rig.host_pen.connected

    drive(scenario)
