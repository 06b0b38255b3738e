"""A dashboard without a terminal that shows one scene after another: for pictures, and for what must stay as it is.

One application shows many scenes, because an application takes longer to begin than a scene to be drawn. Its clock is a
model's, so every scene begins at the same moment and looks the same whatever was shown before.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from textual import events
from textual._compositor import Compositor
from textual.pilot import Pilot

from devicectl.station.views import StartSheet, View
from tui import calibration_scenes as calibrations
from tui import scenes
from tui import treatment_scenes as treatments
from tui.app import DashboardApp
from tui.model import NOTICE_S, Live
from tui.painter import app_strips
from tui.palettes import DARK
from tui.scenes import SceneClient
from tui.screens.sign_in import SignInSheet
from tui.theme import Look

PLAIN_DARK: Final = Look(DARK)
START: Final = scenes.start_sheet()
AT: Final = 1000.0
STEPS: Final = 22
"""Views of 1 s before the picture."""
SAMPLES: Final = 50
STALE_S: Final = 0.4
FPS: Final = 0.001
"""Frames come when a scene asks for them."""
FRAME_S: Final = 0.02
"""Longer than Textual waits between two updates of its screen."""
PATIENCE: Final = 200
"""Turns of the loop within which a screen has come."""


class ModelClock:
    """A clock that goes only when it is told to."""

    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@dataclass(frozen=True)
class Scene:
    """One picture: a view, what happens after 22 s of it, and how old it is when the picture is taken."""

    name: str
    view: View
    keys: tuple[str, ...] = ()
    age_s: float = 0.02
    sheet: StartSheet = START
    air: bool = False
    """Pens are heard on the air too, and the first asks for its passkey."""
    calibration: str = ""
    """Which calibration the station has (`tui.calibration_scenes.answers`)."""
    look: Look = PLAIN_DARK


class Gallery:
    """An application and what moves it."""

    def __init__(self, app: DashboardApp, client: SceneClient, clock: ModelClock, pilot: Pilot[int]) -> None:
        self.app, self.client, self.clock, self._pilot = app, client, clock, pilot
        self._scene: Scene | None = None

    async def enter(self, scene: Scene) -> None:
        """Bring the application into a scene. Its look must be the one that the gallery was opened with."""
        app, client = self.app, self.client
        while len(app.screen_stack) > 2:
            app.pop_screen()
        self._scene, client.sheet = scene, scene.sheet
        client.air, client.refusals = (scenes.AIR, {"session.open": scenes.NO_PASSKEY}) if scene.air else ([], {})
        client.operators = list(treatments.NAMES)
        client.answers = calibrations.answers(scene.calibration) if scene.calibration else {}
        self.clock.now = AT
        app.live = Live(self.clock)
        app.live.heard_rssi = {pen["address"]: pen["rssi"] for pen in scenes.AIR}
        app.treat.begin_anew()
        await self._settle()
        for step in range(STEPS):
            self.clock.now += 1.0
            client.push(scenes.traced(scene.view, 100_000 + step * 1000, SAMPLES))
        app._tick()
        await self._settle()
        for key in scene.keys:
            client.push(scenes.traced(scene.view, 122_100))
            app.post_message(events.Key(key, _character(key)))
            await self._settle()
        self.clock.now += scene.age_s
        await self._painted()

    async def show(self, view: View) -> None:
        """Another view, with whatever lies on the screen."""
        self.client.push(scenes.traced(view, 122_200))
        await self._painted()

    async def alarm(self) -> None:
        """The scene's view with two alarms."""
        assert self._scene is not None
        await self.show(replace(self._scene.view, alarms=scenes.alarmed().alarms))

    async def stale(self) -> None:
        """The scene's own view again, and nothing for 0.4 s."""
        assert self._scene is not None
        self.client.push(scenes.traced(self._scene.view, 122_200))
        self.clock.now += STALE_S
        await self._painted()

    async def lock(self) -> None:
        """The scene's view after five minutes without a key."""
        assert self._scene is not None
        self.clock.now += NOTICE_S  # news have grown old by then
        locked = replace(treatments.OPERATOR, locked=True, lock_in_s=None)
        await self.show(replace(self._scene.view, operator=locked))
        for _ in range(PATIENCE):
            if isinstance(self.app.screen, SignInSheet) and self.app.screen.locked:
                break
            await self._settle()
        await self._painted()

    async def _settle(self) -> None:
        """Keys, answers and layout are through: every widget has done what it was told, twice with a frame between."""
        await self._pilot._wait_for_screen()
        await asyncio.sleep(FRAME_S)
        await self._pilot._wait_for_screen()

    async def _painted(self) -> None:
        await self._settle()
        before = ""
        for _ in range(PATIENCE):
            # A box that grows is laid out anew, some turns of the loop after it was told.
            self.app._tick()
            await self._settle()
            if before == (before := self.text()):
                return

    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(strip.text.rstrip() for strip in app_strips(self.app)) + "\n"


def _character(key: str) -> str | None:
    return key if len(key) == 1 else {"underscore": "_", "full_stop": ".", "question_mark": "?"}.get(key)


@contextmanager
def _undrawn() -> Iterator[None]:
    """Nothing is drawn for a terminal that is not there (a private call: Textual is pinned): it is most of the work."""
    draw = Compositor.render_update

    def pass_over(compositor: Compositor, *_: Any, **__: Any) -> None:
        compositor._dirty_regions.clear()

    setattr(Compositor, "render_update", pass_over)  # noqa: B010
    try:
        yield
    finally:
        setattr(Compositor, "render_update", draw)  # noqa: B010


@asynccontextmanager
async def gallery(size: tuple[int, int], look: Look = PLAIN_DARK) -> AsyncIterator[Gallery]:
    """An application of this size and look, ready for scenes."""
    clock, client = ModelClock(), SceneClient()
    app = DashboardApp(client, fps=FPS, look=look, book=treatments.BOOK, clock=clock, localtime=time.gmtime)
    with _undrawn():
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            yield Gallery(app, client, clock, pilot)
