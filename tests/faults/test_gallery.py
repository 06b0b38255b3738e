"""Each schedule of the gallery makes happen what it says, and no safety rule is broken meanwhile."""

from __future__ import annotations

import asyncio

import pytest
from support.links import Wire, run_over

from devicectl.bench.expectations import unmet
from devicectl.bench.oracle import Oracle, Violation
from devicectl.bench.rehearse import rehearse
from devicectl.bench.schedule_file import gallery
from devicectl.bench.soak import LinkKind
from devicectl.bench.stack import Stack
from simulator.pen import SimulatedPen
from simulator.player import Player

GALLERY = gallery()
VIRTUAL = [(name, link) for name, one in GALLERY.items() for link in ("memory", "ble") if link in one.links]
ON_A_PTY = ("silence", "stuck-motor", "restart", "lost-frames")


@pytest.mark.parametrize(("name", "link"), VIRTUAL)
def test_what_must_happen_happens(name: str, link: LinkKind) -> None:
    found = rehearse(GALLERY[name], link)
    assert found["unmet"] == []
    assert found["violations"] == []
    assert len(found["played"]) >= len(GALLERY[name].faults)


@pytest.mark.parametrize("name", ON_A_PTY)
def test_the_same_over_a_pseudo_terminal_in_real_time(name: str) -> None:
    schedule = GALLERY[name]

    async def main() -> None:
        broken: list[Violation] = []
        sim = SimulatedPen(seed=1)
        wire = await Wire("pty", sim).open()
        stack = Stack([wire], seed=1)
        await stack.begin()
        seat = stack.seats[0]
        oracle = Oracle(stack, seat, broken.append)
        oracle.all_of = lambda: [oracle]
        player = Player(sim, schedule, 1, lambda name, value, begins: None)
        person = seat.person
        assert person is not None
        await person.ask("zone.select", zone="VTX")
        sheet = await person.ask("run.preview")
        await asyncio.sleep(0.2)
        reply = await person.ask("run.start", ticket=sheet.ticket)
        assert reply.outcome == "confirmed"
        live = tuple(phrase for phrase in schedule.expect if "record " not in phrase)
        await stack.until(lambda: len(player.played) >= 1 and not unmet(live, oracle), schedule.seconds * 3)
        assert unmet(live, oracle) == []
        oracle.close()
        player.close()
        sim.clear_faults()
        await stack.close()
        await wire.close()
        assert not [one for one in broken if one.rule in ("limit", "token", "late", "ids", "written", "latch")]

    run_over("pty", main)
