"""A command from a form: an option for each field, rows and whole forms from JSON, questions where there is a terminal."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click
from click.shell_completion import CompletionItem

from devicectl.station.client_api import StationError
from devicectl.treatment.forms import FORMS, Form, Rows
from devicectl.treatment.forms.engine import Field
from devicectl.treatment.forms.entries import Counts, Flag, Text
from devicectl.treatment.forms.words import folded

from .app import Command
from .asking import STDIN, Refused, Values, all_values, ask_again, gathered, has_terminal, merged, rows_given, settled
from .exits import Exit
from .failures import Failure
from .operator import SignIn, operator_options

if TYPE_CHECKING:
    from .pens import Seat

_UNIT: Final = re.compile(r"_(utc_us|um|mhz|mg|mm2|milli|s)$")
Given = Mapping[str, Any]
"""Parameters of a command besides the fields, by name."""


def option_of(name: str) -> str:
    """The option of a field: its name without the unit in which it is kept, because it is typed in the unit shown."""
    return "--" + _UNIT.sub("", name).replace("_", "-")


@dataclass(frozen=True, slots=True)
class Target:
    """What a form is about; ``address`` is a pen that is opened for it."""

    client: str | None = None
    session: str | None = None
    about: str | None = None
    address: str | None = None


async def submit(place: Seat, form: Form[Any], target: Target, values: Values) -> Any:
    """Hand a form to the station."""
    params = {"client": target.client, "session": target.session, "about": target.about}
    named = {name: value for name, value in params.items() if value is not None}
    return await place.ask("form.submit", form=form.name, values=values, **named)


@dataclass(frozen=True)
class Entering:
    """How a form becomes a command.

    ``params`` come before the fields; ``target`` says from them what the form is about. ``start`` gives values to start
    from, which options then change; ``fixed`` values that no option changes: their fields have none.
    """

    form: str
    name: str
    help: str
    examples: tuple[str, ...]
    params: Sequence[click.Parameter] = ()
    target: Callable[[Given], Target] = lambda given: Target()
    start: Callable[[Given], Mapping[str, Any]] = lambda given: {}
    fixed: Callable[[Given], Mapping[str, Any]] = lambda given: {}
    fixed_fields: frozenset[str] = frozenset()
    send: Callable[[Seat, Form[Any], Target, Values], Any] = field(default=submit)

    def command(self) -> click.Command:
        """The command."""
        form = FORMS[self.form]
        options = [_option(each) for each in form.fields if each.name not in self.fixed_fields]
        more = [_values_option(form)]
        if any(isinstance(each.entry, Rows) for each in form.fields):
            more += _row_options(form)
        as_json = click.Option(["--json", "as_json"], is_flag=True, help="Print JSON.")
        run = operator_options(partial(_run, self, form))
        signing = list(reversed(getattr(run, "__click_params__", ())))
        return Command(
            self.name,
            params=[*self.params, *options, *more, *signing, as_json],
            callback=run,
            help=self.help,
            examples=self.examples,
        )


# -- options


def _option(each: Field) -> click.Option:
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


def _values_option(form: Form[Any]) -> click.Option:
    text = "Fields as a JSON object from a file, or - for standard input"
    if any(each.entry.personal for each in form.fields):
        text += "; keeps what is personal off the command line"
    return click.Option(["--values", "values_from"], metavar="FILE", help=f"{text}.")


def _row_options(form: Form[Any]) -> list[click.Option]:
    entry = _rows_of(form).entry
    assert isinstance(entry, Rows)
    if entry.fixed:
        return [
            click.Option(["--all-no"], is_flag=True, help="Answer No to every question that no other option answers.")
        ]
    text = f"Leave out what stands there for this {entry.title_of}."
    return [click.Option(["--without"], multiple=True, metavar=entry.title_of.upper(), help=text)]


def _rows_of(form: Form[Any]) -> Field:
    return next(each for each in form.fields if isinstance(each.entry, Rows))


# -- from the options to the values


def _collected(spec: Entering, form: Form[Any], params: Given) -> Values:
    """What was given, from the weakest to the strongest: where it starts, ``--values``, options, what is fixed."""
    read_stdin = [name for name, value in params.items() if name != "pin_fd" and STDIN in _texts(value)]
    if len(read_stdin) > 1:
        raise click.UsageError("Standard input can be read once only; give the other one as a file.")
    values = gathered(form, spec.start(params))
    if params.get("values_from") is not None:
        values |= gathered(form, all_values(params["values_from"]))
    for each in form.fields:
        given = params.get(f"field_{each.name}")
        if isinstance(each.entry, Rows):
            _rows_into(values, each, each.entry, given or (), params)
        elif given is not None:
            values[each.name] = given
    return {**values, **spec.fixed(params)}


def _texts(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _rows_into(values: Values, each: Field, entry: Rows, texts: Sequence[str], params: Given) -> None:
    given, whole = rows_given(entry, texts, option_of(each.name))
    before = values.get(each.name) or []
    if params.get("all_no"):
        before = merged(entry, [{**row, "answer": "no"} for row in entry.start], before)
    elif whole:
        before = []
    rows = merged(entry, before, given) if isinstance(before, list) else before
    if isinstance(rows, list) and (gone := params.get("without")):
        from .asking import without

        rows = without(entry, rows, gone)
    if rows:
        values[each.name] = rows


# -- what the command does


def _run(spec: Entering, form: Form[Any], *, who: SignIn | None, as_json: bool, **params: Any) -> int:
    import asyncio

    try:
        if who is None:
            raise Failure("this is entered by somebody; name the operator with --operator.", "no-operator")
        values = settled(form, _collected(spec, form, params))
        target = spec.target(params)
        while True:
            try:
                answer = asyncio.run(_sent(spec, form, target, values, who))
                break
            except StationError as error:
                if error.code != "invalid-form" or not error.fields:
                    raise
                if not has_terminal():
                    raise Refused(error.fields) from error
                # The station knows more than the form: files, what stands in the record.
                ask_again(form, values, error.fields)
    except Refused as refused:
        return tell_refused(refused.fields, as_json, spec.fixed_fields)
    tell(answer, as_json)
    return int(Exit.DONE)


async def _sent(spec: Entering, form: Form[Any], target: Target, values: Values, who: SignIn) -> Any:
    from .pens import seat

    if form.name == "photo" and isinstance(values.get("file"), str):
        values = {**values, "file": _absolute(values["file"])}
    async with seat(spec.name) as place:
        await place.sign_in(who)
        if target.address is not None:
            await place.open(target.address, take=None)
            await place.fresh()
        return await spec.send(place, form, target, values)


def _absolute(path: str) -> str:
    """The station has a working folder of its own."""
    return os.path.abspath(os.path.expanduser(path))


def tell(answer: Mapping[str, Any], as_json: bool) -> None:
    """What was entered: the sentence with the digits by which it can be named."""
    from .output import print_json

    if as_json:
        print_json({name: value for name, value in answer.items() if name != "text"})
    else:
        key = str(answer.get("id", "")).replace("-", "")
        click.echo(f"{answer['text']}{f'  {key[-8:]}' if key else ''}")


def tell_refused(fields: Mapping[str, str], as_json: bool, arguments: frozenset[str] = frozenset()) -> int:
    """One line for each refused field with its option, or its argument; answers the exit code."""
    for name, sentence in fields.items():
        place = name.upper() if name in arguments else _place(name)
        click.echo(f"devicectl: {place}: {sentence}", err=True)
    if as_json:
        first = next(iter(fields.values()))
        error = {"code": "invalid-form", "message": first, "fields": dict(fields)}
        click.echo(json.dumps({"error": error}, ensure_ascii=False))
        sys.stdout.flush()
    return int(Exit.USAGE)


def _place(name: str) -> str:
    if name.startswith("-"):
        return name
    head, _, rest = name.partition(".")
    if not rest:
        return option_of(head)
    at, _, part = rest.partition(".")
    row = f"row {int(at) + 1}" if at.isdigit() else at
    return f"{option_of(head)}, {row}, {part}" if part else f"{option_of(head)}, {row}"
