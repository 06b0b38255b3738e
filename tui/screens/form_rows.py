"""A form's rows as text and style: a field with its mark, the list to choose from, and what there is to say about it."""

from __future__ import annotations

from tui import text
from tui.screens.form_draft import Draft, FormLine
from tui.screens.form_typing import keys_of
from tui.theme import BRIGHT, CHIP, DIM, TEXT, Ink
from tui.widgets.line_board import Row, width_of


def label_width(draft: Draft, lines: list[FormLine], width: int) -> int:
    """Cells of the column of labels."""
    least = (26 if draft.answered else 18) if draft.form.name == "checklist" else 30
    longest = max((len(line.label) for line in lines), default=8)
    return min(longest, width - least)


def field_row(draft: Draft, line: FormLine, here: bool, caret: int, label: int, width: int) -> Row:
    """Mark, label, value with its unit; ``caret`` stands in the value of the field that the keyboard is in."""
    value, wrong = draft.shown(line), line.name in draft.errors
    read = line.name in draft.left and bool(value)
    mark = "✖" if wrong else "✓" if read else "·" if line.required and not value else " "
    ink: Ink = BRIGHT if here else TEXT
    row: Row = (
        ("›" if here else " ", BRIGHT),
        (f"{mark} ", BRIGHT if wrong else DIM),
        (f"{text.cut(line.label, label):<{label}}  ", ink if here else DIM),
    )
    unit = f" {line.entry.unit}" if line.entry.unit and not _has_unit(value) else ""
    tag = "  sealed" if line.entry.personal else ""
    before = draft.before(line)
    loud = bool(before) and bool(value) and before != value
    tag = f"  was {before.casefold()}" if loud else tag
    room = max(1, width - width_of(row) - len(unit) - len(tag))
    return (*row, *_value(line, value, here, room, ink, caret), (unit, DIM), (tag, BRIGHT if loud else DIM))


def _value(line: FormLine, value: str, here: bool, room: int, ink: Ink, caret: int) -> Row:
    if not here:
        return ((text.cut(value, room) if value else ("-" if not line.required else ""), ink),)
    if line.chosen:
        return ((f"‹ {text.cut(value or 'choose', room - 4)} ›", CHIP),)
    caret = min(caret, len(value))
    start = max(0, caret - room + 2)
    seen = value[start : start + room - 1]
    place = caret - start
    return ((seen[:place], BRIGHT), (seen[place : place + 1] or " ", CHIP), (seen[place + 1 :], BRIGHT))


def save_row(save: str, here: bool) -> Row:
    """The last row of every form."""
    return ((" › " if here else "   ", BRIGHT), (f"Enter {save}", CHIP) if here else ("Save", DIM))


def option_rows(draft: Draft, line: FormLine, width: int, room: int) -> list[Row]:
    """The list to choose from, as many lines of it as there is room, around what is chosen."""
    words = list(line.entry.choices)
    value = draft.values.get(line.name, "")
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


def help_words(draft: Draft, line: FormLine, label: int) -> str:
    """What there is to say about a field that nothing is wrong with; its label where that was cut to ``label`` cells."""
    before = draft.before(line)
    parts = [line.label.strip() if len(line.label) > label else "", f"Last time: {before}." if before else ""]
    parts.append("" if before else line.entry.help)
    if line.entry.example and not line.entry.help:
        parts.append(f"Such as {line.entry.example}.")
    if not line.required:
        parts.append("May stay empty.")
    if line.entry.personal:
        parts.append("Personal: kept as ciphertext only.")
    if line.suggestions:
        parts.append(f"F3: {', '.join(line.suggestions[:3])} …")
    return " ".join(part for part in parts if part)


def _has_unit(value: str) -> bool:
    return bool(value) and not value[-1].isdigit()
