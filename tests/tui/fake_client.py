"""A scripted client for layout and for a real terminal: it plays a scene at the station's pace. Not a pen, not a station.

``python -m tests.tui.fake_client SCENE [BLOCK_S]`` opens the dashboard on it. The file named by ``STOP_REPORT`` gets one
line per STOP with the monotonic time in ns, the one named by ``BEAT_REPORT`` every heartbeat at the end; with BLOCK_S the screen's loop sleeps that long, twice a second.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from devicectl.station.client_api import StationError
from devicectl.station.views import View
from tui import scenes
from tui.scenes import SceneClient


class ModelClock:
    """A clock that goes only when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class FakeClient(SceneClient):
    """A `SceneClient` that can refuse, be slow, and play a scene by itself."""

    def __init__(self, view: View = scenes.IDLE) -> None:
        super().__init__()
        self.view = view
        self.refuse: dict[str, str] = {}
        self.answers: dict[str, Any] = {}
        self.serial = 0
        self.closed = False
        self.report = os.environ.get("STOP_REPORT")

    def show(self, view: View | None = None) -> None:
        """Show a view now, with 100 ms of telemetry."""
        if view is not None:
            self.view = view
        self.serial += 1
        if self.view.pen is None:
            self.push(self.view)
        else:
            self.push(scenes.traced(self.view, 100_000 + 100 * self.serial))

    async def play(self, rate_hz: float = 10) -> None:
        """Show the scene for ever."""
        while True:
            self.show()
            await asyncio.sleep(1 / rate_hz)

    async def request(self, method: str, **params: Any) -> Any:
        """Refuse, or answer what the test laid down."""
        if method in self.refuse:
            self.requests.append((method, params))
            raise StationError(self.refuse[method])
        default = await super().request(method, **params)
        return self.answers.get(method, default)

    def stop_now(self, source: str) -> None:
        """Note the time first: this runs in the input thread."""
        at = time.monotonic_ns()
        super().stop_now(source)
        if self.report is not None:
            with open(self.report, "a") as report:
                report.write(f"{at} {source}\n")

    async def close(self) -> None:
        """Remember it, and write the heartbeats down where a test asked for them."""
        self.closed = True
        if (report := os.environ.get("BEAT_REPORT")) is not None:
            with open(report, "w") as beats:  # noqa: ASYNC230
                beats.writelines(f"{frame} {keys}\n" for frame, keys in self.beats)


async def _block(seconds: float) -> None:
    while True:
        await asyncio.sleep(0.5)
        time.sleep(seconds)  # noqa: ASYNC251


async def main(scene: str, block_s: float) -> int:
    """The dashboard on a scene, in the terminal this process has."""
    from tui.app import show

    views: dict[str, Callable[[], View]] = {
        "needling": scenes.needling,
        "idle": lambda: scenes.IDLE,
        "empty": scenes.no_session,
    }
    client = FakeClient(views[scene]())
    tasks = [asyncio.ensure_future(client.play())]
    if block_s:
        tasks.append(asyncio.ensure_future(_block(block_s)))
    try:
        return await show(client)
    finally:
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 0.0)))
