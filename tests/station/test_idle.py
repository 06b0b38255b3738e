"""When a station that was started on demand ends, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from support.world import ADDRESS, World, refused

from devicectl.station.idle import IDLE_END_S, NOBODY, SESSION_KEPT_S, watch_idle
from simulator.virtual_time import run_virtual

Play = Callable[[World, list[str]], Awaitable[None]]


def scenario(play: Play) -> None:
    async def main() -> None:
        world = World()
        asked: list[str] = []
        watch = asyncio.get_running_loop().create_task(watch_idle(world.station, asked.append))
        try:
            await play(world, asked)
        finally:
            watch.cancel()
            await world.down()

    run_virtual(main())


def test_it_ends_five_seconds_after_the_last_client_has_gone() -> None:
    async def play(w: World, asked: list[str]) -> None:
        s = await w.screen()
        await s.ask("pen.open", address=ADDRESS)
        await asyncio.sleep(2 * IDLE_END_S)
        await s.close()
        await asyncio.sleep(IDLE_END_S - 0.5)
        assert asked == []
        await asyncio.sleep(1.1)
        assert asked[0] == NOBODY

    scenario(play)


def test_a_session_of_a_killed_screen_is_still_there_half_an_hour_later() -> None:
    async def play(w: World, asked: list[str]) -> None:
        s = await w.ready("treatment", "TRAIN-1")
        session = w.desk.recording.session_id
        await s.start()
        await asyncio.sleep(1.0)
        await s.close()
        await asyncio.sleep(SESSION_KEPT_S - 10)
        assert asked == []
        again = await w.screen("again")
        (pen,) = await again.ask("pens.list")
        assert pen.session == session
        assert (await again.ask("pen.open", address=ADDRESS))["you_control"]
        assert "Nobody is signed in" in await refused(again.ask("pen.reset"))
        await w.sign_in(again, "Ada")
        assert (await again.ask("pen.reset")).outcome == "confirmed"
        assert (await again.start("MID")).outcome == "confirmed"
        await again.ask("run.end")
        await asyncio.sleep(1.5)
        await again.ask("session.close")
        assert [r["end_reason"] for r in w.rows("select end_reason from sessions")] == ["closed"]

    scenario(play)


def test_a_session_to_which_nobody_comes_back_is_abandoned_and_the_record_says_so() -> None:
    async def play(w: World, asked: list[str]) -> None:
        s = await w.ready()
        await s.close()
        await asyncio.sleep(SESSION_KEPT_S + 2)
        assert [r["end_reason"] for r in w.rows("select end_reason from sessions")] == ["interrupted"]
        (event,) = w.rows("select * from events where code = 'session-abandoned'")
        assert event["text"] == "Nobody came back to this session for 30 minutes."
        assert event["session_id"] is not None
        assert asked[0] == NOBODY

    scenario(play)
