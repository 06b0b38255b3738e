"""The depth limit that the pen holds too, and may forget."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from support.rig import Rig, rigged

from drivers.api import Action, Command, Confirmed, Reason, Rejected, Result
from simulator.virtual_time import run_virtual

from .conftest import Scenario


def test_a_pen_that_forgot_its_depth_limit_without_a_restart_is_told_anew_while_still(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        def forget() -> None:
            rig.sim.firmware.session_limit = rig.sim.firmware.profile.depth_max

        forget()
        await rig.until(lambda: rig.sim.firmware.session_limit == rig.control.depth_limit.to_hold_um, 4)
        await rig.until(lambda: all(gate.passed for gate in rig.control.gates()), 4)
        assert not rig.alarms.active("limit")
        await rig.start()
        forget()
        # While the motor turns the limit is noticed at the next setpoint, told, and not pushed.
        assert isinstance((await rig.intents.set_rate(90_000))[0], Confirmed)
        await rig.until(lambda: rig.alarms.active("limit"), 2)
        assert rig.sim.firmware.session_limit == rig.sim.firmware.profile.depth_max
        await rig.intents.end()
        await rig.until(lambda: rig.sim.firmware.session_limit == rig.control.depth_limit.to_hold_um, 4)
        await rig.until(lambda: not rig.alarms.active("limit"), 4)

    scenario(play)


def test_a_pen_that_refuses_the_depth_limit_is_told_by_an_alarm() -> None:
    async def play(rig: Rig) -> None:
        rejected = Rejected(Result.UNSUPPORTED, Reason.UNKNOWN_OPCODE, "no.")
        real = rig.pen.command

        async def refusing(command: Command, **more: Any) -> Any:
            return rejected if command.action is Action.LIMIT_DEPTH else await real(command, **more)

        rig.pen.command = refusing
        rig.sim.firmware.session_limit = rig.sim.firmware.profile.depth_max
        await rig.until(lambda: rig.alarms.active("limit"), 8)
        assert not rig.sim.truth.driven

    async def main() -> None:
        async with rigged() as rig:
            await rig.up()
            await play(rig)

    run_virtual(main())


def test_what_the_record_says_late_of_a_pen_that_was_let_go_begins_nothing() -> None:
    async def main() -> None:
        async with rigged() as rig:
            rig.keeper.start()
            await rig.until(lambda: rig.pen.connected, 5)
            await rig.control.close()
            rig.control.readback = None
            rig.control.bind(UUID(int=8))
            await asyncio.sleep(0.05)
            left = [task.get_coro().__qualname__ for task in asyncio.all_tasks()]  # type: ignore[union-attr]
            assert "Controller._adopt" not in left

    run_virtual(main())
