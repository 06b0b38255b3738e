"""A sheet that draws any form: one field a row, what is wrong with it beside it, and nothing typed while the pen may turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, ClassVar, Final

from textual import events

from devicectl.station.client_api import StationError
from tui import text
from tui.screens.base import Sheet
from tui.screens.form_draft import Draft, FormLine
from tui.screens.form_rows import field_row, help_words, label_width, option_rows, save_row
from tui.screens.form_typing import Typist
from tui.screens.listed import MOVES
from tui.screens.rows import key_row
from tui.theme import BRIGHT, DIM
from tui.widgets.line_board import BLANK, Row

Submit = Callable[[dict[str, object]], Awaitable[Any]]
Moved = Callable[[], list[Row]]

SCAN_MIN: Final = 6
"""A burst of fewer keys is a fast hand, not a barcode."""
FOOT: Final = 6


def _none() -> list[Row]:
    return []


class FormSheet(Sheet[Any]):
    """Answers what ``submit`` answered, or None at Esc. What was typed stays in ``draft`` when STOP closes the sheet.

    ``intro`` gives rows above the fields, ``first`` is the field in which the keyboard is (else the first that is needed). SPACE is STOP here too: ``_`` makes a blank, and twice a low line.
    """

    WIDTH = 112
    BINDINGS: ClassVar = []
    HOLDS_SCANS = True
    SAVE: ClassVar = "saves"
    leaves = "back"
    """What Esc does."""

    def __init__(
        self, title: str, draft: Draft, submit: Submit, intro: Moved = _none, first: int | None = None
    ) -> None:
        super().__init__()
        self.title_text, self.draft, self.submit, self.intro = title, draft, submit, intro
        self.at = self._first() if first is None else first
        self.top = 0
        self.told = ""
        self.sending = False
        self._typist = Typist(draft)
        self._typist.arrive(self.line)

    def _first(self) -> int:
        """The first field that is needed and empty, else the first."""
        lines = self.draft.lines()
        empty = [at for at, line in enumerate(lines) if line.required and not self.draft.values.get(line.name)]
        return empty[0] if empty else 0

    def on_mount(self) -> None:
        """Its title is the form's."""
        self.query_one("#box").border_title = self.title_text

    # -- where the keyboard is

    @property
    def line(self) -> FormLine | None:
        """The field that the keyboard is in; None on the last row, which saves."""
        lines = self.draft.lines()
        return lines[self.at] if self.at < len(lines) else None

    @property
    def takes_text(self) -> bool:
        """Whether letters go into a field now."""
        line = self.line
        return self.live.at_rest and line is not None and not line.chosen

    @property
    def bound(self) -> frozenset[str]:
        """Moving about and leaving; while the motor may turn any other key is STOP, and every key in a text field."""
        return MOVES | {"tab", "shift+tab", "f2"}

    def _now(self) -> datetime:
        return self.dashboard.now()

    def _go(self, by: int) -> None:
        line, lines = self.line, self.draft.lines()
        if line is not None:
            self.draft.leave(line, self._now())
        lines = self.draft.lines()
        self.at = max(0, min(len(lines), self.at + by))
        self._arrived()

    def _arrived(self) -> None:
        self._typist.arrive(self.line)
        self.repaint()

    # -- keys

    async def on_key(self, event: events.Key) -> None:
        """Every key of a form."""
        event.stop()
        if self.sending or not self.is_current:
            return
        key, line = event.key, self.line
        self.told = ""
        if key == "escape":
            self.action_close()
        elif key in ("f2", "ctrl+s"):
            self.save()
        elif key == "enter":
            self.save() if line is None else self._go(1)
        elif key in ("down", "tab"):
            self._go(1)
        elif key in ("up", "shift+tab"):
            self._go(-1)
        elif key in ("pagedown", "pageup"):
            self._go(6 if key == "pagedown" else -6)
        elif not self.live.at_rest or line is None:
            pass
        elif key in ("f5", "f6") and self.draft.growing is not None:
            self._rows(key == "f5", line)
        else:
            self._put_in(line, key, event.character)
        self.repaint()

    def _put_in(self, line: FormLine, key: str, character: str | None) -> None:
        if not line.chosen:
            self._typist.edit(line, key, character)
        elif self._typist.choose(line, key, character, self.live.clock()):
            self._go(1)

    def _rows(self, add: bool, line: FormLine) -> None:
        if not add:
            self.draft.remove_row(line.name)
            self.at = min(self.at, len(self.draft.lines()))
            self._arrived()
            return
        name = self.draft.add_row()
        if name is not None:
            self.at = next(at for at, each in enumerate(self.draft.lines()) if each.name == name)
            self._arrived()

    def scanned(self, words: str) -> None:
        """A burst of keys, or a paste: a barcode goes to the field that takes one, a fast hand into the field it is in."""
        if not self.live.at_rest or self.sending:
            return
        code = words.rstrip("\r\n\t")
        if self.draft.form.scan_field is not None and len(code) >= SCAN_MIN:
            problem = self.draft.scan(code, self._now())
            self._tell(problem or "The scan is in; check what it says, then save.")
            return
        line = self.line
        if len(code) >= SCAN_MIN and line is not None and line.chosen:
            self._tell("A scan or paste was ignored: this field is chosen by its digit.")
            return
        for character in code:
            line = self.line
            if line is None:
                break
            self._put_in(line, "", " " if character.isspace() and not line.chosen else character)
        self.repaint()

    def on_paste(self, event: events.Paste) -> None:
        """As a scan."""
        event.stop()
        self.scanned(event.text)

    # -- saving

    def save(self) -> None:
        """Send it, if it can be sent; else go to the first field that is wrong."""
        if not self.live.at_rest:
            self._tell("Forms are saved while the pen is still and no run is open.")
            return
        if not self.draft.check(self._now()):
            self._show_problem()
            return
        self.sending, self.told = True, "Saving …"
        self.run_worker(self._send(), group="requests")
        self.repaint()

    def _show_problem(self) -> None:
        lines = self.draft.lines()
        wrong = [at for at, line in enumerate(lines) if line.name in self.draft.errors]
        if wrong:
            self.at = wrong[0]
            more = f" {len(wrong) - 1} more." if len(wrong) > 1 else ""
            self._arrived()
            self._tell(f"Not saved.{more}")
        else:
            self._tell(next(iter(self.draft.errors.values())))

    async def _send(self) -> None:
        try:
            answer = await self.submit(self.draft.given())
        except StationError as error:
            self.sending = False
            self.draft.errors = dict(error.fields)
            self._tell(str(error))
            if any(line.name in self.draft.errors for line in self.draft.lines()):
                self._show_problem()
            else:
                self._secrets_anew()
        except (OSError, TimeoutError) as error:
            self.sending = False
            self._tell(f"The station did not answer: {str(error) or type(error).__name__}. Save again.")
        else:
            self.sending = False
            self.draft.values.clear()  # it is in the record now; nothing of it stays here
            if self.is_current:
                self.dismiss(answer if answer is not None else True)

    def _secrets_anew(self) -> None:
        """A PIN that was refused is typed anew, where the keyboard then is."""
        secret = [at for at, line in enumerate(self.draft.lines()) if line.secret]
        for at in secret:
            self.draft.put(self.draft.lines()[at].name, "")
        if secret:
            self.at = secret[0]
            self._arrived()

    def _tell(self, sentence: str) -> None:
        self.told = sentence
        self.repaint()

    def action_close(self) -> None:
        """Back; what was typed is kept as a draft."""
        if self.is_current:
            self.dismiss(None)

    # -- painting

    def frame(self) -> None:
        """Fields in sight, then what there is to say about the one the keyboard is in."""
        if self.is_current:
            self.dashboard.guard.text_focus = self.takes_text
        lines, head, width = self.draft.lines(), self.intro(), self.inner
        room = max(1, self.room - FOOT)
        head = head[: max(0, room - 3)]
        body = max(1, room - len(head))
        count = len(lines) + 1
        self.top = max(0, min(self.top, count - body, self.at))
        if self.at >= self.top + body:
            self.top = self.at - body + 1
        label, caret = label_width(self.draft, lines, width), self._typist.caret
        rows = [
            field_row(self.draft, lines[at], at == self.at, caret, label, width)
            if at < len(lines)
            else save_row(self.SAVE, at == self.at)
            for at in range(self.top, min(count, self.top + body))
        ]
        hidden = count - len(rows)
        self.show([*head, *rows, *self._foot(hidden)])

    def _foot(self, hidden: int) -> list[Row]:
        width, line = self.inner, self.line
        rows: list[Row] = [BLANK if not hidden else ((f"   up down: {hidden} more", DIM),)]
        rows += self._sentences(line, width)
        if line is not None and line.chosen:
            rows += option_rows(self.draft, line, width, FOOT - 1 - len(rows))
        while len(rows) < FOOT - 1:
            rows.append(BLANK)
        return [*rows[: FOOT - 1], key_row(self._keys(line), width)]

    def _sentences(self, line: FormLine | None, width: int) -> list[Row]:
        if not self.live.at_rest:
            return [(("waiting until the pen is confirmed still and no run is open", BRIGHT),)]
        said: list[Row] = []
        wrong = self.draft.errors.get(line.name, "") if line is not None else ""
        if self.told:
            said += [((words, BRIGHT),) for words in text.within(self.told, width, 1 if wrong else 3)]
        if wrong:
            said += [((words, BRIGHT),) for words in text.within(f"✖ {wrong}", width, 2)]
        elif not self.told:
            help_ = (
                self.draft.form.help
                if line is None
                else help_words(self.draft, line, label_width(self.draft, self.draft.lines(), width))
            )
            said += [((words, DIM),) for words in text.within(help_, width, 2)] if help_ else []
        return said

    def _keys(self, line: FormLine | None) -> tuple[tuple[str, str], ...]:
        more: tuple[tuple[str, str], ...] = ()
        if self.draft.growing is not None:
            more = (("F5", "add a row"), ("F6", "take it away"))
        if line is None:
            return (("Enter", self.SAVE), ("up", "fields"), *more, ("Esc", self.leaves))
        how = (("1-9 ← →", "choose"),) if line.chosen else (("_", "blank"),)
        return (("Enter", "next"), *how, ("F2", self.SAVE), *more, ("Esc", self.leaves))

    def on_unmount(self) -> None:
        """No text field is left, and no PIN."""
        self.dashboard.guard.text_focus = False
        for line in self.draft.lines():
            if line.secret:
                self.draft.values.pop(line.name, None)
