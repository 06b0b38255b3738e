"""A form in line mode: one question a line, from the same forms as the screen's.

An empty line is STOP here too, so ``.`` keeps what stands in a field (or leaves it empty), ``<`` goes back and ``!`` leaves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from tui.screens.form_draft import Draft, FormLine
from tui.screens.form_typing import keys_of

KEEP: Final = "."
BACK: Final = "<"
LEAVE: Final = "!"
Submit = Callable[[dict[str, object]], Awaitable[Any]]
"""Sends what was filled in."""


class Filling:
    """A form on its way: which question is being asked."""

    def __init__(self, title: str, draft: Draft, submit: Submit) -> None:
        self.title, self.draft, self.submit = title, draft, submit
        self.at = 0

    @property
    def line(self) -> FormLine | None:
        """The question; None when all were asked."""
        lines = self.draft.lines()
        return lines[self.at] if self.at < len(lines) else None

    def question(self) -> list[str]:
        """The question in one line, what is wrong with the answer before it."""
        line = self.line
        if line is None:
            return []
        entry, stands = line.entry, self.draft.shown(line)
        words = f"{self.at + 1} of {len(self.draft.lines())}. {line.label.strip()}"
        if line.chosen:
            options = list(entry.choices)
            said = (f"{key} {entry.choices[word]}" for key, word in zip(keys_of(options), options, strict=True))
            words += f": {', '.join(said)}"
        elif entry.unit:
            words += f", in {entry.unit}"
        if entry.personal:
            words += " (sealed)"
        if stands:
            words += f". {KEEP} keeps {'it' if line.secret else stands}"
        elif not line.required:
            words += f". {KEEP} leaves it empty"
        elif entry.example:
            words += f". Such as {entry.example}"
        if before := self.draft.before(line):
            words += f". Last time {before}"
        wrong = self.draft.errors.get(line.name)
        return [*([wrong] if wrong else []), f"{words}:"]

    def answer(self, words: str, now: datetime) -> None:
        """Take an answer; a wrong one is asked again."""
        line = self.line
        if line is None:
            return
        if words == BACK:
            self.at = max(0, self.at - 1)
            return
        stood = self.draft.values.get(line.name, "")
        if words != KEEP:
            self.draft.put(line.name, _word(line, words))
        self.draft.leave(line, now)
        wrong = self.draft.errors.get(line.name)
        if wrong is None:
            self.at += 1
        elif line.chosen:
            # What is none of the list stands nowhere: it may have been a PIN in the wrong field.
            self.draft.put(line.name, stood)
            self.draft.errors[line.name] = wrong

    def to_wrong(self) -> bool:
        """Go to the first field that is wrong."""
        wrong = [at for at, line in enumerate(self.draft.lines()) if line.name in self.draft.errors]
        if wrong:
            self.at = wrong[0]
        return bool(wrong)


def _word(line: FormLine, words: str) -> str:
    if not line.chosen:
        return words
    options = list(line.entry.choices)
    return dict(zip(keys_of(options), options, strict=True)).get(words.strip(), words)
