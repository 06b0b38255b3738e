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
from tui.screens.listed import MOVES
from tui.screens.rows import key_row
from tui.theme import BRIGHT, CHIP, DIM, TEXT, Ink
from tui.widgets.line_board import BLANK, Row, width_of

Submit = Callable[[dict[str, object]], Awaitable[Any]]
Moved = Callable[[], list[Row]]

LOOKED_UP_S: Final = 1.2
"""Digits and letters for a long list belong together when they come within this time."""
SCAN_MIN: Final = 6
"""A burst of fewer keys is a fast hand, not a barcode."""
FOOT: Final = 6


def _none() -> list[Row]:
    return []


class FormSheet(Sheet[Any]):
    """Answers what ``submit`` answered, or None at Esc. What was typed stays in ``draft`` when STOP closes the sheet.

    ``intro`` gives rows above the fields. SPACE is STOP here too: ``_`` makes a blank, and twice a low line.
    """

    WIDTH = 112
    BINDINGS: ClassVar = []
    HOLDS_SCANS = True
    SAVE: ClassVar = "saves"

    def __init__(self, title: str, draft: Draft, submit: Submit, intro: Moved = _none) -> None:
        super().__init__()
        self.title_text, self.draft, self.submit, self.intro = title, draft, submit, intro
        self.at = self._first()
        self.caret = len(draft.values.get(self.line.name, "")) if self.line is not None else 0
        self.top = 0
        self.told = ""
        self.sending = False
        self._looked_up: tuple[float, str] = (0.0, "")

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
        line = self.line
        self.caret = len(self.draft.values.get(line.name, "")) if line is not None else 0
        self._looked_up = (0.0, "")
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
        elif line.chosen:
            self._choose(line, key, event.character)
        else:
            self._edit(line, key, event.character)
        self.repaint()

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

    def _choose(self, line: FormLine, key: str, character: str | None) -> None:
        words = list(line.entry.choices)
        value = self.draft.values.get(line.name, "")
        if key in ("left", "right"):
            at = words.index(value) if value in words else (-1 if key == "right" else len(words))
            self.draft.put(line.name, words[(at + (1 if key == "right" else -1)) % len(words)])
        elif key in ("backspace", "delete"):
            self.draft.put(line.name, "")
        elif character is not None and character.isprintable() and not character.isspace():
            self._look_up(line, words, character)

    def _look_up(self, line: FormLine, words: list[str], character: str) -> None:
        """A digit is a place in the list (or the word itself), letters the beginning of a label."""
        at, before = self._looked_up
        now = self.live.clock()
        typed = (before if now - at < LOOKED_UP_S else "") + character
        numbers = keys_of(words)
        labels = [str(label).casefold() for label in line.entry.choices.values()]
        if typed.isdigit():
            found = [word for word, number in zip(words, numbers, strict=True) if number == typed]
            longer = [number for number in numbers if number.startswith(typed) and number != typed]
        else:
            wanted = typed.casefold().replace("_", " ")
            found = [word for word, label in zip(words, labels, strict=True) if label.startswith(wanted)][:1]
            longer = [typed]
        self._looked_up = (now, typed if found or longer else "")
        if found:
            self.draft.put(line.name, found[0])
            if not longer:
                self._go(1)

    def _edit(self, line: FormLine, key: str, character: str | None) -> None:
        value = self.draft.values.get(line.name, "")
        at = min(self.caret, len(value))
        if key == "left":
            at = max(0, at - 1)
        elif key == "right":
            at = min(len(value), at + 1)
        elif key in ("home", "end"):
            at = 0 if key == "home" else len(value)
        elif key == "backspace" and at:
            value, at = value[: at - 1] + value[at:], at - 1
        elif key == "delete":
            value = value[:at] + value[at + 1 :]
        elif key == "f3" and line.suggestions:
            offered = list(line.suggestions)
            value = offered[(offered.index(value) + 1) % len(offered)] if value in offered else offered[0]
            at = len(value)
        elif key == "f4":
            value, at = "", 0
        elif character is not None and character.isprintable() and len(character) == 1:
            value, at = self._typed(line, value, at, character)
        self.caret = at
        if value != self.draft.values.get(line.name, ""):
            self.draft.put(line.name, value)

    def _typed(self, line: FormLine, value: str, at: int, character: str) -> tuple[str, int]:
        if character == "_" and not line.secret:
            if value[at - 1 : at] == " ":
                return f"{value[: at - 1]}_{value[at:]}", at
            character = " "
        return f"{value[:at]}{character}{value[at:]}", at + 1

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
            if line.chosen:
                self._choose(line, "", character)
            else:
                self._edit(line, "", " " if character.isspace() else character)
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
        label = self._label_width(lines, width)
        rows = [self._row(at, lines, label, width) for at in range(self.top, min(count, self.top + body))]
        hidden = count - len(rows)
        self.show([*head, *rows, *self._foot(hidden)])

    def _label_width(self, lines: list[FormLine], width: int) -> int:
        checklist = self.draft.form.name == "checklist"
        longest = max((len(line.label) for line in lines), default=8)
        return min(longest, width - (16 if checklist else 30))

    def _row(self, at: int, lines: list[FormLine], label: int, width: int) -> Row:
        here = at == self.at
        if at >= len(lines):
            return ((" › " if here else "   ", BRIGHT), (f"Enter {self.SAVE}", CHIP) if here else ("Save", DIM))
        line, errors = lines[at], self.draft.errors
        value = self.draft.shown(line)
        wrong = line.name in errors
        mark = (
            "✖"
            if wrong
            else "✓"
            if line.name in self.draft.left and value
            else "·"
            if line.required and not value
            else " "
        )
        ink: Ink = BRIGHT if here else TEXT
        row: Row = (
            ("›" if here else " ", BRIGHT),
            (f"{mark} ", BRIGHT if wrong else DIM),
            (f"{text.cut(line.label, label):<{label}}  ", ink if here else DIM),
        )
        room = width - width_of(row)
        unit = f" {line.entry.unit}" if line.entry.unit and not _has_unit(value) else ""
        tag = "  sealed" if line.entry.personal else ""
        room -= len(unit) + len(tag)
        return (*row, *self._value(line, value, here, max(1, room), ink), (unit, DIM), (tag, DIM))

    def _value(self, line: FormLine, value: str, here: bool, room: int, ink: Ink) -> Row:
        if not here:
            return ((text.cut(value, room) if value else ("-" if not line.required else ""), ink),)
        if line.chosen:
            return ((f"‹ {text.cut(value or 'choose', room - 4)} ›", CHIP),)
        caret = min(self.caret, len(value))
        start = max(0, caret - room + 2)
        seen = value[start : start + room - 1]
        place = caret - start
        return ((seen[:place], BRIGHT), (seen[place : place + 1] or " ", CHIP), (seen[place + 1 :], BRIGHT))

    def _foot(self, hidden: int) -> list[Row]:
        width, line = self.inner, self.line
        rows: list[Row] = [BLANK if not hidden else ((f"   up down: {hidden} more", DIM),)]
        rows += self._sentences(line, width)
        if line is not None and line.chosen:
            rows += self._options(line, width, FOOT - 1 - len(rows))
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
            help_ = self.draft.form.help if line is None else self._help(line)
            said += [((words, DIM),) for words in text.within(help_, width, 2)] if help_ else []
        return said

    def _help(self, line: FormLine) -> str:
        parts = [line.entry.help]
        if line.entry.example and not line.entry.help:
            parts.append(f"Such as {line.entry.example}.")
        if not line.required:
            parts.append("May stay empty.")
        if line.entry.personal:
            parts.append("Personal: kept as ciphertext only.")
        if line.suggestions:
            parts.append(f"F3: {', '.join(line.suggestions[:3])} …")
        return " ".join(part for part in parts if part)

    def _options(self, line: FormLine, width: int, room: int) -> list[Row]:
        """The list to choose from, as many lines of it as there is room, around what is chosen."""
        words = list(line.entry.choices)
        value = self.draft.values.get(line.name, "")
        rows: list[list[tuple[str, Ink]]] = [[]]
        chosen_in = 0
        for word, number in zip(words, keys_of(words), strict=True):
            label = str(line.entry.choices[word])
            shown = label if label.startswith(f"{number} ") else f"{number} {label}"
            shown = text.cut(shown, width - 2)
            if rows[-1] and sum(len(part) for part, _ in rows[-1]) + len(shown) + 2 > width:
                rows.append([])
            chosen_in = len(rows) - 1 if word == value else chosen_in
            rows[-1].append((f"{shown}", CHIP if word == value else TEXT))
            rows[-1].append(("  ", DIM))
        first = max(0, min(chosen_in, len(rows) - room))
        return [tuple(row) for row in rows[first : first + max(0, room)]]

    def _keys(self, line: FormLine | None) -> tuple[tuple[str, str], ...]:
        more: tuple[tuple[str, str], ...] = ()
        if self.draft.growing is not None:
            more = (("F5", "add a row"), ("F6", "take it away"))
        if line is None:
            return (("Enter", self.SAVE), ("up", "fields"), *more, ("Esc", "back"))
        how = (("1-9 ← →", "choose"),) if line.chosen else (("_", "blank"),)
        return (("Enter", "next"), *how, ("F2", self.SAVE), *more, ("Esc", "back"))

    def on_unmount(self) -> None:
        """No text field is left, and no PIN."""
        self.dashboard.guard.text_focus = False
        for line in self.draft.lines():
            if line.secret:
                self.draft.values.pop(line.name, None)


def keys_of(words: list[str]) -> list[str]:
    """What is typed for each word of a list: the word itself where all are numbers, else its place."""
    if all(word.isdigit() for word in words):
        return words
    return [str(at + 1) for at in range(len(words))]


def _has_unit(value: str) -> bool:
    return bool(value) and not value[-1].isdigit()
