"""The way through a session: every step with its state and one sentence; Enter opens what it needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from devicectl.station.views import ChartView, StepView, View
from tui import text
from tui.model import next_of
from tui.screens.listed import MOVES, ListSheet
from tui.theme import BRIGHT, DIM, TEXT, Ink
from tui.widgets.line_board import Row

MARKS: Final = {"done": "✓", "open": "○", "trouble": "✖", "waiting": "◌"}
WORDS: Final = {"done": "done", "open": "open", "trouble": "TROUBLE", "waiting": "waits"}
PHASES: Final = {"start": "Begin", "before": "Before", "during": "During", "after": "After", "sign": "Sign"}


def before_opening(view: View | None) -> tuple[StepView, ...]:
    """The steps until a treatment is open, from what the screen knows."""
    pen, operator = (view.pen, view.operator) if view is not None else (None, None)
    signed_in = operator is not None and not operator.locked
    who = f"{operator.name}, {operator.role}." if operator is not None else "Nobody is signed in here; sign in."
    found = [
        _step("operator", "Operator", "done" if signed_in else "open", who),
        _step("pen", "Pen", "done" if pen else "open", f"{pen.model} {pen.serial}." if pen else "No pen is chosen."),
    ]
    ready = signed_in and pen is not None
    bench = view is not None and view.session is not None
    if bench:
        words = "A bench session is open on this pen; s closes it."
    else:
        words = "Choose or add a client; that opens the treatment." if ready else "First: operator and pen."
    found.append(_step("client", "Client", "open" if ready and not bench else "waiting", words))
    titles = (
        "Course",
        "Consent",
        "Checklist",
        "Anaesthetic",
        "Cartridge",
        "Skin",
        "Daily check",
        "Zones",
        "Discard cartridge",
        "Sign",
    )
    found += [_step(title.casefold(), title, "waiting", "When the treatment is open.") for title in titles]
    return tuple(found)


def _step(name: str, title: str, state: str, words: str) -> StepView:
    return StepView(name, title, "start", state, words, (), False)


class StepsScreen(ListSheet[StepView]):
    """Answers the name of the step that was chosen; ``chart`` gives the chart of the session that is meant."""

    TITLE_TEXT = "The way through the session"
    ABOUT: ClassVar = 1
    PLACE: ClassVar = False
    HOLDS_SCANS = False

    def __init__(self, chart: Callable[[], ChartView | None], at: str | None = None) -> None:
        super().__init__()
        self._chart, self._at = chart, at
        self._aimed: tuple[str | None, bool] | None = None

    def on_mount(self) -> None:
        """The next step is chosen already."""
        self._aim()

    def _aim(self) -> None:
        """Put the cursor on the next step when that has changed; else leave it where the user put it."""
        chart = self._chart()
        names = [step.name for step in self.items]
        following = (
            next_of(chart)
            if chart is not None
            else next((step.name for step in self.items if step.state == "open"), None)
        )
        aimed = (following, chart is not None)
        if aimed != self._aimed and following in names:
            self.cursor = names.index(following)
        if self._aimed is None and self._at in names:
            self.cursor = names.index(self._at)
        self._aimed = aimed

    @property
    def items(self) -> Sequence[StepView]:
        """The steps now."""
        chart = self._chart()
        return chart.steps if chart is not None else before_opening(self.live.view)

    @property
    def bound(self) -> frozenset[str]:
        """Leaving; any other key is STOP while the motor may turn."""
        return MOVES | frozenset(self.live.keymap.keys["steps"])

    def frame(self) -> None:
        """As any list."""
        self._aim()
        super().frame()

    def line(self, item: StepView, here: bool, width: int) -> Row:
        """Mark and word of the state, title, sentence."""
        state = "may" if item.optional and item.state == "open" else WORDS[item.state]
        urgent = item.state == "trouble"
        ink: Ink = BRIGHT if here or urgent else DIM if item.state in ("done", "waiting") else TEXT
        head = f"{MARKS[item.state]} {state:<8}{item.title:<18}"
        return (("›" if here else " ", BRIGHT), (f" {head}", ink), (text.cut(item.text, width - len(head) - 2), ink))

    def about(self, item: StepView | None, width: int) -> list[Row]:
        """The whole sentence of a trouble; else news, or the sentence where the row has cut it."""
        trouble = item is not None and item.state == "trouble"
        news = self.live.notice
        if news and not trouble:
            return [((text.cut(f"› {news}", width), TEXT),)]
        if item is not None and len(item.text) > width - 30:
            return [((text.cut(item.text, width), BRIGHT if trouble else TEXT),)]
        return []

    def keys(self) -> tuple[tuple[str, str], ...]:
        """Hints."""
        more = (("F7", "passes"), ("F8", "record")) if self._chart() is not None else ()
        hidden = len(self.items) > self.room - self.ABOUT - 1
        place = f"{self.cursor + 1} of {len(self.items)}" if hidden else "another"
        return (("Enter", "opens it"), ("up down", place), ("Esc", "map"), *more)

    async def pressed(self, key: str) -> bool:
        """The key that opened it closes it; the session's and the pens' key go there."""
        keys = self.live.keymap.keys
        if key in keys["steps"]:
            self.action_close()
        elif key in keys["session"]:
            self.dismiss("session")
        elif key in keys["pens"]:
            self.dismiss("pen")
        elif key in keys["quit"]:
            self.dismiss("quit")
        elif key in keys["operator"]:
            self.dismiss("operator")
        elif key in ("f7", "f8") and self._chart() is not None:
            self.dismiss("passes" if key == "f7" else "record")
        else:
            return False
        return True

    def chosen(self, item: StepView) -> None:
        """Enter."""
        self.dismiss(item.name)
