"""A form while it is being filled in: its lines, what was typed, and the sentence beside each field. No Textual here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from devicectl.treatment.checklist import ANSWERS, ITEMS
from devicectl.treatment.forms import FieldErrors, Form, Rows, parse, prefilled
from devicectl.treatment.forms.engine import Field
from devicectl.treatment.forms.entries import Choice, Entry, Secret, Text
from devicectl.treatment.forms.words import BadEntries, BadEntry

_FLAGGED: Final = ("yes", "unknown")


@dataclass(frozen=True, slots=True)
class FormLine:
    """One field as it stands in the list; ``name`` is dotted for a part of a row."""

    name: str
    label: str
    entry: Entry
    required: bool

    @property
    def chosen(self) -> bool:
        """Whether it is chosen from a list and not typed."""
        return isinstance(self.entry, Choice)

    @property
    def secret(self) -> bool:
        """Whether what is typed is never shown."""
        return isinstance(self.entry, Secret)

    @property
    def suggestions(self) -> tuple[str, ...]:
        """What a text field offers."""
        return self.entry.suggestions if isinstance(self.entry, Text) else ()


@dataclass
class Draft:
    """What was typed into a form so far. ``counts``: how many rows a field of rows has."""

    form: Form[Any]
    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    """Fields that were left once: only then is it said what is wrong with them."""
    counts: dict[str, int] = field(default_factory=dict)
    answered: Mapping[str, str] = field(default_factory=dict)
    """Of the checklist: the answers of the last time by question; empty when there was none."""

    @classmethod
    def of(
        cls, form: Form[Any], given: Mapping[str, object] | None = None, answered: Mapping[str, str] | None = None
    ) -> Draft:
        """A new draft with the form's prefills and, over them, what is ``given`` (dotted names, or rows as lists)."""
        draft = cls(form, answered=answered or {})
        for each in form.fields:
            if isinstance(each.entry, Rows):
                for at, start in enumerate(each.entry.start):
                    draft._row(each, at, start)
        draft._take(prefilled(form))
        draft._take(given or {})
        return draft

    def _row(self, of: Field, at: int, start: Mapping[str, object]) -> None:
        assert isinstance(of.entry, Rows)
        self.counts[of.name] = max(self.counts.get(of.name, 0), at + 1)
        for part in of.entry.fields:
            if part.entry.prefill:
                self.values.setdefault(f"{of.name}.{at}.{part.name}", part.entry.prefill)
        for name, value in start.items():
            self.values[f"{of.name}.{at}.{name}"] = str(value)

    def _take(self, given: Mapping[str, object]) -> None:
        for name, value in given.items():
            head, _, rest = name.partition(".")
            of = self.form.by_name.get(head)
            if of is None:
                continue
            if isinstance(of.entry, Rows):
                if isinstance(value, list | tuple):
                    for at, row in enumerate(value):
                        self._row(of, at, row)
                elif rest:
                    self._row(of, int(rest.partition(".")[0]), {rest.partition(".")[2]: value})
            else:
                self.values[name] = str(value)
        for line in self.lines():
            if isinstance(line.entry, Choice) and self.values.get(line.name):
                self.values[line.name] = _word(line.entry, self.values[line.name])

    # -- lines

    def lines(self) -> list[FormLine]:
        """The fields in sight, in the order in which they are asked."""
        found: list[FormLine] = []
        for each in self.form.fields:
            if isinstance(each.entry, Rows):
                found += self._parts(each, each.entry)
            else:
                found.append(FormLine(each.name, each.label, each.entry, each.required))
        return found

    def _parts(self, of: Field, rows: Rows) -> list[FormLine]:
        found: list[FormLine] = []
        for at in range(self.counts.get(of.name, 0)):
            for number, part in enumerate(rows.fields):
                name = f"{of.name}.{at}.{part.name}"
                if rows.fixed and part.name == rows.title_of:
                    continue
                if not self._asked(of.name, at, part.name):
                    continue
                label = part.label if number == 0 and not rows.fixed else f"  {part.label}"
                if rows.fixed and part.name == "answer":
                    label = self._title(of.name, at, rows)
                elif number == 0:
                    label = f"{rows.word} {at + 1}".strip()
                found.append(FormLine(name, label, part.entry, part.required))
        return found

    def _title(self, head: str, at: int, rows: Rows) -> str:
        item = self.values.get(f"{head}.{at}.{rows.title_of}", "")
        known = ITEMS.get(item)
        title = str(rows.row.entry(rows.title_of).show(item))
        return f"{known.kind.upper():<5}{title}" if known is not None else title

    def _asked(self, head: str, at: int, part: str) -> bool:
        """Of the checklist a reason is asked for where a physician decides, "changed" only when something has."""
        if self.form.name != "checklist":
            return True
        if part == "changed":
            return self.values.get("changed") == "yes" and not self.answered  # else it is seen from the answers
        if part == "reason":
            item = ITEMS.get(self.values.get(f"{head}.{at}.item", ""))
            return item is not None and item.kind == "ask" and self.values.get(f"{head}.{at}.answer") in _FLAGGED
        return True

    def before(self, line: FormLine) -> str:
        """What was answered to a question the last time, as its label; empty where that is not known."""
        word = self._answered(line.name)
        return "" if word is None else ANSWERS[word]

    def _answered(self, name: str) -> str | None:
        head, _, part = name.rpartition(".")
        return self.answered.get(self.values.get(f"{head}.item", "")) if part == "answer" else None

    def _changed(self, name: str) -> bool:
        """Whether a question of the checklist has another answer than the last time."""
        before = self._answered(name)
        return before is not None and self.values.get(name, "") not in ("", before)

    # -- rows that can be added

    @property
    def growing(self) -> Field | None:
        """The field whose rows may be added and removed; None in most forms."""
        return next((each for each in self.form.fields if isinstance(each.entry, Rows) and not each.entry.fixed), None)

    def add_row(self) -> str | None:
        """Add an empty row; answers the name of its first field."""
        of = self.growing
        if of is None or not isinstance(of.entry, Rows) or self.counts.get(of.name, 0) >= of.entry.most:
            return None
        at = self.counts.get(of.name, 0)
        self._row(of, at, {})
        return f"{of.name}.{at}.{of.entry.fields[0].name}"

    def remove_row(self, name: str) -> bool:
        """Remove the row that a field belongs to."""
        of = self.growing
        head, _, rest = name.partition(".")
        if of is None or head != of.name or not isinstance(of.entry, Rows):
            return False
        gone, count = int(rest.partition(".")[0]), self.counts[head]
        for at in range(gone, count):
            for part in of.entry.fields:
                after = self.values.pop(f"{head}.{at + 1}.{part.name}", None)
                self.values.pop(f"{head}.{at}.{part.name}", None)
                if after is not None:
                    self.values[f"{head}.{at}.{part.name}"] = after
        self.counts[head] = count - 1
        self.errors = {key: text for key, text in self.errors.items() if not key.startswith(f"{head}.")}
        return True

    # -- values

    def put(self, name: str, value: str) -> None:
        """What stands in a field now."""
        self.values[name] = value
        self.errors.pop(name, None)
        if self._changed(name):
            self.values["changed"] = "yes"

    def shown(self, line: FormLine) -> str:
        """A field's value as it is read on the screen."""
        value = self.values.get(line.name, "")
        if line.secret:
            return "*" * len(value)
        return str(line.entry.choices.get(value, value)) if line.chosen else value

    def leave(self, line: FormLine, now: datetime) -> None:
        """A field is left: say at once what is wrong with it."""
        self.left.add(line.name)
        raw = self.values.get(line.name, "")
        self.errors.pop(line.name, None)
        if not raw.strip():
            if line.required:
                self.errors[line.name] = line.entry.missing()
            return
        try:
            line.entry.read(raw, now)
        except BadEntry as bad:
            self.errors[line.name] = str(bad)
        except BadEntries as bad:
            self.errors[line.name] = next(iter(bad.errors.values()))

    def scan(self, raw: str, now: datetime) -> str | None:
        """A scanned code goes into the scan field, and what it says into the others. Answers what is wrong with it."""
        of = self.form.scan_field
        if of is None:
            return "A scan was ignored: no field here takes one."
        given: dict[str, object] = {of.name: raw}
        try:
            found = self.form.expand(given, now) if self.form.expand is not None else given
        except BadEntries as bad:
            return next(iter(bad.errors.values()))
        except BadEntry as bad:
            return str(bad)
        for name, value in found.items():
            if value not in (None, ""):
                self.put(name, str(value))
        return None

    def given(self) -> dict[str, object]:
        """The values to be sent; fields out of sight and rows without any content are left out."""
        sent: dict[str, object] = {}
        seen = {line.name for line in self.lines()}
        for each in self.form.fields:
            if isinstance(each.entry, Rows):
                sent[each.name] = self._rows(each, each.entry, seen)
            else:
                sent[each.name] = self.values.get(each.name, "")
        return sent

    def _rows(self, of: Field, rows: Rows, seen: set[str]) -> list[dict[str, str]]:
        found = []
        for at in range(self.counts.get(of.name, 0)):
            row = {}
            for part in rows.fields:
                name = f"{of.name}.{at}.{part.name}"
                if name in seen or (rows.fixed and part.name == rows.title_of):
                    row[part.name] = self.values.get(name, "")
                elif self.answered and part.name == "changed":
                    row[part.name] = "yes" if self._changed(f"{of.name}.{at}.answer") else "no"
            if rows.fixed or any(row.values()):
                found.append(row)
        return found

    def check(self, now: datetime) -> bool:
        """Whether all of it can be sent; what stands in the way is in ``errors``."""
        record = parse(self.form, self.given(), now)
        self.errors = dict(record) if isinstance(record, FieldErrors) else {}
        self.left.update(line.name for line in self.lines())
        return not self.errors


def _word(entry: Choice, raw: str) -> str:
    try:
        return entry.word(raw)
    except BadEntry:
        return raw
