"""Pictures of the screens for the documentation: ``python -m tui.pictures OUTDIR [NAME-WIDTHxHEIGHT ...]``."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from devicectl.station.views import StartSheet, View
from tui import scenes
from tui import treatment_scenes as treatments
from tui.app import DashboardApp
from tui.painter import paint_app
from tui.palettes import COLOURLESS, CONTRAST, DARK, LIGHT
from tui.scenes import SceneClient
from tui.theme import Look

PLAIN_DARK: Final = Look(DARK)
START: Final = scenes.start_sheet()
SIZES: Final = ((80, 24), (120, 40))
VAST: Final = (200, 60)


class ModelClock:
    """A clock that goes only when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@dataclass(frozen=True)
class Scene:
    """One picture: a view, what happens after 15 s of it, and how old it is when the picture is taken."""

    name: str
    view: View
    keys: tuple[str, ...] = ()
    age_s: float = 0.02
    sheet: StartSheet = START
    air: bool = False
    """Pens are heard on the air too, and the first asks for its passkey."""
    look: Look = PLAIN_DARK


SCENES: Final = (
    Scene("needling", scenes.needling()),
    Scene("idle", scenes.IDLE),
    Scene("alarm", scenes.alarmed()),
    Scene("not-still", scenes.not_still()),
    Scene("stopped", scenes.stopped()),
    Scene("stale", scenes.needling(), age_s=0.4),
    Scene("silent", scenes.needling(), age_s=2.4),
    Scene("watching", scenes.watching()),
    Scene("start", scenes.IDLE, ("g",)),
    Scene("refused", scenes.IDLE, ("g",), sheet=scenes.start_sheet(ok=False)),
    Scene("reason", scenes.IDLE, ("g", "o", *"runs", "underscore", *"from"), sheet=scenes.start_sheet(ok=False)),
    Scene("overridden", scenes.IDLE, ("g",), sheet=scenes.overridden_sheet()),
    Scene("pens", scenes.no_session(), ("p",)),
    Scene("air", scenes.no_session(), ("p",), air=True),
    Scene("on-air", scenes.on_air()),
    Scene("passkey", scenes.no_session(), ("p", "1", "s", "b", *"1234"), air=True),
    Scene("session", scenes.no_session(), ("s", "t")),
    Scene("values", scenes.IDLE, ("i", "1", "full_stop", "2", "5")),
    Scene("log", scenes.needling(), ("l",)),
    Scene("alarms", scenes.not_still(), ("A",)),
    Scene("help", scenes.IDLE, ("question_mark",)),
    Scene("arriving", treatments.arriving(), ("w",)),
    Scene("sign-in", treatments.arriving(), ("w", "enter")),
    Scene("locked", treatments.locked()),
    Scene("clients", treatments.at_work(), ("w", "enter")),
    Scene("file", treatments.at_work(), ("w", "enter", "tab")),
    Scene("record", treatments.at_work(), ("w", "enter", "tab", "down", "enter")),
    Scene("amendment", treatments.at_work(), ("w", "enter", "tab", "down", "enter", *["down"] * 10, "enter")),
    Scene("event-state", treatments.at_work(), ("w", "enter", "tab", *["down"] * 5, "enter", "2")),
    Scene("moved", treatments.at_work(), ("w", "enter", "tab", *["down"] * 7, "f7")),
    Scene("patches", treatments.patched(), ("z",)),
    Scene("patched", treatments.patched()),
    Scene("protocols", treatments.at_work(), ("w", "enter", "down", "down", "enter")),
    Scene("steps", treatments.charted(), ("w",)),
    Scene("checklist", treatments.charted(), ("w", "enter", "3", "1", "2")),
    Scene("form", treatments.charted(), ("w", "down", "down", "enter", "f2")),
    Scene("plan", treatments.charted()),
    Scene("plan-needling", treatments.charted(scenes.needling())),
    Scene("plan-alarm", treatments.charted(scenes.alarmed())),
    Scene("plan-colourless", treatments.charted(scenes.alarmed()), look=Look(COLOURLESS)),
    Scene("numbing", treatments.numbing()),
    Scene("direction", treatments.charted(), ("u",)),
    Scene("result", treatments.charted(), ("k", "enter", "enter", "2", "1", "1")),
    Scene("sign", treatments.whole(), ("w", "enter")),
    Scene("steps-alarm", treatments.charted(scenes.alarmed()), ("w",)),
    Scene("steps-stale", treatments.charted(), ("w",), age_s=0.4),
    Scene("theme", scenes.IDLE, ("t",), look=Look(LIGHT)),
    Scene("light", scenes.alarmed(), look=Look(LIGHT)),
    Scene("contrast", scenes.alarmed(), look=Look(CONTRAST)),
    Scene("ascii", scenes.alarmed(), look=Look(DARK, ascii=True)),
    Scene("colourless", scenes.alarmed(), look=Look(COLOURLESS)),
    Scene("plainest", scenes.IDLE, ("g",), look=Look(COLOURLESS, ascii=True)),
)

TREATMENT: Final = frozenset({
    "file", "record", "amendment", "event-state", "moved", "patches", "patched", "arriving", "sign-in", "locked", "clients", "protocols", "steps", "checklist", "form", "plan", "plan-needling",
    "plan-alarm", "numbing", "direction", "result", "sign", "steps-alarm", "steps-stale",
})  # fmt: skip
"""Scenes of a treatment beside the pen."""
VAST_SCENES: Final = tuple(scene for scene in SCENES if scene.name in TREATMENT | {SCENES[0].name})
"""Those that are also made at 200x60."""

Shot = Callable[[DashboardApp, Scene], Awaitable[None]]


async def play(scene: Scene, size: tuple[int, int], shot: Shot) -> None:
    """Bring a dashboard without a terminal into a scene and call ``shot``. Its clock is a model's."""
    clock = ModelClock()
    client = SceneClient(scene.sheet)
    if scene.air:
        client.air, client.refusals = scenes.AIR, {"session.open": scenes.NO_PASSKEY}
    client.operators = list(treatments.NAMES)
    app = DashboardApp(client, fps=20, look=scene.look, book=treatments.BOOK, clock=clock, localtime=time.gmtime)
    app.live.heard_rssi = {pen["address"]: pen["rssi"] for pen in scenes.AIR}
    async with app.run_test(size=size) as pilot:
        for step in range(220):
            clock.now += 0.1
            client.push(scenes.traced(scene.view, 100_000 + step * 100))
        await pilot.pause(0.1)
        for key in scene.keys:
            client.push(scenes.traced(scene.view, 122_100))
            await pilot.press(key)
            await pilot.pause(0.15)
            while app.guard.holding:
                await pilot.pause(0.01)
        app.live.press("")
        clock.now += scene.age_s
        await pilot.pause(0.15)
        await shot(app, scene)


async def main(folder: Path, names: tuple[str, ...] = ()) -> None:
    """Paint every scene at both sizes, and those of a treatment at 200x60 too, into an existing folder; with ``names`` only those."""
    for width, height in (*SIZES, VAST):

        async def shot(app: Any, scene: Scene, name: str = f"{width}x{height}") -> None:
            paint_app(app, folder / f"{scene.name}-{name}.png")

        for scene in VAST_SCENES if (width, height) == VAST else SCENES:
            if not names or f"{scene.name}-{width}x{height}" in names:
                await play(scene, (width, height), shot)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m tui.pictures OUTDIR [NAME-WIDTHxHEIGHT ...]")
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(out, tuple(sys.argv[2:])))
