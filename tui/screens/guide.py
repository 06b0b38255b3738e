"""The first run: who works here, where the record lies, whether the keys arrive, and what STOP does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual import events

from tui import text
from tui.keys import show_key
from tui.screens.base import Sheet
from tui.screens.listed import MOVES, ListSheet
from tui.screens.rows import key_row
from tui.theme import BRIGHT, DIM, TEXT
from tui.widgets.line_board import BLANK, Part, Row

TESTED: Final = ("up", "down", "enter", "tab", "backspace", "f2", "f3", "f5", "f6", "f7", "f8")
"""Keys that forms and lists need, and that some terminals keep for themselves."""


@dataclass(frozen=True, slots=True)
class GuideItem:
    """One thing to do at the first run."""

    name: str
    title: str
    done: bool
    words: str


class GuideScreen(ListSheet[GuideItem]):
    """Answers the name of what is to be done next; Esc leaves, `w` begins a treatment later."""

    TITLE_TEXT = "Setting up"
    ABOUT: ClassVar = 4
    PLACE: ClassVar = False
    HOLDS_SCANS = False

    def __init__(self, operator: bool, seen: set[str]) -> None:
        super().__init__()
        self._operator, self._seen = operator, seen
        self.cursor = next(at for at, item in enumerate(self.items) if not item.done)

    @property
    def items(self) -> Sequence[GuideItem]:
        """What there is to do, and what of it is done."""
        seen = self._seen
        return (
            GuideItem("operator", "First operator", self._operator, "A name, a role and a PIN. Bench sessions need none."),
            GuideItem("record", "Record and backup", "record" in seen, "Where everything is kept, and how it is kept twice."),
            GuideItem("keys", "Key test", "keys" in seen, "Whether this terminal lets every key through."),
            GuideItem("pen", "A pen", "pen" in seen, "Choose the simulated pen: devicectl simulate pty starts one."),
            GuideItem(
                "stop", "STOP test", "stop" in seen,
                "With the simulated pen: press SPACE now. The bar says STOP SENT, the pen is latched; r resets it.",
            ),
            GuideItem("steps", "Begin", False, "The way through a session: operator, client, consent, zones, signature."),
        )  # fmt: skip

    def head(self) -> list[Row]:
        """What this program is not."""
        words = "This is not a cleared medical device. The emergency stop is the pen's own switch or plug."
        return [*(((line, BRIGHT),) for line in text.wrap(words, self.inner)), BLANK]

    def line(self, item: GuideItem, here: bool, width: int) -> Row:
        """Mark and title."""
        del width
        ink = BRIGHT if here else DIM if item.done else TEXT
        return (("›" if here else " ", BRIGHT), (f" {'✓ done' if item.done else '○ open'}  {item.title}", ink))

    def about(self, item: GuideItem | None, width: int) -> list[Row]:
        """What it is about."""
        return [] if item is None else [((line, TEXT),) for line in text.wrap(item.words, width)]

    def chosen(self, item: GuideItem) -> None:
        """Enter; STOP is not tested by Enter."""
        if item.name == "stop":
            self.tell("Press SPACE.")
        else:
            self.dismiss(item.name)

    def keys(self) -> tuple[tuple[str, str], ...]:
        """Hints."""
        return (("Enter", "does it"), ("up down", "another"), ("Esc", "leaves"))


class RecordSheet(Sheet[bool]):
    """Where the record lies, and how it is backed up."""

    TITLE_TEXT = "Record and backup"
    BINDINGS: ClassVar = []

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    @property
    def bound(self) -> frozenset[str]:
        """Moving on."""
        return MOVES

    def frame(self) -> None:
        """The places and the commands."""
        said = (
            f"The record is the file {self.place}",
            f"Its keys are in the folder {self.place}.keys; without them no identity and no note can be read.",
            "Back up both to another disk: 'devicectl db backup FILE' copies the record while it is in use,",
            "'devicectl db backup-keys FILE' copies the keys under a passphrase. Keep the copies apart.",
            "Whether a backup has grown old is told by a low alarm.",
        )
        rows: list[Row] = []
        for words in said:
            rows += [((line, TEXT),) for line in text.wrap(words, self.inner)]
        self.show([*rows, BLANK, key_row((("Enter", "understood"), ("Esc", "back")), self.inner)])

    async def on_key(self, event: events.Key) -> None:
        """Enter or Esc."""
        event.stop()
        if event.key in ("enter", "escape"):
            self.dismiss(event.key == "enter")


class KeyTestSheet(Sheet[bool]):
    """Every key that the screens need, to be pressed once. Answers True when all of them came."""

    TITLE_TEXT = "Key test"
    BINDINGS: ClassVar = []

    def __init__(self) -> None:
        super().__init__()
        self.came: set[str] = set()

    @property
    def bound(self) -> frozenset[str]:
        """All that are tested."""
        return frozenset({*TESTED, "escape"})

    def frame(self) -> None:
        """What came and what did not."""
        rows: list[Row] = [(("Press each of these once; SPACE and F9 are STOP here too.", TEXT),), BLANK]
        for first in range(0, len(TESTED), 4):
            row: list[Part] = []
            for key in TESTED[first : first + 4]:
                here = key in self.came
                row.append((f" {'✓' if here else '·'} {show_key(key):<12}", DIM if here else BRIGHT))
            rows.append(tuple(row))
        left = len(TESTED) - len(self.came)
        words = (
            "Every key arrives. Enter goes on."
            if not left
            else (f"{left} to go. A key that never comes is kept by the terminal or its multiplexer: see its settings.")
        )
        rows += [BLANK, *(((line, BRIGHT if not left else DIM),) for line in text.wrap(words, self.inner))]
        self.show([*rows, key_row((("Esc", "back"),), self.inner)])

    async def on_key(self, event: events.Key) -> None:
        """A key came."""
        event.stop()
        if event.key == "escape":
            self.dismiss(len(self.came) == len(TESTED))
        elif event.key == "enter" and len(self.came) == len(TESTED):
            self.dismiss(True)
        elif event.key in TESTED:
            self.came.add(event.key)
        self.repaint()
