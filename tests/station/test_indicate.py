"""Which pen is it: INDICATE through the station, and at the planned time. Numbers are virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from support.world import ADDRESS, World, refused

from devicectl.control.events import PlannedTime
from devicectl.control.grant import Planned
from simulator.virtual_time import run_virtual


def scenario(play: Callable[[World], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        world = World(**options)
        try:
            await play(world)
        finally:
            await world.down()

    run_virtual(main())


def test_ones_own_pen_and_its_light_goes_out_again() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        reply = await s.ask("pen.indicate")
        assert reply.outcome == "confirmed"
        assert w.sim.truth.indicating
        await asyncio.sleep(2.1)
        assert not w.sim.truth.indicating
        assert w.rows("select action, outcome from commands where action = 'indicate'") == [
            {"action": "indicate", "outcome": "confirmed"}
        ]

    scenario(play)


def test_a_pen_that_nobody_has_open_is_let_go_again() -> None:
    async def play(w: World) -> None:
        s = await w.screen()
        assert (await s.ask("pen.indicate", address=ADDRESS)).outcome == "confirmed"
        assert w.sim.firmware.indicated == 1
        assert not w.station.desks
        assert not w.sim.truth.driven

    scenario(play)


def test_another_client_may_ask_at_rest_and_not_while_it_may_turn() -> None:
    async def play(w: World) -> None:
        s, other = await w.ready(), await w.screen("other")
        assert (await other.ask("pen.indicate", address=ADDRESS)).outcome == "confirmed"
        assert s.view is not None
        assert w.desk.holder is not None
        await s.start()
        assert "may turn" in await refused(other.ask("pen.indicate", address=ADDRESS))
        assert (await s.ask("pen.indicate")).outcome == "confirmed"
        assert w.sim.truth.driven

    scenario(play)


def test_stop_and_end_do_not_wait_for_a_pen_that_does_not_answer_it() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        w.sim.set_faults(from_pen__silence=True)
        asking = asyncio.ensure_future(s.ask("pen.indicate"))
        await asyncio.sleep(0.01)
        assert w.desk.control.lane.busy
        began = w.loop.time()
        w.station.pressed("test")
        await w.until(lambda: not w.sim.truth.driven, 0.02)
        assert w.loop.time() - began < 0.02
        assert (await asking).outcome == "unknown"

    scenario(play)


def test_end_and_a_depth_limit_do_not_wait_for_an_answer_to_it() -> None:
    """Without an answer INDICATE is given up half a second later; END must have left long before."""

    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        w.sim.set_faults(from_pen__silence=True)
        asking = asyncio.ensure_future(s.ask("pen.indicate"))
        await w.until(lambda: w.sim.firmware.indicated == 1, 0.1)
        began = w.loop.time()
        ending = asyncio.ensure_future(s.ask("run.end"))
        await w.until(lambda: not w.sim.truth.driven, 0.05)
        assert w.loop.time() - began < 0.05
        answer = await asking
        assert (answer.outcome, "went first" in answer.text) == ("unknown", True)
        await ending
        rows = w.rows("select action, outcome from commands where action in ('indicate', 'end') order by id")
        assert rows[0] == {"action": "indicate", "outcome": "unknown"}
        assert rows[1]["action"] == "end"

    scenario(play)


def test_a_depth_limit_does_not_wait_for_an_answer_to_it() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        w.sim.set_faults(from_pen__silence=True)
        asking = asyncio.ensure_future(s.ask("pen.indicate"))
        await w.until(lambda: w.sim.firmware.indicated == 1, 0.1)
        began = w.loop.time()
        pen, control = w.sim.firmware, w.desk.control
        pen.session_limit = pen.profile.depth_max
        control.readback = control.readback._replace(depth_limit_um=pen.depth_limit)
        control.push_limit()
        await w.until(lambda: pen.depth_limit == control.depth_limit.to_hold_um, 0.05)
        assert w.loop.time() - began < 0.05
        assert (await asking).outcome == "unknown"

    scenario(play)


def test_end_does_not_wait_for_a_record_that_is_slow_to_take_it() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        journal: Any = w.station.record.journal
        kept, held = journal.intend, []

        def slow(intent: Any) -> asyncio.Future[None]:
            if intent.action != "indicate":
                return kept(intent)
            held.append(intent)
            return w.loop.create_future()

        journal.intend = slow
        asking = asyncio.ensure_future(s.ask("pen.indicate"))
        await w.until(lambda: bool(held), 0.1)
        began = w.loop.time()
        assert (await s.ask("run.end")).outcome == "confirmed"
        assert w.loop.time() - began < 0.1
        assert (await asking).outcome != "confirmed"
        assert w.sim.firmware.indicated == 0

    scenario(play)


def test_end_comes_through_behind_it() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        asking = asyncio.ensure_future(s.ask("pen.indicate"))
        await asyncio.sleep(0.001)
        assert w.desk.control.lane.busy
        assert (await s.ask("run.end")).outcome == "confirmed"
        assert (await asking).outcome in ("confirmed", "unknown")

    scenario(play)


def test_it_gives_way_to_a_command_that_is_open() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        setting = asyncio.ensure_future(s.ask("setpoint", depth_um=800))
        await asyncio.sleep(0.001)
        assert w.desk.control.lane.busy
        assert (await w.desk.intents.indicate()).text.startswith("the pen is busy")
        assert (await setting)["depth"].outcome == "confirmed"

    scenario(play)


def test_an_unknown_one_closes_nothing() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        w.sim.set_faults(from_pen__silence=True)
        assert (await s.ask("pen.indicate")).outcome == "unknown"
        assert not w.desk.control.lane.unsettled

    scenario(play)


def test_at_the_planned_time_once_and_only_if_the_plan_asks_for_it() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        told: list[Any] = []
        control = w.desk.control
        control.listen(lambda event: told.append(event) if isinstance(event, PlannedTime) else None)
        control.planned = lambda zone: Planned(3.0, indicate=zone == "MID") if zone in ("MID", "VTX") else None
        for zone, indicated in (("VTX", 0), ("MID", 1), ("OCC", 1)):
            assert (await s.start(zone)).outcome == "confirmed"
            await asyncio.sleep(2.5)
            assert s.view is not None
            assert s.view.run is not None
            left = s.view.run.planned_left_s
            assert left is None if zone == "OCC" else left is not None and 0 < left < 1
            before = len(told)
            await asyncio.sleep(2)
            assert len(told) - before == (zone != "OCC")
            assert w.sim.firmware.indicated == indicated
            await s.ask("run.end")
            await asyncio.sleep(1.2)
        assert [event.zone for event in told] == ["VTX", "MID"]
        assert any(line.text == "MID: planned time reached" for line in w.desk.log)

    scenario(play)


def test_a_pause_does_not_count_and_is_told_once() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        w.desk.control.planned = lambda zone: Planned(3.0, indicate=True)
        await s.start()
        await asyncio.sleep(2)
        await s.ask("run.pause")
        await asyncio.sleep(5)
        assert w.sim.firmware.indicated == 0
        assert (await s.start()).outcome == "confirmed"
        await asyncio.sleep(5)
        assert w.sim.firmware.indicated == 1

    scenario(play)
