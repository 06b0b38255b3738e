"""What every screen shares: frames painted on the application's one timer, the keys it binds, the client's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen

from tui.model import Live
from tui.theme import DIM, KEYCAP
from tui.widgets.line_board import LineBoard, Row

if TYPE_CHECKING:
    from tui.app import DashboardApp

Answer = TypeVar("Answer")


def names(bound: list[BindingType]) -> frozenset[str]:
    """The key names of bindings, for the guard that turns every other key into STOP."""
    return frozenset(name for b in bound for name in (b.key if isinstance(b, Binding) else b[0]).split(","))


class Painted(Screen[Answer], inherit_bindings=False):
    """A screen that is painted by `frame`, ten times a second and at once after a key."""

    BINDINGS: ClassVar[list[Any]] = []
    ready = False
    """Whether its widgets are there to be painted."""
    STAYS: ClassVar[bool] = False
    """Whether it stays on the screen after a STOP; sheets do not."""
    HOLDS_SCANS: ClassVar[bool] = False
    """Whether keys that come as fast as a scan are kept together while letters go into a field of this screen."""

    def on_mount(self) -> None:
        """Widgets are there."""
        self.ready = True

    def on_unmount(self) -> None:
        """Widgets are gone."""
        self.ready = False

    @property
    def dashboard(self) -> DashboardApp:
        """The application, by its own type."""
        return cast("DashboardApp", self.app)

    @property
    def live(self) -> Live:
        """What is known now."""
        return self.dashboard.live

    @property
    def bound(self) -> frozenset[str]:
        """Keys this screen knows; any other key is STOP while the motor may turn."""
        return names(self.BINDINGS)

    @property
    def takes_text(self) -> bool:
        """Whether letters go into a field that this screen draws itself."""
        return False

    def scanned(self, words: str) -> None:
        """A burst of keys or a paste; kept away from the bindings."""
        del words
        self.live.say("a scan or paste was ignored: no field asked for one")

    def stopped(self) -> None:
        """STOP went out while this screen stays."""

    def on_screen_resume(self) -> None:
        """Tell the guard which keys this screen knows."""
        self.dashboard.guard.bound = self.bound
        self.dashboard.guard.holds_scans = self.HOLDS_SCANS
        self.dashboard.guard.gauge_field = False
        self.repaint()

    def repaint(self) -> None:
        """Paint a frame now, outside the timer, if there is still something to paint on."""
        if self.ready and self.app.is_running:
            self.frame()

    def frame(self) -> None:
        """Copy what changed since the last frame to the screen."""


class Sheet(ModalScreen[Answer], Painted[Answer], inherit_bindings=False):
    """A box over the treatment screen, whose title, alarms and STOP bar stay in sight and alive."""

    CSS_PATH = "sheet.tcss"
    TITLE_TEXT: ClassVar[str] = ""
    WIDTH: ClassVar[int] = 68
    ALSO: ClassVar[dict[str, str]] = {}
    """Commands of the user's keymap that mean something here too, with the action behind them."""

    def compose(self) -> ComposeResult:
        """A frame with one board of rows; subclasses add what they need by `extra`."""
        with Vertical(id="box") as box:
            box.border_title = self.TITLE_TEXT
            box.styles.width = self.inner + 4
            yield LineBoard(id="rows")
            yield from self.extra()

    @property
    def bound(self) -> frozenset[str]:
        """Its own keys, and those the user gave to the commands of `ALSO`."""
        return super().bound.union(*(self.live.keymap.keys[name] for name in self.ALSO))

    async def on_key(self, event: events.Key) -> None:
        """A key of the keymap; what the sheet itself binds comes first."""
        for name, action in self.ALSO.items():
            if event.key in self.live.keymap.keys[name]:
                event.stop()
                await self.run_action(action)
                return

    def extra(self) -> ComposeResult:
        """More widgets under the rows."""
        yield from ()

    @property
    def inner(self) -> int:
        """Cells in a row of the box."""
        return max(1, min(self.WIDTH, self.app.size.width - 6))

    @property
    def room(self) -> int:
        """Rows the box may have without covering title, alarms or STOP."""
        return max(1, self.app.size.height - self.dashboard.stop_rows - 5)

    def show(self, rows: list[Row]) -> None:
        """Fill the box; its size follows."""
        board, box = self.query_one("#rows", LineBoard), self.query_one("#box")
        self.set_class(self.dashboard.look.ascii, "-ascii")
        rows = rows[: self.room]
        if board.styles.height is None or board.styles.height.value != len(rows):
            board.styles.height = len(rows)
        if box.styles.width is None or box.styles.width.value != self.inner + 4:
            box.styles.width = self.inner + 4
        board.fill(rows)


class Scrolled(Sheet[None]):
    """A sheet for text that may be longer than the room; it scrolls by arrows and pages and answers nothing."""

    WIDTH = 112
    BINDINGS: ClassVar = [
        Binding("up", "scroll(-1)", show=False),
        Binding("down", "scroll(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "scroll(-100000)", show=False),
        Binding("end", "scroll(100000)", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.top = 0

    def content(self) -> list[Row]:
        """All rows, as wide as `inner`."""
        return []

    def frame(self) -> None:
        """The rows in sight, and below them how to see the others."""
        rows = self.content()
        fits = len(rows) <= self.room
        body = self.room if fits else max(1, self.room - 1)
        self.top = max(0, min(self.top, len(rows) - body))
        shown = rows[self.top : self.top + body]
        if not fits:
            place = f"{self.top + 1} to {self.top + len(shown)} of {len(rows)}"
            shown.append((("up down PgUp PgDn", KEYCAP), (f"  {place}   ", DIM), ("Esc", KEYCAP), (" closes", DIM)))
        self.show(shown)

    def action_scroll(self, rows: int) -> None:
        """Move the text by some rows."""
        self.top += rows
        self.repaint()

    def action_page(self, way: int) -> None:
        """Move the text by what is in sight."""
        self.action_scroll(way * max(1, self.room - 2))

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)
