"""A calibration by the station's requests, in virtual time, and what the record and a start make of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from support.calibrating import calibrated, technician
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


def test_a_pen_is_calibrated_adjusted_and_signed_for() -> None:
    async def play(w: World) -> None:
        s = await technician(w)
        done = await calibrated(w, s)
        end = done["calibration"]["end"]
        assert (end["how"], end["left"], end["name"]) == ("finished", "pass", "Tom")
        assert "valid until" in done["text"]
        found, left = done["calibration"]["evaluations"]
        # The reference pen: gain 1.02, offset 15 µm.
        assert abs(found["fit"]["gain"] - 1.02) < 0.003
        assert abs(found["fit"]["offset"] - 0.015) < 0.005
        assert left["max_error"] < 0.012 < found["max_error"]
        assert w.desk.recording.calibrated.reasons() == ()
        rows = w.rows("select count(*) as n from calibration_readings")
        assert rows[0]["n"] == 2 * len(found["readings"])

    scenario(play)
