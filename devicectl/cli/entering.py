"""A command from a form: an option for each field, rows and whole forms from JSON, questions where there is a terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from devicectl.station.client_api import StationError
from devicectl.treatment.forms import FORMS, Form, Rows
from devicectl.treatment.forms.engine import Field

from .app import Command
from .asking import (
    STDIN,
    Refused,
    Values,
    all_values,
    ask_again,
    gathered,
    has_terminal,
    merged,
    rows_given,
    settled,
    without,
)
from .exits import Exit
from .failures import Failure
from .form_options import field_option, more_options, option_of, place_of
from .operator import SignIn, operator_options

if TYPE_CHECKING:
    from .pens import Seat

Given = Mapping[str, Any]
"""Parameters of a command besides the fields, by name."""


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
        options = [field_option(each) for each in form.fields if each.name not in self.fixed_fields]
        as_json = click.Option(["--json", "as_json"], is_flag=True, help="Print JSON.")
        run = operator_options(partial(_run, self, form))
        signing = list(reversed(getattr(run, "__click_params__", ())))
        return Command(
            self.name,
            params=[*self.params, *options, *more_options(form), *signing, as_json],
            callback=run,
            help=self.help,
            examples=self.examples,
        )


# -- from the options to the values


def _collected(spec: Entering, form: Form[Any], params: Given) -> Values:
    """What was given, from the weakest to the strongest: where it starts, ``--values``, options, what is fixed."""
    files = [params.get("values_from")]
    files += [text for each in form.fields if isinstance(each.entry, Rows) for text in params[f"field_{each.name}"]]
    if files.count(STDIN) > 1:
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


def _rows_into(values: Values, each: Field, entry: Rows, texts: Sequence[str], params: Given) -> None:
    given, whole = rows_given(entry, texts, option_of(each.name))
    before = values.get(each.name) or []
    if params.get("all_no"):
        before = merged(entry, [{**row, "answer": "no"} for row in entry.start], before)
    elif whole:
        before = []
    rows = merged(entry, before, given) if isinstance(before, list) else before
    if isinstance(rows, list) and (gone := params.get("without")):
        rows = without(entry, rows, gone)
    if rows or each.name in values:
        values[each.name] = rows


# -- what the command does


def _run(spec: Entering, form: Form[Any], *, who: SignIn | None, as_json: bool, **params: Any) -> int:
    import asyncio

    try:
        if who is None:
            raise Failure("this is entered by somebody; name the operator with --operator.", "no-operator")
        values = _collected(spec, form, params)
        # Nobody should type it all in vain.
        target = spec.target(params) if has_terminal() else None
        values = settled(form, values)
        target = target or spec.target(params)
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
        place = name.upper() if name in arguments else place_of(name)
        click.echo(f"devicectl: {place}: {sentence}", err=True)
    if as_json:
        first = next(iter(fields.values()))
        error = {"code": "invalid-form", "message": first, "fields": dict(fields)}
        click.echo(json.dumps({"error": error}, ensure_ascii=False))
        sys.stdout.flush()
    return int(Exit.USAGE)
