"""The pen chooser: what was found, why it matched, who holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from textual.binding import Binding

from tui import text
from tui.screens.base import Sheet
from tui.screens.rows import key_row
from tui.theme import BADGE, BRIGHT, CHIP, DIM, TEXT
from tui.widgets.line_board import Row


@dataclass(frozen=True, slots=True)
class FoundPen:
    """One answer of ``pens.scan``."""

    address: str
    name: str
    why: str
    held: str
    simulated: bool
    matched: bool = True
    ours: bool = False
    """Held by the station of this screen: choosing it watches it, and takes control if nobody has it."""

    @classmethod
    def of(cls, data: dict[str, Any]) -> FoundPen:
        """From the station's answer; ``held`` may be a flag or a sentence."""
        held = data.get("held") or ""
        return cls(
            str(data.get("address", "")),
            str(data.get("name") or "unnamed pen"),
            str(data.get("why") or ""),
            "held by another program" if held is True else str(held),
            bool(data.get("simulated")),
            bool(data.get("matched", True)),
            bool(data.get("ours")),
        )

    @classmethod
    def list_of(cls, answer: Any) -> list[FoundPen]:
        """All of an answer, what matched first."""
        found = [cls.of(item) for item in answer] if isinstance(answer, list | tuple) else []
        return sorted(found, key=lambda pen: not pen.matched)


class PensScreen(Sheet[str | None]):
    """Answers the chosen address. Nothing is written to a port to find it, and choosing starts nothing."""

    TITLE_TEXT = "Choose a pen"
    WIDTH = 70
    ALSO: ClassVar = {"pens": "close"}
    BINDINGS: ClassVar = [
        Binding("up", "step(-1)", show=False),
        Binding("down", "step(1)", show=False),
        Binding("enter", "choose", show=False),
        Binding("r", "scan", show=False),
        Binding("escape,q", "close", show=False),
        *[Binding(str(n), f"pick({n})", show=False) for n in range(1, 10)],
    ]

    def __init__(self) -> None:
        super().__init__()
        self.pens: list[FoundPen] | None = None
        self.cursor = 0

    def on_mount(self) -> None:
        """Look at once."""
        self.action_scan()

    def action_scan(self) -> None:
        """Look again."""
        self.pens = None
        self.repaint()
        self.run_worker(self._scan(), exclusive=True)

    async def _scan(self) -> None:
        answer = await self.dashboard.ask("pens.scan")
        self.pens = FoundPen.list_of(answer)
        self.cursor = 0
        if self.is_current:
            self.repaint()

    def frame(self) -> None:
        """Show what was found."""
        rows: list[Row] = []
        if self.pens is None:
            rows.append((("looking …", DIM),))
        elif not self.pens:
            rows.append((("No pen found.", BRIGHT),))
            rows.append((("Plug one in, or start one: devicectl simulate pty. Then r looks again.", DIM),))
        pens = self.pens or []
        fit = max(1, (self.room - 5) // 2)
        first = max(0, min(self.cursor - fit // 2, len(pens) - fit))
        for index in range(first, min(len(pens), first + fit)):
            rows += self._pen_rows(index, pens[index])
        if len(pens) > fit:
            rows.append(((f"    {self.cursor + 1} of {len(pens)}; up and down show the others", DIM),))
        keys = (("1-9", "or"), ("Enter", "choose"), ("r", "look again"), ("Esc", "close"))
        news = self.live.notice
        self.show([*rows, ((text.cut(f"› {news}" if news else "", self.inner), TEXT),), key_row(keys, self.inner)])

    def _pen_rows(self, index: int, pen: FoundPen) -> list[Row]:
        here = index == self.cursor
        current = self.live.pen is not None and self.live.pen.address == pen.address
        mark = (f" {index + 1} ", CHIP if here else DIM)
        badge: Row = (("SIMULATED", BADGE), (" ", DIM)) if pen.simulated else ()
        name = (pen.name, BRIGHT if here else TEXT if pen.matched else DIM)
        state = (
            "  open here"
            if current
            else f"  {pen.held}: choose it"
            if pen.ours
            else f"  {pen.held}"
            if pen.held
            else ""
        )
        first: Row = (mark, (" ", DIM), *badge, name, (state, BRIGHT if pen.held and not current else DIM))
        where = f"{pen.address}  {pen.why}"
        lines = text.wrap(where, self.inner - 4) if here else (text.cut(where, self.inner - 4),)
        return [first, *((("    ", DIM), (line, DIM)) for line in lines)]

    def action_step(self, by: int) -> None:
        """Move the cursor."""
        if self.pens:
            self.cursor = min(len(self.pens) - 1, max(0, self.cursor + by))
            self.repaint()

    def action_pick(self, number: int) -> None:
        """Choose by digit."""
        if self.pens and number <= len(self.pens):
            self.cursor = number - 1
            self.action_choose()

    def action_choose(self) -> None:
        """Choose the pen under the cursor; one that is held stays listed, with the reason."""
        if not self.pens:
            return
        pen = self.pens[self.cursor]
        if pen.held and not pen.ours:
            self.live.say(f"{pen.name}: {pen.held}")
            self.repaint()
        else:
            self.dismiss(pen.address)

    def action_close(self) -> None:
        """Back without a choice."""
        self.dismiss(None)
