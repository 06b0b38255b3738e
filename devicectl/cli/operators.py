"""``devicectl operators``: who works here, and as what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from .app import Group
from .operator import NEW_PIN_VARIABLE, SignIn, operator_options, read_pin

if TYPE_CHECKING:
    from .pens import Seat

ROLES: Final = ("practitioner", "technician", "administrator")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_new_pin_fd = click.option(
    "--new-pin-fd", type=click.IntRange(0), metavar="N", help="Read the new PIN from this file descriptor."
)
_reason = click.option("--reason", default="", metavar="TEXT", help="Why; goes into the record.")


@click.group(
    cls=Group,
    examples=(
        "devicectl operators add 'Ida Bergman'                          the first one is administrator",
        "devicectl operators add 'Bo Lind' --role practitioner --operator 'Ida Bergman'",
        "devicectl operators change 'Bo Lind' --pin --operator 'Bo Lind'",
        "devicectl operators list --json",
    ),
)
def operators() -> None:
    """List operators, add and change them. PINs are asked for, and never stand on the command line.

    A PIN has 6 to 12 digits, or is a text of at least 8 characters. Five wrong ones lock a name for 1 min, the next for
    5 min, each that follows for 15 min.
    """


@operators.command("list", examples=("devicectl operators list", "devicectl operators list --retired --json"))
@click.option("--retired", is_flag=True, help="Also those who do not work here any more.")
@_json
def list_command(retired: bool, as_json: bool) -> None:
    """List the operators."""
    from .output import print_json, print_table

    async def ask(place: Seat) -> Any:
        return await place.ask("operator.list", retired=retired)

    rows = _at_station(ask)
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo("There are no operators yet; add the first: devicectl operators add NAME.")
    else:
        print_table(("name", "role", ""), [(row["name"], row["role"], _state(row)) for row in rows])


def _state(row: dict[str, Any]) -> str:
    if not row["active"]:
        return "retired"
    return f"locked out for {row['locked_out_s']:.0f} s" if row["locked_out_s"] else ""


@operators.command("add", examples=("devicectl operators add 'Bo Lind' --role technician --operator 'Ida Bergman'",))
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default=ROLES[0], show_default=True, help="What they may do.")
@operator_options
@_new_pin_fd
@_json
def add_command(name: str, role: str, who: SignIn | None, new_pin_fd: int | None, as_json: bool) -> None:
    """Add an operator. Needs an administrator, except for the very first, who becomes administrator."""

    async def act(place: Seat) -> Any:
        # Nobody can sign in before there is somebody, also where DEVICECTL_OPERATOR names who is to come.
        if await place.ask("operator.list", retired=True):
            if who is None:
                raise _nobody()
            await place.sign_in(who)
        pin = read_pin(f"New PIN for {name}", new_pin_fd, NEW_PIN_VARIABLE, twice=True)
        return await place.ask("operator.add", name=name, role=role, pin=pin)

    _print(_at_station(act), as_json)


@operators.command(
    "change",
    examples=(
        "devicectl operators change 'Bo Lind' --role technician --reason 'moved' --operator 'Ida Bergman'",
        "devicectl operators change 'Bo Lind' --pin --operator 'Bo Lind'",
    ),
)
@click.argument("name")
@click.option("--name", "new_name", metavar="NAME", help="A new name.")
@click.option("--role", type=click.Choice(ROLES), help="A new role.")
@click.option("--pin", "ask_pin", is_flag=True, help="A new PIN; it is asked for. One's own needs no administrator.")
@click.option("--back", is_flag=True, help="Take back a retired operator.")
@_reason
@operator_options
@_new_pin_fd
@_json
def change_command(
    name: str,
    new_name: str | None,
    role: str | None,
    ask_pin: bool,
    back: bool,
    reason: str,
    who: SignIn | None,
    new_pin_fd: int | None,
    as_json: bool,
) -> None:
    """Change name, role or PIN of an operator. Needs an administrator."""
    changes = {"new_name": new_name, "role": role, "active": True if back else None}
    changes = {field: value for field, value in changes.items() if value is not None}
    if not changes and not ask_pin and new_pin_fd is None:
        raise click.UsageError("Say what to change: --name, --role, --pin or --back.")
    _change(name, changes, reason, who, as_json, (new_pin_fd,) if ask_pin or new_pin_fd is not None else ())


@operators.command("retire", examples=("devicectl operators retire 'Bo Lind' --operator 'Ida Bergman'",))
@click.argument("name")
@_reason
@operator_options
@_json
def retire_command(name: str, reason: str, who: SignIn | None, as_json: bool) -> None:
    """Say that an operator does not work here any more. What they signed stays as it is. Needs an administrator."""
    _change(name, {"active": False}, reason, who, as_json)


@operators.command("unlock", examples=("devicectl operators unlock 'Bo Lind' --operator 'Ida Bergman'",))
@click.argument("name")
@operator_options
@_json
def unlock_command(name: str, who: SignIn | None, as_json: bool) -> None:
    """End the lock-out of an operator after wrong PINs. Needs an administrator."""
    _change(name, {"unlock": True}, "", who, as_json)


def _change(
    name: str,
    changes: dict[str, Any],
    reason: str,
    who: SignIn | None,
    as_json: bool,
    new_pin: tuple[int | None, ...] = (),
) -> None:
    async def act(place: Seat) -> Any:
        await place.sign_in(who)
        if who is None:
            raise _nobody()
        params = {"name": name, "reason": reason, **changes}
        for fd in new_pin:
            params["pin"] = read_pin(f"New PIN for {name}", fd, NEW_PIN_VARIABLE, twice=True)
            params["own_pin"] = who.pin
        return await place.ask("operator.change", **params)

    _print(_at_station(act), as_json)


def _nobody() -> Exception:
    from .failures import Failure

    return Failure("an administrator must do this; name one with --operator.", "no-operator")


def _at_station(act: Any) -> Any:
    import asyncio

    from .pens import seat

    async def run() -> Any:
        async with seat("operators") as place:
            return await act(place)

    return asyncio.run(run())


def _print(answer: dict[str, Any], as_json: bool) -> None:
    from .output import print_json

    if as_json:
        print_json({name: answer[name] for name in ("id", "name", "role")})
    else:
        click.echo(answer["text"])
