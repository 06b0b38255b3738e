"""The monitor: every pen that the station holds, on one screen. It controls none of them; STOP stops all of them."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, ClassVar, Final, Protocol

from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.driver import Driver
from textual.filter import NoColor

from devicectl.bench.monitor import FILTERS, SORTS, Monitor, Row, chosen, summary
from devicectl.station.client_api import StationError
from tui.monitor_rows import key_line, seen_at_once, table, title_line, trouble_line
from tui.palettes import COLOURLESS, DARK, THEMES
from tui.stop_guard import SWITCH_INTERVAL_S, Scanned, StopGuard, StopPressed
from tui.terminal import TerminalPulse
from tui.terminal_driver import watch
from tui.theme import ALARMS, BRIGHT, Look
from tui.widgets.line_board import LineBoard
from tui.widgets.line_board import Row as Line
from tui.widgets.stop_bar import StopBar

ASK_S: Final = 0.5
FRAME_S: Final = 0.25
NEWS_S: Final = 6.0
SILENT_S: Final = 2.0
"""A list older than this is not now any more, and the screen says so."""


class MonitorClient(Protocol):
    """What the monitor needs of a station client."""

    async def request(self, method: str, **params: Any) -> Any:
        """Ask and wait. Raises :class:`StationError`."""

    def stop_now(self, source: str) -> None:
        """STOP all pens, from any thread."""

    def on_lost(self, listener: Callable[[str], None]) -> None:
        """Call ``listener`` when the station is gone."""

    def on_direct(self, listener: Callable[[str], None]) -> None:
        """Call ``listener`` with a line when STOP had to go past the station."""


class MonitorApp(App[int], inherit_bindings=False):
    """All pens of a station, twice a second. ``look``, ``clock`` and ``localtime`` as in the dashboard.

    ``text``: only pens in whose row it stands.
    """

    ENABLE_COMMAND_PALETTE = False
    ESCAPE_TO_MINIMIZE = False
    ALLOW_SELECT = False
    TITLE = "devicectl monitor"
    CSS = """
    Screen { background: $ground; layout: vertical; }
    #title { height: 1; background: $bar; }
    #trouble { height: 1; background: $side; }
    #table { height: 1fr; background: $ground; }
    #keys { height: 1; background: $side; }
    StopBar { height: 1; background: $stop-off; color: $stop-text; text-style: bold; }
    StopBar.-on { background: $stop-on; }
    """
    BINDINGS: ClassVar = [
        Binding("s", "sort(1)", show=False),
        Binding("S", "sort(-1)", show=False),
        Binding("f", "filter(1)", show=False),
        Binding("F", "filter(-1)", show=False),
        Binding("c", "clear", show=False),
        Binding("up", "scroll(-1)", show=False),
        Binding("down", "scroll(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "scroll(-100000)", show=False),
        Binding("end", "scroll(100000)", show=False),
        Binding("q,escape", "leave", show=False),
    ]

    def __init__(
        self,
        client: MonitorClient,
        *,
        look: Look | None = None,
        sort: str = "worst",
        show: str = "all",
        text: str = "",
        clock: Callable[[], float] = time.monotonic,
        utc: Callable[[], float] = time.time,
        localtime: Callable[[float], time.struct_time] = time.localtime,
    ) -> None:
        self.client = client
        self.look = look or Look(DARK)
        self.sort, self.show, self.text = sort, show, text
        self.clock, self.utc, self.localtime = clock, utc, localtime
        self.monitor = Monitor()
        self.guard = StopGuard(client.stop_now, clock)
        self.pulse = TerminalPulse(clock)
        self.top = 0
        self._heard_at: float | None = None
        self._news, self._news_at = "", 0.0
        self._lost = ""
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

    def _build_driver(self, *args: Any, **kwargs: Any) -> Driver:
        driver = self.guard.install(super()._build_driver(*args, **kwargs))
        watch(driver, self.pulse)
        return driver

    def compose(self) -> ComposeResult:
        """Title, trouble, table, keys, STOP."""
        yield LineBoard(1, id="title")
        yield LineBoard(1, id="trouble")
        yield LineBoard(id="table")
        yield LineBoard(1, id="keys")
        yield StopBar()

    def on_mount(self) -> None:
        """Begin to ask."""
        self.client.on_lost(self._lose)
        self.client.on_direct(self.say)
        self.set_interval(FRAME_S, self.frame, name="frames")
        self.run_worker(self._ask(), exclusive=True)

    async def _ask(self) -> None:
        while not self._lost:
            began = self.clock()
            try:
                self.monitor.take(await self.client.request("pens.list"), began)
                self._heard_at = began
            except StationError as error:
                self.say(str(error))
            self.frame()
            await asyncio.sleep(ASK_S)

    def _lose(self, sentence: str) -> None:
        self._lost = sentence

    def say(self, words: str) -> None:
        """A line of news for some seconds."""
        self._news, self._news_at = words, self.clock()

    @property
    def rows(self) -> list[Row]:
        """What is shown, in its order."""
        return chosen(self.monitor.rows, self.sort, self.show, self.text)

    def frame(self) -> None:
        """Paint what changed."""
        if not self.is_running:
            return
        if self.pulse.hung_up:
            self.exit(128 + signal.SIGHUP)
            return
        width, height = self.size.width, self.size.height - 4
        told, rows = summary(self.monitor.rows), self.rows
        now = self.clock()
        silent = self._heard_at is None or now - self._heard_at > SILENT_S
        # The monitor controls no pen, so no key but those of STOP is one.
        self.guard.heard(bool(told["turning"]) or silent, controls=False)
        self.guard.stop_top = self.size.height - 1
        seen = seen_at_once(rows, width, height)
        self.top = max(0, min(self.top, len(rows) - seen))
        place = f"{self.top + 1} to {min(len(rows), self.top + seen)} of {len(rows)}" if rows else "none"
        self.query_one("#title", LineBoard).put(0, title_line(self.monitor.rows, width, self.utc(), self.localtime))
        self.query_one("#trouble", LineBoard).put(0, self._second(width, silent))
        self.query_one("#table", LineBoard).fill(table(rows, width, height, self.top, self.sort))
        self.query_one("#keys", LineBoard).put(0, key_line(width, self.sort, self.show, self.text, place))
        pens = f"{told['pens']} pens" if told["pens"] != 1 else "the pen"
        may_turn = bool(told["turning"]) or silent
        mark = "■  STOP" if may_turn else "□  all still, STOP goes"
        self.query_one(StopBar).show(f"{mark} to {pens}: SPACE, F9, or click here", may_turn)

    def _second(self, width: int, silent: bool) -> Line:
        if self._lost:
            return ((f" {self._lost} ", ALARMS["high"].banner),)
        if self._news and self.clock() - self._news_at < NEWS_S:
            return ((f" › {self._news}"[:width], BRIGHT),)
        if silent and self._heard_at is not None:
            return (
                (f" the station has not answered for {self.clock() - self._heard_at:.0f} s ", ALARMS["high"].banner),
            )
        return trouble_line(self.monitor.rows, width)

    def on_stop_pressed(self, event: StopPressed) -> None:
        """STOP is out already; say so."""
        self.say(f"STOP sent to all pens ({event.source}); the pen's own switch is the emergency stop")
        self.frame()

    def on_scanned(self, event: Scanned) -> None:
        """No field takes a scan here."""
        del event
        self.say("a scan or paste was ignored: nothing here takes one")

    def action_sort(self, by: int) -> None:
        """The next order."""
        names = list(SORTS)
        self.sort, self.top = names[(names.index(self.sort) + by) % len(names)], 0
        self.frame()

    def action_filter(self, by: int) -> None:
        """The next filter."""
        names = list(FILTERS)
        self.show, self.top = names[(names.index(self.show) + by) % len(names)], 0
        self.frame()

    def action_clear(self) -> None:
        """Forget pens that are gone."""
        self.monitor.forget_gone()
        self.frame()

    def action_scroll(self, rows: int) -> None:
        """Move the table by some rows."""
        self.top += rows
        self.frame()

    def action_page(self, way: int) -> None:
        """Move the table by what is in sight."""
        self.action_scroll(way * seen_at_once(self.rows, self.size.width, self.size.height - 4))

    def action_leave(self) -> None:
        """Leave. Nothing stops by it: the monitor controls no pen."""
        self.exit(1 if self._lost else 0)


async def show_monitor(client: MonitorClient, **choices: Any) -> int:
    """Run the monitor on the running loop until the user leaves; answers the exit code. ``choices`` are those of the app."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    app, loop = MonitorApp(client, **choices), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, app.exit, 128 + number)
    try:
        code = await app.run_async()
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
    return app.return_code or 0 if code is None else code
