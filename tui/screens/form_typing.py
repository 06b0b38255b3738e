"""What a key does to the field it is typed into: a list is chosen from, text is edited. No Textual here."""

from __future__ import annotations

from typing import Final

from tui.screens.form_draft import Draft, FormLine

LOOKED_UP_S: Final = 1.2
"""Digits and letters for a long list belong together when they come within this time."""


class Typist:
    """The caret of a form, and what was typed to look something up."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.caret = 0
        self._looked_up: tuple[float, str] = (0.0, "")

    def arrive(self, line: FormLine | None) -> None:
        """The keyboard is in another field now."""
        self.caret = len(self.draft.values.get(line.name, "")) if line is not None else 0
        self._looked_up = (0.0, "")

    def choose(self, line: FormLine, key: str, character: str | None, now: float) -> bool:
        """A key for a field with a list, at ``now`` (s); whether the choice is made and the next field is meant."""
        words = list(line.entry.choices)
        value = self.draft.values.get(line.name, "")
        if key in ("left", "right"):
            at = words.index(value) if value in words else (-1 if key == "right" else len(words))
            self.draft.put(line.name, words[(at + (1 if key == "right" else -1)) % len(words)])
        elif key in ("backspace", "delete"):
            self.draft.put(line.name, "")
        elif character is not None and character.isprintable() and not character.isspace():
            return self._look_up(line, words, character, now)
        return False

    def _look_up(self, line: FormLine, words: list[str], character: str, now: float) -> bool:
        """A digit is a place in the list (or the word itself), letters the beginning of a label."""
        at, before = self._looked_up
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
        return bool(found) and not longer

    def edit(self, line: FormLine, key: str, character: str | None) -> None:
        """A key for a field of text."""
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
            value, at = _typed(line, value, at, character)
        self.caret = at
        if value != self.draft.values.get(line.name, ""):
            self.draft.put(line.name, value)


def _typed(line: FormLine, value: str, at: int, character: str) -> tuple[str, int]:
    """``_`` is a blank, and twice a low line: SPACE is STOP."""
    if character == "_" and not line.secret:
        if value[at - 1 : at] == " ":
            return f"{value[: at - 1]}_{value[at:]}", at
        character = " "
    return f"{value[:at]}{character}{value[at:]}", at + 1


def keys_of(words: list[str]) -> list[str]:
    """What is typed for each word of a list: the word itself where all are numbers, else its place."""
    if all(word.isdigit() for word in words):
        return words
    return [str(at + 1) for at in range(len(words))]
