"""What the motor did is in the record as what it was: needling whose rate nobody saw, and motion that nobody granted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from support.world import World

from simulator.virtual_time import run_virtual


def scenario(play: Callable[[World], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        world = World(**options)
        try:
            await play(world)
        finally:
            await world.down()

    run_virtual(main())


def test_needling_under_a_rate_sensor_that_fails_is_one_pass_with_an_unknown_part() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        await asyncio.sleep(2)
        w.sim.set_faults(lying_rate=True)
        await asyncio.sleep(2)
        assert (await s.ask("run.end")).outcome == "confirmed"
        await asyncio.sleep(1)
        await s.ask("session.close")
        (one,) = w.rows("select * from passes")
        assert (one["kind"], one["end_reason"]) == ("granted", "ended")
        assert 3_900 <= one["duration_ms"] <= 4_700
        assert 1_900 <= one["unknown_ms"] <= 2_200
        segments = w.rows("select kind, contact from pass_segments order by from_clock_ms")
        assert segments[-1] == {"kind": "unknown", "contact": None}
        assert "unknown" not in [segment["kind"] for segment in segments[:-1]]

    scenario(play)


def test_a_motor_driven_on_after_end_is_in_the_record_as_uncommanded() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        await asyncio.sleep(2)
        w.sim.set_faults(run_away=True)
        assert (await s.ask("run.end")).outcome == "confirmed"
        await w.until(lambda: not w.sim.truth.turning, 0.6)
        await asyncio.sleep(1)
        granted, uncommanded = w.rows("select * from passes order by seq")
        assert (granted["kind"], granted["end_reason"]) == ("granted", "ended")
        assert uncommanded["kind"] == "uncommanded"
        assert granted["ended_clock_ms"] == uncommanded["opened_clock_ms"]
        assert [row["source"] for row in w.rows("select source from stops")] == ["uncommanded motion"]

    scenario(play)
