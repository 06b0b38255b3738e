"""The values of a form: from options, files and standard input, and asked for where there is a terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import click

from devicectl.treatment.forms import FieldErrors, Form, Rows, parse
from devicectl.treatment.forms.engine import Field, fields_of
from devicectl.treatment.forms.entries import Entry, Secret
from devicectl.treatment.forms.words import BadEntry, folded

Values = dict[str, Any]
STDIN: Final = "-"


class Refused(Exception):
    """The form was not taken: one sentence by field."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(next(iter(fields.values())))
        self.fields = fields


def here() -> datetime:
    """Now, in the time zone of this computer."""
    return datetime.now(tz=UTC).astimezone()


def read_json(source: str, option: str) -> Any:
    """The JSON in a file, or on standard input for ``-``."""
    try:
        if source == STDIN:
            return json.loads(sys.stdin.buffer.read())
        with open(source, "rb") as file:
            return json.loads(file.read())
    except (ValueError, RecursionError) as error:
        where = "standard input" if source == STDIN else source
        raise click.UsageError(f"{option}: what {where} holds is not JSON ({error}).") from None
    except OSError as error:
        raise click.UsageError(f"{option}: {source} cannot be read ({error.strerror}).") from None


def all_values(source: str) -> Values:
    """The object that ``--values`` names."""
    found = read_json(source, "--values")
    if not isinstance(found, dict):
        raise click.UsageError('--values: give a JSON object with the fields by name, such as {"note": "…"}.')
    return found


def rows_given(entry: Rows, texts: Iterable[str], option: str) -> tuple[list[Any], bool]:
    """Rows as they were typed, and whether they came as a whole list: from JSON, not line by line."""
    rows: list[Any] = []
    whole = False
    for text in texts:
        if text != STDIN and "=" in text:
            try:
                rows.append(entry.as_mapping(text))
            except BadEntry as bad:
                raise Refused({option: str(bad)}) from None
            continue
        found = read_json(text, option)
        if not isinstance(found, list):
            raise click.UsageError(f"{option}: give a JSON list of rows.")
        rows += found
        whole = True
    return rows, whole


def gathered(form: Form[Any], values: Mapping[str, Any]) -> Values:
    """Values with dotted names (``zones.0.depth_um``) gathered into rows, as far as they are of this form."""
    plain: Values = {}
    rows: dict[str, dict[str, Values]] = {}
    for name, value in values.items():
        head, _, rest = name.partition(".")
        at, _, part = rest.partition(".")
        field = form.by_name.get(head)
        if field is not None and isinstance(field.entry, Rows) and part:
            rows.setdefault(head, {}).setdefault(at, {})[part] = value
        else:
            plain[name] = value
    return {**plain, **{name: list(by_number.values()) for name, by_number in rows.items()}}


def merged(entry: Rows, before: Iterable[Any], given: Iterable[Any]) -> list[Any]:
    """Rows with those of the same title changed, and the others behind them."""
    rows = list(before)
    keys = [_title(entry, row) for row in rows]
    for row in given:
        key = _title(entry, row)
        if key is not None and key in keys:
            at = keys.index(key)
            rows[at] = {**rows[at], **row}
        else:
            rows.append(row)
            keys.append(key)
    return rows


def without(entry: Rows, rows: Iterable[Any], titles: Iterable[str]) -> list[Any]:
    """Rows but those with one of these titles."""
    gone = {_title(entry, {entry.title_of: title}) for title in titles}
    return [row for row in rows if _title(entry, row) not in gone]


def _title(entry: Rows, row: Any) -> object:
    if not entry.title_of or not isinstance(row, Mapping):
        return None
    try:
        return entry.row.entry(entry.title_of).read(row.get(entry.title_of, ""), here())
    except BadEntry:
        return None


# -- asking


def has_terminal() -> bool:
    """Whether somebody can be asked."""
    return os.isatty(0) and sys.stderr.isatty()


def settled(form: Form[Any], values: Values) -> Values:
    """Values that the form takes; what is missing or refused is asked for. Raises :class:`Refused` without a terminal."""
    asked = has_terminal()
    if asked:
        _scan(form, values)
    while True:
        read = parse(form, values, here())
        if not isinstance(read, FieldErrors):
            return values
        if not asked:
            raise Refused(read)
        ask_again(form, values, read)


def ask_again(form: Form[Any], values: Values, refused: Mapping[str, str]) -> None:
    """Ask for each refused field. Raises :class:`Refused` when one of them cannot be asked for."""
    if any(name.partition(".")[0] not in form.by_name for name in refused):
        raise Refused(refused)
    for name, sentence in refused.items():
        head, _, rest = name.partition(".")
        field = form.by_name[head]
        if not isinstance(field.entry, Rows):
            values[head] = _ask(field, sentence)
        elif field.entry.fixed and not rest:
            values[head] = merged(field.entry, values.get(head) or (), _missing_rows(field.entry, values.get(head)))
        else:
            _ask_part(field.entry, values[head], rest, sentence, refused)


def _scan(form: Form[Any], values: Values) -> None:
    """A scanner types the whole package at once; somebody without one presses Enter and types field by field."""
    field = form.scan_field
    if field is not None and not any(values.get(each.name) for each in form.fields if each.required):
        values.setdefault(field.name, _ask(field, f"{field.entry.help} Enter: by hand."))


def _ask(field: Field, sentence: str) -> str:
    entry = field.entry
    _say(entry, sentence)
    unit = f" ({entry.unit})" if entry.unit else ""
    hidden = isinstance(entry, Secret)
    return str(click.prompt(f"{entry.label}{unit}", default="", show_default=False, err=True, hide_input=hidden))


def _say(entry: Entry, sentence: str) -> None:
    """The sentence; for a field that was only left out, what may be chosen."""
    if sentence != entry.missing():
        click.echo(f"  {sentence}", err=True)
    for word, label in entry.choices.items() if sentence == entry.missing() else ():
        click.echo(f"  {word:<18} {label}" if word != label else f"  {word}", err=True)


def _missing_rows(entry: Rows, before: Any) -> list[Values]:
    """The rows that have not been filled in, each asked for."""
    known = [_title(entry, row) for row in before or ()]
    asked = [field for field in entry.fields if field.required and field.name != entry.title_of]
    reason = next((field for field in entry.fields if field.name == "reason"), None)
    made = []
    for start in entry.start:
        if _title(entry, start) in known:
            continue
        title = entry.row.entry(entry.title_of).choices[start[entry.title_of]]
        row: Values = dict(start)
        for field in asked:
            words = "/".join(field.entry.choices)
            row[field.name] = click.prompt(f"{title} ({words})", default="", show_default=False, err=True)
        if reason is not None and folded(str(row.get("answer", ""))) not in ("", "n", "no"):
            row[reason.name] = _ask(reason, reason.entry.help)
        made.append(row)
    return made


def _ask_part(entry: Rows, rows: Any, rest: str, sentence: str, refused: Mapping[str, str]) -> None:
    """One field of one row."""
    at, _, part = rest.partition(".")
    field = next((each for each in fields_of(entry.row) if each.name == part), None)
    if field is None or not isinstance(rows, list) or not at.isdigit() or int(at) >= len(rows):
        raise Refused(refused)
    click.echo(f"{entry.word or entry.label} {rows[int(at)].get(entry.title_of, int(at) + 1)}:", err=True)
    rows[int(at)] = {**rows[int(at)], part: _ask(field, sentence)}
