"""The dashboard: one application, one frame timer, one guard in front of the keyboard.

It never owns the pen. It sends requests to a station, shows the station's views, and says ten times a second that it is
alive; when it is not, the station stops the pen.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from textual import events
from textual.app import App
from textual.driver import Driver
from textual.filter import NoColor
from textual.widgets import Input

from devicectl.alarms.sound import LOW
from devicectl.station.client_api import StationClient, StationError
from devicectl.station.views import View
from tui.book import Book, HeldBook
from tui.keys import DEFAULT, Keymap
from tui.model import Live, replies
from tui.multiplexer import MultiplexerWatch
from tui.palettes import COLOURLESS, DARK, THEMES
from tui.screens.base import Painted
from tui.screens.form_draft import Draft
from tui.screens.help import AboutScreen
from tui.screens.session import SessionScreen
from tui.screens.treat import TALL, treat_screen
from tui.settings import Settings
from tui.sounds import Sounds
from tui.stop_guard import SWITCH_INTERVAL_S, Scanned, StopGuard, StopPressed
from tui.terminal import QUESTION, Absence, TerminalPulse
from tui.terminal_driver import SizeWatch, watch
from tui.theme import Look
from tui.widgets.drawn import Drawn

ACTIVITY_S: Final = 1.0
"""The station is told of keys no oftener."""


class DashboardApp(App[int], inherit_bindings=False):
    """The terminal dashboard on one station client.

    ``fps`` frames and heartbeats a second; ``sound``: alarms are heard too; ``clock`` counts seconds and ``localtime`` turns UTC into a time of day
    (tests bring their own); ``first_run`` opens the disclaimer first; ``book`` reads clients and protocols; ``remember`` takes the user's choices and answers a
    sentence when they could not be kept.
    """

    ENABLE_COMMAND_PALETTE = False
    ESCAPE_TO_MINIMIZE = False
    ALLOW_SELECT = False
    TITLE = "devicectl"

    def __init__(
        self,
        client: StationClient,
        *,
        fps: float = 10,
        sound: bool = False,
        first_run: bool = False,
        book: Book | None = None,
        look: Look | None = None,
        keymap: Keymap = DEFAULT,
        settings: Settings | None = None,
        remember: Callable[[Settings], str | None] = lambda settings: None,
        clock: Callable[[], float] = time.monotonic,
        localtime: Callable[[float], time.struct_time] = time.localtime,
    ) -> None:
        self.client = client
        self.fps = fps
        self.first_run = first_run
        self.book: Book = book or HeldBook()
        self.drafts: dict[str, Draft] = {}
        """What was typed into forms and not sent, by form and subject; gone with whoever typed it."""
        self.localtime = localtime
        self.live = Live(clock, keymap=keymap)
        self.guard = StopGuard(client.stop_now, clock)
        self.guard.added_stops = keymap.stops
        self.pulse = TerminalPulse(clock)
        self.absence = Absence(clock)
        self.guard.answered = self.pulse.answered
        self.guard.pressed = self._press
        self.multiplexer: MultiplexerWatch | None = None
        self.size_watch: SizeWatch | None = None
        """None where the screen is in no terminal of this process: a browser, a test."""
        self.look = look or Look(DARK)
        self.settings = settings or Settings(self.look.palette.name)
        self.remember = remember
        self.frames = 0
        self.stopped_at: float | None = None
        self._told_at = float("-inf")
        self.sound = sound
        self.sounds: Sounds | None = None
        """There while the screen runs."""
        self.treat = treat_screen(keymap)
        super().__init__()
        if self.no_color:
            self.look = Look(COLOURLESS, self.look.ascii)
        if self.look.palette.colourless:
            self._filters.append(NoColor())
        for palette in (*THEMES.values(), COLOURLESS):
            self.register_theme(palette.theme)
        self.theme = self.look.palette.theme.name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our colour names, in whatever theme."""
        return dict(DARK.theme.variables)

    def set_look(self, *, theme: str | None = None, ascii: bool | None = None) -> None:
        """Change the palette or the characters now, and remember the choice."""
        old = self.look
        palette = old.palette if theme is None or old.palette.colourless else THEMES[theme]
        self.look = Look(palette, old.ascii if ascii is None else ascii)
        self.theme = palette.theme.name
        for screen in self.screen_stack:
            for widget in screen.query(Drawn):
                widget.forget()
        settings = self.settings
        self._remember(
            replace(settings, theme=theme or settings.theme, ascii=settings.ascii if ascii is None else ascii)
        )
        self._tick()

    def set_sound(self, on: bool) -> None:
        """Sound from now on, with a burst to hear it by, or no more; and remember the choice."""
        if self.sounds is None:
            return
        self.sounds.switch(on)
        self.sounds.try_out(LOW)
        self.live.say("sound is on" if on else "sound is off: nothing is heard of any alarm on this screen")
        self._remember(replace(self.settings, sound=on))

    def _remember(self, settings: Settings) -> None:
        self.settings = settings
        problem = self.remember(settings)
        if problem is not None:
            self.live.say(problem)

    def _build_driver(self, *args: Any, **kwargs: Any) -> Driver:
        driver = self.guard.install(super()._build_driver(*args, **kwargs))
        if watch(driver, self.pulse):
            self.multiplexer = MultiplexerWatch(self.pulse, lambda: self.guard.may_turn)
            self.size_watch = SizeWatch(driver, self.live.clock)
        return driver

    @property
    def stop_rows(self) -> int:
        """Rows of the STOP bar."""
        return 3 if self.size.height >= TALL else 1

    def on_mount(self) -> None:
        """Show the treatment screen and begin to listen."""
        self.sounds = Sounds(self.live, self.bell, self.sound)
        self.push_screen(self.treat)
        if self.first_run:
            self.push_screen(AboutScreen(), lambda _: self._set_up())
        self.client.on_view(self._hear)
        self.client.on_lost(self._lose)
        self.client.on_direct(self.live.say)
        self.set_interval(1 / self.fps, self._tick, name="frames")
        self.call_after_refresh(gc.freeze)

    def _set_up(self) -> None:
        """The guide of a first run, unless somebody has begun already: a session is open."""
        view = self.live.view
        if view is None or view.session is None:
            self.treat.guide()

    async def on_event(self, event: events.Event) -> None:
        """As Textual does; a hand at keys or mouse also puts off the lock."""
        now = self.live.clock()
        if isinstance(event, events.Key | events.Paste | events.MouseDown) and now - self._told_at >= ACTIVITY_S:
            self._told_at = now
            self.client.activity()
        await super().on_event(event)

    def on_unmount(self) -> None:
        """Give the collector its objects back: a test process lives on."""
        gc.unfreeze()
        if self.multiplexer is not None:
            self.multiplexer.close()
        if self.sounds is not None:
            self.sounds.close()

    def _hear(self, view: View) -> None:
        self.live.hear(view)
        motion = view.pen.motion if view.pen is not None else "still"
        self.guard.heard(motion != "still", view.you_control)
        self.treat.hear(view)

    def _press(self, key: str) -> None:
        """Show at once that a key was heard; what it does comes when it is known to be no scan."""
        self.live.press(key)
        self.treat.paint_keys()

    def _lose(self, sentence: str) -> None:
        self.live.lost = sentence
        self.treat.repaint()

    def _tick(self) -> None:
        """One frame on every screen of the stack; the heartbeat follows when it has been painted."""
        if not self.is_running:
            return
        self.guard.stop_top = self.size.height - self.stop_rows
        drawn = isinstance(self.screen, Painted) and self.screen.takes_text
        self.guard.text_focus = drawn or isinstance(self.focused, Input)
        self._look_at_terminal()
        if not self.pulse.busy and self.pulse.problem is None:
            for screen in self.screen_stack:
                if isinstance(screen, Painted):
                    screen.repaint()
        if self.sounds is not None:
            self.sounds.frame()
        self.frames += 1
        self.screen.call_after_refresh(self._beat, self.frames)

    def _look_at_terminal(self) -> None:
        """Ask whether it is there; say so when it is back. Nothing is painted for a terminal that is not."""
        live, pulse, driver = self.live, self.pulse, self._driver
        if self.multiplexer is None or driver is None:
            return
        if pulse.hung_up:
            self.leave(128 + signal.SIGHUP)
            return
        if self.size_watch is not None and (size := self.size_watch.look(self.size)) is not None:
            self.post_message(events.Resize(size, size))
        if pulse.look(self.guard.may_turn):
            driver.write(QUESTION)
            pulse.asked()
        live.mute = pulse.mute
        view = live.view
        running = view is not None and view.run is not None and view.you_control
        back = self.absence.look(pulse.problem, running)
        if back is not None:
            live.say(back)
            if view is not None and view.pen is not None and view.controller is None:
                self.run_worker(self.ask("control.take"))

    def _beat(self, frame: int) -> None:
        keys = self.guard.keys
        if self.pulse.problem is not None:
            return  # nobody sees this screen: it counts as dead, and the station stops the pen
        self.client.heartbeat(frame, frame if keys is None else keys)

    async def ask(self, method: str, **params: Any) -> Any:
        """Send a request; a refusal or a reply becomes a line of news. Answers None when it was refused."""
        try:
            answer = await self.client.request(method, **params)
        except StationError as error:
            self.live.say(str(error))
            self.treat.refused(method, params, error)
            return None
        except (OSError, TimeoutError) as error:
            self.live.say(f"the station did not answer {method}: {str(error) or type(error).__name__}")
            return None
        for reply in replies(answer):
            word = "" if reply.outcome == "confirmed" else f"{reply.outcome.replace('_', ' ').upper()}: "
            if word or reply.text:
                self.live.say(f"{word}{reply.text}")
        return True if answer is None else answer

    def on_stop_pressed(self, event: StopPressed) -> None:
        """STOP is out already; say so, and leave whatever lay over the treatment screen."""
        self.stopped_at = self.live.clock()
        self.live.say(f"STOP sent ({event.source})")
        for screen in self.screen_stack[:]:
            if isinstance(screen, SessionScreen):
                screen.typing = False
        while len(self.screen_stack) > 1 and self.screen is not self.treat and not _stays(self.screen):
            self.pop_screen()
        if isinstance(self.screen, Painted):
            self.screen.stopped()
        self.treat.repaint()
        if self.treat.guiding:
            self.treat.guide()

    def on_scanned(self, event: Scanned) -> None:
        """A scan goes to the field that asked for one, and nowhere else."""
        if isinstance(self.screen, Painted):
            self.screen.scanned(event.text)

    def on_app_blur(self) -> None:
        """The keyboard went to another window."""
        self.live.blurred = True

    def on_app_focus(self) -> None:
        """The keyboard is back."""
        self.live.blurred = False

    def now(self) -> datetime:
        """The time of the station, in the time zone of this place."""
        view = self.live.view
        utc = time.time() if view is None else view.utc + self.live.since
        return datetime.fromtimestamp(utc, UTC).astimezone()

    def leave(self, code: int = 0) -> None:
        """End the dashboard with an exit code."""
        self.exit(code)


def _stays(screen: object) -> bool:
    return isinstance(screen, Painted) and screen.STAYS


async def show(client: StationClient, **choices: Any) -> int:
    """Run the dashboard on the running loop until the user leaves; answers the exit code.

    For clients that belong to a loop; ``choices`` are those of `DashboardApp`. Puts the process into the state the STOP
    latencies were measured in.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    app = DashboardApp(client, **choices)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, app.leave, 128 + number)
    try:
        code = await app.run_async()
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
        await client.close()
    return app.return_code or 0 if code is None else code


def run(client: StationClient, **choices: Any) -> int:
    """As `show`, with an event loop of its own."""
    return asyncio.run(show(client, **choices))
