"""The pen chooser: what was found, why it matched, who holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from textual.binding import Binding

from tui import text
from tui.screens.base import Sheet
from tui.screens.rows import key_row
from tui.theme import BADGE, BRIGHT, CHIP, DIM, TEXT
from tui.widgets.line_board import Row, spread, width_of


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
    rssi: int | None = None
    """Signal in dBm with which it was heard on the air; None on a wire."""

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
            data.get("rssi"),
        )

    @classmethod
    def list_of(cls, answer: Any) -> list[FoundPen]:
        """All of an answer, what matched first."""
        found = [cls.of(item) for item in answer] if isinstance(answer, list | tuple) else []
        return sorted(found, key=lambda pen: not pen.matched)

    @property
    def on_air(self) -> bool:
        """Heard over Bluetooth, or known to be there."""
        return self.address.startswith("ble:")


@dataclass(frozen=True, slots=True)
class Looked:
    """What a scan found: pens to choose from, sentences about what could not be looked at, devices that are no pens."""

    pens: tuple[FoundPen, ...] = ()
    remarks: tuple[str, ...] = ()
    others: int = 0

    @classmethod
    def of(cls, *answers: Any) -> Looked:
        """From the station's answers in the order they came; a later one knows more about a pen than an earlier.

        What was heard on the air and is no pen is only counted: a waiting room has dozens of it.
        """
        found: dict[str, FoundPen] = {}
        remarks: list[str] = []
        for pen in (pen for answer in answers for pen in FoundPen.list_of(answer)):
            if pen.address:
                found[pen.address] = pen
            elif pen.why:
                remarks.append(f"{pen.name}: {pen.why.removeprefix(f'{pen.name}: ')}")
        pens = [pen for pen in found.values() if pen.matched or not pen.on_air]
        return cls(
            tuple(sorted(pens, key=lambda pen: not pen.matched)),
            tuple(dict.fromkeys(remarks)),
            len(found) - len(pens),
        )

    @property
    def strengths(self) -> dict[str, int]:
        """dBm by address."""
        return {pen.address: pen.rssi for pen in self.pens if pen.rssi is not None}

    def others_line(self) -> str:
        """A sentence about what was heard and is no pen; empty when there was nothing."""
        if not self.others:
            return ""
        what = "other device that is no pen" if self.others == 1 else "other devices that are no pens"
        return f"{self.others} {what}: devicectl scan --explain"


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
        Binding("w", "which", show=False),
        Binding("escape,q", "close", show=False),
        *[Binding(str(n), f"pick({n})", show=False) for n in range(1, 10)],
    ]

    def __init__(self) -> None:
        super().__init__()
        self.looked = Looked()
        self.done = False
        self.began = 0.0
        self.cursor = 0

    @property
    def pens(self) -> tuple[FoundPen, ...]:
        """What may be chosen. Until all has been heard only what is a pen: its number then never changes."""
        return self.looked.pens if self.done else tuple(pen for pen in self.looked.pens if pen.matched)

    def on_mount(self) -> None:
        """Look at once."""
        self.action_scan()

    def action_scan(self) -> None:
        """Look again."""
        self.looked, self.done, self.cursor, self.began = Looked(), False, 0, self.live.clock()
        self.repaint()
        self.run_worker(self._scan(), exclusive=True)

    async def _scan(self) -> None:
        """First what needs no radio, which is there at once, then what is heard on the air within some seconds."""
        wired = await self.dashboard.ask("pens.scan", bluetooth=False)
        self.looked = Looked.of(wired)
        self._found()
        heard = await self.dashboard.ask("pens.scan", ports=False)
        self.looked, self.done = Looked.of(wired, heard), True
        self.live.heard_rssi.update(self.looked.strengths)
        self._found()

    def _found(self) -> None:
        if self.is_current:
            self.repaint()

    def frame(self) -> None:
        """Show what was found."""
        rows: list[Row] = []
        pens, tail = self.pens, self._tail()
        fit = max(1, (self.room - 3 - len(tail)) // 2)
        first = max(0, min(self.cursor - fit // 2, len(pens) - fit))
        for index in range(first, min(len(pens), first + fit)):
            rows += self._pen_rows(index, pens[index])
        if len(pens) > fit:
            rows.append(((f"    {self.cursor + 1} of {len(pens)}; up and down show the others", DIM),))
        keys = (("1-9", "or"), ("Enter", "choose"), ("w", "which is it?"), ("r", "look again"), ("Esc", "close"))
        news = self.live.notice
        said: Row = ((text.cut(f"› {news}" if news else "", self.inner), TEXT),)
        self.show([*rows, *tail, said, key_row(keys, self.inner)])

    def _tail(self) -> list[Row]:
        """How far looking has come, and what there is to say about it."""
        if not self.done:
            waited = max(0.0, self.live.clock() - self.began)
            return [((f"{'.' * (1 + int(waited * 2) % 3):<3} listening for pens on the air, {waited:.0f} s", DIM),)]
        rows: list[Row] = []
        if not self.pens:
            rows.append((("No pen found.", BRIGHT),))
            help_ = "Plug one in, switch one on, or start one: devicectl simulate pty. Then r looks again."
            rows += [((line, DIM),) for line in text.wrap(help_, self.inner)]
        for words in self.looked.remarks:
            rows += [((line, TEXT),) for line in text.wrap(words, self.inner)]
        others = self.looked.others_line()
        return [*rows, *([((text.cut(f"    {others}", self.inner), DIM),)] if others else [])]

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
        if pen.rssi is not None:
            signal = text.signal(pen.rssi)
            room = self.inner - len(signal) - 1 - width_of((*first[:-1],))
            first = (*first[:-1], (text.cut(state, max(0, room)), first[-1][1]))
            first = spread(self.inner, first, ((signal, TEXT),))
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
        if number <= len(self.pens):
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

    def action_which(self) -> None:
        """Let the pen under the cursor blink or buzz."""
        if self.pens:
            self.run_worker(self._which(self.pens[self.cursor]), group="which", exclusive=True)

    async def _which(self, pen: FoundPen) -> None:
        self.live.say(f"asking {pen.name} to show itself")
        self.repaint()
        await self.dashboard.ask("pen.indicate", address=pen.address)
        self._found()

    def action_close(self) -> None:
        """Back without a choice."""
        self.dismiss(None)
