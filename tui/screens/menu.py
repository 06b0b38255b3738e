"""A short list of things to do."""

from __future__ import annotations

from tui.screens.listed import ListSheet, pointed
from tui.widgets.line_board import Row


class MenuScreen(ListSheet[tuple[str, str]]):
    """A short list of things to do; answers the word of one."""

    ABOUT = 1
    WIDTH = 68
    HOLDS_SCANS = False

    def __init__(self, title: str, items: list[tuple[str, str]]) -> None:
        super().__init__()
        self._title, self._items = title, items

    def on_mount(self) -> None:
        """Its title."""
        self.query_one("#box").border_title = self._title

    @property
    def items(self) -> list[tuple[str, str]]:
        """See `ListSheet`."""
        return self._items

    def line(self, item: tuple[str, str], here: bool, width: int) -> Row:
        """Its words."""
        del width
        return pointed(here, item[1])

    def chosen(self, item: tuple[str, str]) -> None:
        """Enter."""
        self.dismiss(item[0])
