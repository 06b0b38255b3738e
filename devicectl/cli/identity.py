"""Who a client is: shown, changed, erased, always by the station, which writes it down."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from devicectl.station.client_api import StationError
from devicectl.treatment.forms import FORMS

from .asking import Refused, Values, all_values, here, settled
from .entering import Target, submit, tell, tell_refused
from .exits import Exit
from .failures import Failure
from .operator import SignIn
from .output import print_json
from .pens import seat

_FORM = FORMS["identity"]


def identity(code: str, changes: tuple[str, ...], values_from: str | None, who: SignIn | None, as_json: bool) -> int:
    """Show the identity, or change the fields that were given."""
    signed_in = _somebody(who)
    given = _given(changes, values_from)
    known = asyncio.run(_known(code, signed_in))
    if not given:
        _show(code, known, as_json)
        return int(Exit.DONE)
    try:
        tell(asyncio.run(_changed(code, settled(_FORM, {**known, **given}), signed_in)), as_json)
    except Refused as refused:
        return tell_refused(refused.fields, as_json)
    return int(Exit.DONE)


def _given(changes: tuple[str, ...], values_from: str | None) -> Values:
    values = all_values(values_from) if values_from is not None else {}
    for text in changes:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.UsageError(f"--set: write it as FIELD=VALUE, such as allergies=latex; '{text}' is not.")
        values[name.strip()] = value
    return values


async def _known(code: str, who: SignIn) -> Values:
    async with seat("clients identity") as place:
        await place.sign_in(who)
        answer = await place.ask("client.identity", client=code)
    return {name: value for name, value in answer["identity"].items() if value not in (None, "")}


async def _changed(code: str, values: Values, who: SignIn) -> Any:
    async with seat("clients identity") as place:
        await place.sign_in(who)
        try:
            return await submit(place, _FORM, Target(client=code), values)
        except StationError as error:
            if error.code == "invalid-form" and error.fields:
                raise Refused(error.fields) from error
            raise


def _show(code: str, known: Values, as_json: bool) -> None:
    if as_json:
        print_json({"client": code, "identity": known})
    elif not known:
        click.echo(f"Nothing is recorded of who {code} is.")
    else:
        labels = {each.name: each.entry for each in _FORM.fields}
        for name, value in known.items():
            entry = labels.get(name)
            text = value if entry is None or name == "born" else entry.show(value, here().tzinfo)  # type: ignore[arg-type]
            click.echo(f"{entry.label if entry is not None else name:<16} {text}".replace("\n", "\n" + " " * 17))


def _somebody(who: SignIn | None) -> SignIn:
    if who is None:
        raise Failure("this is written down with a name; name the operator with --operator.", "no-operator")
    return who


def erase(code: str, reason: str, yes: bool, who: SignIn | None, as_json: bool) -> None:
    """Erase a client, after one more question on a terminal."""
    from .asking import has_terminal

    signed_in = _somebody(who)
    if not yes:
        if not has_terminal():
            raise Failure("nothing was erased: this cannot be undone; say so with --yes.", "not-confirmed")
        typed = click.prompt(f"Erased for good. Type {code} to go on", default="", show_default=False, err=True)
        if typed.strip() != code:
            raise Failure("nothing was erased.", "not-confirmed")

    async def run() -> Any:
        async with seat("clients erase") as place:
            await place.sign_in(signed_in)
            return await place.ask("client.erase", client=code, reason=reason, pin=signed_in.pin)

    answer = asyncio.run(run())
    if as_json:
        print_json({"client": code, "erased": True})
    else:
        click.echo(answer["text"])
