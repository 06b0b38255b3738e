"""What every screen shares: frames painted on the application's one timer, the keys it binds, the client's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen

from tui.keys import names
from tui.model import Live
from tui.widgets.line_board import LineBoard, Row

if TYPE_CHECKING:
    from tui.app import DashboardApp

Answer = TypeVar("Answer")


class Painted(Screen[Answer], inherit_bindings=False):
    """A screen that is painted by `frame`, ten times a second and at once after a key."""

    BINDINGS: ClassVar[list[Any]] = []
    ready = False
    """Whether its widgets are there to be painted."""

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

    def on_screen_resume(self) -> None:
        """Tell the guard which keys this screen knows."""
        self.dashboard.guard.bound = self.bound
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

    def compose(self) -> ComposeResult:
        """A frame with one board of rows; subclasses add what they need by `extra`."""
        with Vertical(id="box") as box:
            box.border_title = self.TITLE_TEXT
            box.styles.width = self.WIDTH + 4
            yield LineBoard(id="rows")
            yield from self.extra()

    def extra(self) -> ComposeResult:
        """More widgets under the rows."""
        yield from ()

    @property
    def inner(self) -> int:
        """Cells in a row of the box."""
        return min(self.WIDTH, self.app.size.width - 6)

    @property
    def room(self) -> int:
        """Rows the box may have without covering title, alarms or STOP."""
        return max(4, self.app.size.height - self.dashboard.stop_rows - 5)

    def show(self, rows: list[Row]) -> None:
        """Fill the box; its height follows."""
        board = self.query_one("#rows", LineBoard)
        rows = rows[: self.room]
        if board.styles.height is None or board.styles.height.value != len(rows):
            board.styles.height = len(rows)
        board.fill(rows)
