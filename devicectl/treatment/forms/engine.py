"""Forms: one definition of what is entered, for the screen, the command line, the station and the tests.

A form is a pydantic model whose fields are ``Annotated[type, Entry]``. :func:`parse` takes what a person typed (or what a
script sent) and gives the model or one sentence by field; :func:`shown` gives labels and values that can be typed again.
Numbers come in the unit that is shown and are kept in the unit of the field's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from functools import cache, cached_property
from typing import Any, ClassVar, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from .entries import Entry, Secret
from .words import BadEntries, BadEntry, folded, quoted

Subject = Literal["operator", "client", "course", "session", "pen", "protocol", "pass"]
When = Literal["before", "during", "after", "any"]
Values = Mapping[str, object]

_ROWS_MAX: Final = 100
FIELDS_MAX: Final = 1_000
"""More values than any form takes are refused unread: the station's loop has other things to do."""
_ROW_ERRORS_MAX: Final = 40


class Record(BaseModel):
    """What a form gives: fields as they are kept."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def problems(self, now: datetime) -> Mapping[str, str]:
        """What does not fit together, as one sentence by field; ``now`` is aware, in the time zone of the place."""
        del now
        return {}

    @classmethod
    def entry(cls, name: str) -> Entry:
        """How the field of this name is read and shown."""
        return next(each.entry for each in fields_of(cls) if each.name == name)

    def columns(self) -> dict[str, object]:
        """See :func:`columns`; a form whose fields go together into one JSON column gathers them here."""
        return {name: kept(getattr(self, name)) for name in type(self).model_fields}


M = TypeVar("M", bound=Record)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form: its name (a column), how it is read and shown, and whether it may be left empty."""

    name: str
    entry: Entry
    required: bool
    empty: Any = None

    @property
    def label(self) -> str:
        """Shown in front of the field."""
        return self.entry.label

    def read(self, raw: object, now: datetime) -> Any:
        """The value that is kept. Raises :class:`BadEntry` or :class:`BadEntries`, also when it is empty and needed."""
        if raw is None or (isinstance(raw, str) and not raw.strip()) or (isinstance(raw, list | tuple) and not raw):
            return self._without()
        value = self.entry.read(raw, now)
        # Text of which nothing visible is left is empty too.
        return self._without() if value in ("", (), {}) else value

    def _without(self) -> Any:
        if self.required:
            raise BadEntry(self.entry.missing())
        return self.empty


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of what was entered. ``name`` is the field, dotted for the parts of a row."""

    name: str
    label: str
    value: str
    personal: bool = False


class FieldErrors(dict[str, str]):
    """One sentence by field; the name of a row's part is dotted: ``zones.0.depth_um``."""


@dataclass(frozen=True)
class Form(Generic[M]):
    """What is entered about a ``subject``, by whom (the name of a permission), and when in a session.

    ``noun`` is what the form is called in a sentence, where its title is none.

    ``multiple``: may be entered more than once for the subject; ``continues`` names the form whose row this one completes
    or carries on. ``expand`` fills fields from others before they are read,
    for instance from a scan; it may raise :class:`BadEntry` or :class:`BadEntries`.
    """

    name: str
    title: str
    model: type[M]
    subject: Subject
    permission: str
    when: When = "any"
    multiple: bool = False
    help: str = ""
    continues: str = ""
    noun: str = ""
    expand: Callable[[dict[str, object], datetime], Mapping[str, object]] | None = field(default=None, repr=False)

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """In the order in which they are asked."""
        return fields_of(self.model)

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """The same, by name."""
        return {each.name: each for each in self.fields}

    @property
    def called(self) -> str:
        """Its noun, or its title where that is one; with a capital letter."""
        return self.noun or self.title

    @property
    def recorded(self) -> str:
        """The sentence once it is stored."""
        return f"{self.called} recorded."

    @property
    def scan_field(self) -> Field | None:
        """Where a scan goes; None when this form takes none."""
        return next((each for each in self.fields if each.entry.scan), None)


@cache
def fields_of(model: type[Record]) -> tuple[Field, ...]:
    """The fields of a model, from its annotations."""
    found = []
    for name, info in model.model_fields.items():
        entry = next(each for each in info.metadata if isinstance(each, Entry))
        empty = None if info.is_required() else info.get_default(call_default_factory=True)
        found.append(Field(name, entry, info.is_required(), empty))
    return tuple(found)


def prefilled(form: Form[Any]) -> dict[str, str]:
    """What stands in the fields when the form is opened."""
    return {each.name: each.entry.prefill for each in form.fields if each.entry.prefill}


def parse(form: Form[M], values: Values, now: datetime) -> M | FieldErrors:
    """The model, or one sentence by field. Never raises for anything that a person or a script could send.

    ``now`` is aware and in the time zone of the place: it decides what is in the future and completes times such as
    14:30. A field that is left out gets its prefill; one that is empty is empty.
    """
    try:
        if len(values) > FIELDS_MAX:
            raise BadEntries({form.fields[0].name: f"{form.called} was sent with too many fields; send those it has."})
        given = {str(name): value for name, value in values.items()}
        if form.expand is not None:
            given = dict(form.expand(given, now))
        return read_model(form.model, given, now, form.called)
    except BadEntries as bad:
        return FieldErrors(bad.errors)


def read_model(model: type[M], values: Values, now: datetime, title: str) -> M:
    """The model from typed values. Raises :class:`BadEntries`."""
    fields = fields_of(model)
    given, errors = _nested(values, {each.name for each in fields}, title)
    found: dict[str, Any] = {}
    for each in fields:
        try:
            found[each.name] = each.read(given.get(each.name, each.entry.prefill), now)
        except BadEntries as bad:
            errors |= {f"{each.name}.{name}" if name else each.name: text for name, text in bad.errors.items()}
        except BadEntry as bad:
            errors[each.name] = str(bad)
    if errors:
        raise BadEntries(errors)
    try:
        record = model.model_validate(found)
    except ValidationError as error:
        where = str(error.errors()[0]["loc"][0])
        label = next(each.label for each in fields if each.name == where)
        raise BadEntries({where: f"{label} cannot be kept; enter it again."}) from error
    if problems := record.problems(now):
        raise BadEntries(dict(problems))
    return record


def _nested(values: Values, names: set[str], title: str) -> tuple[dict[str, object], dict[str, str]]:
    """Dotted names (``zones.0.depth_um``) gathered into rows; what is no field of the form gets a sentence."""
    given: dict[str, object] = {}
    errors: dict[str, str] = {}
    rows: dict[str, dict[int, dict[str, object]]] = {}
    for name, value in values.items():
        head, _, rest = name.partition(".")
        index, _, part = rest.partition(".")
        if name in names:
            given[name] = value
        elif head in names and part and index.isascii() and index.isdigit() and len(index) <= 3:
            rows.setdefault(head, {}).setdefault(int(index), {})[part] = value
        else:
            errors[quoted(name)[1:-1]] = f"{title} has no field {quoted(name)}; leave it out."
    for name, by_index in rows.items():
        if name in given:
            errors[name] = "Give the rows either as a list or by dotted names, not both."
        given[name] = [by_index[index] for index in sorted(by_index)]
    return given, errors


def shown(record: Record, zone: tzinfo = UTC) -> tuple[Shown, ...]:
    """What was entered, as labels and values in the time zone of the place; an empty field has an empty value."""
    lines: list[Shown] = []
    for each in fields_of(type(record)):
        value = getattr(record, each.name)
        if isinstance(each.entry, Rows):
            for at, row in enumerate(value):
                for line in shown(row, zone):
                    label = f"{each.entry.row_label(row, at)} · {line.label}"
                    lines.append(Shown(f"{each.name}.{at}.{line.name}", label, line.value, line.personal))
        else:
            text = "" if value is None or value == "" or value in ((), {}) else each.entry.show(value, zone)
            lines.append(Shown(each.name, each.label, text, each.entry.personal))
    return tuple(lines)


def typed(record: Record, zone: tzinfo = UTC) -> dict[str, str]:
    """The fields as they would be typed, for an editor that starts from what was entered before."""
    hidden = {each.name for each in fields_of(type(record)) if isinstance(each.entry, Secret)}
    return {line.name: line.value for line in shown(record, zone) if line.name not in hidden}


def columns(record: Record) -> dict[str, object]:
    """Values by column as the database keeps them: days as text, flags as 0 or 1, rows as lists of the same."""
    return record.columns()


def kept(value: Any) -> object:
    """A value as the database keeps it."""
    match value:
        case bool():
            return int(value)
        case date():
            return value.isoformat()
        case Record():
            return value.columns()
        case tuple():
            return [kept(each) for each in value]
        case _:
            return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows(Entry):
    """Rows of fields. ``fixed``: the rows are given (``start``), only their fields are filled in.

    A row is a mapping, or one line of text with ``field=value`` between semicolons.
    """

    row: type[Record] = Record
    least: int = 0
    most: int = _ROWS_MAX
    word: str = "Row"
    title_of: str = ""
    start: tuple[Mapping[str, str], ...] = ()
    fixed: bool = False

    kind: ClassVar[str] = "rows"

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of a row."""
        return fields_of(self.row)

    def missing(self) -> str:
        """How many rows there have to be."""
        rows = "1 row is" if self.least <= 1 else f"{self.least} rows are"
        return f"{self.label}: {rows} needed."

    def row_label(self, row: Record, at: int) -> str:
        """What a row is called in front of its fields."""
        title = self.row.entry(self.title_of).show(getattr(row, self.title_of)) if self.title_of else str(at + 1)
        return f"{self.word} {title}".strip()

    def read(self, raw: object, now: datetime) -> tuple[Record, ...]:
        """See :class:`Entry`; refusals carry the number of the row."""
        raws = self._raws(raw)
        if len(raws) < self.least:
            raise BadEntry(self.missing())
        rows: list[Record] = []
        errors: dict[str, str] = {}
        for at, each in enumerate(raws):
            try:
                rows.append(read_model(self.row, each, now, self.label))
            except BadEntries as bad:
                errors |= {f"{at}.{name}": text for name, text in bad.errors.items()}
            if len(errors) >= _ROW_ERRORS_MAX:
                break
        if errors:
            raise BadEntries(errors)
        return tuple(rows)

    def _raws(self, raw: object) -> list[Mapping[str, object]]:
        items = raw.splitlines() if isinstance(raw, str) else raw
        if not isinstance(items, list | tuple):
            raise BadEntry(f"{self.label} must be a list of rows.")
        if len(items) > self.most:
            raise BadEntry(f"{self.label} may have {self.most} rows at most.")
        return [self.as_mapping(item) for item in items if not isinstance(item, str) or item.strip()]

    def as_mapping(self, item: object) -> Mapping[str, object]:
        """A row as it was typed, by field; a line of text is taken apart. Raises :class:`BadEntry`."""
        if isinstance(item, Mapping):
            return {str(name): value for name, value in item.items()}
        example = "; ".join(f"{each.name}=…" for each in self.fields[:2])
        if not isinstance(item, str):
            raise BadEntry(f"{self.label}: a row is written such as {example}.")
        values: dict[str, object] = {}
        names = {folded(alias): each.name for each in self.fields for alias in (each.name, each.label)}
        for part in item.split(";"):
            name, equals, value = part.partition("=")
            known = names.get(folded(name))
            if not equals or known is None:
                if not part.strip():
                    continue
                raise BadEntry(
                    f"{self.label}: {quoted(part.strip())} is not understood; write a row such as {example}."
                )
            values[known] = value
        return values
