"""The monitor's screen without a terminal, at the sizes it is made for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from devicectl.bench.monitor import Monitor
from devicectl.station.client_api import StationError
from tui.monitor import MonitorApp
from tui.monitor_rows import COLUMNS, columns, table
from tui.painter import app_strips
from tui.palettes import DARK
from tui.theme import Look
from tui.widgets.line_board import width_of

from .test_model import pen

SIZES = [(80, 24), (120, 40), (200, 60)]


class Station:
    """Answers ``pens.list`` with what a test puts there."""

    def __init__(self, pens: list[dict[str, Any]]) -> None:
        self.pens = pens
        self.stops: list[str] = []
        self.asked: set[str] = set()
        self.refusal: str | None = None
        self.lose: Callable[[str], None] = lambda text: None

    async def request(self, method: str, **params: Any) -> Any:
        self.asked.add(method)
        if self.refusal:
            raise StationError(self.refusal, "x")
        return self.pens

    def stop_now(self, source: str) -> None:
        self.stops.append(source)

    def on_lost(self, listener: Callable[[str], None]) -> None:
        self.lose = listener

    def on_direct(self, listener: Callable[[str], None]) -> None:
        pass


def many() -> list[dict[str, Any]]:
    pens = [pen(n, state="running", motion="turning", rate_mhz=99_800 + n, depth_um=1000) for n in range(64)]
    pens[17] |= {"link": "lost", "sample_age_s": 4.2, "motion": "unknown"}
    pens[30] |= {"faults": ["stall"], "state": "fault", "latched": True, "motion": "still", "rate_mhz": 0}
    pens[41] |= {"state": "stopped", "latched": True, "motion": "still", "rate_mhz": 0}
    return pens


async def rows(app: MonitorApp, pilot: Pilot[Any]) -> list[str]:
    await pilot.pause(0.05)
    app.frame()
    await pilot.pause()
    return [strip.text for strip in app_strips(app)]


async def until(app: MonitorApp, pilot: Pilot[Any], true: Callable[[list[str]], bool]) -> list[str]:
    for _ in range(200):
        if true(found := await rows(app, pilot)):
            return found
    raise AssertionError("\n".join(found))


def made(station: Station, **more: Any) -> MonitorApp:
    return MonitorApp(station, localtime=time.gmtime, **more)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("ascii_only", [False, True])
async def test_all_is_there_at_every_size(size: tuple[int, int], ascii_only: bool) -> None:
    station = Station(many())
    app = made(station, look=Look(DARK, ascii_only))
    async with app.run_test(size=size) as pilot:
        screen = await until(app, pilot, lambda found: "64 pens" in found[0])
        assert len(screen) == size[1]
        assert all(len(line) == size[0] for line in screen)
        assert "61 turning" in screen[0]
        assert "SIMULATED" in screen[0]
        assert "3 pens need a look: REF-0017 LINK LOST; REF-0030 FAULT stall" in screen[1]
        assert "REF-0017" in screen[3]
        assert "REF-0030" in screen[4]
        assert "STOP to 64 pens" in screen[-1]
        assert not ascii_only or all(line.isascii() for line in screen)
        if size[0] >= 200:
            assert sum("REF-" in line[:11] for line in screen) + sum("REF-" in line[100:112] for line in screen) == 64
    assert station.asked == {"pens.list"}
    assert station.stops == []


async def test_keys_sort_and_filter_and_move() -> None:
    app = made(Station(many()))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(app, pilot, lambda found: "64 pens" in found[0])
        await pilot.press("s")
        screen = await until(app, pilot, lambda found: "by pen" in found[-2])
        assert "REF-0000" in screen[3]
        await pilot.press("pagedown")
        screen = await until(app, pilot, lambda found: "20 to 38" in found[-2])
        assert "REF-0019" in screen[3]
        await pilot.press("end")
        await until(app, pilot, lambda found: "REF-0063" in found[-3])
        await pilot.press("f")
        screen = await until(app, pilot, lambda found: "show trouble" in found[-2])
        assert sum("REF-" in line for line in screen[3:-2]) == 3
        await pilot.press("F", "home")
        await until(app, pilot, lambda found: "show all" in found[-2])
        await pilot.press("S")
        await until(app, pilot, lambda found: "by worst" in found[-2])


@pytest.mark.parametrize("key", ["space", "f9"])
async def test_stop_goes_to_all_at_once_and_is_said(key: str) -> None:
    station = Station(many())
    app = made(station)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(app, pilot, lambda found: "64 pens" in found[0])
        await pilot.press(key)
        assert station.stops == [key]
        await until(app, pilot, lambda found: "STOP sent to all pens" in found[1])


async def test_other_keys_stop_nothing_and_leaving_stops_nothing() -> None:
    station = Station(many())
    app = made(station)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(app, pilot, lambda found: "64 pens" in found[0])
        for key in ("x", "g", "Y", "1", "enter", "tab", "q"):
            await pilot.press(key)
            await pilot.pause(0.05)
    assert app.return_value == 0
    assert station.stops == []
    assert station.asked == {"pens.list"}


async def test_a_silent_station_and_a_lost_one_do_not_look_like_now() -> None:
    station, now = Station([pen(1)]), [0.0]
    app = made(station, clock=lambda: now[0])
    async with app.run_test(size=(80, 24)) as pilot:
        await until(app, pilot, lambda found: "1 pens" in found[0])
        assert "no pen needs a look" in (await rows(app, pilot))[1]
        station.refusal = "The station did not answer."
        await until(app, pilot, lambda found: "did not answer" in found[1])
        now[0] = 60.0
        screen = await until(app, pilot, lambda found: "has not answered for 60 s" in found[1])
        assert "■  STOP to the pen" in screen[-1]
        station.lose("The station ended; start devicectl again.")
        await until(app, pilot, lambda found: "The station ended" in found[1])
        await pilot.press("q")
    assert app.return_value == 1


def test_the_narrow_columns_fit_80_cells_and_no_line_is_wider_than_its_screen() -> None:
    found = Monitor().take([*many(), pen(99, serial="X" * 40, model="M" * 40, state="s" * 40)], 0.0)
    assert [column.head for column in columns(80)] == [one.head for one in COLUMNS if not one.wide]
    for width in (80, 100, 120, 161, 162, 200, 300):
        for line in table(found, width, 20, 0, "worst"):
            assert width_of(line) <= width
