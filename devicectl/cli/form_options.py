"""Options from the fields of a form."""

from __future__ import annotations

import re
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from devicectl.treatment.forms import Form, Rows
from devicectl.treatment.forms.engine import Field
from devicectl.treatment.forms.entries import Counts, Flag, Text
from devicectl.treatment.forms.words import folded

_UNIT: Final = re.compile(r"_(utc_us|um|mhz|mg|mm2|milli|s)$")


def option_of(name: str) -> str:
    """The option of a field: its name without the unit in which it is kept, because it is typed in the unit shown."""
    return "--" + _UNIT.sub("", name).replace("_", "-")


def field_option(each: Field) -> click.Option:
    """The option of a field; the command gets it as ``field_NAME``."""
    entry, name, param = each.entry, option_of(each.name), f"field_{each.name}"
    text = _help(each)
    if isinstance(entry, Flag):
        return click.Option([f"{name}/--no-{name[2:]}", param], default=None, help=text)
    if isinstance(entry, Rows):
        return click.Option([name, param], multiple=True, metavar="ROW|FILE", help=_row_help(each, entry))
    words = list(entry.choices)
    return click.Option(
        [name, param],
        metavar="WORD" if words else (entry.unit or entry.kind).upper(),
        help=text,
        shell_complete=lambda ctx, _param, begun: [CompletionItem(word) for word in words if word.startswith(begun)],
    )


def _help(each: Field) -> str:
    """Label, unit, choices and help of a field in one line, and what it must be."""
    entry = each.entry
    text = entry.label + (f" in {entry.unit}" if entry.unit else "")
    if entry.choices and not isinstance(entry, Flag):
        plain = all(folded(label) == folded(word) for word, label in entry.choices.items())
        shown = [word if plain else _choice(word, label) for word, label in entry.choices.items()]
        text += f": {', '.join(shown)}" + (" with their numbers" if isinstance(entry, Counts) else "")
    elif isinstance(entry, Text) and entry.suggestions:
        text += f", such as {', '.join(entry.suggestions)}"
    elif entry.example and not entry.help:
        text += f", such as {entry.example}"
    text += f". {entry.help}" if entry.help else "."
    marks = ["needed"] * (each.required and not entry.prefill) + ["personal"] * entry.personal
    marks += [f"else {entry.prefill}"] * bool(entry.prefill)
    return f"{text}  [{'; '.join(marks)}]" if marks else text


def _choice(word: str, label: str) -> str:
    """A word; where it is a number, with what it means."""
    if not word.isdigit():
        return word
    return label if label.startswith(word) else f"{word} {label}"


def _row_help(each: Field, entry: Rows) -> str:
    parts = ", ".join(part.name for part in entry.fields)
    text = f"{each.label}: a row ({parts}) such as '{_row_example(entry)}', once for each; or a file of JSON, or -."
    if entry.fixed:
        text += f" {entry.title_of.capitalize()}: {', '.join(row[entry.title_of] for row in entry.start)}."
    return f"{text}  [needed]" if each.required else text


def _row_example(entry: Rows) -> str:
    first = entry.start[0][entry.title_of] if entry.start else ""
    parts = [f"{entry.title_of}={first or 'VTX'}"]
    second = next(part for part in entry.fields if part.name != entry.title_of)
    parts.append(f"{second.name}={'no' if second.entry.choices else '1.2 mm'}")
    return "; ".join(parts)


def more_options(form: Form[Any]) -> list[click.Option]:
    """``--values``, and what helps with rows."""
    text = "Fields as a JSON object from a file, or - for standard input"
    if any(each.entry.personal for each in form.fields):
        text += "; keeps what is personal off the command line"
    found = [click.Option(["--values", "values_from"], metavar="FILE", help=f"{text}.")]
    rows = next((each.entry for each in form.fields if isinstance(each.entry, Rows)), None)
    if isinstance(rows, Rows) and rows.fixed:
        text = "Answer No to every question that no other option answers."
        found.append(click.Option(["--all-no"], is_flag=True, help=text))
    elif isinstance(rows, Rows):
        text = f"Leave out what stands there for this {rows.title_of}."
        found.append(click.Option(["--without"], multiple=True, metavar=rows.title_of.upper(), help=text))
    return found


def place_of(name: str) -> str:
    """Where a refusal belongs: the option, and of a row its number and part."""
    if name.startswith("-"):
        return name
    head, _, rest = name.partition(".")
    if not rest:
        return option_of(head)
    at, _, part = rest.partition(".")
    row = f"row {int(at) + 1}" if at.isdigit() else at
    return f"{option_of(head)}, {row}, {part}" if part else f"{option_of(head)}, {row}"
