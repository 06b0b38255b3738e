"""What the program must do through BlueZ, as stories that are played twice: against the stand-in for ``org.bluez``
in the ordinary tests, and against the real BlueZ in a virtual machine. Whoever passes on one only has found a lie.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from bleak import BleakClient

from drivers.address import parse_address
from drivers.api import Action, Confirmed, Lost, NotSent, PenState, Status, Telemetry
from drivers.ble.find import Seen, scan
from drivers.ble.forget import forget_bond
from drivers.ble.radio import SystemRadio
from drivers.penlink.gatt import Characteristic

from .play import KEYED, PLAIN, Play, Stage, failure, play, power


async def both_pens_are_found_with_name_signal_and_why(stage: Stage) -> None:
    """A scan knows pens by service and manufacturer data, and says they are simulated."""
    seen: dict[str, Seen] = {}
    async with asyncio.timeout(25):
        while len(seen) < 2 or not all(one.name for one in seen.values()):
            seen = {one.address: one for one in await scan(SystemRadio(), 1.0) if one.matched}
    for cast in (PLAIN, KEYED):
        one = seen[cast.address]
        assert one.name == cast.name
        assert -127 < one.rssi < 0
        assert one.advertised is not None
        assert one.advertised.simulated
        assert "Penlink service" in one.why


async def a_pen_is_found_by_its_name_again_and_again(stage: Stage) -> None:
    """BlueZ reads the name from the pen once it is connected, and shows that one from then on."""
    for _ in range(2):
        one = Play(stage, PLAIN, where=PLAIN.name)
        up = await one.pen.connect()
        assert up.identity.serial == PLAIN.serial
        await one.close()


async def connecting_reads_everything_and_moves_nothing(stage: Stage) -> None:
    """HELLO and telemetry need no bond; a command is not sent without one."""
    async with play(stage, PLAIN) as one:
        up = await one.pen.connect()
        assert up.identity.serial == PLAIN.serial
        assert up.identity.simulated
        await one.until(lambda: len(one.seen(Telemetry)) > 5)
        assert not one.pen.obeys
        assert isinstance(await one.command(Action.SET_DEPTH, 1000), NotSent)
        truth = await one.truth()
        assert not truth["turning"]
        assert truth["bonds"] == 0


async def a_pen_without_display_bonds_by_just_works(stage: Stage) -> None:
    """The program's own agent answers; a later connection needs no pairing any more."""
    async with play(stage, PLAIN) as one:
        await one.ready()
        assert one.pen.obeys
        assert (await one.truth())["bonds"] == 1
        await one.confirmed(Action.LIMIT_DEPTH, 1500)
        assert (await one.confirmed(Action.SET_DEPTH, 1000)).applied == 1000
        await one.pen.close()
        await one.ready()
        assert one.pen.obeys
        assert (await one.confirmed(Action.SET_DEPTH, 1250)).applied == 1250
        assert (await one.truth())["bonds"] == 1


async def a_pen_with_display_bonds_by_its_passkey(stage: Stage) -> None:
    """The number that the pen shows goes through the agent."""
    async with play(stage, KEYED, passkey=KEYED.passkey) as one:
        await one.ready()
        assert one.pen.obeys
        await one.confirmed(Action.LIMIT_DEPTH, 1500)
        assert (await one.confirmed(Action.SET_DEPTH, 1000)).applied == 1000


async def a_wrong_or_missing_passkey_says_so(stage: Stage) -> None:
    """Reading goes on, nothing obeys, and the right number works afterwards."""
    async with play(stage, KEYED, passkey=111_111) as one:
        await one.pen.connect()
        error = await one.fails(one.pen.secure(), "wrong-passkey")
        assert "passkey" in str(error)
        assert not one.pen.obeys
    async with play(stage, KEYED) as one:
        await one.pen.connect()
        await one.fails(one.pen.secure(), "no-passkey")
        assert not one.pen.obeys
    async with play(stage, KEYED, passkey=KEYED.passkey) as one:
        await one.ready()
        assert one.pen.obeys


async def a_pen_that_refuses_to_pair_says_so(stage: Stage) -> None:
    """The sentence says what to do, and STOP works all the same."""
    async with play(stage, PLAIN) as one:
        await stage.do("radio", PLAIN, refuse_pairing=True)
        await one.pen.connect()
        await one.fails(one.pen.secure(), "pairing-refused")
        assert not one.pen.obeys
        async with asyncio.timeout(20):
            while one.seen(Status)[-1].state is not PenState.STOPPED:
                if not one.pen.connected:  # BlueZ hangs up after a refusal
                    await one.pen.connect()
                one.pen.stop()
                await asyncio.sleep(0.1)


async def a_pen_that_lost_its_bond_says_so_and_can_be_bonded_anew(stage: Stage) -> None:
    """BlueZ still has a key, the pen does not: after the advice of the sentence everything is well again."""
    async with play(stage, PLAIN) as one:
        await one.ready()
        await one.pen.close()
        await stage.do("radio", PLAIN, forget=True)

        async def again() -> None:
            await one.pen.connect()
            await one.pen.secure()

        # BlueZ tells no more than that the pen hangs up, as it does at the edge of range.
        error = await one.fails(again(), "hung-up")
        assert f"devicectl forget {one.address}" in str(error)
        assert not one.pen.obeys
        await forget_bond(parse_address(one.address))
        await one.ready()
        assert one.pen.obeys


async def the_pen_is_driven_and_stopped(stage: Stage) -> None:
    """Setpoint, arm, start, end; then STOP in the middle of a run, which latches."""
    async with play(stage, PLAIN) as one:
        await one.ready()
        await one.turn()
        await one.confirmed(Action.END)
        await one.still()
        await one.turn()
        assert one.pen.stop()
        truth = await one.still(5.0)
        assert truth["state"] == PenState.STOPPED
        await one.until(lambda: one.seen(Status)[-1].state is PenState.STOPPED)
        assert not isinstance(await one.command(Action.ARM, one.pen.lease_ms), Confirmed)


async def a_lost_link_stops_the_motor_and_comes_back_still(stage: Stage) -> None:
    """Out of range while turning: the pen's own lease ends the run; nothing moves at the reconnect."""
    async with play(stage, PLAIN) as one:
        await one.ready()
        await one.turn()
        await stage.do("radio", PLAIN, out_of_range=True)
        await one.until(lambda: one.seen(Lost))
        await one.still()
        await stage.do("calm", PLAIN)
        one.keeper.start()
        await one.until(lambda: one.pen.connected, 25)
        await one.until(lambda: one.seen(Status)[-1].state.latched)
        assert one.pen.obeys
        assert not (await one.truth())["turning"]


async def an_adapter_switched_off_says_so_and_comes_back(stage: Stage) -> None:
    """While turning: the pen stops by itself, the sentence says what to switch on."""
    async with play(stage, PLAIN) as one:
        await one.ready()
        await one.turn()
        await power(False)
        try:
            await one.until(lambda: one.seen(Lost))
            await one.still()
            await one.fails(one.pen.connect(), "bluetooth-off")
        finally:
            await power(True)
        one.keeper.start()
        await one.until(lambda: one.pen.connected, 25)
        assert not (await one.truth())["turning"]


async def a_dead_bluetoothd_is_noticed_and_comes_back(stage: Stage) -> None:
    """No callback comes: only the silence of the pen tells. The pen has stopped by then."""
    async with play(stage, PLAIN) as one:
        await one.ready()
        await one.turn()
        await stage.service(False)
        try:
            await one.until(lambda: one.seen(Lost))
            await one.still()
            await one.fails(one.pen.connect(), "no-bluetoothd", "no-bluetooth")
        finally:
            await stage.service(True)
        one.keeper.start()
        await one.until(lambda: one.pen.connected, 25)
        assert not (await one.truth())["turning"]


async def without_an_agent_nothing_pairs(stage: Stage) -> None:
    """Why the program brings one: bare bleak cannot even do Just Works. Not the program, but what it stands on."""
    async with play(stage, PLAIN) as one:
        seen = [one for one in await scan(SystemRadio(), 2.0) if one.address == PLAIN.address]
        client = BleakClient(seen[0].device)
        async with asyncio.timeout(25):
            await client.connect()
            assert "AuthenticationFailed" in await failure(client.pair())
            try:
                async with asyncio.timeout(3):
                    words = await failure(client.write_gatt_char(Characteristic.CONTROL_POINT.value, b"\0", True))
            except TimeoutError:
                words = "hangs"
            print("a protected write without an agent:", words, flush=True)
            await client.disconnect()
        assert (await one.truth())["bonds"] == 0


STORIES: Final[tuple[Callable[[Stage], Awaitable[None]], ...]] = (
    both_pens_are_found_with_name_signal_and_why,
    a_pen_is_found_by_its_name_again_and_again,
    connecting_reads_everything_and_moves_nothing,
    without_an_agent_nothing_pairs,
    a_pen_without_display_bonds_by_just_works,
    the_pen_is_driven_and_stopped,
    a_lost_link_stops_the_motor_and_comes_back_still,
    a_pen_with_display_bonds_by_its_passkey,
    a_wrong_or_missing_passkey_says_so,
    a_pen_that_refuses_to_pair_says_so,
    a_pen_that_lost_its_bond_says_so_and_can_be_bonded_anew,
    an_adapter_switched_off_says_so_and_comes_back,
    a_dead_bluetoothd_is_noticed_and_comes_back,
)
