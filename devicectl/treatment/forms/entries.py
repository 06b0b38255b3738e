"""The kinds of field a form can have. Each reads what a person typed, and shows a value so that it can be typed again.

``read`` raises :class:`BadEntry` with one sentence, or :class:`BadEntries` where a field has parts; nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import Any, ClassVar, Final

from devicectl.treatment.zones import UnknownZone, parse_zone

from .dates import Side, read_day, read_moment, show_moment
from .numbers import WHOLE, Dimension, read_number, show_number
from .words import BadEntry, clean, folded, quoted

Choices = Mapping[str, str]
"""What may be chosen: the word that is kept, and the label that is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One field. ``personal``: kept only as ciphertext under the client's key. ``scan``: a scanner may fill it.

    ``prefill`` stands in the field when it is opened, and is taken when the field is left out of a request.
    ``example`` is used in the sentence that asks for it.
    """

    label: str
    help: str = ""
    personal: bool = False
    scan: bool = False
    prefill: str = ""
    example: str = ""

    kind: ClassVar[str] = ""

    @property
    def unit(self) -> str:
        """Unit shown behind the field; empty when there is none."""
        return ""

    @property
    def choices(self) -> Choices:
        """What may be chosen; empty when the field is typed."""
        return {}

    def read(self, raw: object, now: datetime) -> Any:
        """The value that is kept. Raises :class:`BadEntry`."""
        raise NotImplementedError

    def show(self, value: Any, zone: tzinfo = UTC) -> str:
        """The value as a person reads and types it; ``zone`` is the time zone of the place."""
        del zone
        return str(value)

    def missing(self) -> str:
        """The sentence for a field that was left empty and may not be."""
        if self.choices:
            return f"{self.label} is needed: choose {listed(self.choices.values())}."
        return f"{self.label} is needed" + (f", such as {self.example}." if self.example else ".")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Entry):
    """Text of at most ``most`` characters; ``lines`` allows line breaks, ``pattern`` is what a code must match.

    ``means`` says in words what the pattern asks for; ``suggestions`` are offered, anything else may be typed.
    """

    most: int = 80
    lines: bool = False
    pattern: str = ""
    means: str = ""
    suggestions: tuple[str, ...] = ()

    kind: ClassVar[str] = "text"

    def read(self, raw: object, now: datetime) -> str:
        """See :class:`Entry`."""
        del now
        text = clean(self.label, raw, most=self.most, lines=self.lines)
        if self.pattern and not re.fullmatch(self.pattern, text):
            such = f", such as {self.example}" if self.example else ""
            raise BadEntry(f"{self.label} must be {self.means}{such}.")
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret(Text):
    """Text that is never shown, such as a PIN."""

    kind: ClassVar[str] = "secret"

    def show(self, value: Any, zone: tzinfo = UTC) -> str:
        """Never the text."""
        del value, zone
        return "hidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Entry):
    """A number kept in whole small units (:class:`Dimension`), ``least`` to ``most`` in kept units."""

    dimension: Dimension = WHOLE
    least: int = 0
    most: int = 1000

    kind: ClassVar[str] = "number"

    @property
    def unit(self) -> str:
        """The unit that is shown."""
        return self.dimension.unit

    def read(self, raw: object, now: datetime) -> int:
        """See :class:`Entry`."""
        del now
        return read_number(self.label, raw, self.dimension, self.least, self.most)

    def show(self, value: Any, zone: tzinfo = UTC) -> str:
        """With its unit."""
        del zone
        return show_number(value, self.dimension)

    def missing(self) -> str:
        """Names the unit."""
        return f"{self.label} is needed" + (f", in {self.unit}." if self.unit else ".")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Entry):
    """One of some words: typed as the word, its label, or its place in the list where no word is a number."""

    of: Choices = field(default_factory=dict)

    kind: ClassVar[str] = "choice"

    @property
    def choices(self) -> Choices:
        """The words and their labels."""
        return self.of

    def read(self, raw: object, now: datetime) -> Any:
        """See :class:`Entry`."""
        del now
        return self.word(raw)

    def word(self, raw: object) -> str:
        """The word that is kept."""
        text = clean(self.label, raw, most=120) if not isinstance(raw, bool) else ("yes" if raw else "no")
        if text in self.of:
            return text
        wanted = folded(text)
        for word, label in self.of.items():
            if wanted in (folded(word), folded(label)):
                return word
        by_place = re.fullmatch("[0-9]{1,3}", text) and not any(word.isdigit() for word in self.of)
        if by_place and 1 <= int(text) <= len(self.of):
            return list(self.of)[int(text) - 1]
        raise BadEntry(f"{self.label} must be {listed(self.of.values())}.")

    def show(self, value: Any, zone: tzinfo = UTC) -> str:
        """The label."""
        del zone
        return self.of.get(str(value), str(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade(Choice):
    """A choice whose words are whole numbers, kept as such."""

    kind: ClassVar[str] = "choice"

    def read(self, raw: object, now: datetime) -> int:
        """See :class:`Entry`."""
        del now
        return int(self.word(raw))


YES_NO: Final[Choices] = {"yes": "Yes", "no": "No"}
_YES: Final = frozenset({"y", "true", "1", "on"})
_NO: Final = frozenset({"n", "false", "0", "off"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag(Choice):
    """Yes or no."""

    of: Choices = field(default_factory=lambda: YES_NO)

    def read(self, raw: object, now: datetime) -> bool:
        """See :class:`Entry`."""
        del now
        text = folded(raw) if isinstance(raw, str) else folded(str(raw)) if isinstance(raw, bool) else ""
        if text in _YES or text in _NO:
            return text in _YES
        return self.word(raw) == "yes"

    def show(self, value: Any, zone: tzinfo = UTC) -> str:
        """Yes or No."""
        del zone
        return "Yes" if value else "No"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day(Entry):
    """A date, kept as one; ``side`` says where it may lie; ``month_end`` also takes a year and month."""

    side: Side = "any"
    month_end: bool = False
    example: str = "2026-11-25"

    kind: ClassVar[str] = "day"

    def read(self, raw: object, now: datetime) -> date:
        """See :class:`Entry`."""
        return read_day(self.label, raw, now, self.side, month_end=self.month_end)

    def show(self, value: Any, zone: tzinfo = UTC) -> str:
        """Year-month-day."""
        del zone
        return str(value.isoformat())


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment(Entry):
    """A point in time in µs UTC, to the second."""

    side: Side = "past"
    example: str = "14:30 or now"

    kind: ClassVar[str] = "moment"

    def read(self, raw: object, now: datetime) -> int:
        """See :class:`Entry`."""
        return read_moment(self.label, raw, now, self.side)

    def show(self, value: Any, zone: tzinfo = UTC) -> str:
        """With its offset."""
        return show_moment(value, zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneEntry(Entry):
    """A zone by its code, its digit key or its name; kept as the code."""

    example: str = "VTX or CUS-1"

    kind: ClassVar[str] = "zone"

    def read(self, raw: object, now: datetime) -> str:
        """See :class:`Entry`."""
        del now
        text = clean(self.label, raw, most=40)
        try:
            return parse_zone(text).code
        except UnknownZone:
            raise BadEntry(
                f"{self.label} must be a zone code such as VTX, or CUS-1 to CUS-99; {quoted(text)} is none."
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Several(Entry):
    """Any of some words, typed with commas between; kept as a tuple in the order of the list."""

    of: Choices = field(default_factory=dict)

    kind: ClassVar[str] = "several"

    @property
    def choices(self) -> Choices:
        """The words and their labels."""
        return self.of

    def read(self, raw: object, now: datetime) -> tuple[str, ...]:
        """See :class:`Entry`."""
        del now
        if isinstance(raw, list | tuple):
            parts: list[object] = list(raw)[: len(self.of) + 1]
        else:
            parts = [part for part in clean(self.label, raw, most=2000).split(",") if part.strip()]
        one = Choice(label=self.label, of=self.of)
        chosen = {one.word(part) for part in parts}
        return tuple(word for word in self.of if word in chosen)

    def show(self, value: Any, zone: tzinfo = UTC) -> str:
        """The labels with commas between."""
        del zone
        return ", ".join(self.of[word] for word in value)


_COUNT: Final = re.compile(r"([a-z_ \-]+?)\s*[:=×x]?\s*([0-9]{1,3})|([0-9]{1,3})\s*[×x]?\s*([a-z_ \-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts(Entry):
    """How many of each of some words, typed as ``horizontal 4, vertical 4``; a count of 0 is left out."""

    of: Choices = field(default_factory=dict)
    most: int = 50

    kind: ClassVar[str] = "counts"

    @property
    def choices(self) -> Choices:
        """The words and their labels."""
        return self.of

    def missing(self) -> str:
        """With an example."""
        return f"{self.label} are needed, such as {self._example()}."

    def read(self, raw: object, now: datetime) -> dict[str, int]:
        """See :class:`Entry`."""
        del now
        found: dict[str, int] = {}
        for name, number in self._pairs(raw):
            word = self._word(name)
            if word in found:
                raise BadEntry(f"{self.label}: {self.of[word]} is named twice.")
            found[word] = read_number(f"{self.label}, {self.of[word]}", number, WHOLE, 0, self.most)
        return {word: found[word] for word in self.of if found.get(word)}

    def _pairs(self, raw: object) -> list[tuple[str, object]]:
        if isinstance(raw, Mapping):
            return [(str(name), number) for name, number in list(raw.items())[: len(self.of) + 1]]
        pairs: list[tuple[str, object]] = []
        for part in clean(self.label, raw, most=300).split(","):
            pair = _COUNT.fullmatch(part.strip().casefold())
            if pair is None:
                raise BadEntry(f"{self.label} are written such as {self._example()}; {quoted(part.strip())} is not.")
            pairs.append((pair[1] or pair[4], pair[2] or pair[3]))
        return pairs

    def _word(self, name: str) -> str:
        wanted = folded(name)
        fits = [word for word, label in self.of.items() if wanted and folded(label).startswith(wanted)]
        exact = [word for word in fits if folded(self.of[word]) == wanted]
        if len(exact or fits) != 1:
            raise BadEntry(f"{self.label}: {quoted(name.strip())} must be {listed(self.of.values())}.")
        return (exact or fits)[0]

    def _example(self) -> str:
        return ",".join(f"{label.casefold()}4" for label in list(self.of.values())[:2])

    def show(self, value: Any, zone: tzinfo = UTC) -> str:
        """Words with their numbers and commas between."""
        del zone
        return ", ".join(f"{self.of[word].casefold()} {number}" for word, number in value.items())


def listed(words: Any) -> str:
    """Words for a sentence: ``A, B or C``; a long list is cut."""
    words = list(words)
    if len(words) > 14:
        return f"one of the {len(words)} in the list, such as {words[0]}, {words[1]} or {words[-2]}"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
