"""Custom patches: the ones of this session and of its plan, and the next free number. Also while the motor turns."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding

from devicectl.treatment.zones import CUSTOM_MAX
from tui import text
from tui.screens.base import Sheet
from tui.screens.rows import key_row
from tui.theme import BRIGHT, CHIP, DIM, TEXT
from tui.widgets.line_board import BLANK, Row
from tui.zones import patches_of


class PatchScreen(Sheet[str | None]):
    """Answers the code of a patch; ``note CUS-n`` when it is to be described; None at Esc."""

    TITLE_TEXT = "Custom patches"
    WIDTH = 66
    ALSO: ClassVar = {"patch": "close"}
    BINDINGS: ClassVar = [
        *[Binding(str(n), f"pick({n})", show=False) for n in range(1, 10)],
        Binding("up", "step(-1)", show=False),
        Binding("down", "step(1)", show=False),
        Binding("enter", "choose", show=False),
        Binding("f4", "describe", show=False),
        Binding("escape", "close", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.cursor = -1

    @property
    def codes(self) -> list[str]:
        """Patches that are known, and the next free one behind them."""
        known = [patch.code for patch in patches_of(self.live.view)]
        numbers = {int(code.removeprefix("CUS-")) for code in known}
        free = next((n for n in range(1, CUSTOM_MAX + 1) if n not in numbers), None)
        return known if free is None else [*known, f"CUS-{free}"]

    def _place(self, codes: list[str]) -> int:
        if self.cursor < 0:
            view = self.live.view
            here = view.zone if view is not None else None
            self.cursor = codes.index(here) if here in codes else 0
        return min(self.cursor, len(codes) - 1)

    def frame(self) -> None:
        """Each patch with what is planned and done."""
        view, codes = self.live.view, self.codes
        at, known = self._place(codes), {patch.code: patch for patch in patches_of(view)}
        fit = max(1, self.room - 4)
        first = max(0, min(at - fit // 2, len(codes) - fit))
        rows: list[Row] = []
        for index, code in enumerate(codes[first : first + fit], first):
            patch, here = known.get(code), index == at
            words = patch.words if patch is not None else "new: the next free number"
            chosen = "  chosen" if view is not None and view.zone == code else ""
            head = (f" {code:<7}", CHIP if here else TEXT)
            rows.append((head, (f"  {text.cut(words, self.inner - 20)}{chosen}", BRIGHT if here else DIM)))
        help_ = "A patch counts as 10 cm². Its place and size are described in a note, which is kept as ciphertext."
        rows += [BLANK, *(((line, DIM),) for line in text.within(help_, self.inner, 2))]
        keys = (("1-9", "or"), ("Enter", "chooses"), ("F4", "describes it"), ("Esc", "back"))
        self.show([*rows, key_row(keys, self.inner)])

    def action_step(self, by: int) -> None:
        """Move the cursor."""
        codes = self.codes
        self.cursor = max(0, min(len(codes) - 1, self._place(codes) + by))
        self.repaint()

    def action_pick(self, number: int) -> None:
        """By its number."""
        self.dismiss(f"CUS-{number}")

    def action_choose(self) -> None:
        """The one under the cursor."""
        codes = self.codes
        self.dismiss(codes[self._place(codes)])

    def action_describe(self) -> None:
        """A note about it."""
        codes = self.codes
        self.dismiss(f"note {codes[self._place(codes)]}")

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)
