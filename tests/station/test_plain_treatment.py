"""A whole treatment in line mode on a real station, in virtual time: one question a line, and what the record holds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from support.world import ADDRESS, PIN, World

from devicectl.treatment.checklist import ITEMS
from simulator.virtual_time import run_virtual
from tui.plain import PlainDashboard


class Lines:
    """Somebody at line mode."""

    def __init__(self, world: World, client: object) -> None:
        self.said: list[str] = []
        self.world = world
        self.dashboard = PlainDashboard(client, self.said.append, world.loop.time)  # type: ignore[arg-type]

    async def says(self, *lines: str) -> str:
        """Lines one after the other; what came back on the last."""
        before = 0
        for line in lines:
            before = len(self.said)
            await self.dashboard.command(line)
            await asyncio.sleep(0.3)
        return "\n".join(self.said[before:])


def scenario(play: Callable[[World, Lines], Awaitable[None]]) -> None:
    async def main() -> None:
        world = World()
        try:
            screen = await world.screen("line mode")
            await world.sign_in(screen)
            await screen.ask("operator.sign_out")
            lines = Lines(world, screen.client)
            await asyncio.sleep(0.3)
            await play(world, lines)
        finally:
            await world.down()

    run_virtual(main())


async def prepared(w: World, p: Lines) -> None:
    """Signed in, a pen, a client, everything before the needles."""
    assert "1 Ada, 2 Pia, 3 Tom" in await p.says("sign in")
    assert "PIN" in await p.says("2")
    assert p.dashboard.treatment.secret
    assert "wrong" in await p.says("999999")
    assert "signed in" in await p.says(PIN)
    assert PIN not in "".join(p.said)
    await p.dashboard.client.request("pen.open", address=ADDRESS)
    await w.until(lambda: w.desk.confirmed_still)
    await asyncio.sleep(0.3)
    assert "Client recorded" in await p.says("client new", "T-1", ".")
    await p.says("treat T-1")
    assert any("next asks" in line for line in p.said)
    assert "Photographs allowed is needed" in await p.says("next", ".", ".", ".", ".")
    assert "Consent recorded" in await p.says("2")
    await p.says("next", ".", "1")
    assert "Checklist recorded" in await p.says(*["1"] * len(ITEMS))
    assert "Cartridge recorded" in await p.says("next", *["."] * 6)
    assert "recorded" in await p.says("next", "Alcohol 70 %", ".")
    assert "recorded" in await p.says("next", *["1"] * 5, *["."] * 5)


def test_a_treatment_line_by_line() -> None:
    async def play(w: World, p: Lines) -> None:
        await prepared(w, p)
        await p.says("zone VTX", "depth 1.0", "rate 100")
        while "yes within" not in await p.says("go"):
            await asyncio.sleep(0.2)
        await p.says("yes")
        await asyncio.sleep(4)
        await p.says("finish")
        await asyncio.sleep(2)
        assert "recorded" in await p.says("result VTX", ".", ".", "2", "3", ".", ".", "calm")
        assert "recorded" in await p.says("form cartridge_discarded", ".", "1")
        assert "Missing: Course" in await p.says("sign")
        assert "Signed as performed by Pia" in await p.says(".", "a single session", PIN)
        assert w.rows("select meaning from signatures") == [{"meaning": "performed"}]
        assert w.rows("select zone, end_point, pain from zone_results") == [
            {"zone": "VTX", "end_point": "mild_erythema", "pain": 3}
        ]
        assert b"calm" not in w.store.snapshot()

    scenario(play)


def test_a_form_is_left_and_goes_back_and_an_empty_line_is_stop() -> None:
    async def play(w: World, p: Lines) -> None:
        del w
        assert "2 of 2" in await p.says("client new", "T-1")
        assert "1 of 2" in await p.says("<")
        assert "left, nothing was sent" in await p.says("!")
        assert p.dashboard.treatment.filling is None
        assert p.dashboard.is_stop("")

    scenario(play)


def test_signing_in_is_next_also_while_a_treatment_is_open() -> None:
    async def play(w: World, p: Lines) -> None:
        await prepared(w, p)
        await p.says("sign out")
        assert "Nothing is left" not in (said := await p.says("next"))
        assert "1 Ada, 2 Pia, 3 Tom" in said

    scenario(play)


def test_the_next_thing_is_told_before_anything_is_open() -> None:
    async def play(w: World, p: Lines) -> None:
        del w
        assert "Operator, open" in "\n".join(p.said) or "Operator, open" in await p.says("steps")
        assert "Sign in" in await p.says("next")
        said = await p.says(PIN)
        assert "Name must be" in said
        assert PIN not in said

    scenario(play)
