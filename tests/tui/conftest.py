"""A dashboard without a terminal on a scripted client, with a clock that stands still unless it is told to go."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest
from textual.pilot import Pilot

from devicectl.station.views import View
from tests.tui.fake_client import FakeClient, ModelClock
from tui import scenes
from tui.app import DashboardApp
from tui.painter import app_strips


@dataclass
class Stage:
    """A running dashboard and what moves it."""

    app: DashboardApp
    client: FakeClient
    clock: ModelClock
    pilot: Pilot[int]

    async def press(self, *keys: str) -> None:
        """Press keys one after the other, slowly enough not to be a scanner; views go on arriving."""
        for key in keys:
            self.client.show()
            await self.pilot.press(key)
            await self.settle()

    async def settle(self) -> None:
        """Let keys, answers and frames through."""
        await self.pilot.pause(0.06)
        while self.app.guard.holding:
            await self.pilot.pause(0.01)
        await self.pilot.pause()
        self.app._tick()
        await self.pilot.pause()

    async def show(self, view: View) -> None:
        """Show another view."""
        self.client.show(view)
        await self.settle()

    async def row_with(self, row: int, text: str) -> str:
        """A row of the screen, given a busy machine some time to show ``text`` in it."""
        for _ in range(30):
            if text in self.rows()[row]:
                break
            await self.settle()
        return self.rows()[row]

    async def wait(self, seconds: float) -> None:
        """Let model time pass; no view arrives."""
        self.clock.now += seconds
        await self.settle()

    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(strip.text.rstrip() for strip in app_strips(self.app))

    def rows(self) -> list[str]:
        """The same, row by row."""
        return self.text().split("\n")

    def asked(self, method: str) -> list[dict[str, object]]:
        """Parameters of every request of one method."""
        return [params for name, params in self.client.requests if name == method]


StageMaker = Callable[..., AbstractAsyncContextManager[Stage]]


@asynccontextmanager
async def _stage(
    view: View | None = scenes.IDLE, size: tuple[int, int] = (120, 40), first_run: bool = False
) -> AsyncIterator[Stage]:
    clock, client = ModelClock(), FakeClient()
    app = DashboardApp(client, fps=20, first_run=first_run, clock=clock, localtime=time.gmtime)
    async with app.run_test(size=size) as pilot:
        made = Stage(app, client, clock, pilot)
        if view is not None:
            client.show(view)
        await made.settle()
        yield made


@pytest.fixture
def stage() -> StageMaker:
    """Start a dashboard: ``async with stage(view, size) as s``."""
    return _stage
