"""A sheet with a list to choose from: a cursor, a window that follows it, and something to say about the chosen one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final, Generic, TypeVar

from textual import events

from tui import text
from tui.screens.base import Sheet
from tui.screens.rows import key_row
from tui.theme import BRIGHT, DIM, TEXT
from tui.widgets.line_board import BLANK, Row

Item = TypeVar("Item")
MOVES: Final = frozenset({"up", "down", "pageup", "pagedown", "home", "end", "enter", "escape"})


class ListSheet(Sheet[Any], Generic[Item]):
    """Up, down, pages; letters and digits narrow the list where ``SEARCHES`` is set (at rest only).

    Subclasses say what a row shows (`line`), what stands under the list (`about`), and what a key does (`pressed`).
    """

    WIDTH = 112
    BINDINGS: ClassVar = []
    SEARCHES: ClassVar[bool] = False
    HOLDS_SCANS = True
    ABOUT: ClassVar[int] = 4
    """Rows under the list."""
    PLACE: ClassVar[bool] = True
    """Whether a row of its own says where in a longer list the cursor is."""

    def __init__(self) -> None:
        super().__init__()
        self.cursor = 0
        self.search = ""
        self.told = ""

    @property
    def items(self) -> Sequence[Item]:
        """What there is to choose from now."""
        return ()

    @property
    def here(self) -> Item | None:
        """What the cursor is on."""
        items = self.items
        return items[min(self.cursor, len(items) - 1)] if items else None

    def line(self, item: Item, here: bool, width: int) -> Row:
        """One row of the list."""
        raise NotImplementedError

    def head(self) -> list[Row]:
        """Rows above the list."""
        return []

    def about(self, item: Item | None, width: int) -> list[Row]:
        """Rows under the list."""
        del item, width
        return []

    def keys(self) -> tuple[tuple[str, str], ...]:
        """Hints."""
        return (("Enter", "chooses"), ("Esc", "back"))

    async def pressed(self, key: str) -> bool:
        """A key with a meaning of its own; False when it has none."""
        del key
        return False

    def chosen(self, item: Item) -> None:
        """Enter."""
        self.dismiss(item)

    @property
    def takes_text(self) -> bool:
        """Letters go into the search."""
        return self.SEARCHES and self.live.at_rest

    @property
    def bound(self) -> frozenset[str]:
        """Moving about and leaving; while the motor may turn any other key is STOP."""
        return MOVES

    async def on_key(self, event: events.Key) -> None:
        """Moves, a key of its own, or a letter of the search."""
        event.stop()
        if not self.is_current:
            return
        key, page = event.key, max(1, self.room - self.ABOUT - 4)
        moves = {"up": -1, "down": 1, "pageup": -page, "pagedown": page, "home": -100_000, "end": 100_000}
        if key == "escape":
            if self.search:
                self.search = ""
            else:
                self.action_close()
                return
        elif key in moves:
            self.cursor = max(0, min(len(self.items) - 1, self.cursor + moves[key]))
        elif key == "enter":
            if self.here is not None:
                self.chosen(self.here)
        elif not await self.pressed(key) and self.SEARCHES:
            self._searched(key, event.character)
        self.repaint()

    def _searched(self, key: str, character: str | None) -> None:
        if not self.live.at_rest:
            return
        if key == "backspace":
            self.search = self.search[:-1]
        elif character is not None and character.isprintable() and len(self.search) < 40:
            self.search += character
        self.cursor = 0

    def scanned(self, words: str) -> None:
        """A fast hand, or a code that was scanned: into the search."""
        if self.SEARCHES and self.live.at_rest:
            self.search, self.cursor = (self.search + words.strip())[:40], 0
            self.repaint()
        else:
            super().scanned(words)

    def frame(self) -> None:
        """Head, the rows in sight, what there is to say, keys."""
        if self.is_current:
            self.dashboard.guard.text_focus = self.takes_text
        width, items, head = self.inner, self.items, self.head()
        self.cursor = max(0, min(self.cursor, len(items) - 1))
        body = max(1, self.room - len(head) - self.ABOUT - 1 - self.PLACE)
        first = max(0, min(self.cursor - body // 2, len(items) - body))
        rows = [self.line(item, at == self.cursor, width) for at, item in enumerate(items[first : first + body], first)]
        body = min(body, max(len(items), 6))
        rows += [BLANK] * (body - len(rows))
        hidden = len(items) - body
        place: Row = ((f"   up down: {self.cursor + 1} of {len(items)}", DIM),) if hidden > 0 else BLANK
        foot: list[Row] = [place] if self.PLACE else []
        said: list[Row] = [((words, BRIGHT),) for words in text.within(self.told, width, 2)] if self.told else []
        said += self.about(self.here, width)
        said = said[: self.ABOUT] + [BLANK] * (self.ABOUT - len(said))
        self.show([*head, *rows, *foot, *said, key_row(self.keys(), width)])

    def tell(self, sentence: str) -> None:
        """A sentence under the list."""
        self.told = sentence
        self.repaint()

    def action_close(self) -> None:
        """Back without a choice."""
        if self.is_current:
            self.dismiss(None)

    def on_unmount(self) -> None:
        """Nothing takes letters any more."""
        self.dashboard.guard.text_focus = False


def pointed(here: bool, words: str, mark: str = " ") -> Row:
    """The beginning of a row: the cursor and a mark."""
    return (("›" if here else " ", BRIGHT), (f"{mark} ", BRIGHT), (words, BRIGHT if here else TEXT))
