"""From what a screen shows to what it lets hear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from devicectl.alarms.board import Priority
from devicectl.alarms.sound import Burst, Heard, Sounder
from devicectl.station.views import RunView
from tui.model import Live
from tui.player import Player, find_player


class Sounds:
    """Looks at the alarms with every frame. ``bell`` rings the terminal's, where nothing better can."""

    def __init__(self, live: Live, bell: Callable[[], None], on: bool) -> None:
        self._live, self._bell, self._loop = live, bell, asyncio.get_running_loop()
        self._sounder = Sounder()
        self._left: float | None = None
        self.player: Player | None = None
        self.switch(on)

    @property
    def on(self) -> bool:
        """Whether anything sounds."""
        return self.player is not None

    def switch(self, on: bool) -> None:
        """Sound from now on, or no more."""
        if on and self.player is None:
            self.player = Player(self._ring_soon, find_player())
        elif not on:
            self.close()

    def try_out(self, burst: Burst) -> None:
        """Let one burst be heard."""
        if self.player is not None:
            self.player.play(burst)

    def _ring_soon(self, burst: Burst) -> None:
        try:
            self._loop.call_soon_threadsafe(self._ring, burst)
        except RuntimeError:
            pass  # the loop has closed

    def _ring(self, burst: Burst) -> None:
        for start in burst.starts:
            self._loop.call_later(start, self._bell)

    def frame(self) -> None:
        """Sound what is due."""
        live, view = self._live, self._live.view
        heard = [
            Heard(alarm.id, Priority[alarm.priority.upper()])
            for alarm in live.alarms()
            if not alarm.acknowledged and (alarm.active or alarm.priority == "high")
        ]
        silent = view is not None and view.silenced_s > live.since
        self._planned(view.run if view is not None else None)
        burst = self._sounder.due(live.clock(), heard, silent)
        if burst is not None and self.player is not None:
            self.player.play(burst)

    def _planned(self, run: RunView | None) -> None:
        left = run.planned_left_s if run is not None else None
        if left is not None and self._left is not None and left <= 0 < self._left:
            self._sounder.tick()
        self._left = left

    def close(self) -> None:
        """Sound no more."""
        if self.player is not None:
            self.player.close()
            self.player = None
